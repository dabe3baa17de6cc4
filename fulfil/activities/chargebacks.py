"""The chargeback activities on PostgreSQL and Stripe: the dispute is read, then everything that follows is written."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from fulfil.activities.chargeback_bookkeeping import AWAITING_ANSWER, close, describe, write_dispute
from fulfil.activities.chargeback_evidence import collect, find_bill
from fulfil.activities.chargeback_losses import book_loss, fix_loss, hold_shares
from fulfil.activities.locking import hold_payment, missing
from fulfil.activities.parking import parking
from fulfil.activities.telling import tell_deliverable_payment_thawed, tell_job_payment_thawed
from fulfil.documents.rendering import TypesettingError, UnknownLayoutError, render_document
from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.gateways.stripe.facts import DisputeEvidence, DisputeFacts, ReversalFacts
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.chargebacks import (
    UNDECIDED,
    AcceptLoss,
    ChargebackLoss,
    ChargebackState,
    ChargebackStatus,
    CollectEvidence,
    ReadChargeback,
    RemindOfEvidence,
    SubmitEvidence,
)
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.payments import PaymentThawed
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.deliverables import MilestoneRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import ChargebackRow, PaymentRow
from fulfil.models.tables.timeline import append_event
from fulfil.workflows.ports.chargebacks import ChargebackActivities


class StripeChargebackActivities(ChargebackActivities):
    """The dispute at Stripe is the truth: each call ends by writing what it says then."""

    def __init__(
        self, database: Database, gateway: StripeGateway, client: Client, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._client = client
        self._clock = clock

    @activity.defn
    async def read_chargeback(self, request: ReadChargeback) -> ChargebackStatus:
        """Re-read the dispute; freeze or thaw the order's money, post what was taken or given back."""
        dispute = await self._look(request.stripe_dispute_id)
        return await self._write(request.chargeback_id, request.order_id, dispute)

    @activity.defn
    async def collect_evidence(self, request: CollectEvidence) -> None:
        """Stage what the timeline proves; collected once per number, so that a retry stages the same."""
        bill = await self._upload_bill(request)
        async with self._database.begin() as session:
            row = await _hold(session, request.chargeback_id)
            if row.evidence_number < request.number:
                row.evidence = {**await collect(session, row), **bill}
                row.evidence_number = request.number
                row.staged_at = None
        if not await self._stage(row, f"{request.chargeback_id}:evidence:{request.number}"):
            return
        async with self._database.begin() as session:
            row = await _hold(session, request.chargeback_id)
            if row.evidence_number == request.number:
                row.staged_at = row.updated_at = self._clock()

    @activity.defn
    async def submit_evidence(self, request: SubmitEvidence) -> ChargebackStatus:
        """Submit what is staged; an answer that is with the bank already is left alone."""
        row = await self._read_row(request.chargeback_id)
        dispute = await self._look(row.stripe_dispute_id)
        if dispute.status in AWAITING_ANSWER:
            with parking("submission_refused", "Submit in Stripe's dashboard, then skip the step."):
                dispute = await self._gateway.stage_evidence(
                    dispute.id,
                    evidence=DisputeEvidence(),
                    submit=True,
                    idempotency_key=f"{row.id}:submit:{dispute.submission_count + 1}",
                )
        if dispute.submission_count:
            await self._tell_submitted(row, request, dispute)
        return await self._write(row.id, row.order_id, dispute)

    @activity.defn
    async def accept_loss(self, request: AcceptLoss) -> ChargebackStatus:
        """Close the dispute as lost; what has been decided stays."""
        row = await self._read_row(request.chargeback_id)
        with parking("acceptance_refused", "Close the dispute in Stripe's dashboard, then retry the step."):
            await self._gateway.accept_dispute(row.stripe_dispute_id, idempotency_key=f"{row.id}:accept")
        dispute = await self._look(row.stripe_dispute_id)
        return await self._write(row.id, row.order_id, dispute, accepted_by=request)

    @activity.defn
    async def remind_of_evidence(self, request: RemindOfEvidence) -> None:
        """Write into the timeline that support has to look."""
        async with self._database.begin() as session:
            row = await _hold(session, request.chargeback_id)
            if row.state not in UNDECIDED:
                return
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{row.id}:due:{request.due_at.isoformat()}",
                kind=EventType.CHARGEBACK_EVIDENCE_DUE,
                at=self._clock(),
                actor=SYSTEM,
                subject=row.id,
                data={"due_at": request.due_at.isoformat(), "staged": row.staged_at is not None},
                next_step=NextStep(
                    who=WaitingOn.SUPPORT,
                    what=f"check the evidence for the {describe(row)} and submit it",
                    by=request.due_at,
                ),
            )

    async def _upload_bill(self, request: CollectEvidence) -> dict[str, str]:
        """The customer's invoice or receipt as a file of Stripe's; nothing when there is none, or it can't be drawn."""
        async with self._database.begin() as session:
            found = await find_bill(session, request.order_id)
        if found is None:
            return {}
        document_id, snapshot = found
        try:
            pdf = await asyncio.to_thread(render_document, snapshot)
        except (UnknownLayoutError, TypesettingError) as error:
            activity.logger.warning("bill not drawn: %s", error, extra={"document_id": document_id})
            return {}
        with parking("evidence_refused", "Answer in Stripe's dashboard, then skip the step; or retry it."):
            file_id = await self._gateway.upload_evidence_file(
                name=f"{snapshot.number}.pdf",
                content=pdf,
                content_type="application/pdf",
                idempotency_key=f"{request.chargeback_id}:bill:{document_id}",
            )
        return {"receipt": file_id}

    async def _stage(self, row: ChargebackRow, key: str) -> bool:
        """False when the bank waits for no evidence any more: it was decided, or answered, while it was collected."""
        with parking("evidence_refused", "Answer in Stripe's dashboard, then skip the step; or retry it."):
            try:
                await self._gateway.stage_evidence(
                    row.stripe_dispute_id,
                    evidence=DisputeEvidence(**row.evidence),
                    submit=False,
                    idempotency_key=key,
                )
            except StripeRefusedError:
                if (await self._gateway.retrieve_dispute(row.stripe_dispute_id)).status in AWAITING_ANSWER:
                    raise
                return False
        return True

    async def _look(self, dispute_id: str) -> DisputeFacts:
        with parking("dispute_unreadable", "Look for the dispute in Stripe's dashboard, then retry the step."):
            return await self._gateway.retrieve_dispute(dispute_id)

    async def _read_row(self, chargeback_id: str) -> ChargebackRow:
        async with self._database.begin() as session:
            row = await session.get(ChargebackRow, chargeback_id)
        if row is None:
            raise missing("chargeback", chargeback_id)
        return row

    async def _write(
        self, chargeback_id: str, order_id: str, dispute: DisputeFacts, accepted_by: AcceptLoss | None = None
    ) -> ChargebackStatus:
        """Row, freeze and entries first; a loss is then fixed, asked back from providers, and booked as a whole."""
        at = self._clock()
        given_up = {"accepted_by": accepted_by.actor.id, "why": accepted_by.reason} if accepted_by else {}
        async with self._database.begin() as session:
            await hold_shares(session, chargeback_id)
            payment = await hold_payment(session, order_id)
            row = await write_dispute(session, payment, chargeback_id, dispute, at)
            loss = await fix_loss(session, row)
            if loss is None:
                await close(session, payment, row, at, given_up)
        if loss is not None:
            await self._book(row, loss, given_up)
        return await self._status(chargeback_id)

    async def _book(self, row: ChargebackRow, loss: ChargebackLoss, given_up: Mapping[str, object]) -> None:
        reversals = await self._reverse(row, loss)
        at = self._clock()
        async with self._database.begin() as session:
            await hold_shares(session, row.id)
            payment = await hold_payment(session, row.order_id)
            held = await _hold(session, row.id)
            booked = await book_loss(session, payment, held, loss, reversals, at)
            await close(session, payment, held, at, {**booked, **given_up})

    async def _reverse(self, row: ChargebackRow, loss: ChargebackLoss) -> dict[str, ReversalFacts]:
        """What came back from the providers' accounts, by transfer; what could not stays owed by them."""
        reversals: dict[str, ReversalFacts] = {}
        for part in loss.transfers:
            try:
                found = await self._gateway.find_reversal(part.transfer_id, idempotency_key=part.key)
                reversals[part.transfer_id] = found or await self._gateway.reverse_transfer(
                    part.transfer_id,
                    amount_minor=part.amount_minor,
                    order_id=row.order_id,
                    refund_id=row.id,
                    idempotency_key=part.key,
                )
            except StripeRefusedError as refused:
                activity.logger.warning("reversal refused: %s", refused, extra={"transfer_id": part.transfer_id})
        return reversals

    async def _tell_submitted(self, row: ChargebackRow, request: SubmitEvidence, dispute: DisputeFacts) -> None:
        async with self._database.begin() as session:
            await append_event(
                session,
                order_id=row.order_id,
                business_key=f"{row.id}:submitted:{dispute.submission_count}",
                kind=EventType.CHARGEBACK_EVIDENCE_SUBMITTED,
                at=self._clock(),
                actor=request.actor,
                subject=row.id,
                data={"reason": request.reason, "stripe_status": dispute.status},
                next_step=NextStep(who=WaitingOn.NOBODY, what="the customer's bank decides"),
            )

    async def _status(self, chargeback_id: str) -> ChargebackStatus:
        """What is written; once nothing is frozen any more, jobs and deliverables that wait are told."""
        async with self._database.begin() as session:
            row = await session.get_one(ChargebackRow, chargeback_id)
            order = await session.get_one(OrderRow, row.order_id)
            payment = await session.get_one(PaymentRow, row.order_id)
            approved = (JobRow.order_id == row.order_id, JobRow.state == JobState.APPROVED)
            of_jobs = select(JobRow.id).where(*approved, JobRow.milestone_id.is_(None))
            of_milestones = select(MilestoneRow.deliverable_id).join(JobRow, JobRow.id == MilestoneRow.job_id)
            jobs = (await session.scalars(of_jobs)).all()
            deliverables = (await session.scalars(of_milestones.where(*approved).distinct())).all()
        if row.closed_at is not None and payment.frozen_at is None:
            thawed = PaymentThawed(order_id=row.order_id)
            for job_id in jobs:
                await tell_job_payment_thawed(self._client, job_id, thawed)
            for deliverable_id in deliverables:
                await tell_deliverable_payment_thawed(self._client, deliverable_id, thawed)
        policies = OrderPolicies.model_validate(order.policies)
        return ChargebackStatus(
            chargeback_id=row.id,
            state=ChargebackState(row.state),
            amount_minor=row.amount_minor,
            currency=row.currency,
            evidence_due_at=row.evidence_due_at,
            submitted=row.stripe_status not in AWAITING_ANSWER,
            staged=row.staged_at is not None,
            evidence_number=row.evidence_number,
            reminder_s=policies.evidence_reminder_s,
            submit_s=policies.evidence_submit_s,
        )


async def _hold(session: AsyncSession, chargeback_id: str) -> ChargebackRow:
    row = await session.get(ChargebackRow, chargeback_id, with_for_update={"key_share": True})
    if row is None:
        raise missing("chargeback", chargeback_id)
    return row
