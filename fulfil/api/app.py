"""The application: `uvicorn --factory fulfil.api.app:create_app`, or `create_app(settings)` in tests."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from temporalio.client import Client

from fulfil.api import documentation
from fulfil.api.authentication import Authenticator
from fulfil.api.background import Background
from fulfil.api.context import ApiContext
from fulfil.api.errors import install_error_handlers
from fulfil.api.feed import EventFeed
from fulfil.api.guest_limits import GuestLimits
from fulfil.api.login_limit import LoginLimit
from fulfil.api.middleware import BodyLimitMiddleware, RequestMiddleware, body_limits
from fulfil.api.oidc import OidcVerifier
from fulfil.api.processes import Processes
from fulfil.api.quote_work import QuoteWork
from fulfil.api.routes import (
    accounts,
    api_keys,
    auth,
    billing,
    catalogue,
    chargebacks,
    counter_offers,
    deliverables,
    dispatch,
    documents,
    files,
    guests,
    jobs,
    lateness,
    ledger,
    milestones,
    offered_services,
    offers,
    order_events,
    orders,
    payment_methods,
    payout_accounts,
    platform,
    previews,
    provider_answers,
    provider_onboarding,
    provider_work,
    providers,
    quotes,
    reconciliations,
    refunds,
    shipments,
    stock,
    support,
    webhooks,
)
from fulfil.api.security import Passwords, Tokens
from fulfil.api.turnstile import Turnstile
from fulfil.gateways.clamav import ClamAv
from fulfil.gateways.storage import ObjectStorage
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database, DatabaseRole
from fulfil.kit.settings import Settings
from fulfil.kit.telemetry import instrument_api, start_telemetry
from fulfil.kit.temporal import connect_temporal

ROUTERS = (
    *(auth.router, accounts.router, guests.router, api_keys.router, files.router, previews.router),
    *(catalogue.router, quotes.router, orders.router, refunds.router),
    *(order_events.router, offers.router, counter_offers.router, dispatch.router),
    *(jobs.router, support.router, chargebacks.router),
    *(stock.router, shipments.router, lateness.router),
    *(offered_services.router, deliverables.router, milestones.router),
    *(provider_answers.router, provider_onboarding.router, providers.router, provider_work.router),
    *(payment_methods.router, payout_accounts.router, ledger.router, reconciliations.router),
    *(documents.router, billing.router),
    *(webhooks.router, platform.router),
)
UPLOADS_AT_ONCE = 4


class Application(FastAPI):
    """FastAPI, with an OpenAPI document that tells everything."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = documentation.complete(super().openapi())
        return self.openapi_schema


def create_app(
    settings: Settings | None = None,
    *,
    temporal: Client | None = None,
    processes: Processes | None = None,
    quote_work: QuoteWork | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """Build the API; it starts without its dependencies and answers 503 while one is down.

    Raises `WeakSecretError` when `FULFIL_JWT_SECRET` is missing. `temporal`, `processes` and `quote_work` replace what
    the settings would connect to.
    """
    settings = settings or Settings()
    tokens = Tokens(settings.jwt_secret.get_secret_value(), settings.jwt_lifetime_s)
    telemetry = start_telemetry(service="fulfil-api", endpoint=settings.otlp_endpoint, version=version("fulfil"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as closing:
            closing.push_async_callback(telemetry.close)
            client = temporal or await connect_temporal(lazy=True)
            app.state.context = await _open(settings, tokens, client, processes, quote_work, clock, closing)
            yield

    app = Application(
        title=documentation.TITLE,
        description=documentation.DESCRIPTION,
        version=version("fulfil"),
        openapi_tags=documentation.TAGS,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        openapi_url=f"{documentation.API}/openapi.json",
        redoc_url=None,
    )
    install_error_handlers(app)
    limits = body_limits(
        api=documentation.API, json_bytes=settings.max_json_bytes, upload_bytes=settings.max_upload_bytes
    )
    app.add_middleware(BodyLimitMiddleware, limit=limits)
    app.add_middleware(RequestMiddleware)
    for router in ROUTERS:
        app.include_router(router)
    if telemetry.provider is not None:
        instrument_api(app, telemetry.provider)
    return app


async def _open(
    settings: Settings,
    tokens: Tokens,
    temporal: Client,
    processes: Processes | None,
    quote_work: QuoteWork | None,
    clock: Callable[[], datetime],
    closing: AsyncExitStack,
) -> ApiContext:
    database = Database(settings.database_url, DatabaseRole.API, pool_size=settings.database_pool_size)
    closing.push_async_callback(database.close)
    stripe = StripeGateway(
        api_key=settings.stripe_api_key.get_secret_value() or "unset", api_base=settings.stripe_api_base
    )
    closing.push_async_callback(stripe.close)
    http = await closing.enter_async_context(httpx.AsyncClient(follow_redirects=False))
    background = Background()
    closing.push_async_callback(background.close)
    feed = EventFeed(database, Database(settings.database_url, DatabaseRole.API, pool_size=1))
    await closing.enter_async_context(feed.running())
    oidc = OidcVerifier(settings.oidc_issuers, settings.oidc_audience, http)
    return ApiContext(
        settings=settings,
        clock=clock,
        database=database,
        feed=feed,
        temporal=temporal,
        processes=processes or Processes(temporal),
        quote_work=quote_work or QuoteWork(temporal),
        background=background,
        stripe=stripe,
        storage=ObjectStorage.from_url(settings.storage),
        tokens=tokens,
        passwords=Passwords(),
        login_limit=LoginLimit(),
        guest_limits=GuestLimits(settings),
        authenticator=Authenticator(database, tokens, oidc, clock),
        uploads=asyncio.Semaphore(UPLOADS_AT_ONCE),
        turnstile=Turnstile(),
        scanner=ClamAv.from_url(settings.clamav_url) if settings.clamav_url else None,
    )


def _operation_id(route: APIRoute) -> str:
    return route.name
