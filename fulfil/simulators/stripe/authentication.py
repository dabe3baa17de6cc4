"""When a bank wants its customer to authenticate, and where they do it."""

from typing import cast

from fulfil.simulators.stripe.cards import ASKING, CARDS, Behaviour
from fulfil.simulators.stripe.errors import DOCS
from fulfil.simulators.stripe.objects import Json, NextAction, PaymentError, PaymentMethod
from fulfil.simulators.stripe.payment_methods import SET_UP, has_fact
from fulfil.simulators.stripe.transaction import Transaction


def must_authenticate(tx: Transaction, method: PaymentMethod, options: Json, *, off_session: bool) -> bool:
    """Whether this card asks in this payment; `options` are the intent's `payment_method_options`."""
    behaviour = CARDS[tx.token(method["id"])].behaviour
    if behaviour is Behaviour.ASKS_UNLESS_SET_UP:
        return not (off_session and has_fact(tx, method["id"], SET_UP))
    if behaviour in ASKING:
        return True
    wanted = cast("Json", options["card"])["request_three_d_secure"]
    return wanted in ("any", "challenge") and method["card"]["three_d_secure_usage"]["supported"]


def authentication_action(intent: str, return_url: str | None, base_url: str) -> NextAction:
    """A redirect where the caller said how to come back; else what a browser's SDK would handle."""
    page = f"{base_url}/_simulator/3ds/{intent}"
    if return_url is None:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page}}
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}


def authentication_failure(kind: str, method: PaymentMethod) -> PaymentError:
    """What an intent of that kind (`payment_intent`, `setup_intent`) says after the customer failed."""
    code = f"{kind}_authentication_failure"
    return {
        "code": code,
        "doc_url": DOCS + code.replace("_", "-"),
        "message": "We are unable to authenticate your payment method. Please choose a different payment method and "
        "try again.",
        "payment_method": method,
        "type": "invalid_request_error",
    }
