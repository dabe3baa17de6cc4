"""How large an SVG is: its root's physical size if it states one, else what a pixel means for the program behind it."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit, UnitBasis, UnitDecision
from fulfil.quoting.readers.svg_values import MM_PER_PHYSICAL, Affine, split_length, view_box, viewport
from fulfil.quoting.refusals import RefusalCode, file_refusal
from fulfil.quoting.units import MM_PER_INCH, MM_PER_UNIT, guess_svg_dpi

HEAD_BYTES = 4096
UNITS = {"mm": LengthUnit.MM, "cm": LengthUnit.CM, "in": LengthUnit.INCH, "pt": LengthUnit.PT}
ALTERNATIVES = (LengthUnit.PX96, LengthUnit.MM, LengthUnit.PX90, LengthUnit.PX72, LengthUnit.INCH, LengthUnit.CM)
# What CSS gives an element without size; only percentages of a root without size and viewBox ever see it.
DEFAULT_SIZE = (300.0, 150.0)


@dataclass(frozen=True)
class RootViewport:
    """`to_mm` maps user units of the root to mm; `size` is what percentages are of; `px_per_inch` what mm become."""

    to_mm: Affine
    size: tuple[float, float]
    px_per_inch: float
    unit: UnitDecision
    findings: tuple[Finding, ...]


def root_viewport(root: Element, head: bytes, confirmed: LengthUnit | None) -> RootViewport:
    """Decide the unit. `confirmed` is what one unit of the root's width means, and without a width of its viewBox.

    Raises `QuotingRefusalError` for sizes that are negative, zero or unreadable.
    """
    box = view_box(root.get("viewBox"))
    width, height = (_side(root.get(side)) for side in ("width", "height"))
    physical = next((unit for _, unit in filter(None, (width, height)) if unit in MM_PER_PHYSICAL), None)
    guess, why = guess_svg_dpi(head)
    decision, findings = _decide(physical, (guess, why), confirmed)
    # A pixel beside physical sizes is the program's; alone it is what was decided, so that `10mm` inside stays 10 mm.
    mm_per_px = MM_PER_UNIT[guess] if physical is not None else decision.mm_per_unit
    px_per_inch = MM_PER_INCH / mm_per_px
    correction = decision.mm_per_unit / MM_PER_PHYSICAL[physical] if physical is not None else 1.0
    sides_mm = [
        None if side is None else side[0] * MM_PER_PHYSICAL.get(side[1], mm_per_px) * correction
        for side in (width, height)
    ]
    scale: Affine = (mm_per_px * correction, 0.0, 0.0, mm_per_px * correction, 0.0, 0.0)
    if box is None:
        user = tuple(DEFAULT_SIZE[n] if side is None else side / scale[0] for n, side in enumerate(sides_mm))
        return RootViewport(scale, (user[0], user[1]), px_per_inch, decision, findings)
    wide, high = sides_mm
    # CSS sizes an element of which one side is missing by the viewBox's ratio.
    if wide is None:
        wide = box[2] * scale[0] if high is None else high * box[2] / box[3]
    if high is None:
        high = wide * box[3] / box[2]
    inside = viewport((0, 0, wide, high), box, root.get("preserveAspectRatio") or "")
    return RootViewport(inside, (box[2], box[3]), px_per_inch, decision, findings)


def _side(text: str | None) -> tuple[float, str] | None:
    if text is None or text.strip().lower() in {"", "auto"}:
        return None
    number, unit = split_length(text)
    if unit == "%":
        return None  # of a window that isn't there
    if number <= 0:
        raise file_refusal(
            RefusalCode.FILE_UNREADABLE, f"The drawing says it is {text.strip()[:40]} large. Export it again."
        )
    return number, unit


def _decide(
    physical: str | None, guess: tuple[LengthUnit, str], confirmed: LengthUnit | None
) -> tuple[UnitDecision, tuple[Finding, ...]]:
    if confirmed is not None:
        return _decision(confirmed, UnitBasis.CONFIRMED, "You confirmed it."), ()
    if physical is not None:
        unit = UNITS.get(physical, LengthUnit.MM)
        decision = _decision(unit, UnitBasis.STATED, f"Its width and height are stated in {physical}.")
        return decision.model_copy(update={"mm_per_unit": MM_PER_PHYSICAL[physical]}), ()
    unit, why = guess
    decision = _decision(unit, UnitBasis.GUESSED, why)
    known = "no program" not in why
    finding = Finding(
        code=FindingCode.UNIT_GUESSED,
        # 96 and 72 dpi are a third apart: without a known program the size is worth a look before anything is cut.
        severity=Severity.WARNING if known else Severity.RISK,
        message=f"The drawing states no physical size, so one unit is taken as {decision.mm_per_unit:.4g} mm. {why}",
        remedy="Check the shown size and confirm the unit, or export with the page's size in millimetres.",
        number=round(decision.mm_per_unit, 6),
        measure="mm",
    )
    return decision, (finding,)


def _decision(unit: LengthUnit, basis: UnitBasis, reason: str) -> UnitDecision:
    return UnitDecision(
        unit=unit,
        mm_per_unit=MM_PER_UNIT[unit],
        basis=basis,
        reason=reason,
        alternatives=tuple(each for each in ALTERNATIVES if each is not unit),
    )
