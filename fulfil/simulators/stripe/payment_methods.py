"""Payment methods: cards as tokens, made by browsers, kept by customers."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe.addresses import read_billing_details
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.card_numbers import TEST_TOKENS, GivenCard, read_card
from fulfil.simulators.stripe.cards import CARDS, Card
from fulfil.simulators.stripe.errors import (
    JsonObject,
    StripeApiError,
    invalid_parameter,
    missing_parameter,
    missing_resource,
    wrong_state,
)
from fulfil.simulators.stripe.listing import Condition, page
from fulfil.simulators.stripe.objects import PaymentMethod, new_id
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.previous import previous_attributes
from fulfil.simulators.stripe.transaction import Transaction

# What a payment method may be at Stripe; all that are kept here are cards.
KINDS = [
    "acss_debit",
    "affirm",
    "afterpay_clearpay",
    "alipay",
    "alma",
    "amazon_pay",
    "au_becs_debit",
    "bacs_debit",
    "bancontact",
    "billie",
    "bizum",
    "blik",
    "boleto",
    "card",
    "cashapp",
    "crypto",
    "custom",
    "customer_balance",
    "eps",
    "fpx",
    "giropay",
    "grabpay",
    "ideal",
    "kakao_pay",
    "klarna",
    "konbini",
    "kr_card",
    "link",
    "mb_way",
    "mobilepay",
    "multibanco",
    "naver_pay",
    "nz_bank_account",
    "oxxo",
    "p24",
    "pay_by_bank",
    "payco",
    "paynow",
    "paypal",
    "paypay",
    "payto",
    "pix",
    "promptpay",
    "revolut_pay",
    "samsung_pay",
    "satispay",
    "scalapay",
    "sepa_debit",
    "sequra",
    "sofort",
    "sunbit",
    "swish",
    "twint",
    "upi",
    "us_bank_account",
    "wechat_pay",
    "zip",
]
REDISPLAY = ("always", "limited", "unspecified")
DISPLAY_BRANDS = {"amex": "american_express", "diners": "diners_club", "unionpay": "union_pay"}
UNSAFE = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test tokens that "
    "map to the test card you are using, see https://stripe.com/docs/testing. To enable testing raw card data APIs, "
    "see https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis."
)
USED_UP = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use "
    "a PaymentMethod multiple times, you must attach it to a Customer first."
)
SET_UP, USED = "set_up", "used_up"


def create_method(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_methods`: from a number with a browser's key, from a token with any."""
    kind = call.parameters.required_text("type")
    if kind != "card":
        raise invalid_parameter("type", f"Invalid payment method type: {kind}; only card is simulated")
    return made_from_card(tx, call.parameters, publishable=call.publishable)


def retrieve(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/payment_methods/{id}`."""
    return retrieve_method(tx, call.identity, param="payment_method", status=404)


def update_method(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_methods/{id}`: what was typed beside the number; only of a customer's card."""
    method = retrieve_method(tx, call.identity, param="payment_method", status=404)
    if method["customer"] is None:
        message = "You must save this PaymentMethod to a customer before you can update it."
        raise StripeApiError(400, message)
    before = cast("JsonObject", method).copy()
    parameters = call.parameters
    method["billing_details"] = read_billing_details(parameters, method["billing_details"])
    method["allow_redisplay"] = parameters.choice("allow_redisplay", REDISPLAY) or method["allow_redisplay"]
    if parameters.given("metadata"):
        method["metadata"] = parameters.merged_metadata(method["metadata"])
    card = parameters.hash("card").only("exp_month exp_year")
    if card.values:
        details = method["card"].copy()
        details["exp_month"] = card.integer("exp_month") or details["exp_month"]
        details["exp_year"] = card.integer("exp_year") or details["exp_year"]
        method["card"] = details
    tx.save(method)
    tx.record("payment_method.updated", method, previous_attributes(before, method))
    return method


def attach(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_methods/{id}/attach`."""
    customer = call.parameters.required_text("customer")
    found = tx.find("customer", customer)
    if found is None or found.get("deleted"):
        raise missing_resource("customer", customer, param="customer", status=400)
    return attach_method(tx, call.identity, customer, status=404)


def detach(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_methods/{id}/detach`: for ever."""
    method = retrieve_method(tx, call.identity, param="payment_method", status=404)
    if method["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise StripeApiError(400, message, stored=True)
    return detach_method(tx, method["id"])


def list_methods(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/payment_methods` of a `customer`."""
    condition = of_kind(call)
    customer = call.parameters.text("customer")
    # Without a customer Stripe lists a feature's methods that nobody here has.
    condition.add("json_extract(body, '$.customer') = ?", customer or "")
    redisplay = call.parameters.choice("allow_redisplay", REDISPLAY)
    if redisplay is not None:
        condition.add("json_extract(body, '$.allow_redisplay') = ?", redisplay)
    return page(tx, call.parameters, condition, "payment_method", "/v1/payment_methods")


def of_kind(call: Call) -> Condition:
    """The payment methods of the `type` that is asked for."""
    condition = Condition(["object = 'payment_method'"], [])
    kind = call.parameters.choice("type", KINDS)
    if kind is not None:
        condition.add("json_extract(body, '$.type') = ?", kind)
    return condition


def retrieve_method(tx: Transaction, identity: str, *, param: str, status: int = 400) -> PaymentMethod:
    """The card behind an id; a test token makes a new one, as at Stripe."""
    if identity in CARDS:
        return new_method(tx, identity, Parameters({}))
    known = tx.payment_method(identity)
    if known is None:
        raise missing_resource("PaymentMethod", identity, param=param, status=status)
    return known


def usable_method(tx: Transaction, identity: str, customer: str | None) -> PaymentMethod:
    """A card for a payment of a customer (or of nobody); raises a 400 when it may not be used for it."""
    method = retrieve_method(tx, identity, param="payment_method")
    if has_fact(tx, method["id"], USED):
        raise invalid_parameter("payment_method", USED_UP)
    if method["customer"] is not None and method["customer"] != customer:
        message = (
            "The provided PaymentMethod cannot be attached. To reuse a PaymentMethod, you must attach it to a Customer "
            "first."
            if customer is None
            else "The customer does not have a payment method with the ID "
            f"{identity}. The payment method must be attached to the customer."
        )
        raise invalid_parameter("payment_method", message, "resource_missing" if customer else None)
    return method


def attach_method(tx: Transaction, identity: str, customer: str, *, status: int = 400) -> PaymentMethod:
    """Give a card to a customer; raises the 402 of a bank that refuses it, the 400 of another owner."""
    method = retrieve_method(tx, identity, param="payment_method", status=status)
    if has_fact(tx, method["id"], USED):
        raise wrong_state(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again.",
            "payment_method_unexpected_state",
        )
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        message = "The payment method you provided has already been attached to a customer."
        raise wrong_state(message, "payment_method_unexpected_state")
    card = CARDS[tx.token(method["id"])]
    if card.decline is not None and card.behaviour.value == "declines" and not card.decline.blocked:
        raise declined(card, {})
    method["customer"] = customer
    tx.save(method)
    tx.record("payment_method.attached", method)
    return method


def detach_method(tx: Transaction, identity: str) -> PaymentMethod:
    """Take a card from its customer; it can never be used again."""
    method = retrieve_method(tx, identity, param="payment_method")
    customer = method["customer"]
    method["customer"] = None
    tx.save(method)
    keep_fact(tx, method["id"], USED)
    tx.record("payment_method.detached", method, {"customer": customer})
    return method


def made_from_card(tx: Transaction, parameters: Parameters, *, publishable: bool) -> PaymentMethod:
    """A new card from `card[number]` and so on, or from `card[token]`."""
    card = parameters.hash("card").only("number exp_month exp_year cvc token networks")
    token = card.text("token")
    if token is not None:
        given = _redeemed(tx, token, card)
        return new_method(tx, given.token, parameters, given)
    if not card.values:
        raise missing_parameter("card")
    if not publishable:
        raise StripeApiError(402, UNSAFE)
    given = read_card(card, tx.now)
    return new_method(tx, given.token, parameters, given)


def declined(card: Card, extra: Mapping[str, object]) -> StripeApiError:
    """The 402 of a card whose bank refuses."""
    reason = card.decline
    if reason is None:
        raise ValueError("this card does not decline")
    details: JsonObject = {"decline_code": reason.decline_code, **extra}
    if reason.advice_code:
        details["advice_code"] = reason.advice_code
    return StripeApiError(
        402,
        reason.message,
        kind="card_error",
        code=reason.code,
        param=reason.param,
        stored=True,
        keeps_effects=True,
        extra=details,
    )


def keep_fact(tx: Transaction, method: str, fact: str) -> None:
    """Remember that a card was set up for later, or used up."""
    tx.connection.execute("INSERT OR IGNORE INTO card_facts VALUES (?, ?)", (method, fact))


def has_fact(tx: Transaction, method: str, fact: str) -> bool:
    """Whether that is remembered."""
    query = "SELECT count(*) FROM card_facts WHERE payment_method = ? AND fact = ?"
    return bool(tx.connection.execute(query, (method, fact)).fetchone()[0])


def new_method(tx: Transaction, token: str, parameters: Parameters, given: GivenCard | None = None) -> PaymentMethod:
    """Tokenise a test card."""
    card = CARDS[token]
    checked = given is not None and given.cvc_given
    method: PaymentMethod = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": parameters.choice("allow_redisplay", REDISPLAY) or "unspecified",
        "billing_details": read_billing_details(parameters),
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "unchecked" if checked else None,
            },
            "country": card.country,
            "display_brand": DISPLAY_BRANDS.get(card.brand, card.brand),
            "exp_month": given.exp_month if given else 12,
            "exp_year": given.exp_year if given else 2034,
            "fingerprint": f"simulated{card.last4}",
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": card.brand != "amex"},
            "wallet": None,
        },
        "created": tx.created,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": parameters.metadata(),
        "type": "card",
    }
    tx.insert(method)
    tx.keep_token(method["id"], token)
    if card.set_up:
        keep_fact(tx, method["id"], SET_UP)
    return method


def _redeemed(tx: Transaction, token: str, card: Parameters) -> GivenCard:
    """The card behind a token: a documented one, or one a browser made, which works once."""
    named = TEST_TOKENS.fullmatch(token)
    if named is not None and f"pm_card_{named[1]}" in CARDS:
        return GivenCard(f"pm_card_{named[1]}", 12, 2034, cvc_given=False)
    kept = tx.find("token", token)
    if kept is None:
        raise missing_resource("token", token, param=card.name("token"), status=400)
    if kept["used"]:
        message = f"You cannot use a Stripe token more than once: {token}."
        raise invalid_parameter(card.name("token"), message, "token_already_used")
    kept["used"] = True
    tx.save(kept)
    details = cast("JsonObject", kept["card"])
    checked = details["cvc_check"] is not None
    month, year = cast("int", details["exp_month"]), cast("int", details["exp_year"])
    return GivenCard(tx.token(str(details["id"])), month, year, checked)
