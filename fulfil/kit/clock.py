"""The outermost layer's clock; everything below takes the time as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
