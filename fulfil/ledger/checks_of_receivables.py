"""Whether what providers owe still comes: what is older than a few months probably never will."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.findings import finding
from fulfil.models.messages.reconciliation import Finding, FindingKind
from fulfil.models.money import format_money

OVERDUE = timedelta(days=120)
# What came was for the oldest debts: what is left is the youngest ones, and owed since the first of those.
OWED_SINCE = text("""
WITH owed AS (
    SELECT b.account, b.currency, b.balance_minor, t.effective_at,
        sum(p.amount_minor) OVER (PARTITION BY b.account, b.currency ORDER BY p.id DESC) - p.amount_minor AS younger
    FROM ledger_balances b
    JOIN ledger_postings p ON p.account = b.account AND p.currency = b.currency AND p.amount_minor > 0
    JOIN ledger_transactions t ON t.id = p.transaction_id
    WHERE b.account LIKE 'asset:receivable:%' AND b.balance_minor > 0
)
SELECT account, currency, balance_minor, min(effective_at) AS since
FROM owed WHERE younger < balance_minor
GROUP BY account, currency, balance_minor HAVING min(effective_at) < :before
ORDER BY account, currency
""")


async def check_receivables(session: AsyncSession, now: datetime) -> list[Finding]:
    """Providers who have owed something for longer than 120 days; what they owe in all is the amount."""
    rows = await session.execute(OWED_SINCE, {"before": now - OVERDUE})
    return [
        finding(
            FindingKind.RECEIVABLE_OVERDUE,
            row.account.rpartition(":")[2],
            f"owes {format_money(row.balance_minor, row.currency)}, some of it since {row.since:%Y-%m-%d}",
            amount_minor=row.balance_minor,
            currency=row.currency,
        )
        for row in rows
    ]
