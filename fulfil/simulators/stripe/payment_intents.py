"""Payment intents: create, confirm, capture, cancel, and who may read them."""

from collections.abc import Mapping

from fulfil.simulators.stripe import charges
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.confirmation import confirm
from fulfil.simulators.stripe.errors import (
    StripeApiError,
    invalid_parameter,
    missing_parameter,
    missing_resource,
    wrong_state,
)
from fulfil.simulators.stripe.objects import AutomaticPaymentMethods, PaymentIntent, new_id
from fulfil.simulators.stripe.parameters import Parameters, check_minimum
from fulfil.simulators.stripe.transaction import Transaction

CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
CANCELLATION_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)
# What a publishable key sees: never metadata, the charge or the group.
PUBLIC_FIELDS = (
    "id",
    "object",
    "amount",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "capture_method",
    "client_secret",
    "confirmation_method",
    "created",
    "currency",
    "description",
    "last_payment_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_types",
    "receipt_email",
    "setup_future_usage",
    "status",
)


def create_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents`, confirming at once when asked to."""
    intent = _new_intent(tx, call.parameters)
    at_once = call.parameters.flag("confirm", default=False)
    if not at_once and call.parameters.text("return_url"):
        raise invalid_parameter("return_url", "return_url can only be set when confirm is true")
    method = call.parameters.text("payment_method")
    tx.insert(intent)
    tx.record("payment_intent.created", intent)
    if at_once:
        return confirm(tx, intent, method, call.parameters.url("return_url"), call.base_url)
    return intent


def retrieve_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/payment_intents/{id}`."""
    return _visible(_accessible(tx, call), call)


def confirm_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents/{id}/confirm`."""
    intent = _accessible(tx, call)
    capture_method = call.parameters.choice("capture_method", CAPTURE_METHODS)
    if capture_method:
        intent["capture_method"] = capture_method
    return_url = call.parameters.url("return_url")
    try:
        intent = confirm(tx, intent, call.parameters.text("payment_method"), return_url, call.base_url)
    except StripeApiError as error:
        if call.publishable and "payment_intent" in error.error:
            error.error["payment_intent"] = _visible(intent, call)
        raise
    return _visible(intent, call)


def capture_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents/{id}/capture`: all or a part; what is left of the hold is released."""
    intent = _existing(tx, call.identity)
    amount = call.parameters.amount("amount_to_capture")
    if not call.parameters.flag("final_capture", default=True):
        raise invalid_parameter("final_capture", "Multicapture is not enabled on this account.")
    metadata = call.parameters.metadata()
    if intent["status"] != "requires_capture":
        raise _cannot_capture(intent)
    amount = intent["amount_capturable"] if amount is None else amount
    if amount > intent["amount_capturable"]:
        message = "The requested capture amount is greater than the amount you can capture for this charge."
        raise wrong_state(message, "amount_too_large", extra={"param": "amount_to_capture"})
    charge = tx.charge(intent["latest_charge"] or "")
    if charge is None:
        raise missing_resource("charge", str(intent["latest_charge"]), param="intent")
    charges.take(tx, charge, amount, announce="charge.captured")
    intent["status"] = "succeeded"
    intent["amount_received"] = amount
    intent["amount_capturable"] = 0
    intent["metadata"] |= metadata
    tx.save(intent)
    tx.record("payment_intent.succeeded", intent)
    return intent


def cancel_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents/{id}/cancel`: releases the hold, if any."""
    intent = _existing(tx, call.identity)
    reason = call.parameters.choice("cancellation_reason", CANCELLATION_REASONS)
    if intent["status"] not in CANCELABLE:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELABLE)}."
        )
        raise wrong_state(message, "payment_intent_unexpected_state", extra={"payment_intent": intent})
    if intent["status"] == "requires_capture":
        charge = tx.charge(intent["latest_charge"] or "")
        if charge is not None:
            charges.release(tx, charge)
    intent["status"] = "canceled"
    intent["canceled_at"] = tx.created
    intent["cancellation_reason"] = reason
    intent["amount_capturable"] = 0
    intent["next_action"] = None
    tx.save(intent)
    tx.record("payment_intent.canceled", intent)
    return intent


def _existing(tx: Transaction, identity: str) -> PaymentIntent:
    intent = tx.payment_intent(identity)
    if intent is None:
        raise missing_resource("payment_intent", identity, param="intent")
    return intent


def _accessible(tx: Transaction, call: Call) -> PaymentIntent:
    """The intent, which a browser's key reaches only with its client secret."""
    secret = call.parameters.text("client_secret")
    if call.publishable and secret is None:
        raise missing_parameter("client_secret")
    intent = _existing(tx, call.identity)
    if secret is not None and secret != intent["client_secret"]:
        message = f"The client_secret provided does not match the client_secret of {call.identity}."
        raise invalid_parameter("client_secret", message, "payment_intent_invalid_parameter")
    return intent


def _visible(intent: PaymentIntent, call: Call) -> Mapping[str, object]:
    if not call.publishable:
        return intent
    everything: Mapping[str, object] = intent
    return {name: everything[name] for name in PUBLIC_FIELDS}


def _cannot_capture(intent: PaymentIntent) -> StripeApiError:
    if intent["status"] == "succeeded":
        reason = "it has already been captured."
    else:
        reason = (
            f"it has a status of {intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture."
        )
    message = f"This PaymentIntent could not be captured because {reason}"
    return wrong_state(message, "payment_intent_unexpected_state", extra={"payment_intent": intent})


def _new_intent(tx: Transaction, parameters: Parameters) -> PaymentIntent:
    amount = parameters.required_amount("amount")
    currency = parameters.currency()
    check_minimum(amount, currency)
    identity = new_id("pi")
    allowed = parameters.texts("allowed_payment_method_types")
    if allowed is not None and allowed != ["card"]:
        raise invalid_parameter("allowed_payment_method_types", "Invalid payment method type: only card is simulated")
    return {
        "id": identity,
        "object": "payment_intent",
        "allowed_payment_method_types": allowed,
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": _automatic(parameters, given=allowed is not None),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": parameters.choice("capture_method", CAPTURE_METHODS) or "automatic_async",
        "client_secret": new_id(f"{identity}_secret"),
        "confirmation_method": "automatic",
        "created": tx.created,
        "currency": currency,
        "customer": None,
        "description": parameters.text("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": parameters.metadata(),
        "next_action": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "receipt_email": None,
        "setup_future_usage": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": parameters.text("transfer_group"),
    }


def _automatic(parameters: Parameters, *, given: bool) -> AutomaticPaymentMethods | None:
    """Payment methods of the account's choice, unless the caller named some."""
    wanted = parameters.hash("automatic_payment_methods")
    if given and wanted.values:
        message = (
            "You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types."
        )
        raise invalid_parameter("automatic_payment_methods", message)
    if given or not wanted.flag("enabled", default=True):
        return None
    return {
        "allow_redirects": wanted.choice("allow_redirects", ("always", "never")) or "always",
        "enabled": True,
    }
