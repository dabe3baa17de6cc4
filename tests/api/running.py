"""The application over ASGI on a real PostgreSQL, with its lifespan."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.routing import BaseRoute, Route
from temporalio.client import Client

from fulfil.api import app as application
from fulfil.api.context import ApiContext
from fulfil.kit.clock import utc_now
from fulfil.kit.settings import Settings
from tests.api.fakes import FakeProcesses, FakeQuoteWork
from tests.api.world import Person

NOBODY = "127.0.0.1:9"
LEARNT: list[BaseRoute] = []


def create_app(settings: Settings, **parts: Any) -> FastAPI:
    """The application, with what the first one of this process worked out about its routers' endpoints.

    FastAPI does so on an application's first request, for half a second; the outcome is the same each time.
    """
    app = application.create_app(settings, **parts)
    own = [route for route in app.router.routes if isinstance(route, Route)]
    LEARNT[:] = LEARNT or [route for route in app.router.routes if not isinstance(route, Route)]
    app.router.routes[:] = [*own, *LEARNT]
    return app


@dataclass
class MovableClock:
    """The present, or some time after it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """What the application takes for now."""
        return utc_now() + self.ahead


async def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    """Wait for what nothing tells of."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Api:
    """A running application and a client of it."""

    app: FastAPI
    client: httpx.AsyncClient
    processes: FakeProcesses
    quote_work: FakeQuoteWork
    settings: Settings
    clock: MovableClock

    @property
    def context(self) -> ApiContext:
        """Its parts."""
        context = self.app.state.context
        assert isinstance(context, ApiContext)
        return context

    async def get(self, path: str, person: Person | None = None, **options: Any) -> httpx.Response:
        """GET below the prefix."""
        return await self.request("GET", path, person, **options)

    async def post(self, path: str, person: Person | None = None, **options: Any) -> httpx.Response:
        """POST below the prefix."""
        return await self.request("POST", path, person, **options)

    async def request(self, method: str, path: str, person: Person | None = None, **options: Any) -> httpx.Response:
        """A request below the prefix, as a person or as nobody; `key` is the Idempotency-Key."""
        headers = {**(person.headers if person else {}), **options.pop("headers", {})}
        if key := options.pop("key", None):
            headers["Idempotency-Key"] = key
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **options)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    """The application between start and end of its lifespan."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api.test", timeout=30) as client,
    ):
        yield client


@asynccontextmanager
async def api_of(settings: Settings, temporal: Client | None = None) -> AsyncGenerator[Api]:
    """An application with fake workflows; Temporal itself is only there when given."""
    processes = FakeProcesses(temporal or await Client.connect(NOBODY, lazy=True))
    quote_work = FakeQuoteWork(processes.client)
    clock = MovableClock()
    app = create_app(settings, temporal=processes.client, processes=processes, quote_work=quote_work, clock=clock)
    async with running(app) as client:
        yield Api(app, client, processes, quote_work, settings, clock)
