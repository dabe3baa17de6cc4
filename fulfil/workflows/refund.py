"""The refund process: asked for, approved by a second person where that is due, sent, and followed until it arrived."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.parties import ActorKind, WaitingOn
    from fulfil.models.messages.refunds import (
        DecideRefund,
        LookAtRefund,
        RefundChanged,
        RefundOpened,
        RefundOutcome,
        RefundPlan,
        RefundProgress,
        RefundRoute,
        RefundState,
        RerouteRefund,
        SendRefund,
        StartRefund,
    )
    from fulfil.models.messages.support import ParkedStep, ResolveStep, StepResolved
    from fulfil.models.money import format_money
    from fulfil.workflows import attributes
    from fulfil.workflows.ports.refunds import RefundActivities
    from fulfil.workflows.refusals import refusal
    from fulfil.workflows.steps import RETRY_OR_CANCEL, StepCancelledError, Steps, say

STAFF = (ActorKind.SUPPORT, ActorKind.ADMIN)
ENDS = (RefundState.SUCCEEDED, RefundState.REJECTED)
# What may be asked of a refund, by its state.
ALLOWED = {
    RefundState.AWAITING_APPROVAL: ("approve", "reject"),
    RefundState.FAILED: ("reroute", "reject"),
}
WHY_NOT = {
    "payment_frozen": "A chargeback holds the money of this order: wait until it is decided.",
    "refund_exceeds_paid": "A chargeback took what this refund would pay back: reject it.",
    "second_person_required": "A second person decides: never the one who asked for the refund.",
}


@dataclass
class RefundJourney:
    """Everything the refund remembers."""

    state: RefundState = RefundState.REQUESTED
    opened: RefundOpened | None = None
    decision: DecideRefund | None = None
    reroute: RerouteRefund | None = None
    answer: RefundProgress | None = None
    news: RefundChanged | None = None
    sent_at: datetime | None = None
    overdue: bool = False


@workflow.defn(name="Refund")
class RefundWorkflow:
    """One refund, from the request to the money's arrival.

    Updates:
        `request` (with the start): answers when the refund is written and its amount reserved, or why it can't be.
        `decide`: a second person approves or rejects; refused to whoever asked for the refund
            (`second_person_required`), to other roles (`role_not_allowed`), and unless the refund awaits approval
            (`not_awaiting_approval`; one that failed may be rejected, which gives it up).
        `reroute`: support sends a failed refund another way; refused unless it failed (`refund_not_failed`), and
            without a reference for a bank transfer (`reference_missing`).
            While a chargeback is open both are refused (`payment_frozen`).
        `resolve`: moves a parked step on; refused when nothing is parked or the step does not allow it.
    Signals:
        `refund_changed`: the refund at the payment provider, re-read, was written.
    Queries:
        `parked`: the parked step. All other reads come from PostgreSQL.
    A refund that fails after it had succeeded starts this workflow again, with `reopened`.
    """

    @workflow.init
    def __init__(self, refund: StartRefund) -> None:
        self.refund = refund
        self.journey = RefundJourney()
        self.steps = Steps(order_id=refund.order_id, subject=refund.refund_id)

    @workflow.run
    async def run(self, refund: StartRefund) -> RefundOutcome:
        """Write it, have it approved, send it, and do not let go before it arrived or was given up."""
        plan = await self._open(refund)
        if plan.refusal_code is not None:
            return await self._end(plan)
        while not self._is_over():
            if self.journey.state is RefundState.AWAITING_APPROVAL:
                await self._decided(plan)
            elif self.journey.state is RefundState.REQUESTED:
                await self._send(plan)
            elif self.journey.state is RefundState.FAILED:
                await self._another_way(plan)
            else:
                await self._settled(plan)
        return await self._end(plan)

    # --- what can be said to a running refund ------------------------------------------------------------

    @workflow.update
    async def request(self) -> RefundOpened:
        """The answer to whoever started the refund."""
        await workflow.wait_condition(lambda: self.journey.opened is not None)
        if self.journey.opened is None:
            raise RuntimeError("woken without an answer")
        return self.journey.opened

    @workflow.update
    async def decide(self, decision: DecideRefund) -> RefundProgress:
        """A second person approves or rejects; the first decision counts."""
        self.journey.decision = decision
        await workflow.wait_condition(lambda: self.journey.decision is not decision)
        return self._answer()

    @decide.validator
    def check_decide(self, decision: DecideRefund) -> None:
        """Somebody else of the staff, while there is something to decide."""
        self._check_staff(decision.actor.kind)
        possible = "approve" if decision.approved else "reject"
        if possible not in self._allowed():
            raise self._refusal("not_awaiting_approval", f"The refund is {self._state_name()}.")
        if self.journey.state is RefundState.AWAITING_APPROVAL and decision.actor.id == self.refund.requested_by.id:
            raise self._refusal("second_person_required", WHY_NOT["second_person_required"])

    @workflow.update
    async def reroute(self, request: RerouteRefund) -> RefundProgress:
        """Support chooses another way for a refund that failed."""
        self.journey.reroute = request
        await workflow.wait_condition(lambda: self.journey.reroute is not request)
        return self._answer()

    @reroute.validator
    def check_reroute(self, request: RerouteRefund) -> None:
        """Only what failed, and a bank transfer by its reference."""
        self._check_staff(request.actor.kind)
        if "reroute" not in self._allowed():
            raise self._refusal("refund_not_failed", f"The refund is {self._state_name()}: its way is chosen.")
        if request.route is RefundRoute.BANK and not request.reference:
            raise self._refusal("reference_missing", "Name the bank transfer that paid it.")

    @workflow.update
    async def resolve(self, resolution: ResolveStep) -> StepResolved:
        """Support moves the parked step on."""
        return self.steps.resolve(resolution)

    @resolve.validator
    def check_resolve(self, resolution: ResolveStep) -> None:
        """Only what is parked can be resolved."""
        self.steps.check_resolution(resolution)

    @workflow.query
    def parked(self) -> ParkedStep | None:
        """What waits for support."""
        return self.steps.parked

    @workflow.signal
    def refund_changed(self, change: RefundChanged) -> None:
        """An event came in, the object was re-read and written; it is read again before it is believed."""
        self.journey.news = change

    # --- the steps, in the order run() takes them --------------------------------------------------------

    async def _open(self, refund: StartRefund) -> RefundPlan:
        say("Writing the refund and reserving its amount", WaitingOn.SYSTEM)
        try:
            opened = await self.steps.money(RefundActivities.open_refund, refund, RETRY_OR_CANCEL)
        except StepCancelledError:
            plan = RefundPlan(
                order_id=refund.order_id,
                refusal_code="refund_not_opened",
                refusal_detail="Support gave up opening the refund; nothing was paid back.",
            )
            opened = RefundOpened(refund_id=refund.refund_id, state=RefundState.REJECTED, plan=plan)
        self.journey.state = opened.state
        self.journey.opened = opened
        return opened.plan

    async def _decided(self, plan: RefundPlan) -> None:
        self._ask_support("refund_approval")
        say(f"{self._amount(plan)} wait for a second person's approval", WaitingOn.SUPPORT)
        await self._until(lambda: self.journey.decision is not None)
        await self._write_decision()

    async def _send(self, plan: RefundPlan) -> None:
        say(f"Sending {self._amount(plan)}", WaitingOn.SYSTEM)
        request = SendRefund(refund_id=self.refund.refund_id, order_id=self.refund.order_id)
        progress = await self.steps.money(RefundActivities.send_refund, request)
        self.journey.state = progress.state
        self.journey.sent_at, self.journey.overdue = workflow.now(), False

    async def _settled(self, plan: RefundPlan) -> None:
        """What became of it: at the news of an event, else at the next look."""
        due = self._next_look()
        say(f"{self._amount(plan)} are on their way", WaitingOn.SYSTEM, due, "it is looked at")
        await self._until(lambda: self.journey.news is not None, due)
        self.journey.news = None
        request = LookAtRefund(refund_id=self.refund.refund_id, order_id=self.refund.order_id)
        progress = await self.steps.money(RefundActivities.look_at_refund, request)
        self.journey.state = progress.state

    async def _another_way(self, plan: RefundPlan) -> None:
        self._ask_support("refund_failed")
        say(f"{self._amount(plan)} did not arrive: choose another way, they are still owed", WaitingOn.SUPPORT)
        await self._until(lambda: self.journey.reroute is not None or self.journey.decision is not None)
        if self.journey.reroute is None:
            await self._write_decision()
            return
        answer = await self.steps.money(RefundActivities.reroute_refund, self.journey.reroute)
        self.journey.state, self.journey.answer, self.journey.reroute = answer.state, answer, None
        self._go_on()

    async def _end(self, plan: RefundPlan) -> RefundOutcome:
        say(f"Ended: {plan.refusal_code or self.journey.state.value}", WaitingOn.NOBODY)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return RefundOutcome(
            refund_id=self.refund.refund_id,
            state=self.journey.state,
            at=workflow.now(),
            refusal_code=plan.refusal_code,
            refusal_detail=plan.refusal_detail,
        )

    # --- what the steps are made of ----------------------------------------------------------------------

    async def _write_decision(self) -> None:
        if self.journey.decision is None:
            raise RuntimeError("woken without a decision")
        answer = await self.steps.money(RefundActivities.decide_refund, self.journey.decision)
        self.journey.state, self.journey.answer, self.journey.decision = answer.state, answer, None
        self._go_on()

    async def _until(self, done: Callable[[], bool], by: datetime | None = None) -> None:
        """Wait for the condition, or until then; Cancel in the Temporal UI does not lose money that is owed."""
        while True:
            try:
                await workflow.wait_condition(
                    done, timeout=None if by is None else max(by - workflow.now(), timedelta(0))
                )
            except TimeoutError:
                return
            except asyncio.CancelledError:
                workflow.logger.warning("a refund is not cancelled: reject it", extra={"refund": self.refund.refund_id})
            else:
                return

    def _is_over(self) -> bool:
        """News of another state, such as a failure after success, are looked at first."""
        told = self.journey.news is None or self.journey.news.state is self.journey.state
        return self.journey.state in ENDS and told

    def _next_look(self) -> datetime | None:
        """At the times of the policy after it was sent; then again after each longest of them, and support knows."""
        if not self.refund.looks_s:
            return None
        now, sent_at = workflow.now(), self.journey.sent_at or workflow.now()
        times = [sent_at + timedelta(seconds=look_s) for look_s in sorted(self.refund.looks_s)]
        if now >= times[-1] and not self.journey.overdue:
            self.journey.overdue = True
            self._ask_support("refund_pending_long")
        return next((time for time in times if time > now), now + timedelta(seconds=max(self.refund.looks_s)))

    def _ask_support(self, trouble: str) -> None:
        attributes.upsert(
            attributes.WAITING_ON.value_set(WaitingOn.SUPPORT),
            attributes.TROUBLE.value_set(trouble),
        )

    def _go_on(self) -> None:
        attributes.upsert(
            attributes.WAITING_ON.value_set(WaitingOn.SYSTEM),
            attributes.TROUBLE.value_unset(),
        )

    def _answer(self) -> RefundProgress:
        answer = self.journey.answer
        if answer is None:
            raise RuntimeError("woken without an answer")
        if answer.refusal_code is not None:
            raise self._refusal(answer.refusal_code, WHY_NOT.get(answer.refusal_code, "This is not possible now."))
        return answer

    def _check_staff(self, kind: ActorKind) -> None:
        if kind not in STAFF:
            raise self._refusal("role_not_allowed", "Support and administration decide on refunds.")

    def _allowed(self) -> tuple[str, ...]:
        """Nothing before it is written, or while an answer is being written."""
        if self.journey.opened is None or self.journey.decision is not None or self.journey.reroute is not None:
            return ()
        return ALLOWED.get(self.journey.state, ())

    def _refusal(self, code: str, detail: str) -> Exception:
        return refusal(code, detail, state=self._state_name(), allowed_actions=self._allowed())

    def _state_name(self) -> str:
        return self.journey.state.value

    @staticmethod
    def _amount(plan: RefundPlan) -> str:
        return format_money(plan.amount_minor, plan.currency)
