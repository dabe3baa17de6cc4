"""Whether the books of stock add up: balances follow from movements, and what is reserved from open leases."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Each query lists what breaks the sentence: the lot, and the detail.
CHECKS: Mapping[str, tuple[str, str]] = {
    "below_zero": (
        "stock below zero",
        """
        SELECT i.id, format('%s %s %s are available, %s reserved', i.available_quantity, i.unit, i.material,
                            i.reserved_quantity) AS detail
        FROM stock_items i WHERE i.available_quantity < 0 OR i.reserved_quantity < 0""",
    ),
    "balance_differs": (
        "stock that differs from its movements",
        """
        SELECT i.id, format('%s available and %s reserved, by its movements %s and %s',
                            i.available_quantity, i.reserved_quantity, m.available, m.reserved) AS detail
        FROM stock_items i
        CROSS JOIN LATERAL (SELECT coalesce(sum(available_delta), 0) AS available,
                                   coalesce(sum(reserved_delta), 0) AS reserved
                            FROM stock_movements WHERE item_id = i.id) m
        WHERE (i.available_quantity, i.reserved_quantity) <> (m.available, m.reserved)""",
    ),
    "leases_differ": (
        "stock reserved without a lease",
        """
        SELECT i.id, format('%s reserved, by its open leases %s', i.reserved_quantity, r.leased) AS detail
        FROM stock_items i
        CROSS JOIN LATERAL (SELECT coalesce(sum(quantity), 0) AS leased
                            FROM stock_reservations WHERE item_id = i.id AND ended_at IS NULL) r
        WHERE i.reserved_quantity <> r.leased""",
    ),
}
COUNTED = text("SELECT (SELECT count(*) FROM stock_items), (SELECT count(*) FROM stock_movements)")


@dataclass(frozen=True)
class StockFinding:
    """Something that does not add up: below_zero, balance_differs or leases_differ."""

    item_id: str
    code: str
    detail: str


async def check_stock(session: AsyncSession) -> list[StockFinding]:
    """Everything that does not add up; reads all lots and movements."""
    findings: list[StockFinding] = []
    for code, (_, query) in CHECKS.items():
        found = await session.execute(text(query))
        findings += [StockFinding(item_id, code, detail) for item_id, detail in found]
    return findings


async def count_stock(session: AsyncSession) -> tuple[int, int]:
    """How many lots and movements there are."""
    items, movements = (await session.execute(COUNTED)).one()
    return items, movements
