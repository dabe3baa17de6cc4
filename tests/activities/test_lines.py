"""Orders of many lines: each line on its own, the money of each to the cent, and nothing twice."""

import asyncio
from datetime import timedelta

import pytest

from fulfil.activities.returning import scope_of_held
from fulfil.models.ids import new_id
from fulfil.models.messages.orders import CloseOrder, OrderState, WithdrawLines
from fulfil.models.messages.parties import SYSTEM, Actor, ActorKind
from fulfil.models.messages.payments import CapturePayment
from fulfil.models.messages.refunds import RefundLine, RefundReason, RefundScope, StartRefund
from fulfil.models.money import Money
from fulfil.workflows.ids import deliverable_workflow_id
from tests.activities.lines_desk import LinesDesk, add_item, add_service, opening, started, want
from tests.activities.refund_desk import CLERK
from tests.activities.till import Till

CUSTOMER = Actor(kind=ActorKind.CUSTOMER, id="cus_1")


async def test_a_quote_of_two_materials_is_two_lines_that_sum_to_it_to_the_cent(till: Till) -> None:
    start = await till.shop.add_quote(total_minor=1_000, material_g=42)
    await add_item(till, start, material="petg", amount_minor=501)

    placed = await till.payments.place_order(start)

    rows = await till.shop.sql(
        "SELECT id, position, material, positions, quantity, material_g, amount_minor FROM order_lines "
        "ORDER BY position"
    )
    assert [tuple(row)[1:] for row in rows] == [
        (1, "pla", [0], 2, 42, 666),
        (2, "petg", [1], 3, 7, 334),
    ]
    assert [line.line_id for line in placed.lines] == [row.id for row in rows]
    assert (placed.line_id, placed.amount_minor) == (None, 1_000)


async def test_a_service_keeps_the_plan_it_was_bought_with(till: Till) -> None:
    provider = await till.add_payee()
    placed = await till.payments.place_order(await want(till, provider, quotes=0))

    ((kind, plan, provider_id, days),) = await till.shop.sql(
        "SELECT kind, plan, provider_id, lead_time_days FROM order_lines"
    )
    assert (kind, provider_id, days, placed.amount_minor) == ("service", provider, 20, 5_001)
    assert [part["share_bp"] for part in plan] == [3_000, 3_000, 4_000]


async def test_a_service_changed_before_it_is_paid_is_delivered_as_it_was_ordered(till: Till) -> None:
    provider = await till.add_payee()
    placed = await till.payments.place_order(await want(till, provider, quotes=0))
    ordered = await till.shop.sql("SELECT title, revisions_included, checklist FROM services")
    await till.shop.sql("UPDATE services SET title = 'other', revisions_included = 9, checklist = '[\"new\"]'")
    await till.pay(placed)
    await till.payments.capture_payment(CapturePayment(order_id=placed.order_id))
    await till.shop.orders.open_lines(opening(placed, till))
    assert await till.shop.sql("SELECT title, revisions_included, checklist FROM deliverables") == ordered


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE services SET active = false", "service_not_offered"),
        ("UPDATE providers SET suspended_at = now()", "service_not_offered"),
        ("UPDATE services SET currency = 'usd'", "currencies_mixed"),
    ],
)
async def test_a_service_that_can_not_be_had_refuses_the_whole_order(till: Till, change: str, code: str) -> None:
    start = await want(till, await till.add_payee())
    await till.shop.sql(change)
    placed = await till.payments.place_order(start)
    assert placed.refusal_code == code
    assert await till.shop.value("SELECT count(*) FROM orders") == 0


async def test_a_service_that_costs_more_than_the_customer_was_told_is_not_ordered(till: Till) -> None:
    start = await want(till, await till.add_payee())
    told = start.model_copy(update={"total": Money(amount_minor=15_001, currency="eur")})
    await till.shop.sql("UPDATE services SET price_minor = 500100")
    placed = await till.payments.place_order(told)
    assert placed.refusal_code == "price_changed"
    assert await till.shop.value("SELECT count(*) FROM orders") == 0
    await till.shop.sql("UPDATE services SET price_minor = 5001")
    assert (await till.payments.place_order(told)).amount_minor == 15_001


async def test_every_line_opens_once_with_its_workflow_however_often_it_is_tried(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=2)
    again = await till.shop.orders.open_lines(opening(desk.placed, till))

    assert again == desk.opened
    assert [line.job_id is None for line in again.lines] == [False, False, True]
    jobs = await till.shop.sql(
        "SELECT amount_minor, state FROM jobs WHERE order_id = :id ORDER BY amount_minor", id=desk.order_id
    )
    assert [tuple(job) for job in jobs] == [
        *((1_500, "accepted"), (1_500, "accepted"), (2_001, "accepted")),
        *((10_000, "offered"), (10_000, "offered")),
    ]
    due = await till.shop.sql("SELECT due_at FROM milestones ORDER BY position")
    assert [row.due_at - till.shop.clock() for row in due] == [timedelta(days=days) for days in (5, 14, 20)]
    handle = till.shop.client.get_workflow_handle(deliverable_workflow_id(desk.deliverable(2)))
    begun = started(await handle.fetch_history())
    assert (begun.provider_id, len(begun.milestones)) == (desk.service_provider, 3)
    events = await till.shop.events(desk.order_id)
    assert (events.count("job.opened"), events.count("deliverable.opened")) == (2, 1)
    assert await desk.order_state() == "in_fulfilment"


async def test_each_milestone_pays_its_part_and_the_last_job_closes_the_order(till: Till) -> None:
    desk = await LinesDesk.place(till)
    maker = await desk.accept(0)
    released = [(await desk.settle(desk.milestone_job(1, number))).released_minor for number in (1, 2, 3)]
    assert released == [1_500, 1_500, 2_001]
    assert await desk.order_state() == "in_fulfilment"
    counted = "SELECT completed_jobs FROM providers WHERE id = :id"
    assert await till.shop.value(counted, id=desk.service_provider) == 11

    last = await desk.settle(desk.job(0))

    assert (last.order_closed, last.released_minor, last.milestone_id) == (True, 10_000, None)
    assert await till.shop.value(counted, id=maker) == 11
    assert len(await till.at_stripe("transfers", desk.order_id)) == 4
    statements = await till.shop.sql(
        "SELECT snapshot -> 'lines' -> 0 ->> 'description' AS sold FROM documents "
        "WHERE series = 'SBN' AND party_id = :id ORDER BY sequence",
        id=desk.service_provider,
    )
    assert [row.sold for row in statements] == [
        f"Design of a housing: {part}" for part in ("Concepts", "Model", "Drawing")
    ]
    await desk.check()


async def test_milestones_settled_at_the_same_time_are_each_paid_once(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=0)
    jobs = [desk.milestone_job(0, number) for number in (1, 2, 3)] * 2
    settled = await asyncio.gather(*(desk.settle(job) for job in jobs))
    assert sum(one.released_minor for one in settled[:3]) == 5_001
    assert len(await till.at_stripe("transfers", desk.order_id)) == 3
    assert await desk.order_state() == "closed"
    assert await till.shop.value("SELECT completed_jobs FROM providers WHERE id = :id", id=desk.service_provider) == 11
    await desk.check()


async def test_a_partial_refund_of_a_service_takes_the_milestone_that_is_furthest_away(till: Till) -> None:
    desk = await LinesDesk.place(till)
    await desk.settle(desk.milestone_job(1, 1))
    await refund_line(desk, 1, 2_101)

    left = [(await desk.settle(desk.milestone_job(1, number))).released_minor for number in (2, 3)]

    assert left == [1_400, 0]
    await desk.check()


async def test_a_refund_of_paid_milestones_takes_each_back_in_proportion(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=0)
    for number in (1, 2, 3):
        await desk.settle(desk.milestone_job(0, number))
    refund_id = await refund_line(desk, 0, 1_000)

    ((plan,),) = await till.shop.sql("SELECT plan FROM refunds WHERE id = :id", id=refund_id)
    assert [part["released_minor"] for part in plan["allocations"]] == [300, 300, 400]
    reversed_of = await till.shop.sql("SELECT reversed_minor FROM transfers ORDER BY amount_minor")
    assert [row.reversed_minor for row in reversed_of] == [255, 255, 340]
    ((lines,),) = await till.shop.sql("SELECT snapshot -> 'lines' FROM documents WHERE kind = 'credit_note'")
    assert [(line["description"], line["amount_minor"]) for line in lines] == [("Refund: Design of a housing", -1_000)]
    await desk.check()


async def test_a_line_nobody_makes_is_captured_and_paid_back_while_the_others_go_on(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=2, services=0)
    await till.shop.sql("UPDATE jobs SET state = 'declined_by_all', closed_at = now() WHERE id = :id", id=desk.job(0))
    first = await desk.return_line(0)
    again = await desk.return_line(0)

    assert first == again
    assert [refund["amount"] for refund in await till.at_stripe("refunds", desk.order_id)] == [10_000]
    await desk.accept(1)
    settled = await desk.settle(desk.job(1))
    assert (settled.released_minor, settled.order_closed) == (10_000, True)
    await desk.check()


async def test_a_late_line_called_off_needs_no_second_person_however_large(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=2, services=0, total_minor=90_000)
    await desk.accept(1)
    await till.shop.sql("UPDATE jobs SET state = 'cancelled', closed_at = now() WHERE id = :id", id=desk.job(0))
    refund_id = await desk.return_line(0, reason=RefundReason.LATE)
    ((state, amount),) = await till.shop.sql("SELECT state, amount_minor FROM refunds WHERE id = :id", id=refund_id)
    assert (state, amount) == ("succeeded", 90_000)
    await desk.check()


async def test_what_was_called_off_of_a_service_goes_back_and_what_was_paid_stays(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=0)
    await desk.settle(desk.milestone_job(0, 1))
    await till.shop.sql(
        "UPDATE jobs SET state = 'cancelled', closed_at = now() WHERE id IN (:second, :third)",
        second=desk.milestone_job(0, 2),
        third=desk.milestone_job(0, 3),
    )
    await desk.return_line(0, amount_minor=3_501)
    close = CloseOrder(order_id=desk.order_id, state=OrderState.CLOSED, actor=SYSTEM, reason="every line has ended")
    for _ in range(2):
        await till.shop.orders.close_order(close)

    ledger = await till.shop.ledger(desk.order_id)
    assert f"liability:held:{desk.order_id}" not in ledger
    assert await desk.order_state() == "closed"
    assert (await till.shop.events(desk.order_id)).count("order.closed") == 1
    await desk.check()


async def test_goodwill_of_an_order_is_not_taken_from_the_lines_that_go_on(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=2, services=0)
    await till.shop.sql("UPDATE jobs SET state = 'cancelled', closed_at = now() WHERE id = :id", id=desk.job(0))
    await desk.accept(1)
    given = await desk.return_line(0)
    assert given is not None
    assert (await desk.settle(desk.job(1))).released_minor == 10_000
    await desk.check()


async def test_a_lost_hold_pays_nothing_back_and_says_so(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=2, services=0)
    await till.gateway.cancel_payment_intent(desk.placed.payment_intent_id or "", idempotency_key=new_id("key"))
    assert await desk.return_line(0) is None
    assert await till.shop.value("SELECT state FROM payments") == "cancelled"


async def test_all_lines_are_taken_back_or_none(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=2)
    await desk.accept(0)
    withdraw = WithdrawLines(
        order_id=desk.order_id,
        job_ids=(desk.job(0), desk.job(1)),
        deliverable_ids=(desk.deliverable(2),),
        actor=CUSTOMER,
        reason="changed my mind",
    )
    await till.shop.sql("UPDATE productions SET started_at = now(), state = 'in_production'")
    refused = await till.shop.orders.withdraw_lines(withdraw)
    assert (refused.withdrawn, refused.begun, refused.state) == (False, desk.job(0), "in_production")
    assert await till.shop.value("SELECT count(*) FROM jobs WHERE closed_at IS NOT NULL") == 0

    await till.shop.sql("UPDATE productions SET started_at = NULL, state = 'accepted'")
    for _ in range(2):
        assert (await till.shop.orders.withdraw_lines(withdraw)).withdrawn

    assert await till.shop.value("SELECT count(*) FROM jobs WHERE closed_at IS NULL") == 0
    assert await till.shop.value("SELECT state FROM deliverables") == "cancelled"
    assert await desk.order_state() == "cancelling"
    events = await till.shop.events(desk.order_id)
    assert (events.count("order.cancelling"), events.count("job.cancelled")) == (1, 2)


async def test_what_a_given_up_step_opened_is_taken_back_however_often_it_is_tried(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=2)
    withdraw = WithdrawLines(
        order_id=desk.order_id,
        job_ids=(),
        deliverable_ids=(),
        actor=SYSTEM,
        reason="its lines could not all be opened",
        whatever_is_open=True,
    )
    for _ in range(2):
        assert (await till.shop.orders.withdraw_lines(withdraw)).withdrawn
    assert await till.shop.value("SELECT count(*) FROM jobs WHERE closed_at IS NULL") == 0
    assert await till.shop.value("SELECT count(*) FROM offers WHERE state = 'open'") == 0
    assert await till.shop.value("SELECT state FROM deliverables") == "cancelled"
    signals = await till.shop.signals(deliverable_workflow_id(desk.deliverable(2)))
    assert [name for name, _ in signals] == ["withdrawn", "withdrawn"]


async def test_what_is_held_too_long_goes_back_without_the_milestones_that_were_paid(till: Till) -> None:
    desk = await LinesDesk.place(till)
    await desk.settle(desk.milestone_job(1, 1))
    async with till.shop.owner.begin() as session:
        scope = await scope_of_held(session, desk.order_id)
    assert scope is not None
    assert [part.amount_minor for part in scope.lines] == [10_000, 3_501]


async def test_an_invoice_lists_every_line(till: Till) -> None:
    desk = await LinesDesk.place(till, quotes=2)
    ((lines,),) = await till.shop.sql("SELECT snapshot -> 'lines' FROM documents WHERE kind = 'invoice'")
    assert [line["amount_minor"] for line in lines] == [10_000, 10_000, 5_001]
    assert lines[2]["description"] == "Design of a housing"
    await desk.check()


async def test_a_service_in_another_currency_can_not_join(till: Till) -> None:
    start = await want(till, await till.add_payee(), services=0)
    service_id = await add_service(till, await till.add_payee(), currency="jpy")
    mixed = start.model_copy(update={"services": ({"service_id": service_id},)})
    placed = await till.payments.place_order(type(start).model_validate(mixed.model_dump()))
    assert placed.refusal_code == "currencies_mixed"


async def refund_line(desk: LinesDesk, line: int, amount_minor: int) -> str:
    """Support pays a part of a line back, a second person agreeing."""
    refund_id = new_id("ref")
    part = RefundLine(line_id=desk.opened.lines[line].line_id, amount_minor=amount_minor)
    start = StartRefund(
        refund_id=refund_id,
        order_id=desk.order_id,
        scope=RefundScope(lines=(part,)),
        reason=RefundReason.QUALITY,
        requested_by=CLERK,
        looks_s=(1,),
    )
    assert await desk.refund(refund_id, start) is None
    return refund_id
