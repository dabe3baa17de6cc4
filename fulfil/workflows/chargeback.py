"""The chargeback process: frozen, answered with evidence, decided, in the books, thawed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.chargebacks import (
        UNDECIDED,
        AcceptLoss,
        AddEvidence,
        ChargebackChanged,
        ChargebackOutcome,
        ChargebackState,
        ChargebackStatus,
        CollectEvidence,
        ReadChargeback,
        RemindOfEvidence,
        StartChargeback,
        SubmitEvidence,
    )
    from fulfil.models.messages.parties import SYSTEM, WaitingOn
    from fulfil.models.messages.support import ResolutionAction, ResolveStep, StepResolved
    from fulfil.models.money import format_money
    from fulfil.workflows import attributes
    from fulfil.workflows.policies import LOOK_AT_CHARGEBACK
    from fulfil.workflows.ports.chargebacks import ChargebackActivities
    from fulfil.workflows.refusals import refusal
    from fulfil.workflows.steps import RETRY_OR_CANCEL, RETRY_OR_SKIP, StepCancelledError, Steps, StepSkippedError, say

Move = Callable[[], Awaitable[None]]


@workflow.defn(name="Chargeback")
class ChargebackWorkflow:
    """One dispute of the card network's, from the first word of it until it is decided and booked.

    What an event claims is never believed: every one makes the dispute be read again. Reading freezes and thaws the
    order's money and writes the ledger, so the workflow only knows when to do what.

    Updates:
        `submit`: sends what is staged; refused unless the bank waits for an answer and evidence is staged.
        `add_evidence`: stages a statement of support's; refused unless the bank waits for an answer.
        `accept_loss`: gives the chargeback up; refused for an inquiry, which moved no money, and once answered.
        `resolve`: moves a parked step on.
    Signals:
        `chargeback_changed`: an event about the dispute came in.
    Queries: none; reads come from PostgreSQL, and `current_details` says what is waited for.
    """

    @workflow.init
    def __init__(self, chargeback: StartChargeback) -> None:
        self.chargeback = chargeback
        self.steps = Steps(order_id=chargeback.order_id, subject=chargeback.chargeback_id)
        self.status: ChargebackStatus | None = None
        self.collected_in: ChargebackState | None = None
        self.collections = 0
        self.staged = False
        self.reminded_of: datetime | None = None
        self.given_up = False
        self.news = False
        self.turn = asyncio.Lock()

    @workflow.run
    async def run(self, chargeback: StartChargeback) -> ChargebackOutcome:
        """Read and freeze, collect, remind, submit in time, look until it is decided; reading books and thaws."""
        del chargeback
        status = await self._read()
        while status.state in UNDECIDED or self.news:
            move, at = self._next_move(status)
            if await self._nothing_heard_until(at, status):
                await move()
            elif self.news:
                await self._read()
            status = self._known()
        return await self._end(status)

    def _next_move(self, status: ChargebackStatus) -> tuple[Move, datetime]:
        """What is done next by itself, and when: `run()` does it unless something is heard before."""
        now, due = workflow.now(), status.evidence_due_at
        if status.state not in UNDECIDED:
            return self._look, now
        if not status.submitted and self.collected_in is not status.state:
            return self._collect, now
        if not status.submitted and due is not None and not self.given_up:
            if self.reminded_of != due:
                return self._remind, due - timedelta(seconds=status.reminder_s)
            if self.staged:
                return self._submit_staged, due - timedelta(seconds=status.submit_s)
        return self._look, now + LOOK_AT_CHARGEBACK

    # --- what can be said to a running chargeback --------------------------------------------------------

    @workflow.update
    async def submit(self, request: SubmitEvidence) -> ChargebackStatus:
        """Send what is staged; the bank accepts one answer."""
        async with self.turn:
            return await self._answer(self.steps.money(ChargebackActivities.submit_evidence, request, RETRY_OR_CANCEL))

    @submit.validator
    def check_submit(self, request: SubmitEvidence) -> None:
        """The bank must be waiting, and there must be something to send."""
        del request
        self._check_answerable()
        if not self.staged:
            raise self._refusal("nothing_staged", "No evidence is staged yet: try again in a moment.")

    @workflow.update
    async def add_evidence(self, request: AddEvidence) -> ChargebackStatus:
        """Stage everything again, with the statement that support has written."""
        del request
        try:
            async with self.turn:
                await self._stage(RETRY_OR_CANCEL)
        except StepCancelledError:
            raise self._refusal("staging_given_up", "The statement is kept, but was not staged.") from None
        return self._known()

    @add_evidence.validator
    def check_add_evidence(self, request: AddEvidence) -> None:
        """After the answer nothing can be added."""
        del request
        self._check_answerable()

    @workflow.update
    async def accept_loss(self, request: AcceptLoss) -> ChargebackStatus:
        """Give it up: the money is the customer's."""
        async with self.turn:
            return await self._answer(self.steps.money(ChargebackActivities.accept_loss, request, RETRY_OR_CANCEL))

    @accept_loss.validator
    def check_accept_loss(self, request: AcceptLoss) -> None:
        """An inquiry has taken nothing that could be given up."""
        del request
        self._check_answerable()
        if self._known().state is ChargebackState.INQUIRY:
            raise self._refusal("inquiry_not_acceptable", "An inquiry took no money: refund the order, or answer it.")

    @workflow.update
    async def resolve(self, resolution: ResolveStep) -> StepResolved:
        """Support moves the parked step on."""
        return self.steps.resolve(resolution)

    @resolve.validator
    def check_resolve(self, resolution: ResolveStep) -> None:
        """Only what is parked can be resolved."""
        self.steps.check_resolution(resolution)

    @workflow.signal
    def chargeback_changed(self, change: ChargebackChanged) -> None:
        """Something happened to the dispute: it is read again, whatever the event says."""
        del change
        self.news = True

    # --- the steps, in the order run() takes them --------------------------------------------------------

    async def _read(self) -> ChargebackStatus:
        """Re-read the dispute; row, freeze, ledger and timeline follow what it says."""
        async with self.turn:
            self.news = False
            request = ReadChargeback(
                chargeback_id=self.chargeback.chargeback_id,
                stripe_dispute_id=self.chargeback.stripe_dispute_id,
                order_id=self.chargeback.order_id,
            )
            return self._note(await self.steps.money(ChargebackActivities.read_chargeback, request))

    async def _look(self) -> None:
        await self._read()

    async def _collect(self) -> None:
        """Stage what the timeline proves, once as an inquiry and once more when it has become a chargeback."""
        status = self._known()
        async with self.turn:
            try:
                await self._stage(RETRY_OR_SKIP)
            except StepSkippedError:
                workflow.logger.warning("support skipped the evidence", extra={"order_id": self.chargeback.order_id})
            self.collected_in, self.given_up = status.state, False

    async def _remind(self) -> None:
        due = self._known().evidence_due_at
        if due is None:
            return
        request = RemindOfEvidence(
            chargeback_id=self.chargeback.chargeback_id, order_id=self.chargeback.order_id, due_at=due
        )
        async with self.turn:
            try:
                await self.steps.money(ChargebackActivities.remind_of_evidence, request, RETRY_OR_SKIP)
            except StepSkippedError:
                workflow.logger.warning("support skipped a reminder", extra={"order_id": self.chargeback.order_id})
            self.reminded_of = due

    async def _submit_staged(self) -> None:
        """The last moment: what is staged is better than no answer."""
        request = SubmitEvidence(
            chargeback_id=self.chargeback.chargeback_id,
            order_id=self.chargeback.order_id,
            actor=SYSTEM,
            reason="the due date is near",
        )
        async with self.turn:
            if self._known().submitted:
                return
            try:
                status = await self.steps.money(ChargebackActivities.submit_evidence, request, RETRY_OR_SKIP)
            except StepSkippedError:
                self.given_up = True  # support has answered by hand, or lets it go: the decision is waited for
            else:
                self._note(status)

    async def _end(self, status: ChargebackStatus) -> ChargebackOutcome:
        say(f"Ended: {status.state.value}", WaitingOn.NOBODY)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ChargebackOutcome(chargeback_id=self.chargeback.chargeback_id, state=self._known().state)

    # --- what the steps are made of ----------------------------------------------------------------------

    async def _nothing_heard_until(self, at: datetime, status: ChargebackStatus) -> bool:
        """Wait for an event or an update that changes what is known; True when the time came first."""
        while (left := at - workflow.now()) > timedelta(0):
            try:
                await workflow.wait_condition(lambda: self.news or self.status is not status, timeout=left)
            except TimeoutError:
                return True
            except asyncio.CancelledError:
                say("A chargeback can't be cancelled: the bank decides it", WaitingOn.SUPPORT)
                continue
            return False
        return not self.news

    async def _stage(self, allowed: Sequence[ResolutionAction]) -> None:
        self.collections += 1
        request = CollectEvidence(
            chargeback_id=self.chargeback.chargeback_id,
            order_id=self.chargeback.order_id,
            number=self.collections,
        )
        await self.steps.money(ChargebackActivities.collect_evidence, request, allowed)
        self.staged = True

    async def _answer(self, answer: Awaitable[ChargebackStatus]) -> ChargebackStatus:
        """Support's answer to the bank; given up by support when it can't be delivered."""
        try:
            return self._note(await answer)
        except StepCancelledError:
            raise self._refusal("answer_given_up", "The answer could not be sent, and was given up.") from None

    def _note(self, status: ChargebackStatus) -> ChargebackStatus:
        """Remember what is known now, and tell whom it waits for."""
        before, self.status = self.status, status
        self.collections = max(self.collections, status.evidence_number)
        self.staged = self.staged or status.staged
        due, answered = status.evidence_due_at, status.submitted
        if status.state not in UNDECIDED:
            return status
        what = "Inquiry about" if status.state is ChargebackState.INQUIRY else "Chargeback of"
        amount = format_money(status.amount_minor, status.currency)
        if answered or due is None:
            say(f"{what} {amount}: the bank decides", WaitingOn.NOBODY)
        else:
            say(f"{what} {amount}: the bank waits for evidence", WaitingOn.SUPPORT, due, "it is lost")
        if before is None or (before.state, before.submitted, before.evidence_due_at) != (status.state, answered, due):
            attributes.upsert(
                attributes.WAITING_ON.value_set(WaitingOn.NOBODY if answered else WaitingOn.SUPPORT),
                attributes.DEADLINE.value_unset() if answered or due is None else attributes.DEADLINE.value_set(due),
            )
        return status

    def _known(self) -> ChargebackStatus:
        if self.status is None:
            raise refusal("chargeback_unread", "The chargeback has not been read yet: try again.", state="unread")
        return self.status

    def _check_answerable(self) -> None:
        """Refuse what would come before the first look, after the answer, or beside a parked step."""
        status = self._known()
        if status.state not in UNDECIDED:
            raise self._refusal("chargeback_decided", f"The chargeback is {status.state.value}.")
        if status.submitted:
            raise self._refusal("evidence_submitted", "The answer is with the bank, which accepts one.")
        if self.steps.parked is not None:
            raise self._refusal("step_parked", f"{self.steps.parked.step} is parked: resolve it first.")

    def _refusal(self, code: str, detail: str) -> ApplicationError:
        return refusal(code, detail, state=self._known().state, allowed_actions=self._allowed())

    def _allowed(self) -> list[str]:
        status = self._known()
        if self.steps.parked is not None:
            return [action.value for action in self.steps.parked.allowed]
        if status.submitted or status.state not in UNDECIDED:
            return []
        answers = ["evidence", *(["submit"] if self.staged else [])]
        return answers if status.state is ChargebackState.INQUIRY else [*answers, "accept"]
