"""The bank's 3-D Secure page: the customer approves or fails, and goes back to the shop."""

from collections.abc import Callable
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fulfil.simulators.stripe.confirmation import authenticate
from fulfil.simulators.stripe.currencies import shown
from fulfil.simulators.stripe.forms import decode_form
from fulfil.simulators.stripe.objects import PaymentIntent, SetupIntent
from fulfil.simulators.stripe.pages import note, page
from fulfil.simulators.stripe.setup_intents import authenticate_setup, find_setup_intent
from fulfil.simulators.stripe.store import Store
from fulfil.simulators.stripe.transaction import Transaction

BANK = "Simulated Bank"
FORM = """<h1>{question}</h1>
<p>{why}</p>
{amount}
<dl class="facts"><dt>Card</dt><dd>{card}</dd><dt>Reference</dt><dd>{identity}</dd></dl>
<form method="post">
<button name="outcome" value="approve">Approve</button>
<button class="bad" name="outcome" value="fail">Fail</button>
</form>
<small>No money moves: this page stands for the one your bank would show.</small>"""


class AuthenticationPage:
    """`/_simulator/3ds/{intent}` of a payment intent or a setup intent."""

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake

    async def show(self, request: Request) -> Response:
        """Ask the customer."""
        with self._store.transaction() as tx:
            intent = _intent(tx, request)
            refusal = _refusal(intent)
            if intent is None or refusal is not None:
                return refusal or _unknown()
            method = tx.payment_method(intent["payment_method"] or "")
        card = f"{method['card']['brand'].title()} ending in {method['card']['last4']}" if method else ""
        amount = ""
        question, why = "Keep this card?", "A shop wants to keep your card for later payments. Is it you?"
        if intent["object"] == "payment_intent":
            question, why = "Confirm your payment", "A shop asks for a payment. Is it you?"
            amount = f'<p class="amount">{escape(shown(intent["amount"], intent["currency"]))}</p>'
        content = FORM.format(
            question=question, why=why, amount=amount, card=escape(card), identity=escape(intent["id"])
        )
        return page(question, "bank", BANK, content)

    async def submit(self, request: Request) -> Response:
        """Take the customer's answer and send them back."""
        outcome = decode_form((await request.body()).decode(errors="replace")).get("outcome")
        if outcome not in ("approve", "fail"):
            return note("Choose one of the two", "Approve, or fail.", "bank", BANK, 400)
        with self._store.transaction() as tx:
            intent = _intent(tx, request)
            refusal = _refusal(intent)
            if intent is None or refusal is not None:
                return refusal or _unknown()
            return_url = _return_url(intent)
            if intent["object"] == "payment_intent":
                authenticate(tx, intent, approved=outcome == "approve")
            else:
                authenticate_setup(tx, intent, approved=outcome == "approve")
        self._wake()
        if return_url is None:
            return note("Thank you", "You can close this page.", "bank", BANK)
        failed = intent["status"] == "requires_payment_method"
        return RedirectResponse(_back(intent, return_url, "failed" if failed else "succeeded"), 303)


def _intent(tx: Transaction, request: Request) -> PaymentIntent | SetupIntent | None:
    identity = str(request.path_params["intent"])
    return find_setup_intent(tx, identity) if identity.startswith("seti_") else tx.payment_intent(identity)


def _unknown() -> Response:
    return note("Unknown payment", "Nothing is known of it.", "bank", BANK, 404)


def _refusal(intent: PaymentIntent | SetupIntent | None) -> Response | None:
    """The page for somebody who is not expected."""
    if intent is None:
        return _unknown()
    if intent["status"] != "requires_action":
        return note("Nothing to confirm", "This payment does not wait for you.", "bank", BANK, 409)
    return None


def _return_url(intent: PaymentIntent | SetupIntent) -> str | None:
    redirect = (intent["next_action"] or {}).get("redirect_to_url")
    return redirect["return_url"] if redirect else None


def _back(intent: PaymentIntent | SetupIntent, return_url: str, status: str) -> str:
    """The shop's address with what Stripe appends to it."""
    return appended(
        return_url,
        {
            intent["object"]: intent["id"],
            f"{intent['object']}_client_secret": intent["client_secret"],
            "redirect_status": status,
        },
    )


def appended(url: str, values: dict[str, str]) -> str:
    """The address with more in its query."""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *values.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))
