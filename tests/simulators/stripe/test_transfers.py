"""Transfers move money that is there, to accounts that may receive it."""

from typing import Any

import pytest

from tests.simulators.stripe.till import DAY_S, Till
from tests.simulators.stripe_http import StripeHttp


async def transfer(stripe: StripeHttp, **changes: object) -> tuple[int, Any]:
    """A transfer of 40.00 EUR out of a new charge of 50.00, with changes."""
    fields: dict[str, object] = {"amount": 4000, "currency": "eur", "transfer_group": "ord_1"}
    if "destination" not in changes:
        fields["destination"] = await stripe.recipient()
    if "source_transaction" not in changes:
        fields["source_transaction"] = (await stripe.captured())["latest_charge"]
    given = {name: value for name, value in (fields | changes).items() if value is not None}
    answer = await stripe.post("/v1/transfers", **given)
    return answer.status_code, answer.json()


async def test_a_transfer_pays_a_provider_out_of_a_pending_charge(stripe: StripeHttp) -> None:
    status, made = await transfer(stripe, transfer_group="ord_transfer", metadata={"job_id": "job_1"})
    assert (status, made["amount"], made["metadata"]) == (200, 4000, {"job_id": "job_1"})
    listed = await stripe.read("/v1/transfers", transfer_group="ord_transfer", expand=["data.balance_transaction"])
    assert [row["id"] for row in listed["data"]] == [made["id"]]
    movement = listed["data"][0]["balance_transaction"]
    assert (movement["net"], movement["status"], movement["source"]) == (-4000, "pending", made["id"])


async def test_transfers_out_of_one_charge_never_exceed_it(stripe: StripeHttp) -> None:
    charge, account = (await stripe.captured())["latest_charge"], await stripe.recipient()
    assert (await transfer(stripe, source_transaction=charge, destination=account))[0] == 200
    status, refused = await transfer(stripe, source_transaction=charge, destination=account, amount=1001)
    assert (status, refused["error"]["param"]) == (400, "amount")
    assert "already a transfer using this source, amounting to 40.00 EUR" in refused["error"]["message"]
    assert (await transfer(stripe, source_transaction=charge, destination=account, amount=1000))[0] == 200


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"destination": "acct_nobody"}, "destination", "resource_missing"),
        ({"source_transaction": "ch_nobody"}, "source_transaction", "resource_missing"),
        ({"currency": "usd"}, "currency", None),
        ({"amount": 0}, "amount", "parameter_invalid_integer"),
        ({"destination": None}, "destination", "parameter_missing"),
    ],
)
async def test_a_wrong_transfer_is_refused_with_the_parameter_named(
    stripe: StripeHttp, changes: dict[str, object], param: str, code: str | None
) -> None:
    status, refused = await transfer(stripe, **changes)
    assert (status, refused["error"]["param"], refused["error"].get("code")) == (400, param, code)


async def test_a_hold_pays_nobody(stripe: StripeHttp) -> None:
    intent = await stripe.payment("pm_card_visa")
    status, refused = await transfer(stripe, source_transaction=intent["latest_charge"])
    assert (status, refused["error"]["param"]) == (400, "source_transaction")


async def test_an_account_without_the_capability_receives_nothing(stripe: StripeHttp) -> None:
    answer = await stripe.client.post("/v2/core/accounts", json={"display_name": "No recipient"})
    status, refused = await transfer(stripe, destination=answer.json()["id"])
    assert (status, refused["error"]["code"]) == (400, "insufficient_capabilities_for_transfer")


async def test_without_a_source_only_available_money_is_moved(stripe: StripeHttp) -> None:
    fields: dict[str, object] = {"currency": "sek", "source_transaction": None, "amount": 4000}
    assert (await transfer(stripe, **fields))[1]["error"]["code"] == "balance_insufficient"
    await stripe.captured("pm_card_visa", currency="sek")
    assert (await transfer(stripe, **fields))[1]["error"]["code"] == "balance_insufficient"
    await stripe.captured("pm_card_bypassPending", currency="sek")
    assert (await transfer(stripe, **fields))[0] == 200
    assert (await transfer(stripe, **fields))[1]["error"]["code"] == "balance_insufficient"


async def test_a_recipient_account_shows_its_capability_when_asked(stripe: StripeHttp) -> None:
    account = await stripe.recipient()
    bare = await stripe.read(f"/v2/core/accounts/{account}")
    assert (bare["object"], bare["configuration"]) == ("v2.core.account", None)
    full = await stripe.read(f"/v2/core/accounts/{account}", include=["configuration.recipient"])
    balance = full["configuration"]["recipient"]["capabilities"]["stripe_balance"]
    assert balance["stripe_transfers"]["status"] == "active"
    assert account in [row["id"] for row in (await stripe.read("/v2/core/accounts", limit=100))["data"]]
    assert (await stripe.get("/v2/core/accounts/acct_nobody")).status_code == 404
    assert (await stripe.get(f"/v2/core/accounts/{account}", include=["persons"])).status_code == 400


async def test_money_of_a_pending_charge_arrives_when_the_charges_does(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000, "pm_card_visa")
    made = await till.transferred(4000, account, charge["id"])
    payment = await till.seen(f"/v1/charges/{made['destination_payment']}", account)
    assert (payment["source_transfer"], payment["amount"]) == (made["id"], 4000)
    both = [await till.entry(made["balance_transaction"]), await till.entry(payment["balance_transaction"], account)]
    assert [(entry["type"], entry["net"], entry["status"]) for entry in both] == [
        ("transfer", -4000, "pending"),
        ("payment", 4000, "pending"),
    ]
    assert (await till.balance(), await till.balance(account)) == ((5825, 0), (4000, 0))
    await till.later(2 * DAY_S)
    assert (await till.balance(), await till.balance(account)) == ((0, 5825), (0, 4000))
    assert await till.events("", account) == ["balance.available"]


async def test_a_settled_charge_that_was_paid_out_pays_no_transfer(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000)
    await till.made("/v1/payouts", amount=9825, currency="eur")
    fields = {"amount": 1, "currency": "eur", "destination": account, "source_transaction": charge["id"]}
    assert (await till.refused("/v1/transfers", **fields))["code"] == "balance_insufficient"


async def test_a_connected_account_transfers_nothing_itself(till: Till) -> None:
    account = await till.recipient()
    form = {"amount": "1", "currency": "eur", "destination": account}
    answer = await till.client.post("/v1/transfers", data=form, headers={"Stripe-Account": account})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "destination")
