"""How the checks of the books say what they found."""

from fulfil.models.messages.reconciliation import Finding, FindingKind

REMEDIES = {
    FindingKind.UNBALANCED: "Somebody wrote past the guards: compare with a backup, then correct by a reversal.",
    FindingKind.CHAIN_BROKEN: "Content was changed or removed: compare with a proof or a backup of before.",
    FindingKind.ANCHOR_BROKEN: "Chains differ from what was anchored: compare with a backup of that day.",
    FindingKind.CURRENCY_MIXED: "Find who posted in another currency, and correct by a reversal.",
    FindingKind.BALANCE_DIFFERS: "Trust the postings: find who wrote the balance, and set it from them.",
    FindingKind.OVERDRAWN: "Find the posting that was one too many, and correct it by a reversal.",
    FindingKind.MISSING_IN_LEDGER: "Look the object up at the payment provider: post it, or reverse it there.",
    FindingKind.MISSING_AT_PROVIDER: "Look it up at the payment provider: if it is not there, correct the posting.",
    FindingKind.AMOUNT_DIFFERS: "Compare the rows, the postings and the provider's object; correct by a reversal.",
    FindingKind.HELD_AFTER_CLOSE: "Pay back or release what is left: `fulfil order show` tells how the order ended.",
    FindingKind.REFUNDED_MORE_THAN_PAID: "Stop further refunds of the order, and ask the customer or write it off.",
    FindingKind.TRANSFERRED_MORE_THAN_LEFT: "Reverse the transfer, or keep the amount from later payouts.",
    FindingKind.COMMISSION_DIFFERS: "Compare the job with its release, and correct by a reversal.",
    FindingKind.PROVIDER_BALANCE_DIFFERS: "Run the reconciliation again; what stays is money the books do not know.",
    FindingKind.RECEIVABLE_OVERDUE: "Ask the provider for it, or write it off as a loss (receivable_written_off).",
    FindingKind.HELD_TOO_LONG: "Release or refund: held money must leave within 90 days.",
}


def finding(
    kind: FindingKind,
    subject: str,
    detail: str,
    *,
    order_id: str | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
) -> Finding:
    """A finding with the remedy of its kind; `amount_minor` is by how much."""
    return Finding(
        kind=kind,
        subject=subject,
        order_id=order_id,
        detail=detail,
        remedy=REMEDIES[kind],
        amount_minor=amount_minor,
        currency=currency,
    )
