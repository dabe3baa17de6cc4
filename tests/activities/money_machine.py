"""The machine's rules for orders: placed, paid, accepted, captured, settled, called off, in any order."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from temporalio.exceptions import ApplicationError

from fulfil.gateways.stripe.errors import CardDeclinedError
from fulfil.models.messages.jobs import CloseJob, JobState, WithdrawJob
from fulfil.models.messages.orders import CloseOrder, OpenJob, OrderPlaced, OrderState
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.payments import CapturePayment, ExpirePayment, ReturnPayment, SettleJob
from tests.activities.money_frame import EXACT
from tests.activities.money_oracle import Ordered
from tests.activities.money_refund_opening import RefundOpening

MOST_ORDERS = 3
NUMBERS = st.integers(0, 5)
TOTALS = st.sampled_from([10_000, 9_999, 100, 3_333, 100_000])
PAYING = ("pm_card_visa", "pm_card_bypassPending", "pm_card_pendingRefund", "pm_card_refundFail")
CARDS = st.sampled_from([*PAYING, "pm_card_chargeDeclined", "pm_card_threeDSecure2Required"])
BEGUN = st.tuples(st.sampled_from([8, 7, 6, 5, 4, 4, 3, 2, 1]), TOTALS, st.sampled_from(PAYING))
FAULTS = st.sampled_from(
    [*(None,) * 5, "drop_before", "drop_after", "error_500_before", "error_500_after", "rate_limit"]
)
MEANWHILE = st.sampled_from(["nothing", "nothing", "events", "reconciliation"])
DAY_S = 86_400


class MoneyMachine(RefundOpening):
    """Orders on their way."""

    @initialize(first=BEGUN, second=st.one_of(st.none(), BEGUN))
    def open_the_shop(self, first: tuple[int, int, str], second: tuple[int, int, str] | None) -> None:
        """Two providers, who are asked by every order of the example, and orders on their way."""
        self.bench.run(self.bench.begin())
        self.providers = [self.bench.run(self.bench.till.add_payee()) for _ in range(2)]
        for begun in (first, second):
            if begun is not None:
                self.begin_order(*begun)

    def begin_order(self, steps: int, total: int, card: str) -> None:
        """An order that has taken so many of its usual steps."""
        number = EXACT + len(self.orders)
        usual: list[Callable[[], None]] = [
            lambda: self.place(total, None),
            lambda: self.pay(number, card),
            lambda: self.open_job(number),
            lambda: self.accept(number, 0, None, "nothing"),
            lambda: self.settle(number, capable=True, fault=None, meanwhile="nothing"),
            *self.usual_claims(number, total),
        ]
        for step in usual[:steps]:
            step()

    def usual_claims(self, number: int, total: int) -> list[Callable[[], None]]:
        """What a customer who is not content does next."""
        del number, total
        return []

    # --- orders ---------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.orders) < MOST_ORDERS)
    @rule(total=TOTALS, fault=FAULTS)
    def place(self, total: int, fault: str | None) -> None:
        """A customer orders."""
        quote = self.bench.run(self.bench.shop.add_quote(total_minor=total))
        placed = self.play(lambda: self.bench.till.payments.place_order(quote), fault)
        assert placed.refusal_code is None
        self.orders.append(Ordered(placed.order_id, placed.line_id or "", placed.payment_intent_id or "", total))
        again = self.unchanged(lambda: self.bench.till.payments.place_order(quote))
        assert again == placed

    @precondition(lambda self: any(order.job is None and not order.ended for order in self.orders))
    @rule(number=NUMBERS, card=CARDS)
    def pay(self, number: int, card: str) -> None:
        """She pays, is declined, or turns away from her bank's page."""
        order = self.order(number, lambda order: order.job is None and not order.ended)
        if self.intent_state(order) not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            return
        try:
            self.bench.run(self.bench.till.pay(OrderPlaced(order_id=order.id, payment_intent_id=order.intent_id), card))
        except CardDeclinedError:
            assert card == "pm_card_chargeDeclined"

    @precondition(lambda self: any(order.job is None and not order.ended for order in self.orders))
    @rule(number=NUMBERS, fault=FAULTS, meanwhile=MEANWHILE)
    def run_out(self, number: int, fault: str | None, meanwhile: str) -> None:
        """The time to pay is over; a customer who has paid keeps her order."""
        order = self.order(number, lambda order: not order.ended and order.job is None)
        step = ExpirePayment(order_id=order.id)
        state = self.intent_state(order)
        if state in ("requires_capture", "succeeded"):
            answer = self.unchanged(lambda: self.bench.till.payments.expire_payment(step))
            assert answer is not None
            assert answer.paid
        elif order.job is None and not order.ended:
            assert not self.play(lambda: self.bench.till.payments.expire_payment(step), fault, meanwhile).paid
            self.listen()
            self.oracle.unauthorized(order)
            self._end(order, OrderState.EXPIRED)

    @precondition(lambda self: self.orders)
    @rule(number=NUMBERS)
    def open_job(self, number: int) -> None:
        """The paid order looks for a provider; asked twice, it looks once."""
        order = self.order(number, lambda order: not order.ended and order.job is None)
        request = OpenJob(
            order_id=order.id,
            line_id=order.line_id,
            payment_intent_id=order.intent_id,
            policies=self.bench.shop.policies,
        )
        if order.job is not None:
            self.unchanged(lambda: self.bench.shop.orders.open_job(request))
        elif not order.ended and self.intent_state(order) == "requires_capture":
            order.job = self.play(lambda: self.bench.shop.orders.open_job(request)).start
            order.job_state = "open"
            self.oracle.authorized(order)

    @precondition(lambda self: any(order.job for order in self.orders))
    @rule(number=NUMBERS, who=st.integers(0, 1), fault=FAULTS, meanwhile=MEANWHILE)
    def accept(self, number: int, who: int, fault: str | None, meanwhile: str) -> None:
        """A provider accepts, perhaps too late."""
        order, provider = self.order(number, lambda order: order.job_state == "open"), self.providers[who]
        if order.job is None:
            return
        request = self.bench.shop.acceptance(order.job, provider)
        step = lambda: self.bench.till.payments.secure_acceptance(request)  # noqa: E731
        if order.job_state != "open":
            answer = self.unchanged(step)
            hers = order.provider == provider
            late = {True: "secured", False: "refused"}[hers] if order.job_state == "secured" else "withdrawn"
            assert answer is not None
            assert answer.outcome == late
            return
        lost = self.intent_state(order) == "canceled"
        answer = self.play(step, fault, meanwhile)
        self.listen()
        assert answer.outcome == ("payment_lost" if lost else "secured")
        if lost:
            self.oracle.unauthorized(order)
            self._lose(order)
        else:
            self.book_capture(order)
            order.job_state, order.provider = "secured", provider

    @precondition(lambda self: any(order.job_state in ("open", "secured") for order in self.orders))
    @rule(number=NUMBERS, fault=FAULTS, meanwhile=MEANWHILE)
    def capture_in_time(self, number: int, fault: str | None, meanwhile: str) -> None:
        """The bank is about to let the hold go."""
        order = self.order(number, lambda order: order.job_state == "open" and not order.charge_id)
        step = lambda: self.bench.till.payments.capture_payment(CapturePayment(order_id=order.id))  # noqa: E731
        if order.charge_id is not None:
            self.unchanged(step)
        elif order.job_state == "open":
            lost = self.intent_state(order) == "canceled"
            assert self.play(step, fault, meanwhile).captured is not lost
            self.listen()
            if lost:
                self.oracle.unauthorized(order)
                self._lose(order)
            else:
                self.book_capture(order)

    @precondition(lambda self: any(order.job for order in self.orders))
    @rule(number=NUMBERS, capable=st.sampled_from([True, True, False]), fault=FAULTS, meanwhile=MEANWHILE)
    def settle(self, number: int, *, capable: bool, fault: str | None, meanwhile: str) -> None:
        """The customer approves; the provider's account may not be able to take the money yet."""
        order = self.order(number, lambda order: order.job_state in ("secured", "approved"))
        if order.job is None:
            return
        request = SettleJob(order_id=order.id, job_id=order.job.job_id, approved_by_silence=False)
        step = lambda: self.bench.till.payments.settle_job(request)  # noqa: E731
        if order.job_state not in ("secured", "approved"):
            self.unchanged(step, None if order.job_state == "closed" else "job_not_settleable")
            return
        if order.parked:
            self.bench.run(self.bench.shop.retry_by_support(order.id, order.job.job_id, "settle_job"))
            order.parked, capable = False, True
        if not capable:
            self._able(order.provider, able=False)
        refused, settlement = None, None
        try:
            settlement = self.play(step, fault, meanwhile)
        except ApplicationError as error:
            refused = error.type
        finally:
            if not capable:
                self._able(order.provider, able=True)
        self.listen()
        order.job_state = "approved"
        if order.frozen:
            assert settlement is not None
            assert settlement.frozen
            return
        if order.released is None:
            self.oracle.released(order)
        else:
            self.oracle.net_taken(order)
        if order.to_transfer and not capable:
            assert refused == "transfer_refused", refused
            order.parked = True
            return
        assert settlement is not None, refused
        order.job_state, order.ended, order.transfer_id = "closed", True, settlement.transfer_id
        self.oracle.transferred(order)
        assert (settlement.transfer_id is not None) is (order.to_transfer > 0)

    @precondition(lambda self: len(self.oracle.known) % 3 == 0)  # an order called off ends most of what is to be seen
    @precondition(lambda self: self.orders)
    @rule(number=NUMBERS, fault=FAULTS, meanwhile=MEANWHILE)
    def call_off(self, number: int, fault: str | None, meanwhile: str) -> None:
        """The customer cancels; what is approved is not taken back."""
        order = self.order(number)
        if order.job is not None:
            request = WithdrawJob(job_id=order.job.job_id, order_id=order.id, actor=SYSTEM, reason="called off")
            step = lambda: self.bench.shop.jobs.withdraw_job(request)  # noqa: E731
            if order.job_state in ("approved", "closed"):
                answer = self.unchanged(step)
                assert answer is not None
                assert not answer.withdrawn
                return
            assert self.play(step).withdrawn
            order.job_state = "withdrawn"
        self._return(order, fault, meanwhile)

    @rule(days=st.sampled_from([0.01, 0.5, 1, 2, 3, 8]))
    def let_time_pass(self, days: float) -> None:
        """Money becomes available, refunds arrive, holds end, keys are forgotten."""
        self.bench.run(self.bench.advance(days * DAY_S))

    @precondition(lambda self: self.orders)
    @rule(number=st.integers(0, 40), how_many=st.integers(1, 3))
    def hear_events(self, number: int, how_many: int) -> None:
        """Events come in, in any order and as often as Stripe likes."""
        self.hear(self.bench.run(self.bench.tell(number, how_many)))

    @precondition(lambda self: self.orders)
    @rule()
    def reconcile(self) -> None:
        """The hour is over."""
        self.bench.run(self.bench.reconcile())
        self.hear_entries()

    # --- what ends an order ---------------------------------------------------------------------------------

    def _return(self, order: Ordered, fault: str | None = None, meanwhile: str = "nothing") -> None:
        request = ReturnPayment(order_id=order.id, reason="called off")
        answer = self.play(lambda: self.bench.till.payments.return_payment(request), fault, meanwhile)
        self.listen()
        if self.intent_state(order) == "canceled":
            self.oracle.unauthorized(order)
        else:
            self.book_capture(order)
            self.open_cancellation(order, answer, request.reason)
        self._end(order, OrderState.CANCELLED)

    def _end(self, order: Ordered, state: OrderState) -> None:
        if not order.ended:
            request = CloseOrder(order_id=order.id, state=state, actor=SYSTEM, reason="over")
            self.play(lambda: self.bench.shop.orders.close_order(request))
            order.ended = True

    def _lose(self, order: Ordered) -> None:
        """The bank let the money go: nobody makes the job, and the order is called off."""
        request = CloseJob(job_id=order.job.job_id, order_id=order.id, state=JobState.FAILED, reason="payment lost")
        self.play(lambda: self.bench.shop.jobs.close_job(request))
        order.job_state = "withdrawn"
        self._return(order)

    def _able(self, provider: str, *, able: bool) -> None:
        async def switch() -> None:
            query = "SELECT stripe_account_id FROM providers WHERE id = :id"
            account = await self.bench.shop.value(query, id=provider)
            await self.bench.admin(f"accounts/{account}/capability", status="active" if able else "restricted")

        self.bench.run(switch())
