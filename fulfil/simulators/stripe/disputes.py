"""Disputes: chargebacks that take the money at once, inquiries that only ask, and how they end."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe import balances, evidence
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.cards import Behaviour
from fulfil.simulators.stripe.charges import card_of
from fulfil.simulators.stripe.disputed import DECIDE, DUE, OPEN, close_inquiry, has_open_dispute
from fulfil.simulators.stripe.early_warnings import note_refund
from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter, missing_resource, wrong_state
from fulfil.simulators.stripe.money_objects import Charge, Dispute
from fulfil.simulators.stripe.objects import Json, new_id
from fulfil.simulators.stripe.previous import previous_attributes
from fulfil.simulators.stripe.refunds import fail_pending
from fulfil.simulators.stripe.transaction import Transaction

ANSWERABLE = ("needs_response", "warning_needs_response", "appeal_needs_response")
NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "product_unacceptable": "13.3"}
REASONS = (
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
SUBMISSIONS = ("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes")


def open_dispute(
    tx: Transaction, charge: Charge, reason: str, amount: int | None = None, *, inquiry: bool = False
) -> Dispute:
    """The cardholder's bank wants the money back; raises a 400 when the charge cannot be disputed."""
    if not inquiry:
        charge = fail_pending(tx, charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    if not charge["captured"] or not 0 < amount <= left or has_open_dispute(tx, charge["id"]):
        message = f"Charge {charge['id']} cannot be disputed for {amount}: {left} are left of it."
        raise wrong_state(message, "charge_disputed" if charge["disputed"] else "charge_not_refundable")
    dispute = _new(tx, charge, reason, amount, inquiry=inquiry)
    charge["disputed"] = True
    tx.save(charge)
    note_refund(tx, charge)
    if inquiry:
        tx.insert(dispute)
        tx.record("charge.dispute.created", dispute)
    else:
        withdrawn = _withdraw(tx, dispute)
        tx.insert(dispute)
        tx.record("charge.dispute.created", dispute)
        tx.record("charge.dispute.funds_withdrawn", withdrawn)
    tx.at(tx.created + tx.settings.dispute_due_s, DUE, dispute["id"])
    return dispute


def open_by_card(tx: Transaction, charge_id: str) -> None:
    """A test card's holder disputes, unless the money is back already."""
    charge = tx.charge(charge_id)
    card = card_of(tx, charge) if charge is not None else None
    if charge is None or card is None or charge["refunded"] or charge["disputed"]:
        return
    reason = "product_not_received" if card.behaviour is Behaviour.DISPUTED_AS_NOT_RECEIVED else "fraudulent"
    open_dispute(tx, charge, reason, inquiry=card.behaviour is Behaviour.INQUIRED)


def update_dispute(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/disputes/{id}`: stage evidence, or submit it, which can be done once."""
    dispute = _existing(tx, call)
    parameters = call.parameters
    before = {**dispute, "evidence_details": {**dispute["evidence_details"]}}
    dispute["metadata"] = parameters.merged_metadata(dispute["metadata"])
    method = parameters.choice("intended_submission_method", SUBMISSIONS)
    dispute["intended_submission_method"] = method or dispute["intended_submission_method"]
    given = parameters.hash("evidence")
    submit = parameters.flag("submit", default=bool(given.values))
    if given.values or submit:
        if dispute["status"] not in ANSWERABLE:
            message = f"This dispute takes no more evidence: it is {dispute['status']}."
            raise StripeApiError(400, message, param="evidence", stored=True)
        if dispute["status"] == "appeal_needs_response":
            dispute["evidence"] = evidence.appealed(tx, dispute["evidence"], given)
        else:
            dispute["evidence"] = evidence.staged(tx, dispute["evidence"], given)
        dispute["evidence_details"]["has_evidence"] = not evidence.is_empty(dispute["evidence"])
    if submit:
        _submit(tx, dispute)
    tx.save(dispute)
    previous = previous_attributes(before, dispute)
    if previous:
        tx.record("charge.dispute.updated", dispute, previous)
    return dispute


def close_dispute(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/disputes/{id}/close`: accept the loss, without a way back."""
    dispute = _existing(tx, call)
    if dispute["status"] not in ANSWERABLE:
        raise invalid_parameter("dispute", f"This dispute cannot be closed: it is {dispute['status']}.")
    end(tx, dispute, "warning_closed" if _is_inquiry(dispute) else "lost")
    return dispute


def decide(tx: Transaction, dispute: Dispute, status: str) -> Dispute:
    """What the bank decides: won, lost, warning_closed, escalated to a chargeback, or open to an appeal."""
    inquiry = _is_inquiry(dispute)
    if status == "escalate" and inquiry:
        _escalate(tx, dispute)
    elif status == "appeal_needs_response" and dispute["status"] == "lost":
        _open_appeal(tx, dispute)
    elif dispute["status"] == "won" and status == "lost":
        _withdraw(tx, dispute)
        end(tx, dispute, "lost")
    elif dispute["status"] in OPEN and inquiry and status in {"won", "warning_closed"}:
        end(tx, dispute, "warning_closed")
    elif dispute["status"] in OPEN and status in {"won", "lost"}:
        if inquiry:
            _escalate(tx, dispute)
        end(tx, dispute, status)
    else:
        raise wrong_state(f"{dispute['id']} is {dispute['status']}: it cannot be {status}.", "dispute_unexpected_state")
    return dispute


def decide_by_evidence(tx: Transaction, dispute_id: str) -> None:
    """The bank has read one of the documented test texts."""
    dispute = find_dispute(tx, dispute_id)
    if dispute is None or dispute["status"] not in OPEN:
        return
    appealing = dispute["status"].startswith("appeal_")
    ruling = evidence.appeal_verdict(dispute["evidence"]) if appealing else evidence.verdict(dispute["evidence"])
    if ruling == "escalate" and not _is_inquiry(dispute):
        return
    if ruling == "lost" and _is_inquiry(dispute):
        ruling = "warning_closed"
    if ruling is not None:
        decide(tx, dispute, ruling)


def pass_due(tx: Transaction, dispute_id: str) -> None:
    """Nobody answered in time: a chargeback is lost, an inquiry is closed."""
    dispute = find_dispute(tx, dispute_id)
    if dispute is not None and dispute["status"] in ANSWERABLE:
        end(tx, dispute, "warning_closed" if _is_inquiry(dispute) else "lost")


def end(tx: Transaction, dispute: Dispute, status: str) -> None:
    """Close as `won` (the money is back), `lost` or `warning_closed`."""
    if status == "warning_closed":
        close_inquiry(tx, dispute)
        return
    before = dispute["status"]
    tx.forget(DUE, dispute["id"])
    tx.forget(DECIDE, dispute["id"])
    dispute["status"] = status
    dispute["is_charge_refundable"] = status == "won"
    if status == "won":
        _reinstate(tx, dispute)
    tx.save(dispute)
    tx.record("charge.dispute.updated", dispute, {"status": before})
    if status == "won":
        tx.record("charge.dispute.funds_reinstated", dispute)
    tx.record("charge.dispute.closed", dispute, {"status": before})


def find_dispute(tx: Transaction, identity: str) -> Dispute | None:
    """A dispute."""
    return cast("Dispute | None", tx.find("dispute", identity))


def _submit(tx: Transaction, dispute: Dispute) -> None:
    appeal = dispute["status"] == "appeal_needs_response"
    inquiry = _is_inquiry(dispute)
    tx.forget(DUE, dispute["id"])
    dispute["evidence_details"]["submission_count"] += 1
    dispute["evidence_details"]["submission_method"] = "manual"
    if appeal:
        dispute["status"] = "appeal_under_review"
    else:
        dispute["status"] = "warning_under_review" if inquiry else "under_review"
    ruling = evidence.appeal_verdict(dispute["evidence"]) if appeal else evidence.verdict(dispute["evidence"])
    if ruling is not None:
        tx.at(tx.now + tx.settings.dispute_decided_s, DECIDE, dispute["id"])


def _escalate(tx: Transaction, dispute: Dispute) -> None:
    """The inquiry becomes a chargeback: the money is taken and there is a new date to answer by."""
    before = dispute["status"]
    dispute["status"] = "needs_response"
    dispute["is_charge_refundable"] = False
    dispute["evidence_details"]["due_by"] = tx.created + tx.settings.dispute_due_s
    cast("Json", dispute["payment_method_details"]["card"])["case_type"] = "chargeback"
    tx.forget(DUE, dispute["id"])
    tx.at(tx.created + tx.settings.dispute_due_s, DUE, dispute["id"])
    _withdraw(tx, dispute)
    tx.save(dispute)
    tx.record("charge.dispute.updated", dispute, {"status": before})
    tx.record("charge.dispute.funds_withdrawn", dispute)


def _open_appeal(tx: Transaction, dispute: Dispute) -> None:
    dispute["status"] = "appeal_needs_response"
    due = tx.created + tx.settings.appeals_s
    dispute["evidence_details"]["due_by"] = due
    dispute["evidence_details"]["past_due"] = False
    tx.at(due, DUE, dispute["id"])
    tx.save(dispute)
    tx.record("charge.dispute.updated", dispute, {"status": "lost"})


def _withdraw(tx: Transaction, dispute: Dispute) -> Dispute:
    entry = balances.post(
        tx,
        amount=-dispute["amount"],
        fee=tx.settings.dispute_fee_minor,
        currency=dispute["currency"],
        source=dispute["id"],
        kind="dispute",
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], entry]
    return dispute


def _reinstate(tx: Transaction, dispute: Dispute) -> None:
    returned = -tx.settings.dispute_fee_minor if tx.settings.dispute_fee_returned else 0
    entry = balances.post(
        tx,
        amount=dispute["amount"],
        fee=returned,
        currency=dispute["currency"],
        source=dispute["id"],
        kind="dispute_reversal",
        description=f"Chargeback reversal for {dispute['charge']}",
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], entry]


def _is_inquiry(dispute: Dispute) -> bool:
    return dispute["status"].startswith("warning_")


def _existing(tx: Transaction, call: Call) -> Dispute:
    dispute = find_dispute(tx, call.identity)
    if dispute is None:
        raise missing_resource("dispute", call.identity, param="dispute")
    return dispute


def _new(tx: Transaction, charge: Charge, reason: str, amount: int, *, inquiry: bool) -> Dispute:
    brand = charge["payment_method_details"].get("card", {}).get("brand", "visa")
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": tx.created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence.no_evidence(),
        "evidence_details": {
            "due_by": tx.created + tx.settings.dispute_due_s,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": NETWORK_CODES.get(reason, "83"),
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": brand,
                "network_reason_code": NETWORK_CODES.get(reason, "83"),
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
