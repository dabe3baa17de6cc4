"""Tokens: a card's details, handed over by a browser, good for one use."""

from collections.abc import Mapping

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.card_numbers import read_card
from fulfil.simulators.stripe.cards import CARDS
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError, missing_parameter
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.payment_methods import UNSAFE
from fulfil.simulators.stripe.transaction import Transaction

BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


def create_token(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/tokens` with a browser's key."""
    entered = call.parameters.hash("card").only(
        "number exp_month exp_year cvc name address_city address_country address_line1 address_line2 address_state "
        "address_zip"
    )
    if not entered.values:
        raise missing_parameter("card")
    if not call.publishable:
        raise StripeApiError(402, UNSAFE)
    given = read_card(entered, tx.now)
    card = CARDS[given.token]
    details: JsonObject = {
        "id": new_id("card"),
        "object": "card",
        "address_city": entered.text("address_city"),
        "address_country": entered.text("address_country"),
        "address_line1": entered.text("address_line1"),
        "address_line1_check": None,
        "address_line2": entered.text("address_line2"),
        "address_state": entered.text("address_state"),
        "address_zip": entered.text("address_zip"),
        "address_zip_check": None,
        "brand": BRANDS[card.brand],
        "country": card.country,
        "cvc_check": "unchecked" if given.cvc_given else None,
        "dynamic_last4": None,
        "exp_month": given.exp_month,
        "exp_year": given.exp_year,
        "fingerprint": f"simulated{card.last4}",
        "funding": card.funding,
        "last4": card.last4,
        "metadata": {},
        "name": entered.text("name"),
        "regulated_status": "unregulated",
        "tokenization_method": None,
    }
    tx.keep_token(str(details["id"]), given.token)
    token: JsonObject = {
        "id": new_id("tok"),
        "object": "token",
        "card": details,
        "client_ip": "127.0.0.1",
        "created": tx.created,
        "livemode": False,
        "type": "card",
        "used": False,
    }
    tx.insert(token)
    return token
