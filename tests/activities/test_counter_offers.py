"""A counter-offer is taken with the claim, once, and what it is cheaper by goes back to the customer."""

from datetime import timedelta
from typing import Any

import pytest

from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import (
    AcceptanceOutcome,
    AcceptanceSecured,
    BeginRound,
    SecureAcceptance,
    StartJob,
)
from fulfil.models.messages.parties import Actor, ActorKind
from tests.activities.shop import SUPPORT, Shop
from tests.activities.till import Till

SECURED, REFUSED = AcceptanceOutcome.SECURED, AcceptanceOutcome.REFUSED
CUSTOMER = Actor(kind=ActorKind.CUSTOMER, id="cus_1")


async def counter(shop: Shop, request: SecureAcceptance, *, amount_minor: int = 8_000, days: int = 12) -> str:
    """The provider's counter-offer to the offer of this request, as the API writes it."""
    counter_id = new_id("cou")
    await shop.sql(
        "INSERT INTO counter_offers (id, job_id, offer_id, order_id, provider_id, amount_minor, currency, "
        "lead_time_days, note, state, expires_at, created_at) "
        "VALUES (:id, :job, :offer, :order, :provider, :amount, 'eur', :days, '', 'open', :expires, :at)",
        id=counter_id,
        job=request.job_id,
        offer=request.offer_id,
        order=request.order_id,
        provider=request.provider_id,
        amount=amount_minor,
        days=days,
        expires=shop.clock() + timedelta(hours=24),
        at=shop.clock(),
    )
    return counter_id


async def take(till: Till, job: StartJob, provider: str, **terms: Any) -> tuple[AcceptanceSecured, str]:
    """The customer takes what this provider offers instead."""
    request = till.shop.acceptance(job, provider)
    counter_id = await counter(till.shop, request, **terms)
    taken = request.model_copy(update={"counter_id": counter_id, "actor": CUSTOMER})
    return await till.payments.secure_acceptance(taken), counter_id


async def states(shop: Shop) -> dict[str, str]:
    """Every counter-offer's state."""
    return {row.id: row.state for row in await shop.sql("SELECT id, state FROM counter_offers")}


async def test_the_date_is_hers_the_difference_is_paid_back_and_the_others_are_over(till: Till) -> None:
    winner, other = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.open_job(total_minor=10_000)
    rest = await counter(till.shop, till.shop.acceptance(job, other))
    await till.shop.sql("UPDATE offers SET state = 'expired', closed_at = now()")

    secured, counter_id = await take(till, job, winner)

    assert secured.outcome is SECURED
    assert secured.due_at == till.shop.clock() + timedelta(days=12)
    assert await till.shop.value("SELECT due_at FROM productions") == secured.due_at
    assert await states(till.shop) == {counter_id: "accepted", rest: "expired"}
    events = await till.shop.events(job.order_id)
    assert events[-2:] == ["job.counter_taken", "job.accepted"]
    refund = await till.discount_of(counter_id)
    assert (refund["scope"]["lines"][0]["amount_minor"], refund["requested_by"]["kind"]) == (2_000, "customer")


async def test_an_acceptance_as_ordered_is_due_after_the_lead_time_and_ends_counter_offers(till: Till) -> None:
    winner, other = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.open_job()
    rest = await counter(till.shop, till.shop.acceptance(job, other))
    days = await till.shop.value("SELECT lead_time_days FROM order_lines")

    secured = await till.payments.secure_acceptance(till.shop.acceptance(job, winner))

    assert secured.due_at == till.shop.clock() + timedelta(days=days)
    assert await states(till.shop) == {rest: "expired"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE counter_offers SET state = 'withdrawn'", "counter_withdrawn"),
        ("UPDATE counter_offers SET expires_at = created_at", "counter_expired"),
        ("UPDATE offers SET state = 'declined'", "counter_closed"),
        ("UPDATE jobs SET round = 2", "counter_closed"),
        ("UPDATE providers SET suspended_at = now()", "provider_unavailable"),
        ("UPDATE stock_items SET available_quantity = 1", "provider_unavailable"),
    ],
)
async def test_what_can_not_be_taken_any_more_is_refused(till: Till, change: str, code: str) -> None:
    provider = await till.add_payee()
    job = await till.open_job(material_g=100)
    request = till.shop.acceptance(job, provider)
    counter_id = await counter(till.shop, request)
    await till.shop.sql(change)

    taken = request.model_copy(update={"counter_id": counter_id, "actor": CUSTOMER})
    answer = await till.payments.secure_acceptance(taken)

    assert (answer.outcome, answer.code) == (REFUSED, code)
    assert await till.shop.value("SELECT count(*) FROM productions") == 0


async def test_a_counter_offer_after_anothers_acceptance_is_too_late(till: Till) -> None:
    winner, other = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.open_job()
    request = till.shop.acceptance(job, other)
    counter_id = await counter(till.shop, request)
    await till.payments.secure_acceptance(till.shop.acceptance(job, winner))

    late = await till.payments.secure_acceptance(request.model_copy(update={"counter_id": counter_id}))

    assert (late.outcome, late.code) == (REFUSED, "offer_lost")
    assert await till.shop.value("SELECT provider_id FROM productions") == winner


async def test_taking_it_twice_takes_it_once(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job(total_minor=10_000)
    request = till.shop.acceptance(job, provider)
    taken = request.model_copy(update={"counter_id": await counter(till.shop, request), "actor": CUSTOMER})

    assert await till.payments.secure_acceptance(taken) == await till.payments.secure_acceptance(taken)

    assert (await till.shop.events(job.order_id)).count("job.counter_taken") == 1


async def test_the_next_round_costs_what_the_last_one_came_to(till: Till) -> None:
    first, second = await till.add_payee(score=90), await till.add_payee(score=80)
    job = await till.open_job(total_minor=10_000)
    await take(till, job, first, amount_minor=8_000)
    begun = await till.shop.jobs.begin_round(
        BeginRound(
            job_id=job.job_id,
            order_id=job.order_id,
            round=2,
            actor=SUPPORT,
            reason="too slow",
            only_if_not_started=True,
            policies=job.policies,
        )
    )
    assert begun.wave is not None
    again = job.model_copy(update={"wave": begun.wave})

    _, counter_id = await take(till, again, second, amount_minor=7_500)

    assert (await till.discount_of(counter_id))["scope"]["lines"][0]["amount_minor"] == 500


async def test_a_claim_that_support_gives_up_closes_its_counter_offer(till: Till) -> None:
    provider = await till.add_payee()
    job = await till.open_job()
    request = till.shop.acceptance(job, provider)
    counter_id = await counter(till.shop, request)
    await till.fail("POST /v1/payment_intents/.*/capture", "drop_before", 10)
    with pytest.raises(Exception, match="Stripe"):
        await till.payments.secure_acceptance(request.model_copy(update={"counter_id": counter_id}))
    assert await states(till.shop) == {counter_id: "accepted"}

    await till.shop.next_wave(job, job.wave.stage, 2)

    assert await states(till.shop) == {counter_id: "expired"}
