"""Thin events of `/v2`: they name the object that changed, which the receiver then fetches."""

from collections.abc import Mapping

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.outbox import endpoints_for, enqueue
from fulfil.simulators.stripe.transaction import Transaction
from fulfil.simulators.stripe.v2_pages import not_found, timestamp, v2_page

KIND = "v2.core.event"
URL = "/v2/core/events"


def record_thin(
    tx: Transaction, kind: str, related: Mapping[str, object] | None, url: str, data: JsonObject | None
) -> None:
    """Record a thin event about an object at `url` (about none in particular, without), and schedule its deliveries."""
    cause = tx.cause
    event: JsonObject = {
        "id": new_id("evt_test"),
        "object": KIND,
        "changes": None,
        "context": tx.account or None,
        "created": timestamp(tx.now),
        "livemode": False,
        "reason": {
            "type": "request",
            "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key or ""},
        }
        if cause.request_id
        else None,
        "snapshot_event": None,
        "type": kind,
    }
    if related is not None:
        event["related_object"] = {"id": related["id"], "type": related["object"], "url": url}
    if data is not None:
        event["data"] = data
    tx.insert(event)
    endpoints = endpoints_for(tx.connection, kind, thin=True, connected=bool(tx.account))
    tx.scheduled += enqueue(tx.connection, str(event["id"]), endpoints, tx.wall)


def list_thin_events(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/events`: by `object_id`, `types` and `created`."""
    condition, values = "object = ?", [KIND]
    related = call.parameters.text("object_id")
    if related is not None:
        condition += " AND json_extract(body, '$.related_object.id') = ?"
        values.append(related)
    kinds = call.parameters.texts("types")
    if kinds:
        condition += f" AND json_extract(body, '$.type') IN ({', '.join('?' * len(kinds))})"
        values.extend(kinds)
    bounds = call.parameters.hash("created").only("gt gte lt lte")
    for name, comparison in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
        moment = bounds.text(name)
        if moment is not None:
            condition += f" AND json_extract(body, '$.created') {comparison} ?"
            values.append(moment)
    return v2_page(tx, call, condition, values, URL)


def retrieve_thin_event(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/events/{id}`."""
    event = tx.find(KIND, call.identity)
    if event is None:
        raise not_found("event", call.identity)
    return event
