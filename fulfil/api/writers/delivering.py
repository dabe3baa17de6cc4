"""Delivered exactly once, whether the provider says so or the carrier of the last parcel; pickups by code."""

import hmac
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import Handing, job_actions
from fulfil.api.errors import ProblemError, conflict, invalid
from fulfil.api.intentions import Intention
from fulfil.api.pickup_codes import pickup_code
from fulfil.api.schemas.production import Delivery, PickupReady
from fulfil.api.writers.idempotency import find_claim
from fulfil.api.writers.production import (
    InHand,
    add_report,
    check_photos,
    hold_production,
    record,
    take_in_hand,
    tell,
)
from fulfil.api.writers.reports import ready_for_pickup
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, ReportKind
from fulfil.models.messages.parties import Role, WaitingOn
from fulfil.models.messages.shipments import ShipmentState
from fulfil.models.tables.jobs import ProductionRow
from fulfil.models.tables.shipments import ShipmentEventRow, ShipmentRow

# Six digits are safe when they can't be tried: after so many wrong ones, one attempt in this time.
FREE_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
WAITING = Handing(by_pickup=True, waits_for_pickup=True)
ON_ITS_WAY = (ShipmentState.LABEL_CREATED, ShipmentState.PICKED_UP, ShipmentState.IN_TRANSIT)


async def write_delivery(
    session: AsyncSession,
    provider: Principal,
    job_id: str,
    delivery: Delivery,
    intention: Intention,
    at: datetime,
    secret: str,
) -> ProblemError | None:
    """The provider handed it over. A wrong pickup code is counted: commit, then raise what is returned.

    Raises 409 before everything is shipped (or ready to be picked up), 422 for a proof that is no image of hers.
    """
    refused = await _refused_code(session, provider, job_id, delivery, intention, at, secret)
    if refused is not None:
        return refused
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is None:
        return None
    if held.handing.by_pickup:
        _require_pickup(held, delivery)
    else:
        held.require("delivery", JobState.SHIPPED)
    await check_photos(held, delivery.photo_file_ids)
    if delivery.signature_file_id is not None:
        await check_photos(held, [delivery.signature_file_id], "signature_file_id")
    await _end_parcels(held)
    await hand_over(held, delivery.model_dump(mode="json", exclude={"pickup_code"}))
    return None


async def hand_over(held: InHand, data: dict[str, Any]) -> None:
    """The production is delivered; the customer's time to approve begins."""
    production = held.production
    production.state = JobState.DELIVERED
    production.delivered_at = held.at
    production.reported_at = held.at
    by = held.at + timedelta(seconds=held.policies.approval_due_s)
    await add_report(held, ReportKind.DELIVERED, data, moves_clock=True)
    next_step = NextStep(who=WaitingOn.CUSTOMER, what="approve the delivery", by=by)
    await tell(held, EventType.JOB_DELIVERED, data, next_step)


async def write_ready_for_pickup(
    session: AsyncSession, provider: Principal, job_id: str, pickup: PickupReady, intention: Intention, at: datetime
) -> None:
    """Made, checked and waiting for the customer; 409 when it is to be shipped, or waits already."""
    held = await take_in_hand(session, provider, job_id, intention, at)
    if held is None:
        return
    if not held.handing.by_pickup:
        raise held.refuse("delivery_is_shipping", "The customer has it sent: ship it.")
    if held.handing.waits_for_pickup:
        raise held.refuse("ready_for_pickup_already", "The customer knows that it can be picked up.")
    await record(held, ready_for_pickup(pickup, at))


def _require_pickup(held: InHand, delivery: Delivery) -> None:
    held.require("delivery", JobState.READY)
    if not held.handing.waits_for_pickup:
        raise held.refuse("not_ready_for_pickup", "Say first that it is ready for pickup.")
    if delivery.pickup_code is None:
        raise invalid("pickup_code_missing", "Ask the customer for the six digits her job shows.", "pickup_code")


async def _refused_code(
    session: AsyncSession,
    provider: Principal,
    job_id: str,
    delivery: Delivery,
    intention: Intention,
    at: datetime,
    secret: str,
) -> ProblemError | None:
    """Looks before the key is claimed: a wrong code may be followed by the right one, and is counted by itself."""
    production = await hold_production(session, job_id)
    if production is None or production.provider_id != provider.owner_id or production.pickup_ready_at is None:
        return None
    if delivery.pickup_code is None or await find_claim(session, intention) is not None:
        return None
    if _is_locked(production, at):
        return conflict(
            "pickup_code_locked",
            "Too many wrong codes: try again in 15 minutes.",
            state=production.state,
            allowed_actions=job_actions(Role.PROVIDER, JobState(production.state), WAITING),
        )
    if hmac.compare_digest(delivery.pickup_code, pickup_code(secret, production.offer_id)):
        return None
    production.pickup_failures += 1
    production.pickup_failed_at = at
    return invalid("pickup_code_wrong", "This is not the customer's code.", "pickup_code")


def _is_locked(production: ProductionRow, at: datetime) -> bool:
    failed_at = production.pickup_failed_at
    many = production.pickup_failures >= FREE_FAILURES
    return many and failed_at is not None and at < failed_at + LOCKED_FOR


async def _end_parcels(held: InHand) -> None:
    """What is still on its way has arrived: the provider says so, and carriers need not."""
    parcels = await held.session.scalars(
        select(ShipmentRow)
        .where(ShipmentRow.offer_id == held.production.offer_id, ShipmentRow.state.in_(ON_ITS_WAY))
        .order_by(ShipmentRow.id)
        .with_for_update(key_share=True)
    )
    for parcel in parcels:
        parcel.state = ShipmentState.DELIVERED
        parcel.delivered_at = held.at
        held.session.add(
            ShipmentEventRow(
                business_key=f"{parcel.id}:{held.report_id}",
                shipment_id=parcel.id,
                kind=ShipmentState.DELIVERED,
                at=held.at,
                location="",
                note="",
                received_at=held.at,
            )
        )
