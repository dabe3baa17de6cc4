"""Stand-ins for the workflows, where a test is about the API alone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import Client

from fulfil.api.processes import ProcessEndedError, Processes
from fulfil.api.quote_work import Look, QuoteWork, WorkState
from fulfil.kit.clock import utc_now
from fulfil.models.ids import derived_id
from fulfil.models.messages.chargebacks import (
    AcceptLoss,
    AddEvidence,
    ChargebackState,
    ChargebackStatus,
    SubmitEvidence,
)
from fulfil.models.messages.jobs import (
    AcceptanceOutcome,
    AcceptanceSecured,
    AcceptOffer,
    ApproveJob,
    DeclineOffer,
    JobApproved,
    OfferDeclined,
    OfferedTo,
    OfferTo,
    ProviderOffered,
    RedispatchJob,
)
from fulfil.models.messages.orders import (
    CancellationAnswer,
    CancelLine,
    CancelOrder,
    LineCancelled,
    OrderOutcome,
    OrderPlaced,
    OrderState,
    StartOrder,
)
from fulfil.models.messages.promises import ChoiceTaken, ChooseForJob
from fulfil.models.messages.quotes import (
    AnalyseFile,
    ConfirmEstimate,
    EstimateConfirmed,
    FileAnalysed,
    PreparedQuote,
    PrepareQuote,
    QuoteStatus,
    ReplayedQuotes,
    ReplayQuotes,
    RepricedItem,
    RepricedQuote,
    RepriceQuote,
)
from fulfil.models.messages.refunds import (
    DecideRefund,
    RefundOpened,
    RefundOutcome,
    RefundPlan,
    RefundProgress,
    RefundState,
    RerouteRefund,
    StartRefund,
)
from fulfil.models.messages.support import ResolveStep, StepResolved
from fulfil.models.money import Money


@dataclass
class Said:
    """One thing the API said to a workflow."""

    what: str
    to: str
    message: Any
    update_id: str


Effect = Callable[[Any], Awaitable[None]]


@dataclass
class FakeProcesses(Processes):
    """Remembers what was said; `effects` do what the workflow's activities would, `troubles` raise instead."""

    client: Client
    said: list[Said] = field(default_factory=list[Said])
    effects: dict[str, Effect] = field(default_factory=dict[str, Effect])
    troubles: dict[str, Exception] = field(default_factory=dict[str, Exception])
    placed: OrderPlaced | None = None
    refund_refusal: str | None = None
    choice_refusal: str | None = None

    def __post_init__(self) -> None:
        super().__init__(self.client)

    async def _say(self, what: str, to: str, message: Any, update_id: str) -> None:
        self.said.append(Said(what, to, message, update_id))
        if what in self.troubles:
            raise self.troubles[what]
        if what in self.effects:
            await self.effects[what](message)

    async def place_order(self, start: StartOrder, *, total: Money, due_at: datetime, update_id: str) -> OrderPlaced:
        del total, due_at
        await self._say("place", start.order_id, start, update_id)
        return self.placed or OrderPlaced(order_id=start.order_id)

    async def order_outcome(self, order_id: str) -> OrderOutcome | None:
        return OrderOutcome(order_id=order_id, state=None, reason="This quote has expired.")

    async def cancel_line(self, order_id: str, request: CancelLine, *, update_id: str) -> LineCancelled:
        await self._say("cancel line", order_id, request, update_id)
        return LineCancelled(order_id=order_id, line_id=request.line_id, order_state=OrderState.IN_FULFILMENT)

    async def cancel_order(self, order_id: str, request: CancelOrder, *, update_id: str) -> CancellationAnswer:
        await self._say("cancel", order_id, request, update_id)
        return CancellationAnswer(order_id=order_id, state=OrderState.CANCELLING)

    async def accept_offer(self, job_id: str, acceptance: AcceptOffer, *, update_id: str) -> AcceptanceSecured:
        await self._say("accept", job_id, acceptance, update_id)
        return AcceptanceSecured(
            job_id=job_id,
            offer_id=acceptance.offer_id,
            provider_id=acceptance.provider_id,
            outcome=AcceptanceOutcome.SECURED,
            start_due_at=utc_now(),
        )

    async def offer_to_provider(self, job_id: str, choice: OfferTo, *, update_id: str) -> ProviderOffered:
        await self._say("offer_to", job_id, choice, update_id)
        if self.choice_refusal is not None:
            return ProviderOffered(code=self.choice_refusal, detail="She can't be asked.")
        offer = OfferedTo(offer_id=derived_id("off", job_id, choice.provider_id), provider_id=choice.provider_id)
        return ProviderOffered(offer=offer, expires_at=utc_now() + timedelta(hours=72))

    async def decline_offer(self, job_id: str, answer: DeclineOffer, *, update_id: str) -> OfferDeclined:
        await self._say("decline", job_id, answer, update_id)
        return OfferDeclined(offer_id=answer.offer_id)

    async def approve_job(self, job_id: str, approval: ApproveJob, *, update_id: str) -> JobApproved:
        await self._say("approve", job_id, approval, update_id)
        return JobApproved(job_id=job_id, approved_at=utc_now())

    async def choose_for_job(self, job_id: str, chosen: ChooseForJob, *, update_id: str) -> ChoiceTaken:
        await self._say("choose", job_id, chosen, update_id)
        return ChoiceTaken(job_id=job_id, choice=chosen.choice)

    async def redispatch_job(self, job_id: str, request: RedispatchJob, *, update_id: str) -> None:
        await self._say("redispatch", job_id, request, update_id)

    async def submit_evidence(self, request: SubmitEvidence, *, update_id: str) -> ChargebackStatus:
        await self._say("submit_evidence", request.chargeback_id, request, update_id)
        return chargeback_status(request.chargeback_id)

    async def add_evidence(self, request: AddEvidence, *, update_id: str) -> ChargebackStatus:
        await self._say("add_evidence", request.chargeback_id, request, update_id)
        return chargeback_status(request.chargeback_id)

    async def accept_chargeback(self, request: AcceptLoss, *, update_id: str) -> ChargebackStatus:
        await self._say("accept_chargeback", request.chargeback_id, request, update_id)
        return chargeback_status(request.chargeback_id)

    async def request_refund(self, start: StartRefund, *, update_id: str) -> RefundOpened:
        await self._say("request refund", start.refund_id, start, update_id)
        plan = RefundPlan(order_id=start.order_id, refusal_code=self.refund_refusal, refusal_detail="no")
        return RefundOpened(refund_id=start.refund_id, state=RefundState.REQUESTED, plan=plan)

    async def refund_outcome(self, refund_id: str) -> RefundOutcome | None:
        return RefundOutcome(
            refund_id=refund_id,
            state=RefundState.REJECTED,
            at=utc_now(),
            refusal_code="nothing_to_refund",
            refusal_detail="Everything that was paid is refunded.",
        )

    async def decide_refund(self, decision: DecideRefund, *, update_id: str) -> RefundProgress:
        await self._say("decide refund", decision.refund_id, decision, update_id)
        return RefundProgress(refund_id=decision.refund_id, state=RefundState.REQUESTED)

    async def reroute_refund(self, request: RerouteRefund, *, update_id: str) -> RefundProgress:
        await self._say("reroute refund", request.refund_id, request, update_id)
        return RefundProgress(refund_id=request.refund_id, state=RefundState.REQUESTED)

    async def resolve_step(self, workflow_id: str, resolution: ResolveStep, *, update_id: str) -> StepResolved:
        await self._say("resolve", workflow_id, resolution, update_id)
        return StepResolved(step="settle_job", action=resolution.action)


def chargeback_status(chargeback_id: str) -> ChargebackStatus:
    """Where every chargeback stands."""
    return ChargebackStatus(
        chargeback_id=chargeback_id,
        state=ChargebackState.NEEDS_RESPONSE,
        amount_minor=1299,
        currency="eur",
        reminder_s=1,
        submit_s=1,
    )


@dataclass
class FakeQuoteWork(QuoteWork):
    """Remembers what was asked; `effects` write what the worker would, `looks` are how far work is."""

    client: Client
    said: list[Said] = field(default_factory=list[Said])
    effects: dict[str, Effect] = field(default_factory=dict[str, Effect])
    troubles: dict[str, Exception] = field(default_factory=dict[str, Exception])
    looks: list[Look] = field(default_factory=list[Look])
    slow: bool = False
    outcome: FileAnalysed | None = None
    repriced: RepricedQuote | None = None
    confirmed: EstimateConfirmed | None = None

    def __post_init__(self) -> None:
        super().__init__(self.client)

    async def _say(self, what: str, to: str, message: Any) -> None:
        self.said.append(Said(what, to, message, ""))
        if what in self.troubles:
            raise self.troubles[what]
        if what in self.effects:
            await self.effects[what](message)

    def _next_look(self) -> Look:
        return self.looks.pop(0) if self.looks else Look(WorkState.WAITING)

    async def start_analysis(self, analysis_id: str, request: AnalyseFile) -> None:
        await self._say("analyse", analysis_id, request)

    async def look_at_analysis(self, analysis_id: str, wait_s: float) -> Look:
        await self._say("look at analysis", analysis_id, wait_s)
        return self._next_look()

    async def analysed(self, analysis_id: str) -> FileAnalysed | None:
        del analysis_id
        return self.outcome

    async def prepare_quote(self, request: PrepareQuote, wait_s: float) -> PreparedQuote | None:
        del wait_s
        await self._say("quote", request.quote_id, request)
        if self.slow:
            return None
        return PreparedQuote(
            quote_id=request.quote_id,
            status=QuoteStatus.FIRM,
            total_minor=1299,
            currency=request.currency,
            expires_at=utc_now(),
        )

    async def look_at_quote(self, quote_id: str, wait_s: float) -> Look:
        await self._say("look at quote", quote_id, wait_s)
        return self._next_look()

    async def reprice_quote(self, request: RepriceQuote, *, activity_id: str) -> RepricedQuote:
        await self._say("reprice", activity_id, request)
        return self.repriced or RepricedQuote(
            quote_id=request.quote_id,
            tariff_version="2026-2",
            before_minor=1299,
            after_minor=1199,
            difference_minor=-100,
            currency="eur",
            items=(RepricedItem(position=0, before_minor=1299, after_minor=1199),),
        )

    async def replay_quotes(self, request: ReplayQuotes, *, replay_id: str) -> ReplayedQuotes:
        await self._say("replay", replay_id, request)
        return ReplayedQuotes(
            tariff_version="2026-9",
            quotes=2,
            unpriceable=0,
            before_minor={"eur": 2598},
            after_minor={"eur": 2398},
            changed_most=(),
        )

    async def confirm_estimate(self, request: ConfirmEstimate) -> EstimateConfirmed:
        await self._say("confirm", request.quote_id, request)
        return self.confirmed or EstimateConfirmed(
            slicer="PrusaSlicer 2.9.2", estimated_g=10.0, sliced_g=10.3, estimated_s=3600.0, sliced_s=3500.0
        )


ENDED = ProcessEndedError("ended")
