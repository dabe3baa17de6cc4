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

from fulfil.simulators.stripe.accounts import set_capability_default
from fulfil.simulators.stripe.admin import Admin, guarded
from fulfil.simulators.stripe.api import StripeApi
from fulfil.simulators.stripe.authentication_page import AuthenticationPage
from fulfil.simulators.stripe.clock import Clock
from fulfil.simulators.stripe.connection import AbortableProtocol
from fulfil.simulators.stripe.credentials import Keys
from fulfil.simulators.stripe.deliveries import Deliverer
from fulfil.simulators.stripe.elements_page import ElementsPage
from fulfil.simulators.stripe.faults import FaultPlan
from fulfil.simulators.stripe.files import FileContents
from fulfil.simulators.stripe.onboarding_page import OnboardingPage
from fulfil.simulators.stripe.store import Store
from fulfil.simulators.stripe.switches import Switches
from fulfil.simulators.stripe.webhook_endpoints import set_default_endpoint

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
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
    # Empty lets everybody who reaches the port use the admin paths, as is right on loopback.
    admin_token: str = ""
    # None keeps what the database remembers.
    availability_s: int | None = None
    # The longest pause between two attempts to deliver an event; far shorter than Stripe's, so that an order goes on
    # soon after the API is back.
    webhook_retry_cap_s: float = 5.0
    # The state in which accounts' capability to receive transfers starts; empty keeps what the database remembers.
    transfers_capability: str = ""


def create_app(options: SimulatorOptions, clock: Callable[[], float]) -> Starlette:
    """The application over one database file; `clock` gives Unix seconds."""
    store = Store(options.database, clock)
    if options.webhook_url:
        with store.transaction() as tx:
            set_default_endpoint(tx, options.webhook_url, options.webhook_secret)
    if options.availability_s is not None:
        store.change_settings({"availability_s": options.availability_s})
    if options.transfers_capability:
        set_capability_default(store.connection, options.transfers_capability)
    deliverer = Deliverer(store, options.webhook_retry_cap_s)
    faults = FaultPlan(store.connection)
    keys = Keys(options.api_key, options.publishable_key)
    api = StripeApi(store, keys, faults, deliverer.wake, options.public_url)
    virtual = Clock(store, deliverer.wake)
    admin = Admin(api, virtual, deliverer.wake)
    switches = Switches(api, faults, options.webhook_secret, deliverer.wake)
    bank = AuthenticationPage(store, deliverer.wake)
    checkout = ElementsPage(api, keys, deliverer.wake)
    onboarding = OnboardingPage(store, deliverer.wake)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        del app
        working = [asyncio.create_task(deliverer.run()), asyncio.create_task(virtual.run())]
        try:
            yield
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            store.close()

    simulator_routes = [
        *guarded([*admin.routes(), *switches.routes()], options.admin_token),
        Route("/3ds/{intent}", bank.show, methods=["GET"]),
        Route("/3ds/{intent}", bank.submit, methods=["POST"]),
        Route("/elements", checkout.show, methods=["GET"]),
        Route("/elements", checkout.submit, methods=["POST"]),
        Route("/onboarding/{token}", onboarding.show, methods=["GET"]),
        Route("/onboarding/{token}", onboarding.submit, methods=["POST"]),
    ]
    routes = [
        Mount("/_simulator", routes=simulator_routes),
        Route("/v1/files/{id}/contents", FileContents(store, keys).serve, methods=["GET"]),
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
