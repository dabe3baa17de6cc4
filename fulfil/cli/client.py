"""The command line's HTTP client: retries under one Idempotency-Key, problems as readable errors, live events."""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

import httpx
from httpx_sse import EventSource
from pydantic import BaseModel, ConfigDict, ValidationError

from fulfil.api.purposes import FilePurpose
from fulfil.cli.exits import CommandError, ExitCode

PREFIX = "/api/v1"
# A 500 is a bug: trying again would only hide it.
TRANSIENT = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
EXIT_CODES: Mapping[int, ExitCode] = {
    HTTPStatus.NOT_FOUND: ExitCode.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ExitCode.USAGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ExitCode.USAGE,
    HTTPStatus.UNPROCESSABLE_ENTITY: ExitCode.USAGE,
}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0
# Longer than the API waits for Temporal, so that its 503 arrives before we give up.
TIMEOUT = httpx.Timeout(30, connect=5)
# The stream is never silent for so long: it carries comments while nothing happens.
STREAM_SILENCE_S = 45.0

View = TypeVar("View", bound=BaseModel)
Body = Mapping[str, object]


class Problem(BaseModel):
    """What an error answer says (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    status: int
    title: str = "Error"
    detail: str = ""
    code: str = "http_error"
    param: str | None = None
    request_id: str | None = None
    retryable: bool = False
    state: str | None = None
    allowed_actions: list[str] | None = None

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """The problem in an answer, or a description of an answer that is none."""
        try:
            return cls.model_validate_json(response.content)
        except ValidationError:
            detail = response.text[:200] or "no details given"
            return cls(status=response.status_code, title=response.reason_phrase, detail=detail)


class ProblemError(CommandError):
    """The API refused; exit code 3 when the object does not exist, 2 when the input can't be accepted."""

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        self.problem = problem
        self.retry_after_s = retry_after_s
        super().__init__(_sentence(problem))
        self.exit_code = EXIT_CODES.get(problem.status, ExitCode.FAILED)


class UnreachableError(CommandError):
    """Nothing usable answers at the API's address."""


class StreamOverError(Exception):
    """The API has nothing more to say on a stream."""


class ApiClient:
    """One account's connection to the API; every POST carries an Idempotency-Key, so trying again is safe."""

    def __init__(self, api_url: str, *, token: str = "", patience_s: float = 0) -> None:
        """For `patience_s` a request is tried again when the API is away, overloaded, or our answer got lost."""
        self.api_url = api_url.rstrip("/")
        self.token = token
        self.statuses: Counter[int] = Counter()
        self._patience_s = patience_s
        self._http = httpx.AsyncClient(
            base_url=f"{self.api_url}{PREFIX}",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def use_token(self, token: str) -> None:
        """Act as the account of this token from now on."""
        self.token = token
        self._http.headers["Authorization"] = f"Bearer {token}"

    async def get(self, view: type[View], path: str, **query: str | int | None) -> View:
        """Read one object; raises `ProblemError` or `UnreachableError`."""
        given = {name: value for name, value in query.items() if value is not None}
        request = self._http.build_request("GET", path.lstrip("/"), params=given)
        return _read(view, await self._send(request))

    async def post(
        self,
        view: type[View],
        path: str,
        body: Body | None = None,
        *,
        key: str | None = None,
        **query: str | int | None,
    ) -> View:
        """Ask for a change under `key` (one is made when none is given); raises like `get`."""
        given = {name: value for name, value in query.items() if value is not None}
        request = self._http.build_request("POST", path.lstrip("/"), json=body or {}, params=given, headers=_key(key))
        return _read(view, await self._send(request))

    async def put(self, view: type[View], path: str, body: Body) -> View:
        """Set something to what it is to be; repeating it changes nothing. Raises like `get`."""
        return await self._change("PUT", view, path, body)

    async def patch(self, view: type[View], path: str, body: Body) -> View:
        """Change what the body names; raises like `get`."""
        return await self._change("PATCH", view, path, body)

    async def delete(self, path: str) -> None:
        """Remove something; raises like `get`, so that removing it twice finds nothing."""
        await self._send(self._http.build_request("DELETE", path.lstrip("/")))

    async def _change(self, method: str, view: type[View], path: str, body: Body) -> View:
        return _read(view, await self._send(self._http.build_request(method, path.lstrip("/"), json=body)))

    async def download(self, path: str) -> bytes:
        """Read some content; raises like `get`."""
        return (await self._send(self._http.build_request("GET", path.lstrip("/")))).content

    async def upload(
        self,
        view: type[View],
        path: str,
        name: str,
        content: bytes,
        *,
        purpose: FilePurpose | None = None,
        key: str | None = None,
    ) -> View:
        """Send a file as multipart form data; raises like `get`."""
        files = {"file": (name, content, "application/octet-stream")}
        params = {} if purpose is None else {"purpose": purpose.value}
        request = self._http.build_request("POST", path.lstrip("/"), files=files, params=params, headers=_key(key))
        await request.aread()
        return _read(view, await self._send(request))

    async def stream(self, view: type[View], path: str, after: int | None = None) -> AsyncGenerator[View, None]:
        """Live events beyond `after` until there can be no more; a lost connection is taken up where it was lost.

        Close it (`contextlib.aclosing`) when leaving early. Raises `ProblemError` when the API refuses,
        `UnreachableError` when it stays away longer than our patience.
        """
        last, pause_s, silent_since = after, FIRST_PAUSE_S, asyncio.get_running_loop().time()
        while True:
            try:
                async with aclosing(self._stream_once(view, path, last)) as events:
                    async for identity, event in events:
                        last, pause_s = identity, FIRST_PAUSE_S
                        yield event
                        silent_since = asyncio.get_running_loop().time()
            except StreamOverError:
                return
            except (httpx.TransportError, ProblemError) as error:
                away_s = asyncio.get_running_loop().time() - silent_since
                if isinstance(error, ProblemError) and not _is_transient(error.problem):
                    raise
                if away_s > self._patience_s:
                    raise self._unreachable(error) from error
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _stream_once(
        self, view: type[View], path: str, after: int | None
    ) -> AsyncGenerator[tuple[int, View], None]:
        headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": str(after)})
        timeout = httpx.Timeout(STREAM_SILENCE_S, connect=5)
        async with self._http.stream("GET", path.lstrip("/"), headers=headers, timeout=timeout) as response:
            if response.is_error:
                await response.aread()
                raise ProblemError(Problem.of(response))
            if response.status_code == HTTPStatus.NO_CONTENT:
                raise StreamOverError(path)
            async for event in EventSource(response).aiter_sse():
                if event.data:  # else it only says how soon to reconnect
                    yield int(event.id), view.model_validate_json(event.data)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """The answer; the same request again, key included, as long as patience lasts and trying again may help."""
        loop = asyncio.get_running_loop()
        deadline, pause_s = loop.time() + self._patience_s, FIRST_PAUSE_S
        while True:
            try:
                return self._checked(await self._http.send(request))
            except httpx.TransportError as error:
                if loop.time() + pause_s > deadline:
                    raise self._unreachable(error) from error
            except ProblemError as error:
                pause_s = max(pause_s, error.retry_after_s or 0)
                if not _is_transient(error.problem) or loop.time() + pause_s > deadline:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _checked(self, response: httpx.Response) -> httpx.Response:
        self.statuses[response.status_code] += 1
        if response.is_error:
            raise ProblemError(Problem.of(response), _retry_after_s(response))
        return response

    def _unreachable(self, error: Exception) -> UnreachableError:
        cause = str(error) or type(error).__name__
        return UnreachableError(
            f"The API at {self.api_url} does not answer ({cause}). Start it with `fulfil up`, or set FULFIL_API_URL."
        )


def new_key() -> str:
    """A fresh Idempotency-Key for one intention; keep it for as long as you try again."""
    return f"cli-{secrets.token_hex(12)}"


def _key(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or new_key()}


def _is_transient(problem: Problem) -> bool:
    return problem.retryable or problem.status in TRANSIENT


def _retry_after_s(response: httpx.Response) -> float | None:
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isdigit() else None


def _read(view: type[View], response: httpx.Response) -> View:
    try:
        return view.model_validate_json(response.content or b"{}")
    except ValidationError as error:
        first = json.loads(error.json(include_url=False))[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CommandError(
            f"{response.request.method} {response.request.url} answered what this release does not understand: "
            f"{place}: {first['msg']}"
        ) from error


def _sentence(problem: Problem) -> str:
    sentence = problem.detail or problem.title
    if problem.param:
        sentence += f" (field {problem.param})"
    if problem.state and problem.state not in sentence:
        sentence += f" It is {problem.state}."
    if problem.allowed_actions:
        sentence += f" Possible now: {', '.join(problem.allowed_actions)}."
    if problem.request_id and problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        sentence += f" Request {problem.request_id}."
    return f"{sentence} [{problem.code}]"
