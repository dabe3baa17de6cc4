"""Promised dates: looked at, flagged once, moved, and jobs called off because of them."""

from datetime import datetime, timedelta

import pytest

from fulfil.activities.promising import DatabasePromiseActivities
from fulfil.models.messages.jobs import BeginRound, StartJob
from fulfil.models.messages.parties import SYSTEM, Actor, ActorKind
from fulfil.models.messages.promises import (
    CallOffJob,
    CheckPromise,
    JobCalledOff,
    PromiseChecked,
    PromiseState,
    SetPromise,
    Trouble,
)
from tests.activities.shop import Shop

CUSTOMER = Actor(kind=ActorKind.CUSTOMER, id="cus_1")


def promises(shop: Shop) -> DatabasePromiseActivities:
    """The activities under test."""
    return DatabasePromiseActivities(shop.worker, shop.client, shop.clock)


async def job_in_hand(shop: Shop, *, days: float = 10, started: bool = True) -> tuple[StartJob, str]:
    """A job promised for so many days from now, and its offer."""
    provider = await shop.add_provider()
    job = await shop.open_job()
    offer = await shop.give_job_to(job, provider_id=provider)
    await shop.sql(
        "UPDATE productions SET due_at = :due, state = :state, started_at = :started WHERE offer_id = :id",
        due=shop.clock() + timedelta(days=days),
        state="in_production" if started else "accepted",
        started=shop.clock() if started else None,
        id=offer,
    )
    return job, offer


async def due_of(shop: Shop, offer: str) -> datetime:
    """The promised date."""
    due: datetime = await shop.value("SELECT due_at FROM productions WHERE offer_id = :id", id=offer)
    return due


async def check(shop: Shop, job: StartJob, offer: str, number: int = 1) -> PromiseChecked:
    """Look at the date that holds."""
    answer_due_at = shop.clock() + timedelta(days=2)
    return await promises(shop).check_promise(
        CheckPromise(
            job_id=job.job_id,
            order_id=job.order_id,
            at=shop.clock(),
            due_at=await due_of(shop, offer),
            number=number,
            answer_due_at=answer_due_at,
        )
    )


async def call_off(shop: Shop, job: StartJob) -> JobCalledOff:
    """The customer takes her money back."""
    return await promises(shop).call_off_job(
        CallOffJob(
            job_id=job.job_id,
            order_id=job.order_id,
            actor=CUSTOMER,
            trouble=Trouble.DEADLINE_MISSED,
            reason="too late",
        )
    )


async def test_a_job_that_gets_on_is_in_time(shop: Shop) -> None:
    job, offer = await job_in_hand(shop)
    shop.clock.advance(days=2)
    found = await check(shop, job, offer)
    assert (found.state, found.forecast_at) == (PromiseState.ON_TIME, shop.clock() + timedelta(days=3))
    assert "job.at_risk" not in await shop.events(job.order_id)


async def test_a_job_that_will_be_late_is_flagged_once_before_it_is(shop: Shop) -> None:
    job, offer = await job_in_hand(shop, started=False)
    shop.clock.advance(days=9)
    found = [await check(shop, job, offer) for _ in range(2)]
    assert found[0].state is found[1].state is PromiseState.AT_RISK
    assert found[0].forecast_at == shop.clock() + timedelta(days=5)
    assert (await shop.events(job.order_id)).count("job.at_risk") == 1
    assert await shop.value("SELECT at_risk_at FROM productions WHERE offer_id = :id", id=offer) == shop.clock()
    assert await shop.value("SELECT trouble FROM productions WHERE offer_id = :id", id=offer) is None


async def test_a_missed_date_gives_the_customer_a_choice_once_per_number(shop: Shop) -> None:
    job, offer = await job_in_hand(shop)
    shop.clock.advance(days=10)
    assert [(await check(shop, job, offer, number)).state for number in (1, 1, 2)] == [PromiseState.MISSED] * 3
    [row] = await shop.sql(
        "SELECT trouble, trouble_answer_due_at AS until, next_who FROM productions p "
        "JOIN timelines t ON t.order_id = p.order_id WHERE offer_id = :id",
        id=offer,
    )
    assert (row.trouble, row.until, row.next_who) == ("deadline_missed", shop.clock() + timedelta(days=2), "customer")
    assert (await shop.events(job.order_id)).count("job.deadline_missed") == 2


async def test_an_announced_delay_stays_what_the_customer_chooses_about(shop: Shop) -> None:
    job, offer = await job_in_hand(shop)
    await shop.sql("UPDATE productions SET trouble = 'delay_announced' WHERE offer_id = :id", id=offer)
    shop.clock.advance(days=11)
    assert (await check(shop, job, offer)).state is PromiseState.MISSED
    assert await shop.value("SELECT trouble FROM productions WHERE offer_id = :id", id=offer) == "delay_announced"


@pytest.mark.parametrize(
    "done",
    [
        "state = 'shipped', shipped_at = now()",
        "state = 'ready', pickup_ready_at = now()",
        "state = 'ready', shipped_at = now()",
        "state = 'failed', closed_at = now()",
    ],
    ids=["shipped", "ready for pickup", "sent back by the carrier", "given back"],
)
async def test_what_is_on_its_way_or_nobodys_misses_no_date(shop: Shop, done: str) -> None:
    job, offer = await job_in_hand(shop)
    await shop.sql(f"UPDATE productions SET {done} WHERE offer_id = :id", id=offer)
    shop.clock.advance(days=20)
    assert (await check(shop, job, offer)).state is PromiseState.KEPT
    assert (await call_off(shop, job)).called_off is False
    assert "job.called_off" not in await shop.events(job.order_id)
    assert "job.deadline_missed" not in await shop.events(job.order_id)


async def test_another_date_holds_once_and_keeps_the_material_until_then(shop: Shop) -> None:
    job, offer = await job_in_hand(shop)
    await shop.sql(
        "UPDATE productions SET trouble = 'deadline_missed', at_risk_at = now() WHERE offer_id = :id", id=offer
    )
    due_at = shop.clock() + timedelta(days=20)
    request = SetPromise(
        job_id=job.job_id,
        order_id=job.order_id,
        due_at=due_at,
        trouble=Trouble.DEADLINE_MISSED,
        actor=SYSTEM,
        by_silence=True,
        number=1,
    )
    await promises(shop).set_promise(request)
    await shop.sql("UPDATE productions SET trouble = 'delay_announced' WHERE offer_id = :id", id=offer)
    await promises(shop).set_promise(request)
    [row] = await shop.sql(
        "SELECT p.due_at, p.trouble, p.at_risk_at, r.expires_at FROM productions p "
        "JOIN stock_reservations r ON r.offer_id = p.offer_id WHERE p.offer_id = :id",
        id=offer,
    )
    assert (row.due_at, row.trouble, row.at_risk_at) == (due_at, "delay_announced", None)
    assert row.expires_at == due_at + timedelta(days=30)
    assert (await shop.events(job.order_id)).count("job.promise_moved") == 1


async def test_a_job_called_off_frees_its_provider_and_tells_the_order_once(shop: Shop) -> None:
    job, offer = await job_in_hand(shop)
    provider = await shop.value("SELECT provider_id FROM offers WHERE id = :id", id=offer)
    await shop.run_order_workflow(job.order_id)

    answers = [await call_off(shop, job) for _ in range(2)]

    assert [answer.called_off for answer in answers] == [True, True]
    [row] = await shop.sql("SELECT state, closed_at, provider_id FROM jobs WHERE id = :id", id=job.job_id)
    assert (row.state, row.closed_at, row.provider_id) == ("cancelled", shop.clock(), None)
    assert await shop.value("SELECT state FROM productions WHERE offer_id = :id", id=offer) == "cancelled"
    assert await shop.stock(provider) == (1000, 0)
    assert (await shop.events(job.order_id)).count("job.called_off") == 1
    [(name, message), _] = await shop.signals(f"order/{job.order_id}")
    assert (name, message["outcome"]) == ("job_closed", "called_off")


PARCEL = """
INSERT INTO shipments (
    id, order_id, job_id, offer_id, provider_id, pieces, carrier, tracking_number, state, label, created_at
)
SELECT 'shp_1', order_id, job_id, offer_id, provider_id, 1, 'DHL', 'X1', :state, '{}', now() FROM productions
"""


@pytest.mark.parametrize(("state", "called_off"), [("in_transit", False), ("delivered", False), ("lost", True)])
async def test_a_job_with_a_parcel_on_its_way_is_not_called_off(shop: Shop, state: str, *, called_off: bool) -> None:
    job, _ = await job_in_hand(shop)
    await shop.sql("UPDATE productions SET state = 'ready'")
    await shop.sql(PARCEL, state=state)
    await shop.run_order_workflow(job.order_id)
    assert (await call_off(shop, job)).called_off is called_off


@pytest.mark.parametrize(("state", "begins"), [("in_transit", False), ("lost", True)])
async def test_a_job_with_a_parcel_on_its_way_is_not_given_to_another(shop: Shop, state: str, *, begins: bool) -> None:
    job, _ = await job_in_hand(shop)
    await shop.sql(PARCEL, state=state)
    request = BeginRound(
        job_id=job.job_id,
        order_id=job.order_id,
        round=2,
        actor=SYSTEM,
        reason="overdue",
        only_if_not_started=False,
        only_if_not_shipped=True,
        policies=job.policies,
    )
    assert ((await shop.jobs.begin_round(request)).wave is not None) is begins
