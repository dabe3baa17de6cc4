"""Disputes take the money at once, are answered once and in time, and end in the balance."""

from typing import Any

import pytest

from fulfil.simulators.stripe.evidence import LONG_FIELDS
from tests.simulators.stripe.till import DAY_S, Till

PDF = b"%PDF-1.7 proof of delivery"


async def disputed(till: Till, **changes: object) -> Any:
    """A dispute of a charge of 100.00."""
    charge = await till.paid(10_000)
    return await till.admin("POST", "/disputes", {"charge": charge["id"], **changes})


async def uploaded(till: Till, content: bytes = PDF, purpose: str = "dispute_evidence") -> Any:
    """The answer to an upload."""
    files = {"file": ("proof.pdf", content, "application/pdf")}
    return await till.client.post("/v1/files", data={"purpose": purpose}, files=files)


async def test_a_chargeback_takes_the_amount_and_a_fee_at_once(till: Till) -> None:
    dispute = await disputed(till)
    assert (dispute["status"], dispute["amount"], dispute["reason"]) == ("needs_response", 10_000, "fraudulent")
    (entry,) = dispute["balance_transactions"]
    assert (entry["type"], entry["reporting_category"]) == ("adjustment", "dispute")
    assert (entry["amount"], entry["fee"], entry["net"]) == (-10_000, 1500, -11_500)
    assert await till.balance() == (0, 9825 - 11_500)
    assert dispute["evidence_details"]["due_by"] == dispute["created"] + 9 * DAY_S
    assert (await till.read(f"/v1/charges/{dispute['charge']}"))["disputed"] is True
    assert await till.events(dispute["id"]) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    listed = await till.read("/v1/disputes", charge=dispute["charge"])
    assert [one["id"] for one in listed["data"]] == [dispute["id"]]


@pytest.mark.parametrize("by", ["charge", "payment_intent"])
async def test_a_disputed_charge_is_not_refunded(till: Till, by: str) -> None:
    dispute = await disputed(till)
    code = {"charge": "charge_disputed", "payment_intent": "refund_disputed_payment"}[by]
    assert (await till.refused("/v1/refunds", **{by: dispute[by]}))["code"] == code


async def test_an_inquiry_takes_nothing_and_leaves_the_charge_refundable(till: Till) -> None:
    inquiry = await disputed(till, inquiry=True)
    assert (inquiry["status"], inquiry["balance_transactions"]) == ("warning_needs_response", [])
    assert inquiry["is_charge_refundable"] is True
    assert await till.balance() == (0, 9825)
    assert (await till.made("/v1/refunds", charge=inquiry["charge"]))["status"] == "succeeded"


@pytest.mark.parametrize("answered", [False, True])
async def test_a_full_refund_ends_an_inquiry_and_a_partial_one_does_not(till: Till, answered: bool) -> None:
    inquiry = await disputed(till, inquiry=True)
    if answered:
        await till.made(f"/v1/disputes/{inquiry['id']}", evidence={"uncategorized_text": "It was delivered."})
    before = (await till.read(f"/v1/disputes/{inquiry['id']}"))["status"]
    await till.made("/v1/refunds", charge=inquiry["charge"], amount=4_000)
    assert (await till.read(f"/v1/disputes/{inquiry['id']}"))["status"] == before

    await till.made("/v1/refunds", charge=inquiry["charge"])

    assert (await till.read(f"/v1/disputes/{inquiry['id']}"))["status"] == "warning_closed"
    assert (await till.events(inquiry["id"]))[-2:] == ["charge.dispute.updated", "charge.dispute.closed"]


@pytest.mark.parametrize(
    ("card", "reason", "status"),
    [
        ("pm_card_createDispute", "fraudulent", "needs_response"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received", "needs_response"),
        ("pm_card_createDisputeInquiry", "fraudulent", "warning_needs_response"),
    ],
)
async def test_a_test_card_is_disputed_after_it_was_charged(till: Till, card: str, reason: str, status: str) -> None:
    await till.captured(card)
    await till.later()
    (dispute,) = (await till.read("/v1/disputes"))["data"]
    assert (dispute["reason"], dispute["status"]) == (reason, status)


async def test_evidence_is_staged_and_then_submitted_once(till: Till) -> None:
    dispute = await disputed(till)
    path, file = f"/v1/disputes/{dispute['id']}", (await uploaded(till)).json()
    staged = await till.made(path, evidence={"shipping_carrier": "DHL", "receipt": file["id"]}, submit=False)
    assert (staged["status"], staged["evidence_details"]["has_evidence"]) == ("needs_response", True)
    assert staged["evidence_details"]["submission_count"] == 0
    sent = await till.made(path, evidence={"uncategorized_text": "It was delivered."})
    assert (sent["status"], sent["evidence"]["shipping_carrier"]) == ("under_review", "DHL")
    assert (sent["evidence_details"]["submission_count"], sent["evidence_details"]["submission_method"]) == (
        1,
        "manual",
    )
    await till.refused(path, evidence={"uncategorized_text": "And more."})
    assert (await till.made(path, metadata={"order_id": "o"}))["metadata"] == {"order_id": "o"}
    await till.later(30 * DAY_S)
    assert (await till.read(path))["status"] == "under_review"


@pytest.mark.parametrize(
    ("text", "status", "available"),
    [("winning_evidence", "won", 9825), ("losing_evidence", "lost", 9825 - 11_500)],
)
async def test_test_texts_decide(till: Till, text: str, status: str, available: int) -> None:
    dispute = await disputed(till)
    await till.made(f"/v1/disputes/{dispute['id']}", evidence={"uncategorized_text": text})
    await till.later()
    ended = await till.read(f"/v1/disputes/{dispute['id']}")
    assert (ended["status"], await till.balance()) == (status, (0, available))
    kinds = await till.events(dispute["id"])
    assert kinds[-1] == "charge.dispute.closed"
    assert ("charge.dispute.funds_reinstated" in kinds) is (status == "won")
    assert len(ended["balance_transactions"]) == (2 if status == "won" else 1)


async def test_an_inquiry_escalates_to_a_chargeback(till: Till) -> None:
    inquiry = await disputed(till, inquiry=True)
    await till.made(f"/v1/disputes/{inquiry['id']}", evidence={"uncategorized_text": "escalate_inquiry_evidence"})
    await till.later()
    escalated = await till.read(f"/v1/disputes/{inquiry['id']}")
    assert (escalated["status"], len(escalated["balance_transactions"])) == ("needs_response", 1)
    assert escalated["payment_method_details"]["card"]["case_type"] == "chargeback"
    assert (await till.events(inquiry["id"]))[-1] == "charge.dispute.funds_withdrawn"


@pytest.mark.parametrize(("inquiry", "status"), [(False, "lost"), (True, "warning_closed")])
async def test_an_unanswered_dispute_ends_when_it_is_due(till: Till, inquiry: bool, status: str) -> None:
    dispute = await disputed(till, inquiry=inquiry)
    await till.later(9 * DAY_S)
    ended = await till.read(f"/v1/disputes/{dispute['id']}")
    assert (ended["status"], ended["evidence_details"]["submission_count"]) == (status, 0)


async def test_a_loss_can_be_accepted(till: Till) -> None:
    dispute = await disputed(till)
    assert (await till.made(f"/v1/disputes/{dispute['id']}/close"))["status"] == "lost"
    await till.refused(f"/v1/disputes/{dispute['id']}/close")


async def test_a_lost_dispute_is_appealed_and_won(till: Till) -> None:
    dispute = await disputed(till)
    path = f"/v1/disputes/{dispute['id']}"
    await till.admin("POST", f"/disputes/{dispute['id']}", {"status": "lost"})
    opened = await till.admin("POST", f"/disputes/{dispute['id']}", {"status": "appeal_needs_response"})
    assert opened["status"] == "appeal_needs_response"
    await till.refused(path, evidence={"uncategorized_text": "locked"})
    file = (await uploaded(till)).json()["id"]
    appeal = {"appeal": {"card": {"reason_for_filing": "winning_evidence", "supporting_files": [file]}}}
    sent = await till.made(path, evidence=appeal)
    assert (sent["status"], sent["evidence"]["appeal"]["card"]["supporting_files"]) == ("appeal_under_review", [file])
    await till.later()
    assert (await till.read(path))["status"] == "won"
    assert await till.balance() == (0, 9825)


async def test_a_charge_is_disputed_in_part_and_never_twice_at_once(till: Till) -> None:
    dispute = await disputed(till, amount=2000)
    assert dispute["amount"] == 2000
    again = await till.client.post("/_simulator/disputes", json={"charge": dispute["charge"]})
    assert again.status_code == 409
    unknown = await till.client.post("/_simulator/disputes", json={"charge": "ch_nobody"})
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("evidence", "param"),
    [
        ({"colour": "red"}, "evidence[colour]"),
        ({"receipt": "file_nobody"}, "evidence[receipt]"),
        ({"uncategorized_text": "x" * 20_001}, "evidence[uncategorized_text]"),
        (dict.fromkeys(LONG_FIELDS, "x" * 20_000), "evidence"),
    ],
)
async def test_evidence_beyond_the_limits_is_refused(till: Till, evidence: dict[str, str], param: str) -> None:
    dispute = await disputed(till)
    error = await till.refused(f"/v1/disputes/{dispute['id']}", evidence=evidence)
    assert error["param"] == param
    assert (await till.read(f"/v1/disputes/{dispute['id']}"))["status"] == "needs_response"


async def test_the_files_of_a_dispute_are_limited_together(till: Till) -> None:
    dispute = await disputed(till)
    one, other = [(await uploaded(till, PDF + bytes(2_300_000))).json()["id"] for _ in range(2)]
    error = await till.refused(f"/v1/disputes/{dispute['id']}", evidence={"receipt": one, "refund_policy": other})
    assert "4.5 MB" in error["message"]


async def test_an_early_fraud_warning_is_spent_by_a_refund(till: Till) -> None:
    await till.captured("pm_card_createIssuerFraudWarning")
    await till.later()
    (warning,) = (await till.read("/v1/radar/early_fraud_warnings"))["data"]
    assert (warning["actionable"], warning["object"]) == (True, "radar.early_fraud_warning")
    await till.made("/v1/refunds", charge=warning["charge"])
    assert (await till.read(f"/v1/radar/early_fraud_warnings/{warning['id']}"))["actionable"] is False
    kinds = await till.events(warning["id"])
    assert kinds == ["radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"]


async def test_a_chargeback_fails_the_refund_that_is_on_its_way(till: Till) -> None:
    charge = await till.paid(10_000, "pm_card_pendingRefund")
    refund = await till.made("/v1/refunds", charge=charge["id"], amount=4000)
    dispute = await till.admin("POST", "/disputes", {"charge": charge["id"]})
    failed = await till.read(f"/v1/refunds/{refund['id']}")
    assert (failed["status"], failed["failure_reason"]) == ("failed", "charge_for_pending_refund_disputed")
    assert dispute["amount"] == 10_000
    assert (await till.events(refund["id"]))[-1] == "refund.failed"


async def test_how_a_dispute_is_to_be_submitted_is_remembered(till: Till) -> None:
    charge = await till.paid()
    dispute = await till.admin("POST", "/disputes", {"charge": charge["id"]})
    path = f"/v1/disputes/{dispute['id']}"
    assert (await till.read(path))["intended_submission_method"] is None
    changed = await till.made(path, intended_submission_method="prefer_manual")
    assert changed["intended_submission_method"] == "prefer_manual"
