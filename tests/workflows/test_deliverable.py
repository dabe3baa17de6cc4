"""The paths of the deliverable process, one test per branch of `run()`."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from fulfil.models.messages.deliverables import (
    CallOffRejected,
    DeliverableOutcome,
    MarkDelayed,
    MilestoneApproval,
    PlanApplied,
    RemindOfReview,
)
from fulfil.models.messages.support import ResolutionAction
from tests.workflows.delivering import (
    APPROVED,
    DAY,
    REJECTED,
    REVISE,
    SUBMITTED,
    Delivery,
    FakeDeliverables,
    clock_due,
    deliverable_workers,
)
from tests.workflows.fakes import World
from tests.workflows.playing import refusal_of

HOUR = timedelta(hours=1)


@pytest.fixture
async def play(skipping: WorkflowEnvironment, world: World) -> AsyncIterator[Delivery]:
    """One deliverable on running workers."""
    fakes = FakeDeliverables(world)
    async with deliverable_workers(skipping.client, world, fakes):
        yield Delivery(skipping.client, world, fakes, skipping)


async def test_an_approved_milestone_is_paid_and_the_deliverable_closed(play: Delivery) -> None:
    await play.begin()
    await play.say(SUBMITTED)
    await play.say(APPROVED)
    assert (await play.outcome()).outcome is DeliverableOutcome.COMPLETED
    assert play.paid() == [(play.milestones[0].job_id, False)]
    assert play.world.calls == ["settle_job", "close_deliverable"]


async def test_silence_is_reminded_then_approves(play: Delivery) -> None:
    await play.begin()
    await play.say(SUBMITTED)
    await play.outcome()
    assert play.world.calls == ["remind_of_review", "approve_silently", "settle_job", "close_deliverable"]
    assert play.paid() == [(play.milestones[0].job_id, True)]
    closed_at = (await play.handle.describe()).close_time
    assert closed_at is not None
    assert 3 * DAY <= closed_at - play.began_at < 3 * DAY + HOUR


async def test_an_answer_at_the_last_moment_is_waited_for(play: Delivery) -> None:
    """PostgreSQL has it, its signal is still under way: the workflow asks once and does not turn in circles."""
    play.fakes.approvals.append(MilestoneApproval(approved=False))
    await play.begin()
    await play.say(SUBMITTED)
    revise = await play.said(REVISE, at=play.began_at + 3 * DAY)
    await play.after(4 * DAY)
    assert play.world.calls.count("approve_silently") == 1
    await play.tell(revise)
    await play.say(SUBMITTED)
    await play.say(APPROVED)
    await play.outcome()
    assert play.world.calls.count("approve_silently") == 1
    assert play.paid() == [(play.milestones[0].job_id, False)]


async def test_an_approval_at_the_last_moment_is_hers(play: Delivery) -> None:
    play.fakes.approvals.append(MilestoneApproval(approved=True, by_silence=False))
    await play.begin()
    await play.say(SUBMITTED)
    await play.outcome()
    assert play.paid() == [(play.milestones[0].job_id, False)]


async def test_a_revision_stops_the_clock_and_its_submission_starts_it_anew(play: Delivery) -> None:
    await play.begin()
    await play.say(SUBMITTED)
    await play.after(2 * DAY + HOUR)
    await play.say(REVISE)
    await play.after(2 * DAY)
    assert play.world.calls == ["remind_of_review"]
    await play.say(SUBMITTED)
    await play.after(2 * DAY + HOUR)
    assert play.world.calls == ["remind_of_review"] * 2
    await play.say(APPROVED)
    await play.outcome()
    assert play.paid() == [(play.milestones[0].job_id, False)]


async def test_a_revision_that_does_not_come_is_marked_as_delayed_once(play: Delivery) -> None:
    await play.begin()
    await play.say(SUBMITTED)
    due = play.began_at + 4 * DAY
    await play.say(REVISE, by=due)
    await play.after(30 * DAY)
    [marked] = [asked for asked in play.fakes.asked if isinstance(asked, MarkDelayed)]
    assert marked.due_at == due
    assert (await play.shown())[-1] == {"WaitingOn": "provider", "Trouble": "delayed", "Deadline": None}
    await play.say(SUBMITTED)
    await play.outcome()
    last = (await play.shown())[-1]
    assert (last["WaitingOn"], last["Trouble"]) == ("customer", None)


async def test_rejected_work_may_be_submitted_again(play: Delivery) -> None:
    await play.begin()
    await play.say(SUBMITTED)
    await play.say(REJECTED)
    await play.after(6 * DAY)
    await play.say(SUBMITTED)
    await play.say(APPROVED)
    await play.outcome()
    assert play.world.calls == ["settle_job", "close_deliverable"]


async def test_rejected_work_not_submitted_again_is_called_off(play: Delivery) -> None:
    play.fakes.outcome = DeliverableOutcome.CALLED_OFF
    await play.begin()
    await play.say(SUBMITTED)
    rejected = await play.said(REJECTED)
    await play.tell(rejected)
    assert (await play.outcome()).outcome is DeliverableOutcome.CALLED_OFF
    [request] = [asked for asked in play.fakes.asked if isinstance(asked, CallOffRejected)]
    assert request.rejected_at == rejected.at
    assert play.paid() == []


async def test_work_submitted_again_at_the_last_moment_is_not_called_off(play: Delivery) -> None:
    await play.begin()
    play.fakes.kept.append(play.milestones[0].milestone_id)
    await play.say(SUBMITTED)
    await play.say(REJECTED)
    await play.after(8 * DAY)
    assert play.times_of(CallOffRejected) == 1
    await play.say(SUBMITTED)
    await play.outcome()
    assert play.paid() == [(play.milestones[0].job_id, True)]


async def test_rejected_work_is_called_off_when_the_plan_it_waited_for_does_not_fit(play: Delivery) -> None:
    play.fakes.outcome = DeliverableOutcome.CALLED_OFF
    await play.begin()
    play.fakes.kept.append(play.milestones[0].milestone_id)
    await play.say(SUBMITTED)
    await play.say(REJECTED)
    await play.after(8 * DAY)
    assert play.times_of(CallOffRejected) == 1
    play.fakes.kept.clear()
    await play.replan(PlanApplied(applied=False, milestones=()))
    assert (await play.outcome()).outcome is DeliverableOutcome.CALLED_OFF
    assert play.times_of(CallOffRejected) == 2


async def test_a_date_without_a_submission_is_marked_once_and_work_may_still_come(play: Delivery) -> None:
    await play.begin()
    await play.after(50 * DAY)
    assert play.world.calls == ["mark_delayed"]
    await play.say(SUBMITTED)
    await play.say(APPROVED)
    await play.outcome()
    assert play.world.calls == ["mark_delayed", "settle_job", "close_deliverable"]


async def test_a_new_plan_moves_drops_and_adds_milestones(play: Delivery) -> None:
    await play.begin(2)
    first, second = play.milestones
    moved = first.model_copy(update={"due_at": play.began_at + 40 * DAY})
    added = clock_due(play.began_at + 50 * DAY)
    repeated = await play.replan(PlanApplied(applied=True, milestones=(moved, added), dropped=(second.milestone_id,)))
    await play.tell(repeated)
    await play.after(39 * DAY)
    assert play.world.calls == ["apply_plan"]
    play.milestones.append(added)
    await play.say(SUBMITTED, 0)
    await play.say(APPROVED, 0)
    await play.say(SUBMITTED, 2)
    await play.say(APPROVED, 2)
    await play.outcome()
    assert sorted(play.paid()) == sorted([(first.job_id, False), (added.job_id, False)])


async def test_a_plan_that_came_too_late_changes_nothing(play: Delivery) -> None:
    await play.begin()
    await play.replan(PlanApplied(applied=False, milestones=(clock_due(play.began_at + 90 * DAY),)))
    await play.after(11 * DAY)
    assert play.world.calls == ["apply_plan", "mark_delayed"]
    await play.say(SUBMITTED)
    await play.outcome()


async def test_what_was_submitted_before_its_plan_is_known_is_not_lost(play: Delivery) -> None:
    await play.begin()
    added = clock_due(play.began_at + 20 * DAY)
    await play.tell(play.report(SUBMITTED, added.milestone_id, play.began_at))
    await play.replan(PlanApplied(applied=True, milestones=(added,), dropped=(play.milestones[0].milestone_id,)))
    await play.outcome()
    assert play.paid() == [(added.job_id, True)]


async def test_what_the_order_takes_back_is_not_waited_for(play: Delivery) -> None:
    play.fakes.outcome = DeliverableOutcome.WITHDRAWN
    await play.begin(2)
    await play.withdraw(0, 1)
    assert (await play.outcome()).outcome is DeliverableOutcome.WITHDRAWN
    assert play.world.calls == ["close_deliverable"]


async def test_a_milestone_approved_before_the_withdrawal_is_still_paid(play: Delivery) -> None:
    """The approval's signal may come after the withdrawal's."""
    await play.begin(2)
    approved = await play.said(APPROVED, 0)
    await play.withdraw(1)
    await play.tell(approved)
    await play.outcome()
    assert play.paid() == [(play.milestones[0].job_id, False)]


async def test_frozen_money_is_looked_at_daily_and_when_it_thaws(play: Delivery) -> None:
    play.world.frozen = True
    await play.begin(2)
    await play.say(SUBMITTED, 0)
    await play.say(APPROVED, 0)
    await play.called("settle_job")
    await play.say(SUBMITTED, 1)
    await play.after(4 * DAY)
    assert play.world.calls.count("approve_silently") == 1, "the other milestone's clock goes on"
    assert play.world.calls.count("settle_job") > 4
    looks = play.world.calls.count("settle_job")
    play.world.frozen = False
    await play.thaw()
    await play.called("settle_job", looks + 2)
    await play.outcome()


async def test_milestones_in_review_at_once_have_each_their_own_clock(play: Delivery) -> None:
    await play.begin(2)
    await play.say(SUBMITTED, 0)
    await play.after(DAY)
    await play.say(SUBMITTED, 1)
    await play.after(DAY + 12 * HOUR)
    reminded = [asked.milestone_id for asked in play.fakes.asked if isinstance(asked, RemindOfReview)]
    assert reminded == [play.milestones[0].milestone_id]
    await play.say(REVISE, 0)
    await play.after(2 * DAY)
    assert play.paid() == [(play.milestones[1].job_id, True)]
    await play.say(SUBMITTED, 0)
    await play.say(APPROVED, 0)
    await play.outcome()


async def test_reports_repeated_and_out_of_order_tell_the_same(play: Delivery) -> None:
    await play.begin()
    submitted = await play.said(SUBMITTED)
    revise = await play.said(REVISE, at=submitted.at + HOUR)
    again = await play.said(SUBMITTED, at=submitted.at + 2 * HOUR)
    for report in (revise, again, submitted, again, revise):
        await play.tell(report)
    await play.outcome()
    assert play.world.calls == ["remind_of_review", "approve_silently", "settle_job", "close_deliverable"]


async def test_a_parked_payment_stops_no_other_clock(play: Delivery) -> None:
    play.world.fail("settle_job")
    await play.begin(2)
    await play.say(APPROVED, 0)
    await play.after(21 * DAY)
    assert [parking.parked.step for parking in play.world.parkings] == ["settle_job"]
    assert play.times_of(MarkDelayed) == 1
    await play.resolve(ResolutionAction.RETRY)
    await play.called("settle_job", 2)
    refused = await refusal_of(play.resolve(ResolutionAction.RETRY))
    assert refused.type == "nothing_parked"
    await play.say(APPROVED, 1)
    await play.outcome()


async def test_a_reminder_that_fails_can_be_skipped(play: Delivery) -> None:
    play.world.fail("remind_of_review", times=2)
    await play.begin()
    await play.say(SUBMITTED)
    await play.after(2 * DAY + HOUR)
    await play.resolve(ResolutionAction.SKIP)
    await play.outcome()
    assert play.paid() == [(play.milestones[0].job_id, True)]


async def test_cancel_in_the_temporal_ui_ends_nothing(play: Delivery) -> None:
    await play.begin()
    await play.handle.cancel()
    await play.say(SUBMITTED)
    await play.outcome()
    assert (await play.handle.describe()).status is WorkflowExecutionStatus.COMPLETED
