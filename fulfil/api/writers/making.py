"""The reports that take more than themselves: started, late, what was used, given back."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.errors import invalid
from fulfil.api.intentions import Intention
from fulfil.api.schemas.production import Delay, GiveBack, MaterialUse
from fulfil.api.writers.production import InHand, add_report, answer_due, give_back, record, take_in_hand, tell
from fulfil.api.writers.reports import delayed, started
from fulfil.inventory.consumption import correct_consumption
from fulfil.inventory.leases import NothingReservedError, renew_reservation
from fulfil.inventory.lots import StockInsufficientError
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.shipments import ShipmentState
from fulfil.models.tables.inventory import StockItemRow, StockReservationRow
from fulfil.models.tables.shipments import ShipmentRow

LONGEST_DELAY = timedelta(days=60)
WORKED_ON = (JobState.IN_PRODUCTION, JobState.READY, JobState.SHIPPED, JobState.DELIVERED)
GONE = (ShipmentState.LOST, ShipmentState.RETURNED)


async def write_start(
    session: AsyncSession, provider: Principal, job_id: str, intention: Intention, at: datetime
) -> None:
    """Production begins; its material stays reserved for as long as it may take."""
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is None:
        return
    held.require("start", JobState.ACCEPTED)
    await renew_reservation(session, held.production.offer_id, lease_end(held), at)
    await record(held, started(at, held.production.due_at))


async def write_delay(
    session: AsyncSession, provider: Principal, job_id: str, delay: Delay, intention: Intention, at: datetime
) -> None:
    """It will be later than promised; 422 for a date that is no delay, or too far away."""
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is None:
        return
    promised = held.production.due_at
    if promised is None:
        raise held.refuse("no_promise", "No date was promised for this job: there is nothing to move.")
    if held.production.shipped_at is not None or held.handing.waits_for_pickup:
        raise held.refuse("promise_kept", "It was on its way, or ready to be picked up, by its date.")
    if delay.due_at <= max(promised, at):
        raise invalid("delay_not_later", f"Name a date after {max(promised, at):%Y-%m-%d %H:%M} UTC.", "due_at")
    if delay.due_at > at + LONGEST_DELAY:
        raise invalid("delay_too_long", "That is more than 60 days away: give the job back instead.", "due_at")
    await record(held, delayed(delay, answer_due(held)))


async def write_material_use(
    session: AsyncSession, provider: Principal, job_id: str, use: MaterialUse, intention: Intention, at: datetime
) -> None:
    """What it really took: stock gives or gets back the difference; 409 when the lot has not that much."""
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is None:
        return
    held.require("material", *WORKED_ON)
    planned = await _planned(session, held.production.offer_id)
    lot = await _use(held, use)
    data = {"used": use.used_quantity, "planned": planned, "unit": lot.unit, "note": use.note}
    await add_report(held, ReportKind.MATERIAL, data, moves_clock=False)
    held.production.reported_at = at
    await tell(held, EventType.JOB_MATERIAL_REPORTED, data, None)


async def write_give_back(
    session: AsyncSession, provider: Principal, job_id: str, back: GiveBack, intention: Intention, at: datetime
) -> None:
    """The provider can't make it; 409 once it is made, or a part of it is on its way."""
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is None:
        return
    held.require("giving back", JobState.ACCEPTED, JobState.IN_PRODUCTION)
    sent = select(ShipmentRow.id).where(
        ShipmentRow.offer_id == held.production.offer_id, ShipmentRow.state.not_in(GONE)
    )
    if await session.scalar(sent.limit(1)) is not None:
        raise held.refuse("parcels_sent", "A part of it is on its way: ask support.")
    await give_back(session, held.production, actor=provider.actor, reason=back.reason, at=at)


def lease_end(held: InHand) -> datetime:
    """Until when material of a production that has begun stays reserved."""
    return max(held.production.due_at or held.at, held.at) + timedelta(seconds=held.policies.production_lease_s)


async def _planned(session: AsyncSession, offer_id: str) -> int:
    reserved = select(func.sum(StockReservationRow.quantity)).where(StockReservationRow.offer_id == offer_id)
    return int(await session.scalar(reserved) or 0)


async def _use(held: InHand, use: MaterialUse) -> StockItemRow:
    try:
        return await correct_consumption(
            held.session,
            held.production.offer_id,
            use.used_quantity,
            at=held.at,
            key=held.report_id,
            item_id=use.stock_item_id,
            reason=use.note,
            actor=held.actor,
        )
    except NothingReservedError:
        raise held.refuse(
            "nothing_reserved", "No material is reserved for this job, or of several lots: name one of them."
        ) from None
    except StockInsufficientError as error:
        raise held.refuse(
            "material_insufficient", f"Only {error.available} {error.unit} are there: receive stock first."
        ) from None
