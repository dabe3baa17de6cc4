"""The deliverable activities on PostgreSQL: they look again before they act, and do nothing twice."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.api.errors import ProblemError
from fulfil.kit.database import Database
from fulfil.models.messages.deliverables import DeliverableOutcome, DeliverableState, RemindOfReview
from tests.activities.shop import Shop
from tests.activities.studio import Commission, Studio

ROUNDS = 20
TEN_DAYS = timedelta(days=10)


@pytest.fixture
def studio(shop: Shop, api_database: Database) -> Studio:
    """A studio without orders."""
    return Studio(shop, api_database)


@pytest.fixture
async def made(studio: Studio) -> Commission:
    """An ordered service with three milestones of 30, 30 and 40 %."""
    return await studio.commission()


async def test_silence_approves_once(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    silence = studio.silence(made)
    answers = [await studio.activities.approve_silently(silence) for _ in range(2)]
    assert [(answer.approved, answer.by_silence) for answer in answers] == [(True, True)] * 2
    assert (await studio.milestones(made))[0] == (1, "completed", 3000)
    assert await studio.deliverable(made) == ("accepted", False)
    assert await studio.shop.events(made.order_id) == ["milestone.submitted", "milestone.approved"]
    assert await studio.next_step(made) == ("provider", "submit milestone 2 (Part 2)")
    state = await studio.shop.value("SELECT state FROM submissions WHERE milestone_id = :id", id=made.milestones[0])
    assert state == "approved"


async def test_who_approved_a_moment_before_silence_did_approved_herself(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    silence = studio.silence(made)
    await studio.approve(made)
    answer = await studio.activities.approve_silently(silence)
    assert (answer.approved, answer.by_silence) == (True, False)
    assert await studio.shop.events(made.order_id) == ["milestone.submitted", "milestone.approved"]


async def test_silence_about_an_older_submission_approves_nothing(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    silence = studio.silence(made)
    await studio.revise(made)
    assert not (await studio.activities.approve_silently(silence)).approved
    studio.shop.clock.advance(hours=1)
    await studio.submit(made)
    assert not (await studio.activities.approve_silently(silence)).approved
    assert (await studio.milestones(made))[0][1] == "in_progress"


async def test_silence_and_a_revision_at_the_same_moment_have_one_winner(studio: Studio) -> None:
    made = await studio.commission(plan=[500] * ROUNDS)
    await studio.shop.sql("UPDATE deliverables SET revisions_included = :n", n=ROUNDS)
    silent = 0
    for which in range(ROUNDS):
        await studio.submit(made, which)
        silence = studio.activities.approve_silently(studio.silence(made, which))
        wish = asyncio.ensure_future(_revised(studio, made, which))
        if which % 2:
            await asyncio.sleep(0)
        approval, is_revised = await asyncio.gather(silence, wish)
        assert approval.approved is not is_revised
        silent += approval.approved
    events = await studio.shop.events(made.order_id)
    assert events.count("milestone.approved") == silent
    assert events.count("milestone.revision_requested") == ROUNDS - silent
    completed = [state for _, state, _ in await studio.milestones(made)].count("completed")
    assert completed == silent


async def _revised(studio: Studio, made: Commission, which: int) -> bool:
    """Whether the customer was in time."""
    try:
        await studio.revise(made, which)
    except ProblemError as problem:
        if problem.code != "not_in_review":
            raise
        return False
    return True


async def test_a_reminder_is_sent_once_and_not_after_the_answer(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    due = studio.silence(made).review_due_at
    request = RemindOfReview(
        deliverable_id=made.deliverable_id,
        order_id=made.order_id,
        milestone_id=made.milestones[0],
        review_due_at=due,
    )
    await studio.activities.remind_of_review(request)
    await studio.activities.remind_of_review(request)
    await studio.revise(made)
    await studio.activities.remind_of_review(request)
    events = await studio.shop.events(made.order_id)
    assert events == ["milestone.submitted", "reminder.sent", "milestone.revision_requested"]


async def test_a_missed_date_is_written_once_and_names_a_remedy(studio: Studio, made: Commission) -> None:
    missed = studio.missed(made, studio.shop.clock() + TEN_DAYS)
    await studio.activities.mark_delayed(missed)
    await studio.activities.mark_delayed(missed)
    assert (await studio.milestones(made))[0][1] == "delayed"
    assert await studio.shop.events(made.order_id) == ["milestone.delayed"]
    who, what = await studio.next_step(made)
    assert (who, "open a dispute" in what) == ("provider", True)


async def test_a_date_that_was_moved_or_met_is_not_missed(studio: Studio, made: Commission) -> None:
    missed = studio.missed(made, studio.shop.clock() + TEN_DAYS)
    await studio.submit(made, 1)
    await studio.activities.mark_delayed(studio.missed(made, studio.shop.clock() + 2 * TEN_DAYS, 1))
    await studio.activities.apply_plan(await studio.agree(made, [(0, 3000), (2, 4000)]))
    await studio.activities.mark_delayed(missed)
    assert "delayed" not in [state for _, state, _ in await studio.milestones(made)]


async def test_a_revision_has_a_date_of_its_own(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    await studio.revise(made)
    revision_due = studio.shop.clock() + timedelta(seconds=studio.shop.policies.revision_due_s)
    await studio.activities.mark_delayed(studio.missed(made, revision_due - timedelta(hours=1)))
    assert (await studio.milestones(made))[0][1] == "in_progress"
    await studio.activities.mark_delayed(studio.missed(made, revision_due))
    assert (await studio.milestones(made))[0][1] == "delayed"


async def test_the_date_of_a_new_plan_is_missed_by_what_was_rejected_or_awaits_a_revision(
    studio: Studio, made: Commission
) -> None:
    await studio.submit(made, 0)
    await studio.reject(made, 0)
    await studio.submit(made, 1)
    await studio.revise(made, 1)
    plan = [(0, 3000), (1, 3000), (2, 4000)]
    applied = await studio.activities.apply_plan(await studio.agree(made, plan, due_in=timedelta(days=2)))
    for clock in applied.milestones[:2]:
        which = made.milestones.index(clock.milestone_id)
        await studio.activities.mark_delayed(studio.missed(made, clock.due_at, which))
    assert [state for _, state, _ in await studio.milestones(made)] == ["delayed", "delayed", "pending"]


async def test_rejected_work_not_submitted_again_is_called_off_with_its_job(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    await studio.reject(made)
    request = studio.not_again(made, studio.shop.clock())
    answers = [await studio.activities.call_off_rejected(request) for _ in range(2)]
    assert [answer.called_off for answer in answers] == [True, True]
    job = await studio.shop.sql("SELECT state, closed_at IS NOT NULL FROM jobs WHERE id = :id", id=made.jobs[0])
    assert (await studio.milestones(made))[0][1] == "cancelled"
    assert [tuple(row) for row in job] == [("cancelled", True)]
    assert (await studio.shop.events(made.order_id))[-1] == "milestone.called_off"


async def test_rejected_work_that_an_agreed_plan_waits_for_is_not_called_off(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    await studio.reject(made)
    request = studio.not_again(made, studio.shop.clock())
    plan = await studio.agree(made, [(0, 3000), (1, 3000), (2, 4000)])
    assert not (await studio.activities.call_off_rejected(request)).called_off
    assert (await studio.activities.apply_plan(plan)).applied
    await studio.submit(made)
    await studio.reject(made)
    assert (await studio.activities.call_off_rejected(studio.not_again(made, studio.shop.clock()))).called_off


async def test_rejected_work_submitted_again_or_rejected_anew_is_not_called_off(
    studio: Studio, made: Commission
) -> None:
    await studio.submit(made)
    await studio.reject(made)
    request = studio.not_again(made, studio.shop.clock())
    studio.shop.clock.advance(days=1)
    await studio.submit(made)
    assert not (await studio.activities.call_off_rejected(request)).called_off
    await studio.reject(made)
    assert not (await studio.activities.call_off_rejected(request)).called_off
    assert (await studio.milestones(made))[0][1] == "in_progress"


@pytest.mark.parametrize("whole_order", [False, True])
async def test_a_withdrawal_calls_off_what_is_open(studio: Studio, made: Commission, whole_order: bool) -> None:
    await studio.propose(made)
    request = studio.withdrawal(made, whole_order=whole_order)
    answers = [await studio.activities.withdraw_deliverable(request) for _ in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0].withdrawn, answers[0].settled, answers[0].unpaid_minor) == (True, False, 10_000)
    assert await studio.deliverable(made) == ("cancelled", True)
    assert {state for _, state, _ in await studio.milestones(made)} == {"cancelled"}
    order_state = await studio.shop.value("SELECT state FROM orders WHERE id = :id", id=made.order_id)
    assert order_state == ("cancelling" if whole_order else "in_fulfilment")
    closed = await studio.activities.close_deliverable(studio.closing(made))
    assert closed.outcome is DeliverableOutcome.WITHDRAWN
    assert await studio.shop.value("SELECT state FROM plan_proposals") == "withdrawn"


async def test_the_workflow_hears_what_was_withdrawn(studio: Studio, made: Commission) -> None:
    workflow_id = f"deliverable/{made.deliverable_id}"
    await studio.shop.client.start_workflow("Deliverable", id=workflow_id, task_queue="nobody")
    await studio.submit(made)
    await studio.approve(made)
    withdrawal = await studio.activities.withdraw_deliverable(studio.withdrawal(made))
    assert (withdrawal.settled, withdrawal.unpaid_minor, withdrawal.state) == (
        True,
        7_000,
        DeliverableState.COMPLETED,
    )
    [(name, message)] = await studio.shop.signals(workflow_id)
    assert (name, message["called_off"]) == ("withdrawn", list(made.milestones[1:]))


async def test_nothing_is_withdrawn_while_work_is_in_review(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    withdrawal = await studio.activities.withdraw_deliverable(studio.withdrawal(made))
    assert (withdrawal.withdrawn, withdrawal.state) == (False, DeliverableState.IN_REVIEW)
    assert [state for _, state, _ in await studio.milestones(made)] == ["in_progress", "pending", "pending"]
    assert await studio.shop.events(made.order_id) == ["milestone.submitted"]


async def test_a_withdrawal_and_a_submission_at_the_same_moment_have_one_winner(studio: Studio) -> None:
    async def submitted(made: Commission) -> bool:
        try:
            await studio.submit(made)
        except ProblemError as problem:
            if problem.code not in ("order_cancelled", "deliverable_ended"):
                raise
            return False
        return True

    for _ in range(5):
        made = await studio.commission()
        withdrawal, is_submitted = await asyncio.gather(
            studio.activities.withdraw_deliverable(studio.withdrawal(made)), submitted(made)
        )
        assert withdrawal.withdrawn is not is_submitted
        states = {state for _, state, _ in await studio.milestones(made)}
        assert (states == {"cancelled"}) is withdrawal.withdrawn


async def test_a_deliverable_closes_by_what_became_of_its_milestones(studio: Studio, made: Commission) -> None:
    for which in range(2):
        await studio.submit(made, which)
        await studio.approve(made, which)
    await studio.submit(made, 2)
    await studio.reject(made, 2)
    with pytest.raises(ApplicationError, match="is rejected"):
        await studio.activities.close_deliverable(studio.closing(made))
    await studio.activities.call_off_rejected(studio.not_again(made, studio.shop.clock(), 2))
    closings = [await studio.activities.close_deliverable(studio.closing(made)) for _ in range(2)]
    assert closings[0] == closings[1]
    assert (closings[0].outcome, closings[0].unpaid_minor) == (DeliverableOutcome.COMPLETED, 4_000)
    assert await studio.deliverable(made) == ("completed", True)
    assert (await studio.shop.events(made.order_id))[-1] == "deliverable.completed"
    signals = await studio.shop.signals(f"order/{made.order_id}")
    assert [name for name, _ in signals] == ["deliverable_closed"] * 2
    assert signals[0][1]["unpaid_minor"] == 4_000


async def test_a_deliverable_of_which_nothing_was_approved_is_rejected(studio: Studio) -> None:
    made = await studio.commission(plan=[10_000])
    await studio.submit(made)
    await studio.reject(made)
    await studio.activities.call_off_rejected(studio.not_again(made, studio.shop.clock()))
    closed = await studio.activities.close_deliverable(studio.closing(made))
    assert (closed.outcome, closed.unpaid_minor) == (DeliverableOutcome.CALLED_OFF, 10_000)
    assert await studio.deliverable(made) == ("rejected", True)
    assert (await studio.shop.events(made.order_id))[-1] == "deliverable.cancelled"
