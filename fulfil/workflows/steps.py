"""Runs a workflow's steps: one whose retries are spent parks, visible to support, instead of failing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.support import (
    NoteParking,
    NoteResolution,
    ParkedStep,
    ResolutionAction,
    ResolveStep,
    StepResolved,
)
from fulfil.workflows import attributes
from fulfil.workflows.policies import DB, DB_LOCAL, MONEY, NOTE
from fulfil.workflows.ports.support import SupportActivities
from fulfil.workflows.refusals import refusal

Port = TypeVar("Port")
Request = TypeVar("Request")
Answer = TypeVar("Answer")
PortMethod = Callable[[Port, Request], Awaitable[Answer]]

RETRY = (ResolutionAction.RETRY,)
RETRY_OR_SKIP = (ResolutionAction.RETRY, ResolutionAction.SKIP)
RETRY_OR_CANCEL = (ResolutionAction.RETRY, ResolutionAction.CANCEL)


class StepSkippedError(Exception):
    """Support decided to go on without the step."""


class StepCancelledError(Exception):
    """Support decided to give up what the step was for."""


def say(what: str, who: WaitingOn, until: datetime | None = None, then: str = "") -> None:
    """Tell the Temporal UI what is waited for, on whom, until when, and what happens then; costs no event."""
    lines = [f"**{what}**", "", f"Waits for: {who.value}"]
    if until is not None:
        lines.append(f"\nUntil: {until:%Y-%m-%d %H:%M:%S} UTC{f', then {then}' if then else ''}")
    workflow.set_current_details("\n".join(lines))


@dataclass
class Steps:
    """The steps of one workflow; at most one is parked at a time, others queue behind it."""

    order_id: str
    subject: str
    parked: ParkedStep | None = None
    resolution: ResolveStep | None = None
    parkings: int = 0

    async def database(
        self, method: PortMethod[Port, Request, Answer], request: Request, allowed: Sequence[ResolutionAction] = RETRY
    ) -> Answer:
        """A database-only step of `run()`: a local activity while the database answers, else an activity.

        Handlers use `remote` instead: local activities that run at the same time do not replay reliably.
        """
        try:
            return await workflow.execute_local_activity_method(method, request, **DB_LOCAL)
        except FailureError:  # a failed local activity raises its cause, not an ActivityError
            return await self.remote(method, request, allowed)

    async def remote(
        self, method: PortMethod[Port, Request, Answer], request: Request, allowed: Sequence[ResolutionAction] = RETRY
    ) -> Answer:
        """A database-only step on the queue."""
        return await self._until_done(
            method.__name__, allowed, lambda: workflow.execute_activity_method(method, request, **DB)
        )

    async def money(
        self, method: PortMethod[Port, Request, Answer], request: Request, allowed: Sequence[ResolutionAction] = RETRY
    ) -> Answer:
        """A step with an effect at the payment provider."""
        return await self._until_done(
            method.__name__, allowed, lambda: workflow.execute_activity_method(method, request, **MONEY)
        )

    def check_resolution(self, resolution: ResolveStep) -> None:
        """Refuse to resolve what is not parked, or in a way the step does not allow."""
        if self.parked is None:
            raise refusal("nothing_parked", "No step of this workflow is parked.", state="running")
        if resolution.action not in self.parked.allowed:
            raise refusal(
                "resolution_not_allowed",
                f"{self.parked.step} can't be resolved by {resolution.action}.",
                state="parked",
                allowed_actions=self.parked.allowed,
            )

    def resolve(self, resolution: ResolveStep) -> StepResolved:
        """Move the parked step on."""
        if self.parked is None:
            raise refusal("nothing_parked", "No step of this workflow is parked.", state="running")
        self.resolution = resolution
        return StepResolved(step=self.parked.step, action=resolution.action)

    async def _until_done(
        self, step: str, allowed: Sequence[ResolutionAction], attempt: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        while True:
            try:
                return await attempt()
            except ActivityError as error:
                if is_cancelled_exception(error):
                    continue  # pressed in the UI in the middle of a step: the step is finished first
                resolution = await self._park(step, error, allowed)
            if resolution.action is ResolutionAction.SKIP:
                raise StepSkippedError(step)
            if resolution.action is ResolutionAction.CANCEL:
                raise StepCancelledError(step)

    async def _park(self, step: str, error: ActivityError, allowed: Sequence[ResolutionAction]) -> ResolveStep:
        await _whatever_is_pressed(lambda: self.parked is None)
        self.parkings += 1
        number = self.parkings
        parked = ParkedStep(step=step, cause=_cause(error), since=workflow.now(), allowed=list(allowed))
        self.parked, self.resolution = parked, None
        attributes.upsert(
            attributes.STUCK_STEP.value_set(step),
            attributes.STUCK_SINCE.value_set(parked.since),
            attributes.WAITING_ON.value_set(WaitingOn.SUPPORT),
            attributes.TROUBLE.value_set("parked"),
        )
        choices = ", ".join(action.value for action in allowed)
        say(f"Parked at {step}: {parked.cause}. Support may: {choices}", WaitingOn.SUPPORT)
        note = asyncio.create_task(self._note_parking(number, parked))
        await _whatever_is_pressed(lambda: self.resolution is not None and note.done())
        note.result()
        resolution = self._take_resolution()
        note = asyncio.create_task(self._note_resolution(number, step, resolution))
        await _whatever_is_pressed(note.done)
        note.result()
        attributes.upsert(
            attributes.STUCK_STEP.value_unset(),
            attributes.STUCK_SINCE.value_unset(),
            attributes.WAITING_ON.value_set(WaitingOn.SYSTEM),
            attributes.TROUBLE.value_unset(),
        )
        say(f"{step}: {resolution.action.value} by support", WaitingOn.SYSTEM)
        self.parked = None
        return resolution

    def _take_resolution(self) -> ResolveStep:
        if self.resolution is None:
            raise RuntimeError("woken without a resolution")
        taken, self.resolution = self.resolution, None
        return taken

    async def _note_parking(self, number: int, parked: ParkedStep) -> None:
        note = NoteParking(
            order_id=self.order_id,
            subject=self.subject,
            workflow_id=workflow.info().workflow_id,
            number=number,
            parked=parked,
        )
        await workflow.execute_activity_method(SupportActivities.note_parking, note, **NOTE)

    async def _note_resolution(self, number: int, step: str, resolution: ResolveStep) -> None:
        note = NoteResolution(
            order_id=self.order_id,
            subject=self.subject,
            workflow_id=workflow.info().workflow_id,
            number=number,
            step=step,
            resolution=resolution,
        )
        await workflow.execute_activity_method(SupportActivities.note_resolution, note, **NOTE)


async def _whatever_is_pressed(done: Callable[[], bool]) -> None:
    """Wait; Cancel in the Temporal UI does not end a workflow in the middle of a step, and loses no money."""
    while not done():
        try:
            await workflow.wait_condition(done)
        except asyncio.CancelledError:
            workflow.logger.warning("a parked step is resolved, not cancelled")


def _cause(error: ActivityError) -> str:
    cause: Any = error.cause or error
    while getattr(cause, "cause", None) is not None:
        cause = cause.cause
    kind = getattr(cause, "type", None) or type(cause).__name__
    return f"{kind}: {getattr(cause, 'message', cause)}"[:1500]
