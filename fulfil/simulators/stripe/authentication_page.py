"""The bank's 3-D Secure page: the customer approves or fails, and goes back to the shop."""

from collections.abc import Callable
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fulfil.models.money import format_money
from fulfil.simulators.stripe.api import StripeApi
from fulfil.simulators.stripe.confirmation import authenticate
from fulfil.simulators.stripe.forms import decode_form
from fulfil.simulators.stripe.objects import PaymentIntent
from fulfil.simulators.stripe.transaction import Cause

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Confirm your payment</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; background: #f3f4f6; color: #111827; margin: 0; padding: 3rem 1rem; }}
main {{ max-width: 24rem; margin: auto; background: #fff; padding: 2rem; border: 1px solid #d1d5db; }}
h1 {{ font-size: 1.25rem; margin: 0 0 .5rem; }}
.amount {{ font-size: 2rem; font-weight: 600; margin: 1rem 0; }}
small {{ color: #4b5563; overflow-wrap: anywhere; }}
button {{ font: inherit; width: 100%; padding: .75rem; margin-top: .75rem; border-radius: 6px; cursor: pointer; }}
button.approve {{ background: #1d4ed8; color: #fff; border: 1px solid #1d4ed8; }}
button.fail {{ background: #fff; color: #b91c1c; border: 1px solid #b91c1c; }}
</style>
</head>
<body><main>{content}</main></body>
</html>"""
FORM = """<h1>Simulated bank</h1>
<p>A shop asks for a payment. Is it you?</p>
<p class="amount">{amount}</p>
<form method="post">
<button class="approve" name="outcome" value="approve">Approve</button>
<button class="fail" name="outcome" value="fail">Fail</button>
</form>
<p><small>{identity}. Simulated: no money moves.</small></p>"""


class AuthenticationPage:
    """`/_simulator/3ds/{payment_intent}`."""

    def __init__(self, api: StripeApi, wake: Callable[[], None]) -> None:
        self._api = api
        self._wake = wake

    async def show(self, request: Request) -> Response:
        """Ask the customer."""
        intent = self._intent(request)
        if intent is None:
            return _page("<h1>Unknown payment</h1>", 404)
        if intent["status"] != "requires_action":
            return _page("<h1>Nothing to confirm</h1><p>This payment does not wait for you.</p>", 409)
        amount = format_money(intent["amount"], intent["currency"])
        return _page(FORM.format(amount=escape(amount), identity=escape(intent["id"])))

    async def submit(self, request: Request) -> Response:
        """Take the customer's answer and send them back."""
        outcome = decode_form((await request.body()).decode(errors="replace")).get("outcome")
        if outcome not in ("approve", "fail"):
            return _page("<h1>Choose one of the two</h1>", 400)
        intent = self._intent(request)
        if intent is None:
            return _page("<h1>Unknown payment</h1>", 404)
        if intent["status"] != "requires_action":
            return _page("<h1>Nothing to confirm</h1><p>This payment does not wait for you.</p>", 409)
        back = _return_url(intent, "succeeded" if outcome == "approve" else "failed")
        endpoint = self._api.store.endpoint()
        with self._api.store.transaction() as tx:
            tx.cause = Cause(delivery_times=self._api.webhook_faults.times if endpoint is not None else None)
            authenticate(tx, intent, approved=outcome == "approve")
        self._wake()
        if back is None:
            return _page("<h1>Thank you</h1><p>You can close this page.</p>")
        return RedirectResponse(back, 303)

    def _intent(self, request: Request) -> PaymentIntent | None:
        with self._api.store.transaction() as tx:
            return tx.payment_intent(str(request.path_params["payment_intent"]))


def _return_url(intent: PaymentIntent, status: str) -> str | None:
    """The shop's address with what Stripe appends to it."""
    action = intent["next_action"] or {}
    redirect = action.get("redirect_to_url")
    if redirect is None or redirect["return_url"] is None:
        return None
    parts = urlsplit(redirect["return_url"])
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        ("payment_intent", intent["id"]),
        ("payment_intent_client_secret", intent["client_secret"]),
        ("redirect_status", status),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _page(content: str, status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(content=content), status, {"Cache-Control": "no-store"})
