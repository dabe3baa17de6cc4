"""The job process: offered, accepted by one provider, made, delivered, approved, settled."""

from temporalio import workflow

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
        OfferTo,
        OfferToProvider,
        ProviderOffered,
        RedispatchJob,
        StartJob,
    )
    from fulfil.models.messages.parties import WaitingOn
    from fulfil.models.messages.payments import PaymentThawed
    from fulfil.models.messages.promises import ChoiceTaken, ChooseForJob
    from fulfil.models.messages.support import ResolveStep, StepResolved
    from fulfil.workflows.job_frame import CalledOffError, PaymentLostError, TakenBackError
    from fulfil.workflows.making import Making
    from fulfil.workflows.offering import Offering
    from fulfil.workflows.ports.jobs import JobActivities
    from fulfil.workflows.refusals import refusal
    from fulfil.workflows.steps import say


@workflow.defn(name="Job")
class JobWorkflow(Offering, Making):
    """The making of one order line, again with another provider when one fails.

    What the provider reports about her work (progress, quality, shipments) is written by the API in one
    transaction; only what moves a clock here comes in, as a signal.

    Updates:
        `accept`: one winner; refused when the offer is lost, expired, withdrawn or not hers, or the stock is gone.
            With a counter-offer the customer accepts for her, and her offer may have expired.
        `decline`: refused when the offer is not open.
        `offer_to` (support): asks a provider of her choice; refused once somebody has the job.
        `choose`: how a job that is late, or whose parcel is lost, goes on; refused once delivered.
        `approve`: refused before delivery is recorded and after the job ended.
        `redispatch` (support): refused once delivered.
        `resolve`: moves a parked step on.
    Signals:
        `reported`: production started, delayed, given up; parcel lost; goods delivered.
        `withdrawn`: the order took the job back before production.
        `payment_thawed`: no chargeback holds the order's money any more.
    Queries: none; reads come from PostgreSQL, and `current_details` says what is waited for.
    """

    @workflow.init
    def __init__(self, job: StartJob) -> None:
        super().__init__(job)

    @workflow.run
    async def run(self, job: StartJob) -> JobClosed:
        """Find a provider, see the work made and delivered, have it approved, pay."""
        del job
        try:
            while True:
                if not await self.find_provider():
                    return await self._close(JobOutcome.DECLINED_BY_ALL, "no provider accepted the job")
                if await self.delivered():
                    break
                await self.begin_round()
            await self.approved()
            return await self._end(await self.settle())
        except PaymentLostError:
            return await self._close(JobOutcome.PAYMENT_LOST, "the authorised payment could not be captured")
        except CalledOffError:
            return await self._end(JobOutcome.CALLED_OFF, "the customer did not wait any longer")
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
            await self.secure(dispatch, acceptance)
        secured = dispatch.secured
        if secured is None or secured.outcome is not AcceptanceOutcome.SECURED or dispatch is not self.dispatch:
            raise dispatch.not_secured(acceptance)
        return secured

    @accept.validator
    def check_accept(self, acceptance: AcceptOffer) -> None:
        """Only an open offer of this provider can be accepted."""
        if self.production.interrupted:
            raise refusal("offer_withdrawn", "The job was taken back.", state=self.state())
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
    async def offer_to(self, choice: OfferTo) -> ProviderOffered:
        """Support asks a provider beside those who are asked already; why not stands in the answer."""
        dispatch = self.dispatch
        dispatch.choices += 1
        request = OfferToProvider(
            job_id=self.job.job_id,
            order_id=self.job.order_id,
            round=dispatch.round,
            number=dispatch.choices,
            choice=choice,
            policies=self.job.policies,
        )
        offered = await self.steps.remote(JobActivities.offer_to_provider, request)
        if offered.offer is not None and dispatch is self.dispatch:
            dispatch.offer_too(offered.offer, offered.expires_at)
        return offered

    @offer_to.validator
    def check_offer_to(self, choice: OfferTo) -> None:
        """A job somebody has is re-dispatched first."""
        del choice
        if self.dispatch.claim is not None or self.production.interrupted:
            raise refusal("job_taken", "A provider has the job: offer it anew first.", state=self.state())

    @workflow.update
    async def choose(self, chosen: ChooseForJob) -> ChoiceTaken:
        """How a job in trouble goes on; the answer comes when that is done."""
        promise = self.production.promise
        if promise is None:
            raise refusal("no_choice", "There is nothing to choose.", state=self.state())
        if promise.choice is None:
            if promise.trouble is None or chosen.proposed_due_at not in (None, promise.proposed_due_at):
                # She chose about what the database showed her; its signal is still under way.
                promise.give_choice(chosen.trouble, workflow.now(), chosen.proposed_due_at)
            promise.choice, promise.taken = chosen, None
        followed = promise.choice  # the same choice made again joins the first
        await workflow.wait_condition(
            lambda: (
                promise.choice is not followed
                or promise.taken is not None
                or promise is not self.production.promise
                or self.production.delivered_at is not None
                or self.production.withdrawn is not None
            )
        )
        if promise.taken is None:
            raise refusal("job_state", "It went on otherwise meanwhile: look at the job again.", state=self.state())
        return promise.taken

    @choose.validator
    def check_choose(self, chosen: ChooseForJob) -> None:
        """One choice at a time, while somebody makes the job and it has not arrived."""
        promise = self.production.promise
        if promise is None or self._is_beyond_choice():
            raise refusal("no_choice", "There is nothing to choose.", state=self.state())
        if promise.choice is not None and promise.choice != chosen:
            raise refusal("choice_taken", f"{promise.choice.choice.value} was chosen already.", state=self.state())

    @workflow.update
    async def approve(self, approval: ApproveJob) -> JobApproved:
        """The customer accepts what was delivered; a second approval changes nothing.

        The answer to the acceptance may still be under way from a worker that died, the work long delivered.
        """
        if self.dispatch.claim_pending:
            await workflow.wait_condition(lambda: not self.dispatch.claim_pending)
        if self.dispatch.secured is None:
            raise refusal("not_delivered", "Nothing has been delivered yet.", state=self.state())
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
            raise refusal("not_delivered", "Nothing has been delivered yet.", state=self.state())

    @workflow.update
    async def redispatch(self, request: RedispatchJob) -> None:
        """Support takes the job from its provider, or starts asking anew."""
        self.production.redispatch = request

    @redispatch.validator
    def check_redispatch(self, request: RedispatchJob) -> None:
        """Delivered work is judged, not given to somebody else."""
        del request
        if self.production.delivered_at is not None or self.production.withdrawn is not None:
            raise refusal("job_not_redispatchable", "The job is delivered or was taken back.", state=self.state())

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
        """The provider's report was recorded; repeated signals, and those of who had the job before, change nothing."""
        claim = self.dispatch.claim
        if report.offer_id is not None and (claim is None or report.offer_id != claim.offer_id):
            return
        self.production.note(report, self.job.policies)

    @workflow.signal
    def withdrawn(self, withdrawal: JobWithdrawn) -> None:
        """The order took the job back; PostgreSQL already says so."""
        self.production.withdrawn = withdrawal

    @workflow.signal
    def payment_thawed(self, thawed: PaymentThawed) -> None:
        """A job that waits to be settled looks again."""
        del thawed
        self.production.thawed = True

    # --- how it ends -------------------------------------------------------------------------------------

    async def _close(self, outcome: JobOutcome, reason: str) -> JobClosed:
        state = JobState.DECLINED_BY_ALL if outcome is JobOutcome.DECLINED_BY_ALL else JobState.FAILED
        request = CloseJob(job_id=self.job.job_id, order_id=self.job.order_id, state=state, reason=reason)
        await self.steps.database(JobActivities.close_job, request)
        return await self._end(outcome, reason)

    async def _end(self, outcome: JobOutcome, reason: str | None = None) -> JobClosed:
        say(f"Ended: {outcome.value}{f' ({reason})' if reason else ''}", WaitingOn.NOBODY)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return JobClosed(job_id=self.job.job_id, outcome=outcome, reason=reason)

    def _is_beyond_choice(self) -> bool:
        return self.production.delivered_at is not None or self.production.interrupted
