"""Closing a connection without an answer, which ASGI itself has no word for."""

from collections.abc import Callable
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ABORT = "fulfil.abort"


class AbortableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol that lets the application abort the transport."""

    def on_message_begin(self) -> None:
        """Offer the abort to this request."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}


async def drop_connection(request: Request) -> Response:
    """Abort, and wait until the server has noticed; the response returned goes nowhere."""
    abort = cast("Callable[[], None]", request.scope["extensions"][ABORT]["abort"])
    abort()
    while (await request.receive())["type"] != "http.disconnect":
        continue
    return Response(status_code=500)
