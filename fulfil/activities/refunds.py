"""The refund activities on PostgreSQL and Stripe: written with its amount reserved, decided, sent, looked at."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from fulfil.activities.locking import hold_payment, hold_providers
from fulfil.activities.parking import parking
from fulfil.activities.promises import refusal_key
from fulfil.activities.refund_bookkeeping import (
    FAILURES,
    book_decision,
    give_up,
    pay_another_way,
    progress_of,
    take_back_of,
    write_failure,
    write_refund,
)
from fulfil.activities.refund_planning import (
    hold_refund,
    next_of_ended,
    opened,
    plan_anew,
    plan_of,
    state_of,
    write_request,
)
from fulfil.activities.reissuing import issue, keys_of
from fulfil.activities.reversing import TakeBack, book_reversal, note_refusal
from fulfil.gateways.stripe.errors import CardDeclinedError, StripeRefusedError
from fulfil.gateways.stripe.facts import RefundFacts, RefundReason
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.ledger.refund_plans import EXCEEDS_PAID
from fulfil.ledger.refundable import is_held_back
from fulfil.models.messages import refunds as messages
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.refunds import (
    DecideRefund,
    LookAtRefund,
    RefundOpened,
    RefundPlan,
    RefundProgress,
    RefundRoute,
    RefundState,
    RerouteRefund,
    SendRefund,
    StartRefund,
)
from fulfil.models.tables.payments import PaymentRow, RefundRow, TransferReversalRow
from fulfil.models.tables.timeline import EventRow, append_event
from fulfil.workflows.ports.refunds import RefundActivities

FROZEN = "payment_frozen"
# Stripe knows three reasons; what is neither a duplicate nor fraud was asked for.
REASONS: dict[str, RefundReason] = {
    messages.RefundReason.DUPLICATE: "duplicate",
    messages.RefundReason.FRAUDULENT: "fraudulent",
}


class StripeRefundActivities(RefundActivities):
    """Read first, ask Stripe under a key of the refund's id, then write everything at once under the payment's lock."""

    def __init__(self, database: Database, gateway: StripeGateway, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock

    @activity.defn
    async def open_refund(self, request: StartRefund) -> RefundOpened:
        """Check what is left to refund, reserve it and write the refund; one that is written is read."""
        async with self._database.begin() as session:
            payment = await hold_payment(session, request.order_id)
            stored = await session.get(RefundRow, request.refund_id)
            if stored is not None:
                return opened(stored)
            return await write_request(session, payment, request, self._clock())

    @activity.defn
    async def decide_refund(self, request: DecideRefund) -> RefundProgress:
        """Write the second person's decision; a rejection, also of a failed refund, frees the amount."""
        at = self._clock()
        async with self._database.begin() as session:
            await hold_providers(session, await _providers_of(session, request.refund_id))
            payment = await hold_payment(session, request.order_id)
            row = await hold_refund(session, request.refund_id)
            possible = [RefundState.AWAITING_APPROVAL, *([] if request.approved else [RefundState.FAILED])]
            if row.state not in possible:
                return progress_of(row)
            if row.state == RefundState.AWAITING_APPROVAL and row.requested_by.get("id") == request.actor.id:
                return progress_of(row, refusal_code="second_person_required")
            if request.approved and await is_held_back(session, payment):
                return progress_of(row, refusal_code=FROZEN)
            if request.approved and EXCEEDS_PAID in plan_of(row).approval_reasons:
                return progress_of(row, refusal_code=EXCEEDS_PAID)
            row.decided_by = request.actor.model_dump(mode="json")
            row.decided_at = row.updated_at = at
            if request.approved:
                row.state = RefundState.REQUESTED
            else:
                await give_up(session, payment, row, request.reason, at)
            kind, who, what = (
                (EventType.REFUND_APPROVED, WaitingOn.SYSTEM, "send the refund")
                if request.approved
                else (EventType.REFUND_REJECTED, WaitingOn.NOBODY, "the refund is rejected")
            )
            await append_event(
                session,
                order_id=row.order_id,
                business_key=f"{row.id}:{kind.value}:{at.isoformat()}",
                kind=kind,
                at=at,
                actor=request.actor,
                subject=row.id,
                data={"amount_minor": row.amount_minor, "currency": row.currency, "reason": request.reason},
                next_step=await next_of_ended(session, row.order_id, who, what),
            )
            return progress_of(row)

    @activity.defn
    async def send_refund(self, request: SendRefund) -> RefundProgress:
        """Book where the money comes from, take back what was released, send it to the card or another way."""
        row = await self._book(request)
        if state_of(row) is not RefundState.REQUESTED or row.sent_at is None:
            return progress_of(row)
        for part in plan_of(row).allocations:
            if part.provider_share_minor:
                await self._reverse(take_back_of(row, part))
        if row.route == RefundRoute.CARD:
            return await self._send_to_card(row)
        async with self._database.begin() as session:
            payment = await hold_payment(session, request.order_id)
            return await pay_another_way(session, payment, await hold_refund(session, request.refund_id), self._clock())

    @activity.defn
    async def look_at_refund(self, request: LookAtRefund) -> RefundProgress:
        """Re-read the refund and write what became of it."""
        row = await self._read(request.refund_id)
        if row.stripe_refund_id is None or row.state not in (RefundState.SENT, RefundState.SUCCEEDED):
            return progress_of(row)
        with parking("refund_unreadable", "Look at the refund in Stripe's dashboard, then retry the step."):
            refund = await self._gateway.retrieve_refund(row.stripe_refund_id)
        return await self._write(row, refund)

    @activity.defn
    async def reroute_refund(self, request: RerouteRefund) -> RefundProgress:
        """Choose another way for a refund that failed; it is still owed, so nothing is booked yet."""
        at = self._clock()
        async with self._database.begin() as session:
            payment = await hold_payment(session, request.order_id)
            row = await hold_refund(session, request.refund_id)
            if row.state != RefundState.FAILED:
                return progress_of(row)
            if await is_held_back(session, payment):
                return progress_of(row, refusal_code=FROZEN)
            row.state = RefundState.SENT
            row.route = request.route
            row.reference = request.reference
            row.stripe_refund_id = None
            row.updated_at = at
            await append_event(
                session,
                order_id=row.order_id,
                business_key=f"{row.id}:rerouted:{at.isoformat()}",
                kind=EventType.REFUND_REROUTED,
                at=at,
                actor=request.actor,
                subject=row.id,
                data={"route": request.route.value, "reference": request.reference, "reason": request.reason},
                next_step=await next_of_ended(session, row.order_id, WaitingOn.SYSTEM, "send the refund another way"),
            )
            return progress_of(row)

    async def _book(self, request: SendRefund) -> RefundRow:
        """The refund, booked: once, unless a person has to agree first."""
        at = self._clock()
        async with self._database.begin() as session:
            payment = await hold_payment(session, request.order_id)
            row = await hold_refund(session, request.refund_id)
            if row.state == RefundState.REQUESTED:
                plan = await plan_anew(session, payment, row, at)
                if plan is not None:
                    await book_decision(session, payment, row, plan, at)
            return row

    async def _reverse(self, taken: TakeBack) -> None:
        """Ask the provider's share back; refused, it stays a receivable that her later payouts are netted with."""
        async with self._database.begin() as session:
            done = select(TransferReversalRow.id).where(TransferReversalRow.business_key == taken.key)
            noted = select(EventRow.offset).where(EventRow.business_key == refusal_key(taken.key))
            if await session.scalar(done) is not None or await session.scalar(noted) is not None:
                return
        if taken.transfer_id is None:
            await self._note(taken, "no transfer to take back")
            return
        with parking("reversal_refused", "Look at the transfer in Stripe's dashboard, then retry the step."):
            try:
                found = await self._gateway.find_reversal(taken.transfer_id, idempotency_key=taken.key)
                reversal = found or await self._gateway.reverse_transfer(
                    taken.transfer_id,
                    amount_minor=taken.amount_minor,
                    order_id=taken.order_id,
                    refund_id=taken.cause_id,
                    idempotency_key=taken.key,
                )
            except StripeRefusedError as refused:
                await self._note(taken, str(refused))
                return
        async with self._database.begin() as session:
            await hold_providers(session, [taken.provider_id])
            await hold_payment(session, taken.order_id)
            await book_reversal(session, taken, reversal, self._clock())

    async def _note(self, taken: TakeBack, why: str) -> None:
        async with self._database.begin() as session:
            await hold_payment(session, taken.order_id)
            await note_refusal(session, taken, why, self._clock())

    async def _send_to_card(self, row: RefundRow) -> RefundProgress:
        """Under the key of this attempt, unless Stripe has it already; refused, it failed and stays owed."""
        async with self._database.begin() as session:
            intent_id = (await session.get_one(PaymentRow, row.order_id)).payment_intent_id
            number = 1 + (await session.scalar(_card_reroutes(row)) or 0)
            key = f"{row.id}:send:{number}"
            keys = await keys_of(session, key, order_id=row.order_id, subject=row.id, step="send_refund")
        with parking("refund_unsendable", "Look at the payment in Stripe's dashboard, then retry the step."):
            found = [
                refund
                for refund in await self._gateway.list_refunds(intent_id)
                if refund.refund_id == row.id and refund.status not in FAILURES
            ]
            try:
                refund = found[0] if found else await issue(keys, lambda key: self._create(intent_id, row, key))
            except (StripeRefusedError, CardDeclinedError) as refused:
                return await self._fail(row, str(refused), f"{key}:refused:{len(keys)}")
        return await self._write(row, refund)

    async def _create(self, intent_id: str, row: RefundRow, key: str) -> RefundFacts:
        refund = await self._gateway.create_refund(
            intent_id,
            order_id=row.order_id,
            refund_id=row.id,
            amount_minor=row.amount_minor,
            reason=REASONS.get(row.reason, "requested_by_customer"),
            idempotency_key=key,
        )
        # A stored answer stays as it was: what Stripe wrote since is read.
        return refund if refund.entry else await self._gateway.retrieve_refund(refund.id)

    async def _fail(self, row: RefundRow, failure: str, key: str) -> RefundProgress:
        async with self._database.begin() as session:
            await hold_payment(session, row.order_id)
            held = await hold_refund(session, row.id)
            if held.state != RefundState.SENT or held.stripe_refund_id is not None:
                return progress_of(held)
            return await write_failure(session, held, failure, key, self._clock())

    async def _write(self, row: RefundRow, refund: RefundFacts) -> RefundProgress:
        async with self._database.begin() as session:
            payment = await hold_payment(session, row.order_id)
            held = await hold_refund(session, row.id)
            return await write_refund(session, payment, held, refund, self._clock())

    async def _read(self, refund_id: str) -> RefundRow:
        async with self._database.begin() as session:
            return await session.get_one(RefundRow, refund_id)


async def _providers_of(session: AsyncSession, refund_id: str) -> list[str]:
    """Whose released money a refund takes, as far as it is planned."""
    plan = await session.scalar(select(RefundRow.plan).where(RefundRow.id == refund_id))
    parts = RefundPlan.model_validate(plan).allocations if plan is not None else ()
    return [part.provider_id for part in parts if part.provider_id is not None]


def _card_reroutes(row: RefundRow) -> Select[int]:
    """How often support sent it to the card again: each is an attempt with a key of its own."""
    return select(func.count()).where(
        EventRow.order_id == row.order_id,
        EventRow.subject == row.id,
        EventRow.type == EventType.REFUND_REROUTED,
        EventRow.data["route"].as_string() == RefundRoute.CARD.value,
    )
