"""What went into a product: as planned when the job is settled, and corrected by what was really used."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.inventory.leases import HeldLease, NothingReservedError, end_expired_of, end_lease, hold_leases
from fulfil.inventory.lots import Movement, move
from fulfil.models.messages.inventory import MovementKind
from fulfil.models.messages.parties import Actor
from fulfil.models.tables.inventory import StockItemRow


async def consume_material(session: AsyncSession, offer_id: str, at: datetime) -> None:
    """Take what an offer has leased out of stock, once: it went into the product.

    Of a lease that expired meanwhile what is free is taken, as far as there is, and the movement says so.
    """
    for held in await hold_leases(session, offer_id):
        await _consume(session, held, at)


async def correct_consumption(
    session: AsyncSession,
    offer_id: str,
    used_quantity: int,
    *,
    at: datetime,
    key: str,
    item_id: str | None = None,
    reason: str = "",
    actor: Actor | None = None,
) -> StockItemRow:
    """Say how much of a lot a job really used in all; the lot takes or gets back the difference, once per `key`.

    What is still leased is consumed with it. `item_id` names the lot when the job has several. Raises
    `NothingReservedError` when it has none (or several), `StockInsufficientError` when the lot has not that much.
    """
    leases = await hold_leases(session, offer_id)
    named = [held for held in leases if held.lot.id == (item_id or held.lot.id)]
    if len(named) != 1:
        raise NothingReservedError(offer_id)
    [held] = named
    await _consume(session, held, at)
    await end_expired_of(session, [held.lot], at)
    consumed = held.lease.consumed_quantity or 0
    movement = Movement(
        f"{offer_id}:correct:{held.lot.id}:{key}",
        MovementKind.CORRECTED,
        available_delta=consumed - used_quantity,
        job_id=held.lease.job_id,
        reason=reason,
        actor=actor,
    )
    if used_quantity != consumed and await move(session, held.lot, movement, at):
        held.lease.consumed_quantity = used_quantity
    await session.flush()
    return held.lot


async def _consume(session: AsyncSession, held: HeldLease, at: datetime) -> None:
    lot, lease = held.lot, held.lease
    if not held.is_open and lease.ending != MovementKind.EXPIRED:
        return
    taken, reason = lease.quantity, ""
    if not held.is_open:
        await end_expired_of(session, [lot], at)
        taken = min(lease.quantity, lot.available_quantity)
        reason = f"The reservation had expired: {taken} of {lease.quantity} {lot.unit} were still there."
    movement = Movement(
        held.key(MovementKind.CONSUMED),
        MovementKind.CONSUMED,
        available_delta=0 if held.is_open else -taken,
        reserved_delta=-taken if held.is_open else 0,
        job_id=lease.job_id,
        reason=reason,
    )
    if await move(session, lot, movement, at):
        lease.consumed_quantity = (lease.consumed_quantity or 0) + taken
    end_lease(lease, MovementKind.CONSUMED, at)
    await session.flush()
