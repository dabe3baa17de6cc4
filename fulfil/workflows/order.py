"""The order process: placed, paid, its lines made each on its own clock; or expired, or called off and paid back."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.deliverables import DeliverableClosed
    from fulfil.models.messages.jobs import JobClosed
    from fulfil.models.messages.orders import (
        CancellationAnswer,
        CancelLine,
        CancelOrder,
        CloseOrder,
        LineCancelled,
        OpenJob,
        OpenLines,
        OrderOutcome,
        OrderPlaced,
        OrderState,
        StartOrder,
    )
    from fulfil.models.messages.parties import SYSTEM, WaitingOn
    from fulfil.models.messages.payments import (
        PaymentChanged,
        ReturnPayment,
    )
    from fulfil.models.messages.support import ParkedStep, ResolveStep, StepResolved
    from fulfil.workflows import attributes
    from fulfil.workflows.fulfilment import Fulfilment, has_services, runs_by_lines
    from fulfil.workflows.lines import Line
    from fulfil.workflows.order_frame import CalledOffError, OrderFrame, Stage
    from fulfil.workflows.paying import Paying
    from fulfil.workflows.ports.orders import OrderActivities
    from fulfil.workflows.ports.payments import PaymentActivities
    from fulfil.workflows.refusals import refusal
    from fulfil.workflows.steps import RETRY_OR_CANCEL, RETRY_OR_SKIP, StepCancelledError, StepSkippedError, say


PAYMENT_LOST = "the authorised payment could not be captured"


@workflow.defn(name="Order")
class OrderWorkflow:
    """One order, from the click to the money paid out.

    Updates:
        `place` (with the start): answers when the order is written and payable, or why it can't be.
        `cancel`: refused once a line has begun (`production_started`) or the order ended (`order_ended`).
        `cancel_line`: the others go on; refused before the order is paid (`order_not_paid`), once the line has begun
            (`production_started`), waits for an answer (`work_in_review`) or has ended (`line_ended`).
        `resolve`: moves a parked step on; refused when nothing is parked or the step does not allow it.
    Signals:
        `payment_changed`: the payment intent, re-read from the payment provider.
        `job_closed`, `deliverable_closed`: how what became of a line ended.
    Queries:
        `parked`: the parked step, for an order that parked before it was written. All other reads come from
        PostgreSQL, and `current_details` says what is waited for.
    """

    @workflow.init
    def __init__(self, order: StartOrder) -> None:
        self.order = order
        self.frame = OrderFrame(order, self._cancel_from_ui)
        self.progress, self.steps = self.frame.progress, self.frame.steps
        self.paying = Paying(self.frame)
        self.fulfilment = Fulfilment(order, self.steps)
        self.lines = self.fulfilment.lines

    @workflow.run
    async def run(self, order: StartOrder) -> OrderOutcome:
        """Place it, have it paid, have its lines made; whatever calls it, or a line, off gives the money back."""
        try:
            placed = await self._place()
            if placed.refusal_code is not None:
                return await self._end(None, placed.refusal_detail)
            if not await self.paying.in_time():
                return await self._expire()
            await self._open(placed)
            while (line := await self._ended_unpaid()) is not None:
                await self._give_back(line)
            if self.lines.some_unmade:
                await self._write_end(OrderState.CLOSED, "every line has ended")
            return await self._end(OrderState.CLOSED)
        except CalledOffError:
            workflow.logger.info("order called off", extra={"order_id": order.order_id})
        return await self._cancel()

    # --- what can be said to a running order -------------------------------------------------------------

    @workflow.update
    async def place(self) -> OrderPlaced:
        """The answer to whoever started the order."""
        await workflow.wait_condition(lambda: self.progress.placed is not None)
        return self.frame.placed

    @workflow.update
    async def cancel(self, request: CancelOrder) -> CancellationAnswer:
        """Call the order off, if all its lines can still be taken back; the money follows."""
        await self._call_off_on_request(request)
        return CancellationAnswer(order_id=self.order.order_id, state=OrderState.CANCELLING)

    @cancel.validator
    def check_cancel(self, request: CancelOrder) -> None:
        """An ended order can't be cancelled."""
        del request
        self._refuse_when_ended()

    @workflow.update
    async def cancel_line(self, request: CancelLine) -> LineCancelled:
        """Call one line off, if it can still be taken back; with the last one the order."""
        await self._cancel_line(request)
        state = OrderState.IN_FULFILMENT if self.progress.cancellation is None else OrderState.CANCELLING
        return LineCancelled(order_id=self.order.order_id, line_id=request.line_id, order_state=state)

    @cancel_line.validator
    def check_cancel_line(self, request: CancelLine) -> None:
        """Only a line of the order, and not before it is paid: an unpaid order is cancelled whole."""
        self._refuse_when_ended()
        if self.progress.stage is Stage.AWAITING_PAYMENT:
            unpaid = "The order is not paid: cancel it, or let it expire, and order the other lines anew."
            raise refusal("order_not_paid", unpaid, state=self.progress.stage, allowed_actions=["cancel"])
        if self.lines.lines and self.lines.find(request.line_id) is None:
            raise refusal("line_unknown", "This is no line of the order.", state=self.progress.stage)

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
        self.paying.note(change)

    @workflow.signal
    def job_closed(self, closed: JobClosed) -> None:
        """A job ended; a job that this order took back itself is no news."""
        self.lines.note_job(closed)

    @workflow.signal
    def deliverable_closed(self, closed: DeliverableClosed) -> None:
        """No milestone of a deliverable is open any more; repeated signals change nothing."""
        self.lines.note_deliverable(closed)

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

    async def _expire(self) -> OrderOutcome:
        reason = "not paid in time"
        await self._write_end(OrderState.EXPIRED, reason)
        return await self._end(OrderState.EXPIRED, reason)

    async def _open(self, placed: OrderPlaced) -> None:
        self.progress.stage = Stage.OPENING
        try:
            if runs_by_lines(self.order):
                await self._open_lines(placed)
            else:
                await self._open_job(placed)
        except StepCancelledError:
            self.progress.call_off("support gave up opening the job")
            raise CalledOffError from None
        self.progress.stage = Stage.IN_FULFILMENT
        attributes.upsert(
            attributes.ORDER_STATE.value_set(OrderState.IN_FULFILMENT),
            attributes.WAITING_ON.value_set(WaitingOn.PROVIDER),
            attributes.DEADLINE.value_unset(),
        )

    async def _open_lines(self, placed: OrderPlaced) -> None:
        if has_services(placed) and not await self.fulfilment.capture():
            self.progress.call_off(PAYMENT_LOST)
            raise CalledOffError
        request = OpenLines(
            order_id=self.order.order_id,
            payment_intent_id=placed.payment_intent_id or "",
            lines=placed.lines,
            policies=self.order.policies,
            capture_before=self.progress.capture_before,
        )
        await self.fulfilment.open(request)

    async def _open_job(self, placed: OrderPlaced) -> None:
        if placed.line_id is None or placed.payment_intent_id is None:
            raise RuntimeError("a placed order has a line and a payment intent")
        request = OpenJob(
            order_id=self.order.order_id,
            line_id=placed.line_id,
            payment_intent_id=placed.payment_intent_id,
            policies=self.order.policies,
            capture_before=self.progress.capture_before,
        )
        await self.fulfilment.open_job(request)

    async def _ended_unpaid(self) -> Line | None:
        """The next line whose money goes back; None when all have ended. Nothing made of any calls the order off."""
        say(f"In fulfilment: {self.lines.described}", WaitingOn.PROVIDER)
        lines = self.lines
        await self.frame.until(lambda: lines.all_ended or lines.to_return is not None or lines.payment_lost is not None)
        if self.lines.all_ended and not self.lines.some_made:
            self.progress.call_off(self.lines.reason)
        elif self.lines.payment_lost is not None:
            await self._call_off_unpaid()
        if self.progress.cancellation is not None:
            raise CalledOffError
        return self.lines.to_return

    async def _give_back(self, line: Line) -> None:
        say(f"Line {line.line_id} was not made ({line.reason}): its money goes back", WaitingOn.SYSTEM)
        if not await self.fulfilment.give_back(line):
            await self._call_off_unpaid()
            raise CalledOffError

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

    async def _return_payment(self) -> None:
        request = ReturnPayment(order_id=self.order.order_id, reason=self.progress.cancel_reason)
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

    async def _cancel_from_ui(self) -> None:
        """Ops pressed Cancel in the Temporal UI: the same as the `cancel` update, with its refusals."""
        try:
            await self._call_off_on_request(CancelOrder(actor=SYSTEM, reason="cancelled from the Temporal UI"))
        except ApplicationError as refused:
            say(f"Not cancelled: {refused.message}", WaitingOn.SYSTEM)

    async def _call_off_on_request(self, request: CancelOrder) -> None:
        await workflow.wait_condition(lambda: not self.progress.is_between_stages)
        self._refuse_when_ended()
        if self.progress.stage is Stage.IN_FULFILMENT and self.progress.cancellation is None:
            await self.fulfilment.withdraw(request)
        if self.progress.cancellation is None:
            self._refuse_when_ended()
            self.progress.cancellation = request

    async def _cancel_line(self, request: CancelLine) -> None:
        """With the last line that could still be made the whole order is cancelled, by whoever asked."""
        await workflow.wait_condition(lambda: not self.progress.is_between_stages)
        line = self.lines.find(request.line_id)
        if self.progress.cancellation is not None or (line is not None and line.is_cancelled):
            return
        self.check_cancel_line(request)
        if line is None or not line.is_open:
            raise refusal("line_ended", "The line has already ended.", state=self.progress.stage)
        whole = CancelOrder(actor=request.actor, reason=request.reason)
        is_last = len(self.lines.still_open) == 1 and not self.lines.some_made
        if is_last and line.job_id is not None:
            await self._call_off_on_request(whole)
            return
        await self.fulfilment.withdraw_line(line, request)
        if self.lines.all_ended and not self.lines.some_made and self.progress.cancellation is None:
            self.progress.cancellation = whole

    async def _call_off_unpaid(self) -> None:
        await self.fulfilment.withdraw_rest(SYSTEM, PAYMENT_LOST)
        self.progress.call_off(PAYMENT_LOST)

    def _refuse_when_ended(self) -> None:
        if self.progress.stage is Stage.ENDED or self.lines.all_ended:
            raise refusal("order_ended", "The order has already ended.", state=self.progress.stage)
