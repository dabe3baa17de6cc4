"""Reading what proves an order's money: its chain, the payment provider's entries, the latest anchor."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fulfil.ledger.anchors import find_inclusion
from fulfil.ledger.chain import in_microseconds
from fulfil.ledger.proof import build_proof
from fulfil.models.tables.ledger import BalanceTransactionRow, LedgerPostingRow, LedgerTransactionRow


async def prove_order(session: AsyncSession, order_id: str, now: datetime) -> dict[str, Any]:
    """The proof as it stands right now (see `fulfil.ledger.proof`); nothing is written."""
    transactions = await _read_chain(session, order_id)
    contents = [link["content"] for link in transactions]
    return build_proof(
        chain=order_id,
        made_at=in_microseconds(now),
        transactions=transactions,
        provider_entries=await _read_entries(session, contents),
        anchor=await _read_anchor(session, order_id),
    )


async def _read_chain(session: AsyncSession, order_id: str) -> list[dict[str, Any]]:
    corrected = aliased(LedgerTransactionRow)
    rows = await session.execute(
        select(LedgerTransactionRow, LedgerPostingRow, corrected.business_key)
        .join(LedgerPostingRow, LedgerPostingRow.transaction_id == LedgerTransactionRow.id)
        .outerjoin(corrected, corrected.id == LedgerTransactionRow.reverses)
        .where(LedgerTransactionRow.chain == order_id)
        .order_by(LedgerTransactionRow.chain_sequence, LedgerPostingRow.account)
    )
    links: dict[int, dict[str, Any]] = {}
    for row, leg, reverses in rows:
        link = links.setdefault(row.id, _link(row, leg.currency, reverses))
        link["content"]["postings"][leg.account] = leg.amount_minor
    return list(links.values())


def _link(row: LedgerTransactionRow, currency: str, reverses: str | None) -> dict[str, Any]:
    return {
        "sequence": row.chain_sequence,
        "hash": row.hash,
        "content": {
            "balance_transaction_id": row.balance_transaction_id,
            "business_key": row.business_key,
            "currency": currency,
            "effective_at": in_microseconds(row.effective_at),
            "kind": row.kind,
            "note": row.note,
            "postings": {},
            "reverses": reverses,
            "stripe_object_id": row.stripe_object_id,
        },
    }


async def _read_entries(session: AsyncSession, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries that are named, and for what was booked before they were: those of the objects."""
    named = {content["balance_transaction_id"] for content in contents} - {None}
    unnamed = {
        content["stripe_object_id"]
        for content in contents
        if content["balance_transaction_id"] is None and "asset:stripe" in content["postings"]
    } - {None}
    rows = await session.scalars(
        select(BalanceTransactionRow)
        .where(
            or_(
                BalanceTransactionRow.id.in_(named | unnamed),
                BalanceTransactionRow.source_id.in_(unnamed),
            )
        )
        .order_by(BalanceTransactionRow.created_at, BalanceTransactionRow.id)
    )
    return [
        {
            "id": row.id,
            "type": row.type,
            "source_id": row.source_id,
            "amount_minor": row.amount_minor,
            "fee_minor": row.fee_minor,
            "net_minor": row.net_minor,
            "currency": row.currency,
            "created_at": in_microseconds(row.created_at),
            "available_on": in_microseconds(row.available_on),
        }
        for row in rows
    ]


async def _read_anchor(session: AsyncSession, order_id: str) -> dict[str, Any] | None:
    found = await find_inclusion(session, order_id)
    if found is None:
        return None
    return {
        "id": found.anchor_id,
        "root": found.root,
        "anchored_at": in_microseconds(found.anchored_at),
        "sequence": found.head.sequence,
        "hash": found.head.hash,
        "path": [list(step) for step in found.path],
    }
