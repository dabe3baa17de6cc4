"""Paying an order with a tokenised card; what follows, the payment provider's webhook tells."""

from http import HTTPStatus

from fulfil.api.access import Principal
from fulfil.api.actions import PAYABLE
from fulfil.api.context import ApiContext
from fulfil.api.disclosure import discreet
from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.intentions import Intention
from fulfil.api.outages import stripe_outages
from fulfil.api.readers.orders import find_order
from fulfil.api.readers.stripe_customers import find_stripe_customer
from fulfil.api.schemas.orders import Order, Pay, PaymentAttempt
from fulfil.api.writers.idempotency import claim
from fulfil.gateways.stripe.errors import CardDeclinedError, StripeRefusedError
from fulfil.gateways.stripe.facts import PaymentIntentFacts
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.payments import PaymentState

# An attempt whose answer was lost is repeated when the order knows it is paid: the provider still has the answer.
PAID = (PaymentState.AUTHORIZED, PaymentState.CAPTURED)
# The payment moved on before its webhook came, or this is another attempt at a paid order.
MOVED_ON = "payment_intent_unexpected_state"


async def pay_for(
    context: ApiContext, caller: Principal, order_id: str, pay: Pay, intention: Intention
) -> PaymentAttempt:
    """Confirm the order's payment intent; a repeated request is the same attempt at the payment provider.

    Raises 402 for a declined card, 404, 409 when there is nothing to pay, 422 for an unknown payment method, or for a
    card to be saved of a customer who has set up no saving of cards.
    """
    async with context.begin() as session:
        if pay.save_card and await find_stripe_customer(session, caller.owner_id) is None:
            detail = "Cards can be saved once you have set up saved cards: pay without saving this one."
            raise invalid("saved_cards_not_set_up", detail, "save_card")
        order = await find_order(session, caller, order_id, ("payment",))
        claimed = await claim(session, intention, intention.derive_id("pay"), context.clock())
        if order is None or order.payment is None:
            raise not_found("order")
        payable = order.state is OrderState.AWAITING_PAYMENT and order.payment_state in PAYABLE
        if not payable and not (claimed.repeated and order.payment_state in PAID):
            raise _not_payable(order)
    facts = await _confirm(
        context, order, order.payment.payment_intent_id, pay, f"{order_id}:confirm:{claimed.resource_id}"
    )
    return PaymentAttempt(status=facts.status, next_action_url=facts.next_action_url)


async def _confirm(
    context: ApiContext, order: Order, payment_intent_id: str, pay: Pay, idempotency_key: str
) -> PaymentIntentFacts:
    with stripe_outages():
        try:
            return await context.stripe.confirm_payment_intent(
                payment_intent_id,
                payment_method=pay.payment_method,
                return_url=pay.return_url,
                save_card=pay.save_card,
                idempotency_key=idempotency_key,
            )
        except CardDeclinedError as error:
            raise ProblemError(
                HTTPStatus.PAYMENT_REQUIRED,
                "card_declined",
                f"{error.message} Try another card, with a new Idempotency-Key.",
                param="payment_method",
                state=order.state,
                allowed_actions=order.allowed_actions,
                decline_code=discreet(error.decline_code),
            ) from error
        except StripeRefusedError as error:
            if error.code == MOVED_ON:
                raise _not_payable(order) from error
            raise invalid(error.code, f"The payment provider refused: {error.message}", "payment_method") from error


def _not_payable(order: Order) -> ProblemError:
    # Read a moment ago it may have looked payable: Stripe knew already that it is cancelled or paid.
    told = f"The order is {order.state.value}, its payment {order.payment_state.value}: nothing is to be paid."
    moved_on = "The order has just been cancelled or paid: read it again."
    return conflict(
        "not_payable",
        moved_on if "pay" in order.allowed_actions else told,
        state=order.state,
        allowed_actions=[action for action in order.allowed_actions if action != "pay"],
    )
