"""The life of an API call: credentials, parameters, idempotency key, effect and events, answer."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.connection import drop_connection
from fulfil.simulators.stripe.credentials import Keys
from fulfil.simulators.stripe.errors import (
    JsonObject,
    StripeApiError,
    internal_error,
    rate_limited,
    unknown_parameter,
    unrecognized_url,
)
from fulfil.simulators.stripe.expansion import check_expand, expand
from fulfil.simulators.stripe.faults import Fault, FaultMode, FaultPlan, WebhookFaults
from fulfil.simulators.stripe.forms import Form, decode_form
from fulfil.simulators.stripe.objects import API_VERSION, new_id
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.routes import Route, find_route
from fulfil.simulators.stripe.store import Store
from fulfil.simulators.stripe.transaction import Cause, StoredAnswer, Transaction

MAX_KEY = 255
DROPS = frozenset([FaultMode.DROP_BEFORE, FaultMode.DROP_AFTER])


@dataclass(frozen=True)
class Prepared:
    """A request whose credentials, path and parameter names are right."""

    route: Route
    call: Call
    method: str
    path: str
    idempotency_key: str | None
    fingerprint: str
    request_id: str

    @property
    def line(self) -> str:
        """`POST /v1/transfers`."""
        return f"{self.method} {self.path}"

    @property
    def key(self) -> str | None:
        """What the answer is stored under: each API key has its own idempotency keys."""
        if self.idempotency_key is None:
            return None
        return f"publishable:{self.idempotency_key}" if self.call.publishable else self.idempotency_key


@dataclass(frozen=True)
class Answer:
    """What goes back; `replayed` when an idempotency key remembered it."""

    status: int
    body: str
    replayed: bool = False


class StripeApi:
    """Serves `/v1` and `/v2`; a call that has an idempotency key is executed once."""

    def __init__(
        self, store: Store, keys: Keys, faults: FaultPlan, wake: Callable[[], None], public_url: str = ""
    ) -> None:
        self.store = store
        self.webhook_faults = WebhookFaults()
        self._keys = keys
        self._faults = faults
        self._wake = wake
        self._public_url = public_url.rstrip("/")
        self._in_use: set[str] = set()

    async def serve(self, request: Request) -> Response:
        """Answer one request, or close its connection when a fault says so."""
        request_id = new_id("req")
        fault: Fault | None = None
        try:
            prepared = await self._prepare(request, request_id)
            replay = prepared.key is not None and self.store.answer(prepared.key) is not None
            fault = self._faults.take(prepared.method, prepared.path, replay=replay)
            answer = await self._answer(prepared, fault)
        except StripeApiError as error:
            answer = _answered(error)
        if fault is not None and fault.mode in DROPS:
            return await drop_connection(request)
        return _response(request, request_id, answer)

    async def _prepare(self, request: Request, request_id: str) -> Prepared:
        method, path = request.method, request.url.path
        found = find_route(method, path)
        header = request.headers.get("authorization")
        publishable = self._keys.is_publishable(header, public=found is not None and found[0].public)
        if found is None:
            raise unrecognized_url(method, path)
        route, identity = found
        values = await _values(request, json_body=path.startswith("/v2/"))
        for name in values:
            if name not in route.parameters:
                raise unknown_parameter(name)
        check_expand(route.answers, Parameters(values).texts("expand") or [], listed=route.listed)
        base_url = self._public_url or f"{request.url.scheme}://{request.url.netloc}"
        call = Call(Parameters(values), identity, base_url, publishable=publishable)
        fingerprint = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        key = _idempotency_key(request) if method == "POST" else None
        return Prepared(route, call, method, path, key, fingerprint, request_id)

    async def _answer(self, prepared: Prepared, fault: Fault | None) -> Answer:
        """Hold the key while working, so that a second request with it is told to wait."""
        if prepared.key in self._in_use:
            raise StripeApiError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                "submitted twice, and the other request is still going through): "
                f"{prepared.idempotency_key}. Please try again later.",
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        if prepared.key is not None:
            self._in_use.add(prepared.key)
        try:
            if fault is not None and fault.delay_s:
                await asyncio.sleep(fault.delay_s)
            if fault is not None and fault.mode is FaultMode.DROP_BEFORE:
                return Answer(500, "")
            if fault is not None and fault.mode is FaultMode.RATE_LIMIT:
                raise rate_limited()
            return self._in_transaction(prepared, fault.mode if fault else None)
        finally:
            if prepared.key is not None:
                self._in_use.discard(prepared.key)

    def _in_transaction(self, prepared: Prepared, mode: FaultMode | None) -> Answer:
        stored = self.store.answer(prepared.key) if prepared.key is not None else None
        if stored is not None:
            _check_same(prepared, stored)
            return Answer(stored.status, stored.body, replayed=True)
        times = self.webhook_faults.times if self.store.endpoint() is not None else None
        with self.store.transaction() as tx:
            tx.cause = Cause(prepared.request_id, prepared.idempotency_key, times)
            answer, remembered = _execute(tx, prepared, mode)
            if prepared.key is not None and remembered is not None:
                tx.store_answer(prepared.key, remembered)
        if tx.scheduled:
            self._wake()
        return answer


def _execute(tx: Transaction, prepared: Prepared, mode: FaultMode | None) -> tuple[Answer, StoredAnswer | None]:
    """The answer and what its key remembers: for v2 successes only, else all that was executed.

    A refusal undoes its effects unless they are kept.
    """
    lenient = prepared.path.startswith("/v2/")
    failure = _answered(internal_error())
    if mode is FaultMode.ERROR_500_BEFORE:
        return failure, None if lenient else _kept(prepared, failure)
    tx.connection.execute("SAVEPOINT effect")
    try:
        entity = prepared.route.operation(tx, prepared.call)
        answer, stored = Answer(200, json.dumps(_expanded(tx, prepared, entity))), True
    except StripeApiError as error:
        if not error.keeps_effects:
            tx.connection.execute("ROLLBACK TO effect")
            tx.scheduled = 0
        answer, stored = _answered(error), error.stored and not lenient
    if mode is FaultMode.ERROR_500_AFTER:
        return failure, _kept(prepared, answer if lenient else failure)
    return answer, _kept(prepared, answer) if stored else None


def _kept(prepared: Prepared, answer: Answer) -> StoredAnswer:
    return StoredAnswer(prepared.line, prepared.fingerprint, answer.status, answer.body, prepared.request_id)


def _expanded(tx: Transaction, prepared: Prepared, entity: object) -> JsonObject:
    found = cast("JsonObject", entity)
    wanted = prepared.call.parameters.texts("expand") or []
    paths = check_expand(prepared.route.answers, wanted, listed=prepared.route.listed)
    if not prepared.route.listed:
        return expand(tx, found, paths)
    items = cast("list[JsonObject]", found["data"])
    return {**found, "data": [expand(tx, item, paths) for item in items]}


def _check_same(prepared: Prepared, stored: StoredAnswer) -> None:
    """One key, one request: refuse another path or other parameters."""
    if stored.line != prepared.line:
        used, now = stored.line.split(" ")[1], prepared.path
        message = (
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{now}' vs '{used}'). Try using a key other than '{prepared.idempotency_key}' if you meant to "
            "execute a different request."
        )
    elif stored.fingerprint != prepared.fingerprint:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{prepared.idempotency_key}' if you meant to execute a different request."
        )
    else:
        return
    raise StripeApiError(400, message, kind="idempotency_error")


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise StripeApiError(400, f"Idempotency keys must have 1 to {MAX_KEY} characters.", kind="idempotency_error")
    return key


async def _values(request: Request, *, json_body: bool) -> Form:
    if request.method == "GET":
        return decode_form(request.url.query)
    body = await request.body()
    try:
        text = body.decode()
        if not json_body:
            return decode_form(text)
        values: object = json.loads(text or "{}")
    except ValueError as error:
        raise StripeApiError(400, "Invalid request: the body could not be read") from error
    if not isinstance(values, dict):
        raise StripeApiError(400, "Invalid request: the body must be an object")
    return cast("Form", values)


def _answered(error: StripeApiError) -> Answer:
    return Answer(error.status, json.dumps(error.body))


def _response(request: Request, request_id: str, answer: Answer) -> Response:
    headers = {
        "Request-Id": request_id,
        "Stripe-Version": request.headers.get("stripe-version", API_VERSION),
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Request-Id, Stripe-Version",
        "Cache-Control": "no-cache, no-store",
    }
    key = request.headers.get("idempotency-key")
    if key is not None:
        headers["Idempotency-Key"] = key
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(answer.body, answer.status, headers, "application/json")
