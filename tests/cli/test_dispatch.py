"""`fulfil dispatch|offer|counter-offer …`: what is asked of the API, and what people read."""

import asyncio
import json
from datetime import UTC, datetime

from typer.testing import CliRunner

from fulfil.api.schemas.dispatch import (
    CounterOffer,
    Decision,
    Dispatch,
    LeftOut,
    OfferByChoice,
    RankedCandidate,
    Replayed,
    ScorePart,
)
from fulfil.cli.main import app
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.jobs import OfferState, Stage
from fulfil.models.money import Money
from tests.cli.scripted import Answer, ScriptedApi, scripted_api

AT = datetime(2026, 11, 21, tzinfo=UTC)
JOB, OFFER, COUNTER, PROVIDER = "job_" + "1" * 32, "off_" + "2" * 32, "cou_" + "3" * 32, "prv_" + "4" * 32
SCORE = ScorePart(name="score", points=36_000, most=40_000, sentence="Score 90.")
NEAR = ScorePart(name="distance", points=70_000, most=70_000, sentence="0 km from the customer.")


def a_dispatch() -> Answer:
    """A wave in which Nadja was asked and declined, and Mara was left out."""
    nadja = RankedCandidate(
        position=1,
        provider_id=PROVIDER,
        provider_name="Nadja",
        points=36_000,
        parts=[SCORE],
        asked=True,
        offer_id=OFFER,
        answer=OfferState.DECLINED,
        answered_at=AT,
        close_reason="too_busy",
        replayed=Replayed(position=3, moved=-2, points=70_000, would_be_asked=False, parts=[NEAR]),
    )
    decision = Decision(
        round=1,
        wave=1,
        stage=Stage.WAVE,
        ranking="balanced.1",
        decided_at=AT,
        asked=1,
        candidates=[nadja],
        left_out=[LeftOut(provider_id="prv_5", provider_name="Mara", code="provider_full", detail="10 of 10 in hand.")],
        left_out_count=1,
    )
    found = Dispatch(job_id=JOB, replayed_with="nearest.1", decisions=[decision], chosen_by_support=[])
    return Answer(body=found.model_dump_json().encode())


def a_counter() -> Answer:
    """Ten days, for ten euros."""
    counter = CounterOffer(
        id=COUNTER,
        job_id=JOB,
        order_id="ord_1",
        offer_id=OFFER,
        provider_id=PROVIDER,
        provider_name="Nadja",
        provider_score=90,
        state=CounterState.ACCEPTED,
        lead_time_days=10,
        due_at=AT,
        amount=Money(amount_minor=1000, currency="eur"),
        saving=Money(amount_minor=299, currency="eur"),
        payout=None,
        note="",
        expires_at=AT,
        created_at=AT,
        closed_at=AT,
        allowed_actions=[],
    )
    return Answer(body=counter.model_dump_json().encode())


async def run(api: ScriptedApi, *arguments: str) -> tuple[int, str]:
    """Exit code and output of `fulfil`, as somebody with a token."""
    env = {"FULFIL_API_URL": api.url, "FULFIL_TOKEN": "t", "NO_COLOR": "1"}
    result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=env)
    return result.exit_code, result.output


async def test_a_decision_is_read_with_answers_reasons_and_the_places_moved() -> None:
    async with scripted_api(a_dispatch()) as api:
        code, told = await run(api, "dispatch", "explain", JOB, "--ranking", "nearest")
    assert code == 0, told
    assert api.asked[0].path == f"/api/v1/jobs/{JOB}/dispatch?ranking=nearest"
    assert "wave 1" in told
    assert "3 (-2)" in told
    for word in ("Nadja", "36.0", "declined", "Score 90.", "without Mara: 10 of 10 in hand."):
        assert word in told


async def test_support_offers_a_job_with_a_reason_and_a_dry_run_asks_nothing() -> None:
    chosen = OfferByChoice(job_id=JOB, offer_id=OFFER, provider_id=PROVIDER, expires_at=AT)
    async with scripted_api(Answer(status=201, body=chosen.model_dump_json().encode())) as api:
        dry, _ = await run(api, "dispatch", "offer", JOB, PROVIDER, "--reason", "she promised", "--dry-run")
        asked_before = len(api.asked)
        code, told = await run(api, "dispatch", "offer", JOB, PROVIDER, "--reason", "she promised")
    assert (dry, asked_before, code) == (0, 0, 0), told
    assert json.loads(api.asked[0].body) == {"provider_id": PROVIDER, "reason": "she promised"}
    assert api.asked[0].path == f"/api/v1/support/jobs/{JOB}/offer"


async def test_a_customer_takes_a_counter_offer_and_sees_what_it_saves() -> None:
    async with scripted_api(a_counter()) as api:
        code, told = await run(api, "counter-offer", "accept", COUNTER)
    assert (code, api.asked[0].path) == (0, f"/api/v1/counter-offers/{COUNTER}/accept"), told
    assert "10.00 EUR" in told
    assert "2.99 EUR" in told
