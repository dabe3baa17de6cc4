"""Fakes made from the ports: a world of providers without a database or a payment provider."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import (
    AcceptanceOutcome,
    AcceptanceSecured,
    BeginRound,
    CloseJob,
    DeclineOffer,
    JobClosed,
    JobOutcome,
    JobState,
    JobWithdrawal,
    JobWithdrawn,
    OfferedTo,
    OfferToProvider,
    OfferWave,
    OpenWave,
    ProviderOffered,
    Remind,
    RoundBegun,
    SecureAcceptance,
    Stage,
    StartJob,
    WithdrawJob,
)
from fulfil.models.messages.orders import (
    CloseOrder,
    JobOpened,
    LineKind,
    LineOpened,
    LinesOpened,
    LinesWithdrawal,
    OpenJob,
    OpenLines,
    OrderPlaced,
    PlacedLine,
    StartOrder,
    WithdrawLines,
)
from fulfil.models.messages.payments import (
    CapturePayment,
    ChargeSavedCard,
    ExpirePayment,
    JobSettlement,
    PaymentCapture,
    PaymentExpiry,
    PaymentReturn,
    PaymentState,
    ReturnedHow,
    ReturnLine,
    ReturnPayment,
    SavedCardCharge,
    SettleJob,
)
from fulfil.models.messages.promises import (
    CheckPromise,
    PromiseState,
    SetPromise,
)
from fulfil.models.messages.support import NoteParking, NoteResolution
from fulfil.workflows.ids import ORDERS, job_workflow_id, order_workflow_id
from fulfil.workflows.ports.jobs import JobActivities
from fulfil.workflows.ports.orders import OrderActivities
from fulfil.workflows.ports.payments import PaymentActivities

FAR = datetime(2100, 1, 1, tzinfo=UTC)


async def utc_now() -> datetime:
    """The clock of a real server."""
    return datetime.now(UTC)


@dataclass
class World:
    """What the fakes share, and the switches a test turns."""

    client: Client
    providers: list[str] = field(default_factory=lambda: [new_id("prv") for _ in range(10)])
    calls: list[str] = field(default_factory=list[str])
    failures: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    acceptance: list[AcceptanceOutcome] = field(default_factory=list[AcceptanceOutcome])
    card_refusals: list[SavedCardCharge] = field(default_factory=list[SavedCardCharge])
    charges: list[ChargeSavedCard] = field(default_factory=list[ChargeSavedCard])
    opened_jobs: list[OpenJob] = field(default_factory=list[OpenJob])
    capture_due_at: datetime | None = None
    capture_lost: bool = False
    frozen: bool = False
    lead_time: timedelta = timedelta(days=5)
    promise: PromiseState | None = None
    forecast_at: datetime | None = None
    left: bool = False
    called_off: bool = False
    checks: list[CheckPromise] = field(default_factory=list[CheckPromise])
    promises: list[SetPromise] = field(default_factory=list[SetPromise])
    rounds: list[BeginRound] = field(default_factory=list[BeginRound])
    revision: int = 2
    now: Callable[[], Awaitable[datetime]] = utc_now
    kinds: tuple[LineKind, ...] = (LineKind.MADE_TO_ORDER,)
    line_ids: list[str] = field(default_factory=list[str])
    line_hold_lost: bool = False
    withdrawals: list[WithdrawLines] = field(default_factory=list[WithdrawLines])
    placed_refusal: str | None = None
    paid_at_the_last_moment: bool = False
    started: bool = False
    opened: bool = False
    job_id: str = field(default_factory=lambda: new_id("job"))
    job_ids: dict[str, str] = field(default_factory=dict[str, str])
    deliverable_ids: dict[str, str] = field(default_factory=dict[str, str])
    opened_lines: list[OpenLines] = field(default_factory=list[OpenLines])
    returned_lines: list[ReturnLine] = field(default_factory=list[ReturnLine])
    asked: set[str] = field(default_factory=set[str])
    waves: list[OfferWave] = field(default_factory=list[OfferWave])
    closed_orders: list[CloseOrder] = field(default_factory=list[CloseOrder])
    reminders: list[Remind] = field(default_factory=list[Remind])
    settlements: list[SettleJob] = field(default_factory=list[SettleJob])
    parkings: list[NoteParking] = field(default_factory=list[NoteParking])
    resolutions: list[NoteResolution] = field(default_factory=list[NoteResolution])
    called: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tell(self) -> None:
        """Wake the test that waits for this."""
        async with self.called:
            self.called.notify_all()

    async def call(self, name: str) -> None:
        """Count the call, and fail it when the test asked for that."""
        self.calls.append(name)
        await self.tell()
        if self.failures[name]:
            raise self.failures[name].pop(0)

    def fail(self, step: str, *, times: int = 1, retryable: bool = False) -> None:
        """Let the next calls of a step fail."""
        self.failures[step].extend(
            ApplicationError(f"{step} is broken", type="broken", non_retryable=not retryable) for _ in range(times)
        )

    def wave(self, stage: Stage, number: int, size: int) -> OfferWave:
        """Offer to the next providers who have not been asked."""
        candidates = [provider for provider in self.providers if provider not in self.asked][:size]
        self.asked.update(candidates)
        offers = [OfferedTo(offer_id=new_id("off"), provider_id=provider) for provider in candidates]
        wave = OfferWave(stage=stage, number=number, offers=offers, ends_at=FAR)
        self.waves.append(wave)
        return wave


@dataclass
class FakePayments(PaymentActivities):
    """Everybody can pay."""

    world: World

    @activity.defn
    async def place_order(self, request: StartOrder) -> OrderPlaced:
        await self.world.call("place_order")
        if self.world.placed_refusal:
            return OrderPlaced(
                order_id=request.order_id, refusal_code=self.world.placed_refusal, refusal_detail="refused"
            )
        self.world.line_ids = self.world.line_ids or [new_id("lin") for _ in self.world.kinds]
        lines = zip(self.world.line_ids, self.world.kinds, strict=True)
        return OrderPlaced(
            order_id=request.order_id,
            line_id=self.world.line_ids[0] if len(self.world.kinds) == 1 else None,
            lines=tuple(PlacedLine(line_id=line_id, kind=kind) for line_id, kind in lines),
            payment_intent_id="pi_1",
            amount_minor=1299,
            currency="eur",
            payment_due_at=FAR,
        )

    @activity.defn
    async def charge_saved_card(self, request: ChargeSavedCard) -> SavedCardCharge:
        self.world.charges.append(request)
        await self.world.call("charge_saved_card")
        if self.world.card_refusals:
            return self.world.card_refusals.pop(0)
        return SavedCardCharge(state=PaymentState.AUTHORIZED, capture_before=FAR)

    @activity.defn
    async def capture_payment(self, request: CapturePayment) -> PaymentCapture:
        del request
        await self.world.call("capture_payment")
        return PaymentCapture(captured=not self.world.capture_lost)

    @activity.defn
    async def expire_payment(self, request: ExpirePayment) -> PaymentExpiry:
        del request
        await self.world.call("expire_payment")
        return PaymentExpiry(paid=self.world.paid_at_the_last_moment)

    @activity.defn
    async def secure_acceptance(self, request: SecureAcceptance) -> AcceptanceSecured:
        await self.world.call("secure_acceptance")
        outcome = self.world.acceptance.pop(0) if self.world.acceptance else AcceptanceOutcome.SECURED
        return AcceptanceSecured(
            job_id=request.job_id,
            offer_id=request.offer_id,
            provider_id=request.provider_id,
            outcome=outcome,
            code=None if outcome is AcceptanceOutcome.SECURED else "stock_gone",
            due_at=await self.world.now() + self.world.lead_time,
        )

    @activity.defn
    async def return_payment(self, request: ReturnPayment) -> PaymentReturn:
        del request
        await self.world.call("return_payment")
        return PaymentReturn(how=ReturnedHow.VOIDED, amount_minor=1299, currency="eur")

    @activity.defn
    async def return_line(self, request: ReturnLine) -> PaymentReturn:
        await self.world.call("return_line")
        self.world.returned_lines.append(request)
        if self.world.line_hold_lost:
            return PaymentReturn(how=ReturnedHow.NOTHING_TAKEN, amount_minor=0, currency="eur")
        return PaymentReturn(how=ReturnedHow.REFUND_PENDING, amount_minor=request.amount_minor or 1299, currency="eur")

    @activity.defn
    async def settle_job(self, request: SettleJob) -> JobSettlement:
        await self.world.call("settle_job")
        self.world.settlements.append(request)
        settlement = JobSettlement(
            job_id=request.job_id,
            released_minor=0 if self.world.frozen else 1299,
            commission_minor=0 if self.world.frozen else 195,
            payout_minor=0 if self.world.frozen else 1104,
            currency="eur",
            transfer_id=None if self.world.frozen else "tr_1",
            order_closed=not self.world.frozen,
            frozen=self.world.frozen,
        )
        if self.world.frozen:
            return settlement
        order = self.world.client.get_workflow_handle(order_workflow_id(request.order_id))
        await order.signal("job_closed", JobClosed(job_id=request.job_id, outcome=JobOutcome.SETTLED))
        return settlement


@dataclass
class FakeOrders(OrderActivities):
    """Opens jobs for real: the sibling workflow runs."""

    world: World

    @activity.defn
    async def open_job(self, request: OpenJob) -> JobOpened:
        await self.world.call("open_job")
        start = StartJob(
            job_id=self.world.job_id,
            order_id=request.order_id,
            line_id=request.line_id,
            policies=request.policies,
            wave=self.world.wave(Stage.WAVE, 1, 3),
            capture_due_at=self.world.capture_due_at,
            revision=self.world.revision,
        )
        self.world.opened_jobs.append(request)
        await self._start(start)
        self.world.opened = True
        await self.world.tell()
        return JobOpened(job_id=self.world.job_id, start=start)

    @activity.defn
    async def open_lines(self, request: OpenLines) -> LinesOpened:
        await self.world.call("open_lines")
        self.world.opened_lines.append(request)
        opened: list[LineOpened] = []
        for line in request.lines:
            if line.kind is LineKind.SERVICE:
                deliverable_id = self.world.deliverable_ids.setdefault(line.line_id, new_id("del"))
                opened.append(LineOpened(line_id=line.line_id, kind=line.kind, deliverable_id=deliverable_id))
                continue
            job_id = self.world.job_id if not self.world.job_ids else new_id("job")
            self.world.job_ids[line.line_id] = job_id
            start = StartJob(
                job_id=job_id,
                order_id=request.order_id,
                line_id=line.line_id,
                policies=request.policies,
                wave=self.world.wave(Stage.WAVE, 1, 3),
                capture_due_at=self.world.capture_due_at,
                revision=self.world.revision,
            )
            await self._start(start)
            opened.append(LineOpened(line_id=line.line_id, kind=line.kind, job_id=job_id))
        self.world.opened = True
        await self.world.tell()
        return LinesOpened(lines=tuple(opened))

    async def _start(self, start: StartJob) -> None:
        await self.world.client.start_workflow(
            "Job",
            start,
            id=job_workflow_id(start.job_id),
            task_queue=ORDERS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )

    @activity.defn
    async def withdraw_lines(self, request: WithdrawLines) -> LinesWithdrawal:
        self.world.withdrawals.append(request)
        await self.world.call("withdraw_lines")
        if self.world.started:
            return LinesWithdrawal(
                withdrawn=False, begun=next(iter(request.job_ids), None), state=JobState.IN_PRODUCTION
            )
        for job_id in request.job_ids:
            job = self.world.client.get_workflow_handle(job_workflow_id(job_id))
            await job.signal("withdrawn", JobWithdrawn(reason=request.reason))
        return LinesWithdrawal(withdrawn=True)

    @activity.defn
    async def close_order(self, request: CloseOrder) -> None:
        await self.world.call("close_order")
        self.world.closed_orders.append(request)


@dataclass
class FakeJobs(JobActivities):
    """Offers to three providers a wave."""

    world: World

    @activity.defn
    async def open_wave(self, request: OpenWave) -> OfferWave:
        await self.world.call(f"open_wave {request.stage} {request.number}")
        size = {Stage.WAVE: 3, Stage.OPEN_BOARD: 10, Stage.OPERATOR: 0}[request.stage]
        wave = self.world.wave(request.stage, request.number, size)
        await self.world.tell()
        return wave

    @activity.defn
    async def offer_to_provider(self, request: OfferToProvider) -> ProviderOffered:
        await self.world.call("offer_to_provider")
        if request.choice.provider_id not in self.world.providers:
            return ProviderOffered(code="provider_unknown", detail="no such provider")
        offer = OfferedTo(offer_id=new_id("off"), provider_id=request.choice.provider_id)
        return ProviderOffered(offer=offer, expires_at=FAR)

    @activity.defn
    async def decline_offer(self, request: DeclineOffer) -> None:
        del request
        await self.world.call("decline_offer")

    @activity.defn
    async def withdraw_job(self, request: WithdrawJob) -> JobWithdrawal:
        await self.world.call("withdraw_job")
        if self.world.started:
            return JobWithdrawal(job_id=request.job_id, withdrawn=False, state=JobState.IN_PRODUCTION)
        job = self.world.client.get_workflow_handle(job_workflow_id(request.job_id))
        await job.signal("withdrawn", JobWithdrawn(reason=request.reason))
        return JobWithdrawal(job_id=request.job_id, withdrawn=True, state=JobState.CANCELLED)

    @activity.defn
    async def begin_round(self, request: BeginRound) -> RoundBegun:
        await self.world.call("begin_round")
        self.world.rounds.append(request)
        if (request.only_if_not_started and self.world.started) or (request.only_if_not_shipped and self.world.left):
            return RoundBegun(job_id=request.job_id, round=request.round, wave=None)
        self.world.started = False
        wave = self.world.wave(Stage.WAVE, 1, 3)
        await self.world.tell()
        return RoundBegun(job_id=request.job_id, round=request.round, wave=wave)

    @activity.defn
    async def close_job(self, request: CloseJob) -> None:
        await self.world.call("close_job")
        outcome = JobOutcome.DECLINED_BY_ALL if request.state is JobState.DECLINED_BY_ALL else JobOutcome.PAYMENT_LOST
        order = self.world.client.get_workflow_handle(order_workflow_id(request.order_id))
        await order.signal("job_closed", JobClosed(job_id=request.job_id, outcome=outcome, reason=request.reason))

    @activity.defn
    async def remind(self, request: Remind) -> None:
        await self.world.call("remind")
        self.world.reminders.append(request)
