"""The paths of the refund process, one test per branch of `run()` and per refusal."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from fulfil.models.messages.refunds import RefundRoute, RefundState
from fulfil.models.messages.support import ResolutionAction
from tests.workflows.fakes import World
from tests.workflows.playing import refusal_of
from tests.workflows.refunding import BOSS, CLERK, CUSTOMER, FakeRefunds, RefundPlay, refund_workers

AWAITING, FAILED, SENT = RefundState.AWAITING_APPROVAL, RefundState.FAILED, RefundState.SENT


@pytest.fixture
async def play(skipping: WorkflowEnvironment, world: World) -> AsyncIterator[RefundPlay]:
    """One refund on running workers."""
    bank = FakeRefunds(world)
    async with refund_workers(skipping.client, bank):
        yield RefundPlay(skipping, bank)


async def test_a_refund_is_opened_and_sent(play: RefundPlay) -> None:
    opened = await play.request()
    assert (opened.state, opened.plan.amount_minor) == (RefundState.REQUESTED, 3000)
    assert (await play.outcome()).state is RefundState.SUCCEEDED
    assert play.world.calls == ["open_refund", "send_refund"]


async def test_a_refund_that_arrives_at_once_costs_few_events(play: RefundPlay) -> None:
    await play.request()
    await play.outcome()
    history = await play.refund.fetch_history()
    # Start and update, two steps, the end: no timer, no search attribute.
    assert len(history.events) <= 19


async def test_a_repeated_request_joins_the_running_refund(play: RefundPlay) -> None:
    play.bank.opens_as = AWAITING
    answers = await asyncio.gather(*(play.request() for _ in range(3)))
    assert answers[0] == answers[1] == answers[2]
    assert play.world.calls == ["open_refund"]


async def test_a_refused_request_ends_at_once(play: RefundPlay) -> None:
    play.bank.opens_as, play.bank.refusal_code = RefundState.REJECTED, "nothing_to_refund"
    opened = await play.request()
    outcome = await play.outcome()
    assert opened.plan.refusal_code == outcome.refusal_code == "nothing_to_refund"
    assert (outcome.state, outcome.refusal_detail) == (RefundState.REJECTED, "no")
    assert play.world.calls == ["open_refund"]


async def test_a_second_person_approves_and_it_is_sent(play: RefundPlay) -> None:
    play.bank.opens_as = AWAITING
    await play.request()
    answer = await play.decide()
    assert answer.state is RefundState.REQUESTED
    assert (await play.outcome()).state is RefundState.SUCCEEDED
    assert play.bank.decisions[0].actor == BOSS


async def test_a_rejected_refund_ends(play: RefundPlay) -> None:
    play.bank.opens_as = AWAITING
    await play.request()
    assert (await play.decide(approved=False)).state is RefundState.REJECTED
    assert (await play.outcome()).state is RefundState.REJECTED
    assert "send_refund" not in play.world.calls


async def test_who_asked_for_it_never_decides(play: RefundPlay) -> None:
    play.bank.opens_as = AWAITING
    await play.request()
    refused = await refusal_of(play.decide(by=CLERK))
    assert refused.type == "second_person_required"
    assert refused.details[0]["state"] == "awaiting_approval"
    assert refused.details[0]["allowed_actions"] == ["approve", "reject"]
    assert (await refusal_of(play.decide(by=CUSTOMER))).type == "role_not_allowed"
    assert "decide_refund" not in play.world.calls


async def test_of_two_decisions_at_once_the_first_counts(play: RefundPlay) -> None:
    play.bank.opens_as = AWAITING
    await play.request()
    answers = await asyncio.gather(play.decide(), play.decide(approved=False), return_exceptions=True)
    assert sum(isinstance(answer, BaseException) for answer in answers) == 1
    await play.outcome()
    assert len(play.bank.decisions) == 1


async def test_nothing_is_decided_of_a_refund_that_is_on_its_way(play: RefundPlay) -> None:
    play.bank.sent = [SENT]
    await play.request()
    await play.called("send_refund")
    assert (await refusal_of(play.decide())).type == "not_awaiting_approval"
    assert (await refusal_of(play.reroute())).type == "refund_not_failed"


async def test_an_approval_while_a_chargeback_is_open_is_refused_and_the_refund_waits_on(play: RefundPlay) -> None:
    play.bank.opens_as, play.bank.frozen = AWAITING, True
    await play.request()
    refused = await refusal_of(play.decide())
    assert (refused.type, refused.details[0]["state"]) == ("payment_frozen", "awaiting_approval")
    play.bank.frozen = False
    await play.decide()
    assert (await play.outcome()).state is RefundState.SUCCEEDED


async def test_a_refund_that_needs_a_person_only_when_it_is_sent_waits_for_one(play: RefundPlay) -> None:
    play.bank.sent = [AWAITING]
    await play.request()
    await play.stuck("refund_approval")
    await play.decide()
    assert (await play.outcome()).state is RefundState.SUCCEEDED
    assert play.world.calls.count("send_refund") == 2


async def test_a_pending_refund_is_looked_at_when_its_webhook_came(play: RefundPlay) -> None:
    play.bank.sent = [SENT]
    await play.request()
    await play.called("send_refund")
    await play.hear(RefundState.SUCCEEDED)
    assert (await play.outcome()).state is RefundState.SUCCEEDED
    assert play.world.calls == ["open_refund", "send_refund", "look_at_refund"]


async def test_a_pending_refund_nobody_tells_of_is_looked_at_after_one_five_and_ten_days(
    play: RefundPlay, skipping: WorkflowEnvironment
) -> None:
    play.bank.sent, play.bank.seen = [SENT], [SENT] * 4
    await play.request()
    began = await skipping.get_current_time()
    outcome = await play.outcome()
    assert outcome.state is RefundState.SUCCEEDED
    assert play.world.calls.count("look_at_refund") == 5
    waited = outcome.at - began
    assert timedelta(days=30) <= waited < timedelta(days=30, hours=1)


async def test_a_failed_refund_is_sent_another_way(play: RefundPlay) -> None:
    play.bank.sent = [FAILED]
    await play.request()
    await play.stuck("refund_failed")
    await play.reroute(RefundRoute.CREDIT, None)
    assert (await play.outcome()).state is RefundState.SUCCEEDED
    assert play.bank.reroutes[0].route is RefundRoute.CREDIT
    assert play.world.calls == ["open_refund", "send_refund", "reroute_refund", "send_refund"]


async def test_a_bank_transfer_is_named(play: RefundPlay) -> None:
    play.bank.sent = [FAILED]
    await play.request()
    await play.stuck("refund_failed")
    assert (await refusal_of(play.reroute(RefundRoute.BANK, None))).type == "reference_missing"
    assert (await refusal_of(play.reroute(by=CUSTOMER))).type == "role_not_allowed"
    assert (await refusal_of(play.decide())).type == "not_awaiting_approval"
    await play.reroute()
    assert (await play.outcome()).state is RefundState.SUCCEEDED


async def test_a_failed_refund_may_be_given_up(play: RefundPlay) -> None:
    play.bank.sent = [FAILED]
    await play.request()
    await play.stuck("refund_failed")
    assert (await play.decide(approved=False)).state is RefundState.REJECTED
    assert (await play.outcome()).state is RefundState.REJECTED


async def test_a_refund_that_fails_again_waits_again(play: RefundPlay) -> None:
    play.bank.sent = [FAILED, FAILED]
    await play.request()
    await play.stuck("refund_failed")
    await play.reroute(RefundRoute.CARD, None)
    await play.called("send_refund", times=2)
    await play.stuck("refund_failed")
    await play.reroute()
    assert (await play.outcome()).state is RefundState.SUCCEEDED


async def test_a_failure_after_success_begins_a_second_run(play: RefundPlay) -> None:
    await play.request()
    assert (await play.outcome()).state is RefundState.SUCCEEDED
    opened = await play.request(reopened=True)
    assert opened.state is FAILED
    await play.reroute()
    assert (await play.outcome()).state is RefundState.SUCCEEDED


async def test_a_failure_heard_of_before_the_end_is_looked_at(play: RefundPlay) -> None:
    play.bank.sent, play.bank.seen = [RefundState.SUCCEEDED], [FAILED]
    play.bank.opens_as = AWAITING
    await play.request()
    await play.hear(FAILED)
    await play.decide()
    await play.stuck("refund_failed")
    await play.reroute()
    assert (await play.outcome()).state is RefundState.SUCCEEDED


async def test_a_step_whose_retries_are_spent_parks_and_goes_on_when_retried(play: RefundPlay) -> None:
    play.world.fail("send_refund")
    await play.request()
    async with play.world.called:
        await asyncio.wait_for(play.world.called.wait_for(lambda: bool(play.world.parkings)), timeout=10)
    assert play.world.parkings[0].subject == play.refund_id
    assert (await refusal_of(play.resolve(ResolutionAction.SKIP))).type == "resolution_not_allowed"
    await play.resolve(ResolutionAction.RETRY)
    assert (await play.outcome()).state is RefundState.SUCCEEDED


async def test_a_refund_that_can_not_be_opened_may_be_given_up(play: RefundPlay) -> None:
    play.world.fail("open_refund")
    request = asyncio.create_task(play.request())
    async with play.world.called:
        await asyncio.wait_for(play.world.called.wait_for(lambda: bool(play.world.parkings)), timeout=10)
    await play.resolve(ResolutionAction.CANCEL)
    assert (await request).plan.refusal_code == "refund_not_opened"
    assert (await play.outcome()).refusal_code == "refund_not_opened"


async def test_cancel_in_the_temporal_ui_loses_no_money_that_is_owed(play: RefundPlay) -> None:
    play.bank.sent = [FAILED]
    await play.request()
    await play.stuck("refund_failed")
    await play.refund.cancel()
    await play.reroute()
    assert (await play.outcome()).state is RefundState.SUCCEEDED
    assert (await play.refund.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_cancel_in_the_temporal_ui_does_not_end_a_parked_refund(play: RefundPlay) -> None:
    play.world.fail("send_refund")
    await play.request()
    async with play.world.called:
        await asyncio.wait_for(play.world.called.wait_for(lambda: bool(play.world.parkings)), timeout=10)
    await play.refund.cancel()
    await play.resolve(ResolutionAction.RETRY)
    assert (await play.outcome()).state is RefundState.SUCCEEDED
