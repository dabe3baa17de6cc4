"""One order on real servers, from the file to the payout, and the ways it can be called off."""

import pytest

from fulfil.cli.client import ApiClient, ProblemError
from fulfil.cli.ledger import imbalances
from fulfil.cli.playing.following import LiveTimeline
from fulfil.cli.playing.people import Customer, Provider
from fulfil.cli.playing.photo import photo_of_bracket
from fulfil.cli.playing.scenes import confirm_with_bank, pay_in_full, race
from fulfil.cli.playing.scripts import AUTHENTICATES
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentState
from tests.e2e.conftest import World


async def accepted(world: World, order_id: str, live: LiveTimeline) -> tuple[str, Provider]:
    """Have an order paid and accepted; its job, and who makes it."""
    await pay_in_full(world.shop.customer, order_id)
    job_id = (await live.until(EventType.JOB_OPENED)).subject
    won = await race(await world.shop.market.chances(job_id))
    return job_id, won.winner


async def test_an_order_goes_from_the_file_to_the_payout(world: World) -> None:
    customer, shop = world.shop.customer, world.shop
    order = await customer.place(shop.quote, "once")
    assert (await customer.place(shop.quote, "once")).id == order.id
    async with LiveTimeline(customer, order.id) as live:
        await pay_in_full(customer, order.id)
        job_id = (await live.until(EventType.JOB_OPENED)).subject
        won = await race(await shop.market.chances(job_id))
        assert [refusal.problem.status for refusal in won.refusals] == [409]
        photo = await won.winner.upload("progress.png", photo_of_bracket(40))
        await won.winner.start(job_id)
        await won.winner.progress(job_id, 40, "first layers", [photo.id])
        await won.winner.check_quality(job_id)
        await won.winner.ship(job_id, "DHL", "00340434161094042557")
        delivered = await won.winner.deliver(job_id)
        assert delivered.state is JobState.DELIVERED
        await customer.approve(job_id)
        await live.until(EventType.ORDER_CLOSED)
    closed = await customer.order(order.id)
    assert (closed.state, closed.payment_state) == (OrderState.CLOSED, PaymentState.CAPTURED)
    assert [event.type for event in live.events] == [event.type for event in await customer.timeline(order.id)]
    ledger = await world.support.ledger(order.id)
    assert imbalances(ledger) == []
    assert {transaction.kind for transaction in ledger.transactions} >= {"charge", "release", "transfer"}
    stripe = await world.stripe()
    paid_out = [transfer.amount for transfer in stripe.transfers if transfer.transfer_group == order.id]
    assert paid_out == [order.total.amount_minor - round(order.total.amount_minor * 0.15)]
    assert await world.broken_promises(order.id) == []


async def test_a_card_that_asks_is_authorised_when_the_bank_has_confirmed(world: World) -> None:
    customer = world.shop.customer
    order = await customer.place(world.shop.quote)
    async with LiveTimeline(customer, order.id) as live:
        attempt = await customer.pay(order.id, AUTHENTICATES, "https://shop.example/back")
        assert attempt.status == "requires_action"
        await live.until(EventType.PAYMENT_ACTION_REQUIRED)
        assert (await customer.order(order.id)).payment_state is PaymentState.REQUIRES_ACTION
        await confirm_with_bank(str(attempt.next_action_url))
        await live.until(EventType.PAYMENT_AUTHORIZED)
        await customer.cancel(order.id, "test is over")
        await live.until(EventType.ORDER_CANCELLED)
    assert await world.broken_promises(order.id) == []


async def test_who_fails_at_the_bank_may_pay_with_another_card(world: World) -> None:
    customer = world.shop.customer
    order = await customer.place(world.shop.quote)
    async with LiveTimeline(customer, order.id) as live:
        attempt = await customer.pay(order.id, AUTHENTICATES, "https://shop.example/back")
        await live.until(EventType.PAYMENT_ACTION_REQUIRED)
        await confirm_with_bank(str(attempt.next_action_url), approve=False)
        await live.until(EventType.PAYMENT_FAILED)
        with pytest.raises(ProblemError) as declined:
            await customer.pay(order.id, "pm_card_chargeDeclinedInsufficientFunds")
        assert (declined.value.problem.status, declined.value.problem.code) == (402, "card_declined")
        await customer.pay(order.id)
        await live.until(EventType.PAYMENT_AUTHORIZED)
        await customer.cancel(order.id, "test is over")
        await live.until(EventType.ORDER_CANCELLED)
    assert await world.broken_promises(order.id) == []


async def test_an_unpaid_order_is_cancelled_and_nothing_was_taken(world: World) -> None:
    customer = world.shop.customer
    order = await customer.place(world.shop.quote)
    await customer.cancel(order.id, "changed my mind")
    async with LiveTimeline(customer, order.id) as live:
        await live.until(EventType.ORDER_CANCELLED)
    assert (await customer.order(order.id)).payment_state is PaymentState.CANCELLED
    stripe = await world.stripe()
    intent = next(intent for intent, owner in stripe.orders_by_intent().items() if owner == order.id)
    assert [charge for charge in stripe.charges if charge.payment_intent == intent] == []


async def test_an_accepted_order_is_cancelled_refunded_and_its_material_released(world: World) -> None:
    customer = world.shop.customer
    order = await customer.place(world.shop.quote)
    async with LiveTimeline(customer, order.id) as live:
        await accepted(world, order.id, live)
        await customer.cancel(order.id, "wrong material")
        await live.until(EventType.PAYMENT_REFUNDED)
        await live.until(EventType.ORDER_CANCELLED)
    cancelled = await customer.order(order.id)
    assert cancelled.payment is not None
    assert cancelled.payment.refunded == order.total
    assert cancelled.cancel_reason == "wrong material"
    assert await world.broken_promises(order.id) == []


async def test_once_production_has_started_the_order_stays(world: World) -> None:
    customer = world.shop.customer
    order = await customer.place(world.shop.quote)
    async with LiveTimeline(customer, order.id) as live:
        job_id, winner = await accepted(world, order.id, live)
        await winner.start(job_id)
        with pytest.raises(ProblemError) as refused:
            await customer.cancel(order.id, "too late")
        assert (refused.value.problem.status, refused.value.problem.code) == (409, "production_started")
        await winner.check_quality(job_id)
        await winner.ship(job_id, "DHL", "1")
        await winner.deliver(job_id)
        await customer.approve(job_id)
        await live.until(EventType.ORDER_CLOSED)


async def test_a_live_timeline_goes_on_where_it_was_cut(world: World) -> None:
    customer = world.shop.customer
    order_id = await world.shop.complete_order()
    whole = await customer.timeline(order_id)
    rest = [event async for event in customer.watch(order_id, after=whole[4].id)]
    assert [event.id for event in rest] == [event.id for event in whole[5:]]
    nothing_more = [event async for event in customer.watch(order_id, after=whole[-1].id)]
    assert nothing_more == []


async def test_another_customer_sees_nothing_of_it(world: World) -> None:
    order = await world.shop.customer.place(world.shop.quote)
    stranger = await world.cast.customer()
    nobody = Customer(ApiClient(world.stack.api_url))
    for person, status in ((stranger, 404), (nobody, 401)):
        with pytest.raises(ProblemError) as refused:
            await person.order(order.id)
        assert refused.value.problem.status == status
        with pytest.raises(ProblemError) as refused:
            await anext(person.watch(order.id))
        assert refused.value.problem.status == status
    await nobody.api.close()
