"""A tiny HTTP server that answers by script and remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """One answer; status 0 closes the connection without a word, `cut` ends it in the middle of the body."""

    status: int = 200
    body: bytes = b"{}"
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: bool = False


def problem(status: int, code: str, **more: object) -> Answer:
    """A problem+json answer."""
    body = {"type": f"urn:fulfil:problem:{code}", "title": "No", "status": status, "code": code, "request_id": "req_1"}
    return Answer(status, json.dumps({**body, **more}).encode(), "application/problem+json")


@dataclass
class ScriptedApi:
    """Gives the answers in order, the last one for ever."""

    answers: Sequence[Answer]
    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(Asked(method, path, headers, body))
        if answer.status:
            more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
            length = "" if answer.cut else f"Content-Length: {len(answer.body)}\r\n"
            writer.write(f"HTTP/1.1 {answer.status} X\r\nContent-Type: {answer.kind}\r\n{length}{more}\r\n".encode())
            writer.write(answer.body)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def scripted_api(*answers: Answer) -> AsyncGenerator[ScriptedApi]:
    """Serve the script while the block runs."""
    api = ScriptedApi(answers)
    server = await asyncio.start_server(api.handle, "127.0.0.1", 0)
    api.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield api
