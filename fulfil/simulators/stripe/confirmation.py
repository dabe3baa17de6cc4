"""The confirmation of a payment: the card pays, is declined, or asks the customer to authenticate."""

from typing import NoReturn

from fulfil.simulators.stripe import charges
from fulfil.simulators.stripe.cards import CARDS, Behaviour, Decline
from fulfil.simulators.stripe.errors import DOCS, StripeApiError, invalid_parameter, missing_resource, wrong_state
from fulfil.simulators.stripe.objects import NextAction, PaymentError, PaymentIntent, PaymentMethod, new_id
from fulfil.simulators.stripe.transaction import Transaction

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
UNEXPECTED_STATE = "payment_intent_unexpected_state"
FAILED_AUTHENTICATION = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


def confirm(
    tx: Transaction, intent: PaymentIntent, method: str | None, return_url: str | None, base_url: str
) -> PaymentIntent:
    """Charge a card; raises the 402 of a decline, whose effects are kept."""
    if intent["status"] not in CONFIRMABLE:
        raise _cannot_confirm(intent)
    if method is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken."
        )
        raise wrong_state(message, UNEXPECTED_STATE, extra={"payment_intent": intent})
    offered = intent["automatic_payment_methods"]
    if offered and offered["allow_redirects"] == "always" and return_url is None:
        message = (
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`."
        )
        raise invalid_parameter("return_url", message)
    card_on_file = _payment_method(tx, method)
    card = CARDS[tx.token(card_on_file["id"])]
    intent["last_payment_error"] = None
    intent["next_action"] = None
    if card.decline is not None:
        _decline(tx, intent, card_on_file, card.decline)
    intent["payment_method"] = card_on_file["id"]
    if card.behaviour is Behaviour.ASKS:
        intent["status"] = "requires_action"
        intent["next_action"] = _authentication(intent, return_url, base_url)
        tx.save(intent)
        tx.record("payment_intent.requires_action", intent)
        return intent
    return _pay(tx, intent, card_on_file, authenticated=False)


def authenticate(tx: Transaction, intent: PaymentIntent, *, approved: bool) -> PaymentIntent:
    """The customer's answer on the bank's page; the intent must be waiting for it."""
    method = tx.payment_method(intent["payment_method"] or "")
    if intent["status"] != "requires_action" or method is None:
        raise wrong_state(f"{intent['id']} does not wait for authentication.", UNEXPECTED_STATE)
    intent["next_action"] = None
    if approved:
        return _pay(tx, intent, method, authenticated=True)
    intent["status"] = "requires_payment_method"
    intent["payment_method"] = None
    intent["last_payment_error"] = {
        "code": "payment_intent_authentication_failure",
        "doc_url": f"{DOCS}payment-intent-authentication-failure",
        "message": FAILED_AUTHENTICATION,
        "payment_method": method,
        "type": "invalid_request_error",
    }
    tx.save(intent)
    tx.record("payment_intent.payment_failed", intent)
    return intent


def _pay(tx: Transaction, intent: PaymentIntent, method: PaymentMethod, *, authenticated: bool) -> PaymentIntent:
    charge = charges.authorise(tx, intent, method, authenticated=authenticated)
    intent["latest_charge"] = charge["id"]
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


def _decline(tx: Transaction, intent: PaymentIntent, method: PaymentMethod, reason: Decline) -> NoReturn:
    charge = charges.decline(tx, intent, method, reason)
    extra: dict[str, object] = {"charge": charge["id"], "decline_code": reason.decline_code, "payment_method": method}
    if reason.advice_code:
        extra["advice_code"] = reason.advice_code
    error = StripeApiError(
        402,
        reason.message,
        kind="card_error",
        code=reason.code,
        param=reason.param,
        stored=True,
        keeps_effects=True,
        extra=extra,
    )
    intent["latest_charge"] = charge["id"]
    intent["status"] = "requires_payment_method"
    intent["payment_method"] = None
    failure: PaymentError = {
        "charge": charge["id"],
        "code": reason.code,
        "decline_code": reason.decline_code,
        "doc_url": DOCS + reason.code.replace("_", "-"),
        "message": reason.message,
        "payment_method": method,
        "type": "card_error",
    }
    if reason.advice_code:
        failure["advice_code"] = reason.advice_code
    if reason.param:
        failure["param"] = reason.param
    intent["last_payment_error"] = failure
    tx.save(intent)
    tx.record("payment_intent.payment_failed", intent)
    error.error["payment_intent"] = intent
    raise error


def _cannot_confirm(intent: PaymentIntent) -> StripeApiError:
    if intent["status"] == "succeeded":
        reason = "it has already succeeded after being previously confirmed."
    else:
        reason = (
            f"it has a status of {intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            f"confirmed: {', '.join(CONFIRMABLE)}."
        )
    message = f"You cannot confirm this PaymentIntent because {reason}"
    return wrong_state(message, UNEXPECTED_STATE, extra={"payment_intent": intent})


def _payment_method(tx: Transaction, identity: str) -> PaymentMethod:
    """The card behind an id; a test token makes a new one, as at Stripe."""
    card = CARDS.get(identity)
    if card is None:
        known = tx.payment_method(identity)
        if known is None:
            raise missing_resource("PaymentMethod", identity, param="payment_method", status=400)
        return known
    method: PaymentMethod = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "card": {
            "brand": card.brand,
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": f"simulated{card.last4}",
            "funding": "credit",
            "last4": card.last4,
        },
        "created": tx.created,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    tx.insert(method)
    tx.keep_token(method["id"], identity)
    return method


def _authentication(intent: PaymentIntent, return_url: str | None, base_url: str) -> NextAction:
    """A redirect where the caller said how to come back; else what a browser's SDK would handle."""
    page = f"{base_url}/_simulator/3ds/{intent['id']}"
    if return_url is None:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page}}
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}
