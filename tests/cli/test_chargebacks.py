"""`fulfil chargeback …`: what is asked, what is shown, and what is refused before it is asked."""

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fulfil.api.schemas.base import Page
from fulfil.api.schemas.chargebacks import Chargeback, ChargebackSummary
from fulfil.cli.main import app
from fulfil.kit.clock import utc_now
from fulfil.models.messages.chargebacks import ChargebackLoss, ChargebackState, TakenBackShare
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.money import Money
from tests.cli.scripted import Answer, ScriptedApi, problem, scripted_api

ID = "chb_" + "1" * 32


def chargeback(**traits: Any) -> Chargeback:
    """One whose evidence is staged."""
    values: dict[str, Any] = {
        "id": ID,
        "order_id": "ord_" + "2" * 32,
        "stripe_dispute_id": "du_1",
        "state": ChargebackState.NEEDS_RESPONSE,
        "stripe_status": "needs_response",
        "reason": "product_not_received",
        "is_inquiry": False,
        "amount": Money(amount_minor=1299, currency="eur"),
        "fee": Money(amount_minor=1500, currency="eur"),
        "evidence_due_at": utc_now(),
        "submitted_at": None,
        "opened_at": utc_now(),
        "closed_at": None,
        "next": NextStep(who=WaitingOn.SUPPORT, what="check the evidence"),
        "allowed_actions": ["evidence", "submit", "accept"],
        "evidence": {"shipping_carrier": "DHL"},
        "staged_at": utc_now(),
        "statements": [],
        "loss": None,
    }
    return Chargeback(**values | traits)


def answer(view: Chargeback | Page[ChargebackSummary]) -> Answer:
    """It as an answer."""
    return Answer(body=view.model_dump_json().encode())


async def fulfil(api: ScriptedApi, *arguments: str) -> Result:
    """Run a command against the script."""
    environment = {"FULFIL_API_URL": api.url, "FULFIL_TOKEN": "token"}
    return await asyncio.to_thread(CliRunner().invoke, app, ["chargeback", *arguments], env=environment)


async def test_the_list_shows_whose_move_each_is() -> None:
    one = ChargebackSummary(**{name: getattr(chargeback(), name) for name in ChargebackSummary.model_fields})
    async with scripted_api(answer(Page(data=[one], has_more=False))) as api:
        listed = await fulfil(api, "list", "--state", "needs_response")
    assert api.asked[0].path == "/api/v1/support/chargebacks?limit=100&state=needs_response"
    assert ID in listed.output
    assert "12.99 EUR" in listed.output
    assert "check the evidence" in listed.output


async def test_an_empty_list_says_so() -> None:
    async with scripted_api(answer(Page(data=[], has_more=False))) as api:
        assert "No card network" in (await fulfil(api, "list")).output


async def test_one_is_shown_with_its_evidence_and_in_json() -> None:
    async with scripted_api(answer(chargeback())) as api:
        shown = await fulfil(api, "show", ID)
        exact = await fulfil(api, "show", ID, "--output", "json")
    assert "shipping carrier" in shown.output
    assert "support: check the evidence" in shown.output
    assert json.loads(exact.output)["evidence"] == {"shipping_carrier": "DHL"}


async def test_a_lost_one_tells_who_paid() -> None:
    share = TakenBackShare(provider_id=None, provider_minor=850, commission_minor=126, tax_minor=24)
    lost = chargeback(
        state=ChargebackState.LOST,
        next=NextStep(who=WaitingOn.NOBODY, what="the customer's bank decides"),
        loss=ChargebackLoss(held_minor=200, shares=(share,), loss_minor=99),
    )
    async with scripted_api(answer(lost)) as api:
        shown = (await fulfil(api, "show", ID)).output
    assert "held for the order 2.00 EUR, providers 8.50 EUR, our commission 1.50 EUR, our loss 0.99 EUR" in shown
    assert "nobody" not in shown


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (("submit", ID, "--reason", "complete"), "submit", {"reason": "complete"}),
        (("accept", ID, "--reason", "she is right"), "accept", {"reason": "she is right"}),
        (("evidence", ID, "She thanked us."), "evidence", {"text": "She thanked us."}),
    ],
)
async def test_an_answer_is_posted_under_a_key(arguments: tuple[str, ...], path: str, body: dict[str, str]) -> None:
    async with scripted_api(answer(chargeback())) as api:
        done = await fulfil(api, *arguments)
    asked = api.asked[0]
    assert (done.exit_code, asked.method) == (0, "POST")
    assert asked.path == f"/api/v1/support/chargebacks/{ID}/{path}"
    assert json.loads(asked.body) == body
    assert asked.headers["idempotency-key"]


async def test_a_rehearsal_changes_nothing_and_tells_what_is_not_allowed() -> None:
    async with scripted_api(answer(chargeback()), answer(chargeback(allowed_actions=[]))) as api:
        would = await fulfil(api, "accept", ID, "--reason", "she is right", "--dry-run")
        refused = await fulfil(api, "accept", ID, "--reason", "she is right", "--dry-run")
    assert "Would accept" in would.output
    assert {one.method for one in api.asked} == {"GET"}
    assert refused.exit_code == 1
    assert "possible: nothing" in str(refused.exception)


async def test_a_refusal_of_the_api_is_told() -> None:
    async with scripted_api(problem(409, "evidence_submitted", detail="The answer is with the bank.")) as api:
        refused = await fulfil(api, "submit", ID, "--reason", "complete")
    assert refused.exit_code == 1
    assert "with the bank" in str(refused.exception)
