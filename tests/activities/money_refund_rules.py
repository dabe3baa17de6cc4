"""The machine's rules for refunds: asked for too much, decided by the wrong, sent, failing, sent again."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from fulfil.models.ids import new_id
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.refunds import (
    DecideRefund,
    LookAtRefund,
    RefundLine,
    RefundReason,
    RefundRoute,
    RefundScope,
    RerouteRefund,
    SendRefund,
    StartRefund,
)
from tests.activities.money_machine import FAULTS, MEANWHILE, NUMBERS, MoneyMachine
from tests.activities.money_oracle import Ordered, Refunding

PEOPLE = {
    "acc_clerk": Actor(kind=ActorKind.SUPPORT, id="acc_clerk"),
    "acc_boss": Actor(kind=ActorKind.ADMIN, id="acc_boss"),
}
UNKNOWN_LINE = "lin_" + "0" * 32
WHO = st.sampled_from(["acc_clerk", "acc_boss", "acc_boss"])
AMOUNTS = st.sampled_from([None, None, 1, 33, 100, 3_333, 4_000, 9_999, 10_000, 60_000, 100_001])
SHAPES = st.sampled_from(["amount", "amount", "amount", "line", "unknown line", "line twice", "goodwill"])


class RefundRules(MoneyMachine):
    """Refunds of the orders."""

    def usual_claims(self, number: int, total: int) -> list[Callable[[], None]]:
        """A refund of a third, approved and sent."""

        def ask() -> None:
            self.ask_refund(number, total // 3, "amount", "acc_clerk")
            self.decide(0, approved=True, by="acc_boss")

        return [ask, lambda: self.send(0, None, "nothing")]

    def refund(self, number: int, *states: str) -> tuple[Ordered, Refunding] | None:
        """One of the refunds, mostly one in these states."""
        every = [(order, refund) for order in self.orders for refund in order.refunds.values()]
        meant = [found for found in every if found[1].state in states] if number % 4 else []
        every = meant or every
        return every[number % len(every)] if every else None

    @precondition(lambda self: any(order.charge_id for order in self.orders))
    @rule(number=NUMBERS, amount=AMOUNTS, shape=SHAPES, by=WHO)
    def ask_refund(self, number: int, amount: int | None, shape: str, by: str) -> None:
        """Somebody asks for a refund, also of what is not there."""
        order = self.order(number, lambda order: order.charge_id)
        lines: tuple[RefundLine, ...] = ()
        if "line" in shape:
            name = UNKNOWN_LINE if shape == "unknown line" else order.line_id
            lines = (RefundLine(line_id=name, amount_minor=amount),) * (2 if shape == "line twice" else 1)
        request = StartRefund(
            refund_id=new_id("ref"),
            order_id=order.id,
            scope=RefundScope(amount_minor=None if lines else amount, lines=lines),
            reason=RefundReason.GOODWILL if shape == "goodwill" else RefundReason.QUALITY,
            note="the edge is broken",
            requested_by=PEOPLE[by],
            looks_s=(1, 5, 10),
        )
        self.open_refund(order, request)

    @precondition(lambda self: any(order.refunds for order in self.orders))
    @rule(number=NUMBERS, approved=st.sampled_from([True, True, False]), by=WHO)
    def decide(self, number: int, *, approved: bool, by: str) -> None:
        """Somebody decides, perhaps whoever asked for it, perhaps what nobody asked."""
        found = self.refund(number, "awaiting_approval", *(() if approved else ("failed",)))
        if found is None:
            return
        order, refund = found
        request = DecideRefund(
            refund_id=refund.id, order_id=order.id, approved=approved, actor=PEOPLE[by], reason="looked at it"
        )
        step = lambda: self.bench.refunds.decide_refund(request)  # noqa: E731
        refusal = None
        if refund.state not in ("awaiting_approval", *(() if approved else ("failed",))):
            possible = False
        elif refund.state == "awaiting_approval" and refund.by == by:
            possible, refusal = False, "second_person_required"
        elif approved and order.held_back:
            possible, refusal = False, "payment_frozen"
        elif approved and refund.impossible:
            possible, refusal = False, "refund_exceeds_paid"
        else:
            possible = True
        if not possible:
            answer = self.unchanged(step)
            assert answer is not None
            assert answer.refusal_code == refusal
            return
        assert self.play(step).refusal_code is None
        if approved:
            refund.state, refund.decided = "requested", True
        else:
            self.oracle.given_up(order, refund)

    @precondition(lambda self: any(order.refunds for order in self.orders))
    @rule(number=NUMBERS, fault=FAULTS, meanwhile=MEANWHILE)
    def send(self, number: int, fault: str | None, meanwhile: str) -> None:
        """It is booked and sent; what is not to be sent stays."""
        found = self.refund(number, "requested")
        if found is None:
            return
        order, refund = found
        step = lambda: self.bench.refunds.send_refund(SendRefund(refund_id=refund.id, order_id=order.id))  # noqa: E731
        if refund.state != "requested" and (refund.state != "sent" or refund.stripe_id is not None):
            self.unchanged(step)
            return
        gone = not refund.booked and not refund.goodwill and refund.amount > self.not_taken(order)
        asks = not refund.booked and self.needs_approval(order, refund)
        if asks and (order.held_back or not refund.decided or gone):
            refund.impossible = gone
            refund.state, refund.decided = "awaiting_approval", False
            assert self.play(step, fault, meanwhile).state == "awaiting_approval"
            self.listen()
            return
        if not refund.booked:
            self.oracle.booked(order, refund)
        answer = self.play(step, fault, meanwhile)
        self.reversals(order, refund.id)
        if refund.route == "card":
            for said in self.at_stripe(order, refund)[-1:]:
                self.oracle.heard(order, refund, said)
            if refund.stripe_id is None:
                refund.state = "failed"
        else:
            customer = "SELECT customer_id FROM orders WHERE id = :id"
            owner = self.bench.run(self.bench.shop.value(customer, id=order.id))
            account = "asset:bank" if refund.route == "bank" else f"liability:credit:{owner}"
            self.oracle.paid_otherwise(order, refund, account)
        self.listen()
        assert answer.state == refund.state

    @precondition(lambda self: any(order.refunds for order in self.orders))
    @rule(number=NUMBERS, fault=FAULTS)
    def look(self, number: int, fault: str | None) -> None:
        """It is read again."""
        found = self.refund(number, "sent", "succeeded")
        if found is None:
            return
        order, refund = found
        request = LookAtRefund(refund_id=refund.id, order_id=order.id)
        step = lambda: self.bench.refunds.look_at_refund(request)  # noqa: E731
        if refund.stripe_id is None or refund.state not in ("sent", "succeeded"):
            self.unchanged(step)
            return
        answer = self.play(step, fault)
        self.oracle.heard(order, refund, self.stripe(f"/v1/refunds/{refund.stripe_id}"))
        assert answer.state == refund.state

    @precondition(lambda self: any(order.refunds for order in self.orders))
    @rule(number=NUMBERS, route=st.sampled_from([*RefundRoute]))
    def reroute(self, number: int, route: RefundRoute) -> None:
        """Another way, which only a failed refund has."""
        found = self.refund(number, "failed")
        if found is None:
            return
        order, refund = found
        request = RerouteRefund(
            refund_id=refund.id,
            order_id=order.id,
            route=route,
            actor=PEOPLE["acc_clerk"],
            reason="no card",
            reference="x",
        )
        step = lambda: self.bench.refunds.reroute_refund(request)  # noqa: E731
        if refund.state != "failed" or order.held_back:
            answer = self.unchanged(step)
            assert answer is not None
            assert answer.refusal_code == ("payment_frozen" if refund.state == "failed" else None)
            return
        self.play(step)
        refund.state, refund.route, refund.stripe_id = "sent", route.value, None

    @precondition(lambda self: any(refund.stripe_id for order in self.orders for refund in order.refunds.values()))
    @rule(number=NUMBERS, status=st.sampled_from(["succeeded", "failed", "failed"]))
    def card_network_decides(self, number: int, status: str) -> None:
        """At Stripe a refund arrives, or comes back, also after it had arrived."""
        sent = [refund.stripe_id for order in self.orders for refund in order.refunds.values() if refund.stripe_id]
        self.bench.run(self.bench.admin(f"refunds/{sent[number % len(sent)]}", status=status))

    @precondition(lambda self: any(order.transfer_id for order in self.orders))
    @rule(number=st.integers(0, 1))
    def empty_account(self, number: int) -> None:
        """A provider has what is available paid out to her bank."""
        provider = self.providers[number]

        async def pay_out() -> None:
            query = "SELECT stripe_account_id FROM providers WHERE id = :id"
            account = await self.bench.shop.value(query, id=provider)
            headers = {"Authorization": "Bearer sk_test_simulator", "Stripe-Account": account}
            said: dict[str, Any] = (await self.bench.till.admin.get("/v1/balance", headers=headers)).json()
            available = sum(part["amount"] for part in said["available"] if part["currency"] == "eur")
            if available > 0:
                body = {"amount": str(available), "currency": "eur"}
                (await self.bench.till.admin.post("/v1/payouts", headers=headers, data=body)).raise_for_status()

        self.bench.run(pay_out())

    def read_everything(self) -> None:
        """The last looks."""
        super().read_everything()
        for order in self.orders:
            for refund in order.refunds.values():
                if refund.stripe_id is not None and refund.state in ("sent", "succeeded"):
                    request = LookAtRefund(refund_id=refund.id, order_id=order.id)
                    self.play(lambda request=request: self.bench.refunds.look_at_refund(request))  # type: ignore[misc]
                    self.oracle.heard(order, refund, self.stripe(f"/v1/refunds/{refund.stripe_id}"))
