"""The steps an order takes with its lines: opened, taken back, paid back; each says no by a refusal that names why."""

from temporalio import workflow

from fulfil.models.messages.deliverables import WithdrawDeliverable
from fulfil.models.messages.jobs import WithdrawJob
from fulfil.models.messages.orders import (
    CancelLine,
    CancelOrder,
    LineKind,
    LineOpened,
    OpenJob,
    OpenLines,
    OrderPlaced,
    StartOrder,
    WithdrawLines,
)
from fulfil.models.messages.parties import SYSTEM, Actor
from fulfil.models.messages.payments import CapturePayment, ReturnedHow, ReturnLine
from fulfil.workflows.lines import Line, Lines
from fulfil.workflows.ports.deliverables import DeliverableActivities
from fulfil.workflows.ports.jobs import JobActivities
from fulfil.workflows.ports.orders import OrderActivities
from fulfil.workflows.ports.payments import PaymentActivities
from fulfil.workflows.refusals import refusal
from fulfil.workflows.steps import RETRY_OR_CANCEL, RETRY_OR_SKIP, StepCancelledError, Steps, StepSkippedError

MANY_LINES = 2
"""From this revision on an order has many lines; histories of before replay as they were recorded."""

STARTED = "production_started"
TOO_LATE = "Production has started: the order can't be cancelled any more, but support can refund it."
LINE_TOO_LATE = "Production has started: the line can't be cancelled any more, but support can refund it."
ONE_BEGAN = "A line of the order has begun, so that it can't be cancelled as a whole: cancel the others one by one."
IN_REVIEW = "Work was submitted or is being paid: answer it first; what is paid support can refund."


class Fulfilment:
    """The lines of one order, and what is done with them."""

    def __init__(self, order: StartOrder, steps: Steps) -> None:
        self.order = order
        self.steps = steps
        self.lines = Lines()

    async def open(self, request: OpenLines) -> None:
        """Open what becomes of each line; raises `StepCancelledError` when support gives it up.

        What an attempt opened before it failed is taken back; once a provider has begun it can't be given up.
        """
        while True:
            try:
                opened = await self.steps.database(OrderActivities.open_lines, request, RETRY_OR_CANCEL)
            except StepCancelledError:
                if await self._take_back_opened():
                    raise
            else:
                self.lines.open(opened.lines)
                return

    async def open_job(self, request: OpenJob) -> None:
        """The same for an order that began when orders had one line, and lines were made to order."""
        opened = await self.steps.database(OrderActivities.open_job, request, RETRY_OR_CANCEL)
        self.lines.open([LineOpened(line_id=request.line_id, kind=LineKind.MADE_TO_ORDER, job_id=opened.job_id)])

    async def capture(self) -> bool:
        """Take the money before anything is opened; False when the hold was lost."""
        request = CapturePayment(order_id=self.order.order_id)
        capture = await self.steps.money(PaymentActivities.capture_payment, request, RETRY_OR_CANCEL)
        return capture.captured

    async def withdraw(self, request: CancelOrder) -> None:
        """Take every line back, or none: refuses when one has begun."""
        still_open = self.lines.still_open
        if self.lines.some_made:
            raise refusal(STARTED, ONE_BEGAN, state="in_fulfilment", allowed_actions=["cancel_line"])
        if len(still_open) == 1 and still_open[0].job_id is not None:
            await self._withdraw_job(still_open[0].job_id, request.actor, request.reason, whole_order=True)
            return
        begun = await self._ask_all_back(still_open, request.actor, request.reason)
        if begun is not None:
            raise refusal(STARTED, ONE_BEGAN, state=begun, allowed_actions=["cancel_line"])

    async def withdraw_line(self, line: Line, request: CancelLine) -> None:
        """Take one line back, the others going on; refuses when it has begun, or its work waits for an answer."""
        if line.deliverable_id is None:
            await self._withdraw_job(line.job_id or "", request.actor, request.reason, whole_order=False)
            self.lines.withdrawn(line, request.reason)
            return
        asked = WithdrawDeliverable(
            deliverable_id=line.deliverable_id,
            order_id=self.order.order_id,
            actor=request.actor,
            reason=request.reason,
            whole_order=False,
        )
        withdrawal = await self.steps.remote(DeliverableActivities.withdraw_deliverable, asked)
        if not withdrawal.withdrawn:
            raise refusal("work_in_review", IN_REVIEW, state=withdrawal.state)
        self.lines.withdrawn(line, request.reason, withdrawal)

    async def withdraw_rest(self, actor: Actor, reason: str) -> None:
        """The payment is gone: nobody has begun, and nobody is to."""
        if self.lines.still_open:
            await self._ask_all_back(self.lines.still_open, actor, reason)

    async def give_back(self, line: Line) -> bool:
        """Pay back what is not earned of a line; False when the bank let the money go, and nothing is paid at all."""
        line.is_returned = True
        request = ReturnLine(
            order_id=self.order.order_id,
            line_id=line.line_id,
            refund_reason=line.refund_reason,
            note=line.reason,
            amount_minor=line.unpaid_minor,
        )
        try:
            returned = await self.steps.money(PaymentActivities.return_line, request, RETRY_OR_SKIP)
        except StepSkippedError:
            workflow.logger.warning("support returned a line by hand", extra={"order_id": self.order.order_id})
            return True
        return returned.how is not ReturnedHow.NOTHING_TAKEN

    async def _take_back_opened(self) -> bool:
        request = WithdrawLines(
            order_id=self.order.order_id,
            job_ids=(),
            deliverable_ids=(),
            actor=SYSTEM,
            reason="its lines could not all be opened",
            whatever_is_open=True,
        )
        return (await self.steps.remote(OrderActivities.withdraw_lines, request)).withdrawn

    async def _ask_all_back(self, lines: list[Line], actor: Actor, reason: str) -> str | None:
        """None when all were taken back, else how far the one is that has begun."""
        request = WithdrawLines(
            order_id=self.order.order_id,
            job_ids=tuple(line.job_id for line in lines if line.job_id is not None),
            deliverable_ids=tuple(line.deliverable_id for line in lines if line.deliverable_id is not None),
            actor=actor,
            reason=reason,
        )
        withdrawal = await self.steps.remote(OrderActivities.withdraw_lines, request)
        return None if withdrawal.withdrawn else withdrawal.state or "in_fulfilment"

    async def _withdraw_job(self, job_id: str, actor: Actor, reason: str, *, whole_order: bool) -> None:
        request = WithdrawJob(
            job_id=job_id, order_id=self.order.order_id, actor=actor, reason=reason, whole_order=whole_order
        )
        withdrawal = await self.steps.remote(JobActivities.withdraw_job, request)
        if not withdrawal.withdrawn:
            raise refusal(STARTED, TOO_LATE if whole_order else LINE_TOO_LATE, state=withdrawal.state)


def runs_by_lines(order: StartOrder) -> bool:
    """Whether the order runs by its lines, or by the one job it began with."""
    return order.revision >= MANY_LINES


def has_services(placed: OrderPlaced) -> bool:
    """Whether the payment is captured at once: a service's provider begins without accepting anything."""
    return any(line.kind is LineKind.SERVICE for line in placed.lines)
