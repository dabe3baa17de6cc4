"""Setup intents: a card is made ready for payments that its owner will not attend."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe.authentication import authentication_action, authentication_failure, must_authenticate
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.cards import ASKING, CARDS, Behaviour, Decline
from fulfil.simulators.stripe.errors import DOCS, JsonObject, StripeApiError, missing_resource, wrong_state
from fulfil.simulators.stripe.intent_parameters import (
    USAGES,
    check_secret,
    only_when_confirming,
    read_allowed_types,
    read_automatic_methods,
    read_card_options,
    read_customer,
    read_excluded_types,
    read_method,
)
from fulfil.simulators.stripe.objects import PaymentError, PaymentMethod, SetupIntent, new_id
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.payment_methods import SET_UP, attach_method, keep_fact, retrieve_method
from fulfil.simulators.stripe.transaction import Transaction

UNEXPECTED_STATE = "setup_intent_unexpected_state"
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELLATION_REASONS = ("abandoned", "duplicate", "requested_by_customer")
# What a publishable key sees: never metadata.
PUBLIC_FIELDS = (
    "id",
    "object",
    "automatic_payment_methods",
    "cancellation_reason",
    "client_secret",
    "created",
    "description",
    "last_setup_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_configuration_details",
    "payment_method_types",
    "status",
    "usage",
)


def create_setup_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/setup_intents`, confirming at once when asked to."""
    intent = _new_intent(tx, call.parameters)
    at_once = call.parameters.flag("confirm", default=False)
    if not at_once:
        only_when_confirming(call.parameters, ("mandate_data", "return_url"))
    method = read_method(tx, call, intent["customer"])
    if method is not None:
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"
    tx.insert(intent)
    tx.record("setup_intent.created", intent)
    return _confirm(tx, intent, method, call) if at_once else intent


def retrieve_setup_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/setup_intents/{id}`."""
    return _visible(_accessible(tx, call), call)


def update_setup_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/setup_intents/{id}`: only until it is over."""
    intent, parameters = _accessible(tx, call), call.parameters
    if intent["status"] not in OPEN and set(parameters.values) - {"description", "metadata", "expand"}:
        raise _wrong_state(intent, "update", OPEN)
    if parameters.given("customer"):
        intent["customer"] = read_customer(tx, parameters) or intent["customer"]
    if parameters.given("description"):
        intent["description"] = parameters.text("description")
    if parameters.given("metadata"):
        intent["metadata"] = parameters.merged_metadata(intent["metadata"])
    if parameters.given("payment_method_options"):
        present = cast("JsonObject", intent["payment_method_options"].get("card"))
        intent["payment_method_options"] = {"card": _card_options(parameters, present)}
    method = read_method(tx, call, intent["customer"])
    if method is not None:
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"
        intent["next_action"] = None
        intent["last_setup_error"] = None
    tx.save(intent)
    return intent


def confirm_setup_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/setup_intents/{id}/confirm`."""
    intent = _accessible(tx, call)
    if intent["status"] not in OPEN:
        raise _wrong_state(intent, "confirm", OPEN)
    identity = intent["payment_method"]
    try:
        method = read_method(tx, call, intent["customer"])
        if method is None and identity is not None:
            method = retrieve_method(tx, identity, param="payment_method")
        intent = _confirm(tx, intent, method, call)
    except StripeApiError as error:
        if call.publishable and "setup_intent" in error.error:
            error.error["setup_intent"] = _visible(intent, call)
        raise
    return _visible(intent, call)


def cancel_setup_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/setup_intents/{id}/cancel`."""
    intent = _accessible(tx, call)
    reason = call.parameters.choice("cancellation_reason", CANCELLATION_REASONS)
    if intent["status"] not in OPEN:
        raise _wrong_state(intent, "cancel", OPEN)
    intent["status"] = "canceled"
    intent["cancellation_reason"] = reason
    intent["next_action"] = None
    tx.save(intent)
    tx.record("setup_intent.canceled", intent)
    return intent


def find_setup_intent(tx: Transaction, identity: str) -> SetupIntent | None:
    """A setup intent."""
    return cast("SetupIntent | None", tx.find("setup_intent", identity))


def authenticate_setup(tx: Transaction, intent: SetupIntent, *, approved: bool) -> SetupIntent:
    """The customer's answer on the bank's page, after which the bank may still refuse."""
    method = tx.payment_method(intent["payment_method"] or "")
    if intent["status"] != "requires_action" or method is None:
        raise wrong_state(f"{intent['id']} does not wait for authentication.", UNEXPECTED_STATE)
    intent["next_action"] = None
    card = CARDS[tx.token(method["id"])]
    if approved and card.behaviour is Behaviour.ASKS_THEN_DECLINES and card.decline is not None:
        _fail(tx, intent, method, _card_failure(method, card.decline))
    elif approved:
        _succeed(tx, intent, method)
    else:
        _fail(tx, intent, method, authentication_failure("setup_intent", method))
    return intent


def _confirm(tx: Transaction, intent: SetupIntent, method: PaymentMethod | None, call: Call) -> SetupIntent:
    if method is None:
        message = (
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a "
            "payment method and then confirm it again."
        )
        raise wrong_state(message, UNEXPECTED_STATE, extra={"setup_intent": intent})
    intent["last_setup_error"] = None
    intent["next_action"] = None
    intent["payment_method"] = method["id"]
    card = CARDS[tx.token(method["id"])]
    asks = must_authenticate(tx, method, intent["payment_method_options"], off_session=True)
    if asks or (card.behaviour in ASKING and not card.set_up):
        intent["status"] = "requires_action"
        in_browser = call.parameters.flag("use_stripe_sdk", default=False)
        return_url = None if in_browser else call.parameters.url("return_url")
        intent["next_action"] = authentication_action(intent["id"], return_url, call.base_url)
        _attempt(tx, intent, method, "requires_action", None)
        tx.save(intent)
        tx.record("setup_intent.requires_action", intent)
        return intent
    if card.decline is not None and card.behaviour is Behaviour.DECLINES:
        failure = _card_failure(method, card.decline)
        _fail(tx, intent, method, failure)
        extra = {name: value for name, value in failure.items() if name in ("advice_code", "decline_code")}
        raise StripeApiError(
            402,
            card.decline.message,
            kind="card_error",
            code=card.decline.code,
            param=card.decline.param,
            stored=True,
            keeps_effects=True,
            extra={**extra, "payment_method": method, "setup_intent": intent},
        )
    _succeed(tx, intent, method)
    return intent


def _succeed(tx: Transaction, intent: SetupIntent, method: PaymentMethod) -> None:
    if intent["usage"] == "off_session":
        keep_fact(tx, method["id"], SET_UP)
    if intent["customer"] is not None:
        attach_method(tx, method["id"], intent["customer"])
    intent["status"] = "succeeded"
    _attempt(tx, intent, method, "succeeded", None)
    tx.save(intent)
    tx.record("setup_intent.succeeded", intent)


def _fail(tx: Transaction, intent: SetupIntent, method: PaymentMethod, failure: PaymentError) -> None:
    intent["status"] = "requires_payment_method"
    intent["payment_method"] = None
    intent["last_setup_error"] = failure
    _attempt(tx, intent, method, "failed", failure)
    tx.save(intent)
    tx.record("setup_intent.setup_failed", intent)


def _attempt(
    tx: Transaction, intent: SetupIntent, method: PaymentMethod, status: str, failure: PaymentError | None
) -> None:
    """Keep what was tried; an attempt that waited for the customer ends with their answer."""
    waiting = tx.find("setup_attempt", intent["latest_attempt"] or "")
    if waiting is not None and waiting["status"] == "requires_action":
        waiting |= {"status": status, "setup_error": failure}
        tx.save(waiting)
        return
    attempt: JsonObject = {
        "id": new_id("setatt"),
        "object": "setup_attempt",
        "application": None,
        "created": tx.created,
        "customer": intent["customer"],
        "customer_account": None,
        "flow_directions": None,
        "livemode": False,
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                "brand": method["card"]["brand"],
                "checks": None,
                "country": method["card"]["country"],
                "exp_month": method["card"]["exp_month"],
                "exp_year": method["card"]["exp_year"],
                "fingerprint": method["card"]["fingerprint"],
                "funding": method["card"]["funding"],
                "last4": method["card"]["last4"],
                "network": method["card"]["brand"],
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        "setup_error": failure,
        "setup_intent": intent["id"],
        "status": status,
        "usage": intent["usage"],
    }
    tx.insert(attempt)
    intent["latest_attempt"] = str(attempt["id"])


def _card_failure(method: PaymentMethod, reason: Decline) -> PaymentError:
    failure: PaymentError = {
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
    return failure


def _accessible(tx: Transaction, call: Call) -> SetupIntent:
    intent = find_setup_intent(tx, call.identity)
    if intent is None:
        raise missing_resource("setupintent", call.identity, param="intent")
    check_secret(call, intent["client_secret"], "setup_intent_invalid_parameter")
    return intent


def _visible(intent: SetupIntent, call: Call) -> Mapping[str, object]:
    if not call.publishable:
        return intent
    everything: Mapping[str, object] = intent
    return {name: everything[name] for name in PUBLIC_FIELDS}


def _wrong_state(intent: SetupIntent, deed: str, allowed: tuple[str, ...]) -> StripeApiError:
    message = (
        f"You cannot {deed} this SetupIntent because it has a status of {intent['status']}. Only a SetupIntent with "
        f"one of the following statuses may be {deed}{'ed' if deed != 'update' else 'd'}: {', '.join(allowed)}."
    )
    return wrong_state(message, UNEXPECTED_STATE, extra={"setup_intent": intent})


def _card_options(parameters: Parameters, present: JsonObject | None = None) -> JsonObject:
    """A setup intent shows fewer of a card's options than a payment intent."""
    options = read_card_options(parameters, present)
    return {name: options[name] for name in ("mandate_options", "network", "request_three_d_secure")}


def _new_intent(tx: Transaction, parameters: Parameters) -> SetupIntent:
    identity = new_id("seti")
    allowed = read_allowed_types(parameters)
    return {
        "id": identity,
        "object": "setup_intent",
        "allowed_payment_method_types": allowed,
        "application": None,
        "automatic_payment_methods": read_automatic_methods(parameters, named=allowed is not None),
        "cancellation_reason": None,
        "client_secret": new_id(f"{identity}_secret"),
        "created": tx.created,
        "customer": read_customer(tx, parameters),
        "customer_account": None,
        "description": parameters.text("description"),
        "excluded_payment_method_types": read_excluded_types(parameters),
        "flow_directions": parameters.texts("flow_directions"),
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "managed_payments": None,
        "mandate": None,
        "metadata": parameters.metadata(),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": _card_options(parameters)},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": parameters.choice("usage", USAGES) or "off_session",
    }
