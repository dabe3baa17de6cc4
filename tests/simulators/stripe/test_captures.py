"""What a card holds is captured in time, wholly or in part, or lost."""

import pytest

from tests.simulators.stripe.till import DAY_S, Till


async def test_the_rest_of_a_partial_capture_is_released(till: Till) -> None:
    intent = await till.payment("pm_card_visa")
    taken = await till.made(f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture=3000)
    assert (taken["status"], taken["amount_received"], taken["amount_capturable"]) == ("succeeded", 3000, 0)
    charge = await till.read(f"/v1/charges/{taken['latest_charge']}")
    assert (charge["amount"], charge["amount_captured"], charge["refunded"]) == (5000, 3000, False)
    assert (await till.entry(charge["balance_transaction"]))["amount"] == 3000


async def test_a_hold_says_how_long_it_lives_and_then_expires(till: Till) -> None:
    intent = await till.payment("pm_card_visa")
    charge = await till.read(f"/v1/charges/{intent['latest_charge']}")
    assert charge["payment_method_details"]["card"]["capture_before"] == charge["created"] + 7 * DAY_S
    await till.later(7 * DAY_S)
    ended = await till.read(f"/v1/payment_intents/{intent['id']}")
    assert (ended["status"], ended["cancellation_reason"], ended["amount_capturable"]) == ("canceled", "automatic", 0)
    assert (await till.read(f"/v1/charges/{charge['id']}"))["refunded"] is True
    assert (await till.events())[-2:] == ["charge.expired", "payment_intent.canceled"]
    refused = await till.refused(f"/v1/payment_intents/{intent['id']}/capture")
    assert refused["code"] == "capture_charge_authorization_expired"
    assert (await till.refused(f"/v1/charges/{charge['id']}/capture"))["code"] == "charge_expired_for_capture"


@pytest.mark.parametrize("path", ["capture", "cancel"])
async def test_a_hold_that_ended_before_does_not_expire(till: Till, path: str) -> None:
    intent = await till.payment("pm_card_visa")
    await till.made(f"/v1/payment_intents/{intent['id']}/{path}")
    await till.later(30 * DAY_S)
    assert "charge.expired" not in await till.events()


async def test_the_older_path_captures_the_same_hold(till: Till) -> None:
    intent = await till.payment("pm_card_visa")
    charge = await till.made(f"/v1/charges/{intent['latest_charge']}/capture", amount=2000)
    assert (charge["captured"], charge["amount_captured"]) == (True, 2000)
    assert (await till.read(f"/v1/payment_intents/{intent['id']}"))["status"] == "succeeded"
    assert (await till.refused(f"/v1/charges/{charge['id']}/capture"))["code"] == "charge_already_captured"


async def test_a_charge_can_be_described_later(till: Till) -> None:
    charge = await till.paid()
    changed = await till.made(f"/v1/charges/{charge['id']}", description="Two brackets", metadata={"a": "1"})
    assert (changed["description"], changed["metadata"]) == ("Two brackets", {"a": "1"})
    assert (await till.events(charge["id"]))[-1] == "charge.updated"


async def test_more_may_be_said_of_a_charge(till: Till) -> None:
    charge, customer = await till.paid(), await till.made("/v1/customers", name="Ann")
    path, address = f"/v1/charges/{charge['id']}", {"line1": "Street 1", "city": "Riga"}
    said = {"customer": customer["id"], "fraud_details": {"user_report": "safe"}}
    changed = await till.made(path, **said, shipping={"name": "Ann", "address": address})
    assert (changed["customer"], changed["fraud_details"]) == (customer["id"], {"user_report": "safe"})
    assert changed["shipping"]["address"]["city"] == "Riga"
    other = await till.made("/v1/customers", name="Bob")
    assert (await till.refused(path, customer=other["id"]))["param"] == "customer"


async def test_the_older_path_tells_where_the_receipt_goes(till: Till) -> None:
    intent = await till.payment("pm_card_visa")
    path = f"/v1/charges/{intent['latest_charge']}/capture"
    charge = await till.made(path, receipt_email="ann@shop.example", transfer_group="late")
    assert (charge["receipt_email"], charge["transfer_group"]) == ("ann@shop.example", "late")
