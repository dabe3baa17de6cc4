"""The life of an API call: credentials, parameters, idempotency key, effect and events, answer."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fulfil.simulators.stripe.calls import Call, Upload
from fulfil.simulators.stripe.connection import drop_connection
from fulfil.simulators.stripe.credentials import Keys
from fulfil.simulators.stripe.errors import (
    JsonObject,
    StripeApiError,
    check_version,
    internal_error,
    invalid_parameter,
    no_access_to_account,
    object_locked,
    rate_limited,
    unknown_parameter,
    unrecognized_url,
)
from fulfil.simulators.stripe.expansion import check_expand, expand
from fulfil.simulators.stripe.faults import LIMITS, REPLAY_STRIKES, STRIKES, Fault, FaultMode, FaultPlan, WebhookFaults
from fulfil.simulators.stripe.forms import Form, decode_form
from fulfil.simulators.stripe.idempotency import StoredAnswer, remember_answer, stored_answer
from fulfil.simulators.stripe.objects import API_VERSION, new_id
from fulfil.simulators.stripe.outbox import set_webhook_faults, webhook_faults
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.routes import find_route
from fulfil.simulators.stripe.routing import Route
from fulfil.simulators.stripe.store import Store
from fulfil.simulators.stripe.transaction import Cause, Transaction

MAX_KEY = 255
# What Stripe tells its libraries to try again, and what not to; of a 500 and a rate limit it says nothing.
RETRIED, FINAL = frozenset(["idempotency_key_in_use", "lock_timeout"]), frozenset([400, 401, 402, 403, 404])
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
    account: str = ""

    @property
    def line(self) -> str:
        """`POST /v1/transfers`."""
        return f"{self.method} {self.path}"

    @property
    def key(self) -> str | None:
        """What the answer is stored under: each API key and each account has its own idempotency keys."""
        if self.idempotency_key is None:
            return None
        key = f"publishable:{self.idempotency_key}" if self.call.publishable else self.idempotency_key
        return f"{self.account}:{key}" if self.account else key


@dataclass(frozen=True)
class Answer:
    """What goes back; `replayed` when an idempotency key remembered it, `retry` what the caller is advised to do."""

    status: int
    body: str
    replayed: bool = False
    retry: bool | None = None


class StripeApi:
    """Serves `/v1` and `/v2`; a call that has an idempotency key is executed once."""

    def __init__(
        self, store: Store, keys: Keys, faults: FaultPlan, wake: Callable[[], None], public_url: str = ""
    ) -> None:
        self.store = store
        self._keys = keys
        self._faults = faults
        self._wake = wake
        self._public_url = public_url.rstrip("/")
        self._in_use: set[str] = set()

    @property
    def webhook_faults(self) -> WebhookFaults:
        """How deliveries of new events misbehave."""
        return webhook_faults(self.store.connection)

    @webhook_faults.setter
    def webhook_faults(self, faults: WebhookFaults) -> None:
        set_webhook_faults(self.store.connection, faults)

    async def serve(self, request: Request) -> Response:
        """Answer one request, or close its connection when a fault says so."""
        request_id = new_id("req")
        fault: Fault | None = None
        try:
            prepared = await self._prepare(request, request_id)
            replay = prepared.key is not None and self._stored(prepared.key) is not None
            fault = self._faults.take(prepared.method, prepared.path, REPLAY_STRIKES if replay else STRIKES)
            answer = await self._answer(prepared, fault)
        except StripeApiError as error:
            answer = _answered(error, request_id)
        if fault is not None and fault.mode in DROPS:
            return await drop_connection(request)
        return _response(request, request_id, answer)

    def browse(self, path: str, values: Form, base_url: str) -> tuple[int, JsonObject]:
        """A `POST` that one of the simulator's own pages makes with the publishable key; the status and the body."""
        found = find_route("POST", path)
        if found is None:
            raise unrecognized_url("POST", path)
        route, ids = found
        call = Call(Parameters(values), ids.get("id", ""), self._public_url or base_url, publishable=True, ids=ids)
        answer = self._in_transaction(Prepared(route, call, "POST", path, None, "", new_id("req")), None)
        return answer.status, cast("JsonObject", json.loads(answer.body))

    async def _prepare(self, request: Request, request_id: str) -> Prepared:
        method, path = request.method, request.url.path
        found = find_route(method, path)
        header = request.headers.get("authorization")
        publishable = self._keys.is_publishable(header, public=found is not None and found[0].public)
        if found is None:
            raise unrecognized_url(method, path)
        check_version(request.headers.get("stripe-version", API_VERSION))
        await self._limit(method, path)
        route, ids = found
        values, uploads = await _values(request, json_body=path.startswith("/v2/"))
        for name in (*values, *uploads):
            if name in route.unsimulated:
                raise invalid_parameter(name, f"{name} is a parameter of Stripe's that the simulator does not offer.")
            if name not in route.parameters:
                raise unknown_parameter(name)
        check_expand(route.answers, Parameters(values).texts("expand") or [], listed=route.listed)
        base_url = self._public_url or f"{request.url.scheme}://{request.url.netloc}"
        call = Call(Parameters(values), ids.get("id", ""), base_url, publishable, ids, uploads)
        contents = {name: hashlib.sha256(upload.content).hexdigest() for name, upload in uploads.items()}
        fingerprint = hashlib.sha256(json.dumps([values, contents], sort_keys=True).encode()).hexdigest()
        keyed = method == "POST" or (method == "DELETE" and path.startswith("/v2/"))
        key = _idempotency_key(request) if keyed else None
        return Prepared(route, call, method, path, key, fingerprint, request_id, self._account(request))

    async def _limit(self, method: str, path: str) -> None:
        """Turn a request away for coming too soon, before it is read."""
        limit = self._faults.take(method, path, LIMITS)
        if limit is not None:
            await asyncio.sleep(limit.delay_s)
            raise rate_limited()

    def _account(self, request: Request) -> str:
        """The connected account a request is made for, empty for the platform."""
        account = request.headers.get("stripe-account") or request.headers.get("stripe-context") or ""
        if account:
            with self.store.transaction() as tx:
                if tx.connected_account(account) is None:
                    raise no_access_to_account(account)
        return account

    def _stored(self, key: str) -> StoredAnswer | None:
        return stored_answer(self.store.connection, key, self.store.now)

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
            if fault is not None and fault.mode is FaultMode.LOCK_TIMEOUT:
                raise object_locked()
            return self._in_transaction(prepared, fault.mode if fault else None)
        finally:
            if prepared.key is not None:
                self._in_use.discard(prepared.key)

    def _in_transaction(self, prepared: Prepared, mode: FaultMode | None) -> Answer:
        stored = self._stored(prepared.key) if prepared.key is not None else None
        if stored is not None:
            _check_same(prepared, stored)
            return Answer(stored.status, stored.body, replayed=True)
        with self.store.transaction(prepared.account) as tx:
            tx.cause = Cause(prepared.request_id, prepared.idempotency_key)
            answer, remembered = _execute(tx, prepared, mode)
            if prepared.key is not None and remembered is not None:
                remember_answer(tx.connection, prepared.key, remembered, tx.now)
        if tx.scheduled:
            self._wake()
        return answer


def _execute(tx: Transaction, prepared: Prepared, mode: FaultMode | None) -> tuple[Answer, StoredAnswer | None]:
    """The answer and what its key remembers: for v2 successes only, else all that was executed.

    A refusal undoes its effects unless they are kept.
    """
    lenient = prepared.path.startswith("/v2/")
    failure = _answered(internal_error(), prepared.request_id)
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
        answer, stored = _answered(error, prepared.request_id), error.stored and not lenient
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


async def _values(request: Request, *, json_body: bool) -> tuple[Form, dict[str, Upload]]:
    """The parameters and the files of a request."""
    if request.method in ("GET", "DELETE"):
        return decode_form(request.url.query), {}
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _multipart(request)
    body = await request.body()
    try:
        text = body.decode()
        if not json_body:
            return decode_form(text), {}
        values: object = json.loads(text or "{}")
    except ValueError as error:
        raise StripeApiError(400, "Invalid request: the body could not be read") from error
    if not isinstance(values, dict):
        raise StripeApiError(400, "Invalid request: the body must be an object")
    return cast("Form", values), {}


async def _multipart(request: Request) -> tuple[Form, dict[str, Upload]]:
    uploads: dict[str, Upload] = {}
    fields: list[tuple[str, str]] = []
    try:
        async with request.form(max_files=1, max_fields=100) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    kind = value.content_type or "application/octet-stream"
                    uploads[name] = Upload(value.filename or "file", kind, await value.read())
                else:
                    fields.append((name, value))
    except HTTPException as error:
        raise StripeApiError(400, "Invalid request: the body could not be read") from error
    return decode_form(urlencode(fields)), uploads


def _answered(error: StripeApiError, request_id: str) -> Answer:
    again = True if error.error.get("code") in RETRIED else False if error.status in FINAL else None
    return Answer(error.status, json.dumps(error.logged(request_id)), retry=again)


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
    if answer.retry is not None:
        headers["Stripe-Should-Retry"] = "true" if answer.retry else "false"
    return Response(answer.body, answer.status, headers, "application/json")
