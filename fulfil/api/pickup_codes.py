"""The six digits a customer says when she takes her parts: computed, never stored."""

import hashlib
import hmac

CODES = 1_000_000


def pickup_code(secret: str, offer_id: str) -> str:
    """The code of one making; whoever does not know the platform's secret can't compute it."""
    digest = hmac.digest(secret.encode(), f"pickup:{offer_id}".encode(), hashlib.sha256)
    return f"{int.from_bytes(digest[:8]) % CODES:06d}"
