"""The job process: offered, accepted by one provider, made, delivered, approved, settled."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.jobs import (
        AcceptanceOutcome,
        AcceptanceSecured,
        AcceptOffer,
        ApproveJob,
        CloseJob,
        DeclineOffer,
        JobApproved,
        JobClosed,
        JobOutcome,
        JobReported,
        JobState,
        JobWithdrawn,
        OfferDeclined,
        RedispatchJob,
        Remind,
        SecureAcceptance,
        Stage,
        StartJob,
    )
    from fulfil.models.messages.parties import WaitingOn
    from fulfil.models.messages.payments import CapturePayment, PaymentThawed, SettleJob
    from fulfil.models.messages.support import ResolveStep, StepResolved
    from fulfil.workflows import attributes
    from fulfil.workflows.dispatch import Dispatch
    from fulfil.workflows.policies import FROZEN_LOOK
    from fulfil.workflows.ports.jobs import JobActivities
    from fulfil.workflows.ports.payments import PaymentActivities
    from fulfil.workflows.production import Production
    from fulfil.workflows.refusals import refusal
    from fulfil.workflows.steps import RETRY_OR_CANCEL, RETRY_OR_SKIP, StepCancelledError, Steps, StepSkippedError, say


class TakenBackError(Exception):
    """The order took the job back: leaves the story of `run()`."""


class PaymentLostError(Exception):
    """The authorised payment could not be captured: the job can't be made."""


@workflow.defn(name="Job")
class JobWorkflow:
    """The making of one order line, again with another provider when one fails.

    What the provider reports about her work (progress, quality, shipment) is written by the API in one
    transaction; only what moves a clock here comes in, as a signal.

    Updates:
        `accept`: one winner; refused when the offer is lost, expired, withdrawn or not hers, or the stock is gone.
        `decline`: refused when the offer is not open.
        `approve`: refused before delivery is recorded and after the job ended.
        `redispatch` (support): refused once delivered.
        `resolve`: moves a parked step on.
    Signals:
        `reported`: production started, goods delivered.
        `withdrawn`: the order took the job back before production.
        `payment_thawed`: no chargeback holds the order's money any more.
    Queries: none; reads come from PostgreSQL, and `current_details` says what is waited for.
    """

    @workflow.init
    def __init__(self, job: StartJob) -> None:
        self.job = job
        self.production = Production()
        self.dispatch = Dispatch.of_round(1, job.wave)
        self.capture_due_at = job.capture_due_at
        self.steps = Steps(order_id=job.order_id, subject=job.job_id)

    @workflow.run
    async def run(self, job: StartJob) -> JobClosed:
        """Find a provider, see the work made and delivered, have it approved, pay."""
        del job
        try:
            while True:
                if not await self._find_provider():
                    return await self._close(JobOutcome.DECLINED_BY_ALL, "no provider accepted the job")
                if await self._delivered():
                    break
                await self._begin_round()
            await self._approved()
            return await self._settle()
        except PaymentLostError:
            return await self._close(JobOutcome.PAYMENT_LOST, "the authorised payment could not be captured")
        except TakenBackError:
            return await self._end(JobOutcome.WITHDRAWN, "taken back by the order")

    # --- what can be said to a running job ---------------------------------------------------------------

    @workflow.update
    async def accept(self, acceptance: AcceptOffer) -> AcceptanceSecured:
        """Take the job; the first claim wins, its material is reserved and the payment captured."""
        dispatch, is_retry = self.dispatch, self.dispatch.is_claimed_by(acceptance)
        dispatch.claim = acceptance  # before any await: one history orders all claims
        if is_retry:
            await workflow.wait_condition(lambda: not dispatch.claim_pending)
        else:
            await self._secure(dispatch, acceptance)
        secured = dispatch.secured
        if secured is None or secured.outcome is not AcceptanceOutcome.SECURED or dispatch is not self.dispatch:
            raise dispatch.not_secured(acceptance)
        return secured

    @accept.validator
    def check_accept(self, acceptance: AcceptOffer) -> None:
        """Only an open offer of this provider can be accepted."""
        if self.production.interrupted:
            raise refusal("offer_withdrawn", "The job was taken back.", state=self._state())
        self.dispatch.check(acceptance)

    @workflow.update
    async def decline(self, answer: DeclineOffer) -> OfferDeclined:
        """Say no; the next wave begins at once when all of this one said no."""
        await self.steps.remote(JobActivities.decline_offer, answer)
        self.dispatch.decline(answer.offer_id)
        return OfferDeclined(offer_id=answer.offer_id)

    @decline.validator
    def check_decline(self, answer: DeclineOffer) -> None:
        """Only an open offer can be declined, and not one already accepted."""
        if self.dispatch.is_claimed_by(answer):
            raise refusal("offer_accepted", "You accepted this offer.", state=JobState.ACCEPTED)
        self.dispatch.check(answer)

    @workflow.update
    async def approve(self, approval: ApproveJob) -> JobApproved:
        """The customer accepts what was delivered; a second approval changes nothing.

        The answer to the acceptance may still be under way from a worker that died, the work long delivered.
        """
        if self.dispatch.claim_pending:
            await workflow.wait_condition(lambda: not self.dispatch.claim_pending)
        if self.dispatch.secured is None:
            raise refusal("not_delivered", "Nothing has been delivered yet.", state=self._state())
        if self.production.delivered_at is None:
            self.production.delivered_at = approval.delivered_at
        if self.production.approved_at is None:
            self.production.approved_at = workflow.now()
        return JobApproved(job_id=self.job.job_id, approved_at=self.production.approved_at)

    @approve.validator
    def check_approve(self, approval: ApproveJob) -> None:
        """The API sends the delivery it found recorded, so a signal still under way does no harm."""
        del approval
        if self.dispatch.claim is None or self.production.withdrawn is not None:
            raise refusal("not_delivered", "Nothing has been delivered yet.", state=self._state())

    @workflow.update
    async def redispatch(self, request: RedispatchJob) -> None:
        """Support takes the job from its provider, or starts asking anew."""
        self.production.redispatch = request

    @redispatch.validator
    def check_redispatch(self, request: RedispatchJob) -> None:
        """Delivered work is judged, not given to somebody else."""
        del request
        if self.production.delivered_at is not None or self.production.withdrawn is not None:
            raise refusal("job_not_redispatchable", "The job is delivered or was taken back.", state=self._state())

    @workflow.update
    async def resolve(self, resolution: ResolveStep) -> StepResolved:
        """Support moves the parked step on."""
        return self.steps.resolve(resolution)

    @resolve.validator
    def check_resolve(self, resolution: ResolveStep) -> None:
        """Only what is parked can be resolved."""
        self.steps.check_resolution(resolution)

    @workflow.signal
    def reported(self, report: JobReported) -> None:
        """The provider's report was recorded; repeated signals change nothing."""
        self.production.note(report)

    @workflow.signal
    def withdrawn(self, withdrawal: JobWithdrawn) -> None:
        """The order took the job back; PostgreSQL already says so."""
        self.production.withdrawn = withdrawal

    @workflow.signal
    def payment_thawed(self, thawed: PaymentThawed) -> None:
        """A job that waits to be settled looks again."""
        del thawed
        self.production.thawed = True

    # --- the steps, in the order run() takes them --------------------------------------------------------

    async def _find_provider(self) -> bool:
        """Wave after wave, the open board, the operator; True when one provider has the job."""
        policies = self.job.policies
        while self.dispatch.secured is None:
            if await self._accepted_in_this_wave():
                break
            if self.production.redispatch is not None:
                await self._begin_round()
                continue
            following = self.dispatch.following(policies)
            if following is None:
                return False
            await self._open_wave(*following)
        return True

    async def _accepted_in_this_wave(self) -> bool:
        ends_at = workflow.now() + self.dispatch.lasts(self.job.policies)
        while not self.production.interrupted and not self.dispatch.nobody_left:
            say(*self.dispatch.described(ends_at))
            capture_first = self.capture_due_at is not None and self.capture_due_at < ends_at
            in_time = await self._until(
                lambda: self.dispatch.claim is not None or self.dispatch.nobody_left,
                self.capture_due_at if capture_first else ends_at,
            )
            if self.dispatch.claim is not None:
                if await self._claim_secured():
                    return True
            elif capture_first and not in_time:
                await self._capture_payment()
            elif not self.dispatch.nobody_left:
                break
        self.dispatch.expire()
        return False

    async def _claim_secured(self) -> bool:
        say("A provider accepted: material is being reserved, the payment captured", WaitingOn.SYSTEM)
        await workflow.wait_condition(lambda: not self.dispatch.claim_pending)
        secured = self.dispatch.secured
        if secured is None:
            return False
        if secured.outcome is AcceptanceOutcome.PAYMENT_LOST:
            raise PaymentLostError
        if secured.outcome is AcceptanceOutcome.WITHDRAWN:
            await workflow.wait_condition(lambda: self.production.withdrawn is not None)
            raise TakenBackError
        self.capture_due_at = None
        return True

    async def _capture_payment(self) -> None:
        """The bank is about to let the money go: take it, and go on looking for a provider."""
        say("The payment is captured before the bank lets it go", WaitingOn.SYSTEM)
        request = CapturePayment(order_id=self.job.order_id)
        capture = await self.steps.money(PaymentActivities.capture_payment, request)
        self.capture_due_at = None
        if self.production.withdrawn is not None:
            raise TakenBackError
        if not capture.captured:
            self.dispatch.expire()
            raise PaymentLostError

    async def _open_wave(self, stage: Stage, number: int) -> None:
        request = self.dispatch.opening(self.job, stage, number)
        self.dispatch.next_wave(await self.steps.database(JobActivities.open_wave, request))
        waiting = WaitingOn.SUPPORT if stage is Stage.OPERATOR else WaitingOn.PROVIDER
        upserts: list[SearchAttributeUpdate[Any]] = [
            attributes.WAITING_ON.value_set(waiting),
            attributes.DEADLINE.value_set(workflow.now() + self.dispatch.lasts(self.job.policies)),
            attributes.PROVIDER_IDS.value_set(list(self.dispatch.open_offers.values())),
        ]
        if stage is Stage.OPERATOR:
            upserts.append(attributes.TROUBLE.value_set("no_provider"))
        attributes.upsert(*upserts)

    async def _delivered(self) -> bool:
        """The provider must start in time; False when she does not, or support takes the job from her."""
        policies, accepted_at = self.job.policies, workflow.now()
        start_due = accepted_at + timedelta(seconds=policies.start_due_s)
        provider = self.dispatch.provider_id
        say(f"{provider} has to start production", WaitingOn.PROVIDER, start_due, "the job is offered anew")
        if not await self._until(
            lambda: self.production.started, accepted_at + timedelta(seconds=policies.start_reminder_s)
        ):
            await self._remind(WaitingOn.PROVIDER, "start production", start_due)
            if not await self._until(lambda: self.production.started, start_due):
                return False
        say(f"{provider} is producing; delivery is reported by her", WaitingOn.PROVIDER)
        await self._until(lambda: self.production.delivered_at is not None)
        return self.production.delivered_at is not None

    async def _begin_round(self) -> None:
        """Offer the job anew, unless production started at the last moment."""
        await workflow.wait_condition(lambda: not self.dispatch.claim_pending)
        request = self.dispatch.beginning_anew(self.job, self.production.redispatch)
        begun = await self.steps.database(JobActivities.begin_round, request)
        self.production.redispatch = None
        if begun.wave is None:
            self.production.started_at = self.production.started_at or workflow.now()
            return
        self.production.started_at = None
        self.dispatch = Dispatch.of_round(begun.round, begun.wave)

    async def _approved(self) -> None:
        """The customer approves, or silence does."""
        policies = self.job.policies
        delivered_at = self.production.delivered_at or workflow.now()
        due = delivered_at + timedelta(seconds=policies.approval_due_s)
        attributes.upsert(
            attributes.WAITING_ON.value_set(WaitingOn.CUSTOMER),
            attributes.DEADLINE.value_set(due),
            attributes.PROVIDER_IDS.value_set([self.dispatch.provider_id]),
        )
        say("Delivered; the customer has to approve", WaitingOn.CUSTOMER, due, "silence approves")
        if not await self._until(
            lambda: self.production.approved_at is not None,
            delivered_at + timedelta(seconds=policies.approval_reminder_s),
        ):
            await self._remind(WaitingOn.CUSTOMER, "approve the delivery", due)
            if not await self._until(lambda: self.production.approved_at is not None, due):
                self.production.approved_at = workflow.now()
                self.production.approved_by_silence = True

    async def _settle(self) -> JobClosed:
        say("Approved: the held money is being released", WaitingOn.SYSTEM)
        request = SettleJob(
            order_id=self.job.order_id,
            job_id=self.job.job_id,
            approved_by_silence=self.production.approved_by_silence,
        )
        while True:
            self.production.thawed = False  # before the step, so that a signal during it is not lost
            settlement = await self.steps.money(PaymentActivities.settle_job, request)
            if not settlement.frozen:
                return await self._end(JobOutcome.SETTLED)
            look_at = workflow.now() + FROZEN_LOOK
            say("Approved; a chargeback holds the money", WaitingOn.SUPPORT, look_at, "it is looked at again")
            await self._until(lambda: self.production.thawed, look_at)

    async def _close(self, outcome: JobOutcome, reason: str) -> JobClosed:
        state = JobState.DECLINED_BY_ALL if outcome is JobOutcome.DECLINED_BY_ALL else JobState.FAILED
        request = CloseJob(job_id=self.job.job_id, order_id=self.job.order_id, state=state, reason=reason)
        await self.steps.database(JobActivities.close_job, request)
        return await self._end(outcome, reason)

    async def _end(self, outcome: JobOutcome, reason: str | None = None) -> JobClosed:
        say(f"Ended: {outcome.value}{f' ({reason})' if reason else ''}", WaitingOn.NOBODY)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return JobClosed(job_id=self.job.job_id, outcome=outcome, reason=reason)

    # --- what the steps are made of ----------------------------------------------------------------------

    async def _secure(self, dispatch: Dispatch, acceptance: AcceptOffer) -> None:
        request = SecureAcceptance(
            job_id=self.job.job_id,
            order_id=self.job.order_id,
            offer_id=acceptance.offer_id,
            provider_id=acceptance.provider_id,
            actor=acceptance.actor,
            policies=self.job.policies,
        )
        try:
            secured = await self.steps.money(PaymentActivities.secure_acceptance, request, RETRY_OR_CANCEL)
        except StepCancelledError:
            dispatch.drop_claim("acceptance_refused")
        else:
            dispatch.settle(secured)

    async def _remind(self, who: WaitingOn, what: str, by: datetime) -> None:
        self.production.reminders += 1
        reminder = Remind(
            order_id=self.job.order_id,
            job_id=self.job.job_id,
            who=who,
            what=what,
            by=by,
            number=self.production.reminders,
        )
        try:
            await self.steps.database(JobActivities.remind, reminder, RETRY_OR_SKIP)
        except StepSkippedError:
            workflow.logger.warning("support skipped a reminder", extra={"order_id": self.job.order_id})

    async def _until(self, done: Callable[[], bool], by: datetime | None = None) -> bool:
        """Wait for the condition or support's re-dispatch; False when the time is over; leaves when taken back."""
        while True:
            try:
                await workflow.wait_condition(
                    lambda: done() or self.production.interrupted,
                    timeout=None if by is None else max(by - workflow.now(), timedelta(0)),
                )
            except TimeoutError:
                return False
            except asyncio.CancelledError:
                say("A job can't be cancelled by itself: cancel its order", WaitingOn.SUPPORT)
                continue
            if self.production.withdrawn is not None:
                raise TakenBackError
            return True

    def _state(self) -> JobState:
        return self.production.state(accepted=self.dispatch.secured is not None)
