"""The payment activities on PostgreSQL and Stripe: look, call Stripe under a business key, write everything at once."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import select
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from fulfil.activities.bookkeeping import REFUND_FAILURES, book_charge, book_refund, book_void
from fulfil.activities.locking import hold_payment, missing
from fulfil.activities.placing import read_items, read_placed, refusal_of, refused, write_order
from fulfil.activities.reissuing import issue, keys_of
from fulfil.activities.securing import claim_job, confirm_acceptance, lose_payment
from fulfil.activities.settling import Payout, approve_job, release_money
from fulfil.activities.telling import tell_order_job_closed
from fulfil.gateways.stripe import (
    CardDeclinedError,
    PaymentIntentFacts,
    RefundFacts,
    StripeGateway,
    StripeMisconfiguredError,
    StripeRefusedError,
    TransferFacts,
)
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.jobs import AcceptanceSecured, JobClosed, JobOutcome, SecureAcceptance
from fulfil.models.messages.orders import OrderPlaced, StartOrder
from fulfil.models.messages.payments import (
    ExpirePayment,
    JobSettlement,
    PaymentExpiry,
    PaymentReturn,
    PaymentState,
    ReturnedHow,
    ReturnPayment,
    SettleJob,
)
from fulfil.models.tables.payments import PaymentRow, RefundRow
from fulfil.models.tables.quotes import QuoteRow
from fulfil.workflows.ports.payments import PaymentActivities

PAID = ("requires_capture", "succeeded")
AMOUNT_REFUSALS = ("amount_too_small", "amount_too_large")


@contextmanager
def parking(kind: str, remedy: str) -> Generator[None]:
    """Turn what Stripe refuses for good into an error that parks the step and says what support can do."""
    try:
        yield
    except (StripeRefusedError, CardDeclinedError) as error:
        raise ApplicationError(f"Stripe refused: {error}. {remedy}", type=kind, non_retryable=True) from error
    except StripeMisconfiguredError as error:
        remedy = "Check the Stripe key and its permissions, then retry the step."
        raise ApplicationError(f"{error}. {remedy}", type="stripe_misconfigured", non_retryable=True) from error


class StripePaymentActivities(PaymentActivities):
    """Every effect once: PostgreSQL remembers it, and Stripe is asked under a key made of the order's or job's id."""

    def __init__(
        self, database: Database, gateway: StripeGateway, client: Client, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._client = client
        self._clock = clock

    @activity.defn
    async def place_order(self, request: StartOrder) -> OrderPlaced:
        """Check the quote, create the payment intent, write order, line, payment and the first events."""
        async with self._database.begin() as session:
            placed = await read_placed(session, request)
            quote = await session.get(QuoteRow, request.quote_id)
            items = await read_items(session, request.quote_id)
        if placed is not None:
            return placed
        if quote is None:
            return refused(request, "quote_not_found", "There is no such quote: ask for a new one.")
        refusal = refusal_of(request, quote, items, self._clock())
        if refusal is not None:
            return refusal
        with parking("payment_refused", "Correct the quote's amount or currency, or cancel the order."):
            try:
                intent = await self._gateway.create_payment_intent(
                    order_id=request.order_id,
                    amount_minor=quote.total_minor,
                    currency=quote.currency,
                    idempotency_key=f"{request.order_id}:payment_intent",
                )
            except StripeRefusedError as error:
                if error.code in AMOUNT_REFUSALS:
                    return refused(request, error.code, error.message)
                raise
        async with self._database.begin() as session:
            await write_order(session, request, quote, items, intent, self._clock())
            placed = await read_placed(session, request)
        if placed is None:
            raise missing("order", request.order_id)
        return placed

    @activity.defn
    async def expire_payment(self, request: ExpirePayment) -> PaymentExpiry:
        """Cancel the unpaid payment intent; a customer who paid at the last moment keeps the order."""
        payment = await self._read_payment(request.order_id)
        if payment.state == PaymentState.CANCELLED:
            return PaymentExpiry(paid=False)
        facts = await self._gateway.retrieve_payment_intent(payment.payment_intent_id)
        if facts.status not in (*PAID, "canceled"):
            facts = await self._cancel(payment)
        if facts.status in PAID:
            return PaymentExpiry(paid=True)
        if facts.status != "canceled":
            raise ApplicationError(f"{facts.id} is {facts.status}: not settled yet", type="payment_unsettled")
        async with self._database.begin() as session:
            await book_void(
                session, await hold_payment(session, request.order_id), was_authorized=False, at=self._clock()
            )
        return PaymentExpiry(paid=False)

    @activity.defn
    async def secure_acceptance(self, request: SecureAcceptance) -> AcceptanceSecured:
        """Reserve the material and close the other offers, capture, then write charge and production."""
        async with self._database.begin() as session:
            claim = await claim_job(session, request, self._clock())
        if isinstance(claim, AcceptanceSecured):
            return claim
        facts = None if claim.captured_at is not None else await self._capture(claim)
        async with self._database.begin() as session:
            if facts is None or facts.status == "succeeded":
                return await confirm_acceptance(session, request, facts, self._clock())
            return await lose_payment(session, request, facts, self._clock())

    @activity.defn
    async def return_payment(self, request: ReturnPayment) -> PaymentReturn:
        """Cancel what is not captured, refund what is; the payment provider's truth decides."""
        payment = await self._read_payment(request.order_id)
        facts = await self._gateway.retrieve_payment_intent(payment.payment_intent_id)
        was_authorized = facts.status == "requires_capture"
        if facts.status not in ("succeeded", "canceled"):
            facts = await self._cancel(payment)
        if facts.status == "succeeded":
            return await self._refund(request, facts)
        if facts.status != "canceled":
            raise ApplicationError(f"{facts.id} is {facts.status}: not settled yet", type="payment_unsettled")
        async with self._database.begin() as session:
            row = await hold_payment(session, request.order_id)
            voided = await book_void(session, row, was_authorized=was_authorized, at=self._clock())
        return PaymentReturn(
            how=ReturnedHow.VOIDED if voided else ReturnedHow.NOTHING_TAKEN,
            amount_minor=payment.amount_minor if voided else 0,
            currency=payment.currency,
        )

    @activity.defn
    async def settle_job(self, request: SettleJob) -> JobSettlement:
        """Write the approval, pay the provider her share, release the held money, tell the order."""
        async with self._database.begin() as session:
            settlement = await approve_job(session, request, self._clock())
        if isinstance(settlement, Payout):
            payout = settlement
            transfer = await self._transfer(request, payout)
            async with self._database.begin() as session:
                settlement = await release_money(session, request, payout, transfer, self._clock())
        closed = JobClosed(job_id=request.job_id, outcome=JobOutcome.SETTLED)
        await tell_order_job_closed(self._client, request.order_id, closed)
        return settlement

    async def _read_payment(self, order_id: str) -> PaymentRow:
        async with self._database.begin() as session:
            payment = await session.get(PaymentRow, order_id)
        if payment is None:
            raise missing("payment of order", order_id)
        return payment

    async def _cancel(self, payment: PaymentRow) -> PaymentIntentFacts:
        with parking("void_refused", "Cancel the payment intent in Stripe's dashboard, then retry the step."):
            return await self._gateway.cancel_payment_intent(
                payment.payment_intent_id, idempotency_key=f"{payment.order_id}:void"
            )

    async def _capture(self, payment: PaymentRow) -> PaymentIntentFacts:
        """What became of the payment; a refusal is believed only when the payment is not capturable any more."""
        remedy = "Look at the payment in Stripe's dashboard, then retry the step, or cancel to ask other providers."
        with parking("capture_refused", remedy):
            try:
                facts = await self._gateway.capture_payment_intent(
                    payment.payment_intent_id, idempotency_key=f"{payment.order_id}:capture"
                )
            except (StripeRefusedError, CardDeclinedError):
                facts = await self._gateway.retrieve_payment_intent(payment.payment_intent_id)
                if facts.status == "requires_capture":
                    raise
        if facts.status in ("requires_capture", "processing"):
            raise ApplicationError(f"{facts.id} is {facts.status}: not captured yet", type="payment_unsettled")
        return facts

    async def _refund(self, request: ReturnPayment, facts: PaymentIntentFacts) -> PaymentReturn:
        key = f"{request.order_id}:refund:1"
        async with self._database.begin() as session:
            payment = await hold_payment(session, request.order_id)
            await book_charge(session, payment, facts, self._clock())
            stored = await session.scalar(select(RefundRow).where(RefundRow.business_key == key))
            keys = await keys_of(
                session, key, order_id=request.order_id, subject=request.order_id, step="return_payment"
            )
        refund = await self._send_refund(payment, stored, keys)
        async with self._database.begin() as session:
            payment = await hold_payment(session, request.order_id)
            await book_refund(session, payment, refund, key, request.reason, self._clock())
        if refund.status in REFUND_FAILURES:
            raise ApplicationError(
                f"refund {refund.id} is {refund.status}: send the money another way, then skip the step",
                type="refund_failed",
                non_retryable=True,
            )
        return PaymentReturn(
            how=ReturnedHow.REFUNDED if refund.status == "succeeded" else ReturnedHow.REFUND_PENDING,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            refund_id=refund.id,
        )

    async def _send_refund(self, payment: PaymentRow, stored: RefundRow | None, keys: list[str]) -> RefundFacts:
        with parking("refund_refused", "Refund in Stripe's dashboard or another way, then skip the step."):
            if stored is not None:
                return await self._gateway.retrieve_refund(stored.id)
            return await issue(
                keys,
                lambda key: self._gateway.create_refund(
                    payment.payment_intent_id,
                    order_id=payment.order_id,
                    amount_minor=payment.amount_minor - payment.refunded_minor,
                    idempotency_key=key,
                ),
            )

    async def _transfer(self, request: SettleJob, payout: Payout) -> TransferFacts:
        account_id, charge_id = payout.stripe_account_id, payout.charge_id
        if account_id is None or charge_id is None:
            lacking = "Stripe account" if account_id is None else "captured charge to pay from"
            raise ApplicationError(
                f"provider {payout.provider_id} has no {lacking}: complete it, then retry the step",
                type="transfer_refused",
                non_retryable=True,
            )
        first = f"{request.job_id}:transfer"
        async with self._database.begin() as session:
            keys = await keys_of(session, first, order_id=request.order_id, subject=request.job_id, step="settle_job")

        def send(key: str) -> Awaitable[TransferFacts]:
            # The first key stays with the account it was first used for.
            destination = (payout.account_id_at_approval or account_id) if key == first else account_id
            return self._gateway.create_transfer(
                order_id=request.order_id,
                amount_minor=payout.payout_minor,
                currency=payout.currency,
                destination=destination,
                source_charge_id=charge_id,
                idempotency_key=key,
                metadata={"job_id": request.job_id, "provider_id": payout.provider_id},
            )

        remedy = "Check the provider's Stripe account (can it receive transfers?), then retry the step."
        with parking("transfer_refused", remedy):
            return await issue(keys, send)
