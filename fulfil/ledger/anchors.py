"""Anchors: a Merkle root over the heads of all chains, so that one published value pins the whole past.

A leaf is SHA-256 of `00`, the chain's name, a line feed and the hash of its last transaction; a node is SHA-256 of `01`
and its two children (RFC 6962: the left part is the largest power of two below the number of leaves). Leaves are in the
order of their names.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.findings import finding
from fulfil.models.messages.reconciliation import Finding, FindingKind
from fulfil.models.tables.ledger import LedgerAnchorRow

HEADS = text("""
SELECT DISTINCT ON (chain) chain, chain_sequence, hash FROM ledger_transactions
WHERE id <= :last ORDER BY chain, chain_sequence DESC
""")


@dataclass(frozen=True)
class Head:
    """The last transaction of a chain at some time."""

    chain: str
    sequence: int
    hash: str


@dataclass(frozen=True)
class Inclusion:
    """How a head is part of an anchor's root: what to hash it with, from the leaf up; `left` or `right` of it."""

    anchor_id: int
    root: str
    anchored_at: datetime
    head: Head
    path: tuple[tuple[str, str], ...]


async def anchor(session: AsyncSession, now: datetime) -> str | None:
    """Write the root over every chain's head, and give it back; None while there is nothing to anchor.

    Whoever posts waits until this transaction ends (some tenths of a second), so that no smaller number appears later.
    """
    last = (await session.execute(select(func.cut_ledger()))).scalar_one()
    heads = await read_heads(session, last)
    if not heads:
        return None
    root = merkle_root([leaf_of(head) for head in heads])
    session.add(LedgerAnchorRow(root=root, chains=len(heads), last_transaction_id=last, created_at=now))
    await session.flush()
    return root


async def read_heads(session: AsyncSession, last_transaction_id: int) -> list[Head]:
    """The heads of all chains as they were when `last_transaction_id` was the last, in the order of their names."""
    rows = await session.execute(HEADS, {"last": last_transaction_id})
    return sorted((Head(row.chain, row.chain_sequence, row.hash) for row in rows), key=lambda head: head.chain)


async def find_inclusion(session: AsyncSession, chain: str) -> Inclusion | None:
    """How the chain is part of the latest anchor; None when it was anchored never."""
    latest = await _latest(session)
    if latest is None:
        return None
    heads = await read_heads(session, latest.last_transaction_id)
    place = next((place for place, head in enumerate(heads) if head.chain == chain), None)
    if place is None:
        return None
    path = inclusion_path([leaf_of(head) for head in heads], place)
    return Inclusion(latest.id, latest.root, latest.created_at, heads[place], path)


async def check_anchor(session: AsyncSession) -> list[Finding]:
    """Whether the chains still are what the latest anchor says they were."""
    latest = await _latest(session)
    if latest is None:
        return []
    heads = await read_heads(session, latest.last_transaction_id)
    if heads and merkle_root([leaf_of(head) for head in heads]) == latest.root and len(heads) == latest.chains:
        return []
    detail = f"{len(heads)} chains up to transaction {latest.last_transaction_id} do not give the root anchored then"
    return [finding(FindingKind.ANCHOR_BROKEN, f"anchor {latest.id}", detail)]


def leaf_of(head: Head) -> str:
    """The leaf (hex) of a chain's head."""
    return hashlib.sha256(f"\x00{head.chain}\n{head.hash}".encode()).hexdigest()


def merkle_root(leaves: Sequence[str]) -> str:
    """The root (hex) over at least one leaf."""
    if len(leaves) == 1:
        return leaves[0]
    half = _left_part(len(leaves))
    return _node(merkle_root(leaves[:half]), merkle_root(leaves[half:]))


def inclusion_path(leaves: Sequence[str], place: int) -> tuple[tuple[str, str], ...]:
    """The siblings from the leaf at `place` up to the root, each with the side it stands on."""
    if len(leaves) == 1:
        return ()
    half = _left_part(len(leaves))
    if place < half:
        return (*inclusion_path(leaves[:half], place), ("right", merkle_root(leaves[half:])))
    return (*inclusion_path(leaves[half:], place - half), ("left", merkle_root(leaves[:half])))


async def _latest(session: AsyncSession) -> LedgerAnchorRow | None:
    return await session.scalar(select(LedgerAnchorRow).order_by(LedgerAnchorRow.id.desc()).limit(1))


def _left_part(leaves: int) -> int:
    return 1 << ((leaves - 1).bit_length() - 1)


def _node(left: str, right: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()
