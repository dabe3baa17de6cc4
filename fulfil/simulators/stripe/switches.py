"""The switches of the simulator's surface under `/_simulator`: faults, webhooks and capabilities."""

import secrets
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fulfil.simulators.stripe.accounts import (
    CapabilityStatus,
    capability_default,
    set_capability,
    set_capability_default,
)
from fulfil.simulators.stripe.api import StripeApi
from fulfil.simulators.stripe.bodies import read_body
from fulfil.simulators.stripe.faults import Fault, FaultPlan, WebhookFaults
from fulfil.simulators.stripe.outbox import add_secret, schedule, secrets_of
from fulfil.simulators.stripe.webhook_endpoints import default_endpoint, set_default_endpoint


class EndpointChange(BaseModel):
    """The new endpoint; `url` null forgets it, `secret` left out keeps the present one."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(pattern=r"^https?://\S+$", max_length=2048)
    secret: str | None = Field(default=None, min_length=1)


class SecretRoll(BaseModel):
    """A new secret (made up when left out); the old ones sign beside it for `expires_in_s` seconds."""

    model_config = ConfigDict(extra="forbid")

    secret: str | None = Field(default=None, min_length=1)
    expires_in_s: float = Field(default=86_400, ge=0, le=7 * 86_400)


class CapabilityChange(BaseModel):
    """The state of the capability to receive transfers."""

    model_config = ConfigDict(extra="forbid")

    status: CapabilityStatus


class Switches:
    """Handlers of the admin paths that concern requests, webhooks and accounts."""

    def __init__(self, api: StripeApi, faults: FaultPlan, webhook_secret: str, wake: Callable[[], None]) -> None:
        self._api = api
        self._store = api.store
        self._faults = faults
        self._secret = webhook_secret
        self._wake = wake

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/webhook", self.webhook, methods=["GET", "POST", "DELETE"]),
            Route("/webhooks/faults", self.webhook_faults, methods=["GET", "POST", "DELETE"]),
            Route("/webhook_endpoints/{endpoint_id}/roll", self.roll, methods=["POST"]),
            Route("/events/{event_id}/deliver", self.deliver, methods=["POST"]),
            Route("/capabilities", self.capabilities, methods=["GET", "POST"]),
            Route("/accounts/{account_id}/capability", self.capability, methods=["POST"]),
        ]

    async def faults(self, request: Request) -> Response:
        """Read, replace or clear the plan of failing requests."""
        if request.method == "POST":
            plan = await read_body(request, TypeAdapter(list[Fault]))
            if isinstance(plan, Response):
                return plan
            self._faults.faults = plan
        elif request.method == "DELETE":
            self._faults.faults = []
        return JSONResponse([fault.model_dump(mode="json") for fault in self._faults.faults])

    async def webhook(self, request: Request) -> Response:
        """Read, set or forget the endpoint that gets everything; its secret is never shown."""
        if request.method == "POST":
            change = await read_body(request, TypeAdapter(EndpointChange))
            if isinstance(change, Response):
                return change
            with self._store.transaction() as tx:
                present = secrets_of(tx.connection, "we_simulator", tx.wall)
                secret = change.secret or (present[0] if present else self._secret)
                set_default_endpoint(tx, change.url, secret)
            self._wake()
        elif request.method == "DELETE":
            with self._store.transaction() as tx:
                set_default_endpoint(tx, None, "")
        with self._store.transaction() as tx:
            endpoint = default_endpoint(tx)
        return JSONResponse({"url": endpoint["url"] if endpoint else None})

    async def webhook_faults(self, request: Request) -> Response:
        """Read, replace or clear how deliveries of new events misbehave."""
        if request.method == "POST":
            faults = await read_body(request, TypeAdapter(WebhookFaults))
            if isinstance(faults, Response):
                return faults
            self._api.webhook_faults = faults
        elif request.method == "DELETE":
            self._api.webhook_faults = WebhookFaults()
        return JSONResponse(self._api.webhook_faults.model_dump())

    async def roll(self, request: Request) -> Response:
        """Give an endpoint a new secret, as Stripe's dashboard does."""
        change = await read_body(request, TypeAdapter(SecretRoll))
        if isinstance(change, Response):
            return change
        endpoint = str(request.path_params["endpoint_id"])
        secret = change.secret or f"whsec_{secrets.token_hex(16)}"
        with self._store.transaction() as tx:
            known = bool(secrets_of(tx.connection, endpoint, tx.wall))
            if known:
                add_secret(tx.connection, endpoint, secret, others_until=tx.wall + change.expires_in_s)
        if not known:
            return JSONResponse({"error": f"no webhook endpoint {endpoint}"}, 404)
        return JSONResponse({"id": endpoint, "secret": secret})

    async def deliver(self, request: Request) -> Response:
        """Send an event again, to the endpoint that gets everything."""
        event_id = str(request.path_params["event_id"])
        query = "SELECT count(*) FROM objects WHERE id = ? AND object IN ('event', 'v2.core.event')"
        with self._store.transaction() as tx:
            endpoint = default_endpoint(tx)
            known = bool(tx.connection.execute(query, (event_id,)).fetchone()[0])
            if endpoint is not None and known:
                schedule(tx.connection, event_id, str(endpoint["id"]), tx.wall, tx.wall)
        if endpoint is None:
            return JSONResponse({"error": "no webhook endpoint is set"}, 409)
        if not known:
            return JSONResponse({"error": f"no event {event_id}"}, 404)
        self._wake()
        return JSONResponse({"scheduled": event_id}, 202)

    async def capabilities(self, request: Request) -> Response:
        """Read or choose the state in which the capability to receive transfers starts."""
        if request.method == "POST":
            change = await read_body(request, TypeAdapter(CapabilityChange))
            if isinstance(change, Response):
                return change
            set_capability_default(self._store.connection, change.status)
        return JSONResponse({"status": capability_default(self._store.connection)})

    async def capability(self, request: Request) -> Response:
        """Let Stripe grant, question or take away an account's capability to receive transfers."""
        change = await read_body(request, TypeAdapter(CapabilityChange))
        if isinstance(change, Response):
            return change
        with self._store.transaction() as tx:
            account = tx.find("v2.core.account", str(request.path_params["account_id"]))
            if account is not None:
                set_capability(tx, account, change.status)
        if account is None:
            return JSONResponse({"error": "no such account"}, 404)
        self._wake()
        return JSONResponse(account)
