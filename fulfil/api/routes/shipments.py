"""Parcels: where they are, what their labels say, and what carriers tell of them."""

from typing import Annotated

from fastapi import APIRouter, Depends

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, allowed
from fulfil.api.documentation import API, SHIPMENTS, problems
from fulfil.api.errors import not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.orders import may_see_order
from fulfil.api.readers.shipments import find_label, find_shipment, read_shipments
from fulfil.api.schemas.shipments import CarrierEvent, Label, Shipment, ShipmentEvent, Shipments, ShipmentsTold
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.shipments import find_tracked, write_carrier_event
from fulfil.models.ids import OrderId, ShipmentId
from fulfil.models.messages.parties import Role
from fulfil.models.messages.shipments import ShipmentState

router = APIRouter(prefix=API, tags=[SHIPMENTS])

READERS = (Role.CUSTOMER, Role.PROVIDER, *STAFF)
Reader = Annotated[Principal, Depends(allowed(Scope.JOBS_READ, *READERS))]
OrderReader = Annotated[Principal, Depends(allowed(Scope.ORDERS_READ, Role.CUSTOMER, *STAFF))]
Sender = Annotated[Principal, Depends(allowed(Scope.JOBS_READ, Role.PROVIDER, *STAFF))]
Teller = Annotated[Principal, Depends(allowed(Scope.SHIPMENTS_WRITE, Role.PROVIDER, *STAFF))]
Carrier = Annotated[Principal, Depends(allowed(Scope.SHIPMENTS_WRITE, *STAFF))]


@router.get("/orders/{order_id}/shipments", responses=problems(401, 403, 404))
async def list_order_shipments(context: Context, caller: OrderReader, order_id: OrderId) -> Shipments:
    """Every parcel of an order."""
    async with context.begin() as session:
        if await may_see_order(session, caller, order_id) is None:
            raise not_found("order")
        return Shipments(data=await read_shipments(session, order_id=order_id))


@router.get("/shipments/{shipment_id}", responses=problems(401, 403, 404))
async def get_shipment(context: Context, caller: Reader, shipment_id: ShipmentId) -> Shipment:
    """One parcel and its way."""
    return await _read(context, caller, shipment_id)


@router.get("/shipments/{shipment_id}/label", responses=problems(401, 403, 404))
async def get_shipment_label(context: Context, caller: Sender, shipment_id: ShipmentId) -> Label:
    """Sender, recipient, mass and reference, for whoever sends the parcel."""
    async with context.begin() as session:
        label = await find_label(session, caller, shipment_id)
    if label is None:
        raise not_found("shipment")
    return label


@router.post("/shipments/{shipment_id}/events", responses=problems(401, 403, 404))
async def report_shipment_event(
    context: Context, caller: Teller, shipment_id: ShipmentId, event: ShipmentEvent, key: IdempotencyKey = None
) -> Shipment:
    """What happened to a parcel; repeated or late events change nothing, and its end is final."""
    intention = intend(caller, key, f"report_shipment_event:{shipment_id}", event)
    await _read(context, caller, shipment_id)
    async with context.begin() as session:
        # The event's own id makes it safe to repeat; the key only must not stand for another request.
        await claim(session, intention, shipment_id, context.clock())
        await write_carrier_event(session, caller.actor, shipment_id, event, context.clock())
    return await _read(context, caller, shipment_id)


@router.post("/carrier-events", responses=problems(401, 403, 404))
async def receive_carrier_event(
    context: Context, caller: Carrier, event: CarrierEvent, key: IdempotencyKey = None
) -> ShipmentsTold:
    """What a carrier tells of a tracking number; every parcel with it that has not ended is told, each by itself."""
    intention = intend(caller, key, "receive_carrier_event", event)
    async with context.begin() as session:
        tracked = await find_tracked(session, event.carrier, event.tracking_number)
        if not tracked:
            raise not_found("shipment", "tracking_number")
        await claim(session, intention, tracked[0].shipment_id, context.clock())
    states: list[ShipmentState] = []
    for parcel in tracked:
        async with context.begin() as session:
            told = await write_carrier_event(session, caller.actor, parcel.shipment_id, event, context.clock())
        states.append(told or parcel.state)
    return ShipmentsTold(shipments=[parcel.shipment_id for parcel in tracked], states=states)


async def _read(context: Context, caller: Principal, shipment_id: str) -> Shipment:
    async with context.begin() as session:
        shipment = await find_shipment(session, caller, shipment_id)
    if shipment is None:
        raise not_found("shipment")
    return shipment
