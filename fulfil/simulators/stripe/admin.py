"""Switches of the simulator under `/_simulator`, never on Stripe's own paths."""

import json
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fulfil.simulators.stripe.api import StripeApi
from fulfil.simulators.stripe.errors import StripeApiError
from fulfil.simulators.stripe.faults import Fault, FaultPlan, WebhookFaults
from fulfil.simulators.stripe.objects import API_VERSION
from fulfil.simulators.stripe.refunds import settle_refund
from fulfil.simulators.stripe.transaction import Cause, WebhookEndpoint

T = TypeVar("T")


class EndpointChange(BaseModel):
    """The new endpoint; `url` null forgets it, `secret` left out keeps the present one."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(pattern=r"^https?://\S+$", max_length=2048)
    secret: str | None = Field(default=None, min_length=1)


class RefundDecision(BaseModel):
    """What the card network decides on a refund."""

    model_config = ConfigDict(extra="forbid")

    status: str = Field(pattern="^(succeeded|failed)$")


class Admin:
    """Handlers of the admin paths."""

    def __init__(self, api: StripeApi, faults: FaultPlan, webhook_secret: str, wake: Callable[[], None]) -> None:
        self._api = api
        self._store = api.store
        self._faults = faults
        self._secret = webhook_secret
        self._wake = wake

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/health", self.health),
            Route("/dump", self.dump),
            Route("/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/webhook", self.webhook, methods=["GET", "POST", "DELETE"]),
            Route("/webhooks/faults", self.webhook_faults, methods=["GET", "POST", "DELETE"]),
            Route("/events/{event_id}/deliver", self.deliver, methods=["POST"]),
            Route("/refunds/{refund_id}", self.settle, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        """Alive, with the number of webhooks not yet accepted."""
        del request
        waiting = self._store.waiting_deliveries()
        return JSONResponse({"status": "ok", "api_version": API_VERSION, "webhooks_waiting": waiting})

    async def dump(self, request: Request) -> Response:
        """Every object, delivery and stored answer."""
        del request
        return JSONResponse(self._store.dump())

    async def faults(self, request: Request) -> Response:
        """Read, replace or clear the plan of failing requests."""
        if request.method == "POST":
            plan = await _read(request, TypeAdapter(list[Fault]))
            if isinstance(plan, Response):
                return plan
            self._faults.faults = plan
        elif request.method == "DELETE":
            self._faults.faults = []
        return JSONResponse([fault.model_dump(mode="json") for fault in self._faults.faults])

    async def webhook(self, request: Request) -> Response:
        """Read, set or forget the endpoint; its secret is never shown."""
        if request.method == "POST":
            change = await _read(request, TypeAdapter(EndpointChange))
            if isinstance(change, Response):
                return change
            present = self._store.endpoint()
            secret = change.secret or (present.secret if present else self._secret)
            self._store.set_endpoint(WebhookEndpoint(change.url, secret) if change.url else None)
            self._wake()
        elif request.method == "DELETE":
            self._store.set_endpoint(None)
        endpoint = self._store.endpoint()
        return JSONResponse({"url": endpoint.url if endpoint else None})

    async def webhook_faults(self, request: Request) -> Response:
        """Read, replace or clear how deliveries of new events misbehave."""
        if request.method == "POST":
            faults = await _read(request, TypeAdapter(WebhookFaults))
            if isinstance(faults, Response):
                return faults
            self._api.webhook_faults = faults
        elif request.method == "DELETE":
            self._api.webhook_faults = WebhookFaults()
        return JSONResponse(self._api.webhook_faults.model_dump())

    async def deliver(self, request: Request) -> Response:
        """Send an event again."""
        event_id = str(request.path_params["event_id"])
        if self._store.endpoint() is None:
            return JSONResponse({"error": "no webhook endpoint is set"}, 409)
        with self._store.transaction() as tx:
            known = tx.event(event_id) is not None
            if known:
                tx.schedule(event_id, tx.now)
        if not known:
            return JSONResponse({"error": f"no event {event_id}"}, 404)
        self._wake()
        return JSONResponse({"scheduled": event_id}, 202)

    async def settle(self, request: Request) -> Response:
        """Let a pending refund succeed, or any refund fail."""
        decision = await _read(request, TypeAdapter(RefundDecision))
        if isinstance(decision, Response):
            return decision
        times = self._api.webhook_faults.times if self._store.endpoint() is not None else None
        try:
            with self._store.transaction() as tx:
                tx.cause = Cause(delivery_times=times)
                refund = tx.refund(str(request.path_params["refund_id"]))
                if refund is None:
                    return JSONResponse({"error": "no such refund"}, 404)
                settled = settle_refund(tx, refund, succeeded=decision.status == "succeeded")
        except StripeApiError as error:
            return JSONResponse(error.body, 409)
        self._wake()
        return JSONResponse(settled)


async def _read(request: Request, form: TypeAdapter[T]) -> T | Response:
    """The body in its form, or the 422 that says what is wrong."""
    try:
        return form.validate_json(await request.body())
    except ValidationError as error:
        return JSONResponse({"error": json.loads(error.json(include_url=False, include_context=False))}, 422)
