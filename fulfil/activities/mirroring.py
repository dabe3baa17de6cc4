"""Posting what moved at the payment provider: the ledger transaction and the mirrored balance transaction together."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.gateways.stripe.facts import BalanceEntry
from fulfil.ledger.entries import Entry
from fulfil.ledger.posting import post
from fulfil.models.tables.ledger import BalanceTransactionRow


async def post_moved(
    session: AsyncSession,
    entry: Entry,
    moved: BalanceEntry,
    *,
    business_key: str,
    order_id: str | None,
    effective_at: datetime,
    stripe_object_id: str,
) -> bool:
    """Post an entry that follows a balance transaction of the provider's, and mirror that; False when it was posted.

    The entry's legs on `asset:stripe:*` must have been made with `pending=moved.is_pending`.
    """
    posted = await post(
        session,
        entry,
        business_key=business_key,
        order_id=order_id,
        effective_at=effective_at,
        currency=moved.currency,
        stripe_object_id=stripe_object_id,
        balance_transaction_id=moved.id,
    )
    if posted:
        await mirror(session, moved, posted_pending=moved.is_pending)
    return posted


async def mirror(
    session: AsyncSession, moved: BalanceEntry, *, posted_pending: bool | None = None, listed_at: datetime | None = None
) -> None:
    """Keep the provider's entry; what is known already (where it was posted, when it was listed) stays known."""
    row = insert(BalanceTransactionRow).values(
        id=moved.id,
        type=moved.type,
        source_id=moved.source_id,
        amount_minor=moved.amount_minor,
        fee_minor=moved.fee_minor,
        net_minor=moved.net_minor,
        currency=moved.currency,
        available_on=moved.available_on,
        created_at=moved.created_at,
        posted_pending=posted_pending,
        listed_at=listed_at,
    )
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["id"],
            set_={
                "posted_pending": func.coalesce(BalanceTransactionRow.posted_pending, row.excluded.posted_pending),
                "listed_at": func.coalesce(BalanceTransactionRow.listed_at, row.excluded.listed_at),
            },
        )
    )
