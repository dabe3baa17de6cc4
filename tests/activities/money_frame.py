"""The frame of the money machine: steps with failing requests, what the oracle hears, and what must hold after each."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant
from temporalio.exceptions import ApplicationError

from tests.activities.money_bench import Bench, Told
from tests.activities.money_oracle import FAILED_AT_STRIPE, Oracle, Ordered, Refunding

T = TypeVar("T")
# From here on, a number names its order and no other.
EXACT = 1_000


class MoneyFrame(RuleBasedStateMachine):
    """Plays steps, tells the oracle, and compares the books after each."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.oracle = Oracle()
        self.orders: list[Ordered] = []
        self.providers: list[str] = []
        self.between: list[Told] = []
        self.seen: set[str] = set()

    # --- what rules are made of -----------------------------------------------------------------------------

    def order(self, number: int, likely: Callable[[Ordered], object] = id) -> Ordered:
        """One of the orders: mostly one the step is meant for, now and then any."""
        if number >= EXACT:
            return self.orders[number - EXACT]
        meant = [order for order in self.orders if likely(order)] if number % 4 else []
        some = meant or self.orders
        return some[number % len(some)]

    @property
    def ids(self) -> list[str]:
        """The ids of the orders."""
        return [order.id for order in self.orders]

    def stripe(self, path: str, **query: str) -> Any:
        """An object at Stripe."""
        return self.bench.run(self.bench.stripe(path, **query))

    def play(self, step: Callable[[], Awaitable[T]], fault: str | None = None, meanwhile: str = "nothing") -> T:
        """A step with its retries; what the world does between them is heard by the oracle as well."""
        told: list[Told] = []

        async def between() -> None:
            if meanwhile == "events":
                told.extend(await self.bench.tell(-1, 4))
            elif meanwhile == "reconciliation":
                await self.bench.reconcile()
                told.append(Told("reconciliation", "", None))

        try:
            return self.bench.run(self.bench.attempt(step, fault, between))
        finally:
            self.between = told

    def listen(self) -> None:
        """What was told between a step and its retry counts as well, once the step is known."""
        told, self.between = self.between, []
        self.hear(told)

    def unchanged(self, step: Callable[[], Awaitable[T]], refusal: str | None = None) -> T | None:
        """A step that must not change a row; with `refusal`, one that raises an error of this type."""
        before = self.bench.run(self.bench.digest(self.ids))
        answer: T | None = None
        try:
            answer = self.play(step)
        except ApplicationError as error:
            if error.type != refusal:
                raise
        else:
            assert refusal is None, f"{answer} instead of {refusal}"
        after = self.bench.run(self.bench.digest(self.ids))
        assert after == before, {table for table, rows in after.items() if rows != before[table]}
        return answer

    def hear(self, told: list[Told]) -> None:
        """What acting on these events writes, by Stripe's objects."""
        for one in told:
            if one.note is not None and one.note.startswith("told before"):
                continue
            if one.kind == "reconciliation":
                self.hear_entries()
            elif one.kind.startswith("refund."):
                self.hear_refund(self.stripe(f"/v1/refunds/{one.object_id}"))
            elif one.kind in ("charge.refunded", "charge.expired"):
                self.hear_charge(one.kind, one.object_id)

    def hear_charge(self, kind: str, charge_id: str) -> None:
        """Its refunds are read again, or the bank's hold is known to have ended."""
        intent_id = self.stripe(f"/v1/charges/{charge_id}")["payment_intent"]
        for order in self.orders:
            if order.intent_id == intent_id and kind == "charge.expired":
                self.oracle.unauthorized(order)
            elif order.charge_id == charge_id:
                self.hear_sent(order)

    def hear_refund(self, said: dict[str, Any]) -> None:
        """Whose object it is: known by its name, or, unless it failed, by the id of ours it carries."""
        for order in self.orders:
            for refund in order.refunds.values():
                named = said["metadata"].get("refund_id") == refund.id and said["status"] not in FAILED_AT_STRIPE
                if refund.stripe_id == said["id"] or (named and refund.booked):
                    self.oracle.heard(order, refund, said)

    def hear_sent(self, order: Ordered) -> None:
        """The refunds of an order that are under way at Stripe."""
        for refund in order.refunds.values():
            if refund.state == "sent" and refund.stripe_id is not None:
                self.oracle.heard(order, refund, self.stripe(f"/v1/refunds/{refund.stripe_id}"))

    def hear_entries(self) -> None:
        """The reconciliation reads each refund whose entries we have not booked."""
        for order in self.orders:
            for said in self.at_stripe(order):
                moved = {"taken": said["balance_transaction"], "returned": said.get("failure_balance_transaction")}
                if any(entry and f"{said['id']}:{what}" not in self.oracle.known for what, entry in moved.items()):
                    self.hear_refund(said)

    def at_stripe(self, order: Ordered, refund: Refunding | None = None) -> list[dict[str, Any]]:
        """The refunds of an order at Stripe, oldest first; of one refund of ours those that did not fail."""
        listed = self.stripe("/v1/refunds", payment_intent=order.intent_id, limit="100")["data"][::-1]
        if refund is None:
            return list(listed)
        return [
            said
            for said in listed
            if said["metadata"].get("refund_id") == refund.id and said["status"] not in FAILED_AT_STRIPE
        ]

    def intent_state(self, order: Ordered) -> str:
        """What became of the payment at Stripe."""
        return str(self.stripe(f"/v1/payment_intents/{order.intent_id}")["status"])

    def book_capture(self, order: Ordered) -> None:
        """The oracle learns of the charge."""
        charge_id = self.stripe(f"/v1/payment_intents/{order.intent_id}")["latest_charge"]
        query = {"expand[]": "balance_transaction"}
        self.oracle.captured(order, self.stripe(f"/v1/charges/{charge_id}", **query))

    def reversals(self, order: Ordered, cause: str) -> None:
        """What came back from the provider's account for a refund or chargeback."""
        if order.transfer_id is None:
            return
        for said in self.stripe(f"/v1/transfers/{order.transfer_id}/reversals")["data"]:
            if said["metadata"]["refund_id"] == cause:
                self.oracle.reversed(order, cause, said["amount"])

    @invariant()
    def the_books_say_what_happened(self) -> None:
        """Every account as the oracle has it, which sums to zero; none has turned its sign."""
        if not self.orders:
            return
        self.bench.played.update(re.sub(r"[a-z]+_[0-9a-zA-Z]+", "_", key) for key in self.oracle.known - self.seen)
        self.seen = set(self.oracle.known)
        expected = {account: amount for account, amount in self.oracle.books.items() if amount}
        assert self.bench.run(self.bench.balances(self.ids)) == expected
        assert sum(expected.values()) == 0
        assert self.bench.run(self.bench.overdrawn([*expected])) == []
        rows = self.bench.run(
            self.bench.shop.sql(
                "SELECT order_id, refunded_minor, refunding_minor, frozen_at IS NOT NULL AS frozen FROM payments "
                "WHERE order_id = ANY(:ids)",
                ids=self.ids,
            )
        )
        said = {row.order_id: (row.refunded_minor, row.refunding_minor, row.frozen) for row in rows}
        assert said == {order.id: (order.refunded, order.refunding, order.frozen) for order in self.orders}

    def teardown(self) -> None:
        """When all is read and reconciled, nothing is to be found, and Stripe's balance is ours."""
        if self.orders:
            self.read_everything()
            self.bench.run(self.bench.reconcile())
            self.hear_entries()
            self.the_books_say_what_happened()
            found = [finding for order in self.orders for finding in self.bench.run(self.bench.findings(order.id))]
            assert [one for one in found if one.kind not in ("held_too_long", "held_after_close")] == []

    def read_everything(self) -> None:
        """What workflows would still look at."""
