"""A small HTTP server for processes that have none: `/healthz`, `/readyz`, `/metrics`."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from prometheus_client import generate_latest

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_WITHIN_S = 5

log = structlog.stdlib.get_logger(__name__)

# What keeps the process from being ready; empty when it is.
Obstacles = Callable[[], Awaitable[list[str]]]


@asynccontextmanager
async def health_server(
    port: int, obstacles: Obstacles, *, host: str = "127.0.0.1", sdk_metrics: str = ""
) -> AsyncGenerator[None]:
    """Serve while the block runs; `port` 0 serves nothing.

    `/metrics` gives this process's Prometheus metrics and appends those the Temporal SDK serves at
    `sdk_metrics` (host:port), so that a process has one address to scrape.
    """
    if not port:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_WITHIN_S)
            writer.write(await _response(head, obstacles, sdk_metrics))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host, port)
    async with server:
        yield


async def _response(head: bytes, obstacles: Obstacles, sdk_metrics: str) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.split(b" ", 1)[0].split(b"?", 1)[0]
    if method not in {b"GET", b"HEAD"}:
        return _encode(HTTPStatus.METHOD_NOT_ALLOWED, "only GET\n")
    if path == b"/healthz":
        return _encode(HTTPStatus.OK, "ok\n")
    if path == b"/readyz":
        found = await obstacles()
        status = HTTPStatus.SERVICE_UNAVAILABLE if found else HTTPStatus.OK
        return _encode(status, "".join(f"{obstacle}\n" for obstacle in found) or "ready\n")
    if path == b"/metrics":
        metrics = generate_latest().decode() + await _fetch(sdk_metrics)
        return _encode(HTTPStatus.OK, metrics, METRICS_TYPE)
    return _encode(HTTPStatus.NOT_FOUND, "try /healthz, /readyz or /metrics\n")


def _encode(status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8") -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


async def _fetch(address: str) -> str:
    """The SDK's metrics, or nothing while it has none to give."""
    if not address:
        return ""
    status, body = await http_get(address, "/metrics")
    if status != HTTPStatus.OK:
        log.warning("the SDK's metrics can't be read", address=address, status=status)
        return ""
    return body


async def http_get(address: str, path: str, timeout_s: float = 2) -> tuple[int, str]:
    """Status and body of a plain GET at `host:port`; status 0 when nobody answers in time."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
                answer = await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0, ""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return (int(words[1]), body.decode(errors="replace")) if len(words) > 1 and words[1].isdigit() else (0, "")
