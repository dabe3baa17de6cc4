"""What one unit of a file means: stated by it, confirmed by the customer, or guessed, with the reason."""

import re
from types import MappingProxyType

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit, UnitBasis, UnitDecision
from fulfil.quoting.limits import LARGEST_SIDE_MM, SMALLEST_SIDE_MM

MM_PER_INCH = 25.4
MM_PER_UNIT = MappingProxyType(
    {
        LengthUnit.MICRON: 0.001,
        LengthUnit.MM: 1.0,
        LengthUnit.CM: 10.0,
        LengthUnit.M: 1000.0,
        LengthUnit.INCH: MM_PER_INCH,
        LengthUnit.FOOT: 12 * MM_PER_INCH,
        LengthUnit.PT: MM_PER_INCH / 72,
        LengthUnit.PX96: MM_PER_INCH / 96,
        LengthUnit.PX90: MM_PER_INCH / 90,
        LengthUnit.PX72: MM_PER_INCH / 72,
    }
)

# Units of CAD programs whose meshes carry none, the likeliest first.
MESH_UNITS = (LengthUnit.MM, LengthUnit.INCH, LengthUnit.CM, LengthUnit.M)
# Where the largest side of nearly every ordered part lies; millimetres are believed there without a warning.
USUAL_SIDE_MM = (5.0, 500.0)

# Inkscape changed its pixel from 1/90 to 1/96 inch with 0.92; Illustrator draws in points and calls them pixels.
INKSCAPE_VERSION = re.compile(rb"inkscape:version\s*=\s*[\"']\s*(\d+)\.(\d+)")
INKSCAPE_COMMENT = re.compile(rb"created with inkscape", re.IGNORECASE)
ILLUSTRATOR = re.compile(rb"adobe[ _]illustrator", re.IGNORECASE)
FIRST_INKSCAPE_AT_96 = (0, 92)


def decide_unit(
    stated: LengthUnit | None, size_in_file_units: tuple[float, ...], confirmed: LengthUnit | None
) -> tuple[UnitDecision, tuple[Finding, ...]]:
    """The unit of a solid whose sides are `size_in_file_units`, and what is odd about it.

    The customer's word beats the file's, the file's beats plausibility. Without either it is millimetres, unless the
    largest side would be no part (below 1 mm) and another unit makes it one. Sides must be finite.
    """
    largest = max(size_in_file_units)
    if confirmed is not None:
        return _decision(confirmed, UnitBasis.CONFIRMED, "You confirmed it.", _others(confirmed)), ()
    if stated is not None:
        decision = _decision(stated, UnitBasis.STATED, "The file states it.", _others(stated))
        return decision, _size_finding(decision, largest)
    return _guess(largest)


def guess_svg_dpi(head: bytes) -> tuple[LengthUnit, str]:
    """What a pixel means in an SVG without physical units, by the program that wrote it, and the reason.

    `head` is the beginning of the file (the first 4 KB hold comment and root element) as UTF-8 or ASCII.
    """
    if version := INKSCAPE_VERSION.search(head):
        major, minor = int(version[1]), int(version[2])
        if (major, minor) < FIRST_INKSCAPE_AT_96:
            return LengthUnit.PX90, f"Inkscape {major}.{minor} wrote it, which drew at 90 dots per inch."
        return LengthUnit.PX96, f"Inkscape {major}.{minor} wrote it, which draws at 96 dots per inch."
    if ILLUSTRATOR.search(head):
        return LengthUnit.PX72, "Adobe Illustrator wrote it, which draws at 72 dots per inch."
    if INKSCAPE_COMMENT.search(head):
        return LengthUnit.PX96, "An Inkscape of unknown version wrote it; since 0.92 it draws at 96 dots per inch."
    return LengthUnit.PX96, "It names no unit and no program; CSS defines 96 pixels per inch."


def _guess(largest: float) -> tuple[UnitDecision, tuple[Finding, ...]]:
    unit = _likeliest(largest)
    low, high = USUAL_SIDE_MM
    reason = f"The format carries no unit; as millimetres the largest side is {_mm(largest)}."
    if unit is not LengthUnit.MM:
        reason += f" In {unit} it is {_mm(largest * MM_PER_UNIT[unit])}, which is likelier."
        decision = _decision(unit, UnitBasis.GUESSED, reason, _others(unit))
        return decision, (_implausible(decision, largest, reason),)
    decision = _decision(unit, UnitBasis.GUESSED, reason, _others(unit))
    if odd := _size_finding(decision, largest):
        return decision, odd
    if largest < low and largest * MM_PER_INCH <= high:
        return decision, (_implausible(decision, largest, f"{reason} In inches it is {_mm(largest * MM_PER_INCH)}."),)
    return decision, (_guessed(decision),)


def _likeliest(largest: float) -> LengthUnit:
    """Millimetres while a machine could make that, else the first unit that gives a usual size.

    Metres come before inches: programs that leave millimetres without saying so (Blender, glTF exporters) draw in
    metres, and hardly anybody orders a part of 0.05 inches.
    """
    low, high = USUAL_SIDE_MM
    if largest < 2 * SMALLEST_SIDE_MM:
        for unit in (LengthUnit.M, LengthUnit.INCH, LengthUnit.CM):
            if low <= largest * MM_PER_UNIT[unit] <= high:
                return unit
    return LengthUnit.MM


def _size_finding(decision: UnitDecision, largest: float) -> tuple[Finding, ...]:
    largest_mm = largest * decision.mm_per_unit
    if SMALLEST_SIDE_MM <= largest_mm <= LARGEST_SIDE_MM:
        return ()
    sentence = f"Read in {decision.unit}, the largest side is {_mm(largest_mm)}."
    return (_implausible(decision, largest, sentence),)


def _implausible(decision: UnitDecision, largest: float, sentence: str) -> Finding:
    largest_mm = largest * decision.mm_per_unit
    return Finding(
        code=FindingCode.UNIT_IMPLAUSIBLE,
        severity=Severity.RISK,
        message=sentence,
        remedy=f"Confirm the unit ({', '.join([decision.unit, *decision.alternatives])}) or export in millimetres.",
        number=round(largest_mm, 6),
        limit=SMALLEST_SIDE_MM if largest_mm < SMALLEST_SIDE_MM else LARGEST_SIDE_MM,
        measure="mm",
    )


def _guessed(decision: UnitDecision) -> Finding:
    return Finding(
        code=FindingCode.UNIT_GUESSED,
        severity=Severity.INFO,
        message=decision.reason,
        remedy="Confirm the unit if the shown size is wrong.",
    )


def _others(unit: LengthUnit) -> tuple[LengthUnit, ...]:
    return tuple(each for each in MESH_UNITS if each is not unit)


def _decision(unit: LengthUnit, basis: UnitBasis, reason: str, alternatives: tuple[LengthUnit, ...]) -> UnitDecision:
    return UnitDecision(unit=unit, mm_per_unit=MM_PER_UNIT[unit], basis=basis, reason=reason, alternatives=alternatives)


def _mm(length: float) -> str:
    return f"{length:,.3g} mm" if length < 100 else f"{length:,.0f} mm"  # noqa: PLR2004 (where decimals stop mattering)
