"""The payment activities on PostgreSQL and Stripe: look, call Stripe under a business key, write everything at once."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from fulfil.activities.bookkeeping import book_authorization, book_capture, book_charge, book_void
from fulfil.activities.charging import charge_key, write_refusal
from fulfil.activities.counter_offers import return_discount
from fulfil.activities.locking import hold_payment, missing
from fulfil.activities.ordering import read_wanted, refusal_of
from fulfil.activities.parking import parking
from fulfil.activities.placing import read_placed, refused, write_order
from fulfil.activities.reissuing import issue, keys_of
from fulfil.activities.returning import Returning, refund_of_line, refund_of_rest
from fulfil.activities.securing import claim_job, confirm_acceptance, lose_payment
from fulfil.activities.settling import Payout, approve_job, close_settled, net_taken
from fulfil.activities.telling import start_refund, tell_order_job_closed
from fulfil.gateways.stripe.errors import CardDeclinedError, StripeRefusedError
from fulfil.gateways.stripe.facts import Decline, PaymentIntentFacts, TransferFacts
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.documents import PlatformIdentity
from fulfil.models.messages.jobs import AcceptanceSecured, JobClosed, JobOutcome, SecureAcceptance
from fulfil.models.messages.orders import OrderPlaced, StartOrder
from fulfil.models.messages.payments import (
    CapturePayment,
    ChargeSavedCard,
    ExpirePayment,
    JobSettlement,
    PaymentCapture,
    PaymentExpiry,
    PaymentReturn,
    PaymentState,
    ReturnedHow,
    ReturnLine,
    ReturnPayment,
    SavedCardCharge,
    SettleJob,
)
from fulfil.models.tables.payments import PaymentRow, StripeCustomerRow
from fulfil.workflows.ports.payments import PaymentActivities

PAID = ("requires_capture", "succeeded")
AMOUNT_REFUSALS = ("amount_too_small", "amount_too_large")


class StripePaymentActivities(PaymentActivities):
    """Every effect once: PostgreSQL remembers it, and Stripe is asked under a key made of the order's or job's id."""

    def __init__(
        self,
        database: Database,
        gateway: StripeGateway,
        client: Client,
        clock: Callable[[], datetime] = utc_now,
        *,
        platform: PlatformIdentity,
    ) -> None:
        """`platform` is who stands on the documents that money leaves behind."""
        self._database = database
        self._gateway = gateway
        self._client = client
        self._clock = clock
        self._platform = platform

    @activity.defn
    async def place_order(self, request: StartOrder) -> OrderPlaced:
        """Check what is ordered, create the payment intent, write order, lines, payment and the first events."""
        async with self._database.begin() as session:
            placed = await read_placed(session, request)
            wanted = await read_wanted(session, request)
            payer = await session.get(StripeCustomerRow, request.customer_id)
        if placed is not None:
            return placed
        refusal = refusal_of(request, wanted, self._clock())
        if refusal is not None:
            return refused(request, *refusal)
        (currency,) = wanted.currencies
        with parking("payment_refused", "Correct the order's amount or currency, or cancel it."):
            try:
                intent = await self._gateway.create_payment_intent(
                    order_id=request.order_id,
                    amount_minor=wanted.total_minor,
                    currency=currency,
                    idempotency_key=f"{request.order_id}:payment_intent",
                    customer_id=payer.stripe_customer_id if payer else None,
                )
            except StripeRefusedError as error:
                if error.code in AMOUNT_REFUSALS:
                    return refused(request, error.code, error.message)
                raise
        async with self._database.begin() as session:
            await write_order(session, request, wanted, intent, self._clock())
            placed = await read_placed(session, request)
        if placed is None:
            raise missing("order", request.order_id)
        return placed

    @activity.defn
    async def charge_saved_card(self, request: ChargeSavedCard) -> SavedCardCharge:
        """Confirm the payment intent with the saved card; the bank's refusal is an answer, written for the customer."""
        payment = await self._read_payment(request.order_id)
        if payment.authorized_at is not None:
            return SavedCardCharge(state=PaymentState.AUTHORIZED, capture_before=payment.capture_before)
        with parking("charge_refused", "Retry the step, or cancel the order."):
            facts = await self._charge(payment, request)
        if isinstance(facts, Decline):
            async with self._database.begin() as session:
                return await write_refusal(session, request, facts, self._clock())
        if facts.status not in (*PAID, "canceled"):
            raise ApplicationError(f"{facts.id} is {facts.status}: not settled yet", type="payment_unsettled")
        if facts.status == "canceled":
            return SavedCardCharge(state=PaymentState.CANCELLED)
        async with self._database.begin() as session:
            payment = await hold_payment(session, request.order_id)
            await book_authorization(session, payment, self._clock(), facts.capture_before)
        return SavedCardCharge(state=PaymentState.AUTHORIZED, capture_before=facts.capture_before)

    @activity.defn
    async def capture_payment(self, request: CapturePayment) -> PaymentCapture:
        """Capture once and book it; a hold that was lost is written too."""
        payment = await self._read_payment(request.order_id)
        if payment.captured_at is not None:
            return PaymentCapture(captured=True)
        facts = await self._capture(payment)
        async with self._database.begin() as session:
            payment = await hold_payment(session, request.order_id)
            captured = await book_capture(session, payment, facts, self._clock(), self._platform)
        return PaymentCapture(captured=captured)

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
            return PaymentExpiry(paid=True, capture_before=facts.capture_before)
        if facts.status != "canceled":
            raise ApplicationError(f"{facts.id} is {facts.status}: not settled yet", type="payment_unsettled")
        async with self._database.begin() as session:
            await book_void(
                session, await hold_payment(session, request.order_id), was_authorized=False, at=self._clock()
            )
        return PaymentExpiry(paid=False)

    @activity.defn
    async def secure_acceptance(self, request: SecureAcceptance) -> AcceptanceSecured:
        """Reserve the material and close the other offers, capture, then write charge and production.

        What a counter-offer is cheaper by goes back in a refund of its own.
        """
        secured = await self._secure(request)
        await return_discount(self._database, self._client, request, secured)
        return secured

    async def _secure(self, request: SecureAcceptance) -> AcceptanceSecured:
        async with self._database.begin() as session:
            claim = await claim_job(session, request, self._clock())
        if isinstance(claim, AcceptanceSecured):
            return claim
        facts = None if claim.captured_at is not None else await self._capture(claim)
        async with self._database.begin() as session:
            if facts is None or facts.status == "succeeded":
                return await confirm_acceptance(session, request, facts, self._clock(), self._platform)
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
            async with self._database.begin() as session:
                held = await hold_payment(session, request.order_id)
                await book_charge(session, held, facts, self._clock(), self._platform)
                refund = await refund_of_rest(session, held, request)
            return await self._refund(payment.currency, refund)
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
    async def return_line(self, request: ReturnLine) -> PaymentReturn:
        """Capture what is only authorised, then start the refund of what is held of one line.

        `nothing_taken` tells that the bank let the money go: then nothing of the order is paid.
        """
        payment = await self._read_payment(request.order_id)
        facts = None if payment.captured_at is not None else await self._capture(payment)
        async with self._database.begin() as session:
            held = await hold_payment(session, request.order_id)
            if facts is not None and not await book_capture(session, held, facts, self._clock(), self._platform):
                return PaymentReturn(how=ReturnedHow.NOTHING_TAKEN, amount_minor=0, currency=payment.currency)
            refund = await refund_of_line(session, held, request)
        return await self._refund(payment.currency, refund)

    @activity.defn
    async def settle_job(self, request: SettleJob) -> JobSettlement:
        """Write the approval and release the held money, pay the provider her share, close, tell the order."""
        async with self._database.begin() as session:
            settlement = await approve_job(session, request, self._clock(), self._platform)
        if isinstance(settlement, Payout):
            payout = settlement
            transfer = await self._made_before(request, payout)
            if transfer is None and payout.is_repeated:
                async with self._database.begin() as session:
                    payout = await net_taken(session, request, self._clock())
            if transfer is None and payout.transfer_minor:
                transfer = await self._transfer(request, payout)
            async with self._database.begin() as session:
                settlement = await close_settled(session, request, payout, transfer, self._clock())
        if settlement.frozen or settlement.milestone_id is not None:
            return settlement
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

    async def _charge(self, payment: PaymentRow, request: ChargeSavedCard) -> PaymentIntentFacts | Decline:
        """What became of the payment; a card that is not there any more is refused like a declined one."""
        try:
            return await self._gateway.charge_saved_card(
                payment.payment_intent_id,
                payment_method=request.payment_method_id,
                idempotency_key=charge_key(request),
            )
        except CardDeclinedError as error:
            return error.decline
        except StripeRefusedError as error:
            facts = await self._gateway.retrieve_payment_intent(payment.payment_intent_id)
            if facts.status in (*PAID, "canceled"):
                return facts
            return Decline(code=error.code, decline_code=error.code, advice_code=None, message=error.message)

    async def _capture(self, payment: PaymentRow) -> PaymentIntentFacts:
        """What became of the payment; a refusal is believed only when the payment is not capturable any more."""
        remedy = "Look at the payment in Stripe's dashboard, then retry the step, or cancel to ask others."
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
        if facts.status == "succeeded" and facts.entry is None:
            # A stored answer stays as it was: what Stripe wrote since is read.
            facts = await self._gateway.retrieve_payment_intent(payment.payment_intent_id)
        return facts

    async def _refund(self, currency: str, refund: Returning) -> PaymentReturn:
        """Start what is to be refunded; it follows by itself, its id the same at every attempt."""
        if refund.start is not None:
            await start_refund(self._client, refund.start)
        return PaymentReturn(
            how=refund.how, amount_minor=refund.amount_minor, currency=currency, refund_id=refund.refund_id
        )

    async def _made_before(self, request: SettleJob, payout: Payout) -> TransferFacts | None:
        """The transfer of an attempt whose answer was lost, which Stripe may have had long ago."""
        if not (payout.is_repeated and payout.transfer_minor):
            return None
        made = await self._gateway.list_transfers(request.order_id)
        return next((transfer for transfer in made if transfer.job_id == request.job_id), None)

    async def _transfer(self, request: SettleJob, payout: Payout) -> TransferFacts:
        account_id, charge_id = payout.stripe_account_id, payout.charge_id
        if account_id is None or charge_id is None:
            lacking = (
                "has no Stripe account: the provider has to complete her payout account"
                if account_id is None
                else "has no captured charge to be paid from: complete it"
            )
            raise ApplicationError(
                f"provider {payout.provider_id} {lacking}; then retry the step",
                type="transfer_refused",
                non_retryable=True,
            )
        first = payout.transfer_key
        async with self._database.begin() as session:
            keys = await keys_of(session, first, order_id=request.order_id, subject=request.job_id, step="settle_job")

        def send(key: str) -> Awaitable[TransferFacts]:
            # The first key stays with the account it was first used for.
            destination = (payout.account_id_at_approval or account_id) if key == first else account_id
            return self._gateway.create_transfer(
                order_id=request.order_id,
                amount_minor=payout.transfer_minor,
                currency=payout.currency,
                destination=destination,
                source_charge_id=charge_id,
                idempotency_key=key,
                metadata={"job_id": request.job_id, "provider_id": payout.provider_id},
            )

        remedy = "The provider has to complete her payout account; then retry the step."
        with parking("transfer_refused", remedy):
            transfer = await issue(keys, send)
            # A stored answer stays as it was: what Stripe wrote since is read.
            return transfer if transfer.entry else await self._gateway.retrieve_transfer(transfer.id)
