"""Parcels: sent by the provider, and followed by what carriers say, under the production's row lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.errors import invalid
from fulfil.api.intentions import Intention
from fulfil.api.schemas.production import Shipping
from fulfil.api.schemas.shipments import ShipmentEvent
from fulfil.api.writers.delivering import hand_over
from fulfil.api.writers.production import (
    InHand,
    add_report,
    answer_due,
    end_trouble,
    hold_production,
    in_hand,
    take_in_hand,
    tell,
)
from fulfil.api.writers.reports import CHOOSE, MAKE
from fulfil.models.ids import new_id
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.orders import DeliveryMethod
from fulfil.models.messages.parties import Actor, WaitingOn
from fulfil.models.messages.promises import Trouble
from fulfil.models.messages.shipments import ShipmentState
from fulfil.models.tables.jobs import ProductionRow
from fulfil.models.tables.shipments import ShipmentEventRow, ShipmentRow
from fulfil.models.tables.timeline import append_event

FINAL = (ShipmentState.DELIVERED, ShipmentState.LOST, ShipmentState.RETURNED)
NOT_WITH_CUSTOMER = (ShipmentState.LOST, ShipmentState.RETURNED)
CLOCKS_DIFFER = timedelta(minutes=5)
ORDER = (ShipmentState.LABEL_CREATED, ShipmentState.PICKED_UP, ShipmentState.IN_TRANSIT)
EVENTS = {
    ShipmentState.PICKED_UP: EventType.SHIPMENT_PICKED_UP,
    ShipmentState.IN_TRANSIT: EventType.SHIPMENT_MOVED,
    ShipmentState.DELIVERED: EventType.SHIPMENT_DELIVERED,
    ShipmentState.LOST: EventType.SHIPMENT_LOST,
    ShipmentState.RETURNED: EventType.SHIPMENT_RETURNED,
}


async def write_shipment(
    session: AsyncSession, provider: Principal, job_id: str, shipping: Shipping, intention: Intention, at: datetime
) -> None:
    """One more parcel; with the last piece the job is shipped. A repeated request changes nothing.

    Raises 409 before the quality check and for what is picked up, 422 for more pieces than are left.
    """
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is None:
        return
    if held.order.delivery_method == DeliveryMethod.PICKUP:
        raise held.refuse("delivery_is_pickup", "The customer picks it up: say when it is ready for pickup.")
    held.require("shipment", JobState.READY)
    parcels = await _parcels_of(session, held.production)
    left = pieces_left(held.line.quantity, parcels)
    pieces = shipping.pieces or left
    if pieces > left:
        raise invalid("pieces_too_many", f"{left} of {held.line.quantity} pieces are left to be shipped.", "pieces")
    if await _is_tracked(session, job_id, shipping.tracking_number):
        raise invalid("tracking_number_taken", "Another parcel of this job has this number.", "tracking_number")
    parcel = _parcel(held, shipping, pieces)
    session.add(parcel)
    await _send(held, parcel, left - pieces)


async def write_carrier_event(
    session: AsyncSession, actor: Actor, shipment_id: str, event: ShipmentEvent, at: datetime
) -> ShipmentState | None:
    """Believe what is said of a parcel, once per event id; the parcel's state then, None when there is none.

    Events may come late and in any order: a parcel never goes back, and its end is final. 422 for what is yet to come.
    """
    if event.at > at + CLOCKS_DIFFER:
        raise invalid("event_in_future", "This has not happened yet: check the time.", "at")
    job_id = await session.scalar(select(ShipmentRow.job_id).where(ShipmentRow.id == shipment_id))
    if job_id is None:
        return None
    production = await hold_production(session, job_id)
    parcel = await session.get_one(ShipmentRow, shipment_id, with_for_update={"key_share": True})
    if await _note(session, parcel, event, at):
        state = ShipmentState(parcel.state)
        moves = _advances(state, event.kind)
        held = None
        if moves:
            _move(parcel, event)
            if production is not None and production.offer_id == parcel.offer_id:
                held = await in_hand(session, production, actor, new_id("rep"), at)
        if moves or (state is event.kind and event.kind is ShipmentState.IN_TRANSIT):
            next_step = None if held is None else await _follow(held, parcel)
            await _tell_move(session, actor, parcel, event, at, next_step)
        if held is not None and await _all_arrived(held):
            await hand_over(held, {"shipment_id": parcel.id})
    return ShipmentState(parcel.state)


@dataclass(frozen=True)
class Tracked:
    """A parcel by its number: those that can still move are told, or else the newest, which changes nothing."""

    shipment_id: str
    state: ShipmentState


async def find_tracked(session: AsyncSession, carrier: str, tracking_number: str) -> Sequence[Tracked]:
    """Which parcels a carrier means."""
    rows = await session.execute(
        select(ShipmentRow.id, ShipmentRow.state)
        .where(
            func.lower(ShipmentRow.carrier) == carrier.lower(),
            ShipmentRow.tracking_number == tracking_number,
        )
        .order_by(ShipmentRow.created_at, ShipmentRow.id)
    )
    found = [Tracked(shipment_id, ShipmentState(state)) for shipment_id, state in rows]
    return [each for each in found if each.state not in FINAL] or found[-1:]


def pieces_left(quantity: int, parcels: Sequence[ShipmentRow]) -> int:
    """How many are not in a parcel that is on its way or arrived."""
    return quantity - sum(parcel.pieces for parcel in parcels if parcel.state not in NOT_WITH_CUSTOMER)


async def _is_tracked(session: AsyncSession, job_id: str, tracking_number: str) -> bool:
    """Whether a parcel of the job has this number, be it of a provider who had the job before."""
    taken = select(ShipmentRow.id).where(ShipmentRow.job_id == job_id, ShipmentRow.tracking_number == tracking_number)
    return await session.scalar(taken) is not None


async def _parcels_of(session: AsyncSession, production: ProductionRow) -> Sequence[ShipmentRow]:
    found = await session.scalars(select(ShipmentRow).where(ShipmentRow.offer_id == production.offer_id))
    return found.all()


def _parcel(held: InHand, shipping: Shipping, pieces: int) -> ShipmentRow:
    # What the parts weigh, unless she has weighed the parcel.
    estimated_g = max(1, held.line.material_g * pieces // max(held.line.quantity, 1))
    label: dict[str, Any] = {"mass_g": shipping.mass_g or estimated_g, "size_mm": shipping.size_mm}
    return ShipmentRow(
        id=new_id("shp"),
        order_id=held.production.order_id,
        job_id=held.production.job_id,
        offer_id=held.production.offer_id,
        provider_id=held.production.provider_id,
        pieces=pieces,
        carrier=shipping.carrier,
        tracking_number=shipping.tracking_number,
        state=ShipmentState.LABEL_CREATED,
        label=label,
        created_at=held.at,
    )


async def _send(held: InHand, parcel: ShipmentRow, left: int) -> None:
    production = held.production
    production.reported_at = held.at
    production.carrier, production.tracking_number = parcel.carrier, parcel.tracking_number
    data = {
        "shipment_id": parcel.id,
        "carrier": parcel.carrier,
        "tracking_number": parcel.tracking_number,
        "pieces": parcel.pieces,
    }
    await add_report(held, ReportKind.SHIPPED, {**data, "pieces_left": left}, moves_clock=False)
    if left:
        next_step = NextStep(who=WaitingOn.PROVIDER, what=f"ship the other pieces ({left})", by=production.due_at)
        await tell(held, EventType.SHIPMENT_CREATED, data, next_step)
        return
    production.state = JobState.SHIPPED
    production.shipped_at = held.at
    end_trouble(production)
    next_step = NextStep(who=WaitingOn.PROVIDER, what="report the delivery")
    await tell(held, EventType.JOB_SHIPPED, data, next_step)


async def _note(session: AsyncSession, parcel: ShipmentRow, event: ShipmentEvent, at: datetime) -> bool:
    """False when this event was told before."""
    noted = await session.scalar(
        insert(ShipmentEventRow)
        .values(
            business_key=f"{parcel.id}:{event.event_id}",
            shipment_id=parcel.id,
            kind=event.kind,
            at=event.at,
            location=event.location or "",
            note=event.note,
            received_at=at,
        )
        .on_conflict_do_nothing()
        .returning(ShipmentEventRow.business_key)
    )
    return noted is not None


def _advances(state: ShipmentState, kind: ShipmentState) -> bool:
    if state in FINAL:
        return False
    return kind in FINAL or ORDER.index(kind) > ORDER.index(state)


def _move(parcel: ShipmentRow, event: ShipmentEvent) -> None:
    parcel.state = event.kind
    if event.kind is ShipmentState.PICKED_UP:
        parcel.picked_up_at = event.at
    elif event.kind is ShipmentState.DELIVERED:
        parcel.delivered_at = event.at
    elif event.kind is ShipmentState.LOST:
        parcel.lost_at = event.at
    elif event.kind is ShipmentState.RETURNED:
        parcel.returned_at = event.at


async def _tell_move(
    session: AsyncSession,
    actor: Actor,
    parcel: ShipmentRow,
    event: ShipmentEvent,
    at: datetime,
    next_step: NextStep | None,
) -> None:
    await append_event(
        session,
        order_id=parcel.order_id,
        business_key=f"{parcel.id}:event:{event.event_id}",
        kind=EVENTS[event.kind],
        at=at,
        actor=actor,
        subject=parcel.job_id,
        data={"shipment_id": parcel.id, "location": event.location or "", "note": event.note},
        next_step=next_step,
    )


async def _follow(held: InHand, parcel: ShipmentRow) -> NextStep | None:
    """What the bad end of a parcel does to its job, as long as the job is not delivered."""
    if held.state not in (JobState.SHIPPED, JobState.READY, JobState.IN_PRODUCTION):
        return None
    if parcel.state == ShipmentState.LOST:
        return await _lose(held, parcel)
    if parcel.state != ShipmentState.RETURNED:
        return None
    if held.state is JobState.SHIPPED:
        held.production.state = JobState.READY
    return NextStep(who=WaitingOn.SUPPORT, what="agree on what becomes of the returned parcel")


async def _all_arrived(held: InHand) -> bool:
    """Whether the carriers have delivered every piece of a job that is on its way."""
    if held.state is not JobState.SHIPPED:
        return False
    parcels = await _parcels_of(held.session, held.production)
    return all(each.state == ShipmentState.DELIVERED for each in parcels if each.state not in NOT_WITH_CUSTOMER)


async def _lose(held: InHand, parcel: ShipmentRow) -> NextStep:
    """Its pieces have to be made again; the customer chooses by whom, or not at all."""
    production = held.production
    production.state = JobState.IN_PRODUCTION
    production.percent = 0
    production.stage = None
    production.remakes += 1
    production.shipped_at = None
    production.quality_passed_at = None
    await add_report(held, ReportKind.LOST, {"shipment_id": parcel.id, "pieces": parcel.pieces}, moves_clock=True)
    if production.due_at is None:
        return NextStep(who=WaitingOn.PROVIDER, what=MAKE)
    production.trouble = Trouble.PARCEL_LOST
    production.trouble_answer_due_at = answer_due(held)
    production.proposed_due_at = None
    return NextStep(who=WaitingOn.CUSTOMER, what=CHOOSE, by=production.trouble_answer_due_at)
