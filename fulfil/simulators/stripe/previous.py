"""What an update event says of the values before it."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe.errors import JsonObject


def previous_attributes(before: Mapping[str, object], after: Mapping[str, object]) -> JsonObject:
    """The former values of the fields that changed; of a hash only the keys that did, null for new ones."""
    changed: JsonObject = {}
    for name in [*after, *(name for name in before if name not in after)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            inner = cast("Mapping[str, object]", old), cast("Mapping[str, object]", new)
            changed[name] = previous_attributes(*inner)
        else:
            changed[name] = old
    return changed
