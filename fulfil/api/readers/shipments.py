"""Parcels as their customer, provider and support see them; labels for those who send them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.schemas.shipments import Label, LabelAddress, Shipment, ShipmentMove
from fulfil.models.messages.parties import Role
from fulfil.models.messages.shipments import ShipmentState
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.orders import OrderAddressRow, OrderRow
from fulfil.models.tables.shipments import ShipmentEventRow, ShipmentRow


async def find_shipment(session: AsyncSession, caller: Principal, shipment_id: str) -> Shipment | None:
    """A parcel of the caller's: sent by her, or of her order; staff see all."""
    row = await _visible_row(session, caller, shipment_id)
    return None if row is None else (await _represent(session, [row]))[0]


async def read_shipments(
    session: AsyncSession, *, order_id: str | None = None, job_id: str | None = None, offer_id: str | None = None
) -> list[Shipment]:
    """The parcels of an order, a job, or one making of it, oldest first; the caller is known to have to do with it."""
    query = select(ShipmentRow).order_by(ShipmentRow.created_at, ShipmentRow.id)
    if order_id is not None:
        query = query.where(ShipmentRow.order_id == order_id)
    if job_id is not None:
        query = query.where(ShipmentRow.job_id == job_id)
    if offer_id is not None:
        query = query.where(ShipmentRow.offer_id == offer_id)
    return await _represent(session, (await session.scalars(query)).all())


async def find_label(session: AsyncSession, caller: Principal, shipment_id: str) -> Label | None:
    """What a carrier needs; personal data, for the provider who sends the parcel and for staff."""
    row = await _visible_row(session, caller, shipment_id)
    if row is None:
        return None
    provider = await session.get_one(ProviderRow, row.provider_id)
    address = await session.get(OrderAddressRow, row.order_id)
    return Label(
        shipment_id=row.id,
        reference=row.id.removeprefix("shp_")[-12:].upper(),
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        pieces=row.pieces,
        mass_g=row.label["mass_g"],
        size_mm=row.label.get("size_mm"),
        sender=LabelAddress(
            name=provider.name,
            address_lines=provider.address_lines or [],
            postal_code=provider.postal_code,
            city=provider.city,
            country=provider.country,
        ),
        recipient=None if address is None else _recipient(address),
    )


def _recipient(address: OrderAddressRow) -> LabelAddress:
    return LabelAddress(
        name=address.name,
        address_lines=address.address_lines,
        postal_code=address.postal_code,
        city=address.city,
        country=address.country,
    )


async def _visible_row(session: AsyncSession, caller: Principal, shipment_id: str) -> ShipmentRow | None:
    query = select(ShipmentRow).where(ShipmentRow.id == shipment_id)
    if caller.role is Role.PROVIDER:
        query = query.where(ShipmentRow.provider_id == caller.owner_id)
    elif not caller.is_staff:
        query = query.join(OrderRow, OrderRow.id == ShipmentRow.order_id).where(OrderRow.customer_id == caller.owner_id)
    return await session.scalar(query)


async def _represent(session: AsyncSession, rows: Sequence[ShipmentRow]) -> list[Shipment]:
    told = (
        await session.scalars(
            select(ShipmentEventRow)
            .where(ShipmentEventRow.shipment_id.in_([row.id for row in rows]))
            .order_by(ShipmentEventRow.at, ShipmentEventRow.received_at)
        )
        if rows
        else ()
    )
    moves: dict[str, list[ShipmentMove]] = {row.id: [] for row in rows}
    for event in told:
        moves[event.shipment_id].append(
            ShipmentMove(kind=ShipmentState(event.kind), at=event.at, location=event.location, note=event.note)
        )
    return [
        Shipment(
            id=row.id,
            order_id=row.order_id,
            job_id=row.job_id,
            pieces=row.pieces,
            carrier=row.carrier,
            tracking_number=row.tracking_number,
            state=ShipmentState(row.state),
            created_at=row.created_at,
            picked_up_at=row.picked_up_at,
            delivered_at=row.delivered_at,
            lost_at=row.lost_at,
            returned_at=row.returned_at,
            moves=moves[row.id],
        )
        for row in rows
    ]
