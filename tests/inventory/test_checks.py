"""The check finds every way in which the books of stock can be wrong."""

import pytest
from sqlalchemy import text

from tests.inventory.storeroom import Storeroom


@pytest.mark.parametrize(
    ("breach", "codes"),
    [
        ("UPDATE stock_items SET available_quantity = 51", {"balance_differs"}),
        ("UPDATE stock_items SET reserved_quantity = 49", {"balance_differs", "leases_differ"}),
        ("UPDATE stock_reservations SET quantity = 49", {"leases_differ"}),
        ("UPDATE stock_reservations SET ended_at = now()", {"leases_differ"}),
    ],
)
async def test_what_does_not_add_up_is_found(room: Storeroom, breach: str, codes: set[str]) -> None:
    lot = await room.lot(100)
    await room.reserve("off_1", 50)
    assert await room.findings() == []
    async with room.owner.begin() as session:
        await session.execute(text(breach))
    assert {(finding.item_id, finding.code) for finding in await room.findings()} == {(lot, code) for code in codes}
