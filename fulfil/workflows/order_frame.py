"""What the parts of the order process stand on: its state, and how it waits."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from temporalio import workflow

from fulfil.models.messages.orders import CancelOrder, OrderPlaced, StartOrder
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.payments import PaymentState
from fulfil.workflows.compensation import Undo
from fulfil.workflows.steps import Steps


class CalledOffError(Exception):
    """The order is to be cancelled: leaves the story of `run()` for its second ending."""


class Stage(StrEnum):
    """Where `run()` is; decides what `cancel` may do."""

    PLACING = "placing"
    AWAITING_PAYMENT = "awaiting_payment"
    EXPIRING = "expiring"
    OPENING = "opening"
    IN_FULFILMENT = "in_fulfilment"
    CANCELLING = "cancelling"
    ENDED = "ended"


@dataclass
class OrderProgress:
    """Everything the order remembers, besides its lines."""

    stage: Stage = Stage.PLACING
    placed: OrderPlaced | None = None
    payment: PaymentState = PaymentState.REQUIRES_PAYMENT
    payment_due_at: datetime | None = None
    capture_before: datetime | None = None
    cancellation: CancelOrder | None = None
    undo: Undo = field(default_factory=Undo)

    @property
    def is_between_stages(self) -> bool:
        """Whether a step runs that a cancellation has to wait for."""
        return self.stage in (Stage.PLACING, Stage.EXPIRING, Stage.OPENING)

    @property
    def is_paid(self) -> bool:
        """Whether the customer's part is done."""
        return self.payment in (PaymentState.AUTHORIZED, PaymentState.CAPTURED)

    @property
    def cancel_reason(self) -> str:
        """Why it was called off."""
        return self.cancellation.reason if self.cancellation else "called off"

    def call_off(self, reason: str) -> None:
        """Nobody asked for it, but it can't go on."""
        if self.cancellation is None:
            self.cancellation = CancelOrder(actor=SYSTEM, reason=reason)


class OrderFrame:
    """The state of an order and how it waits; `cancelled_in_ui` is what Cancel in the Temporal UI means to it."""

    def __init__(self, order: StartOrder, cancelled_in_ui: Callable[[], Awaitable[None]]) -> None:
        self.order = order
        self.progress = OrderProgress()
        self.steps = Steps(order_id=order.order_id, subject=order.order_id)
        self._cancelled_in_ui = cancelled_in_ui

    @property
    def placed(self) -> OrderPlaced:
        """What was written of the order."""
        if self.progress.placed is None:
            raise RuntimeError("the order is not placed yet")
        return self.progress.placed

    async def until(self, done: Callable[[], bool], by: datetime | None = None) -> bool:
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
                await self._cancelled_in_ui()
            if self.progress.cancellation is not None:
                raise CalledOffError
            if done():
                return True
