"""Geometry that nothing stands against, for tests to spoil."""

from fulfil.models.messages.geometry import (
    Closedness,
    DrawingGeometry,
    LengthUnit,
    SolidGeometry,
    Thickness,
    UnitBasis,
    UnitDecision,
)
from fulfil.models.messages.prices import ItemWish
from fulfil.quoting.prices.tariffs import load_tariff
from fulfil.quoting.prices.terms import PrintTerms, SheetTerms, agree

UNIT = UnitDecision(unit=LengthUnit.MM, mm_per_unit=1, basis=UnitBasis.STATED, reason="The file states it.")


def printing(material: str = "PLA", process: str = "fdm") -> PrintTerms:
    agreed = agree(ItemWish(process=process, material=material, quantity=1), "eur", load_tariff())
    assert isinstance(agreed, PrintTerms)
    return agreed


def cutting(material: str = "WOOD-3") -> SheetTerms:
    agreed = agree(ItemWish(process="laser", material=material, quantity=1), "eur", load_tariff())
    assert isinstance(agreed, SheetTerms)
    return agreed


def thickness(p1_mm: float, smallest_mm: float | None = None) -> Thickness:
    smallest = p1_mm if smallest_mm is None else smallest_mm
    return Thickness(p1_mm=p1_mm, p5_mm=p1_mm * 2, smallest_mm=smallest, smallest_at_mm=(1, 2, 3), rays=2_000)


def solid(**changes: object) -> SolidGeometry:
    sound = SolidGeometry(
        unit=UNIT,
        volume_mm3=40_000,
        area_mm2=12_000,
        size_mm=(80, 50, 20),
        triangles=1_000,
        closedness=Closedness.CLOSED,
        walls=thickness(3),
        gaps=thickness(5),
    )
    return SolidGeometry.model_validate({**sound.model_dump(), **changes})


def drawing(**changes: object) -> DrawingGeometry:
    sound = DrawingGeometry(
        unit=UNIT,
        size_mm=(80, 50),
        groups=(),
        segments=8,
        cut_length_mm=300,
        score_length_mm=0,
        engrave_outline_mm=0,
        engraved_area_mm2=0,
        travel_mm=50,
        pierces=2,
        part_area_mm2=3_900,
        parts=1,
        open_paths=0,
        smallest_hole_mm=10,
        narrowest_mm=10,
    )
    return DrawingGeometry.model_validate({**sound.model_dump(), **changes})
