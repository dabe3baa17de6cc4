"""How the money of an order can go another way: refunds of every kind, chargebacks with every end."""

import asyncio

from fulfil.cli.playing.turns import CONFLICT, Turn, exists, refused_by
from fulfil.models.ids import derived_id
from fulfil.models.messages.chargebacks import ChargebackState
from fulfil.models.messages.events import EventType
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.refunds import RefundRoute, RefundState

REFUND_PENDS, REFUND_COMES_BACK = "pm_card_pendingRefund", "pm_card_refundFail"
DISPUTES, DISPUTES_DELIVERY = "pm_card_createDispute", "pm_card_createDisputeProductNotReceived"
INQUIRES, WARNS = "pm_card_createDisputeInquiry", "pm_card_createIssuerFraudWarning"
FORBIDDEN = 403


async def refund_part_while_held(turn: Turn) -> None:
    """Some of it goes back before the work is done; the provider gets less."""
    await turn.be_accepted()
    await turn.refund(turn.part(30))
    await turn.be_closed()


async def refund_all_while_held(turn: Turn) -> None:
    """All of it goes back, and the work is delivered all the same: nothing is left to pay out."""
    await turn.be_accepted()
    await turn.refund(None)
    await turn.be_closed()


async def refund_large(turn: Turn) -> None:
    """Above the limit whoever asked for it may not agree to it."""
    await turn.be_accepted()
    asked = await turn.ask_refund(turn.part(90))
    _expect(asked.state is RefundState.AWAITING_APPROVAL, f"{asked.id} is {asked.state.value}")
    refused = await refused_by(turn.stage.support.decide_refund(asked.id, "approve", "my own"), FORBIDDEN)
    _expect(refused == "second_person_required", f"{asked.id} was approved by who asked for it: {refused}")
    await turn.see_through(asked.id)
    turn.ending.refunded += turn.part(90)
    await turn.be_closed()


async def refund_part_after_release(turn: Turn) -> None:
    """The provider's share is asked back of her account."""
    await turn.be_accepted()
    await turn.be_closed()
    await turn.refund(turn.part(40))


async def refund_all_after_release(turn: Turn) -> None:
    """To the last cent, hers and ours."""
    await turn.be_accepted()
    await turn.be_closed()
    await turn.refund(None)


async def refund_twice(turn: Turn) -> None:
    """Some while it is held, some after it was released."""
    await turn.be_accepted()
    await turn.refund(turn.part(20))
    await turn.be_closed()
    await turn.refund(turn.part(33))


async def refund_raced(turn: Turn) -> None:
    """Two people of support refund more than half at the same moment: one of them is too late."""
    await turn.be_accepted()
    amount = {"amount_minor": turn.part(60), "currency": turn.order.total.currency}
    body = {"reason": "quality", "note": "raced", "amount": amount}
    people = (turn.stage.support, turn.stage.second)
    refusals = await asyncio.gather(
        *(refused_by(person.create_refund(turn.order.id, body), CONFLICT) for person in people)
    )
    _expect(sorted(refusals, key=str) == [None, "refund_exceeds_paid"], f"{turn.order.id}: {refusals}")
    [refund] = await turn.stage.support.refunds(turn.order.id)
    await turn.see_through(refund.id)
    turn.ending.refunded += turn.part(60)
    await turn.be_closed()


async def refund_rejected(turn: Turn) -> None:
    """The second person says no: nothing moves, and it can be asked for again."""
    await turn.be_accepted()
    await turn.be_closed()
    asked = await turn.ask_refund(None)
    await turn.stage.second.decide_refund(asked.id, "reject", "not agreed")
    await turn.refund_in(asked.id, RefundState.REJECTED)
    await turn.refund(turn.part(10))


async def give_goodwill(turn: Turn) -> None:
    """Our own money: the provider keeps hers."""
    await turn.be_accepted()
    await turn.be_closed()
    await turn.refund(turn.part(15), "goodwill")
    turn.ending.goodwill += turn.part(15)


async def refund_pending(turn: Turn) -> None:
    """The card network takes its time; the order goes on meanwhile."""
    await turn.be_accepted(REFUND_PENDS)
    asked = await turn.ask_refund(turn.part(25))
    await turn.be_closed()
    await turn.stage.bank.settle_refund(await _sent(turn, asked.id), "succeeded")
    await turn.see_through(asked.id)
    turn.ending.refunded += turn.part(25)


async def refund_failed_paid_by_bank(turn: Turn) -> None:
    """The card network gives a pending refund back: support pays it by bank transfer."""
    await turn.be_accepted(REFUND_PENDS)
    asked = await turn.ask_refund(turn.part(35))
    await turn.stage.bank.settle_refund(await _sent(turn, asked.id), "failed")
    await turn.see_through(asked.id, RefundRoute.BANK)
    turn.ending.paid_otherwise += turn.part(35)
    await turn.be_closed()


async def refund_failed_sent_again(turn: Turn) -> None:
    """The card network gives it back once, and takes it the second time."""
    await turn.be_accepted(REFUND_PENDS)
    await turn.be_closed()
    asked = await turn.ask_refund(turn.part(45))
    await turn.refund_in(asked.id, RefundState.AWAITING_APPROVAL)
    await turn.stage.second.decide_refund(asked.id, "approve", "as agreed")
    first = await _sent(turn, asked.id)
    await turn.stage.bank.settle_refund(first, "failed")
    await turn.refund_in(asked.id, RefundState.FAILED)
    second = await turn.eventually(lambda: _send_again(turn, asked.id, first), f"{asked.id} was not sent again")
    await turn.stage.bank.settle_refund(second, "succeeded")
    await turn.see_through(asked.id)
    turn.ending.refunded += turn.part(45)


async def refund_came_back(turn: Turn) -> None:
    """It had arrived, and came back all the same: it is opened again, and becomes credit."""
    await turn.be_accepted(REFUND_COMES_BACK)
    asked = await turn.ask_refund(turn.part(50))
    await turn.refund_in(asked.id, RefundState.FAILED)
    await turn.see_through(asked.id, RefundRoute.CREDIT)
    turn.ending.paid_otherwise += turn.part(50)
    await turn.be_closed()


async def cancelled_refund_failed(turn: Turn) -> None:
    """The order ended long ago when its refund fails."""
    await turn.be_accepted(REFUND_PENDS)
    turn.ending.state = OrderState.CANCELLED
    await turn.stage.shop.customer.cancel(turn.order.id, "wrong material")
    await turn.until(EventType.ORDER_CANCELLED)
    refund_id = await _refund_of_cancellation(turn)
    await turn.stage.bank.settle_refund(await _sent(turn, refund_id), "failed")
    await turn.see_through(refund_id, RefundRoute.BANK)
    turn.ending.paid_otherwise += turn.total


async def warned_of_fraud(turn: Turn) -> None:
    """A refund in time spares the chargeback."""
    await turn.be_accepted(WARNS)
    await turn.until(EventType.PAYMENT_FRAUD_WARNED)
    await turn.refund(None, "fraudulent")
    await turn.be_closed()


async def chargeback_won(turn: Turn) -> None:
    """Approved while the card network holds the money: paid out once it is back."""
    await turn.be_accepted(DISPUTES)
    chargeback_id = await turn.until(EventType.CHARGEBACK_OPENED)
    refused = await refused_by(turn.ask_refund(turn.part(10)), CONFLICT)
    _expect(refused == "payment_frozen", f"{turn.order.id} was refunded while it was charged back: {refused}")
    await turn.be_approved()
    await turn.answer(chargeback_id, "submit")
    await _decide(turn, chargeback_id, "won")
    await turn.until(EventType.ORDER_CLOSED)


async def chargeback_lost_while_held(turn: Turn) -> None:
    """What is held pays for it: the provider works for nothing."""
    await turn.be_accepted(DISPUTES_DELIVERY)
    chargeback_id = await turn.until(EventType.CHARGEBACK_OPENED)
    await turn.answer(chargeback_id, "accept")
    await turn.chargeback(chargeback_id, lambda found: found.closed_at)
    turn.ending.lost += turn.total
    await turn.be_closed()


async def chargeback_lost_after_release(turn: Turn) -> None:
    """What was released is taken back, from her and from us."""
    await turn.be_accepted()
    await turn.be_closed()
    await lose_after_release(turn)
    turn.ending.lost += turn.total


async def chargeback_of_the_rest(turn: Turn) -> None:
    """Some was refunded before, the rest is charged back and lost."""
    await turn.be_accepted()
    await turn.refund(turn.part(30))
    await turn.be_closed()
    await lose_after_release(turn)
    turn.ending.lost += turn.total - turn.part(30)


async def inquiry_closed(turn: Turn) -> None:
    """The bank only asked."""
    await turn.be_accepted(INQUIRES)
    chargeback_id = await turn.until(EventType.CHARGEBACK_OPENED)
    await turn.answer(chargeback_id, "submit")
    await _decide(turn, chargeback_id, "warning_closed")
    await turn.be_closed()


async def inquiry_escalated(turn: Turn) -> None:
    """First it asked, then it took."""
    await turn.be_accepted(INQUIRES)
    chargeback_id = await turn.until(EventType.CHARGEBACK_OPENED)
    dispute = await turn.chargeback(chargeback_id, exists)
    await turn.stage.bank.decide_dispute(dispute.stripe_dispute_id, "escalate")
    await turn.chargeback(chargeback_id, lambda found: found.state is ChargebackState.NEEDS_RESPONSE)
    await turn.answer(chargeback_id, "submit")
    await _decide(turn, chargeback_id, "won")
    await turn.be_closed()


async def cancelled_while_charged_back(turn: Turn) -> None:
    """Called off while the card network holds the money, which comes back and goes on to the customer."""
    await _cancel_frozen(turn)
    chargeback_id = await turn.until(EventType.CHARGEBACK_OPENED)
    await turn.answer(chargeback_id, "submit")
    await _decide(turn, chargeback_id, "won")
    await turn.see_through(await _refund_of_cancellation(turn))
    turn.ending.refunded += turn.total


async def cancelled_and_lost(turn: Turn) -> None:
    """Called off, and the card network has paid the customer already: the refund is spared."""
    await _cancel_frozen(turn)
    chargeback_id = await turn.until(EventType.CHARGEBACK_OPENED)
    await turn.answer(chargeback_id, "accept")
    await turn.chargeback(chargeback_id, lambda found: found.closed_at)
    turn.ending.lost += turn.total
    # Asked for after the loss it was refused, and never written.
    for refund in await turn.stage.support.refunds(turn.order.id):
        if refund.state is not RefundState.REJECTED:
            await turn.stage.second.decide_refund(refund.id, "reject", "the bank has paid it back")
            await turn.refund_in(refund.id, RefundState.REJECTED)


async def lose_after_release(turn: Turn) -> None:
    """The cardholder disputes what was paid out already; support answers in vain."""
    chargeback_id = derived_id("chb", await dispute(turn))
    await turn.chargeback(chargeback_id, exists)
    await turn.answer(chargeback_id, "submit")
    await _decide(turn, chargeback_id, "lost")


async def dispute(turn: Turn) -> str:
    """The cardholder disputes what is left of the payment; Stripe's dispute."""
    order = await turn.stage.support.order(turn.order.id)
    if order.payment is None:
        raise RuntimeError(f"{order.id} has no payment")
    return await turn.stage.bank.dispute(order.payment.payment_intent_id)


async def _decide(turn: Turn, chargeback_id: str, status: str) -> None:
    """The bank decides, and the decision is in the books."""
    found = await turn.chargeback(chargeback_id, exists)
    await turn.stage.bank.decide_dispute(found.stripe_dispute_id, status)
    await turn.chargeback(chargeback_id, lambda found: found.closed_at)


async def _cancel_frozen(turn: Turn) -> None:
    await turn.be_accepted(DISPUTES)
    turn.ending.state = OrderState.CANCELLED
    await turn.until(EventType.CHARGEBACK_OPENED)
    await turn.stage.shop.customer.cancel(turn.order.id, "changed her mind")
    await turn.until(EventType.ORDER_CANCELLED)


async def _refund_of_cancellation(turn: Turn) -> str:
    """The refund that a cancellation starts; it is written a moment after the order has ended."""

    async def look() -> str | None:
        found = await turn.stage.support.refunds(turn.order.id)
        return found[0].id if found else None

    return await turn.eventually(look, "no refund was started")


async def _sent(turn: Turn, refund_id: str) -> str:
    """Stripe's refund, once ours was sent."""

    async def look() -> str | None:
        return (await turn.stage.support.refund(refund_id)).stripe_refund_id

    return await turn.eventually(look, f"{refund_id} was not sent")


async def _send_again(turn: Turn, refund_id: str, before: str) -> str | None:
    """Stripe's second refund; the process may hear of the failure of the first a moment after it was written."""
    refund = await turn.stage.support.refund(refund_id)
    if refund.state is RefundState.FAILED:
        rerouted = turn.stage.support.reroute_refund(refund_id, RefundRoute.CARD, "the card works again")
        await refused_by(rerouted, CONFLICT)
    return refund.stripe_refund_id if refund.stripe_refund_id != before else None


def _expect(held: object, otherwise: str) -> None:
    if not held:
        raise AssertionError(otherwise)
