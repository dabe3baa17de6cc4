"""A provider's report and the workflow's step at the same moment: the production's row lock lets one of them win."""

import asyncio
from datetime import timedelta

import pytest

from fulfil.activities.promising import DatabasePromiseActivities
from fulfil.api.access import Principal
from fulfil.api.errors import ProblemError
from fulfil.api.intentions import intend
from fulfil.api.schemas.production import GiveBack, Shipping
from fulfil.api.writers.making import write_give_back, write_start
from fulfil.api.writers.shipments import write_shipment
from fulfil.models.messages.jobs import BeginRound, StartJob, WithdrawJob
from fulfil.models.messages.parties import SYSTEM, Role
from fulfil.models.messages.promises import CallOffJob, Trouble
from tests.activities.shop import Shop

ROUNDS = 4


async def job_in_hand(shop: Shop, state: str) -> tuple[StartJob, Principal]:
    """A job in this state, and who has it."""
    provider = await shop.add_provider()
    await shop.sql("UPDATE providers SET online = false WHERE id <> :id", id=provider)
    job = await shop.open_job()
    offer = await shop.give_job_to(job, provider_id=provider)
    await shop.sql(
        "UPDATE productions SET due_at = :due, state = :state, started_at = :started WHERE offer_id = :id",
        due=shop.clock() + timedelta(days=5),
        state=state,
        started=None if state == "accepted" else shop.clock(),
        id=offer,
    )
    return job, Principal("acc_provider", Role.PROVIDER, provider)


async def start(shop: Shop, job: StartJob, provider: Principal) -> str:
    """`recorded`, or why her start was not."""
    try:
        async with shop.owner.begin() as session:
            await write_start(session, provider, job.job_id, intend(provider, None, "start"), shop.clock())
    except ProblemError as problem:
        return problem.code
    return "recorded"


async def ship(shop: Shop, job: StartJob, provider: Principal) -> str:
    """`recorded`, or why her parcel was not."""
    parcel = Shipping(carrier="DHL", tracking_number="1")
    try:
        async with shop.owner.begin() as session:
            await write_shipment(session, provider, job.job_id, parcel, intend(provider, None, "ship"), shop.clock())
    except ProblemError as problem:
        return problem.code
    return "recorded"


async def state_of(shop: Shop, job: StartJob) -> tuple[str, str]:
    """The job's, and its latest production's."""
    [row] = await shop.sql(
        "SELECT j.state AS job, p.state AS production FROM jobs j JOIN productions p ON p.job_id = j.id "
        "WHERE j.id = :id",
        id=job.job_id,
    )
    return row.job, row.production


async def test_a_job_is_started_or_withdrawn(shop: Shop) -> None:
    for _ in range(ROUNDS):
        job, provider = await job_in_hand(shop, "accepted")
        request = WithdrawJob(job_id=job.job_id, order_id=job.order_id, actor=SYSTEM, reason="changed her mind")
        started, taken = await asyncio.gather(start(shop, job, provider), shop.jobs.withdraw_job(request))
        assert started == ("job_taken_back" if taken.withdrawn else "recorded")
        expected = ("cancelled", "cancelled") if taken.withdrawn else ("accepted", "in_production")
        assert await state_of(shop, job) == expected


async def test_a_job_is_shipped_or_called_off(shop: Shop) -> None:
    promises = DatabasePromiseActivities(shop.worker, shop.client, shop.clock)
    for _ in range(ROUNDS):
        job, provider = await job_in_hand(shop, "ready")
        request = CallOffJob(
            job_id=job.job_id, order_id=job.order_id, actor=SYSTEM, trouble=Trouble.DEADLINE_MISSED, reason="late"
        )
        called_off, shipped = await asyncio.gather(promises.call_off_job(request), ship(shop, job, provider))
        assert shipped == ("job_taken_back" if called_off.called_off else "recorded")
        expected = ("cancelled", "cancelled") if called_off.called_off else ("accepted", "shipped")
        assert await state_of(shop, job) == expected


@pytest.mark.parametrize("state", ["accepted", "in_production"])
async def test_a_job_given_back_begins_a_new_round_with_its_material_free(shop: Shop, state: str) -> None:
    job, provider = await job_in_hand(shop, state)
    async with shop.owner.begin() as session:
        back = GiveBack(reason="broken")
        await write_give_back(session, provider, job.job_id, back, intend(provider, None, "back"), shop.clock())
    begun = await shop.jobs.begin_round(
        BeginRound(
            job_id=job.job_id,
            order_id=job.order_id,
            round=2,
            actor=SYSTEM,
            reason="given back",
            only_if_not_started=True,
            policies=job.policies,
        )
    )
    assert begun.wave is not None
    assert await shop.stock(provider.owner_id) == (1000, 0)
    assert await shop.value("SELECT state FROM productions WHERE job_id = :id", id=job.job_id) == "failed"
