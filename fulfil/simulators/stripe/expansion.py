"""`expand[]`: ids replaced by the objects they name, along paths such as `latest_charge.balance_transaction`."""

from collections.abc import Mapping, Sequence
from typing import cast

from fulfil.simulators.stripe.errors import JsonObject, StripeApiError
from fulfil.simulators.stripe.transaction import Transaction

MAX_DEPTH = 4
# For each kind of object, its expandable fields and the kinds they may name.
EXPANDABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "payment_intent": {"latest_charge": ("charge",), "payment_method": ("payment_method",)},
    "charge": {"balance_transaction": ("balance_transaction",), "payment_intent": ("payment_intent",)},
    "refund": {
        "balance_transaction": ("balance_transaction",),
        "charge": ("charge",),
        "failure_balance_transaction": ("balance_transaction",),
        "payment_intent": ("payment_intent",),
    },
    "transfer": {"balance_transaction": ("balance_transaction",), "source_transaction": ("charge",)},
    "balance_transaction": {"source": ("charge", "refund", "transfer")},
    "event": {},
}


def check_expand(kind: str, paths: Sequence[str], *, listed: bool) -> list[list[str]]:
    """The paths split at their dots; a 400 for one that cannot be expanded."""
    checked: list[list[str]] = []
    for path in paths:
        steps = path.split(".")
        inner = steps[1:] if listed and steps[0] == "data" else steps
        if listed and steps[0] != "data":
            raise _cannot_expand(path)
        if len(steps) > MAX_DEPTH:
            message = f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}"
            raise StripeApiError(400, message, param="expand")
        kinds: tuple[str, ...] = (kind,)
        for step in inner:
            kinds = tuple(named for one in kinds for named in EXPANDABLE.get(one, {}).get(step, ()))
            if not kinds:
                raise _cannot_expand(path)
        checked.append(inner)
    return checked


def expand(tx: Transaction, entity: Mapping[str, object], paths: Sequence[list[str]]) -> JsonObject:
    """A copy of the object with the paths followed; what is null stays null."""
    expanded = dict(entity)
    for path in paths:
        _follow(tx, expanded, path)
    return expanded


def _follow(tx: Transaction, entity: JsonObject, path: list[str]) -> None:
    if not path:
        return
    step, rest = path[0], path[1:]
    value = entity.get(step)
    if isinstance(value, str):
        kinds = EXPANDABLE[str(entity["object"])].get(step, ())
        found = next((body for kind in kinds if (body := tx.find(kind, value)) is not None), None)
        if found is not None:
            entity[step] = found
    inner = entity.get(step)
    if isinstance(inner, dict):
        _follow(tx, cast("JsonObject", inner), rest)


def _cannot_expand(path: str) -> StripeApiError:
    message = f"This property cannot be expanded ({path.rsplit('.', maxsplit=1)[-1]})."
    return StripeApiError(400, message, param="expand")
