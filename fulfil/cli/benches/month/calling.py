"""How everybody speaks to the API: one connection, a token each; a refusal is an answer one looks at."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from fulfil.cli.client import PREFIX

TIMEOUT_S = 60
ATTEMPTS = 3
PAUSE_S = 0.3
SHORTER_THAN_IDS = 30


@dataclass(frozen=True)
class Answer:
    """What the API said."""

    status: int
    body: Mapping[str, Any]

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def code(self) -> str:
        """Why it was refused; empty when it was not."""
        return "" if self.good else str(self.body.get("code", self.status))


@dataclass
class Minutes:
    """What was asked of the API, and how it answered."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    refusals: Counter[str] = field(default_factory=Counter[str])
    faults: list[str] = field(default_factory=list[str])
    """Answers that only a bug or an outage gives."""

    def note(self, what: str, answer: Answer) -> None:
        """Count an answer; `what` names the request without its ids."""
        self.statuses[answer.status] += 1
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.faults.append(f"{what}: {answer.status} {answer.body}"[:300])
        elif not answer.good:
            self.refusals[f"{what}: {answer.status} {answer.code}"] += 1


@dataclass(frozen=True)
class Caller:
    """Somebody signed in; `party_id` is the customer or provider she acts for."""

    http: httpx.AsyncClient
    minutes: Minutes
    token: str
    party_id: str = ""

    async def get(self, path: str, **query: str | int) -> Answer:
        """Read."""
        return await self._send("GET", path, None, query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **query: str | int) -> Answer:
        """Ask for something, under a key of its own."""
        return await self._send("POST", path, body or {}, query)

    async def put(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Set something."""
        return await self._send("PUT", path, body or {}, {})

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str | int]
    ) -> Answer:
        """The answer; asked again under the same key while the API says that trying again may help."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": f"month-{secrets.token_hex(12)}"}
        request = self.http.build_request(method, f"{PREFIX}{path}", json=body, params=query, headers=headers)
        what = f"{method} {_without_ids(path)}"
        answer = await self._answer(request)
        for _ in range(ATTEMPTS):
            if answer.good or not answer.body.get("retryable"):
                break
            await asyncio.sleep(PAUSE_S)
            answer = await self._answer(request)
        self.minutes.note(what, answer)
        return answer

    async def _answer(self, request: httpx.Request) -> Answer:
        response = await self.http.send(request)
        return Answer(response.status_code, response.json() if response.content else {})


def _without_ids(path: str) -> str:
    return "/".join("…" if len(part) > SHORTER_THAN_IDS else part for part in path.split("/"))
