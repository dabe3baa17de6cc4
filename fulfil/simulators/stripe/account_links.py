"""Account links: one short visit to the form in which a recipient says who they are."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from fulfil.simulators.stripe.accounts import existing_account, set_capability
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError
from fulfil.simulators.stripe.thin_events import record_thin
from fulfil.simulators.stripe.transaction import Transaction
from fulfil.simulators.stripe.v2_bodies import AccountLinkBody, read_v2
from fulfil.simulators.stripe.v2_pages import timestamp

LIFE_S = 300
VISIT_S = 3_600


@dataclass(frozen=True)
class Visit:
    """A link as the onboarding page sees it; `session` proves that a form came from the page that opened it."""

    token: str
    account: str
    session: str
    refresh_url: str
    return_url: str | None
    use_case: str
    currency: str


def create_link(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/account_links`."""
    body = read_v2(call, AccountLinkBody)
    flow = body.use_case.account_onboarding or body.use_case.account_update
    if flow is None or getattr(body.use_case, body.use_case.type) is None:
        message = f"use_case.{body.use_case.type} is required for a link of this type"
        raise StripeApiError(400, message, code="missing_field", param=f"use_case.{body.use_case.type}")
    account = existing_account(tx, body.account)
    if account["closed"]:
        raise StripeApiError(400, f"The account {body.account} is closed.", code="account_closed", param="account")
    token = secrets.token_urlsafe(24)
    link: JsonObject = {
        "object": "v2.core.account_link",
        "account": body.account,
        "created": timestamp(tx.now),
        "expires_at": timestamp(tx.now + LIFE_S),
        "livemode": False,
        "url": f"{call.base_url}/_simulator/onboarding/{token}",
        "use_case": {"type": body.use_case.type, body.use_case.type: flow.model_dump()},
    }
    tx.connection.execute(
        "INSERT INTO account_link_tokens (token, account, expires_at, link) VALUES (?, ?, ?, ?)",
        (token, body.account, tx.now + LIFE_S, json.dumps(link)),
    )
    return link


def open_link(tx: Transaction, token: str) -> tuple[Visit, bool] | None:
    """The visit that opening the link begins, and whether it still may: a link works once and not for long."""
    query = "SELECT account, expires_at, opened, link FROM account_link_tokens WHERE token = ?"
    row = tx.connection.execute(query, (token,)).fetchone()
    if row is None:
        return None
    account, expires_at, opened, link = row
    visit = _visit(tx, token, account, secrets.token_urlsafe(16), json.loads(link))
    if opened or tx.now > expires_at:
        return visit, False
    tx.connection.execute(
        "UPDATE account_link_tokens SET opened = 1, session = ?, expires_at = ? WHERE token = ?",
        (visit.session, tx.now + VISIT_S, token),
    )
    return visit, True


def find_visit(tx: Transaction, token: str, session: str) -> Visit | None:
    """The visit that a form belongs to, while it lasts."""
    query = "SELECT account, link FROM account_link_tokens WHERE token = ? AND session = ? AND expires_at >= ?"
    row = tx.connection.execute(query, (token, session, tx.now)).fetchone()
    return _visit(tx, token, row[0], session, json.loads(row[1])) if row else None


def end_visit(tx: Transaction, visit: Visit, status: str | None) -> None:
    """The recipient leaves the form; a status is what Stripe makes of what they sent."""
    account = existing_account(tx, visit.account)
    tx.connection.execute("UPDATE account_link_tokens SET session = NULL WHERE token = ?", (visit.token,))
    if status is not None:
        set_capability(tx, account, status)
    data: JsonObject = {
        "account_id": visit.account,
        "configurations": account["applied_configurations"],
        "use_case": visit.use_case,
    }
    record_thin(tx, "v2.core.account_link.returned", None, "", data)


def _visit(tx: Transaction, token: str, account: str, session: str, link: JsonObject) -> Visit:
    defaults = cast("JsonObject", existing_account(tx, account)["defaults"])
    use_case = cast("JsonObject", link["use_case"])
    flow = cast("JsonObject", use_case[str(use_case["type"])])
    return_url = cast("str | None", flow["return_url"])
    currency = str(defaults["currency"] or "eur")
    return Visit(token, account, session, str(flow["refresh_url"]), return_url, str(use_case["type"]), currency)
