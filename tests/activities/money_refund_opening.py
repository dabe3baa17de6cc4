"""How the machine asks for a refund and what it expects; orders that are called off need it too."""

from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.payments import PaymentReturn
from fulfil.models.messages.refunds import (
    RefundOpened,
    RefundReason,
    RefundScope,
    StartRefund,
)
from tests.activities.money_frame import MoneyFrame
from tests.activities.money_oracle import APPROVAL_ABOVE, UNBOOKED, Ordered, Refunding


class RefundOpening(MoneyFrame):
    """Opens refunds and knows which must be refused, and which need a second person."""

    def open_refund(self, order: Ordered, request: StartRefund) -> None:
        """Ask, and ask again: the answer is the same."""
        refused, amount = self.expected_refusal(order, request)
        step = lambda: self.bench.refunds.open_refund(request)  # noqa: E731
        if refused is not None:
            answer: RefundOpened | None = self.unchanged(step)
            assert answer is not None
            assert answer.plan.refusal_code == refused
            return
        refund = Refunding(request.refund_id, amount, "requested", request.requested_by.id)
        refund.goodwill = request.reason is RefundReason.GOODWILL
        refund.cancellation = request.reason is RefundReason.CANCELLATION
        if self.needs_approval(order, refund):
            refund.state = "awaiting_approval"
        answer = self.play(step)
        assert (answer.plan.refusal_code, answer.plan.amount_minor, answer.state) == (None, amount, refund.state)
        order.refunds[refund.id] = refund
        assert self.unchanged(step) == answer

    def open_cancellation(self, order: Ordered, answer: PaymentReturn, reason: str) -> None:
        """The refund that the return of the payment started."""
        if answer.refund_id is None or answer.refund_id in order.refunds:
            return
        scope = RefundScope()
        request = StartRefund(
            refund_id=answer.refund_id,
            order_id=order.id,
            scope=scope,
            reason=RefundReason.CANCELLATION,
            note=reason,
            requested_by=SYSTEM,
            looks_s=(1,),
        )
        self.open_refund(order, request)

    def expected_refusal(self, order: Ordered, request: StartRefund) -> tuple[str | None, int]:
        """Why it can't be, or how much it is."""
        scope, left = request.scope, order.left
        asked = scope.lines[0].amount_minor if scope.lines else scope.amount_minor
        amount = left if asked is None else asked
        refusal = None
        if order.charge_id is None:
            refusal = "payment_not_captured"
        elif order.held_back and request.reason is not RefundReason.CANCELLATION:
            refusal = "payment_frozen"
        elif left <= 0:
            refusal = "nothing_to_refund"
        elif scope.lines and scope.lines[0].line_id != order.line_id:
            refusal = "line_unknown"
        elif len(scope.lines) > 1:
            refusal = "line_named_twice"
        elif scope.lines and asked is not None and asked > self.of_line(order):
            refusal = "refund_exceeds_line"
        elif amount > left:
            refusal = "refund_exceeds_paid"
        return refusal, amount

    def of_line(self, order: Ordered) -> int:
        """What no refund has taken or reserved of the line's money."""
        reserved = [one for one in order.refunds.values() if one.state in UNBOOKED and not one.goodwill]
        return self.not_taken(order) - sum(one.amount for one in reserved)

    def not_taken(self, order: Ordered) -> int:
        """What is held, or released and not taken back."""
        return self.oracle.held(order) + sum((order.released or (0, 0))[:2])

    def needs_approval(self, order: Ordered, refund: Refunding) -> bool:
        """Large, released already, our own money, or frozen."""
        others = [
            one for one in order.refunds.values() if one.state in UNBOOKED and not one.goodwill and one is not refund
        ]
        held, unapproved = self.oracle.held(order), order.unapproved
        if (
            refund.id in order.refunds
            and refund.state == "requested"
            and not refund.decided
            and not refund.cancellation
        ):
            unapproved -= refund.amount
        if refund.id not in order.refunds:
            held = max(held - sum(one.amount for one in others), 0)
        return (
            order.held_back
            or (unapproved + refund.amount > APPROVAL_ABOVE and not refund.cancellation)
            or refund.goodwill
            or refund.amount > held
        )
