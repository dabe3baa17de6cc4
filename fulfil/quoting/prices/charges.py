"""What one item costs line by line, before any quantity discount; amounts follow from the numbers shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from math import isfinite
from typing import NamedTuple

from fulfil.models.messages.estimates import Estimate
from fulfil.models.money import format_money
from fulfil.quoting.prices.machines import blank_mm, room_mm, sides, stands_in, usable_sheets_mm
from fulfil.quoting.prices.packing import pieces_on
from fulfil.quoting.prices.terms import PrintTerms, SheetTerms, Terms

TIMES = "\N{MULTIPLICATION SIGN}"
HUNDREDTH = Decimal("0.01")
TENTH = Decimal("0.1")
SECONDS_PER_HOUR = 3_600
MINUTES_PER_HOUR = 60
GRAMS_PER_KG = 1_000
CM2_PER_M2 = 10_000
MM2_PER_CM2 = 100
SUPPORT = "support"  # the code of the estimate's part that somebody has to break away


class Charge(NamedTuple):
    """A price line before it is known whether the order can be taken."""

    code: str
    title: str
    explanation: str
    amount_minor: int


@dataclass(frozen=True)
class SheetShare:
    """What one piece pays of a sheet: the sheet's area divided by the pieces that go on it."""

    blank_mm: tuple[float, float]
    sheet_mm: tuple[float, float] | None  # None: larger than every sheet
    pieces: int
    area_cm2: Decimal


@dataclass(frozen=True)
class Piece:
    """One piece in the exact numbers that its price shows; the estimate's central values, rounded."""

    mass_g: Decimal
    support_g: Decimal
    time_s: Decimal
    further_time_s: Decimal  # of every piece after the first, where several share a plate
    plate: int
    shares: str  # what the time goes to
    sheet: SheetShare | None


def weigh_piece(terms: Terms, estimate: Estimate, size_mm: Sequence[float]) -> Piece:
    """The numbers a price rests on; raises `ValueError` for an estimate of something else, or one that is no number."""
    if (estimate.process, estimate.material) != (terms.process_name, terms.label):
        raise ValueError(f"the estimate is of {estimate.material} on {estimate.process}, the terms are not")
    numbers = [estimate.mass_g, estimate.time_s, *(part.mass_g for part in estimate.parts)]
    if not all(isfinite(number) and number >= 0 for number in numbers):
        raise ValueError("an estimate is finite and not negative")
    time_s = max(_rounded(estimate.time_s, TENTH), TENTH)
    plate = _pieces_per_plate(terms, size_mm)
    return Piece(
        mass_g=max(_rounded(estimate.mass_g, HUNDREDTH), HUNDREDTH),
        support_g=_rounded(sum(part.mass_g for part in estimate.parts if part.code == SUPPORT), HUNDREDTH),
        time_s=time_s,
        further_time_s=(time_s / plate).quantize(TENTH, ROUND_CEILING),
        plate=plate,
        shares=", ".join(f"{part.title.lower()} {part.time_s:.1f} s" for part in estimate.parts if part.time_s > 0),
        sheet=_sheet_share(terms, size_mm) if isinstance(terms, SheetTerms) else None,
    )


def item_charges(terms: Terms, piece: Piece, quantity: int) -> list[Charge]:
    """Set-up first, then what grows with the quantity: each of these lines is linear in it, up to its rounding."""
    charges = [_setup(terms), _material(terms, piece, quantity), _machine_time(terms, piece, quantity)]
    if isinstance(terms, PrintTerms) and piece.support_g and terms.process.support_removal_min_per_g:
        charges.append(_support_removal(terms, piece, quantity))
    if terms.process.finishing_min_per_piece:
        charges.append(_finishing(terms, quantity))
    return charges


def machine_seconds(piece: Piece, quantity: int) -> Decimal:
    """Machine time of all pieces; never less than plates times the time of a plate."""
    return piece.time_s + (quantity - 1) * piece.further_time_s


def whole_minor(value: Decimal) -> int:
    """Rounded half up (away from zero) to a minor unit."""
    return int(value.to_integral_value(ROUND_HALF_UP))


def pieces(quantity: int) -> str:
    """`1 piece`, `2 pieces`."""
    return "1 piece" if quantity == 1 else f"{quantity} pieces"


def _setup(terms: Terms) -> Charge:
    amount = terms.rates.setup_minor
    text = f"Preparing file and machine, once per item: {format_money(amount, terms.currency)}{_by_tier(terms)}"
    return Charge("setup", "Set-up", text, amount)


def _material(terms: Terms, piece: Piece, quantity: int) -> Charge:
    rate = terms.rates.material_minor
    if piece.sheet is not None:
        area = piece.sheet.area_cm2 * quantity
        text = (
            f"{_blank_text(piece.sheet)} {TIMES} {pieces(quantity)} = {area} cm²"
            f" at {format_money(rate, terms.currency)}/m²{_by_tier(terms)}"
        )
        return Charge("material", f"Material {terms.label}", text, whole_minor(area * rate / CM2_PER_M2))
    grams = piece.mass_g * quantity
    support = f" (support {piece.support_g} g of it)" if piece.support_g else ""
    text = (
        f"{piece.mass_g} g{support} {TIMES} {pieces(quantity)} = {grams} g"
        f" at {format_money(rate, terms.currency)}/kg{_by_tier(terms)}"
    )
    return Charge("material", f"Material {terms.label}", text, whole_minor(grams * rate / GRAMS_PER_KG))


def _machine_time(terms: Terms, piece: Piece, quantity: int) -> Charge:
    rate = terms.rates.machine_hour_minor
    seconds = machine_seconds(piece, quantity)
    if piece.plate > 1 and quantity > 1:
        how = (
            f"{piece.time_s} s for the first piece and {piece.further_time_s} s for each of {quantity - 1} more"
            f" ({piece.plate} share a plate)"
        )
    else:
        how = f"{piece.time_s} s {TIMES} {pieces(quantity)}"
    text = (
        f"{how} = {seconds} s ({_clock(seconds)}), {TIMES} {format_money(rate, terms.currency)}/h{_by_tier(terms)}"
        f" ÷ {SECONDS_PER_HOUR} s/h"
    )
    if piece.shares:
        text += f"; one piece: {piece.shares}"
    return Charge("machine_time", "Machine time", text, whole_minor(seconds * rate / SECONDS_PER_HOUR))


def _support_removal(terms: PrintTerms, piece: Piece, quantity: int) -> Charge:
    rate, effort = terms.rates.labour_hour_minor, terms.process.support_removal_min_per_g
    minutes = piece.support_g * effort * quantity
    text = (
        f"{piece.support_g} g of support {TIMES} {effort} min/g {TIMES} {pieces(quantity)}"
        f" = {minutes.normalize():f} min at {format_money(rate, terms.currency)}/h{_by_tier(terms)}"
    )
    return Charge("support_removal", "Removing support", text, whole_minor(minutes * rate / MINUTES_PER_HOUR))


def _finishing(terms: Terms, quantity: int) -> Charge:
    rate, effort = terms.rates.labour_hour_minor, terms.process.finishing_min_per_piece
    minutes = effort * quantity
    text = (
        f"{effort} min {TIMES} {pieces(quantity)} = {minutes.normalize():f} min"
        f" at {format_money(rate, terms.currency)}/h{_by_tier(terms)}"
    )
    return Charge("finishing", terms.process.finishing_title, text, whole_minor(minutes * rate / MINUTES_PER_HOUR))


def pieces_per_sheet(terms: SheetTerms, size_mm: Sequence[float]) -> int | None:
    """How many pieces the sheet a piece is priced by yields; None when it fits no sheet."""
    share = _sheet_share(terms, size_mm)
    return None if share.sheet_mm is None else share.pieces


def _sheet_share(terms: SheetTerms, size_mm: Sequence[float]) -> SheetShare:
    """The cheapest share of a sheet: the kind of sheet, that any machine takes, on which the pieces waste least."""
    blank = blank_mm(size_mm, terms)
    best: SheetShare | None = None
    for machine in terms.process.machines:
        if terms.material_name not in machine.materials:
            continue
        for sheet in usable_sheets_mm(machine, terms):
            count = pieces_on(blank, room_mm(sheet, terms))
            area = _area_cm2(sheet) / max(count, 1)
            if count and (best is None or area < best.area_cm2):
                best = SheetShare(blank, sheet, count, area)
    if best is None:  # a person decides how to make it; the price then counts the blank alone
        best = SheetShare(blank, None, 1, _area_cm2(blank))
    return SheetShare(best.blank_mm, best.sheet_mm, best.pieces, best.area_cm2.quantize(HUNDREDTH, ROUND_CEILING))


def _blank_text(share: SheetShare) -> str:
    blank = f"Blanks of {sides(share.blank_mm)} mm"
    if share.sheet_mm is None:
        return f"{blank}, larger than any sheet: {share.area_cm2} cm²"
    return (
        f"{blank} (with margin), {share.pieces} to a sheet of {sides(share.sheet_mm)} mm ="
        f" {_area_cm2(share.sheet_mm).normalize():f} cm², so {share.area_cm2} cm² (rounded up)"
    )


def _pieces_per_plate(terms: Terms, size_mm: Sequence[float]) -> int:
    """How many lie side by side on the first machine that makes the part as it stands."""
    if not isinstance(terms, PrintTerms) or not terms.process.shares_plate:
        return 1
    spacing = terms.process.spacing_mm
    footprint = (size_mm[0] + spacing, size_mm[1] + spacing)
    for machine in terms.process.machines:
        width, depth, _ = machine.build_volume_mm
        if terms.material_name in machine.materials and stands_in(size_mm, machine.build_volume_mm):
            return max(pieces_on(footprint, (width + spacing, depth + spacing)), 1)
    return 1


def _area_cm2(size_mm: tuple[float, float]) -> Decimal:
    return _rounded(size_mm[0], HUNDREDTH) * _rounded(size_mm[1], HUNDREDTH) / MM2_PER_CM2


def _by_tier(terms: Terms) -> str:
    """Names the tier where its rates are not the list's own."""
    return "" if terms.tier == terms.tariff.default_tier else f" ({terms.tier})"


def _clock(seconds: Decimal) -> str:
    whole = int(seconds.to_integral_value(ROUND_HALF_UP))
    return f"{whole // 3600} h {whole // 60 % 60:02d} min {whole % 60:02d} s"


def _rounded(value: float, step: Decimal) -> Decimal:
    return Decimal(repr(float(value))).quantize(step, ROUND_HALF_UP)
