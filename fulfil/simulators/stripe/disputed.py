"""Whether a charge's disputes let it be refunded or disputed again, and the inquiries a refund answers."""

from typing import cast

from fulfil.simulators.stripe.money_objects import Dispute
from fulfil.simulators.stripe.transaction import Transaction

DECIDE, DUE = "decide_dispute", "dispute_due"
OPEN = frozenset(
    [
        "appeal_needs_response",
        "appeal_under_review",
        "needs_response",
        "under_review",
        "warning_needs_response",
        "warning_under_review",
    ]
)


def disputes_of(tx: Transaction, charge_id: str) -> list[Dispute]:
    """The disputes of a charge, oldest first."""
    condition = "object = 'dispute' AND json_extract(body, '$.charge') = ? ORDER BY seq"
    return [cast("Dispute", body) for _, body in tx.select(condition, (charge_id,))]


def is_refundable(tx: Transaction, charge_id: str) -> bool:
    """Inquiries and won disputes leave the charge to be refunded; others do not."""
    return all(dispute["is_charge_refundable"] for dispute in disputes_of(tx, charge_id))


def has_open_dispute(tx: Transaction, charge_id: str) -> bool:
    """Whether one is undecided."""
    return any(dispute["status"] in OPEN for dispute in disputes_of(tx, charge_id))


def close_inquiry(tx: Transaction, dispute: Dispute) -> None:
    """It ends without a chargeback."""
    before = dispute["status"]
    tx.forget(DUE, dispute["id"])
    tx.forget(DECIDE, dispute["id"])
    dispute["status"] = "warning_closed"
    dispute["is_charge_refundable"] = True
    tx.save(dispute)
    tx.record("charge.dispute.updated", dispute, {"status": before})
    tx.record("charge.dispute.closed", dispute, {"status": before})


def answer_inquiries(tx: Transaction, charge_id: str) -> None:
    """The cardholder has all her money back: what her bank inquired is settled."""
    for dispute in disputes_of(tx, charge_id):
        if dispute["status"] in OPEN and dispute["status"].startswith("warning_"):
            close_inquiry(tx, dispute)
