"""Serves the HTTP API with uvicorn until it is told to stop, and then ends cleanly."""

import signal
from types import FrameType

import uvicorn

# Live streams never end by themselves.
SHUTDOWN_WITHIN_S = 3


async def serve_api(host: str, port: int) -> None:
    """Serve `fulfil.api.app:create_app` at host:port; returns after SIGTERM or SIGINT."""
    config = uvicorn.Config(
        "fulfil.api.app:create_app",
        factory=True,
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
    await uvicorn.Server(config).serve()


def _ignore(number: int, frame: FrameType | None) -> None:
    del number, frame
