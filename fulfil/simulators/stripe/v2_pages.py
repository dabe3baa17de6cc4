"""Times, pages and tombstones as `/v2` writes them."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError
from fulfil.simulators.stripe.transaction import Transaction

DEFAULT_LIMIT, MAX_LIMIT = 20, 100


def timestamp(seconds: float) -> str:
    """`2026-11-21T09:30:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def v2_page(tx: Transaction, call: Call, condition: str, values: Sequence[object], url: str) -> JsonObject:
    """One page, newest first; the token in the addresses of the pages around it is opaque."""
    limit = call.parameters.integer("limit")
    limit = DEFAULT_LIMIT if limit is None else limit
    if not 1 <= limit <= MAX_LIMIT:
        raise StripeApiError(400, f"limit must be between 1 and {MAX_LIMIT}", code="invalid_fields", param="limit")
    offset = _offset(call.parameters.text("page"))
    rows = tx.select(f"{condition} ORDER BY seq DESC LIMIT ? OFFSET ?", [*values, limit + 1, offset])
    following = _address(url, limit, offset + limit) if len(rows) > limit else None
    before = _address(url, limit, max(0, offset - limit)) if offset else None
    return {"data": [body for _, body in rows[:limit]], "next_page_url": following, "previous_page_url": before}


def not_found(kind: str, identity: str) -> StripeApiError:
    """No object of that id."""
    return StripeApiError(404, f"No such {kind}: {identity}", code="not_found")


def _address(url: str, limit: int, offset: int) -> str:
    token = base64.urlsafe_b64encode(f"page {offset}".encode()).decode().rstrip("=")
    return f"{url}?limit={limit}&page={token}"


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(" ")
        if word == "page":
            return int(number)
    except (ValueError, binascii.Error):
        word = ""
    raise StripeApiError(400, "page is no token of a page", code="invalid_fields", param="page")
