"""A Stripe that answers what a test scripted, for faults the simulator can't have, and remembers each request."""

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.conftest import free_port

# A stored failure is told by this header.
REPLAYED = {"Idempotent-Replayed": "true"}


@dataclass(frozen=True)
class Asked:
    """One request; `path` holds the query, too."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """A form as Stripe reads it, names with their brackets."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> Any:
        """A body of version 2 of the API."""
        return json.loads(self.body)

    @property
    def query(self) -> dict[str, str]:
        """What follows the question mark."""
        return dict(parse_qsl(self.path.partition("?")[2]))

    @property
    def key(self) -> str | None:
        """The idempotency key."""
        return self.headers["Idempotency-Key"]


@dataclass(frozen=True)
class Scripted:
    """An answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class StripeStub:
    """Answers in the order of the script; a request beyond it is answered 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._script: deque[Scripted] = deque()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                stub.asked.append(Asked(self.command, self.path, self.headers, body))
                answer = stub.next_answer()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 (the base class's names)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def will_answer(self, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """One more answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._script.append(Scripted(status, raw, {"Content-Type": "application/json", **(headers or {})}))

    def will_fail(
        self, status: int, error: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """One more answer in Stripe's shape of an error."""
        described = {"type": "api_error", "message": "It went wrong.", **(error or {})}
        self.will_answer({"error": described}, status, headers)

    def next_answer(self) -> Scripted:
        """The next of the script."""
        if self._script:
            return self._script.popleft()
        missing = {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "Not scripted."}}
        return Scripted(404, json.dumps(missing).encode(), {"Content-Type": "application/json"})
