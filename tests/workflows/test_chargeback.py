"""The chargeback process, branch by branch, on a clock that jumps over the waiting."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from fulfil.kit.temporal_cost import cost_of
from fulfil.models.messages.chargebacks import (
    ChargebackState,
    ChargebackStatus,
)
from fulfil.models.messages.parties import ActorKind
from fulfil.models.messages.support import ResolutionAction
from fulfil.workflows.chargeback import ChargebackWorkflow
from fulfil.workflows.ids import ORDERS, PAYMENTS
from tests.workflows.chargebacking import DAY, REMINDER, SUBMISSION, SUPPORT, Case, FakeBank
from tests.workflows.fake_support import FakeSupport
from tests.workflows.fakes import World
from tests.workflows.playing import refusal_of


@pytest.fixture
async def case(skipping: WorkflowEnvironment, world: World) -> AsyncIterator[Case]:
    """A chargeback to be answered within ten days."""
    due = await skipping.get_current_time() + 10 * DAY
    bank, support = FakeBank(world, skipping, due), FakeSupport(world)
    async with (
        Worker(
            skipping.client,
            task_queue=ORDERS,
            workflows=[ChargebackWorkflow],
            activities=[support.note_parking, support.note_resolution],
        ),
        Worker(
            skipping.client,
            task_queue=PAYMENTS,
            activities=[
                bank.read_chargeback,
                bank.collect_evidence,
                bank.submit_evidence,
                bank.accept_loss,
                bank.remind_of_evidence,
            ],
        ),
    ):
        yield Case(skipping, world, bank)


def about(moment: datetime, wanted: datetime) -> bool:
    """Within a minute."""
    return abs(moment - wanted) < timedelta(minutes=1)


async def test_what_is_staged_is_submitted_before_the_due_date_by_itself(case: Case) -> None:
    await case.start()
    assert await case.outcome() is ChargebackState.WON
    assert case.bank.due is not None
    assert about(case.bank.moments["remind_of_evidence"], case.bank.due - REMINDER)
    assert about(case.bank.moments["submit_evidence"], case.bank.due - SUBMISSION)
    assert [request.actor.kind for request in case.bank.submissions] == [ActorKind.SYSTEM]
    assert case.world.calls == [
        "read_chargeback",
        "collect_evidence",
        "remind_of_evidence",
        "submit_evidence",
        "read_chargeback",
    ]


async def test_an_answered_chargeback_stays_within_its_budget_of_events(case: Case) -> None:
    await case.start()
    await case.outcome()
    cost = cost_of((await case.handle.fetch_history()).events)
    assert cost.events <= 52
    assert cost.actions <= 11


async def test_an_undecided_one_is_looked_at_every_few_days(case: Case) -> None:
    case.bank.decided_after, case.bank.verdict = 4, ChargebackState.LOST
    await case.start()
    assert await case.outcome() is ChargebackState.LOST
    assert case.world.calls.count("read_chargeback") == 6


async def test_support_submits_earlier_and_is_not_reminded(case: Case) -> None:
    await case.start()
    await case.staged()
    status = await case.submit()
    assert (status.state, status.submitted) == (ChargebackState.UNDER_REVIEW, True)
    assert await case.outcome() is ChargebackState.WON
    assert "remind_of_evidence" not in case.world.calls
    assert [request.actor for request in case.bank.submissions] == [SUPPORT]


async def test_an_event_makes_it_be_read_at_once(case: Case) -> None:
    await case.start()
    await case.staged()
    case.bank.state = ChargebackState.WON
    await case.hear()
    assert await case.outcome() is ChargebackState.WON
    assert case.world.calls.count("submit_evidence") == 0


async def test_one_that_is_decided_already_ends_at_once(case: Case) -> None:
    case.bank.state = ChargebackState.LOST
    await case.start()
    assert await case.outcome() is ChargebackState.LOST
    assert case.world.calls == ["read_chargeback"]


async def test_an_accepted_loss_ends_it(case: Case) -> None:
    await case.start()
    await case.staged()
    assert (await case.accept()).state is ChargebackState.LOST
    assert await case.outcome() is ChargebackState.LOST
    assert "submit_evidence" not in case.world.calls


async def test_an_inquiry_that_escalates_is_answered_anew(case: Case) -> None:
    case.bank.state = ChargebackState.INQUIRY
    await case.start()
    await case.staged()
    case.bank.state = ChargebackState.NEEDS_RESPONSE
    await case.hear()
    assert await case.outcome() is ChargebackState.WON
    assert case.bank.collected == [1, 2]


async def test_a_closed_inquiry_ends(case: Case) -> None:
    case.bank.state = ChargebackState.INQUIRY
    await case.start()
    await case.staged()
    case.bank.state = ChargebackState.CLOSED
    await case.hear()
    assert await case.outcome() is ChargebackState.CLOSED


async def test_an_inquiry_can_be_answered_but_not_accepted(case: Case) -> None:
    case.bank.state, case.bank.verdict = ChargebackState.INQUIRY, ChargebackState.CLOSED
    await case.start()
    await case.staged()
    refused = await refusal_of(case.accept())
    assert (refused.type, refused.details[0]["state"]) == ("inquiry_not_acceptable", "inquiry")
    assert refused.details[0]["allowed_actions"] == ["evidence", "submit"]
    assert (await case.submit()).submitted
    assert await case.outcome() is ChargebackState.CLOSED


async def test_a_statement_is_staged_with_everything_else(case: Case) -> None:
    await case.start()
    await case.staged()
    assert not (await case.add()).submitted
    assert case.bank.collected == [1, 2]
    assert await case.outcome() is ChargebackState.WON


async def test_after_the_answer_nothing_can_be_added_or_accepted(case: Case) -> None:
    case.bank.decided_after = 1
    await case.start()
    await case.staged()
    await case.submit()
    for attempt in (case.submit, case.add, case.accept):
        refused = await refusal_of(attempt())
        assert (refused.type, refused.details[0]["allowed_actions"]) == ("evidence_submitted", [])
        assert refused.details[0]["state"] == "under_review"
    assert await case.outcome() is ChargebackState.WON


async def test_two_submissions_at_once_send_one_answer_each_knows_of(case: Case) -> None:
    await case.start()
    await case.staged()
    answers = await asyncio.gather(case.submit(), case.submit(), return_exceptions=True)
    states = [answer.state for answer in answers if isinstance(answer, ChargebackStatus)]
    refusals = [answer for answer in answers if isinstance(answer, WorkflowUpdateFailedError)]
    assert len(states) + len(refusals) == 2
    assert set(states) <= {ChargebackState.UNDER_REVIEW}
    assert states
    assert await case.outcome() is ChargebackState.WON


async def test_without_a_date_it_is_only_looked_at(case: Case) -> None:
    case.bank.due, case.bank.submitted, case.bank.decided_after = None, True, 2
    case.bank.state = ChargebackState.UNDER_REVIEW
    await case.start()
    assert await case.outcome() is ChargebackState.WON
    assert set(case.world.calls) == {"read_chargeback"}


async def test_evidence_that_cannot_be_staged_parks_and_may_be_skipped(case: Case) -> None:
    case.world.fail("collect_evidence")
    await case.start()
    await case.called("collect_evidence")
    async with case.world.called:
        await asyncio.wait_for(case.world.called.wait_for(lambda: bool(case.world.parkings)), timeout=10)
    refused = await refusal_of(case.accept())
    assert (refused.type, refused.details[0]["allowed_actions"]) == ("step_parked", ["retry", "skip"])
    await case.resolve(ResolutionAction.SKIP)
    case.bank.state = ChargebackState.LOST
    await case.hear()
    assert await case.outcome() is ChargebackState.LOST


async def test_nothing_is_submitted_when_nothing_is_staged(case: Case) -> None:
    case.world.fail("collect_evidence")
    await case.start()
    async with case.world.called:
        await asyncio.wait_for(case.world.called.wait_for(lambda: bool(case.world.parkings)), timeout=10)
    await case.resolve(ResolutionAction.SKIP)
    async with asyncio.timeout(10):
        while (refused := await _refusal(case)).type == "step_parked":  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.02)
    assert (refused.type, refused.details[0]["allowed_actions"]) == ("nothing_staged", ["evidence", "accept"])
    case.bank.submitted = True
    await case.hear()
    assert await case.outcome() is ChargebackState.WON
    assert not case.bank.submissions


async def _refusal(case: Case) -> ApplicationError:
    return await refusal_of(case.submit())


async def test_a_submission_that_fails_at_the_last_moment_waits_for_support(case: Case) -> None:
    case.world.fail("submit_evidence")
    await case.start()
    result = asyncio.create_task(case.outcome())
    async with case.world.called:
        await asyncio.wait_for(case.world.called.wait_for(lambda: bool(case.world.parkings)), timeout=10)
    case.bank.submitted = True
    await case.resolve(ResolutionAction.SKIP)
    assert await result is ChargebackState.WON
    assert not case.bank.submissions


async def test_an_answer_given_up_by_support_leaves_the_chargeback_open(case: Case) -> None:
    case.world.fail("submit_evidence")
    await case.start()
    await case.staged()
    answer = asyncio.create_task(case.submit())
    async with case.world.called:
        await asyncio.wait_for(case.world.called.wait_for(lambda: bool(case.world.parkings)), timeout=10)
    await case.resolve(ResolutionAction.CANCEL)
    refused = await refusal_of(answer)
    assert refused.type == "answer_given_up"
    assert (await case.submit()).submitted
    assert await case.outcome() is ChargebackState.WON


async def test_pressing_cancel_changes_nothing(case: Case) -> None:
    await case.start()
    await case.staged()
    await case.handle.cancel()
    assert (await case.submit()).submitted
    assert await case.outcome() is ChargebackState.WON
