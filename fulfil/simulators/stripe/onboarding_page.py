"""The onboarding form behind an account link: the recipient says who they are and may then be paid."""

from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fulfil.simulators.stripe.account_links import Visit, end_visit, find_visit, open_link
from fulfil.simulators.stripe.banks import set_bank
from fulfil.simulators.stripe.forms import decode_form
from fulfil.simulators.stripe.pages import note, page
from fulfil.simulators.stripe.store import Store

NAME = "Simulated onboarding"
OUTCOMES = {"active": "active", "pending": "pending", "restricted": "restricted", "later": None}
FORM = """<h1>Get paid for your work</h1>
<p>A marketplace wants to pay you. Tell who you are. Nothing of it leaves this machine.</p>
<form method="post">
<input type="hidden" name="session" value="{session}">
<div class="field"><label for="name">Full name</label>
<input type="text" id="name" name="name" autocomplete="name" value="Jenny Rosen" required></div>
<div class="field"><label for="bank">Account number for payouts</label>
<input type="text" id="bank" name="bank" inputmode="numeric" value="000123456789" aria-describedby="bank-hint">
<p class="hint" id="bank-hint">Test numbers: 000123456789 is paid, 000111111116 does not exist.</p></div>
<div class="field"><label for="outcome">What the verification finds</label>
<select id="outcome" name="outcome">
<option value="active">Everything is in order</option>
<option value="pending">It takes a while</option>
<option value="restricted">A document is missing</option>
</select></div>
<button name="done" value="yes">Submit</button>
<button class="second" name="outcome" value="later" formnovalidate>Finish later</button>
</form>
<small>Account {account}</small>"""


class OnboardingPage:
    """`/_simulator/onboarding/{token}`."""

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake

    async def show(self, request: Request) -> Response:
        """The form, to the first who comes in time; whoever comes later is sent to get a new link."""
        with self._store.transaction() as tx:
            opened = open_link(tx, str(request.path_params["token"]))
        if opened is None:
            return note("Unknown link", "Ask for a new one.", "person", NAME, 404)
        visit, may_enter = opened
        if not may_enter:
            return RedirectResponse(visit.refresh_url, 303)
        content = FORM.format(session=escape(visit.session), account=escape(visit.account))
        return page("Get paid for your work", "person", NAME, content)

    async def submit(self, request: Request) -> Response:
        """Take the form; the capability follows from what the verification is said to find."""
        form = decode_form((await request.body()).decode(errors="replace"))
        session, outcomes = form.get("session"), form.get("outcome")
        outcome = outcomes if isinstance(outcomes, str) else "later"
        if outcome not in OUTCOMES or not isinstance(session, str):
            return note("Not understood", "The form was changed on its way.", "person", NAME, 400)
        with self._store.transaction() as tx:
            visit = find_visit(tx, str(request.path_params["token"]), session)
            number = str(form.get("bank") or "")
            if visit is not None:
                end_visit(tx, visit, OUTCOMES[outcome])
            if visit is not None and outcome != "later" and number.isdecimal():
                with tx.within(visit.account):
                    set_bank(tx, visit.currency, number)
        if visit is None:
            return note("This visit is over", "Ask for a new link.", "person", NAME, 409)
        self._wake()
        return _leave(visit)


def _leave(visit: Visit) -> Response:
    if visit.return_url is None:
        return note("Thank you", "You can close this page.", "person", NAME)
    return RedirectResponse(visit.return_url, 303)
