"""The hash chain: every transaction of an order names the one before it, so that none can be changed or left out.

The first link of a chain is hashed with the chain's name (the order's id, or `platform`) where the later ones have the
previous hash: a chain cannot be passed off as another's.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime


def canonical_content(  # noqa: PLR0913 (a transaction has these parts)
    *,
    business_key: str,
    kind: str,
    stripe_object_id: str | None,
    balance_transaction_id: str | None,
    effective_at: datetime,
    currency: str,
    postings: Mapping[str, int],
    note: str | None = None,
    reverses: str | None = None,
) -> str:
    """What is hashed of a transaction: JSON with sorted keys, no spaces, UTC with microseconds.

    `reverses` is the business key of the transaction that this one corrects, `note` says why.
    """
    return json.dumps(
        {
            "balance_transaction_id": balance_transaction_id,
            "business_key": business_key,
            "currency": currency,
            "effective_at": in_microseconds(effective_at),
            "kind": kind,
            "note": note,
            "postings": dict(sorted(postings.items())),
            "reverses": reverses,
            "stripe_object_id": stripe_object_id,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
    )


def in_microseconds(moment: datetime) -> str:
    """`2026-11-21T15:41:10.000000+00:00`: the one way a moment is written where it is hashed."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def chained(previous_hash: str, content: str) -> str:
    """SHA-256 (hex) of the previous hash (of the first link: the chain's name), a line feed, and the content."""
    return hashlib.sha256(f"{previous_hash}\n{content}".encode()).hexdigest()
