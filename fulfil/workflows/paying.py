"""How an order comes to be paid: by the customer in time, or by her saved card, tried again while that may help."""

from datetime import timedelta

from temporalio import workflow

from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.payments import ChargeSavedCard, ExpirePayment, PaymentChanged, PaymentState
from fulfil.models.money import format_money
from fulfil.workflows.order_frame import CalledOffError, OrderFrame, Stage
from fulfil.workflows.ports.payments import PaymentActivities
from fulfil.workflows.steps import RETRY_OR_CANCEL, StepCancelledError, say


class Paying:
    """The first part of an order's story."""

    def __init__(self, frame: OrderFrame) -> None:
        self.frame = frame

    def note(self, change: PaymentChanged) -> None:
        """What Stripe says of the payment now; late and repeated news changes nothing."""
        progress = self.frame.progress
        if progress.is_paid:
            return
        if change.state is PaymentState.REQUIRES_ACTION and progress.payment is not change.state:
            wait = timedelta(seconds=self.frame.order.policies.authentication_due_s)
            progress.payment_due_at = workflow.now() + wait
        progress.payment = change.state
        progress.capture_before = change.capture_before

    async def in_time(self) -> bool:
        """True when paid; the deadline moves once when the bank asks the customer to confirm (3-D Secure)."""
        frame, progress = self.frame, self.frame.progress
        if frame.order.payment_method_id is not None:
            await self._charge_saved_card(frame.order.payment_method_id)
        amount = format_money(frame.placed.amount_minor, frame.placed.currency)
        while not progress.is_paid:
            due = progress.payment_due_at
            asked = "to confirm with the bank" if progress.payment is PaymentState.REQUIRES_ACTION else "to pay"
            say(f"Customer has {asked} {amount}", WaitingOn.CUSTOMER, due, "the order expires")
            if not await frame.until(lambda: progress.is_paid or progress.payment_due_at != due, due):  # noqa: B023
                progress.stage = Stage.EXPIRING
                request = ExpirePayment(order_id=frame.order.order_id)
                expiry = await frame.steps.money(PaymentActivities.expire_payment, request)
                progress.capture_before = expiry.capture_before
                return expiry.paid
        return True

    async def _charge_saved_card(self, payment_method_id: str) -> None:
        """Until it is paid, by this card or another; what can't be tried again the customer is asked to mend."""
        frame, progress = self.frame, self.frame.progress
        policies = frame.order.policies
        for attempt in range(1, len(policies.decline_retries_s) + 2):
            say(f"Charging the saved card, attempt {attempt}", WaitingOn.SYSTEM)
            request = ChargeSavedCard(
                order_id=frame.order.order_id, payment_method_id=payment_method_id, attempt=attempt
            )
            try:
                charge = await frame.steps.money(PaymentActivities.charge_saved_card, request, RETRY_OR_CANCEL)
            except StepCancelledError:
                progress.call_off("support gave up charging the saved card")
                raise CalledOffError from None
            if progress.cancellation is not None:
                raise CalledOffError
            if progress.is_paid:
                return
            progress.payment, progress.capture_before = charge.state, charge.capture_before
            wait_s = policies.decline_retries_s[attempt - 1] if charge.retry else policies.authentication_due_s
            due = progress.payment_due_at = workflow.now() + timedelta(seconds=wait_s)
            if not charge.retry:
                return
            say("The saved card was declined for now", WaitingOn.SYSTEM, due, "it is charged again")
            if await frame.until(lambda: progress.is_paid, due):
                return
