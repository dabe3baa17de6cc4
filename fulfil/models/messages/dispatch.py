"""What providers answer to offers: why not, and what instead."""

from enum import StrEnum


class DeclineCode(StrEnum):
    """Why a provider does not take a job."""

    TOO_BUSY = "too_busy"
    TOO_SOON = "too_soon"
    PRICE_TOO_LOW = "price_too_low"
    MACHINE_DOWN = "machine_down"
    MATERIAL_MISSING = "material_missing"
    NOT_MAKEABLE = "not_makeable"
    OTHER = "other"


class CounterState(StrEnum):
    """A counter-offer can be taken while it is open; somebody else's acceptance ends it like the end of its time."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
