"""Health, readiness and metrics, for machines next door."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context
from fulfil.api.documentation import PLATFORM
from fulfil.api.errors import ProblemError, unavailable
from fulfil.api.outages import storage_outages, temporal_outages
from fulfil.api.readers.platform import database_revision, newest_revision

router = APIRouter(tags=[PLATFORM])

CHECK_WITHIN_S = 3.0
OK = "ok"


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Each dependency: `ok`, or what is wrong with it."""

    ready: bool
    database: str = Field(examples=[OK])
    temporal: str = Field(examples=[OK])
    storage: str = Field(examples=[OK])
    events: str = Field(examples=[OK])


@router.get("/healthz")
async def get_health() -> Health:
    """The process is alive; says nothing of its dependencies."""
    return Health()


@router.get(
    "/readyz",
    responses={HTTPStatus.SERVICE_UNAVAILABLE.value: {"model": Readiness, "description": "Something is missing."}},
)
async def get_readiness(context: Context, response: Response) -> Readiness:
    """Whether requests can be served: database migrated, Temporal and storage reachable."""
    database, temporal, storage = await asyncio.gather(
        _checked(_check_database(context)), _checked(_check_temporal(context)), _checked(_check_storage(context))
    )
    events = OK if context.feed.works else "not listening to events"
    readiness = Readiness(
        ready=database == temporal == storage == events == OK,
        database=database,
        temporal=temporal,
        storage=storage,
        events=events,
    )
    if not readiness.ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return readiness


@router.get("/metrics", response_class=Response)
async def get_metrics() -> Response:
    """Prometheus metrics."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _checked(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            await check
    except ProblemError as error:
        return str(error.detail)
    except TimeoutError:
        return f"no answer within {CHECK_WITHIN_S:g} s"
    return OK


async def _check_database(context: ApiContext) -> None:
    async with context.begin() as session:
        revision = await database_revision(session)
    if revision != newest_revision():
        raise unavailable(
            "database_not_migrated", f"at revision {revision}, not {newest_revision()}: run `fulfil migrate`"
        )


async def _check_temporal(context: ApiContext) -> None:
    with temporal_outages():
        if not await context.temporal.service_client.check_health():
            raise unavailable("temporal_unavailable", "Temporal is not serving.")


async def _check_storage(context: ApiContext) -> None:
    with storage_outages():
        await context.storage.check()
