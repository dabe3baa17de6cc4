"""Machines, working hours and closures, as the provider keeps them."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.errors import ProblemError, conflict, invalid, not_found
from fulfil.api.schemas.provider_work import NewCalendar, NewClosure, NewMachine
from fulfil.api.writers.providers import hold_provider
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.providers import ClosureRow, MachineRow

MOST_MACHINES = 500
MOST_CLOSURES = 500


async def write_machine(
    session: AsyncSession, machine_id: str, provider_id: str, new: NewMachine, at: datetime
) -> None:
    """One more machine; 422 for work she does not do, 409 when there are too many."""
    provider = await hold_provider(session, provider_id)
    _check_capable(provider, new)
    owned = await session.scalar(select(func.count()).where(MachineRow.provider_id == provider_id))
    if (owned or 0) >= MOST_MACHINES:
        raise _too_many("machines", MOST_MACHINES)
    session.add(MachineRow(id=machine_id, provider_id=provider_id, created_at=at, **new.model_dump()))
    await session.flush()


async def replace_machine(session: AsyncSession, provider_id: str, machine_id: str, new: NewMachine) -> None:
    """The machine as it is now; 404 when it is not hers."""
    provider = await hold_provider(session, provider_id)
    row = await session.get(MachineRow, machine_id)
    if row is None or row.provider_id != provider_id:
        raise not_found("machine")
    _check_capable(provider, new)
    for column, value in new.model_dump().items():
        setattr(row, column, value)
    await session.flush()


async def remove_machine(session: AsyncSession, provider_id: str, machine_id: str) -> None:
    """She has it no more; 404 when it is not hers."""
    removed = await session.scalar(
        delete(MachineRow)
        .where(MachineRow.id == machine_id, MachineRow.provider_id == provider_id)
        .returning(MachineRow.id)
    )
    if removed is None:
        raise not_found("machine")


async def write_calendar(session: AsyncSession, provider_id: str, calendar: NewCalendar) -> None:
    """When she works from now on."""
    row = await hold_provider(session, provider_id)
    hours = calendar.working_hours
    row.time_zone = calendar.time_zone
    row.working_hours = None if hours is None else {day.value: list(span) for day, span in hours.items()}
    await session.flush()


async def write_closure(
    session: AsyncSession, closure_id: str, provider_id: str, new: NewClosure, at: datetime
) -> None:
    """A time in which she does not work; 422 when it is over already, 409 when there are too many."""
    if new.ends_at <= at:
        raise invalid("closure_over", "ends_at lies in the past: a closure says when she will not work.", "ends_at")
    await hold_provider(session, provider_id)
    planned = await session.scalar(
        select(func.count()).where(ClosureRow.provider_id == provider_id, ClosureRow.ends_at > at)
    )
    if (planned or 0) >= MOST_CLOSURES:
        raise _too_many("closures", MOST_CLOSURES)
    session.add(
        ClosureRow(
            id=closure_id,
            provider_id=provider_id,
            starts_at=new.starts_at,
            ends_at=new.ends_at,
            reason=new.reason,
            created_at=at,
        )
    )
    await session.flush()


async def remove_closure(session: AsyncSession, provider_id: str, closure_id: str) -> None:
    """She works then after all; 404 when it is not hers."""
    removed = await session.scalar(
        delete(ClosureRow)
        .where(ClosureRow.id == closure_id, ClosureRow.provider_id == provider_id)
        .returning(ClosureRow.id)
    )
    if removed is None:
        raise not_found("closure")


def _check_capable(provider: ProviderRow, new: NewMachine) -> None:
    materials = provider.capabilities.get(new.process)
    if materials is None:
        raise invalid(
            "process_not_declared",
            f"She does not do {new.process}: add it to her capabilities first.",
            "process",
        )
    unknown = sorted(set(new.materials) - set(materials))
    if unknown:
        raise invalid(
            "material_not_declared",
            f"She does not make {new.process} in {', '.join(unknown)}: add it to her capabilities first.",
            "materials",
        )


def _too_many(what: str, most: int) -> ProblemError:
    return conflict(f"too_many_{what}", f"There are {most} {what} already: delete one first.", state="full")
