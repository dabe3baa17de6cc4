"""A provider's storeroom: lots received, jobs that need material, and what the books say of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from fulfil.inventory.checks import StockFinding, check_stock
from fulfil.inventory.consumption import consume_material, correct_consumption
from fulfil.inventory.leases import (
    end_expired_leases,
    release_material,
    renew_reservation,
    reserve,
    reserve_more,
)
from fulfil.inventory.lots import Movement, hold_lot, mark_low, move
from fulfil.inventory.needs import Need
from fulfil.kit.database import Database
from fulfil.models.ids import new_id
from fulfil.models.messages.inventory import MovementKind, StockUnit
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.inventory import StockItemRow, StockMovementRow, StockReservationRow

BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Storeroom:
    """What workers do to the stock of one provider; every method is one transaction, at `now`."""

    owner: Database
    worker: Database
    provider_id: str
    now: datetime = field(default=BEGINNING)

    async def lot(
        self,
        quantity: int,
        *,
        material: str = "PLA",
        colour: str = "",
        lot: str = "",
        unit: StockUnit = StockUnit.GRAM,
        low_at: int | None = None,
    ) -> str:
        """A new lot that received so much."""
        item_id = new_id("stk")
        async with self.owner.begin() as session:
            session.add(
                StockItemRow(
                    id=item_id,
                    provider_id=self.provider_id,
                    material=material,
                    colour=colour,
                    lot=lot,
                    unit=unit,
                    available_quantity=0,
                    reserved_quantity=0,
                    low_at_quantity=low_at,
                    created_at=self.now,
                )
            )
        if quantity:
            await self.change(item_id, quantity)
        return item_id

    async def change(self, item_id: str, quantity: int, key: str = "") -> bool:
        """More or less of a lot."""
        kind = MovementKind.RECEIVED if quantity > 0 else MovementKind.ADJUSTED
        async with self.worker.begin() as session:
            lot = await hold_lot(session, item_id)
            assert lot is not None
            movement = Movement(key or new_id("mov"), kind, available_delta=quantity)
            return await move(session, lot, movement, self.now)

    async def set_low(self, item_id: str, low_at: int | None) -> None:
        """When the lot is low."""
        async with self.worker.begin() as session:
            lot = await hold_lot(session, item_id)
            assert lot is not None
            lot.low_at_quantity = low_at
            mark_low(lot, self.now)

    async def reserve(self, offer_id: str, need: int | Need, days: int = 3) -> bool:
        """Material for a job: so many grams of PLA, or what is needed."""
        wanted = grams(need) if isinstance(need, int) else need
        async with self.worker.begin() as session:
            return await reserve(
                session,
                offer_id=offer_id,
                job_id=f"job_of_{offer_id}",
                provider_id=self.provider_id,
                need=wanted,
                expires_at=self.now + days * DAY,
                at=self.now,
            )

    async def reserve_more(self, offer_id: str, quantity: int, days: int = 3) -> bool:
        """More for a remake."""
        async with self.worker.begin() as session:
            return await reserve_more(
                session,
                offer_id=offer_id,
                quantity=quantity,
                expires_at=self.now + days * DAY,
                at=self.now,
                reason="remake",
            )

    async def renew(self, offer_id: str, days: int = 30) -> bool:
        """Production begins."""
        async with self.worker.begin() as session:
            return await renew_reservation(session, offer_id, self.now + days * DAY, self.now)

    async def release(self, offer_id: str) -> None:
        """The job is taken back."""
        async with self.worker.begin() as session:
            await release_material(session, offer_id, self.now)

    async def consume(self, offer_id: str) -> None:
        """The job is settled."""
        async with self.worker.begin() as session:
            await consume_material(session, offer_id, self.now)

    async def correct(self, offer_id: str, used: int, *, key: str = "", item_id: str | None = None) -> None:
        """What was really used."""
        async with self.worker.begin() as session:
            await correct_consumption(
                session, offer_id, used, at=self.now, key=key or new_id("mov"), item_id=item_id, reason="weighed"
            )

    async def sweep(self, limit: int = 100) -> int:
        """What happens hourly."""
        async with self.worker.begin() as session:
            return await end_expired_leases(session, self.now, limit)

    async def balance(self, item_id: str) -> tuple[int, int]:
        """Available and reserved."""
        item = await self.item(item_id)
        return item.available_quantity, item.reserved_quantity

    async def balances(self) -> dict[str, tuple[int, int]]:
        """Available and reserved, of every lot of hers."""
        async with self.owner.begin() as session:
            rows = await session.scalars(select(StockItemRow).where(StockItemRow.provider_id == self.provider_id))
            return {row.id: (row.available_quantity, row.reserved_quantity) for row in rows}

    async def item(self, item_id: str) -> StockItemRow:
        """The lot's row."""
        async with self.owner.begin() as session:
            return await session.get_one(StockItemRow, item_id)

    async def movements(self, item_id: str) -> list[StockMovementRow]:
        """What changed the lot, oldest first."""
        async with self.owner.begin() as session:
            rows = select(StockMovementRow).where(StockMovementRow.item_id == item_id).order_by(StockMovementRow.id)
            return list(await session.scalars(rows))

    async def leases(self, offer_id: str) -> list[StockReservationRow]:
        """What an offer has or had."""
        async with self.owner.begin() as session:
            rows = select(StockReservationRow).where(StockReservationRow.offer_id == offer_id)
            return list(await session.scalars(rows.order_by(StockReservationRow.created_at)))

    async def findings(self) -> list[StockFinding]:
        """What does not add up."""
        async with self.owner.begin() as session:
            return await check_stock(session)


async def furnish(owner: Database, worker: Database) -> Storeroom:
    """A provider whose storeroom is empty."""
    provider_id = new_id("prv")
    async with owner.begin() as session:
        session.add(
            ProviderRow(id=provider_id, name="Maker", capabilities={}, commission_bp=1500, created_at=BEGINNING)
        )
    return Storeroom(owner, worker, provider_id)


def grams(quantity: int, colour: str | None = None) -> Need:
    """A need that is weighed."""
    return needed({StockUnit.GRAM: quantity}, colour)


def needed(quantities: Mapping[StockUnit, int], colour: str | None = None) -> Need:
    """A need of PLA in any of these units."""
    return Need("PLA", colour, quantities)
