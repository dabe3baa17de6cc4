"""Orders of many lines: one test per way their lines end together."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from fulfil.models.messages.deliverables import DeliverableOutcome
from fulfil.models.messages.jobs import JobOutcome
from fulfil.models.messages.orders import CancelLine, OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.support import ResolutionAction
from fulfil.workflows.order import OrderWorkflow
from tests.workflows.fakes import World
from tests.workflows.lining import GOODS, SERVICE, LinesPlay, WithdrawnDeliverables, order_workers
from tests.workflows.playing import refusal_of


@pytest.fixture
async def lines(skipping: WorkflowEnvironment, world: World) -> AsyncIterator[LinesPlay]:
    """One order on running workers."""
    deliverables = WithdrawnDeliverables(world)
    async with order_workers(skipping.client, world, deliverables):
        yield LinesPlay(skipping.client, world, skipping, deliverables=deliverables)


async def test_an_order_waits_until_every_line_is_made(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS, SERVICE)
    assert world.calls == ["place_order", "capture_payment", "open_lines"]
    await lines.made(1)
    await lines.delivered(2)
    await lines.made(1)
    await lines.made(0)
    assert (await lines.outcome()).state is OrderState.CLOSED
    assert world.calls == ["place_order", "capture_payment", "open_lines"]


async def test_goods_alone_are_not_captured_before_somebody_accepts(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    assert world.calls == ["place_order", "open_lines"]


async def test_a_payment_that_can_not_be_captured_opens_nothing(lines: LinesPlay, world: World) -> None:
    world.kinds, world.capture_lost = (SERVICE,), True
    await lines.place(revision=2)
    await lines.payment(PaymentState.AUTHORIZED)
    outcome = await lines.outcome()
    assert (outcome.state, outcome.reason) == (OrderState.CANCELLED, "the authorised payment could not be captured")
    assert world.calls == ["place_order", "capture_payment", "return_payment", "close_order"]


async def test_a_line_nobody_makes_is_paid_back_while_the_others_go_on(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    await lines.job_ends(0, JobOutcome.DECLINED_BY_ALL)
    await lines.until(lambda: bool(world.returned_lines))
    await lines.made(1)
    assert (await lines.outcome()).state is OrderState.CLOSED
    assert lines.returned() == [(0, "cancellation", None)]
    assert [request.state for request in world.closed_orders] == [OrderState.CLOSED]


async def test_a_line_called_off_for_being_late_says_so(lines: LinesPlay) -> None:
    await lines.opened(GOODS, GOODS)
    await lines.made(1)
    await lines.job_ends(0, JobOutcome.CALLED_OFF)
    assert (await lines.outcome()).state is OrderState.CLOSED
    assert lines.returned() == [(0, "late", None)]


async def test_milestones_that_were_called_off_go_back(lines: LinesPlay) -> None:
    await lines.opened(SERVICE)
    await lines.delivered(0, unpaid_minor=400)
    assert (await lines.outcome()).state is OrderState.CLOSED
    assert lines.returned() == [(0, "cancellation", 400)]


async def test_an_order_of_which_nothing_was_made_is_cancelled_and_paid_back(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, SERVICE)
    await lines.job_ends(0, JobOutcome.DECLINED_BY_ALL)
    await lines.until(lambda: bool(world.returned_lines))
    await lines.delivered(1, DeliverableOutcome.CALLED_OFF, unpaid_minor=1_000)
    assert (await lines.outcome()).state is OrderState.CANCELLED
    assert world.calls[-3:] == ["return_line", "return_payment", "close_order"]


async def test_a_payment_lost_takes_the_other_lines_back(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    await lines.job_ends(0, JobOutcome.PAYMENT_LOST)
    assert (await lines.outcome()).state is OrderState.CANCELLED
    assert world.withdrawals[0].job_ids == (world.job_ids[world.line_ids[1]],)
    assert not world.returned_lines


async def test_a_hold_lost_when_a_line_is_paid_back_cancels_the_order(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    world.line_hold_lost = True
    await lines.job_ends(0, JobOutcome.DECLINED_BY_ALL)
    assert (await lines.outcome()).state is OrderState.CANCELLED
    assert world.calls[-4:] == ["return_line", "withdraw_lines", "return_payment", "close_order"]


async def test_a_line_is_cancelled_once_however_often_it_is_asked(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    answers = [await lines.cancel_line(0) for _ in range(2)]
    await lines.made(1)
    assert (await lines.outcome()).state is OrderState.CLOSED
    assert {answer.order_state for answer in answers} == {OrderState.IN_FULFILMENT}
    assert (world.calls.count("withdraw_job"), lines.returned()) == (1, [(0, "cancellation", None)])


async def test_with_its_last_line_the_order_is_cancelled_by_whoever_asked(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    await lines.cancel_line(0)
    answer = await lines.cancel_line(1)
    assert answer.order_state is OrderState.CANCELLING
    assert (await lines.outcome()).state is OrderState.CANCELLED
    assert world.closed_orders[0].actor == lines.customer


async def test_a_service_cancelled_before_anything_is_paid_cancels_its_order(lines: LinesPlay, world: World) -> None:
    await lines.opened(SERVICE)
    answer = await lines.cancel_line(0)
    assert answer.order_state is OrderState.CANCELLING
    assert (await lines.outcome()).state is OrderState.CANCELLED
    assert (world.calls.count("return_line"), world.calls.count("return_payment")) == (0, 1)


async def test_a_service_with_paid_milestones_ends_when_they_are_paid_and_gives_the_rest_back(
    lines: LinesPlay,
) -> None:
    lines.deliverables.settled = True
    await lines.opened(SERVICE)
    await lines.cancel_line(0)
    assert lines.returned() == []
    await lines.delivered(0, DeliverableOutcome.WITHDRAWN, unpaid_minor=700)
    assert (await lines.outcome()).state is OrderState.CLOSED
    assert lines.returned() == [(0, "cancellation", 700)]


async def test_a_line_that_has_begun_is_not_cancelled(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, SERVICE)
    world.started, lines.deliverables.in_review = True, True
    refusals = [await refusal_of(lines.cancel_line(line)) for line in (0, 1)]
    assert [refusal.type for refusal in refusals] == ["production_started", "work_in_review"]
    assert "refund" in refusals[0].message
    assert not world.returned_lines


async def test_an_order_is_cancelled_whole_or_not_at_all(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    world.started = True
    refused = await refusal_of(lines.cancel())
    assert (refused.type, refused.details[0]["allowed_actions"]) == ("production_started", ["cancel_line"])
    world.started = False
    await lines.cancel()
    assert (await lines.outcome()).state is OrderState.CANCELLED
    assert world.calls.count("withdraw_job") == 0


async def test_an_order_of_which_a_line_is_made_is_not_cancelled_whole(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    await lines.made(0)
    assert (await refusal_of(lines.cancel())).type == "production_started"
    assert "withdraw_lines" not in world.calls


async def test_a_line_of_an_unpaid_order_and_a_line_of_another_are_refused(lines: LinesPlay, world: World) -> None:
    world.kinds = (GOODS, GOODS)
    await lines.place(revision=2)
    assert (await refusal_of(lines.cancel_line(0))).type == "order_not_paid"
    await lines.pay()
    request = CancelLine(line_id="lin_" + "0" * 32, actor=lines.customer, reason="whose?")
    unknown = lines.order.execute_update(OrderWorkflow.cancel_line, request)
    assert (await refusal_of(unknown)).type == "line_unknown"


async def test_a_line_that_ended_is_not_cancelled(lines: LinesPlay) -> None:
    await lines.opened(GOODS, GOODS)
    await lines.made(0)
    assert (await refusal_of(lines.cancel_line(0))).type == "line_ended"


async def test_support_may_pay_a_line_back_by_hand(lines: LinesPlay, world: World) -> None:
    await lines.opened(GOODS, GOODS)
    world.fail("return_line")
    await lines.job_ends(0, JobOutcome.DECLINED_BY_ALL)
    await lines.until(lambda: bool(world.parkings))
    await lines.resolve(lines.order, ResolutionAction.SKIP)
    await lines.made(1)
    assert (await lines.outcome()).state is OrderState.CLOSED


async def test_support_may_give_up_capturing_before_anything_is_open(lines: LinesPlay, world: World) -> None:
    world.kinds = (SERVICE,)
    world.fail("capture_payment")
    await lines.place(revision=2)
    await lines.payment(PaymentState.AUTHORIZED)
    await lines.until(lambda: bool(world.parkings))
    await lines.resolve(lines.order, ResolutionAction.CANCEL)
    assert (await lines.outcome()).state is OrderState.CANCELLED
    assert not world.opened


async def test_support_may_give_up_opening_unless_a_provider_has_begun(lines: LinesPlay, world: World) -> None:
    world.kinds = (GOODS, GOODS)
    world.fail("open_lines", times=4)  # twice in the workflow's worker and on the queue
    world.started = True
    await lines.place(revision=2)
    await lines.payment(PaymentState.AUTHORIZED)
    for parkings, started in ((1, True), (2, False)):
        await lines.until(lambda: len(world.parkings) == parkings)  # noqa: B023 (awaited in this turn)
        world.started = started
        await lines.resolve(lines.order, ResolutionAction.CANCEL)
    assert (await lines.outcome()).state is OrderState.CANCELLED
    assert [request.whatever_is_open for request in world.withdrawals] == [True, True]
    assert world.calls[-3:] == ["withdraw_lines", "return_payment", "close_order"]
