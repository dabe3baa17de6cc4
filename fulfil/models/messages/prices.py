"""Prices that explain themselves: lines, quantity breaks, lead times, machines."""

from enum import StrEnum

from fulfil.models.messages.base import Message
from fulfil.models.money import AmountMinor, Currency, SignedMinor


class LeadTime(StrEnum):
    """How soon the customer wants it."""

    ECONOMY = "economy"
    STANDARD = "standard"
    EXPRESS = "express"


class QuoteVerdict(StrEnum):
    """What a price is worth: `firm` binds, `provisional` waits for a risk to be accepted, `manual` for a person."""

    FIRM = "firm"
    PROVISIONAL = "provisional"
    MANUAL = "manual"


class PriceLine(Message):
    """One line that explains itself; the lines of a price sum exactly to its total. Discounts are negative."""

    code: str
    title: str
    explanation: str
    amount_minor: SignedMinor


class QuantityBreak(Message):
    """What the same item would cost in another quantity."""

    quantity: int
    unit_minor: AmountMinor  # total divided by quantity, rounded half up: for show, never multiplied again
    total_minor: AmountMinor


class LeadTimeOption(Message):
    """What the whole quote would cost in another lead time."""

    lead_time: LeadTime
    lead_time_days: int
    total_minor: AmountMinor


class MachineFit(Message):
    """A machine of the process, whether it can make the part, and why or why not."""

    machine: str
    suitable: bool
    reason: str


class ItemWish(Message):
    """How one file is to be made; names in any letter case. None takes the tariff's default."""

    process: str
    material: str
    quantity: int
    thickness_mm: float | None = None  # sheets only
    infill_percent: int | None = None  # filament only


class PricedItem(Message):
    """One file, priced: `lines` sum to `total_minor`; `material_g` (rounded up) is for all pieces together."""

    process: str
    material: str  # with its thickness for sheets: "WOOD-3"
    quantity: int
    currency: Currency
    lines: tuple[PriceLine, ...]
    total_minor: AmountMinor
    quantity_breaks: tuple[QuantityBreak, ...]
    machines: tuple[MachineFit, ...]
    material_g: int
    machine_hours: str  # decimal, for all pieces
    production_days: int
    infill_percent: int | None = None  # as wished for, or the price list's default
    thickness_mm: float | None = None


class PricedQuote(Message):
    """The items together with what is charged once (small order, lead time); `lines` are those extra lines only."""

    currency: Currency
    lines: tuple[PriceLine, ...]
    items_minor: AmountMinor
    total_minor: AmountMinor
    lead_time: LeadTime
    lead_time_days: int
    lead_time_options: tuple[LeadTimeOption, ...]
    tier: str
    tariff_version: str
