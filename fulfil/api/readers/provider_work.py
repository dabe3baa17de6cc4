"""A provider's machines, working hours and closures."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.provider_work import Calendar, Closure, Machine
from fulfil.models.messages.providers import Weekday
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.providers import ClosureRow, MachineRow


async def find_machine(session: AsyncSession, provider_id: str, machine_id: str) -> Machine | None:
    """A machine of this provider."""
    row = await session.get(MachineRow, machine_id, populate_existing=True)
    return represent_machine(row) if row is not None and row.provider_id == provider_id else None


async def list_machines(session: AsyncSession, provider_id: str) -> list[Machine]:
    """All of hers, in the order they were entered."""
    rows = await session.scalars(
        select(MachineRow).where(MachineRow.provider_id == provider_id).order_by(MachineRow.created_at, MachineRow.id)
    )
    return [represent_machine(row) for row in rows]


async def find_closure(session: AsyncSession, provider_id: str, closure_id: str) -> Closure | None:
    """A closure of this provider."""
    row = await session.get(ClosureRow, closure_id)
    return represent_closure(row) if row is not None and row.provider_id == provider_id else None


async def list_closures(session: AsyncSession, provider_id: str, at: datetime) -> list[Closure]:
    """Those that are not over, the next one first."""
    rows = await session.scalars(
        select(ClosureRow)
        .where(ClosureRow.provider_id == provider_id, ClosureRow.ends_at > at)
        .order_by(ClosureRow.starts_at, ClosureRow.id)
    )
    return [represent_closure(row) for row in rows]


async def find_calendar(session: AsyncSession, provider_id: str, at: datetime) -> Calendar | None:
    """When this provider works."""
    row = await session.get(ProviderRow, provider_id, populate_existing=True)
    if row is None:
        return None
    hours = row.working_hours
    return Calendar(
        provider_id=row.id,
        time_zone=row.time_zone,
        working_hours=None if hours is None else {day: tuple(hours[day]) for day in Weekday if day in hours},
        closures=await list_closures(session, provider_id, at),
    )


def represent_machine(row: MachineRow) -> Machine:
    """The row as the API shows it."""
    return Machine(
        id=row.id,
        provider_id=row.provider_id,
        name=row.name,
        process=row.process,
        materials=row.materials,
        volume_mm=row.volume_mm,
        online=row.online,
        created_at=row.created_at,
    )


def represent_closure(row: ClosureRow) -> Closure:
    """The row as the API shows it."""
    return Closure(
        id=row.id,
        provider_id=row.provider_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reason=row.reason,
        created_at=row.created_at,
    )
