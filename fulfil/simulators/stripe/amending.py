"""Updates that change what an object says about itself, and nothing else: metadata and texts."""

from collections.abc import Callable, Mapping
from typing import cast

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, missing_resource
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.previous import previous_attributes
from fulfil.simulators.stripe.transaction import Transaction


def amending(
    kind: str, event: str, texts: tuple[str, ...] = (), param: str = "id"
) -> Callable[[Transaction, Call], Mapping[str, object]]:
    """`POST /v1/things/{id}` for `metadata` and these texts, announced as `event`."""

    def amend(tx: Transaction, call: Call) -> Mapping[str, object]:
        entity = tx.find(kind, call.identity)
        if entity is None:
            raise missing_resource(kind, call.identity, param=param)
        return amend_object(tx, entity, call.parameters, event, texts)

    return amend


def amend_object(
    tx: Transaction,
    entity: JsonObject,
    parameters: Parameters,
    event: str,
    texts: tuple[str, ...] = (),
    changes: Mapping[str, object] | None = None,
) -> JsonObject:
    """Change metadata, texts and what else was read; without a change, or a name for it, there is no event."""
    before = dict(entity)
    entity.update(changes or {})
    entity["metadata"] = parameters.merged_metadata(cast("dict[str, str]", entity["metadata"]))
    for name in texts:
        if name in parameters.values:
            entity[name] = parameters.text(name)
    previous = previous_attributes(before, entity)
    if previous:
        tx.save(entity)
        if event:
            tx.record(event, entity, previous)
    return entity
