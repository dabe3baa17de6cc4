"""Payment intents: create, update, confirm, cancel, and who may read them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from fulfil.simulators.stripe import charges
from fulfil.simulators.stripe.addresses import read_shipping
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.confirmation import CONFIRMABLE, UNEXPECTED_STATE, Attempt, check_confirmable, confirm
from fulfil.simulators.stripe.errors import (
    JsonObject,
    StripeApiError,
    invalid_parameter,
    missing_parameter,
    missing_resource,
    wrong_state,
)
from fulfil.simulators.stripe.intent_parameters import (
    USAGES,
    check_secret,
    describe_payment,
    only_when_confirming,
    read_allowed_types,
    read_automatic_methods,
    read_card_options,
    read_customer,
    read_excluded_types,
    read_method,
)
from fulfil.simulators.stripe.objects import PaymentIntent, PaymentMethod, new_id
from fulfil.simulators.stripe.parameters import Parameters, check_minimum
from fulfil.simulators.stripe.payment_methods import retrieve_method
from fulfil.simulators.stripe.transaction import Transaction

CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
CANCELLATION_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
CANCELABLE = (*CONFIRMABLE[:1], "requires_capture", *CONFIRMABLE[1:], "processing")
SHIPPING = "address name phone carrier tracking_number"
# What may be changed whatever the status; all else only until the payment was made.
ALWAYS_CHANGED = ("description", "metadata", "receipt_email", "shipping", "expand")
WHEN_CONFIRMING = ("error_on_requires_action", "mandate_data", "off_session", "radar_options", "return_url")
TEXTS = ("description", "statement_descriptor", "statement_descriptor_suffix", "transfer_group")
# What a publishable key sees: never metadata, the charge, the customer or the group.
PUBLIC_FIELDS = (
    "id",
    "object",
    "amount",
    "amount_details",
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
    "payment_method_configuration_details",
    "payment_method_types",
    "processing",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "source",
    "status",
)


def create_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents`, confirming at once when asked to."""
    intent = _new_intent(tx, call.parameters)
    at_once = call.parameters.flag("confirm", default=False)
    if not at_once:
        only_when_confirming(call.parameters, WHEN_CONFIRMING)
    method = read_method(tx, call, intent["customer"])
    if method is not None:
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"
    tx.insert(intent)
    tx.record("payment_intent.created", intent)
    return confirm(tx, intent, _attempt(call, method)) if at_once else intent


def retrieve_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/payment_intents/{id}`."""
    return _visible(_accessible(tx, call), call)


def update_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents/{id}`: after the payment only what describes it."""
    intent, parameters = _existing(tx, call.identity), call.parameters
    for name in parameters.values:
        if name not in ALWAYS_CHANGED and intent["status"] not in CONFIRMABLE:
            message = (
                f"This PaymentIntent's {name} could not be updated because it has a status of {intent['status']}. You "
                f"may only update the {name} of a PaymentIntent with one of the following statuses: "
                f"{', '.join(CONFIRMABLE)}."
            )
            extra: JsonObject = {"payment_intent": intent, "param": name}
            raise wrong_state(message, UNEXPECTED_STATE, extra=extra)
    if parameters.given("customer"):
        intent["customer"] = read_customer(tx, parameters) or intent["customer"]
    if parameters.given("allowed_payment_method_types"):
        intent["allowed_payment_method_types"] = read_allowed_types(parameters)
        intent["automatic_payment_methods"] = None
    _change_amount(intent, parameters)
    _describe(intent, parameters)
    method = read_method(tx, call, intent["customer"])
    if method is not None:
        intent["payment_method"] = method["id"]
    if intent["status"] in CONFIRMABLE:
        intent["last_payment_error"] = None
        intent["next_action"] = None
        intent["status"] = "requires_confirmation" if intent["payment_method"] else "requires_payment_method"
    tx.save(intent)
    return intent


def confirm_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents/{id}/confirm`."""
    intent, parameters = _accessible(tx, call), call.parameters
    if call.publishable and intent["confirmation_method"] == "manual":
        message = (
            "This PaymentIntent cannot be confirmed using your publishable key because its `confirmation_method` is "
            "`manual`. Please use your secret key, or create a PaymentIntent with `confirmation_method` set to "
            "`automatic`."
        )
        raise StripeApiError(400, message, code="payment_intent_invalid_parameter")
    for name in ("error_on_requires_action", "off_session", "capture_method"):
        if call.publishable and parameters.given(name):
            raise invalid_parameter(name, f"The {name} parameter cannot be used with a publishable key.")
    check_confirmable(intent)
    capture_method = parameters.choice("capture_method", CAPTURE_METHODS)
    if capture_method:
        intent["capture_method"] = capture_method
    allowed = read_allowed_types(parameters)
    if allowed is not None:
        intent["allowed_payment_method_types"] = allowed
    if parameters.amount("amount_to_confirm") not in (None, intent["amount"]):
        raise invalid_parameter("amount_to_confirm", f"The amount of this PaymentIntent is {intent['amount']}.")
    _describe(intent, parameters)
    try:
        method = read_method(tx, call, intent["customer"]) or _present_method(tx, intent)
        intent = confirm(tx, intent, _attempt(call, method))
    except StripeApiError as error:
        if call.publishable and "payment_intent" in error.error:
            error.error["payment_intent"] = _visible(intent, call)
        raise
    return _visible(intent, call)


def cancel_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents/{id}/cancel`: releases the hold, if any."""
    intent = _existing(tx, call.identity)
    reason = call.parameters.choice("cancellation_reason", CANCELLATION_REASONS)
    if intent["status"] not in CANCELABLE:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELABLE)}."
        )
        raise wrong_state(message, UNEXPECTED_STATE, extra={"payment_intent": intent})
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


def increment_authorization(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents/{id}/increment_authorization`: hold more, when the card was asked whether it may."""
    intent = _existing(tx, call.identity)
    amount = call.parameters.required_amount("amount")
    card_options = cast("JsonObject", intent["payment_method_options"].get("card") or {})
    if intent["status"] != "requires_capture":
        message = (
            f"This PaymentIntent's authorization could not be incremented because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be incremented: "
            "requires_capture."
        )
        raise wrong_state(message, UNEXPECTED_STATE, extra={"payment_intent": intent})
    charge = tx.charge(intent["latest_charge"] or "")
    if card_options.get("request_incremental_authorization") != "if_available" or charge is None:
        message = "This PaymentIntent does not support incremental authorization."
        raise wrong_state(message, UNEXPECTED_STATE, extra={"payment_intent": intent})
    if amount <= intent["amount"]:
        message = f"The amount must be greater than the currently authorized amount of {intent['amount']}."
        raise wrong_state(message, "amount_too_small", extra={"param": "amount"})
    charge["amount"] = amount
    tx.save(charge)
    tx.record("charge.updated", charge, {"amount": intent["amount"]})
    intent["amount"] = amount
    intent["amount_capturable"] = amount
    _describe(intent, call.parameters)
    tx.save(intent)
    tx.record("payment_intent.amount_capturable_updated", intent)
    return intent


def _attempt(call: Call, method: PaymentMethod | None) -> Attempt:
    parameters = call.parameters
    attempt = Attempt(method, call.base_url, parameters.url("return_url"))
    off_session = parameters.text("off_session") in ("true", "one_off", "recurring")
    if not off_session:
        parameters.flag("off_session", default=False)
    refuse = parameters.flag("error_on_requires_action", default=False)
    in_browser = parameters.flag("use_stripe_sdk", default=False)
    return replace(attempt, off_session=off_session, error_on_requires_action=refuse, use_stripe_sdk=in_browser)


def _present_method(tx: Transaction, intent: PaymentIntent) -> PaymentMethod | None:
    identity = intent["payment_method"]
    return retrieve_method(tx, identity, param="payment_method") if identity else None


def _existing(tx: Transaction, identity: str) -> PaymentIntent:
    intent = tx.payment_intent(identity)
    if intent is None:
        raise missing_resource("payment_intent", identity, param="intent")
    return intent


def _accessible(tx: Transaction, call: Call) -> PaymentIntent:
    """The intent, which a browser's key reaches only with its client secret."""
    if call.publishable and call.parameters.text("client_secret") is None:
        raise missing_parameter("client_secret")
    intent = _existing(tx, call.identity)
    check_secret(call, intent["client_secret"], "payment_intent_invalid_parameter")
    return intent


def _visible(intent: PaymentIntent, call: Call) -> Mapping[str, object]:
    if not call.publishable:
        return intent
    everything: Mapping[str, object] = intent
    return {name: everything[name] for name in PUBLIC_FIELDS}


def _change_amount(intent: PaymentIntent, parameters: Parameters) -> None:
    amount = parameters.amount("amount")
    if parameters.given("currency"):
        intent["currency"] = parameters.currency()
    if amount is not None:
        check_minimum(amount, intent["currency"])
        intent["amount"] = amount
    capture_method = parameters.choice("capture_method", CAPTURE_METHODS)
    if capture_method is not None:
        intent["capture_method"] = capture_method


def _describe(intent: PaymentIntent, parameters: Parameters) -> None:
    """Write what was given beside amount, customer and card; an empty value unsets."""
    fields = cast("JsonObject", intent)
    for name in TEXTS:
        if parameters.given(name):
            fields[name] = parameters.text(name)
    if parameters.given("receipt_email"):
        intent["receipt_email"] = parameters.email("receipt_email")
    if parameters.given("setup_future_usage"):
        intent["setup_future_usage"] = parameters.choice("setup_future_usage", USAGES)
    if parameters.given("shipping"):
        intent["shipping"] = read_shipping(parameters, SHIPPING)
    if parameters.given("payment_method_options"):
        present = cast("JsonObject", intent["payment_method_options"].get("card"))
        intent["payment_method_options"] = {"card": read_card_options(parameters, present)}
    if parameters.given("excluded_payment_method_types"):
        intent["excluded_payment_method_types"] = read_excluded_types(parameters)
    describe_payment(intent, parameters)
    if parameters.given("metadata"):
        intent["metadata"] = parameters.merged_metadata(intent["metadata"])


def _new_intent(tx: Transaction, parameters: Parameters) -> PaymentIntent:
    amount = parameters.required_amount("amount")
    currency = parameters.currency()
    check_minimum(amount, currency)
    identity = new_id("pi")
    allowed = read_allowed_types(parameters)
    intent: PaymentIntent = {
        "id": identity,
        "object": "payment_intent",
        "allowed_payment_method_types": allowed,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": read_automatic_methods(parameters, named=allowed is not None),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": parameters.choice("capture_method", CAPTURE_METHODS) or "automatic_async",
        "client_secret": new_id(f"{identity}_secret"),
        "confirmation_method": parameters.choice("confirmation_method", ("automatic", "manual")) or "automatic",
        "created": tx.created,
        "currency": currency,
        "customer": read_customer(tx, parameters),
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": read_card_options(parameters)},
        "payment_method_types": ["card"],
        "payment_record": None,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    _describe(intent, parameters)
    return intent
