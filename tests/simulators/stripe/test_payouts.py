"""Payouts reach the bank after their days, or fail and give the money back."""

import pytest

from tests.simulators.stripe.till import DAY_S, Till


async def paid_out(till: Till, amount: int = 5000) -> dict[str, object]:
    """A payout out of a balance of 98.25."""
    await till.paid(10_000)
    return dict(await till.made("/v1/payouts", amount=amount, currency="eur"))


async def test_a_payout_is_pending_then_in_transit_then_paid(till: Till) -> None:
    payout = await paid_out(till)
    assert (payout["status"], payout["automatic"], payout["method"]) == ("pending", False, "standard")
    assert await till.balance() == (0, 4825)
    entry = await till.entry(str(payout["balance_transaction"]))
    assert (entry["type"], entry["net"], entry["source"]) == ("payout", -5000, payout["id"])
    await till.later(3600)
    assert (await till.read(f"/v1/payouts/{payout['id']}"))["status"] == "in_transit"
    await till.later(2 * DAY_S)
    assert (await till.read(f"/v1/payouts/{payout['id']}"))["status"] == "paid"
    assert await till.events(str(payout["id"])) == ["payout.created", "payout.updated", "payout.paid"]
    listed = await till.read("/v1/payouts", status="paid", arrival_date={"gte": payout["arrival_date"]})
    assert [one["id"] for one in listed["data"]] == [payout["id"]]
    assert (await till.read("/v1/payouts", arrival_date={"lt": payout["arrival_date"]}))["data"] == []


async def test_more_than_is_available_is_not_paid_out(till: Till) -> None:
    await till.paid(10_000, "pm_card_visa")
    error = await till.refused("/v1/payouts", amount=1, currency="eur")
    assert error["code"] == "balance_insufficient"


@pytest.mark.parametrize(("number", "code"), [("000111111116", "no_account"), ("000222222227", "insufficient_funds")])
async def test_a_bad_bank_account_fails_the_payout_and_the_money_is_back(till: Till, number: str, code: str) -> None:
    await till.admin("POST", "/bank_accounts", {"currency": "eur", "account_number": number})
    payout = await paid_out(till)
    await till.later(3 * DAY_S)
    failed = await till.read(f"/v1/payouts/{payout['id']}", expand=["failure_balance_transaction", "destination"])
    assert (failed["status"], failed["failure_code"]) == ("failed", code)
    entry = failed["failure_balance_transaction"]
    assert (entry["type"], entry["reporting_category"], entry["net"]) == ("payout_failure", "payout_reversal", 5000)
    assert failed["destination"]["last4"] == number[-4:]
    assert await till.balance() == (0, 9825)
    assert (await till.events(str(payout["id"])))[-1] == "payout.failed"


async def test_a_paid_payout_may_fail_later(till: Till) -> None:
    payout = await paid_out(till)
    await till.later(3 * DAY_S)
    failed = await till.admin("POST", f"/payouts/{payout['id']}", {"status": "failed"})
    assert (failed["status"], failed["failure_code"]) == ("failed", "no_account")
    assert await till.balance() == (0, 9825)
    again = await till.client.post(f"/_simulator/payouts/{payout['id']}", json={"status": "failed"})
    assert again.status_code == 409


async def test_a_pending_payout_is_canceled(till: Till) -> None:
    payout = await paid_out(till)
    canceled = await till.made(f"/v1/payouts/{payout['id']}/cancel")
    assert canceled["status"] == "canceled"
    assert await till.balance() == (0, 9825)
    await till.later(5 * DAY_S)
    assert (await till.read(f"/v1/payouts/{payout['id']}"))["status"] == "canceled"
    assert await till.events(str(payout["id"])) == ["payout.created", "payout.canceled"]
    await till.refused(f"/v1/payouts/{payout['id']}/cancel")


async def test_a_paid_payout_is_reversed_by_another(till: Till) -> None:
    payout = await paid_out(till)
    await till.later(3 * DAY_S)
    back = await till.made(f"/v1/payouts/{payout['id']}/reverse")
    assert (back["amount"], back["original_payout"]) == (-5000, payout["id"])
    assert (await till.read(f"/v1/payouts/{payout['id']}"))["reversed_by"] == back["id"]
    assert await till.balance() == (5000, 4825)
    await till.later(3 * DAY_S)
    assert await till.balance() == (0, 9825)
    assert (await till.read(f"/v1/payouts/{back['id']}"))["status"] == "paid"
    await till.refused(f"/v1/payouts/{payout['id']}/reverse")


async def test_a_connected_account_pays_out_its_own_money(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000)
    await till.transferred(4000, account, charge["id"])
    payout = await till.done("/v1/payouts", account, amount=4000, currency="eur")
    assert (await till.balance(account), await till.balance()) == ((0, 0), (0, 5825))
    assert (await till.get(f"/v1/payouts/{payout['id']}")).status_code == 404
    await till.later(3 * DAY_S)
    assert (await till.seen(f"/v1/payouts/{payout['id']}", account))["status"] == "paid"
    kinds = await till.events(payout["id"], account)
    assert kinds == ["payout.created", "payout.updated", "payout.paid"]
    assert payout["id"] not in str(await till.events(payout["id"]))


async def test_payouts_happen_by_themselves_only_when_switched_on(till: Till) -> None:
    charge = await till.paid(10_000)
    await till.later(5 * DAY_S)
    assert (await till.read("/v1/payouts"))["data"] == []
    await till.admin("POST", "/settings", {"automatic_payouts": True})
    await till.later()
    (payout,) = (await till.read("/v1/payouts"))["data"]
    assert (payout["amount"], payout["automatic"], payout["reconciliation_status"]) == (9825, True, "in_progress")
    rows = (await till.read("/v1/balance_transactions", payout=payout["id"]))["data"]
    assert {row["source"] for row in rows} == {payout["id"], charge["id"]}
    await till.later(3 * DAY_S)
    assert (await till.read(f"/v1/payouts/{payout['id']}"))["reconciliation_status"] == "completed"


async def test_the_history_of_a_manual_payout_is_refused(till: Till) -> None:
    payout = await paid_out(till)
    answer = await till.get("/v1/balance_transactions", payout=payout["id"])
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "payout")


async def test_a_top_up_puts_money_into_the_balance(till: Till) -> None:
    made = await till.made("/v1/topups", amount=7000, currency="eur", description="Float")
    assert (made["status"], made["balance_transaction"]) == ("pending", None)
    await till.later()
    arrived = await till.read(f"/v1/topups/{made['id']}", expand=["balance_transaction"])
    assert (arrived["status"], arrived["balance_transaction"]["type"]) == ("succeeded", "topup")
    assert await till.balance() == (0, 7000)
    assert await till.events(made["id"]) == ["topup.created", "topup.succeeded"]
    at_once = await till.admin("POST", "/topups", {"amount": 500, "currency": "eur"})
    assert at_once["status"] == "succeeded"
    assert await till.balance() == (0, 7500)


async def test_a_pending_top_up_is_canceled(till: Till) -> None:
    await till.admin("POST", "/settings", {"topup_arrives_s": DAY_S})
    made = await till.made("/v1/topups", amount=7000, currency="eur")
    assert (await till.made(f"/v1/topups/{made['id']}/cancel"))["status"] == "canceled"
    await till.later(2 * DAY_S)
    assert await till.balance() == (0, 0)
    await till.refused(f"/v1/topups/{made['id']}/cancel")
