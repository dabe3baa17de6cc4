"""Material for a winner is leased until production should have begun, with a margin."""

from datetime import timedelta

import pytest

from fulfil.activities.reserving import reserve_material
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.orders import OrderLineRow
from tests.activities.shop import Shop


@pytest.mark.parametrize(("needed", "is_leased"), [(1000, True), (1001, False)])
async def test_a_line_is_leased_for_the_start_and_its_margin(shop: Shop, needed: int, *, is_leased: bool) -> None:
    provider = await shop.add_provider(stock_g=1000)
    line = OrderLineRow(material="pla", material_g=needed, material_sheets=None, quantity=1, colour=None)
    policies = OrderPolicies(start_due_s=3600, lease_margin_s=600)
    at = shop.clock()
    async with shop.worker.begin() as session:
        leased = await reserve_material(
            session, offer_id="off_1", job_id="job_1", provider_id=provider, line=line, policies=policies, at=at
        )
    rows = await shop.sql("SELECT quantity, expires_at FROM stock_reservations")
    assert leased is is_leased
    assert [(row.quantity, row.expires_at) for row in rows] == [(1000, at + timedelta(seconds=4200))] * is_leased
