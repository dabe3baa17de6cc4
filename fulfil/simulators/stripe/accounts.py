"""Connected accounts in the form of Accounts v2: recipients that may receive transfers."""

import sqlite3
from collections.abc import Mapping
from typing import Literal, cast

from pydantic import BaseModel

from fulfil.simulators.stripe.account_views import requirements_of, v1_account
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.previous import previous_attributes
from fulfil.simulators.stripe.tables import read_setting, write_setting
from fulfil.simulators.stripe.thin_events import record_thin
from fulfil.simulators.stripe.transaction import Transaction
from fulfil.simulators.stripe.v2_bodies import AccountBody, CloseBody, Includable, merged_v2_metadata, read_v2
from fulfil.simulators.stripe.v2_pages import not_found, timestamp, v2_page

KIND = "v2.core.account"
URL = "/v2/core/accounts"
CapabilityStatus = Literal["active", "pending", "rejected", "restricted", "unsupported"]
DEFAULT_CAPABILITY = "transfers_capability"
DETAILS: dict[str, list[dict[str, str]]] = {
    "active": [],
    "pending": [{"code": "requirements_pending_verification", "resolution": "no_resolution"}],
    "rejected": [{"code": "rejected_other", "resolution": "contact_stripe"}],
    "restricted": [{"code": "requirements_past_due", "resolution": "provide_info"}],
    "unsupported": [{"code": "unsupported_business", "resolution": "no_resolution"}],
}


def create_account(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/accounts`: a requested capability starts as the switch says, active unless it was turned."""
    body = read_v2(call, AccountBody)
    account: JsonObject = {
        "id": new_id("acct"),
        "object": KIND,
        "applied_configurations": [],
        "closed": False,
        "configuration": {"customer": None, "merchant": None, "recipient": None},
        "contact_email": None,
        "contact_phone": None,
        "created": timestamp(tx.now),
        "dashboard": None,
        "defaults": _no_defaults(),
        "display_name": None,
        "future_requirements": {"alternatives": None, "entries": [], "summary": None},
        "identity": {
            "attestations": None,
            "business_details": None,
            "country": None,
            "entity_type": None,
            "individual": None,
        },
        "livemode": False,
        "metadata": {},
        "requirements": None,
    }
    _change(tx, account, body)
    tx.insert(account)
    record_thin(tx, "v2.core.account.created", account, _url(account), None)
    return _visible(account, body.include)


def retrieve_account(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/accounts/{id}`."""
    return _visible(existing_account(tx, call.identity), _include(call))


def update_account(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/accounts/{id}`."""
    account, body = existing_account(tx, call.identity), read_v2(call, AccountBody)
    if account["closed"]:
        raise StripeApiError(400, f"The account {call.identity} is closed.", code="account_closed")
    before = v1_account(account)
    _change(tx, account, body)
    tx.save(account)
    record_thin(tx, "v2.core.account.updated", account, _url(account), None)
    given = body.model_fields_set
    for part in ("defaults", "identity"):
        if part in given:
            record_thin(tx, f"v2.core.account[{part}].updated", account, _url(account), None)
    if "configuration" in given:
        record_thin(tx, "v2.core.account[configuration.recipient].updated", account, _url(account), None)
    _tell_v1(tx, account, before)
    return _visible(account, body.include)


def close_account(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/accounts/{id}/close`: for ever, and only when nothing is left in its balance."""
    account, body = existing_account(tx, call.identity), read_v2(call, CloseBody)
    if sorted(body.applied_configurations) != account["applied_configurations"]:
        message = "applied_configurations must name the configurations that the account has"
        raise StripeApiError(400, message, code="invalid_fields", param="applied_configurations")
    with tx.within(call.identity):
        balances = tx.balances()
    if any(balance.pending or balance.available for balance in balances):
        raise StripeApiError(400, "An account whose balance is not zero cannot be closed.", code="nonzero_balance")
    if not account["closed"]:
        account["closed"] = True
        _set_status(account, "unsupported")
        tx.save(account)
        record_thin(tx, "v2.core.account.closed", account, _url(account), None)
    return _visible(account, [])


def list_accounts(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/accounts`: open ones unless `closed`, by `applied_configurations`."""
    closed = call.parameters.flag("closed", default=False)
    condition, values = "object = ? AND json_extract(body, '$.closed') = ?", [KIND, int(closed)]
    wanted = call.parameters.texts("applied_configurations") or []
    if wanted:
        names = ", ".join("?" * len(wanted))
        condition += f" AND EXISTS (SELECT 1 FROM json_each(body, '$.applied_configurations') WHERE value IN ({names}))"  # noqa: S608 (question marks)
        values.extend(wanted)
    page = v2_page(tx, call, condition, values, URL)
    return {**page, "data": [_visible(account, []) for account in cast("list[JsonObject]", page["data"])]}


def existing_account(tx: Transaction, identity: str) -> JsonObject:
    """An account of the platform; raises the 404 of `/v2`."""
    account = tx.find(KIND, identity)
    if account is None:
        raise not_found("account", identity)
    return account


def receives_transfers(account: JsonObject) -> bool:
    """Whether the capability behind `POST /v1/transfers` is active."""
    capability = _capability(account, "stripe_transfers")
    return capability is not None and capability["status"] == "active" and not account["closed"]


def set_capability(tx: Transaction, account: JsonObject, status: str) -> None:
    """Stripe grants, questions or takes away the capability to receive transfers; everybody is told."""
    before = v1_account(account)
    _set_status(account, status)
    tx.save(account)
    kind = "v2.core.account[configuration.recipient].capability_status_updated"
    for name in ("stripe_transfers", "payouts"):
        if _capability(account, name) is not None:
            record_thin(tx, kind, account, _url(account), {"updated_capability": f"stripe_balance.{name}"})
    record_thin(tx, "v2.core.account[requirements].updated", account, _url(account), None)
    _tell_v1(tx, account, before)


def capability_default(connection: sqlite3.Connection) -> str:
    """The state in which a requested capability starts."""
    return str(read_setting(connection, DEFAULT_CAPABILITY) or "active")


def set_capability_default(connection: sqlite3.Connection, status: str) -> None:
    """From now on."""
    write_setting(connection, DEFAULT_CAPABILITY, status)


def _change(tx: Transaction, account: JsonObject, body: AccountBody) -> None:
    """Write what was given; hashes are merged."""
    given = body.model_fields_set
    for name in ("contact_email", "contact_phone", "dashboard", "display_name"):
        if name in given:
            account[name] = getattr(body, name)
    if body.metadata is not None:
        account["metadata"] = merged_v2_metadata(cast("dict[str, str]", account["metadata"]), body.metadata)
    if body.defaults is not None:
        account["defaults"] = _merged(cast("JsonObject", account["defaults"]), _given(body.defaults))
    if body.identity is not None:
        identity = _merged(cast("JsonObject", account["identity"]), _given(body.identity))
        account["identity"] = _shown_identity(tx, account, identity)
    recipient = body.configuration.recipient if body.configuration else None
    if recipient is not None:
        _configure(tx, account, _given(recipient))


def _configure(tx: Transaction, account: JsonObject, recipient: JsonObject) -> None:
    """Make it a recipient, with the capabilities that were asked for."""
    configuration = cast("JsonObject", account["configuration"])
    present = cast("JsonObject | None", configuration["recipient"])
    if recipient.get("applied") is False:
        configuration["recipient"] = {**(present or {}), "applied": False}
        account["applied_configurations"] = []
        return
    wanted = cast("JsonObject", cast("JsonObject", recipient.get("capabilities") or {}).get("stripe_balance") or {})
    known = cast("JsonObject", (present or {}).get("capabilities") or {})
    kept = cast("JsonObject", known.get("stripe_balance") or {})
    balance: JsonObject = {"payouts": None, "stripe_transfers": None, **kept}
    status = capability_default(tx.connection)
    for name in ("payouts", "stripe_transfers"):
        asked = cast("JsonObject", wanted.get(name) or {}).get("requested")
        if asked is False:
            balance[name] = None
        elif asked is True and balance[name] is None:
            balance[name] = {"status": status, "status_details": DETAILS[status]}
    # A recipient of transfers can be paid out as well.
    if balance["stripe_transfers"] is not None and balance["payouts"] is None:
        balance["payouts"] = {"status": status, "status_details": DETAILS[status]}
    capabilities = {"bank_accounts": None, "cards": None, "stripe_balance": balance}
    configuration["recipient"] = {"applied": True, "capabilities": capabilities}
    account["applied_configurations"] = ["recipient"]
    account["requirements"] = requirements_of(account)


def _set_status(account: JsonObject, status: str) -> None:
    for name in ("stripe_transfers", "payouts"):
        capability = _capability(account, name)
        if capability is not None:
            capability |= {"status": status, "status_details": DETAILS[status]}
    account["requirements"] = requirements_of(account)


def _capability(account: JsonObject, name: str) -> JsonObject | None:
    node: JsonObject | None = account
    for step in ("configuration", "recipient", "capabilities", "stripe_balance", name):
        node = cast("JsonObject | None", node[step]) if node else None
    return node


def _tell_v1(tx: Transaction, account: JsonObject, before: JsonObject) -> None:
    """The snapshot event that `/v1` sends of the same change, as an event of the connected account."""
    after = v1_account(account)
    changed = previous_attributes(before, after)
    if changed:
        with tx.within(str(account["id"])):
            tx.record("account.updated", after, changed)


def _visible(account: JsonObject, include: list[Includable]) -> JsonObject:
    """Answers leave the parts null that were not asked for."""
    shown = dict(account)
    for part in ("defaults", "future_requirements", "identity", "requirements"):
        shown[part] = account[part] if part in include else None
    parts = [name.split(".")[1] for name in include if name.startswith("configuration.")]
    configuration = cast("JsonObject", account["configuration"])
    shown["configuration"] = {
        name: configuration[name] if name in parts else None for name in ("customer", "merchant", "recipient")
    } if parts else None  # fmt: skip
    return shown


def _include(call: Call) -> list[Includable]:
    return read_v2(call, AccountBody).include


def _given(body: BaseModel) -> JsonObject:
    return body.model_dump(exclude_unset=True)


def _merged(present: JsonObject, given: JsonObject) -> JsonObject:
    merged = dict(present)
    for name, value in given.items():
        old = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _merged(cast("JsonObject", old), cast("JsonObject", value)) if both else value
    return merged


def _shown_identity(tx: Transaction, account: JsonObject, identity: JsonObject) -> JsonObject:
    """As Stripe shows it: numbers that prove identity are never shown again."""
    for name in ("individual", "business_details"):
        details = cast("JsonObject | None", identity.get(name))
        numbers = cast("list[JsonObject] | None", (details or {}).get("id_numbers"))
        if details is not None and numbers:
            details["id_numbers"] = [{"type": number.get("type")} for number in numbers]
    individual = cast("JsonObject | None", identity.get("individual"))
    if individual is not None:
        moment = timestamp(tx.now)
        known = {"id": new_id("person"), "object": "v2.core.account_person", "account": account["id"]}
        identity["individual"] = {**known, "created": moment, **individual, "updated": moment}
    return identity


def _no_defaults() -> JsonObject:
    responsibilities = {"fees_collector": None, "losses_collector": None, "requirements_collector": "stripe"}
    return {"currency": None, "locales": None, "profile": None, "responsibilities": responsibilities}


def _url(account: JsonObject) -> str:
    return f"{URL}/{account['id']}"
