"""What payment intents and setup intents are told in the same words."""

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.customers import existing_customer
from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter
from fulfil.simulators.stripe.objects import AutomaticPaymentMethods, Json, PaymentIntent, PaymentMethod
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.payment_methods import made_from_card, retrieve_method, usable_method
from fulfil.simulators.stripe.transaction import Transaction

THREE_D_SECURE = ("automatic", "any", "challenge")
USAGES = ("on_session", "off_session")
IF_AVAILABLE = ("if_available", "never")
REQUESTS = ("request_incremental_authorization", "request_extended_authorization", "request_multicapture")
CARD_OPTIONS = f"request_three_d_secure setup_future_usage capture_method {' '.join(REQUESTS)}"


def read_allowed_types(parameters: Parameters) -> list[str] | None:
    """`allowed_payment_method_types`: cards only."""
    allowed = parameters.texts("allowed_payment_method_types")
    if allowed is not None and allowed != ["card"]:
        raise invalid_parameter("allowed_payment_method_types", "Invalid payment method type: only card is simulated")
    return allowed


def read_excluded_types(parameters: Parameters) -> list[str] | None:
    """`excluded_payment_method_types`: anything but cards."""
    excluded = parameters.texts("excluded_payment_method_types")
    if excluded is not None and "card" in excluded:
        raise invalid_parameter(
            "excluded_payment_method_types", "No payment method would be left: only card is simulated"
        )
    return excluded


def read_automatic_methods(parameters: Parameters, *, named: bool) -> AutomaticPaymentMethods | None:
    """Payment methods of the account's choice, unless the caller named some."""
    wanted = parameters.hash("automatic_payment_methods").only("enabled allow_redirects")
    if named and wanted.values:
        message = (
            "You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types."
        )
        raise invalid_parameter("automatic_payment_methods", message)
    if named or not wanted.flag("enabled", default=True):
        return None
    redirects = wanted.choice("allow_redirects", ("always", "never")) or "always"
    return {"allow_redirects": redirects, "enabled": True}


def read_card_options(parameters: Parameters, present: Json | None = None) -> Json:
    """`payment_method_options[card]` as an intent shows it."""
    given = parameters.hash("payment_method_options").only("card").hash("card").only(CARD_OPTIONS)
    options: Json = dict(present or {})
    if not options:
        options = {"installments": None, "mandate_options": None, "network": None}
        options["request_three_d_secure"] = "automatic"
    wanted = given.choice("request_three_d_secure", THREE_D_SECURE)
    if wanted is not None:
        options["request_three_d_secure"] = wanted
    for name in REQUESTS:
        if given.given(name):
            options[name] = given.choice(name, IF_AVAILABLE)
    if given.given("capture_method"):
        options["capture_method"] = given.choice("capture_method", ("manual",))
    if given.given("setup_future_usage"):
        options["setup_future_usage"] = given.choice("setup_future_usage", (*USAGES, "none"))
    return options


def describe_payment(intent: PaymentIntent, parameters: Parameters) -> None:
    """Write `payment_details`, the references of order and customer, over what is known; an empty value unsets."""
    if not parameters.given("payment_details"):
        return
    given = parameters.hash("payment_details").only("customer_reference order_reference")
    present = intent.pop("payment_details", {"customer_reference": None, "order_reference": None})
    if given.values:
        intent["payment_details"] = present | {name: given.text(name) for name in given.values}


def read_customer(tx: Transaction, parameters: Parameters) -> str | None:
    """The customer an intent is for."""
    customer = parameters.text("customer")
    return None if customer is None else existing_customer(tx, customer)["id"]


def read_method(tx: Transaction, call: Call, customer: str | None) -> PaymentMethod | None:
    """The card that was given by id, by test token, or as `payment_method_data`; None when none was."""
    identity = call.parameters.text("payment_method")
    data = call.parameters.hash("payment_method_data").only("type card billing_details metadata allow_redisplay")
    if identity is not None and data.values:
        message = "You may only specify one of these parameters: payment_method, payment_method_data."
        raise invalid_parameter("payment_method_data", message)
    if data.values:
        if data.required_text("type") != "card":
            raise invalid_parameter(data.name("type"), "Invalid payment method type: only card is simulated")
        return made_from_card(tx, data, publishable=call.publishable)
    if identity is None:
        return None
    return usable_method(tx, identity, customer) if identity.startswith("pm_") else _unknown(tx, identity)


def only_when_confirming(parameters: Parameters, names: tuple[str, ...]) -> None:
    """Refuse what says how to confirm when nothing is confirmed."""
    for name in names:
        if parameters.given(name):
            raise invalid_parameter(name, f"{name} can only be set when confirm is true")


def check_secret(call: Call, secret: str, code: str) -> None:
    """A browser's key reaches an intent with its client secret only."""
    given = call.parameters.text("client_secret")
    if call.publishable and given is None:
        raise StripeApiError(
            400, "Missing required param: client_secret.", code="parameter_missing", param="client_secret"
        )
    if given is not None and given != secret:
        message = f"The client_secret provided does not match the client_secret of {call.identity}."
        raise invalid_parameter("client_secret", message, code)


def _unknown(tx: Transaction, identity: str) -> PaymentMethod:
    """Raises the 400 for what is no payment method."""
    return retrieve_method(tx, identity, param="payment_method")
