"""Refunds stay within what was captured."""

import pytest

from tests.simulators.stripe.till import DAY_S, Till
from tests.simulators.stripe_http import StripeHttp


async def test_a_payment_is_refunded_in_parts_until_nothing_is_left(stripe: StripeHttp) -> None:
    taken = await stripe.captured()
    first = await stripe.made("/v1/refunds", payment_intent=taken["id"], amount=2000, metadata={"order_id": "o"})
    assert (first["status"], first["charge"], first["metadata"]) == (
        "succeeded",
        taken["latest_charge"],
        {"order_id": "o"},
    )
    rest = await stripe.made("/v1/refunds", charge=taken["latest_charge"], reason="requested_by_customer")
    assert rest["amount"] == 3000
    charge = await stripe.read(f"/v1/charges/{taken['latest_charge']}")
    assert (charge["amount_refunded"], charge["refunded"]) == (5000, True)

    again = await stripe.post("/v1/refunds", payment_intent=taken["id"])
    assert (again.status_code, again.json()["error"]["code"]) == (400, "charge_already_refunded")
    listed = await stripe.read("/v1/refunds", payment_intent=taken["id"])
    assert [refund["id"] for refund in listed["data"]] == [rest["id"], first["id"]]
    movement = await stripe.read("/v1/balance_transactions", source=first["id"], type="refund")
    assert [row["net"] for row in movement["data"]] == [-2000]


async def test_more_than_is_left_is_not_refunded(stripe: StripeHttp) -> None:
    taken = await stripe.captured()
    await stripe.made("/v1/refunds", payment_intent=taken["id"], amount=4000)
    answer = await stripe.post("/v1/refunds", payment_intent=taken["id"], amount=1001)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "amount")
    assert error["message"] == ("Refund amount (10.01 EUR) is greater than unrefunded amount on charge (10.00 EUR)")


async def test_only_the_captured_part_can_be_refunded(stripe: StripeHttp) -> None:
    intent = await stripe.payment("pm_card_visa")
    await stripe.made(f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture=3000)
    answer = await stripe.post("/v1/refunds", payment_intent=intent["id"], amount=3001)
    assert answer.status_code == 400
    refund = await stripe.made("/v1/refunds", payment_intent=intent["id"])
    assert refund["amount"] == 3000


@pytest.mark.parametrize("by", ["payment_intent", "charge"])
async def test_a_hold_is_not_refunded(stripe: StripeHttp, by: str) -> None:
    intent = await stripe.payment("pm_card_visa")
    target = intent["id"] if by == "payment_intent" else intent["latest_charge"]
    answer = await stripe.post("/v1/refunds", **{by: target})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"payment_intent_unexpected_state", "charge_not_refundable"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "parameter_missing"),
        ({"payment_intent": "pi_nobody"}, "resource_missing"),
        ({"charge": "ch_nobody"}, "resource_missing"),
        ({"charge": "ch_nobody", "reason": "regret"}, "resource_missing"),
    ],
)
async def test_a_refund_of_nothing_is_refused(stripe: StripeHttp, fields: dict[str, object], code: str) -> None:
    answer = await stripe.post("/v1/refunds", **fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_a_pending_refund_settles_later(lab: StripeHttp) -> None:
    taken = await lab.captured("pm_card_pendingRefund")
    refund = await lab.made("/v1/refunds", payment_intent=taken["id"])
    assert (refund["status"], refund["pending_reason"]) == ("pending", "processing")
    settled = await lab.admin("POST", f"/refunds/{refund['id']}", {"status": "succeeded"})
    assert settled["status"] == "succeeded"
    assert await lab.read(f"/v1/refunds/{refund['id']}") == settled
    events = await lab.read("/v1/events", type="refund.*")
    kinds = [event["type"] for event in events["data"] if event["data"]["object"]["id"] == refund["id"]]
    assert kinds == ["refund.updated", "refund.created"]


async def test_a_failed_refund_gives_the_money_back_to_the_platform(lab: StripeHttp) -> None:
    taken = await lab.captured()
    refund = await lab.made("/v1/refunds", payment_intent=taken["id"])
    failed = await lab.admin("POST", f"/refunds/{refund['id']}", {"status": "failed"})
    assert failed["status"] == "failed"
    movement = await lab.read(f"/v1/balance_transactions/{failed['failure_balance_transaction']}")
    assert (movement["type"], movement["net"]) == ("refund_failure", 5000)
    charge = await lab.read(f"/v1/charges/{taken['latest_charge']}")
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    twice = await lab.client.post(f"/_simulator/refunds/{refund['id']}", json={"status": "failed"})
    assert twice.status_code == 409


async def test_a_refund_waits_until_the_balance_suffices(till: Till) -> None:
    charge = await till.paid(10_000)
    await till.made("/v1/payouts", amount=9000, currency="eur")
    refund = await till.made("/v1/refunds", charge=charge["id"])
    assert (refund["status"], refund["pending_reason"], refund["balance_transaction"]) == (
        "pending",
        "insufficient_funds",
        None,
    )
    assert await till.balance() == (0, 825)
    await till.admin("POST", "/topups", {"amount": 8999, "currency": "eur"})
    assert (await till.read(f"/v1/refunds/{refund['id']}"))["status"] == "pending"
    await till.admin("POST", "/topups", {"amount": 1, "currency": "eur"})
    sent = await till.read(f"/v1/refunds/{refund['id']}")
    assert (sent["status"], "pending_reason" in sent) == ("succeeded", False)
    assert (await till.entry(sent["balance_transaction"]))["net"] == -10_000
    assert await till.balance() == (0, -175)
    assert await till.events(refund["id"]) == ["refund.created", "refund.updated", "charge.refund.updated"]


async def test_waiting_refunds_are_sent_in_their_order(till: Till) -> None:
    charges = [await till.paid(10_000) for _ in range(2)]
    await till.made("/v1/payouts", amount=19_650, currency="eur")
    first, second = [await till.made("/v1/refunds", charge=charge["id"], amount=4000) for charge in charges]
    await till.admin("POST", "/topups", {"amount": 4000, "currency": "eur"})
    states = [(await till.read(f"/v1/refunds/{one['id']}"))["status"] for one in (first, second)]
    assert states == ["succeeded", "pending"]
    await till.paid(10_000)
    assert (await till.read(f"/v1/refunds/{second['id']}"))["status"] == "succeeded"


async def test_money_that_went_to_a_provider_cannot_be_refunded_before_it_is_back(till: Till) -> None:
    account, charge = await till.recipient(), await till.paid(10_000, "pm_card_visa")
    transfer = await till.transferred(8000, account, charge["id"])
    refund = await till.made("/v1/refunds", charge=charge["id"], amount=5000)
    assert refund["status"] == "pending"
    await till.made(f"/v1/transfers/{transfer['id']}/reversals", amount=5000)
    assert (await till.read(f"/v1/refunds/{refund['id']}"))["status"] == "succeeded"


async def test_a_charge_that_is_pending_pays_its_own_refund(till: Till) -> None:
    charge = await till.paid(10_000, "pm_card_visa")
    refund = await till.made("/v1/refunds", charge=charge["id"])
    entry = await till.entry(refund["balance_transaction"])
    assert (refund["status"], entry["status"], entry["net"]) == ("succeeded", "pending", -10_000)
    assert await till.balance() == (-175, 0)
    await till.later(2 * DAY_S)
    assert await till.balance() == (0, -175)


async def test_test_cards_settle_their_refunds_later(till: Till) -> None:
    slow, bad = await till.paid(10_000, "pm_card_pendingRefund"), await till.paid(10_000, "pm_card_refundFail")
    refunds = [await till.made("/v1/refunds", charge=charge["id"], amount=1000) for charge in (slow, bad)]
    assert [refund["status"] for refund in refunds] == ["pending", "succeeded"]
    await till.later(300)
    settled, failed = [await till.read(f"/v1/refunds/{refund['id']}") for refund in refunds]
    assert (settled["status"], failed["status"]) == ("succeeded", "failed")
    assert failed["failure_reason"] == "expired_or_canceled_card"
    entry = await till.entry(failed["failure_balance_transaction"])
    assert (entry["type"], entry["net"]) == ("refund_failure", 1000)
    assert (await till.read(f"/v1/charges/{bad['id']}"))["amount_refunded"] == 0
    assert await till.events(failed["id"]) == [
        "refund.created",
        "refund.updated",
        "charge.refund.updated",
        "refund.failed",
    ]


async def test_only_a_refund_that_waits_for_the_customer_is_canceled(till: Till) -> None:
    charge = await till.paid(10_000, "pm_card_pendingRefund")
    refund = await till.made("/v1/refunds", charge=charge["id"])
    await till.refused(f"/v1/refunds/{refund['id']}/cancel")
    await till.admin("POST", f"/refunds/{refund['id']}", {"status": "requires_action"})
    canceled = await till.made(f"/v1/refunds/{refund['id']}/cancel")
    assert (canceled["status"], canceled["failure_reason"]) == ("canceled", "merchant_request")
    assert await till.balance() == (9825, 0)
    assert (await till.made("/v1/refunds", charge=charge["id"]))["amount"] == 10_000


async def test_a_refund_has_no_signs_of_failure_before_it_fails(till: Till) -> None:
    charge = await till.paid()
    refund = await till.made("/v1/refunds", charge=charge["id"], amount=100)
    assert not {"failure_reason", "failure_balance_transaction", "pending_reason", "next_action"} & set(refund)
    changed = await till.made(f"/v1/refunds/{refund['id']}", metadata={"refund_id": "ref_1"})
    assert changed["metadata"] == {"refund_id": "ref_1"}
    listed = await till.read(f"/v1/charges/{charge['id']}/refunds")
    assert [one["id"] for one in listed["data"]] == [refund["id"]]


async def test_a_refund_tells_where_its_instructions_go_and_whose_it_is(till: Till) -> None:
    customer = await till.made("/v1/customers", name="Ann")
    paid = await till.captured("pm_card_bypassPending", customer=customer["id"])
    refund = await till.made("/v1/refunds", payment_intent=paid["id"], instructions_email="ann@shop.example")
    assert (refund["instructions_email"], refund["customer"]) == ("ann@shop.example", customer["id"])
    assert refund["payment_method"] == paid["payment_method"]


async def test_a_refund_of_nothing_in_particular_is_refused(till: Till) -> None:
    error = await till.refused("/v1/refunds", amount=100)
    assert (error["code"], error["param"]) == ("parameter_missing", "payment_intent")
