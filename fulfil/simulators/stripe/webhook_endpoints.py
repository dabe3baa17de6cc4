"""Webhook endpoints: who is told which events, and with which secrets they are signed."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, invalid_parameter, missing_parameter, missing_resource
from fulfil.simulators.stripe.objects import API_VERSION, new_id
from fulfil.simulators.stripe.outbox import DEFAULT_ENDPOINT, add_secret, drop_deliveries, secrets_of
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.transaction import Transaction

MAX_ENDPOINTS = 16
KIND = "webhook_endpoint"


def create_endpoint(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/webhook_endpoints`: the only answer that shows the secret."""
    parameters = call.parameters
    url, events = _url(parameters), _events(parameters)
    if url is None:
        raise missing_parameter("url")
    if events is None:
        raise missing_parameter("enabled_events")
    version = parameters.text("api_version")
    if version not in (None, API_VERSION):
        raise invalid_parameter("api_version", f"Invalid API version: {version}")
    if len(tx.select("object = ?", (KIND,))) >= MAX_ENDPOINTS:
        message = f"You have reached the maximum of {MAX_ENDPOINTS} test webhook endpoints."
        raise invalid_parameter("url", message)
    endpoint = _endpoint(tx, new_id("we"), url, events)
    endpoint |= {
        "api_version": version,
        "application": "ca_simulator" if parameters.flag("connect", default=False) else None,
        "description": parameters.text("description"),
        "metadata": parameters.metadata(),
    }
    tx.insert(endpoint)
    secret = new_id("whsec")
    add_secret(tx.connection, str(endpoint["id"]), secret, others_until=tx.wall)
    return {**endpoint, "secret": secret}


def update_endpoint(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/webhook_endpoints/{id}`."""
    endpoint, parameters = _existing(tx, call), call.parameters
    url, events = _url(parameters), _events(parameters)
    if url is not None:
        endpoint["url"] = url
    if events is not None:
        endpoint["enabled_events"] = events
    if parameters.given("disabled"):
        endpoint["status"] = "disabled" if parameters.flag("disabled", default=False) else "enabled"
    if parameters.given("description"):
        endpoint["description"] = parameters.text("description")
    if parameters.given("metadata"):
        endpoint["metadata"] = parameters.merged_metadata(cast("dict[str, str]", endpoint["metadata"]))
    tx.save(endpoint)
    return endpoint


def delete_endpoint(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`DELETE /v1/webhook_endpoints/{id}`: what waits for it is dropped."""
    endpoint = _existing(tx, call)
    tx.delete(str(endpoint["id"]))
    drop_deliveries(tx.connection, str(endpoint["id"]))
    return {"id": endpoint["id"], "object": KIND, "deleted": True}


def default_endpoint(tx: Transaction) -> JsonObject | None:
    """The endpoint of the command line or of the admin switch."""
    return tx.find(KIND, DEFAULT_ENDPOINT)


def set_default_endpoint(tx: Transaction, url: str | None, secret: str) -> None:
    """Send every event there from now on, waiting ones included; None forgets it and what waits for it.

    The secret is kept unless it changes; a changed one replaces the others at once.
    """
    present = default_endpoint(tx)
    if url is None:
        drop_deliveries(tx.connection, DEFAULT_ENDPOINT)
        tx.delete(DEFAULT_ENDPOINT)
        tx.connection.execute("DELETE FROM endpoint_secrets WHERE endpoint = ?", (DEFAULT_ENDPOINT,))
        return
    if present is None:
        tx.insert(_endpoint(tx, DEFAULT_ENDPOINT, url, ["*"]))
    else:
        present["url"] = url
        tx.save(present)
    if secret not in secrets_of(tx.connection, DEFAULT_ENDPOINT, tx.wall):
        add_secret(tx.connection, DEFAULT_ENDPOINT, secret, others_until=tx.wall)


def _endpoint(tx: Transaction, identity: str, url: str, events: list[str]) -> JsonObject:
    return {
        "id": identity,
        "object": KIND,
        "api_version": None,
        "application": None,
        "created": tx.created,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }


def _existing(tx: Transaction, call: Call) -> JsonObject:
    endpoint = tx.find(KIND, call.identity)
    if endpoint is None:
        raise missing_resource("webhook endpoint", call.identity, param="webhook_endpoint")
    return endpoint


def _url(parameters: Parameters) -> str | None:
    url = parameters.url("url")
    if url is not None and not url.startswith(("http://", "https://")):
        raise invalid_parameter("url", "Invalid URL: URL must start with https:// or http://.", "url_invalid")
    return url


def _events(parameters: Parameters) -> list[str] | None:
    events = parameters.texts("enabled_events")
    if events is not None and not events:
        raise invalid_parameter("enabled_events", "Invalid enabled_events: at least one type of event is needed")
    if events is not None and "*" in events and len(events) > 1:
        message = "Invalid enabled_events: '*' stands for all types and can only be given alone"
        raise invalid_parameter("enabled_events", message)
    return events
