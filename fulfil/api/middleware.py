"""Around every request: an id in and out, the size of its body, one log line, its metrics. Pure ASGI, no buffering."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fulfil.api.errors import REQUEST_ID, ProblemError, problem_response
from fulfil.api.metrics import note_request
from fulfil.models.ids import new_id

log = structlog.stdlib.get_logger(__name__)

ACCEPTED_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
QUIET_PATHS = ("/healthz", "/readyz", "/metrics")
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
NO_STORE = (b"cache-control", b"no-store")

Limit = Callable[[Scope], int]


class RequestMiddleware:
    """Outermost: whatever happens inside has an id and is counted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope["headers"]) or new_id("req")
        scope["request_id"] = request_id
        status, started = HTTPStatus.INTERNAL_SERVER_ERROR.value, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", []))
                kept = _header(headers, NO_STORE[0]) is not None
                own = [(REQUEST_ID.lower().encode(), request_id.encode()), NO_SNIFFING, *([] if kept else [NO_STORE])]
                message["headers"] = [*headers, *own]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id, **_ids_in(scope["path"])):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                _note(scope, status, time.perf_counter() - started)


class BodyLimitMiddleware:
    """Refuses a body over its limit: by its announced length before reading it, else as soon as it has come too far."""

    def __init__(self, app: ASGIApp, limit: Limit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope)
        announced = _header(scope["headers"], b"content-length") or b"0"
        if not announced.isdigit() or int(announced) > limit:
            response = problem_response(_too_large(limit), str(scope.get("request_id", "")))
            await response(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _too_large(limit)
            return message

        await self._app(scope, receive_within_limit, send)


def body_limits(*, api: str, json_bytes: int, upload_bytes: int) -> Limit:
    """Uploads by their setting (a third more as base64), everything else as JSON."""
    overhead = 64 * 1024

    def limit(scope: Scope) -> int:
        if scope["path"] != f"{api}/files":
            return json_bytes
        is_json = b"json" in (_header(scope["headers"], b"content-type") or b"")
        return (upload_bytes * 4 // 3 if is_json else upload_bytes) + overhead

    return limit


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"The body may have at most {limit:,} bytes.",
        param="body",
        headers={"Connection": "close"},
    )


def _given_id(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    given = _header(headers, REQUEST_ID.lower().encode()) or b""
    return given.decode() if ACCEPTED_REQUEST_ID.fullmatch(given) else None


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)


def _ids_in(path: str) -> Mapping[str, str]:
    """The order, job or offer a path names, so that log lines can be found by it."""
    names = {"ord": "order_id", "job": "job_id", "off": "offer_id", "quo": "quote_id", "prv": "provider_id"}
    found = (part for part in path.split("/") if part[3:4] == "_" and part[:3] in names)
    return {names[part[:3]]: part for part in found}


def _note(scope: Scope, status: int, seconds: float) -> None:
    route = scope.get("route")
    template = str(getattr(route, "path", "unmatched"))
    note_request(scope["method"], template, status, seconds)
    if template not in QUIET_PATHS:
        log.info("request", method=scope["method"], route=template, status=status, ms=round(seconds * 1000, 1))
