"""A paid order opens its job once; an order that did not complete is closed once."""

import asyncio
from datetime import timedelta

from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.client import WorkflowExecutionStatus as Status

from fulfil.models.messages.jobs import Stage
from fulfil.models.messages.orders import CloseOrder, OrderState
from fulfil.models.messages.parties import SYSTEM
from fulfil.workflows import attributes
from tests.activities.shop import SUPPORT, Shop


async def test_opening_a_job_records_the_authorisation_and_offers_the_first_wave(shop: Shop) -> None:
    best, other = await shop.add_provider(score=90), await shop.add_provider(score=50)
    request = await shop.add_order(total_minor=12_345)

    opened = await shop.orders.open_job(request)

    wave = opened.start.wave
    assert (wave.stage, wave.number) == (Stage.WAVE, 1)
    assert [offer.provider_id for offer in wave.offers] == [best, other]
    assert wave.ends_at == shop.clock() + timedelta(seconds=90)
    assert await shop.events(request.order_id) == [
        "order.placed",
        "payment.requested",
        "payment.authorized",
        "job.opened",
        "job.offered",
    ]
    assert await shop.ledger(request.order_id) == {
        f"memo:authorized:{request.order_id}": 12_345,
        "memo:authorized_contra": -12_345,
    }
    ((order_state, payment_state, job_state),) = await shop.sql(
        "SELECT o.state, p.state, j.state FROM orders o JOIN payments p ON p.order_id = o.id "
        "JOIN jobs j ON j.order_id = o.id"
    )
    assert (order_state, payment_state, job_state) == ("paid", "authorized", "offered")


async def test_the_job_workflow_starts_with_what_ops_can_see(shop: Shop) -> None:
    provider = await shop.add_provider()
    opened = await shop.orders.open_job(await shop.add_order())

    description = await shop.client.get_workflow_handle(f"job/{opened.job_id}").describe()

    visible = description.typed_search_attributes
    assert description.status is Status.RUNNING
    assert description.task_queue == "orders"
    assert visible[attributes.ORDER_ID] == opened.start.order_id
    assert visible[attributes.WAITING_ON] == "provider"
    assert visible[attributes.PROVIDER_IDS] == [provider]
    assert visible[attributes.DEADLINE] == opened.start.wave.ends_at
    assert await description.static_summary() == f"Job of order {opened.start.order_id}"


async def test_opening_a_job_twice_opens_one_and_gives_the_same_answer(shop: Shop) -> None:
    await shop.add_provider()
    request = await shop.add_order()
    first = await shop.orders.open_job(request)
    await shop.add_provider(score=100)
    shop.clock.advance(minutes=5)

    second = await shop.orders.open_job(request)

    assert second == first
    assert await shop.value("SELECT count(*) FROM offers") == 1
    assert len(await shop.events(request.order_id)) == 5


async def test_concurrent_attempts_open_one_job(shop: Shop) -> None:
    for _ in range(3):
        await shop.add_provider()
    request = await shop.add_order()

    answers = await asyncio.gather(*(shop.orders.open_job(request) for _ in range(5)))

    assert all(answer == answers[0] for answer in answers)
    assert await shop.value("SELECT count(*) FROM jobs") == 1
    assert await shop.value("SELECT count(*) FROM offers") == 3
    assert await shop.value("SELECT count(*) FROM ledger_transactions") == 1


async def test_a_job_that_has_ended_is_not_started_again(shop: Shop) -> None:
    request = await shop.add_order()
    opened = await shop.orders.open_job(request)
    handle = shop.client.get_workflow_handle(f"job/{opened.job_id}")
    await handle.terminate("ended")

    again = await shop.orders.open_job(request)

    assert again.job_id == opened.job_id
    status = (await handle.describe()).raw_description.workflow_execution_info.status
    assert status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED


async def test_without_a_capable_provider_the_first_wave_is_empty_and_over(shop: Shop) -> None:
    request = await shop.add_order()

    opened = await shop.orders.open_job(request)
    shop.clock.advance(minutes=1)
    again = await shop.orders.open_job(request)

    assert opened.start.wave.offers == []
    assert opened.start.wave.ends_at == shop.clock() - timedelta(minutes=1)
    assert again == opened
    assert await shop.value("SELECT state FROM jobs") == "pending"


async def test_an_expired_order_is_closed_once(shop: Shop) -> None:
    request = await shop.add_order()
    close = CloseOrder(order_id=request.order_id, state=OrderState.EXPIRED, actor=SYSTEM, reason="not paid in time")

    await shop.orders.close_order(close)
    await shop.orders.close_order(close)

    ((state, reason, closed_at),) = await shop.sql("SELECT state, cancel_reason, closed_at FROM orders")
    assert (state, reason, closed_at) == ("expired", "not paid in time", shop.clock())
    assert await shop.value("SELECT state FROM payments") == "cancelled"
    assert (await shop.events(request.order_id)).count("order.expired") == 1
    assert await shop.value("SELECT next_who FROM timelines") == "nobody"


async def test_a_cancelled_order_names_who_called_it_off_and_leaves_a_captured_payment_alone(shop: Shop) -> None:
    request = await shop.add_order()
    await shop.sql("UPDATE payments SET state = 'captured'")

    await shop.orders.close_order(
        CloseOrder(order_id=request.order_id, state=OrderState.CANCELLED, actor=SUPPORT, reason="asked by phone")
    )

    ((kind, actor, data),) = await shop.sql(
        "SELECT type, actor_id, data FROM events WHERE order_id = :id ORDER BY sequence DESC LIMIT 1",
        id=request.order_id,
    )
    assert (kind, actor, data) == ("order.cancelled", SUPPORT.id, {"reason": "asked by phone"})
    assert await shop.value("SELECT state FROM payments") == "captured"


async def test_closing_an_order_that_was_never_written_is_no_error(shop: Shop) -> None:
    await shop.orders.close_order(
        CloseOrder(order_id="ord_" + "0" * 32, state=OrderState.CANCELLED, actor=SYSTEM, reason="not placed")
    )
    assert await shop.value("SELECT count(*) FROM orders") == 0
