"""A transfer comes back as far as the connected account still has the money."""

from tests.simulators.stripe.till import DAY_S, Till


async def test_a_transfer_is_reversed_in_parts(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000)
    transfer = await till.transferred(4000, account, charge["id"])
    path = f"/v1/transfers/{transfer['id']}/reversals"
    first = await till.made(path, amount=1500, metadata={"refund_id": "ref_1"})
    assert (first["object"], first["amount"], first["transfer"]) == ("transfer_reversal", 1500, transfer["id"])
    entry = await till.entry(first["balance_transaction"])
    assert (entry["type"], entry["reporting_category"], entry["net"]) == ("transfer_refund", "transfer_reversal", 1500)
    assert await till.balance() == (0, 7325)
    assert await till.balance(account) == (0, 2500)
    returned = await till.seen(f"/v1/refunds/{first['destination_payment_refund']}", account)
    assert (returned["charge"], returned["amount"]) == (transfer["destination_payment"], 1500)

    rest = await till.made(path)
    assert rest["amount"] == 2500
    shown = await till.read(f"/v1/transfers/{transfer['id']}")
    assert (shown["amount_reversed"], shown["reversed"]) == (4000, True)
    assert [one["id"] for one in shown["reversals"]["data"]] == [rest["id"], first["id"]]
    assert shown["reversals"]["has_more"] is False
    assert [one["id"] for one in (await till.read(path))["data"]] == [rest["id"], first["id"]]
    assert await till.read(f"{path}/{first['id']}") == first
    assert await till.events(transfer["id"]) == ["transfer.created", "transfer.reversed", "transfer.reversed"]
    assert "fully reversed" in (await till.refused(path))["message"]


async def test_more_than_is_left_is_not_reversed(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000)
    transfer = await till.transferred(4000, account, charge["id"])
    error = await till.refused(f"/v1/transfers/{transfer['id']}/reversals", amount=4001)
    assert error["param"] == "amount"


async def test_money_that_was_paid_out_cannot_come_back(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000)
    transfer = await till.transferred(4000, account, charge["id"])
    await till.done("/v1/payouts", account, amount=3000, currency="eur")
    path = f"/v1/transfers/{transfer['id']}/reversals"
    assert (await till.refused(path, amount=1001))["code"] == "balance_insufficient"
    assert (await till.made(path, amount=1000))["amount"] == 1000
    assert await till.balance(account) == (0, 0)


async def test_what_is_still_pending_comes_back_as_pending(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000, "pm_card_visa")
    transfer = await till.transferred(4000, account, charge["id"])
    assert (await till.balance(), await till.balance(account)) == ((5825, 0), (4000, 0))
    await till.made(f"/v1/transfers/{transfer['id']}/reversals", amount=4000)
    assert (await till.balance(), await till.balance(account)) == ((9825, 0), (0, 0))
    await till.later(2 * DAY_S)
    assert (await till.balance(), await till.balance(account)) == ((0, 9825), (0, 0))


async def test_a_reversed_transfer_frees_its_charge_for_another(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000)
    transfer = await till.transferred(10_000 - 1000, account, charge["id"])
    await till.made(f"/v1/transfers/{transfer['id']}/reversals")
    assert (await till.transferred(9000, account, charge["id"]))["amount"] == 9000


async def test_a_reversal_of_another_transfer_is_not_found(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000)
    one, other = [await till.transferred(1000, account, charge["id"]) for _ in range(2)]
    made = await till.made(f"/v1/transfers/{one['id']}/reversals")
    path = f"/v1/transfers/{other['id']}/reversals/{made['id']}"
    assert (await till.get(path)).status_code == 404
    changed = await till.made(f"/v1/transfers/{one['id']}/reversals/{made['id']}", metadata={"a": "b"})
    assert changed["metadata"] == {"a": "b"}
    shown = await till.read(f"/v1/transfers/{one['id']}")
    assert shown["reversals"]["data"][0]["metadata"] == {"a": "b"}


async def test_a_transfer_can_be_described_later(till: Till) -> None:
    transfer = await till.transferred(1000, await till.recipient(), (await till.paid())["id"])
    changed = await till.made(f"/v1/transfers/{transfer['id']}", metadata={"a": "b"}, description="Milestone 1")
    assert (changed["metadata"], changed["description"]) == ({"a": "b"}, "Milestone 1")
    await till.made(f"/v1/transfers/{transfer['id']}", metadata={"a": "b"})
    assert await till.events(transfer["id"]) == ["transfer.created", "transfer.updated"]
