"""What is said about stock."""

from enum import StrEnum


class StockUnit(StrEnum):
    """What a quantity of stock counts."""

    GRAM = "g"
    SHEET = "sheet"
    PIECE = "piece"


class MovementKind(StrEnum):
    """Why stock changed."""

    RECEIVED = "received"
    ADJUSTED = "adjusted"
    RESERVED = "reserved"
    RELEASED = "released"
    EXPIRED = "expired"
    CONSUMED = "consumed"
    CORRECTED = "corrected"
