"""A few verbs of S3 over real HTTP, with failures on demand."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Bucket:
    """What the server holds and how it behaves; `failing` is the status every request gets instead."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: list[str] = field(default_factory=list[str])
    failing: int = 0
    missing: bool = False


class BucketServer(ThreadingHTTPServer):
    """Serves one bucket on a free port."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bucket = Bucket(url=f"http://127.0.0.1:{self.server_address[1]}")


class Handler(BaseHTTPRequestHandler):
    """Answers as S3 does, as far as a client of whole objects can tell."""

    protocol_version = "HTTP/1.1"
    server: BucketServer  # pyright: ignore[reportIncompatibleVariableOverride] (whose handler this is)

    def do_HEAD(self) -> None:
        self.answer_object()

    def do_GET(self) -> None:
        self.answer_object()

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.refused():
            self.server.bucket.objects[self.path] = content
            self.answer(200)

    def answer_object(self) -> None:
        if self.refused():
            return
        content = self.server.bucket.objects.get(self.path)
        if content is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self.answer(200, content)

    def refused(self) -> bool:
        bucket = self.server.bucket
        bucket.requests.append(f"{self.command} {self.path}")
        failing, missing = bucket.failing, bucket.missing  # a test may change them while the answer is on its way
        if failing:
            self.answer(failing)
        elif missing:
            self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        return bool(failing) or missing

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Wed, 21 Oct 2026 07:28:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay quiet."""


@contextmanager
def running_s3() -> Generator[Bucket]:
    """Serve a bucket until the block ends."""
    server = BucketServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
