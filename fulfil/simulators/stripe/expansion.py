"""`expand[]`: ids replaced by the objects they name, along paths such as `latest_charge.balance_transaction`."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from fulfil.simulators.stripe.account_views import v1_account
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError
from fulfil.simulators.stripe.transaction import Transaction

MAX_DEPTH = 4
MOVEMENT, CHARGE, INTENT, METHOD, CUSTOMER = (
    ("balance_transaction",),
    ("charge",),
    ("payment_intent",),
    ("payment_method",),
    ("customer",),
)
ACCOUNT, APPLICATION = ("account",), ("application",)
# For each kind of object, its expandable fields (dotted inside its hashes) and the kinds they may name. Kinds that
# are never stored here are expandable all the same: their fields are null.
EXPANDABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "account": {"external_accounts": ("list:bank_account",)},
    "balance": {},
    "balance_transaction": {
        "source": (
            "charge",
            "dispute",
            "payout",
            "refund",
            "topup",
            "transfer",
            "transfer_reversal",
        )
    },
    "charge": {
        "application": APPLICATION,
        "application_fee": ("application_fee",),
        "balance_transaction": MOVEMENT,
        "customer": CUSTOMER,
        "failure_balance_transaction": MOVEMENT,
        "on_behalf_of": ACCOUNT,
        "payment_intent": INTENT,
        "refunds": ("list:refund",),
        "refunds.data": ("refund",),
        "review": ("review",),
        "source_transfer": ("transfer",),
        "transfer": ("transfer",),
    },
    "customer": {
        "cash_balance": ("cash_balance",),
        "default_source": ("source",),
        "invoice_settings.default_payment_method": METHOD,
        "sources": ("list:source",),
        "subscriptions": ("list:subscription",),
        "tax_ids": ("list:tax_id",),
        "test_clock": ("test_helpers.test_clock",),
    },
    "dispute": {
        "charge": CHARGE,
        "payment_intent": INTENT,
        "evidence.cancellation_policy": ("file",),
        "evidence.customer_communication": ("file",),
        "evidence.customer_signature": ("file",),
        "evidence.duplicate_charge_documentation": ("file",),
        "evidence.receipt": ("file",),
        "evidence.refund_policy": ("file",),
        "evidence.service_documentation": ("file",),
        "evidence.shipping_documentation": ("file",),
        "evidence.uncategorized_file": ("file",),
    },
    "event": {},
    "file": {"links": ("list:file_link",)},
    "payment_intent": {
        "application": APPLICATION,
        "customer": CUSTOMER,
        "latest_charge": CHARGE,
        "on_behalf_of": ACCOUNT,
        "payment_method": METHOD,
        "payment_record": ("payment_record",),
        "review": ("review",),
        "source": ("source",),
    },
    "payment_method": {"customer": CUSTOMER},
    "payout": {
        "application_fee": ("application_fee",),
        "balance_transaction": MOVEMENT,
        "destination": ("bank_account", "card"),
        "failure_balance_transaction": MOVEMENT,
        "original_payout": ("payout",),
        "reversed_by": ("payout",),
    },
    "radar.early_fraud_warning": {"charge": CHARGE, "payment_intent": INTENT},
    "refund": {
        "balance_transaction": MOVEMENT,
        "charge": CHARGE,
        "customer": CUSTOMER,
        "failure_balance_transaction": MOVEMENT,
        "payment_intent": INTENT,
        "payment_method": METHOD,
        "source_transfer_reversal": ("transfer_reversal",),
        "transfer_reversal": ("transfer_reversal",),
    },
    "setup_attempt": {
        "application": APPLICATION,
        "customer": CUSTOMER,
        "on_behalf_of": ACCOUNT,
        "payment_method": METHOD,
        "setup_intent": ("setup_intent",),
    },
    "setup_intent": {
        "application": APPLICATION,
        "customer": CUSTOMER,
        "latest_attempt": ("setup_attempt",),
        "mandate": ("mandate",),
        "on_behalf_of": ACCOUNT,
        "payment_method": METHOD,
        "single_use_mandate": ("mandate",),
    },
    "topup": {"balance_transaction": MOVEMENT, "payment_method": METHOD},
    "transfer": {
        "balance_transaction": MOVEMENT,
        "destination": ACCOUNT,
        "destination_payment": CHARGE,
        "reversals.data": ("transfer_reversal",),
        "source_transaction": CHARGE,
    },
    "transfer_reversal": {
        "balance_transaction": MOVEMENT,
        "destination_payment_refund": ("refund",),
        "source_refund": ("refund",),
        "transfer": ("transfer",),
    },
}
LISTS = {"refund": "charge", "source": "customer", "subscription": "customer", "tax_id": "customer"}


def check_expand(kind: str, paths: Sequence[str], *, listed: bool) -> list[list[str]]:
    """The paths split at their dots; a 400 for one that cannot be expanded."""
    checked: list[list[str]] = []
    for path in paths:
        steps = path.split(".")
        inner = steps[1:] if listed and steps[0] == "data" else steps
        if listed and (steps[0] != "data" or not inner):
            raise _cannot_expand(path)
        if len(steps) > MAX_DEPTH:
            message = f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}"
            raise StripeApiError(400, message, param="expand")
        kinds: tuple[str, ...] = (kind,)
        inside = ""
        for step in inner:
            kinds, inside = _next(kinds, f"{inside}.{step}".lstrip("."), path)
        checked.append(inner)
    return checked


def expand(tx: Transaction, entity: Mapping[str, object], paths: Sequence[list[str]]) -> JsonObject:
    """A copy of the object with the paths followed; what is null stays null."""
    expanded = cast("JsonObject", json.loads(json.dumps(entity)))
    for path in paths:
        _follow(tx, expanded, str(expanded["object"]), "", path)
    return expanded


def _next(kinds: tuple[str, ...], inside: str, path: str) -> tuple[tuple[str, ...], str]:
    """The kinds a step leads to, or the hash of the same object that it goes on in."""
    fields = [EXPANDABLE.get(kind, {}) for kind in kinds]
    named = tuple(target for one in fields for target in one.get(inside, ()))
    if any(name.startswith(f"{inside}.") for one in fields for name in one):
        return kinds, inside
    if not named:
        raise _cannot_expand(path)
    return named, ""


def _follow(tx: Transaction, node: JsonObject, kind: str, inside: str, path: list[str]) -> None:
    """Expand the first step of the path in a hash of an object, then the rest in what it led to."""
    if not path:
        return
    step, rest = path[0], path[1:]
    name = f"{inside}.{step}".lstrip(".")
    targets = EXPANDABLE.get(kind, {}).get(name, ())
    if targets and targets[0].startswith("list:") and step not in node:
        node[step] = _related(tx, targets[0].removeprefix("list:"), str(node["id"]))
    value = node.get(step)
    if isinstance(value, str) and targets:
        found = next((body for one in targets if (body := _find(tx, one, value)) is not None), None)
        if found is not None:
            node[step] = found
    inner = node.get(step)
    for item in cast("list[object]", inner) if isinstance(inner, list) else [inner]:
        if isinstance(item, dict):
            body = cast("JsonObject", item)
            own = body.get("object") not in (None, "list")
            _follow(tx, body, str(body["object"]) if own else kind, "" if own else name, rest)


def _find(tx: Transaction, kind: str, identity: str) -> JsonObject | None:
    """The object an id names, in whichever account it is: ids are unique, and this one was handed out."""
    if kind == "account":
        account = tx.connected_account(identity)
        return v1_account(account) if account else None
    query = "SELECT body FROM objects WHERE id = ? AND object = ?"
    row = tx.connection.execute(query, (identity, kind)).fetchone()
    return cast("JsonObject", json.loads(row[0])) if row else None


def _related(tx: Transaction, kind: str, identity: str) -> JsonObject:
    """A list that an object has only when it is asked for."""
    owner = LISTS[kind]
    condition = f"object = ? AND json_extract(body, '$.{owner}') = ? ORDER BY seq DESC LIMIT 10"
    data = [body for _, body in tx.select(condition, (kind, identity))]
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/{owner}s/{identity}/{kind}s"}


def _cannot_expand(path: str) -> StripeApiError:
    message = f"This property cannot be expanded ({path.rsplit('.', maxsplit=1)[-1]})."
    return StripeApiError(400, message, param="expand")
