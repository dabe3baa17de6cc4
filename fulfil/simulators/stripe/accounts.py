"""Connected accounts in the form of Accounts v2: recipients that may receive transfers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.transaction import Transaction

INCLUDABLE = frozenset(
    [
        "configuration.customer",
        "configuration.merchant",
        "configuration.recipient",
        "defaults",
        "future_requirements",
        "identity",
        "requirements",
    ]
)


def create_account(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/accounts`: the capability to receive transfers is active at once when requested."""
    given = cast("JsonObject", call.parameters.values)
    include = _include(given)
    recipient = _part(_part(given, "configuration"), "recipient")
    requested = _part(_part(_part(recipient, "capabilities"), "stripe_balance"), "stripe_transfers").get("requested")
    account: JsonObject = {
        "id": new_id("acct"),
        "object": "v2.core.account",
        "applied_configurations": ["recipient"] if recipient else [],
        "closed": False,
        "configuration": {"recipient": _recipient(active=requested is True)} if recipient else None,
        "contact_email": given.get("contact_email"),
        "created": datetime.fromtimestamp(tx.now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "dashboard": given.get("dashboard"),
        "defaults": given.get("defaults"),
        "display_name": given.get("display_name"),
        "future_requirements": None,
        "identity": given.get("identity"),
        "livemode": False,
        "metadata": _metadata(given),
        "requirements": None,
    }
    tx.insert(account)
    return _visible(account, include)


def retrieve_account(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/accounts/{id}`."""
    account = tx.find("v2.core.account", call.identity)
    if account is None:
        raise StripeApiError(404, f"No such account: {call.identity}", code="not_found")
    return _visible(account, _include(cast("JsonObject", call.parameters.values)))


def list_accounts(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/accounts`: the newest 20, or `limit` up to 100."""
    limit = call.parameters.integer("limit") or 20
    if not 1 <= limit <= 100:  # noqa: PLR2004 (Stripe's page size)
        raise StripeApiError(400, "limit must be between 1 and 100", code="invalid_fields", param="limit")
    found = tx.select("object = 'v2.core.account' ORDER BY seq DESC LIMIT ?", (limit,))
    data = [_visible(account, frozenset()) for _, account in found]
    return {"data": data, "next_page_url": None, "previous_page_url": None}


def receives_transfers(account: JsonObject) -> bool:
    """Whether the capability behind `POST /v1/transfers` is active."""
    recipient = _part(_part(account, "configuration"), "recipient")
    capability = _part(_part(_part(recipient, "capabilities"), "stripe_balance"), "stripe_transfers")
    return capability.get("status") == "active"


def _recipient(*, active: bool) -> JsonObject:
    capability: JsonObject = {"status": "active" if active else "unsupported", "status_details": []}
    return {"applied": True, "capabilities": {"stripe_balance": {"stripe_transfers": capability}}}


def _visible(account: JsonObject, include: frozenset[str]) -> JsonObject:
    """Account v2 answers leave parts null that were not asked for."""
    shown = dict(account)
    shown["configuration"] = account["configuration"] if "configuration.recipient" in include else None
    for part in ("defaults", "identity"):
        shown[part] = account[part] if part in include else None
    return shown


def _include(given: JsonObject) -> frozenset[str]:
    wanted = given.get("include")
    names = cast("list[object]", wanted) if isinstance(wanted, list) else []
    include = frozenset(str(name) for name in names)
    if not include <= INCLUDABLE or (wanted is not None and not isinstance(wanted, list)):
        raise StripeApiError(400, "include names an unknown field", code="invalid_fields", param="include")
    return include


def _metadata(given: JsonObject) -> dict[str, str]:
    return {key: str(value) for key, value in _part(given, "metadata").items()}


def _part(whole: JsonObject, name: str) -> JsonObject:
    value = whole.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise StripeApiError(400, f"{name} must be an object", code="invalid_fields", param=name)
    return cast("JsonObject", value)
