"""What two sides do to a deliverable at the same moment: its lock lets one of them win."""

import asyncio

import pytest
from sqlalchemy import update

from fulfil.models.messages.deliverables import MilestoneState, SubmissionState
from fulfil.models.tables.deliverables import (
    DeliverableReportRow,
    DeliverableRow,
    MilestoneRow,
    PlanProposalRow,
    RevisionRequestRow,
    SubmissionRow,
)
from fulfil.models.tables.timeline import EventRow
from tests.api.deliveries import Delivery, add_delivery
from tests.api.running import Api
from tests.api.world import Person, World


@pytest.fixture
async def delivery(api: Api, world: World, customer: Person, provider: Person) -> Delivery:
    """One milestone of three in review."""
    delivery = await add_delivery(api, world, customer, provider, shares=(2000, 3000, 5000))
    await delivery.submit()
    return delivery


@pytest.mark.parametrize("first", range(3), ids=["approve", "revise", "reject"])
async def test_approve_revise_and_reject_at_the_same_moment_have_one_winner(
    delivery: Delivery, world: World, first: int
) -> None:
    acts = (delivery.approve, delivery.revise, delivery.reject)
    answers = await asyncio.gather(*(act() for _ in range(3) for act in (*acts[first:], *acts[:first])))
    kinds = [row.message["kind"] for row in await world.rows(DeliverableReportRow)]
    [submission] = await world.rows(SubmissionRow)
    assert len(kinds) == 2
    [said] = set(kinds) - {"submitted"}
    assert submission.state == said
    assert len(await world.rows(RevisionRequestRow)) == (1 if said == "revision_requested" else 0)
    refused = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    # Approving what is approved joins, as does rejecting what is rejected; a revision is asked for once.
    assert len(refused) == (8 if said == "revision_requested" else 6)
    assert set(refused) == {"not_in_review"}


async def test_a_revision_waits_for_silence_that_approves_and_then_comes_too_late(
    delivery: Delivery, world: World
) -> None:
    async with world.begin() as session:
        await session.execute(update(DeliverableRow).values(state="accepted"))
        revising = asyncio.create_task(delivery.revise())
        await asyncio.wait([revising], timeout=0.3)
        assert not revising.done()
        await session.execute(update(SubmissionRow).values(state=SubmissionState.APPROVED))
        await session.execute(
            update(MilestoneRow)
            .where(MilestoneRow.id == delivery.milestone_ids[0])
            .values(state=MilestoneState.COMPLETED, review_due_at=None)
        )
    response = await revising
    assert (response.status_code, response.json()["code"]) == (409, "not_in_review")
    assert not await world.rows(RevisionRequestRow)


async def test_simultaneous_submissions_are_one(delivery: Delivery, world: World) -> None:
    answers = await asyncio.gather(*(delivery.submit(1) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert len(await world.rows(SubmissionRow)) == 2


async def test_plans_proposed_by_both_sides_at_once_are_one(delivery: Delivery, world: World) -> None:
    plan = (1, "Model", 30, 8000)
    answers = await asyncio.gather(
        *(delivery.plan(person, plan) for _ in range(2) for person in (delivery.customer, delivery.provider))
    )
    proposed = [row for row in await world.rows(EventRow) if row.type == "plan.proposed"]
    assert len(await world.rows(PlanProposalRow)) == len(proposed) == 1
    assert [answer.status_code for answer in answers].count(200) >= 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {"plan_open"}
