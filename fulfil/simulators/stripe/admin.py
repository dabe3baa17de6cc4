"""Switches of the simulator's money and clock under `/_simulator`, never on Stripe's own paths."""

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fulfil.simulators.stripe import disputes, early_warnings, payouts, refunds, topups
from fulfil.simulators.stripe.api import StripeApi
from fulfil.simulators.stripe.banks import FAILURES, ROUTING, set_bank
from fulfil.simulators.stripe.bodies import read_body
from fulfil.simulators.stripe.clock import Clock
from fulfil.simulators.stripe.errors import StripeApiError, missing_resource
from fulfil.simulators.stripe.money_objects import Charge, Payout
from fulfil.simulators.stripe.objects import API_VERSION
from fulfil.simulators.stripe.outbox import waiting_deliveries
from fulfil.simulators.stripe.parameters import MAX_AMOUNT
from fulfil.simulators.stripe.transaction import Transaction

TOKEN_HEADER = "x-simulator-token"  # noqa: S105 (a header's name)
TEN_YEARS_S = 3650 * 86_400


class Body(BaseModel):
    """The body of an admin call; `account` is a connected account, left out for the platform."""

    model_config = ConfigDict(extra="forbid")

    account: str = ""


class Advance(BaseModel):
    """How far the clock is moved on."""

    model_config = ConfigDict(extra="forbid")

    advance_s: float = Field(ge=0, le=TEN_YEARS_S)


class RefundDecision(Body):
    """What is decided on a refund."""

    status: Literal["succeeded", "failed", "canceled", "requires_action"]
    failure_reason: str = Field(default="lost_or_stolen_card", pattern=f"^({'|'.join(refunds.FAILURES)})$")


class NewDispute(Body):
    """A cardholder disputes; without an amount, all that was not refunded."""

    charge: str
    reason: str = Field(default="fraudulent", pattern=f"^({'|'.join(disputes.REASONS)})$")
    amount: int | None = Field(default=None, ge=1, le=MAX_AMOUNT)
    inquiry: bool = False


class DisputeDecision(Body):
    """What the bank decides; `escalate` makes a chargeback of an inquiry, `appeal_needs_response` reopens a loss."""

    status: Literal["won", "lost", "warning_closed", "escalate", "appeal_needs_response"]


class NewWarning(Body):
    """A card's issuer warns."""

    charge: str
    fraud_type: str = Field(default="unauthorized_use_of_card", pattern=f"^({'|'.join(early_warnings.FRAUD_TYPES)})$")


class PayoutDecision(Body):
    """What the bank does with a payout; a paid one may still fail."""

    status: Literal["in_transit", "paid", "failed"]
    failure_code: str = Field(default="no_account", pattern="^[a-z_]+$")
    failure_message: str = "The bank account could not be located."


class Funds(Body):
    """Money put into the available balance at once."""

    amount: int = Field(ge=1, le=MAX_AMOUNT)
    currency: str = Field(pattern="^[a-z]{3}$")


class BankAccount(Body):
    """Where payouts in a currency go from now on."""

    currency: str = Field(pattern="^[a-z]{3}$")
    account_number: str = Field(pattern="^[0-9A-Z]{4,34}$")
    routing_number: str = Field(default=ROUTING, pattern="^[0-9A-Z]{4,12}$")


class SettingsChange(BaseModel):
    """Other choices; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    availability_s: int | None = Field(default=None, ge=0, le=TEN_YEARS_S)
    hold_s: int | None = Field(default=None, ge=1, le=TEN_YEARS_S)
    refund_settles_s: int | None = Field(default=None, ge=0, le=TEN_YEARS_S)
    refund_fails_s: int | None = Field(default=None, ge=0, le=TEN_YEARS_S)
    dispute_opens_s: int | None = Field(default=None, ge=0, le=TEN_YEARS_S)
    dispute_due_s: int | None = Field(default=None, ge=1, le=TEN_YEARS_S)
    dispute_decided_s: int | None = Field(default=None, ge=0, le=TEN_YEARS_S)
    dispute_fee_minor: int | None = Field(default=None, ge=0, le=100_000)
    dispute_fee_returned: bool | None = None
    appeals_s: int | None = Field(default=None, ge=1, le=TEN_YEARS_S)
    payout_sent_s: int | None = Field(default=None, ge=0, le=TEN_YEARS_S)
    payout_arrives_s: int | None = Field(default=None, ge=0, le=TEN_YEARS_S)
    topup_arrives_s: int | None = Field(default=None, ge=0, le=TEN_YEARS_S)
    automatic_payouts: bool | None = None
    moved_signatures: bool | None = None


B = TypeVar("B", bound=Body)


class Admin:
    """Handlers of the admin paths."""

    def __init__(self, api: StripeApi, clock: Clock, wake: Callable[[], None]) -> None:
        self._store = api.store
        self._clock = clock
        self._wake = wake

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/health", self.health),
            Route("/dump", self.dump),
            Route("/balances", self.balances),
            Route("/clock", self.clock, methods=["GET", "POST"]),
            Route("/settings", self.settings, methods=["GET", "POST"]),
            Route("/refunds/{id}", self.settle, methods=["POST"]),
            Route("/disputes", self.dispute, methods=["POST"]),
            Route("/disputes/{id}", self.decide, methods=["POST"]),
            Route("/early_fraud_warnings", self.warn, methods=["POST"]),
            Route("/payouts/{id}", self.pay_out, methods=["POST"]),
            Route("/topups", self.top_up, methods=["POST"]),
            Route("/bank_accounts", self.bank, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        """Alive, with the number of webhooks not yet accepted."""
        del request
        waiting = waiting_deliveries(self._store.connection)
        return JSONResponse({"status": "ok", "api_version": API_VERSION, "webhooks_waiting": waiting})

    async def dump(self, request: Request) -> Response:
        """Every object, delivery and stored answer, or the objects of `?kinds=charges,refunds` only."""
        kinds = request.query_params.get("kinds", "")
        return JSONResponse(self._store.dump(frozenset(kinds.split(",")) if kinds else frozenset()))

    async def balances(self, request: Request) -> Response:
        """Each account's balance beside the sum of its balance transactions."""
        del request
        return JSONResponse({"balances": self._store.proved_balances()})

    async def clock(self, request: Request) -> Response:
        """Read the clock (Unix seconds), or move it on and do what becomes due."""
        if request.method == "POST":
            wanted = await read_body(request, TypeAdapter(Advance))
            if isinstance(wanted, Response):
                return wanted
            self._clock.advance(wanted.advance_s)
        return JSONResponse({"now": self._store.now, "ahead_s": self._store.ahead_s})

    async def settings(self, request: Request) -> Response:
        """Read or change how long things take."""
        if request.method == "POST":
            wanted = await read_body(request, TypeAdapter(SettingsChange))
            if isinstance(wanted, Response):
                return wanted
            before = self._store.settings
            changed = self._store.change_settings(wanted.model_dump(exclude_none=True))
            if changed.automatic_payouts and not before.automatic_payouts:
                with self._store.transaction() as tx:
                    tx.forget(payouts.PAY_OUT, "platform")
                    tx.at(tx.now, payouts.PAY_OUT, "platform")
        return JSONResponse(asdict(self._store.settings))

    async def settle(self, request: Request) -> Response:
        """Let a pending refund succeed, or any refund fail."""

        def effect(tx: Transaction, decision: RefundDecision) -> object:
            refund = tx.refund(_id(request))
            if refund is None:
                raise missing_resource("refund", _id(request), param="id")
            return refunds.settle_refund(tx, refund, decision.status, decision.failure_reason)

        return await self._change(request, RefundDecision, effect)

    async def dispute(self, request: Request) -> Response:
        """Dispute a charge."""

        def effect(tx: Transaction, new: NewDispute) -> object:
            return disputes.open_dispute(tx, _charge(tx, new.charge), new.reason, new.amount, inquiry=new.inquiry)

        return await self._change(request, NewDispute, effect)

    async def decide(self, request: Request) -> Response:
        """End a dispute, or take it a stage further."""

        def effect(tx: Transaction, decision: DisputeDecision) -> object:
            dispute = disputes.find_dispute(tx, _id(request))
            if dispute is None:
                raise missing_resource("dispute", _id(request), param="id")
            return disputes.decide(tx, dispute, decision.status)

        return await self._change(request, DisputeDecision, effect)

    async def warn(self, request: Request) -> Response:
        """Warn of fraud."""

        def effect(tx: Transaction, new: NewWarning) -> object:
            return early_warnings.warn(tx, _charge(tx, new.charge), new.fraud_type)

        return await self._change(request, NewWarning, effect)

    async def pay_out(self, request: Request) -> Response:
        """Let a payout go on, arrive or fail."""

        def effect(tx: Transaction, decision: PayoutDecision) -> object:
            payout = cast("Payout | None", tx.find("payout", _id(request)))
            if payout is None:
                raise missing_resource("payout", _id(request), param="id")
            if decision.status == "paid":
                payouts.pay_payout(tx, payout)
            elif decision.status == "failed":
                known = FAILURES.values()
                message = next((text for code, text in known if code == decision.failure_code), None)
                payouts.fail_payout(tx, payout, decision.failure_code, message or decision.failure_message)
            else:
                payouts.send(tx, payout["id"])
            return tx.find("payout", payout["id"])

        return await self._change(request, PayoutDecision, effect)

    async def top_up(self, request: Request) -> Response:
        """Put money into a balance."""

        def effect(tx: Transaction, funds: Funds) -> object:
            return topups.add_funds(tx, funds.amount, funds.currency)

        return await self._change(request, Funds, effect)

    async def bank(self, request: Request) -> Response:
        """Name the bank account that payouts go to."""

        def effect(tx: Transaction, wanted: BankAccount) -> object:
            bank = set_bank(tx, wanted.currency, wanted.account_number, wanted.routing_number)
            return {"id": bank.id, "currency": wanted.currency, "last4": bank.number[-4:]}

        return await self._change(request, BankAccount, effect)

    async def _change(self, request: Request, form: type[B], effect: Callable[[Transaction, B], object]) -> Response:
        """Read the body, have the effect in one transaction, answer the object; 409 when its state does not allow."""
        body = await read_body(request, TypeAdapter(form))
        if isinstance(body, Response):
            return body
        try:
            with self._store.transaction(body.account) as tx:
                if body.account and tx.connected_account(body.account) is None:
                    raise missing_resource("account", body.account, param="account")
                changed = effect(tx, body)
        except StripeApiError as error:
            return JSONResponse(error.body, 404 if error.error.get("code") == "resource_missing" else 409)
        self._wake()
        return JSONResponse(changed)


def guarded(routes: Sequence[Route], token: str, opened: Iterable[str] = ("/health",)) -> list[Route]:
    """The routes behind `X-Simulator-Token` (or a bearer token), but for the open ones; as they are without a token."""
    if not token:
        return list(routes)
    free = frozenset(opened)
    return [route if route.path in free else _guarded(route, token) for route in routes]


def _guarded(route: Route, token: str) -> Route:
    async def check(request: Request) -> Response:
        given = request.headers.get(TOKEN_HEADER) or request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            return JSONResponse({"error": f"the {TOKEN_HEADER} header is missing or wrong"}, 401)
        answer: Response = await route.endpoint(request)
        return answer

    return Route(route.path, check, methods=list(route.methods or ()))


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _charge(tx: Transaction, identity: str) -> Charge:
    charge = tx.charge(identity)
    if charge is None:
        raise missing_resource("charge", identity, param="charge")
    return charge
