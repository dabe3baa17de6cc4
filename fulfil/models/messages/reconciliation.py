"""What is said when the books are compared with the payment provider's."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from fulfil.models.ids import OrderId, ReconciliationId
from fulfil.models.messages.base import Message
from fulfil.models.money import Currency, SignedMinor


class StartReconciliation(Message):
    """The reconciliation workflow's input; `since` None means since the last one (with an overlap)."""

    since: datetime | None = None


class ReconciliationStep(Message):
    """How much a step looked at and repaired."""

    looked_at: int = 0
    repaired: int = 0


class ReconcileMoney(Message):
    """Activity: one step of a reconciliation; `since` as in the start, `done` what the steps before it did."""

    reconciliation_id: ReconciliationId
    since: datetime | None = None
    began_at: datetime | None = None
    done: dict[str, ReconciliationStep] = Field(default_factory=dict[str, ReconciliationStep])


class FindingKind(StrEnum):
    """What a check of the books can find."""

    UNBALANCED = "unbalanced"
    CHAIN_BROKEN = "chain_broken"
    ANCHOR_BROKEN = "anchor_broken"
    CURRENCY_MIXED = "currency_mixed"
    BALANCE_DIFFERS = "balance_differs"
    OVERDRAWN = "overdrawn"
    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_PROVIDER = "missing_at_provider"
    AMOUNT_DIFFERS = "amount_differs"
    HELD_AFTER_CLOSE = "held_after_close"
    REFUNDED_MORE_THAN_PAID = "refunded_more_than_paid"
    TRANSFERRED_MORE_THAN_LEFT = "transferred_more_than_left"
    COMMISSION_DIFFERS = "commission_differs"
    PROVIDER_BALANCE_DIFFERS = "provider_balance_differs"
    HELD_TOO_LONG = "held_too_long"
    RECEIVABLE_OVERDUE = "receivable_overdue"


class Finding(Message):
    """Something in the books that is not as it must be: what, where, by how much, and what to do."""

    kind: FindingKind
    subject: str
    order_id: OrderId | None = None
    detail: str
    remedy: str
    amount_minor: SignedMinor | None = None
    currency: Currency | None = None


class ReconciliationReport(Message):
    """What a reconciliation did, and what it could not mend."""

    reconciliation_id: ReconciliationId
    since: datetime
    finished_at: datetime
    steps: dict[str, ReconciliationStep]
    findings: tuple[Finding, ...] = ()
