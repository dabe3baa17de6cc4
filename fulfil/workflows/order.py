"""The order process: placed, paid, made by a job, closed; or expired, or called off and paid back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.jobs import JobClosed, JobOutcome, WithdrawJob
    from fulfil.models.messages.orders import (
        CancellationAnswer,
        CancelOrder,
        CloseOrder,
        OpenJob,
        OrderOutcome,
        OrderPlaced,
        OrderState,
        StartOrder,
    )
    from fulfil.models.messages.parties import SYSTEM, WaitingOn
    from fulfil.models.messages.payments import (
        ChargeSavedCard,
        ExpirePayment,
        PaymentChanged,
        PaymentState,
        ReturnPayment,
    )
    from fulfil.models.messages.support import ParkedStep, ResolveStep, StepResolved
    from fulfil.models.money import format_money
    from fulfil.workflows import attributes
    from fulfil.workflows.compensation import Undo
    from fulfil.workflows.ids import job_workflow_id
    from fulfil.workflows.ports.jobs import JobActivities
    from fulfil.workflows.ports.orders import OrderActivities
    from fulfil.workflows.ports.payments import PaymentActivities
    from fulfil.workflows.refusals import refusal
    from fulfil.workflows.steps import RETRY_OR_CANCEL, RETRY_OR_SKIP, StepCancelledError, Steps, StepSkippedError, say


class CalledOffError(Exception):
    """The order is to be cancelled: leaves the story of `run()` for its second ending."""


class Stage(StrEnum):
    """Where `run()` is; decides what `cancel` may do."""

    PLACING = "placing"
    AWAITING_PAYMENT = "awaiting_payment"
    EXPIRING = "expiring"
    OPENING_JOB = "opening_job"
    IN_FULFILMENT = "in_fulfilment"
    CANCELLING = "cancelling"
    ENDED = "ended"


BETWEEN_STAGES = (Stage.PLACING, Stage.EXPIRING, Stage.OPENING_JOB)


@dataclass
class OrderProgress:
    """Everything the order remembers."""

    stage: Stage = Stage.PLACING
    placed: OrderPlaced | None = None
    payment: PaymentState = PaymentState.REQUIRES_PAYMENT
    payment_due_at: datetime | None = None
    capture_before: datetime | None = None
    job_id: str | None = None
    job_closed: JobClosed | None = None
    cancellation: CancelOrder | None = None
    undo: Undo = field(default_factory=Undo)


@workflow.defn(name="Order")
class OrderWorkflow:
    """One order, from the click to the money paid out.

    Updates:
        `place` (with the start): answers when the order is written and payable, or why it can't be.
        `cancel`: refused once production has started (`production_started`) or the order ended (`order_ended`).
        `resolve`: moves a parked step on; refused when nothing is parked or the step does not allow it.
    Signals:
        `payment_changed`: the payment intent, re-read from the payment provider.
        `job_closed`: how the job ended.
    Queries:
        `parked`: the parked step, for an order that parked before it was written. All other reads come from
        PostgreSQL, and `current_details` says what is waited for.
    """

    @workflow.init
    def __init__(self, order: StartOrder) -> None:
        self.order = order
        self.progress = OrderProgress()
        self.steps = Steps(order_id=order.order_id, subject=order.order_id)

    @workflow.run
    async def run(self, order: StartOrder) -> OrderOutcome:
        """Place it, have it paid, have it made; whatever calls it off gives the money back."""
        try:
            placed = await self._place()
            if placed.refusal_code is not None:
                return await self._end(None, placed.refusal_detail)
            if not await self._paid_in_time():
                return await self._expire()
            await self._open_job(placed)
            closed = await self._job_closed()
            if closed.outcome is JobOutcome.SETTLED:
                return await self._end(OrderState.CLOSED)
            self._call_off(closed.reason or closed.outcome.value)
        except CalledOffError:
            workflow.logger.info("order called off", extra={"order_id": order.order_id})
        return await self._cancel()

    # --- what can be said to a running order -------------------------------------------------------------

    @workflow.update
    async def place(self) -> OrderPlaced:
        """The answer to whoever started the order."""
        await workflow.wait_condition(lambda: self.progress.placed is not None)
        return self._placed()

    @workflow.update
    async def cancel(self, request: CancelOrder) -> CancellationAnswer:
        """Call the order off, if its job can still be taken back; the money follows."""
        await self._call_off_on_request(request)
        return CancellationAnswer(order_id=self.order.order_id, state=OrderState.CANCELLING)

    @cancel.validator
    def check_cancel(self, request: CancelOrder) -> None:
        """An ended order can't be cancelled."""
        del request
        self._refuse_when_ended()

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
    def payment_changed(self, change: PaymentChanged) -> None:
        """Stripe's webhook came in and the object was re-read; late and repeated signals change nothing."""
        if self.progress.payment in (PaymentState.AUTHORIZED, PaymentState.CAPTURED):
            return
        if change.state is PaymentState.REQUIRES_ACTION and self.progress.payment is not change.state:
            wait = timedelta(seconds=self.order.policies.authentication_due_s)
            self.progress.payment_due_at = workflow.now() + wait
        self.progress.payment = change.state
        self.progress.capture_before = change.capture_before

    @workflow.signal
    def job_closed(self, closed: JobClosed) -> None:
        """The job ended; a job that this order took back itself is no news."""
        if closed.outcome is not JobOutcome.WITHDRAWN:
            self.progress.job_closed = closed

    # --- the steps, in the order run() takes them --------------------------------------------------------

    async def _place(self) -> OrderPlaced:
        say("Writing the order and its payment intent", WaitingOn.SYSTEM)
        try:
            placed = await self.steps.money(PaymentActivities.place_order, self.order, RETRY_OR_CANCEL)
        except StepCancelledError:
            placed = OrderPlaced(
                order_id=self.order.order_id,
                refusal_code="order_not_placed",
                refusal_detail="Support gave up placing the order; nothing was charged.",
            )
        if placed.refusal_code is None:
            self.progress.undo.push(self._return_payment)
            self.progress.payment_due_at = workflow.now() + timedelta(seconds=self.order.policies.payment_due_s)
            self.progress.stage = Stage.AWAITING_PAYMENT
        self.progress.placed = placed
        return placed

    async def _paid_in_time(self) -> bool:
        """True when paid; the deadline moves once when the bank asks the customer to confirm (3-D Secure)."""
        if self.order.payment_method_id is not None:
            await self._charge_saved_card(self.order.payment_method_id)
        amount = format_money(self._placed().amount_minor, self._placed().currency)
        while not self._is_paid():
            due = self.progress.payment_due_at
            asked = "to confirm with the bank" if self.progress.payment is PaymentState.REQUIRES_ACTION else "to pay"
            say(f"Customer has {asked} {amount}", WaitingOn.CUSTOMER, due, "the order expires")
            if not await self._until(lambda: self._is_paid() or self.progress.payment_due_at != due, due):  # noqa: B023
                self.progress.stage = Stage.EXPIRING
                expiry = await self.steps.money(
                    PaymentActivities.expire_payment, ExpirePayment(order_id=self.order.order_id)
                )
                self.progress.capture_before = expiry.capture_before
                return expiry.paid
        return True

    async def _charge_saved_card(self, payment_method_id: str) -> None:
        """Until it is paid, by this card or another; what can't be tried again the customer is asked to mend."""
        policies = self.order.policies
        for attempt in range(1, len(policies.decline_retries_s) + 2):
            say(f"Charging the saved card, attempt {attempt}", WaitingOn.SYSTEM)
            request = ChargeSavedCard(
                order_id=self.order.order_id, payment_method_id=payment_method_id, attempt=attempt
            )
            try:
                charge = await self.steps.money(PaymentActivities.charge_saved_card, request, RETRY_OR_CANCEL)
            except StepCancelledError:
                self._call_off("support gave up charging the saved card")
                raise CalledOffError from None
            if self.progress.cancellation is not None:
                raise CalledOffError
            if self._is_paid():
                return
            self.progress.payment, self.progress.capture_before = charge.state, charge.capture_before
            wait_s = policies.decline_retries_s[attempt - 1] if charge.retry else policies.authentication_due_s
            self.progress.payment_due_at = workflow.now() + timedelta(seconds=wait_s)
            if not charge.retry:
                return
            say(
                "The saved card was declined for now",
                WaitingOn.SYSTEM,
                self.progress.payment_due_at,
                "it is charged again",
            )
            if await self._until(self._is_paid, self.progress.payment_due_at):
                return

    async def _expire(self) -> OrderOutcome:
        reason = "not paid in time"
        await self._write_end(OrderState.EXPIRED, reason)
        return await self._end(OrderState.EXPIRED, reason)

    async def _open_job(self, placed: OrderPlaced) -> None:
        if placed.line_id is None or placed.payment_intent_id is None:
            raise RuntimeError("a placed order has a line and a payment intent")
        self.progress.stage = Stage.OPENING_JOB
        request = OpenJob(
            order_id=self.order.order_id,
            line_id=placed.line_id,
            payment_intent_id=placed.payment_intent_id,
            policies=self.order.policies,
            capture_before=self.progress.capture_before,
        )
        try:
            opened = await self.steps.database(OrderActivities.open_job, request, RETRY_OR_CANCEL)
        except StepCancelledError:
            self._call_off("support gave up opening the job")
            raise CalledOffError from None
        self.progress.job_id = opened.job_id
        self.progress.stage = Stage.IN_FULFILMENT
        attributes.upsert(
            attributes.ORDER_STATE.value_set(OrderState.IN_FULFILMENT),
            attributes.WAITING_ON.value_set(WaitingOn.PROVIDER),
            attributes.DEADLINE.value_unset(),
        )

    async def _job_closed(self) -> JobClosed:
        say(f"In fulfilment: see workflow {job_workflow_id(self.progress.job_id or '')}", WaitingOn.PROVIDER)
        await self._until(lambda: self.progress.job_closed is not None)
        if self.progress.job_closed is None:
            raise RuntimeError("woken without a closed job")
        return self.progress.job_closed

    async def _cancel(self) -> OrderOutcome:
        self.progress.stage = Stage.CANCELLING
        request = self.progress.cancellation
        reason = request.reason if request else "called off"
        attributes.upsert(
            attributes.ORDER_STATE.value_set(OrderState.CANCELLING),
            attributes.WAITING_ON.value_set(WaitingOn.SYSTEM),
            attributes.DEADLINE.value_unset(),
        )
        say(f"Cancelling ({reason}): the money goes back", WaitingOn.SYSTEM)
        await self.progress.undo.unwind()
        await self._write_end(OrderState.CANCELLED, reason)
        return await self._end(OrderState.CANCELLED, reason)

    # --- what the steps are made of ----------------------------------------------------------------------

    async def _withdraw_job(self, request: CancelOrder) -> None:
        if self.progress.job_id is None:
            raise RuntimeError("an order in fulfilment has a job")
        withdrawal = await self.steps.remote(
            JobActivities.withdraw_job,
            WithdrawJob(
                job_id=self.progress.job_id,
                order_id=self.order.order_id,
                actor=request.actor,
                reason=request.reason,
            ),
        )
        if not withdrawal.withdrawn:
            raise refusal(
                "production_started",
                "Production has started: the order can't be cancelled any more, but support can refund it.",
                state=withdrawal.state,
            )

    async def _return_payment(self) -> None:
        request = ReturnPayment(order_id=self.order.order_id, reason=self._cancel_reason())
        try:
            await self.steps.money(PaymentActivities.return_payment, request, RETRY_OR_SKIP)
        except StepSkippedError:
            workflow.logger.warning("support returned the payment by hand", extra={"order_id": self.order.order_id})

    async def _write_end(self, state: OrderState, reason: str) -> None:
        actor = self.progress.cancellation.actor if self.progress.cancellation else SYSTEM
        request = CloseOrder(order_id=self.order.order_id, state=state, actor=actor, reason=reason)
        await self.steps.database(OrderActivities.close_order, request)

    async def _end(self, state: OrderState | None, reason: str | None = None) -> OrderOutcome:
        self.progress.stage = Stage.ENDED
        say(f"Ended: {state.value if state else 'refused'}{f' ({reason})' if reason else ''}", WaitingOn.NOBODY)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return OrderOutcome(order_id=self.order.order_id, state=state, reason=reason)

    async def _until(self, done: Callable[[], bool], by: datetime | None = None) -> bool:
        """Wait for the condition; False when the time is over; leaves the story when the order is called off."""
        while True:
            try:
                await workflow.wait_condition(
                    lambda: done() or self.progress.cancellation is not None,
                    timeout=None if by is None else max(by - workflow.now(), timedelta(0)),
                )
            except TimeoutError:
                return False
            except asyncio.CancelledError:
                await self._cancel_from_ui()
            if self.progress.cancellation is not None:
                raise CalledOffError
            if done():
                return True

    async def _cancel_from_ui(self) -> None:
        """Ops pressed Cancel in the Temporal UI: the same as the `cancel` update, with its refusals."""
        try:
            await self._call_off_on_request(CancelOrder(actor=SYSTEM, reason="cancelled from the Temporal UI"))
        except ApplicationError as refused:
            say(f"Not cancelled: {refused.message}", WaitingOn.SYSTEM)

    async def _call_off_on_request(self, request: CancelOrder) -> None:
        await workflow.wait_condition(lambda: self.progress.stage not in BETWEEN_STAGES)
        self._refuse_when_ended()
        if self.progress.stage is Stage.IN_FULFILMENT and self.progress.cancellation is None:
            await self._withdraw_job(request)
        if self.progress.cancellation is None:
            self._refuse_when_ended()
            self.progress.cancellation = request

    def _refuse_when_ended(self) -> None:
        if self.progress.stage is Stage.ENDED or self.progress.job_closed is not None:
            raise refusal("order_ended", "The order has already ended.", state=self.progress.stage)

    def _call_off(self, reason: str) -> None:
        if self.progress.cancellation is None:
            self.progress.cancellation = CancelOrder(actor=SYSTEM, reason=reason)

    def _cancel_reason(self) -> str:
        return self.progress.cancellation.reason if self.progress.cancellation else "called off"

    def _is_paid(self) -> bool:
        return self.progress.payment in (PaymentState.AUTHORIZED, PaymentState.CAPTURED)

    def _placed(self) -> OrderPlaced:
        if self.progress.placed is None:
            raise RuntimeError("the order is not placed yet")
        return self.progress.placed
