"""Opening what becomes of an order's lines: a job with its first wave of offers, or a deliverable with its milestones.

Everything is written in the caller's one transaction under ids made of the order's and the lines', so that a repeated
attempt finds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.dispatching import first_wave, open_offers, read_wave
from fulfil.activities.locking import hold_job, missing, read_line
from fulfil.models.ids import derived_id
from fulfil.models.messages.deliverables import (
    DeliverableState,
    MilestoneClock,
    MilestoneState,
    PlannedMilestone,
    StartDeliverable,
)
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, OfferWave
from fulfil.models.messages.orders import LineKind
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.milestones import split_by_share
from fulfil.models.tables.deliverables import DeliverableRow, MilestoneRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.timeline import append_event
from fulfil.ranking.rankings import DEFAULT, Ranking


@dataclass(frozen=True)
class Opening:
    """One order's lines on their way to being made."""

    session: AsyncSession
    policies: OrderPolicies
    at: datetime
    ranking: Ranking = DEFAULT

    async def write_jobs(self, lines: Sequence[OrderLineRow]) -> bool:
        """The jobs, deliverables and milestones of the lines, before any lock of the money; False when they exist."""
        created = [await self._write_line(line) for line in lines]
        await self.session.flush()
        return any(created)

    async def offer(self, line: OrderLineRow) -> OfferWave:
        """Tell of the job and offer it for the first time; the caller holds payment and order."""
        held = await hold_job(self.session, job_id_of(line.order_id, line.id))
        await append_event(
            self.session,
            order_id=line.order_id,
            business_key=f"{held.job.id}:opened",
            kind=EventType.JOB_OPENED,
            at=self.at,
            actor=SYSTEM,
            subject=held.job.id,
            data={"line_id": line.id, "process": line.process, "material": line.material},
            next_step=NextStep(who=WaitingOn.SYSTEM, what="find a provider"),
        )
        wave = first_wave(of_round=1)
        return await open_offers(self.session, held.job, line, wave, self.policies, self.at, ranking=self.ranking)

    async def tell_deliverable(self, start: StartDeliverable, line: OrderLineRow) -> None:
        """Tell both sides of the plan."""
        titles = [planned.title for planned in plan_of(line)]
        await append_event(
            self.session,
            order_id=start.order_id,
            business_key=f"{start.deliverable_id}:opened",
            kind=EventType.DELIVERABLE_OPENED,
            at=self.at,
            actor=SYSTEM,
            subject=start.deliverable_id,
            data={
                "line_id": line.id,
                "milestones": [
                    {"milestone_id": clock.milestone_id, "title": title, "due_at": clock.due_at.isoformat()}
                    for clock, title in zip(start.milestones, titles, strict=True)
                ],
            },
            next_step=NextStep(who=WaitingOn.PROVIDER, what=f"submit {titles[0]}", by=start.milestones[0].due_at),
        )

    async def _write_line(self, line: OrderLineRow) -> bool:
        if line.kind == LineKind.SERVICE:
            return await self._write_deliverable(line)
        job = {"id": job_id_of(line.order_id, line.id), "state": JobState.PENDING, "amount_minor": line.amount_minor}
        return await self._write_job(line, job)

    async def _write_deliverable(self, line: OrderLineRow) -> bool:
        order = await self.session.get_one(OrderRow, line.order_id)
        deliverable_id = deliverable_id_of(line.order_id, line.id)
        created = await self.session.scalar(
            insert(DeliverableRow)
            .values(
                id=deliverable_id,
                order_id=line.order_id,
                line_id=line.id,
                provider_id=line.provider_id,
                customer_id=order.customer_id,
                title=line.title,
                state=DeliverableState.DRAFT,
                revisions_included=line.revisions_included or 0,
                checklist=line.checklist or [],
                opened_at=self.at,
            )
            .on_conflict_do_nothing()
            .returning(DeliverableRow.id)
        )
        if created is None:
            return False
        plan = plan_of(line)
        amounts = split_by_share(line.amount_minor, [planned.share_bp for planned in plan], line.currency)
        for position, (planned, amount_minor) in enumerate(zip(plan, amounts, strict=True), start=1):
            await self._write_milestone(line, deliverable_id, position, planned, amount_minor)
        return True

    async def _write_milestone(
        self, line: OrderLineRow, deliverable_id: str, position: int, planned: PlannedMilestone, amount_minor: int
    ) -> None:
        milestone_id = derived_id("mil", deliverable_id, str(position))
        job_id = derived_id("job", line.order_id, line.id, milestone_id)
        await self._write_job(
            line,
            {
                "id": job_id,
                "milestone_id": milestone_id,
                "state": JobState.ACCEPTED,
                "amount_minor": amount_minor,
                "provider_id": line.provider_id,
                "accepted_at": self.at,
            },
        )
        self.session.add(
            MilestoneRow(
                id=milestone_id,
                deliverable_id=deliverable_id,
                job_id=job_id,
                position=position,
                title=planned.title,
                share_bp=planned.share_bp,
                amount_minor=amount_minor,
                currency=line.currency,
                state=MilestoneState.PENDING,
                due_at=self.at + timedelta(days=planned.days),
            )
        )

    async def _write_job(self, line: OrderLineRow, values: Mapping[str, object]) -> bool:
        written = insert(JobRow).values(
            order_id=line.order_id, line_id=line.id, round=1, opened_at=self.at, **dict(values)
        )
        return await self.session.scalar(written.on_conflict_do_nothing().returning(JobRow.id)) is not None


async def read_first_wave(session: AsyncSession, job_id: str) -> OfferWave:
    """What a job began with, in its first round; without a capable provider that was nothing."""
    first = first_wave(of_round=1)
    held = await hold_job(session, job_id)
    stored = await read_wave(session, held.job, first)
    return stored or OfferWave(stage=first.stage, number=first.number, offers=[], ends_at=held.job.opened_at)


async def read_start(session: AsyncSession, line: OrderLineRow, policies: OrderPolicies) -> StartDeliverable:
    """What a deliverable was, or is to be, started with: its milestones as they stand."""
    deliverable_id = deliverable_id_of(line.order_id, line.id)
    milestones = select(MilestoneRow).where(MilestoneRow.deliverable_id == deliverable_id)
    rows = list(await session.scalars(milestones.order_by(MilestoneRow.position)))
    if not rows or line.provider_id is None:
        raise missing("plan of line", line.id)
    return StartDeliverable(
        deliverable_id=deliverable_id,
        order_id=line.order_id,
        line_id=line.id,
        provider_id=line.provider_id,
        milestones=tuple(MilestoneClock(milestone_id=row.id, job_id=row.job_id, due_at=row.due_at) for row in rows),
        policies=policies,
    )


async def read_lines(session: AsyncSession, line_ids: Sequence[str]) -> list[OrderLineRow]:
    """The lines, in the order they were named; they never change."""
    return [await read_line(session, line_id) for line_id in line_ids]


def plan_of(line: OrderLineRow) -> list[PlannedMilestone]:
    """What a service line was bought as."""
    return [PlannedMilestone.model_validate(planned) for planned in line.plan or []]


def job_id_of(order_id: str, line_id: str) -> str:
    """The one job of a made-to-order line, the same at every attempt."""
    return derived_id("job", order_id, line_id)


def deliverable_id_of(order_id: str, line_id: str) -> str:
    """The one deliverable of a service line, the same at every attempt."""
    return derived_id("del", order_id, line_id)
