"""Reconciliations, newest first."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.reconciliations import ProviderBalance, Reconciliation
from fulfil.models.messages.reconciliation import Finding, ReconciliationStep
from fulfil.models.tables.ledger import ReconciliationRow


async def list_reconciliations(
    session: AsyncSession, *, limit: int, starting_after: str | None
) -> Page[Reconciliation]:
    """One page."""
    rows, has_more = await newest_first(
        session,
        select(ReconciliationRow),
        moment=ReconciliationRow.finished_at,
        identity=ReconciliationRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[_represent(row) for (row,) in rows], has_more=has_more)


async def find_reconciliation(session: AsyncSession, reconciliation_id: str) -> Reconciliation | None:
    """One comparison, or None."""
    row = await session.get(ReconciliationRow, reconciliation_id)
    return None if row is None else _represent(row)


def _represent(row: ReconciliationRow) -> Reconciliation:
    return Reconciliation(
        id=row.id,
        since=row.since,
        finished_at=row.finished_at,
        steps={name: ReconciliationStep.model_validate(step) for name, step in row.steps.items()},
        balances=[ProviderBalance.model_validate(balance) for balance in row.balances],
        findings=[Finding.model_validate(finding) for finding in row.findings],
    )
