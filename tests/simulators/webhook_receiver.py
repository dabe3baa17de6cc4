"""A webhook endpoint that keeps what it gets and answers as it is told."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.conftest import free_port


@dataclass(frozen=True)
class Received:
    """One webhook request."""

    body: bytes
    signature: str


@dataclass
class WebhookReceiver:
    """A server that keeps what it gets and answers the statuses it was told, then 200."""

    statuses: list[int] = field(default_factory=list[int])
    received: list[Received] = field(default_factory=list[Received])
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self._news = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(Received(body, self.headers["Stripe-Signature"])))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                del format, args

        self._handler = Handler
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/webhooks/stripe"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def take(self, received: Received) -> int:
        """Keep a request and choose its answer."""
        with self._news:
            self.received.append(received)
            self._news.notify_all()
            return self.statuses.pop(0) if self.statuses else 200

    def wait_for(self, enough: Callable[[list[Received]], bool], timeout_s: float = 15) -> list[Received]:
        """What came in, once it is enough."""
        with self._news:
            assert self._news.wait_for(lambda: enough(self.received), timeout_s), self.received
            return list(self.received)
