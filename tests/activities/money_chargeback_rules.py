"""The machine's rules for chargebacks: opened and decided by the bank, read late or twice, answered or accepted."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from temporalio.exceptions import ApplicationError

from fulfil.activities.chargeback_truth import chargeback_id_of
from fulfil.models.messages.chargebacks import AcceptLoss, CollectEvidence, ReadChargeback, SubmitEvidence
from tests.activities.money_machine import FAULTS, NUMBERS
from tests.activities.money_oracle import Disputed, Ordered
from tests.activities.money_refund_rules import RefundRules
from tests.activities.shop import SUPPORT

STATES = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "closed",
    "needs_response": "needs_response",
    "under_review": "under_review",
    "won": "won",
    "lost": "lost",
}


class ChargebackRules(RefundRules):
    """Chargebacks of the orders."""

    def chargeback(self, number: int) -> tuple[Ordered, Disputed] | None:
        """One of the chargebacks."""
        every = [(order, one) for order in self.orders for one in order.chargebacks.values()]
        return every[number % len(every)] if every else None

    @precondition(lambda self: any(order.charge_id for order in self.orders))
    @rule(number=NUMBERS, amount=st.sampled_from([None, None, 1, 50, 2_500, 4_000]), inquiry=st.booleans())
    def dispute(self, number: int, amount: int | None, *, inquiry: bool) -> None:
        """A cardholder asks her bank for the money, or only why it was taken."""
        order = self.order(number, lambda order: order.charge_id)
        if order.charge_id is None:
            return
        opened = self.bench.run(self.bench.admin("disputes", charge=order.charge_id, amount=amount, inquiry=inquiry))
        if opened is not None:
            chargeback_id = chargeback_id_of(opened["id"])
            order.chargebacks[chargeback_id] = Disputed(chargeback_id, opened["id"], order.id)

    @precondition(lambda self: any(order.chargebacks for order in self.orders))
    @rule(number=NUMBERS, status=st.sampled_from(["won", "lost", "lost", "warning_closed", "escalate"]))
    def bank_decides(self, number: int, status: str) -> None:
        """The bank decides, as far as it still can."""
        found = self.chargeback(number)
        if found is not None:
            self.bench.run(self.bench.admin(f"disputes/{found[1].stripe_id}", status=status))

    @precondition(lambda self: any(order.chargebacks for order in self.orders))
    @rule(number=NUMBERS, fault=FAULTS)
    def read_chargeback(self, number: int, fault: str | None) -> None:
        """Its workflow heard of it."""
        found = self.chargeback(number)
        if found is None:
            return
        order, one = found
        step = lambda: self.bench.chargebacks.read_chargeback(self._reading(order, one))  # noqa: E731
        answer = self.play(step, fault)
        self.believe(order, one)
        assert answer.state == STATES[one.read]
        self.unchanged(step)

    @precondition(lambda self: any(order.chargebacks for order in self.orders))
    @rule(number=NUMBERS, collect=st.sampled_from([False, False, False, True]), fault=FAULTS)
    def submit(self, number: int, *, collect: bool, fault: str | None) -> None:
        """Evidence goes to the bank, once; nothing of it moves money."""
        found = self.chargeback(number)
        if found is None or found[1].read == "unread":
            return
        order, one = found
        if collect and self.stripe(f"/v1/disputes/{one.stripe_id}")["status"] in (
            "needs_response",
            "warning_needs_response",
        ):
            request = CollectEvidence(chargeback_id=one.id, order_id=order.id, number=1)
            self.play(lambda: self.bench.chargebacks.collect_evidence(request), fault)
        sending = SubmitEvidence(chargeback_id=one.id, order_id=order.id, actor=SUPPORT, reason="complete")
        self.play(lambda: self.bench.chargebacks.submit_evidence(sending), fault)
        self.believe(order, one)

    @precondition(lambda self: any(order.chargebacks for order in self.orders))
    @rule(number=NUMBERS, fault=FAULTS)
    def accept_loss(self, number: int, fault: str | None) -> None:
        """Support gives it up, which is too late once the bank has the answer."""
        found = self.chargeback(number)
        if found is None or found[1].read == "unread":
            return
        order, one = found
        request = AcceptLoss(chargeback_id=one.id, order_id=order.id, actor=SUPPORT, reason="the customer is right")
        step = lambda: self.bench.chargebacks.accept_loss(request)  # noqa: E731
        if self.stripe(f"/v1/disputes/{one.stripe_id}")["status"] in ("needs_response", "warning_needs_response"):
            self.play(step, fault)
            self.believe(order, one)
            return
        before = self.bench.run(self.bench.digest(self.ids))
        try:
            self.play(step)
        except ApplicationError as refused:
            if refused.type != "acceptance_refused":
                raise
            assert self.bench.run(self.bench.digest(self.ids)) == before
        else:
            self.believe(order, one)

    def believe(self, order: Ordered, one: Disputed) -> None:
        """The oracle reads the dispute; a loss may have taken a transfer back."""
        if self.oracle.disputed(order, one, self.stripe(f"/v1/disputes/{one.stripe_id}")):
            self.reversals(order, one.id)

    def read_everything(self) -> None:
        """What became of the chargebacks."""
        for order in self.orders:
            for one in order.chargebacks.values():
                reading = self._reading(order, one)
                self.play(lambda reading=reading: self.bench.chargebacks.read_chargeback(reading))  # type: ignore[misc]
                self.believe(order, one)
        super().read_everything()

    @staticmethod
    def _reading(order: Ordered, one: Disputed) -> ReadChargeback:
        return ReadChargeback(chargeback_id=one.id, stripe_dispute_id=one.stripe_id, order_id=order.id)
