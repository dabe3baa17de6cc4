"""Money is pending, then available, and only balance transactions move it."""

from tests.simulators.stripe.till import DAY_S, Till


async def test_money_of_a_charge_is_pending_for_two_days(till: Till) -> None:
    charge = await till.paid(10_000, "pm_card_visa")
    entry = await till.entry(charge["balance_transaction"])
    assert (entry["amount"], entry["fee"], entry["net"], entry["status"]) == (10_000, 175, 9825, "pending")
    assert (entry["type"], entry["reporting_category"], entry["source"]) == ("charge", "charge", charge["id"])
    assert entry["available_on"] == entry["created"] + 2 * DAY_S
    assert [part["amount"] for part in entry["fee_details"]] == [175]
    assert await till.balance() == (9825, 0)

    await till.later(2 * DAY_S - 1)
    assert await till.balance() == (9825, 0)
    await till.later(1)
    assert await till.balance() == (0, 9825)
    assert (await till.entry(entry["id"]))["status"] == "available"
    assert (await till.events())[-1] == "balance.available"


async def test_a_card_that_bypasses_waiting_is_available_at_once(till: Till) -> None:
    await till.paid(10_000)
    assert await till.balance() == (0, 9825)


async def test_the_delay_can_be_chosen(till: Till) -> None:
    await till.admin("POST", "/settings", {"availability_s": 60})
    await till.paid(10_000, "pm_card_visa")
    await till.later(60)
    assert await till.balance() == (0, 9825)
    assert (await till.admin("GET", "/settings"))["availability_s"] == 60
    wrong = await till.client.post("/_simulator/settings", json={"availability_s": -1})
    assert wrong.status_code == 422


async def test_currencies_are_never_mixed(till: Till) -> None:
    await till.paid(10_000)
    await till.paid(20_000, currency="usd")
    shown = await till.read("/v1/balance")
    assert shown["object"] == "balance"
    assert [(part["currency"], part["amount"]) for part in shown["available"]] == [("eur", 9825), ("usd", 19_675)]
    assert shown["available"][0]["source_types"] == {"card": 9825}
    fields = {"amount": 9826, "currency": "eur", "destination": await till.recipient()}
    assert (await till.refused("/v1/transfers", **fields))["code"] == "balance_insufficient"


async def test_balance_transactions_are_listed_by_time_kind_source_and_currency(till: Till) -> None:
    first = await till.paid(10_000, "pm_card_visa")
    await till.later(100)
    second = await till.paid(20_000, "pm_card_visa", "usd")
    await till.made("/v1/refunds", charge=first["id"], amount=100)

    async def found(**filters: object) -> list[int]:
        listed = await till.read("/v1/balance_transactions", **filters)
        assert listed["url"] == "/v1/balance_transactions"
        return [row["amount"] for row in listed["data"]]

    assert await found() == [-100, 20_000, 10_000]
    assert await found(type="refund") == [-100]
    assert await found(source=second["id"]) == [20_000]
    assert await found(currency="eur") == [-100, 10_000]
    start = first["created"]
    assert await found(created={"gt": start}) == [-100, 20_000]
    assert await found(created={"gte": start, "lte": start}) == [10_000]
    assert await found(created={"lt": start}) == []
    assert await found(created=start + 100, limit=1) == [-100]


async def test_an_empty_balance_is_shown_in_the_home_currency(till: Till) -> None:
    shown = await till.read("/v1/balance")
    assert (shown["available"][0]["amount"], shown["pending"][0]["amount"]) == (0, 0)


async def test_an_account_sees_its_own_balance_only(till: Till) -> None:
    account = await till.recipient()
    charge = await till.paid(10_000)
    await till.transferred(4000, account, charge["id"])
    assert await till.balance() == (0, 5825)
    assert await till.balance(account) == (0, 4000)
    rows = (await till.seen("/v1/balance_transactions", account))["data"]
    assert [(row["type"], row["reporting_category"], row["net"]) for row in rows] == [("payment", "charge", 4000)]
    answer = await till.client.get(
        f"/v1/balance_transactions/{charge['balance_transaction']}", headers={"Stripe-Account": account}
    )
    assert answer.status_code == 404


async def test_the_admin_path_proves_every_balance(till: Till) -> None:
    await till.paid(10_000)
    rows = (await till.admin("GET", "/balances"))["balances"]
    assert [(row["available"], row["entries_available"]) for row in rows] == [(9825, 9825)]
