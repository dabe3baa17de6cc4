"""Findings of solids: is the surface sound, does the part fit, and can the process make its details."""

from collections.abc import Iterator

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import Closedness, SolidGeometry, Thickness
from fulfil.quoting.findings.table import Rules, SolidLimits
from fulfil.quoting.findings.wording import count, finding, mm
from fulfil.quoting.prices.machines import sides, suitable_machines, turned_only
from fulfil.quoting.prices.terms import PrintTerms

PERCENT = 100
# A round tube drawn at the limit is thinner by this where its facets are flat.
FACETED = 0.99


def solid_findings(geometry: SolidGeometry, terms: PrintTerms, rules: Rules) -> Iterator[Finding]:
    """Everything worth saying about a solid, in no particular order of weight."""
    limits = rules.for_solid(terms.process_name, terms.material_name)
    yield from _fit(geometry, terms, rules)
    yield from _surface(geometry, rules)
    yield from _bodies(geometry, rules)
    yield from _hollows(geometry, terms, limits)
    if geometry.walls is None:
        yield finding(
            rules,
            FindingCode.WALLS_UNMEASURED,
            "The walls could not be measured.",
            f"Check that no wall is thinner than {limits.wall_warning_mm:g} mm.",
        )
    else:
        yield from _walls(geometry.walls, terms, limits)
    if geometry.gaps is not None:
        yield from _gaps(geometry.gaps, terms, limits)
    yield from _overhang(geometry, terms, limits)
    longest = max(geometry.size_mm)
    if longest < limits.smallest_part_mm:
        yield finding(
            rules,
            FindingCode.SMALL_PART,
            f"The part's longest side is {mm(longest)}; below {mm(limits.smallest_part_mm)} details blur and parts"
            " get lost.",
            "Check the unit of the file, or join several parts by a frame.",
            (longest, limits.smallest_part_mm, "mm"),
        )


def _fit(geometry: SolidGeometry, terms: PrintTerms, rules: Rules) -> Iterator[Finding]:
    machines = suitable_machines(geometry.size_mm, terms)
    longest = max(geometry.size_mm)
    rooms = [machine for machine in terms.process.machines if terms.material_name in machine.materials]
    limit = max(max(machine.build_volume_mm) for machine in rooms)
    if not any(machine.suitable for machine in machines):
        reasons = "; ".join(f"{fit.machine}: {fit.reason}" for fit in machines)
        yield finding(
            rules,
            FindingCode.EXCEEDS_BUILD_VOLUME,
            f"No machine of {terms.process_name} makes {sides(geometry.size_mm)} mm of {terms.label} ({reasons}).",
            "Check the unit, scale the part down or split it; otherwise a person has to look.",
            (longest, limit, "mm"),
        )
    elif turned_only(geometry.size_mm, terms):
        yield finding(
            rules,
            FindingCode.EXCEEDS_BUILD_VOLUME,
            "As the file lies the part fits no machine; it does when turned onto another side.",
            "Turn the part in the file, so that support is estimated as it will be made.",
            (longest, limit, "mm"),
            severity=Severity.WARNING,
        )


def _surface(geometry: SolidGeometry, rules: Rules) -> Iterator[Finding]:
    if geometry.closedness is Closedness.OPEN:
        places = geometry.open_places_mm
        yield finding(
            rules,
            FindingCode.MESH_OPEN,
            f"The surface is open at {count(geometry.open_edges, 'edge')}, so its volume is only approximate.",
            "Close the surface in your CAD program or a repair tool, or accept the approximate price.",
            (geometry.open_edges, 0, "edges"),
            where_mm=places[0] if places else None,
        )
    elif geometry.closedness is Closedness.CLOSED_NON_MANIFOLD:
        yield finding(
            rules,
            FindingCode.MESH_NON_MANIFOLD,
            f"More than two faces meet at {count(geometry.non_manifold_edges, 'edge')}; the volume is exact all the"
            " same.",
            "Nothing needs to be done.",
            (geometry.non_manifold_edges, 0, "edges"),
        )
    if geometry.inside_out:
        yield finding(
            rules,
            FindingCode.MESH_INSIDE_OUT,
            "The whole surface pointed inwards and was measured as if turned back.",
            "Nothing needs to be done.",
        )
    if geometry.duplicate_faces:
        yield finding(
            rules,
            FindingCode.DUPLICATE_FACES,
            f"The file contains {count(geometry.duplicate_faces, 'face')} more than once.",
            "Remove doubled bodies or faces, so that nothing is made or paid for twice.",
            (geometry.duplicate_faces, 0, "faces"),
        )
    if geometry.degenerate_faces:
        yield finding(
            rules,
            FindingCode.DEGENERATE_FACES,
            f"The file contains {count(geometry.degenerate_faces, 'face')} without area, which changes nothing.",
            "Nothing needs to be done.",
            (geometry.degenerate_faces, 0, "faces"),
        )


def _bodies(geometry: SolidGeometry, rules: Rules) -> Iterator[Finding]:
    if geometry.bodies > 1:
        yield finding(
            rules,
            FindingCode.SEVERAL_BODIES,
            f"The file contains {geometry.bodies} separate bodies; together they are priced as one piece.",
            "Upload them one by one if you need them in different quantities.",
            (geometry.bodies, 1, "bodies"),
        )
    if geometry.overlapping:
        yield finding(
            rules,
            FindingCode.BODIES_OVERLAP,
            f"Bodies share {geometry.overlap_volume_mm3:.1f} mm³; that space was counted once.",
            "Unite the bodies in your CAD program, if no hollow was meant there.",
            (geometry.overlap_volume_mm3, 0, "mm3"),
        )
    elif geometry.overlapping is None:
        yield finding(
            rules,
            FindingCode.OVERLAP_UNCHECKED,
            f"With {geometry.triangles} triangles the bodies are too fine to be checked for overlaps.",
            "Unite overlapping bodies before you upload them: shared space is counted twice.",
        )


def _hollows(geometry: SolidGeometry, terms: PrintTerms, limits: SolidLimits) -> Iterator[Finding]:
    if not geometry.hollows:
        return
    trapped = limits.hollow in {Severity.RISK, Severity.BLOCKER}
    rooms = f"{count(geometry.hollows, 'closed hollow')} of {geometry.hollow_volume_mm3:.1f} mm³"
    yield Finding(
        code=FindingCode.CLOSED_HOLLOW,
        severity=limits.hollow,
        message=(
            f"The part has {rooms}; liquid {terms.label.lower()} stays in them for good."
            if trapped
            else f"The part has {rooms}, which stay empty and can't be reached."
        ),
        remedy=(
            "Add two drain holes of at least 3 mm to every hollow, or fill it."
            if trapped
            else "Nothing needs to be done; support inside can't be removed."
        ),
        number=round(geometry.hollow_volume_mm3, 3),
        limit=0,
        measure="mm3",
    )


def _walls(walls: Thickness, terms: PrintTerms, limits: SolidLimits) -> Iterator[Finding]:
    """Judged by the 1st percentile: single rays graze edges and tips of wedges, which are no walls."""
    if walls.p1_mm < limits.wall_warning_mm * FACETED:
        grave = walls.p1_mm < limits.wall_risk_mm * FACETED
        limit = limits.wall_risk_mm if grave else limits.wall_warning_mm
        message = (
            f"Walls are as thin as {mm(walls.p1_mm)} (1 % of the surface is thinner); {terms.label} needs {mm(limit)}"
            f" to {'be made at all' if grave else 'be reliably strong'}."
        )
        severity, number = (Severity.RISK if grave else Severity.WARNING), walls.p1_mm
    elif walls.smallest_mm < limits.wall_risk_mm * FACETED:
        limit, severity, number = limits.wall_risk_mm, Severity.INFO, walls.smallest_mm
        message = f"At its thinnest place the part measures {mm(number)}; such tips come out blunt."
    else:
        return
    yield Finding(
        code=FindingCode.THIN_WALL,
        severity=severity,
        message=message,
        remedy=f"Thicken it to {mm(limits.wall_warning_mm)} or more.",
        where_mm=walls.smallest_at_mm,
        number=round(number, 3),
        limit=limit,
        measure="mm",
    )


def _gaps(gaps: Thickness, terms: PrintTerms, limits: SolidLimits) -> Iterator[Finding]:
    if gaps.p1_mm >= limits.gap_warning_mm * FACETED:
        return
    grave = gaps.p1_mm < limits.gap_risk_mm * FACETED
    limit = limits.gap_risk_mm if grave else limits.gap_warning_mm
    yield Finding(
        code=FindingCode.NARROW_GAP,
        severity=Severity.RISK if grave else Severity.WARNING,
        message=(
            f"Slots or holes are as narrow as {mm(gaps.p1_mm)}; below {mm(limit)} {terms.label}"
            f" {'closes them' if grave else 'may close them'}."
        ),
        remedy=f"Widen them to {mm(limits.gap_warning_mm)} or more.",
        where_mm=gaps.smallest_at_mm,
        number=round(gaps.p1_mm, 3),
        limit=limit,
        measure="mm",
    )


def _overhang(geometry: SolidGeometry, terms: PrintTerms, limits: SolidLimits) -> Iterator[Finding]:
    if geometry.overhang_mm2 <= 0 or geometry.area_mm2 <= 0:
        return
    share = geometry.overhang_mm2 / geometry.area_mm2
    severity, limit = Severity.INFO, limits.overhang_warning_share
    if limits.overhang_risk_share is not None and share > limits.overhang_risk_share:
        severity, limit = Severity.RISK, limits.overhang_risk_share
    elif share > limit:
        severity = Severity.WARNING
    yield Finding(
        code=FindingCode.OVERHANG,
        severity=severity,
        message=(
            f"{share * PERCENT:.1f} % of the surface ({geometry.overhang_mm2:.0f} mm²) hangs over and needs"
            f" {geometry.support_mm3 / 1000:.1f} cm³ of room filled with support; {terms.label} is fine up to"
            f" {limit * PERCENT:g} %."
        ),
        remedy="Turn the part, or slope overhangs at 45 degrees; surfaces on support come out rougher.",
        number=round(share * PERCENT, 2),
        limit=round(limit * PERCENT, 2),
        measure="%",
    )
