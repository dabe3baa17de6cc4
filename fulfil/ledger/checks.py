"""All invariants of the books, of everything or of one order: nothing found means every cent is where it must be.

| invariant | finding |
|---|---|
| every transaction sums to zero per currency, and has two legs | `unbalanced` |
| nothing was changed, removed or put between: hashes and numbers of every chain, the latest anchor | `chain_broken`, \
`anchor_broken` |
| kept balances are the postings replayed from zero, and no guarded account turned its sign | `balance_differs`, \
`overdrawn` |
| every entry of the payment provider's has postings with its net amount, every such posting its entry | \
`missing_in_ledger`, `missing_at_provider`, `amount_differs` |
| rows of payments, refunds, transfers, reversals and chargebacks say what the postings say | `amount_differs` |
| refunded is at most what was paid; transferred at most what is left | `refunded_more_than_paid`, \
`transferred_more_than_left` |
| commission, its tax and the payouts are the sums over the jobs | `commission_differs` |
| an ended order holds nothing, and nothing is held for longer than 75 days | `held_after_close`, `held_too_long` |
| what a provider owes came within 120 days | `receivable_overdue` |
| an order knows one currency | `currency_mixed` |
| our accounts hold what the payment provider says it holds for us | `provider_balance_differs` |
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.anchors import check_anchor
from fulfil.ledger.checks_of_orders import check_orders
from fulfil.ledger.checks_of_postings import check_postings
from fulfil.ledger.checks_of_provider import ProviderBalance, check_balances, check_provider, latest_balances
from fulfil.ledger.checks_of_receivables import check_receivables
from fulfil.models.messages.reconciliation import Finding

# Sorting a hundred thousand transactions in memory takes half the time of sorting them on disk.
MORE_MEMORY = text("SELECT set_config('work_mem', '64MB', true), set_config('statement_timeout', '120s', true)")


async def check_books(
    session: AsyncSession, now: datetime, *, balances: Sequence[tuple[str, int, int]] | None = None
) -> list[Finding]:
    """Everything that is wrong with the books; nothing is written.

    `balances` is what the payment provider says right now: (currency, pending, available) in minor units. None
    compares with what it said at the latest reconciliation.
    """
    await session.execute(MORE_MEMORY)
    if balances is None:
        said = await latest_balances(session)
    else:
        said = [ProviderBalance(currency, pending, available, now) for currency, pending, available in balances]
    return [
        *await check_postings(session, None),
        *await check_anchor(session),
        *await check_provider(session, None, now),
        *await check_orders(session, None, now),
        *await check_receivables(session, now),
        *await check_balances(session, said),
    ]


async def check_order(session: AsyncSession, order_id: str, now: datetime) -> list[Finding]:
    """What is wrong with one order's part of the books; nothing is written."""
    return [
        *await check_postings(session, order_id),
        *await check_provider(session, order_id, now),
        *await check_orders(session, order_id, now),
    ]
