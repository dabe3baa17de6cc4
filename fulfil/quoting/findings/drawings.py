"""Findings of drawings: does it fit a sheet, can the material take the operations, do the cuts release sound parts."""

from collections.abc import Iterator

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import DrawingGeometry
from fulfil.quoting.findings.table import DrawingLimits, Rules
from fulfil.quoting.findings.wording import count, finding, mm
from fulfil.quoting.prices.machines import sides, suitable_machines
from fulfil.quoting.prices.terms import SheetTerms


def drawing_findings(geometry: DrawingGeometry, terms: SheetTerms, rules: Rules) -> Iterator[Finding]:
    """Everything worth saying about a drawing, in no particular order of weight."""
    limits = rules.for_drawing(terms.process_name, terms.material_name)
    yield from _fit(geometry, terms, rules, limits)
    yield from _operations(geometry, terms, rules)
    yield from _lines(geometry, rules)
    yield from _features(geometry, terms, rules, limits)
    if geometry.parts > 1:
        yield finding(
            rules,
            FindingCode.SEVERAL_PARTS,
            f"The drawing cuts out {geometry.parts} parts; together they are priced as one piece.",
            "Upload one part per file: parts of different files are nested for you.",
            (geometry.parts, 1, "parts"),
        )


def _fit(geometry: DrawingGeometry, terms: SheetTerms, rules: Rules, limits: DrawingLimits) -> Iterator[Finding]:
    longest = max(geometry.size_mm)
    machines = suitable_machines(geometry.size_mm, terms)
    if not any(machine.suitable for machine in machines):
        reasons = "; ".join(f"{fit.machine}: {fit.reason}" for fit in machines)
        limit = max(max(sheet) for sheet in terms.material.sheets_mm) - 2 * terms.process.sheet_edge_mm
        yield finding(
            rules,
            FindingCode.EXCEEDS_SHEET,
            f"No sheet of {terms.label} holds {sides(geometry.size_mm)} mm ({reasons}).",
            "Check the unit, or split the part; otherwise a person has to look.",
            (longest, limit, "mm"),
        )
    elif longest < limits.smallest_part_mm:
        yield finding(
            rules,
            FindingCode.SMALL_PART,
            f"The part's longest side is {mm(longest)}; below {mm(limits.smallest_part_mm)} it falls through the grid.",
            "Check the unit, or leave small bridges to a frame.",
            (longest, limits.smallest_part_mm, "mm"),
        )


def _operations(geometry: DrawingGeometry, terms: SheetTerms, rules: Rules) -> Iterator[Finding]:
    engraves = geometry.engraved_area_mm2 > 0 or geometry.engrave_outline_mm > 0 or bool(geometry.images)
    scores = geometry.score_length_mm > 0
    refused = [
        name
        for name, wanted, speed in (
            ("engraved by rows", engraves, terms.material.engrave_speed_mm_s),
            ("scored", scores, terms.material.score_speed_mm_s),
        )
        if wanted and speed is None
    ]
    for name in refused:
        yield finding(
            rules,
            FindingCode.MATERIAL_NOT_FOR_OPERATION,
            f"{terms.label} can't be {name}.",
            "Choose another operation for these lines or another material.",
        )
    if geometry.images:
        area = sum(image.width_mm * image.height_mm for image in geometry.images)
        yield finding(
            rules,
            FindingCode.IMAGE,
            f"The drawing holds {count(len(geometry.images), 'picture')}, engraved by rows over {area:.0f} mm².",
            "Remove pictures that were meant as templates only.",
            (area, 0, "mm2"),
        )
    if geometry.cut_length_mm > 0:
        return
    yield Finding(
        code=FindingCode.NOTHING_TO_CUT,
        severity=Severity.WARNING if engraves or scores else Severity.BLOCKER,
        message=(
            "Nothing is cut: you get a rectangle of the sheet with what is engraved or scored on it."
            if engraves or scores
            else "The drawing holds nothing to cut, score or engrave."
        ),
        remedy="Say which colour or layer is to be cut.",
        number=0,
        limit=0,
        measure="mm",
    )


def _lines(geometry: DrawingGeometry, rules: Rules) -> Iterator[Finding]:
    if geometry.open_paths and geometry.cut_length_mm > 0:
        ends = geometry.open_ends_mm
        yield finding(
            rules,
            FindingCode.OPEN_CONTOUR,
            f"{count(geometry.open_paths, 'line')} to cut {_verb(geometry.open_paths, 'does', 'do')} not close, so"
            " nothing comes loose there.",
            "Join the ends in your drawing program, or accept slits where they are meant.",
            (geometry.open_paths, 0, "paths"),
            where_mm=ends[0] if ends else None,
        )
    if geometry.duplicate_paths or geometry.duplicate_length_mm > 0:
        yield finding(
            rules,
            FindingCode.DUPLICATE_LINES,
            f"{geometry.duplicate_length_mm:.1f} mm of lines lie on other lines; they are driven and counted once.",
            "Remove doubled lines, so that the drawing shows what will be made.",
            (geometry.duplicate_length_mm, 0, "mm"),
        )
    if geometry.self_crossings:
        places = geometry.crossings_mm
        yield finding(
            rules,
            FindingCode.SELF_CROSSING,
            f"Cuts cross at {count(geometry.self_crossings, 'place')}, where small pieces may come loose.",
            "Unite overlapping shapes in your drawing program.",
            (geometry.self_crossings, 0, "places"),
            where_mm=places[0] if places else None,
        )


def _features(geometry: DrawingGeometry, terms: SheetTerms, rules: Rules, limits: DrawingLimits) -> Iterator[Finding]:
    thickness = terms.thickness_mm
    hole, web = geometry.smallest_hole_mm, geometry.narrowest_mm
    if hole is not None:
        yield from _small(
            (FindingCode.SMALL_HOLE, "The smallest hole is", "a hole", "heat rounds it off or closes it"),
            hole,
            (limits.hole_risk_thicknesses * thickness, limits.hole_warning_thicknesses * thickness),
            terms,
            geometry.smallest_hole_at_mm,
        )
    if web is not None:
        yield from _small(
            (FindingCode.NARROW_WEB, "The narrowest web is", "a web", "it chars, melts or breaks"),
            web,
            (limits.web_risk_thicknesses * thickness, limits.web_warning_thicknesses * thickness),
            terms,
            geometry.narrowest_at_mm,
        )
    kerf_limit = limits.kerf_factor * terms.thickness.kerf_mm
    features = [
        (size, place)
        for size, place in ((hole, geometry.smallest_hole_at_mm), (web, geometry.narrowest_at_mm))
        if size is not None and size < kerf_limit
    ]
    if features:
        size, place = min(features, key=lambda feature: feature[0])
        yield finding(
            rules,
            FindingCode.KERF,
            f"A feature of {mm(size)} is close to the {mm(terms.thickness.kerf_mm)} that the cut itself is wide"
            f" (at least {mm(kerf_limit)} are needed).",
            f"Make it {mm(kerf_limit)} or wider, or leave it out.",
            (size, kerf_limit, "mm"),
            where_mm=place,
        )


def _small(
    words: tuple[FindingCode, str, str, str],
    size_mm: float,
    limits_mm: tuple[float, float],
    terms: SheetTerms,
    where_mm: tuple[float, float] | None,
) -> Iterator[Finding]:
    code, subject, noun, consequence = words
    risk, warning = limits_mm
    if size_mm >= warning:
        return
    grave = size_mm < risk
    limit = risk if grave else warning
    yield Finding(
        code=code,
        severity=Severity.RISK if grave else Severity.WARNING,
        message=f"{subject} {mm(size_mm)}; in {terms.label} below {mm(limit)} {consequence}.",
        remedy=f"Give {noun} {mm(warning)} or more, or choose a thinner sheet.",
        where_mm=where_mm,
        number=round(size_mm, 3),
        limit=round(limit, 3),
        measure="mm",
    )


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
