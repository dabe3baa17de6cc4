"""Comparisons of the books with the payment provider's, as support sees them."""

from pydantic import Field, RootModel

from fulfil.api.schemas.base import Body, Instant, Representation
from fulfil.models.ids import ReconciliationId
from fulfil.models.messages.reconciliation import Finding, ReconciliationStep
from fulfil.models.money import Currency


class NewReconciliation(Body):
    """Compare now; `since` goes back further than the last comparison."""

    since: Instant | None = Field(default=None, examples=["2026-11-01T00:00:00Z"])


class ProviderBalance(Representation):
    """What the payment provider says we have."""

    currency: Currency
    pending_minor: int
    available_minor: int


class Reconciliation(Representation):
    """What one comparison looked at, mended (`steps`) and could not mend (`findings`)."""

    id: ReconciliationId
    since: Instant
    finished_at: Instant
    steps: dict[str, ReconciliationStep] = Field(
        description="`events` fetched because their webhooks never came, `balance_transactions` mirrored and booked, "
        "`cleared` from pending to available, `held` too long."
    )
    balances: list[ProviderBalance]
    findings: list[Finding]


class PendingReconciliation(Representation):
    """A comparison is under way."""

    status: str = "running"
    workflow_id: str


class ReconciliationAnswer(RootModel[Reconciliation | PendingReconciliation]):
    """The report, or that it is not ready yet."""
