"""Comparing the books through the API: a real workflow, a real Stripe, a report."""

from fulfil.models.ids import new_id
from tests.api.running import Api
from tests.api.shop import Shop
from tests.api.world import Person


async def test_support_has_the_books_compared_and_reads_the_report(shop: Shop, supporter: Person) -> None:
    made = await shop.api.post("/support/reconciliations?wait=20", supporter, json={})
    report = made.json()

    assert made.status_code == 201
    assert set(report["steps"]) == {"events", "balance_transactions", "cleared", "collected", "paid", "held"}
    found = await shop.api.get(f"/support/reconciliations/{report['id']}", supporter)
    listed = await shop.api.get("/support/reconciliations", supporter)
    assert found.json() == report
    assert listed.json()["data"][0] == report


async def test_one_that_takes_longer_than_the_wait_is_said_to_run(shop: Shop, supporter: Person) -> None:
    pending = await shop.api.post("/support/reconciliations?wait=0", supporter, json={})

    assert (pending.status_code, pending.json()["status"]) == (202, "running")


async def test_an_unknown_report_is_not_found(api: Api, supporter: Person) -> None:
    assert (await api.get(f"/support/reconciliations/{new_id('rec')}", supporter)).status_code == 404


async def test_while_temporal_is_down_it_says_so(api: Api, supporter: Person) -> None:
    refused = await api.post("/support/reconciliations", supporter, json={})

    assert (refused.status_code, refused.json()["retryable"]) == (503, True)
