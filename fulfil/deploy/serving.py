"""Serves the HTTP API with uvicorn until it is told to stop, and then ends cleanly."""

import signal
from types import FrameType

import uvicorn

from fulfil.api.app import create_app
from fulfil.api.security import WeakSecretError
from fulfil.kit.settings import Settings

# Live streams never end by themselves.
SHUTDOWN_WITHIN_S = 3


class ServingError(RuntimeError):
    """The API can't be served; the message says what to do."""


async def serve_api(settings: Settings, host: str, port: int) -> None:
    """Serve at host:port; returns after SIGTERM or SIGINT. Raises `ServingError` when it can't begin."""
    try:
        app = create_app(settings)
    except WeakSecretError as error:
        raise ServingError(str(error)) from error
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_WITHIN_S,
    )
    # uvicorn raises the signal it stopped for again, for whoever handled it before: nobody, so that we end with 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    server = uvicorn.Server(config)
    try:
        await server.serve()
    except SystemExit as error:
        raise ServingError(f"nothing can be served at {host}:{port}: the log above says why") from error


def _ignore(number: int, frame: FrameType | None) -> None:
    del number, frame
