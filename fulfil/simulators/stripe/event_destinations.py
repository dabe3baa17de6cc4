"""Event destinations of `/v2`: where thin events (or snapshots) are sent."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject
from fulfil.simulators.stripe.objects import API_VERSION, new_id
from fulfil.simulators.stripe.outbox import add_secret, drop_deliveries
from fulfil.simulators.stripe.transaction import Transaction
from fulfil.simulators.stripe.v2_bodies import DestinationBody, DestinationChange, merged_v2_metadata, read_v2
from fulfil.simulators.stripe.v2_pages import not_found, timestamp, v2_page

KIND = "v2.core.event_destination"
URL = "/v2/core/event_destinations"


def create_destination(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/event_destinations`: the signing secret is shown when it is asked for, here only."""
    body = read_v2(call, DestinationBody)
    moment = timestamp(tx.now)
    destination: JsonObject = {
        "id": new_id("ed_test"),
        "object": KIND,
        "amazon_eventbridge": None,
        "azure_event_grid": None,
        "created": moment,
        "description": body.description,
        "enabled_events": body.enabled_events,
        "event_payload": body.event_payload,
        "events_from": body.events_from,
        "livemode": False,
        "metadata": merged_v2_metadata({}, body.metadata),
        "name": body.name,
        "snapshot_api_version": (body.snapshot_api_version or API_VERSION)
        if body.event_payload == "snapshot"
        else None,
        "status": "enabled",
        "status_details": None,
        "type": "webhook_endpoint",
        "updated": moment,
        "webhook_endpoint": {"signing_secret": None, "url": body.webhook_endpoint.url},
    }
    tx.insert(destination)
    secret = new_id("whsec")
    add_secret(tx.connection, str(destination["id"]), secret, others_until=tx.wall)
    return _visible(destination, list(body.include), secret)


def retrieve_destination(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/event_destinations/{id}`."""
    return _visible(_existing(tx, call), call.parameters.texts("include") or [])


def list_destinations(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v2/core/event_destinations`."""
    page = v2_page(tx, call, "object = ?", [KIND], URL)
    include = call.parameters.texts("include") or []
    return {**page, "data": [_visible(one, include) for one in cast("list[JsonObject]", page["data"])]}


def update_destination(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/event_destinations/{id}`."""
    destination, body = _existing(tx, call), read_v2(call, DestinationChange)
    for name in ("description", "enabled_events", "name"):
        value = getattr(body, name)
        if value is not None:
            destination[name] = value
    if body.webhook_endpoint is not None:
        destination["webhook_endpoint"] = {"signing_secret": None, "url": body.webhook_endpoint.url}
    destination["metadata"] = merged_v2_metadata(cast("dict[str, str]", destination["metadata"]), body.metadata)
    destination["updated"] = timestamp(tx.now)
    tx.save(destination)
    return _visible(destination, list(body.include))


def enable_destination(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/event_destinations/{id}/enable`."""
    return _switched(tx, call, "enabled")


def disable_destination(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v2/core/event_destinations/{id}/disable`: new events do not wait for it."""
    return _switched(tx, call, "disabled")


def delete_destination(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`DELETE /v2/core/event_destinations/{id}`."""
    destination = _existing(tx, call)
    tx.delete(str(destination["id"]))
    drop_deliveries(tx.connection, str(destination["id"]))
    return {"id": destination["id"], "object": KIND}


def _switched(tx: Transaction, call: Call, status: str) -> Mapping[str, object]:
    destination = _existing(tx, call)
    destination["status"] = status
    destination["status_details"] = {"disabled": {"reason": "user"}} if status == "disabled" else None
    destination["updated"] = timestamp(tx.now)
    tx.save(destination)
    return _visible(destination, [])


def _existing(tx: Transaction, call: Call) -> JsonObject:
    destination = tx.find(KIND, call.identity)
    if destination is None:
        raise not_found("event destination", call.identity)
    return destination


def _visible(destination: JsonObject, include: list[str], secret: str | None = None) -> JsonObject:
    """The address and the secret are shown to those who ask, the secret only once."""
    webhook = cast("JsonObject", destination["webhook_endpoint"])
    shown = {
        "signing_secret": secret if "webhook_endpoint.signing_secret" in include else None,
        "url": webhook["url"] if "webhook_endpoint.url" in include else None,
    }
    return {**destination, "webhook_endpoint": shown if include else None}
