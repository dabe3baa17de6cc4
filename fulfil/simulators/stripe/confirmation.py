"""The confirmation of a payment: the card pays, is declined, or asks the customer to authenticate."""

from dataclasses import dataclass

from fulfil.simulators.stripe import charges
from fulfil.simulators.stripe.authentication import authentication_action, authentication_failure, must_authenticate
from fulfil.simulators.stripe.cards import CARDS, NOT_AUTHENTICATED, Behaviour, Decline
from fulfil.simulators.stripe.errors import DOCS, StripeApiError, invalid_parameter, wrong_state
from fulfil.simulators.stripe.objects import PaymentError, PaymentIntent, PaymentMethod
from fulfil.simulators.stripe.payment_methods import SET_UP, USED, attach_method, keep_fact
from fulfil.simulators.stripe.transaction import Transaction

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
UNEXPECTED_STATE = "payment_intent_unexpected_state"


@dataclass(frozen=True)
class Attempt:
    """How one confirmation is made: with which card, who is there, where the customer comes back to."""

    method: PaymentMethod | None
    base_url: str
    return_url: str | None = None
    off_session: bool = False
    error_on_requires_action: bool = False
    use_stripe_sdk: bool = False


def confirm(tx: Transaction, intent: PaymentIntent, attempt: Attempt) -> PaymentIntent:
    """Charge a card; raises the 402 of a decline, whose effects are kept."""
    check_confirmable(intent)
    method = attempt.method
    if method is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken."
        )
        raise wrong_state(message, UNEXPECTED_STATE, extra={"payment_intent": intent})
    offered = intent["automatic_payment_methods"]
    present = not (attempt.off_session or attempt.return_url)
    if offered and offered["allow_redirects"] == "always" and present:
        message = (
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`."
        )
        raise invalid_parameter("return_url", message)
    card = CARDS[tx.token(method["id"])]
    intent["last_payment_error"] = None
    intent["next_action"] = None
    intent["payment_method"] = method["id"]
    options = intent["payment_method_options"]
    if must_authenticate(tx, method, options, off_session=attempt.off_session):
        if attempt.off_session or attempt.error_on_requires_action:
            raise _declined(tx, intent, method, NOT_AUTHENTICATED, charged=attempt.off_session)
        intent["status"] = "requires_action"
        intent["next_action"] = authentication_action(
            intent["id"], None if attempt.use_stripe_sdk else attempt.return_url, attempt.base_url
        )
        tx.save(intent)
        tx.record("payment_intent.requires_action", intent)
        return intent
    if card.decline is not None:
        raise _declined(tx, intent, method, card.decline)
    return _pay(tx, intent, method, authenticated=False)


def check_confirmable(intent: PaymentIntent) -> None:
    """Raise the 400 of a payment that is over."""
    if intent["status"] in CONFIRMABLE:
        return
    if intent["status"] == "succeeded":
        reason = "it has already succeeded after being previously confirmed."
    else:
        reason = (
            f"it has a status of {intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            f"confirmed: {', '.join(CONFIRMABLE)}."
        )
    message = f"You cannot confirm this PaymentIntent because {reason}"
    raise wrong_state(message, UNEXPECTED_STATE, extra={"payment_intent": intent})


def authenticate(tx: Transaction, intent: PaymentIntent, *, approved: bool) -> PaymentIntent:
    """The customer's answer on the bank's page, after which the bank may still refuse."""
    method = tx.payment_method(intent["payment_method"] or "")
    if intent["status"] != "requires_action" or method is None:
        raise wrong_state(f"{intent['id']} does not wait for authentication.", UNEXPECTED_STATE)
    intent["next_action"] = None
    card = CARDS[tx.token(method["id"])]
    if approved and card.behaviour is Behaviour.ASKS_THEN_DECLINES and card.decline is not None:
        _declined(tx, intent, method, card.decline)
        return intent
    if approved:
        return _pay(tx, intent, method, authenticated=True)
    intent["status"] = "requires_payment_method"
    intent["payment_method"] = None
    intent["last_payment_error"] = authentication_failure("payment_intent", method)
    tx.save(intent)
    tx.record("payment_intent.payment_failed", intent)
    return intent


def _pay(tx: Transaction, intent: PaymentIntent, method: PaymentMethod, *, authenticated: bool) -> PaymentIntent:
    charge = charges.authorise(tx, intent, method, authenticated=authenticated)
    intent["latest_charge"] = charge["id"]
    _keep_card(tx, intent, method)
    if intent["capture_method"] == "manual":
        intent["status"] = "requires_capture"
        intent["amount_capturable"] = intent["amount"]
        tx.save(intent)
        tx.record("payment_intent.amount_capturable_updated", intent)
        return intent
    charges.take(tx, charge, intent["amount"], announce="charge.succeeded")
    intent["status"] = "succeeded"
    intent["amount_received"] = intent["amount"]
    tx.save(intent)
    tx.record("payment_intent.succeeded", intent)
    return intent


def _keep_card(tx: Transaction, intent: PaymentIntent, method: PaymentMethod) -> None:
    """A card paid with is kept for its customer when that was asked for; one that nobody owns is used up."""
    if intent["setup_future_usage"] is not None:
        if intent["setup_future_usage"] == "off_session":
            keep_fact(tx, method["id"], SET_UP)
        if intent["customer"] is not None:
            attach_method(tx, method["id"], intent["customer"])
    elif method["customer"] is None:
        keep_fact(tx, method["id"], USED)


def _declined(
    tx: Transaction, intent: PaymentIntent, method: PaymentMethod, reason: Decline, *, charged: bool = True
) -> StripeApiError:
    """Put the payment back to where another card is needed; returns the 402 that tells of it."""
    extra: dict[str, object] = {"decline_code": reason.decline_code, "payment_method": method}
    failure: PaymentError = {
        "code": reason.code,
        "decline_code": reason.decline_code,
        "doc_url": DOCS + reason.code.replace("_", "-"),
        "message": reason.message,
        "payment_method": method,
        "type": "card_error",
    }
    if charged:
        charge = charges.decline(tx, intent, method, reason)
        intent["latest_charge"] = charge["id"]
        failure["charge"] = charge["id"]
        extra["charge"] = charge["id"]
    if reason.advice_code:
        failure["advice_code"] = reason.advice_code
        extra["advice_code"] = reason.advice_code
    if reason.param:
        failure["param"] = reason.param
    intent["status"] = "requires_payment_method"
    intent["payment_method"] = None
    intent["last_payment_error"] = failure
    tx.save(intent)
    tx.record("payment_intent.payment_failed", intent)
    return StripeApiError(
        402,
        reason.message,
        kind="card_error",
        code=reason.code,
        param=reason.param,
        stored=True,
        keeps_effects=True,
        extra={**extra, "payment_intent": intent},
    )
