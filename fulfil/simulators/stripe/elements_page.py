"""The stand-in for Stripe's card field: the number goes from the browser to the simulator, never to the shop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import cast

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fulfil.simulators.stripe.api import StripeApi
from fulfil.simulators.stripe.authentication_page import appended
from fulfil.simulators.stripe.credentials import Keys
from fulfil.simulators.stripe.currencies import shown
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError
from fulfil.simulators.stripe.forms import Form, decode_form
from fulfil.simulators.stripe.pages import note, page
from fulfil.simulators.stripe.setup_intents import find_setup_intent

NAME = "Simulated checkout"
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
SAMPLES = (
    ("4242 4242 4242 4242", "Pays"),
    ("4000 0000 0000 3220", "Asks for 3-D Secure, then pays"),
    ("4000 0084 0000 1629", "Asks for 3-D Secure, then declines"),
    ("4000 0025 0000 3155", "Asks unless it was set up"),
    ("4000 0000 0000 0002", "Declined"),
    ("4000 0000 0000 9995", "Declined: insufficient funds"),
    ("4100 0000 0000 0019", "Blocked as fraud"),
    ("4000 0000 0000 0077", "Pays, available at once"),
    ("4000 0000 0000 0259", "Pays, then is disputed"),
)
FORM = """<h1>{title}</h1>
{amount}
{error}
<form method="post" id="card-form">
<input type="hidden" name="key" value="{key}"><input type="hidden" name="client_secret" value="{secret}">
<input type="hidden" name="return_url" value="{return_url}">
<div class="field"><label for="number">Card number</label>
<input type="text" id="number" name="number" inputmode="numeric" autocomplete="cc-number"
 placeholder="4242 4242 4242 4242" maxlength="23" required autofocus{invalid_number}></div>
<div class="pair"><div class="field"><label for="expiry">Expires (MM / YY)</label>
<input type="text" id="expiry" name="expiry" inputmode="numeric" autocomplete="cc-exp" placeholder="12 / 34"
 maxlength="7" value="{expiry}" required{invalid_expiry}></div>
<div class="field"><label for="cvc">Security code</label>
<input type="text" id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123" maxlength="4"
 value="{cvc}" required{invalid_cvc}></div></div>
<div class="field"><label for="name">Name on the card</label>
<input type="text" id="name" name="name" autocomplete="cc-name" value="{name}"></div>
{keep}
<button>{button}</button>
</form>
<details><summary>Test cards</summary><table>{samples}</table></details>
<small>The number goes to the simulator only. Any future date and any code will do.</small>
<script>
const form = document.getElementById("card-form");
for (const sample of document.querySelectorAll("[data-number]")) sample.addEventListener("click", () => {{
  form.number.value = sample.dataset.number; form.expiry.value ||= "12 / 34"; form.cvc.value ||= "123";
  form.querySelector("button").focus();
}});
form.number.addEventListener("input", () => {{
  form.number.value = form.number.value.replace(/[^0-9]/g, "").replace(/(.{{4}})(?=.)/g, "$1 ");
}});
form.expiry.addEventListener("input", (event) => {{
  const digits = form.expiry.value.replace(/[^0-9]/g, "").slice(0, 4);
  if (event.inputType !== "deleteContentBackward") {{
    form.expiry.value = digits.length > 2 ? digits.slice(0, 2) + " / " + digits.slice(2) : digits;
  }}
}});
form.addEventListener("submit", () => {{ form.querySelector("button").disabled = true; }});
</script>"""
KEEP = (
    """<label class="check"><input type="checkbox" name="keep" value="yes"> Keep this card for later payments</label>"""
)
FIELDS = {"number": "number", "exp_month": "expiry", "exp_year": "expiry", "cvc": "cvc"}


@dataclass(frozen=True)
class Checkout:
    """What the page is opened with."""

    key: str
    client_secret: str
    return_url: str

    @property
    def intent(self) -> str:
        """The id in front of the secret."""
        return self.client_secret.partition("_secret_")[0]

    @property
    def path(self) -> str:
        """Where the intent is at Stripe."""
        return f"/v1/{'setup_intents' if self.intent.startswith('seti_') else 'payment_intents'}/{self.intent}"


class ElementsPage:
    """`/_simulator/elements?key=pk_…&client_secret=…&return_url=…`."""

    def __init__(self, api: StripeApi, keys: Keys, wake: Callable[[], None]) -> None:
        self._api = api
        self._keys = keys
        self._wake = wake

    async def show(self, request: Request) -> Response:
        """The card field, for a payment that waits for a card."""
        return self._form(_checkout(decode_form(request.url.query)), {}, None)

    async def submit(self, request: Request) -> Response:
        """Confirm with the card; then on to the shop, to the bank's page, or back with what was wrong."""
        form = decode_form((await request.body()).decode(errors="replace"))
        checkout = _checkout(form)
        if self._refusal(checkout) is not None:
            return self._form(checkout, {}, None)
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        status, intent = self._api.browse(f"{checkout.path}/confirm", _confirmation(checkout, form), base_url)
        self._wake()
        if status != 200:  # noqa: PLR2004 (HTTP)
            return self._form(checkout, form, cast("JsonObject", intent["error"]), 402)
        action = cast("JsonObject", intent.get("next_action") or {})
        redirect = cast("JsonObject | None", action.get("redirect_to_url"))
        sdk = cast("JsonObject | None", action.get("use_stripe_sdk"))
        if redirect or sdk:
            return RedirectResponse(str(redirect["url"] if redirect else (sdk or {})["stripe_js"]), 303)
        return _leave(checkout, intent)

    def _refusal(self, checkout: Checkout) -> Response | None:
        """The page for a wrong key or secret, or for a payment that is over."""
        try:
            publishable = self._keys.is_publishable(f"Bearer {checkout.key}", public=True)
        except StripeApiError:
            publishable = False
        intent = self._intent(checkout)
        if not publishable or intent is None:
            return note("Nothing to pay", "The address is not complete, or not right.", "card", NAME, 404)
        if intent["status"] not in OPEN:
            return note("Nothing to pay", "This payment does not wait for a card.", "card", NAME, 409)
        return None

    def _intent(self, checkout: Checkout) -> Mapping[str, object] | None:
        with self._api.store.transaction() as tx:
            intent = find_setup_intent(tx, checkout.intent) or tx.payment_intent(checkout.intent)
        return intent if intent is not None and intent["client_secret"] == checkout.client_secret else None

    def _form(self, checkout: Checkout, typed: Form, error: JsonObject | None, status: int = 200) -> Response:
        refusal, intent = self._refusal(checkout), self._intent(checkout)
        if refusal is not None or intent is None:
            return refusal or note("Nothing to pay", "", "card", NAME, 404)
        wrong = FIELDS.get(str((error or {}).get("param", "")), "number") if error else ""
        paying = intent["object"] == "payment_intent"
        title = "Pay by card" if paying else "Keep a card"
        price = shown(cast("int", intent["amount"]), str(intent["currency"])) if paying else ""
        offered = paying and intent["customer"] is not None and intent["setup_future_usage"] is None
        invalid = {
            f"invalid_{name}": ' aria-invalid="true" aria-describedby="error"' if wrong == name else ""
            for name in ("number", "expiry", "cvc")
        }
        message = f'<p class="error" id="error" role="alert">{escape(str(error["message"]))}</p>' if error else ""
        samples = "".join(
            f'<tr><td><button type="button" data-number="{number}">{number}</button></td><td>{escape(effect)}</td></tr>'
            for number, effect in SAMPLES
        )
        content = FORM.format(
            title=title,
            amount=f'<p class="amount">{escape(price)}</p>' if paying else "",
            error=message,
            key=escape(checkout.key),
            secret=escape(checkout.client_secret),
            return_url=escape(checkout.return_url),
            expiry=escape(_text(typed, "expiry")),
            cvc="",
            name=escape(_text(typed, "name")),
            keep=KEEP if offered else "",
            button=escape(f"Pay {price}" if paying else "Save card"),
            samples=samples,
            **invalid,
        )
        return page(title, "card", NAME, content, status)


def _confirmation(checkout: Checkout, form: Form) -> Form:
    """What Stripe's own field would send to confirm the intent."""
    month, _, year = _text(form, "expiry").partition("/")
    card: Form = {
        "number": _text(form, "number"),
        "exp_month": month.strip(),
        "exp_year": year.strip(),
        "cvc": _text(form, "cvc"),
    }
    data: Form = {"type": "card", "card": {name: value for name, value in card.items() if value}}
    if _text(form, "name"):
        data["billing_details"] = {"name": _text(form, "name")}
    values: Form = {"client_secret": checkout.client_secret, "payment_method_data": data}
    # A bank's page must know the way back; without one the customer is thanked here.
    values["return_url"] = checkout.return_url or "about:blank"
    if _text(form, "keep") == "yes":
        values["setup_future_usage"] = "off_session"
    return values


def _leave(checkout: Checkout, intent: Mapping[str, object]) -> Response:
    if not checkout.return_url:
        return note("Thank you", "You can close this page.", "card", NAME)
    kind = str(intent["object"])
    secret = f"{kind}_client_secret"
    values = {kind: str(intent["id"]), secret: checkout.client_secret, "redirect_status": "succeeded"}
    return RedirectResponse(appended(checkout.return_url, values), 303)


def _checkout(form: Form) -> Checkout:
    return_url = _text(form, "return_url")
    safe = return_url.startswith(("http://", "https://"))
    return Checkout(_text(form, "key"), _text(form, "client_secret"), return_url if safe else "")


def _text(form: Form, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
