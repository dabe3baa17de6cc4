"""The simulator as an ASGI application and as a process."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from fulfil.simulators.stripe.admin import Admin
from fulfil.simulators.stripe.api import StripeApi
from fulfil.simulators.stripe.authentication_page import AuthenticationPage
from fulfil.simulators.stripe.connection import AbortableProtocol
from fulfil.simulators.stripe.credentials import Keys
from fulfil.simulators.stripe.deliveries import Deliverer
from fulfil.simulators.stripe.faults import FaultPlan
from fulfil.simulators.stripe.store import Store
from fulfil.simulators.stripe.transaction import WebhookEndpoint

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Max-Age": "300",
}


@dataclass(frozen=True)
class SimulatorOptions:
    """How a simulator process is set up; empty URLs mean the endpoint the database remembers and the caller's host."""

    database: Path
    webhook_secret: str
    webhook_url: str = ""
    public_url: str = ""
    api_key: str = "sk_test_simulator"
    publishable_key: str = "pk_test_simulator"


def create_app(options: SimulatorOptions, clock: Callable[[], float]) -> Starlette:
    """The application over one database file; `clock` gives Unix seconds."""
    store = Store(options.database, clock)
    if options.webhook_url:
        store.set_endpoint(WebhookEndpoint(options.webhook_url, options.webhook_secret))
    deliverer = Deliverer(store, clock)
    faults = FaultPlan()
    keys = Keys(options.api_key, options.publishable_key)
    api = StripeApi(store, keys, faults, deliverer.wake, options.public_url)
    admin = Admin(api, faults, options.webhook_secret, deliverer.wake)
    page = AuthenticationPage(api, deliverer.wake)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        del app
        sending = asyncio.create_task(deliverer.run())
        try:
            yield
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            store.close()

    simulator_routes = [
        *admin.routes(),
        Route("/3ds/{payment_intent}", page.show, methods=["GET"]),
        Route("/3ds/{payment_intent}", page.submit, methods=["POST"]),
    ]
    routes = [
        Mount("/_simulator", routes=simulator_routes),
        Route("/{path:path}", preflight, methods=["OPTIONS"]),
        Route("/{path:path}", api.serve, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def preflight(request: Request) -> Response:
    """Browsers may call with a publishable key from any page, as at Stripe."""
    del request
    return Response(status_code=204, headers=CORS)


def run_server(options: SimulatorOptions, *, host: str, port: int, clock: Callable[[], float]) -> None:
    """Serve until a signal ends the process."""
    config = uvicorn.Config(
        create_app(options, clock),
        host=host,
        port=port,
        http=AbortableProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        # Longer than any client keeps an idle connection, so that none is reused while it is being closed.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run()
