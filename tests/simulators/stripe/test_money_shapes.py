"""Money's objects keep the fields, types and words that Stripe publishes through all their states."""

from typing import Any

import pytest

from tests.simulators.stripe.answers import judged
from tests.simulators.stripe.sdk_contract import violations
from tests.simulators.stripe.test_disputes import uploaded
from tests.simulators.stripe.till import DAY_S, Till


def test_the_check_sees_what_is_wrong() -> None:
    shape: dict[str, Any] = {"id": "txn_1", "object": "balance_transaction", "amount": "1", "colour": "red"}
    assert len(violations(shape)) > 3


@pytest.mark.parametrize("decision", ["won", "lost"])
async def test_money_has_its_published_shape_in_every_state(till: Till, decision: str) -> None:
    account, charge = await till.recipient(), await till.paid(10_000)
    await till.payment("pm_card_visa")
    transfer = await till.transferred(4000, account, charge["id"])
    await till.made(f"/v1/transfers/{transfer['id']}/reversals", amount=1000)
    for card in ("pm_card_refundFail", "pm_card_pendingRefund"):
        await till.made("/v1/refunds", charge=(await till.paid(2000, card))["id"], metadata={"a": "b"})
    await till.admin("POST", "/bank_accounts", {"currency": "eur", "account_number": "000111111116"})
    await till.made("/v1/payouts", amount=100, currency="eur")
    await till.done("/v1/payouts", account, amount=1000, currency="eur")
    await till.made("/v1/topups", amount=100, currency="eur")
    file = (await uploaded(till)).json()
    dispute = await till.admin("POST", "/disputes", {"charge": charge["id"]})
    await till.admin("POST", "/early_fraud_warnings", {"charge": charge["id"]})
    evidence = {"receipt": file["id"], "product_description": "Brackets"}
    await till.made(f"/v1/disputes/{dispute['id']}", evidence=evidence)
    waiting = await till.paid(5000)
    await till.made("/v1/payouts", amount=(await till.balance())[1], currency="eur")
    assert (await till.made("/v1/refunds", charge=waiting["id"]))["status"] == "pending"
    await till.later(9 * DAY_S)
    await till.admin("POST", f"/disputes/{dispute['id']}", {"status": decision})
    if decision == "lost":
        await till.admin("POST", f"/disputes/{dispute['id']}", {"status": "appeal_needs_response"})

    everything = await till.dump()
    kinds = ("charges", "refunds", "transfers", "transfer_reversals", "payouts", "topups", "disputes", "files",
             "early_fraud_warnings", "balance_transactions", "events")  # fmt: skip
    entities = [
        {k: v for k, v in one.items() if k != "account" or one["object"] == "event"}
        for kind in kinds
        for one in everything[kind]
    ]
    assert all(everything[kind] for kind in kinds)
    snapshots = [one["data"]["object"] for one in everything["events"]]
    problems = {problem for entity in (*entities, *snapshots) for problem in judged(entity)}
    problems |= {problem for entity in (*entities, *snapshots) for problem in violations(entity)}
    assert sorted(problems) == []
