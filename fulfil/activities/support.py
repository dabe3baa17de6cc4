"""The support activities on PostgreSQL: a parked step stands in timeline and projection until somebody moves it on."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.support import NoteParking, NoteResolution
from fulfil.models.tables.timeline import EventRow, TimelineRow, append_event
from fulfil.workflows.ports.support import SupportActivities

# The latest parking of an order nobody has moved on: neither by a resolution nor by resetting the workflow since.
STILL_PARKED = text("""
SELECT parked.data FROM events parked
WHERE parked.order_id = :order_id AND parked.type = 'step.parked'
  AND NOT EXISTS (
    SELECT FROM events later
    WHERE later.order_id = parked.order_id AND later.sequence > parked.sequence
      AND (later.type = 'support.reset' OR
           later.type = 'step.resolved' AND later.business_key = replace(parked.business_key, ':parked:', ':resolved:'))
  )
ORDER BY parked.sequence DESC LIMIT 1
""")


class DatabaseSupportActivities(SupportActivities):
    """A parking is named by subject, number and moment: a reset workflow that parks again is news."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    @activity.defn
    async def note_parking(self, request: NoteParking) -> None:
        """Write into timeline and projection that a step is parked, with cause and remedy."""
        parked = request.parked
        allowed = [action.value for action in parked.allowed]
        async with self._database.begin() as session:
            if not await _has_timeline(session, request.order_id):
                return
            await append_event(
                session,
                order_id=request.order_id,
                business_key=f"{request.subject}:parked:{request.number}:{parked.since.isoformat()}",
                kind=EventType.STEP_PARKED,
                at=self._clock(),
                actor=SYSTEM,
                subject=request.subject,
                data={
                    "workflow_id": request.workflow_id,
                    "number": request.number,
                    "step": parked.step,
                    "cause": parked.cause,
                    "since": parked.since.isoformat(),
                    "allowed": allowed,
                },
                next_step=NextStep(
                    who=WaitingOn.SUPPORT, what=f"move on the parked step {parked.step}: {' or '.join(allowed)}"
                ),
            )
            await _show_what_is_parked(session, request.order_id)

    @activity.defn
    async def note_resolution(self, request: NoteResolution) -> None:
        """Write who moved it on, how and why; the projection shows the next parked step, if there is one."""
        resolution = request.resolution
        async with self._database.begin() as session:
            if not await _has_timeline(session, request.order_id):
                return
            parking = await session.scalar(
                select(EventRow.business_key)
                .where(
                    EventRow.order_id == request.order_id,
                    EventRow.subject == request.subject,
                    EventRow.type == EventType.STEP_PARKED,
                    EventRow.data["number"].as_integer() == request.number,
                )
                .order_by(EventRow.sequence.desc())
                .limit(1)
            )
            key = parking or f"{request.subject}:parked:{request.number}"
            await append_event(
                session,
                order_id=request.order_id,
                business_key=key.replace(":parked:", ":resolved:"),
                kind=EventType.STEP_RESOLVED,
                at=self._clock(),
                actor=resolution.actor,
                subject=request.subject,
                data={
                    "workflow_id": request.workflow_id,
                    "number": request.number,
                    "step": request.step,
                    "action": resolution.action.value,
                    "reason": resolution.reason,
                },
                next_step=NextStep(who=WaitingOn.SYSTEM, what=f"{resolution.action.value} {request.step}"),
            )
            await _show_what_is_parked(session, request.order_id)


async def _has_timeline(session: AsyncSession, order_id: str) -> bool:
    """An order that parked while being placed is not written yet: only its workflow shows that it is stuck."""
    return await session.scalar(select(TimelineRow.order_id).where(TimelineRow.order_id == order_id)) is not None


async def _show_what_is_parked(session: AsyncSession, order_id: str) -> None:
    head = await session.get_one(TimelineRow, order_id, with_for_update=True)
    parked = await session.scalar(STILL_PARKED, {"order_id": order_id})
    head.stuck_step = parked["step"] if parked else None
    head.stuck_since = datetime.fromisoformat(parked["since"]) if parked else None
    head.stuck_cause = parked["cause"][:2000] if parked else None
    head.stuck_workflow_id = parked["workflow_id"] if parked else None
    head.stuck_allowed = parked["allowed"] if parked else None
    if parked:
        head.next_who = WaitingOn.SUPPORT
        head.next_what = f"move on the parked step {parked['step']}"[:300]
        head.next_by = None
