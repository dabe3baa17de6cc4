"""Every answer of the simulator that a test sees is held against what Stripe publishes."""

import base64
from collections.abc import Iterator
from typing import Any, cast

import httpx

from tests.simulators.stripe.published_shapes import LIST_FIELDS, deviations

ERROR_FIELDS = {
    "advice_code",
    "charge",
    "code",
    "decline_code",
    "doc_url",
    "message",
    "network_advice_code",
    "network_decline_code",
    "param",
    "payment_intent",
    "payment_method",
    "payment_method_type",
    "request_log_url",
    "setup_intent",
    "source",
    "type",
}
ERROR_TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}


async def conforms(response: httpx.Response) -> None:
    """Fail when an answer is not as published; a browser's key sees parts of objects, which are not judged."""
    path = response.request.url.path
    kind = response.headers.get("content-type", "")
    if not path.startswith(("/v1/", "/v2/")) or not kind.startswith("application/json") or _is_browser(response):
        return
    await response.aread()
    problems = list(_problems(response.json(), response))
    assert problems == [], f"{response.request.method} {path}: {problems}"


def _is_browser(response: httpx.Response) -> bool:
    scheme, _, value = response.request.headers.get("authorization", "").partition(" ")
    key = base64.b64decode(value).decode() if scheme == "Basic" else value
    return key.startswith("pk_")


def _problems(body: dict[str, Any], response: httpx.Response) -> Iterator[str]:
    if response.is_error:
        yield from _error(body, response)
    elif response.request.method == "DELETE" and response.request.url.path.startswith("/v2/"):
        if set(body) != {"id", "object"}:
            yield f"deleted: {body}"
    elif "object" in body:
        yield from _listed(body) if body["object"] in ("list", "search_result") else judged(body)
    elif set(body) != {"data", "next_page_url", "previous_page_url"}:
        yield f"neither object nor page: {sorted(body)}"
    else:
        for item in body["data"]:
            yield from judged(item)


def _listed(body: dict[str, Any]) -> Iterator[str]:
    fields = LIST_FIELDS if body["object"] == "list" else LIST_FIELDS | {"next_page"}
    if not fields <= set(body) <= fields | {"total_count"}:
        yield f"a list with {sorted(body)}"
    for item in body["data"]:
        yield from judged(item)


def judged(entity: dict[str, Any]) -> Iterator[str]:
    """What is wrong with an object, and with the snapshot in an event."""
    yield from deviations(entity)
    if entity["object"] == "event":
        snapshot = cast("dict[str, Any]", entity["data"]["object"])
        yield from (f"{entity['type']}: {problem}" for problem in deviations(snapshot))


def _error(body: dict[str, Any], response: httpx.Response) -> Iterator[str]:
    error = cast("dict[str, Any]", body["error"])
    if set(error) - ERROR_FIELDS or not {"message", "type"} <= set(error):
        yield f"an error with {sorted(error)}"
    declined = error["type"] == "card_error" and httpx.codes(response.status_code) is not httpx.codes.PAYMENT_REQUIRED
    if error["type"] not in ERROR_TYPES or declined:
        yield f"{response.status_code} is no {error['type']}"
    for name in ("payment_intent", "payment_method", "setup_intent"):
        if name in error:
            yield from deviations(error[name])
