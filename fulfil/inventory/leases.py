"""Material leased to accepted offers: given, renewed, ended by itself, given back or used up.

A lease changes under its lot's lock alone, and together with a movement: what is reserved of a lot is the sum of its
open leases. `turn` counts how often an offer has leased the same lot, so that each turn has movements of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.inventory.lots import Movement, hold_lots, hold_lots_of, move
from fulfil.inventory.needs import Need
from fulfil.models.messages.inventory import MovementKind, StockUnit
from fulfil.models.messages.parties import Actor
from fulfil.models.tables.inventory import StockItemRow, StockReservationRow


class NothingReservedError(Exception):
    """The offer never had material, not of the lot that was named, or of several and none was named."""


@dataclass(frozen=True)
class HeldLease:
    """A lease and its lot, both locked until the transaction ends."""

    lot: StockItemRow
    lease: StockReservationRow

    @property
    def is_open(self) -> bool:
        """Whether its quantity is reserved."""
        return self.lease.ended_at is None

    def key(self, step: str) -> str:
        """The business key of the one movement of this kind in this turn."""
        return f"{self.lease.offer_id}:{step}:{self.lot.id}:{self.lease.turn}"


async def reserve(
    session: AsyncSession,
    *,
    offer_id: str,
    job_id: str,
    provider_id: str,
    need: Need,
    expires_at: datetime,
    at: datetime,
) -> bool:
    """Lease the smallest single lot that has enough to an offer, once; False when none has."""
    lots = await _freed_lots(session, provider_id, need.material, at)
    held = await hold_leases(session, offer_id)
    if any(each.is_open or each.lease.consumed_quantity is not None for each in held):
        return True
    lot = smallest(lots, need)
    if lot is None:
        return False
    for each in held:
        # What it had of another lot is not to be used up as well.
        each.lease.ending = MovementKind.RELEASED
    await _lease(session, lot, held, Grant(offer_id, job_id, need.quantity_of(lot) or 0, expires_at), at)
    return True


async def reserve_more(
    session: AsyncSession,
    *,
    offer_id: str,
    quantity: int,
    expires_at: datetime,
    at: datetime,
    reason: str = "",
    actor: Actor | None = None,
) -> bool:
    """Lease more to an offer, of its lot if that has enough, else of another alike; False when none has.

    `quantity` is in the unit of the lot it has. The caller says it once: each call reserves more. What had expired is
    renewed with it. Raises `NothingReservedError` when the offer never had material.
    """
    leased = select(StockItemRow).join(StockReservationRow, StockReservationRow.item_id == StockItemRow.id)
    own = await session.scalar(leased.where(StockReservationRow.offer_id == offer_id).limit(1))
    if own is None:
        raise NothingReservedError(offer_id)
    # All that may be needed is locked first, in one order: whoever locks more later may wait for one who waits for her.
    await hold_lots_of(session, own.provider_id, own.material)
    await renew_reservation(session, offer_id, expires_at, at)
    lots = await _freed_lots(session, own.provider_id, own.material, at)
    held = await hold_leases(session, offer_id)
    first = held[0]
    alike = Need(first.lot.material, first.lot.colour, {StockUnit(first.lot.unit): quantity})
    same = [lot for lot in lots if lot.id == first.lot.id]
    lot = smallest(same, alike) or smallest(lots, alike)
    if lot is None:
        return False
    grant = Grant(offer_id, first.lease.job_id, quantity, expires_at, reason, actor)
    await _lease(session, lot, held, grant, at)
    return True


async def renew_reservation(session: AsyncSession, offer_id: str, expires_at: datetime, at: datetime) -> bool:
    """Let an offer keep its material until `expires_at`; what had expired is leased anew if its lot still has it.

    False when something could not be leased anew: then consuming takes what there is.
    """
    is_whole = True
    for held in await hold_leases(session, offer_id):
        if held.is_open:
            held.lease.expires_at = max(held.lease.expires_at, expires_at)
        elif held.lease.ending == MovementKind.EXPIRED:
            await end_expired_of(session, [held.lot], at)
            if held.lot.available_quantity < held.lease.quantity:
                is_whole = False
            else:
                grant = Grant(offer_id, held.lease.job_id, held.lease.quantity, expires_at)
                await _lease(session, held.lot, [held], grant, at)
    return is_whole


async def release_material(session: AsyncSession, offer_id: str, at: datetime) -> None:
    """Give what an offer has leased back to whoever needs it, once, if there is anything."""
    for held in await hold_leases(session, offer_id):
        if held.is_open:
            await _give_back(session, held, MovementKind.RELEASED, at)


async def end_expired_of(session: AsyncSession, lots: Sequence[StockItemRow], at: datetime) -> int:
    """End the leases of locked lots whose time is over; how many there were."""
    by_id = {lot.id: lot for lot in lots}
    expired = await session.scalars(
        select(StockReservationRow)
        .where(
            StockReservationRow.item_id.in_(by_id),
            StockReservationRow.ended_at.is_(None),
            StockReservationRow.expires_at <= at,
        )
        .order_by(StockReservationRow.item_id, StockReservationRow.offer_id)
        .execution_options(populate_existing=True)
    )
    ended = [HeldLease(by_id[lease.item_id], lease) for lease in expired]
    for held in ended:
        await _give_back(session, held, MovementKind.EXPIRED, at)
    return len(ended)


async def end_expired_leases(session: AsyncSession, at: datetime, limit: int) -> int:
    """End expired leases of up to `limit` lots; how many leases that were. Repeat until there are none."""
    lots = await session.scalars(
        select(StockReservationRow.item_id)
        .where(StockReservationRow.ended_at.is_(None), StockReservationRow.expires_at <= at)
        .distinct()
        .order_by(StockReservationRow.item_id)
        .limit(limit)
    )
    return await end_expired_of(session, await hold_lots(session, list(lots)), at)


async def hold_leases(session: AsyncSession, offer_id: str) -> list[HeldLease]:
    """Lock the lots an offer has (or had) leased and read the leases as they are now, the oldest first."""
    of_offer = select(StockReservationRow).where(StockReservationRow.offer_id == offer_id)
    leased = await session.scalars(of_offer.with_only_columns(StockReservationRow.item_id))
    lots = {lot.id: lot for lot in await hold_lots(session, list(leased))}
    if not lots:
        return []
    by_age = of_offer.order_by(StockReservationRow.created_at, StockReservationRow.item_id)
    leases = await session.scalars(by_age.execution_options(populate_existing=True))
    return [HeldLease(lots[lease.item_id], lease) for lease in leases if lease.item_id in lots]


def smallest(lots: Sequence[StockItemRow], need: Need) -> StockItemRow | None:
    """The lot that is nearest to being used up by the need; None when no single one has enough."""
    fitting = [(lot.available_quantity / (need.quantity_of(lot) or 1), lot.id, lot) for lot in lots if need.fits(lot)]
    return min(fitting, key=lambda each: each[:2])[2] if fitting else None


@dataclass(frozen=True)
class Grant:
    """What is leased: to which offer, how much in the lot's unit, until when, and what the movement says."""

    offer_id: str
    job_id: str
    quantity: int
    expires_at: datetime
    reason: str = ""
    actor: Actor | None = None


async def _freed_lots(session: AsyncSession, provider_id: str, material: str, at: datetime) -> list[StockItemRow]:
    lots = await hold_lots_of(session, provider_id, material)
    await end_expired_of(session, lots, at)
    return lots


async def _lease(
    session: AsyncSession, lot: StockItemRow, held: Sequence[HeldLease], grant: Grant, at: datetime
) -> None:
    """Lease from a locked lot that has enough: a new row, or another turn of the row the offer has for this lot."""
    lease = next((each.lease for each in held if each.lot.id == lot.id), None)
    if lease is None:
        lease = StockReservationRow(
            offer_id=grant.offer_id,
            item_id=lot.id,
            job_id=grant.job_id,
            turn=0,
            quantity=0,
            expires_at=grant.expires_at,
            created_at=at,
        )
        session.add(lease)
    is_open = lease.ended_at is None
    lease.turn += 1
    lease.quantity = grant.quantity + (lease.quantity if is_open else 0)
    lease.expires_at = max(lease.expires_at, grant.expires_at) if is_open else grant.expires_at
    lease.ended_at = lease.ending = None
    movement = Movement(
        HeldLease(lot, lease).key("reserve"),
        MovementKind.RESERVED,
        available_delta=-grant.quantity,
        reserved_delta=grant.quantity,
        job_id=grant.job_id,
        reason=grant.reason,
        actor=grant.actor,
    )
    await move(session, lot, movement, at)
    await session.flush()


async def _give_back(session: AsyncSession, held: HeldLease, kind: MovementKind, at: datetime) -> None:
    lease = held.lease
    movement = Movement(
        held.key(kind), kind, available_delta=lease.quantity, reserved_delta=-lease.quantity, job_id=lease.job_id
    )
    await move(session, held.lot, movement, at)
    end_lease(lease, kind, at)
    await session.flush()


def end_lease(lease: StockReservationRow, ending: MovementKind, at: datetime) -> None:
    """The lease is over: released, expired or consumed."""
    lease.ended_at = at
    lease.ending = ending
