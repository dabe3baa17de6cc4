"""Deliverables played for their histories: what people say, and what time does when they say nothing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from fulfil.models.messages.deliverables import DeliverableOutcome, PlanApplied
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.support import ResolutionAction
from tests.workflows.delivering import (
    APPROVED,
    REJECTED,
    REVISE,
    SUBMITTED,
    Delivery,
    FakeDeliverables,
    clock_due,
    deliverable_workers,
)
from tests.workflows.fakes import World

Moves = Callable[[Delivery], Awaitable[None]]
QUICK = OrderPolicies(review_reminder_s=1, review_due_s=2, revision_due_s=1, rejection_due_s=1)
SOON = timedelta(seconds=1)


async def approved(play: Delivery) -> None:
    await play.begin(2)
    for which in range(2):
        await play.say(SUBMITTED, which)
        await play.say(APPROVED, which)
        await play.called("settle_job", which + 1)


async def silent(play: Delivery) -> None:
    await play.begin(policies=QUICK)
    await play.say(SUBMITTED)


async def revised_late(play: Delivery) -> None:
    """Both the milestone's date and the revision's are missed."""
    await play.begin(policies=QUICK, apart=SOON)
    await play.called("mark_delayed")
    await play.say(SUBMITTED)
    await play.say(REVISE)
    await play.called("mark_delayed", 2)
    await play.say(SUBMITTED)
    await play.say(APPROVED)


async def rejected(play: Delivery) -> None:
    play.fakes.outcome = DeliverableOutcome.CALLED_OFF
    await play.begin(policies=QUICK)
    await play.say(SUBMITTED)
    await play.say(REJECTED)


async def planned_anew(play: Delivery) -> None:
    await play.begin(2)
    first, second = play.milestones
    added = clock_due(play.began_at + timedelta(days=40))
    await play.replan(PlanApplied(applied=True, milestones=(first, added), dropped=(second.milestone_id,)))
    play.milestones.append(added)
    for which in (0, 2):
        await play.say(SUBMITTED, which)
        await play.say(APPROVED, which)


async def withdrawn(play: Delivery) -> None:
    play.fakes.outcome = DeliverableOutcome.WITHDRAWN
    await play.begin(2)
    await play.say(SUBMITTED, 0)
    await play.say(APPROVED, 0)
    await play.withdraw(1)


async def frozen_then_parked(play: Delivery) -> None:
    play.world.frozen = True
    await play.begin()
    await play.say(SUBMITTED)
    await play.say(APPROVED)
    await play.called("settle_job")
    play.world.frozen = False
    play.world.fail("settle_job")
    await play.thaw()
    async with play.world.called:
        await play.world.called.wait_for(lambda: bool(play.world.parkings))
    await play.resolve(ResolutionAction.RETRY)


DELIVERIES: list[Moves] = [approved, silent, revised_late, rejected, planned_anew, withdrawn, frozen_then_parked]


async def play_delivery(client: Client, moves: Moves) -> WorkflowHandle[Any, Any]:
    """Until the deliverable has ended."""
    world = World(client=client)
    fakes = FakeDeliverables(world)
    async with deliverable_workers(client, world, fakes):
        play = Delivery(client, world, fakes, WorkflowEnvironment.from_client(client))
        await moves(play)
        await play.handle.result()
    return play.handle
