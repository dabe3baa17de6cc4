"""Refunds stay within what was captured."""

import pytest

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
