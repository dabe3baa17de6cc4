"""Measures a solid: volume, area, closedness, bodies and hollows, with a finding for whatever makes them doubtful."""

import math
from dataclasses import dataclass

import numpy as np

from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import Closedness, SolidGeometry, UnitDecision
from fulfil.quoting.mesh import Corners
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal
from fulfil.quoting.solids.bodies import Nesting, Shells, gather_shells, nest, solid_shells, upright_corners
from fulfil.quoting.solids.edges import split_faces
from fulfil.quoting.solids.overlap import unite
from fulfil.quoting.solids.remarks import remarks_of_bodies, remarks_of_surface, too_large_to_split
from fulfil.quoting.solids.repair import MAX_SPLIT_TRIANGLES, Repairs, Surface, repair
from fulfil.quoting.solids.stream import StreamedFacts, measure_corners

# Below this share of diagonal times area the volume is rounding noise: walls a millionth of the part thin.
ZERO_VOLUME_SHARE = 1e-7
# Less of the volume than this is the rounding of a union, not space that bodies share.
OVERLAP_SHARE = 1e-6
# More than any measure is worth, and few enough to hide the noise of the last bits; digits, because a part in metres
# has a volume in billionths.
SIGNIFICANT_DIGITS = 10


@dataclass(frozen=True)
class MeasuredSolid:
    """The facts, what is odd about them, and the triangles to go on with.

    `corners` are repaired: outside is outside everywhere, holes are capped, and no space is in two bodies, as far as
    that could be had. Layers, walls and pictures follow from these, as a slicer's do.
    """

    geometry: SolidGeometry
    findings: tuple[Finding, ...]
    corners: Corners


@dataclass(frozen=True)
class Bodies:
    """The volume of all bodies together, hollows taken out and shared space counted once."""

    volume: float
    inside_out: bool
    corners: Corners
    count: int = 1
    turned: int = 0  # single bodies that pointed inwards
    hollows: int = 0
    hollow_volume: float = 0
    overlapping: bool | None = False
    overlap_volume: float = 0
    doubtful: bool = False  # bodies may share space, and it could not be settled
    flat: int = 0  # sheets without thickness, left out


def measure_solid(corners: Corners, unit: UnitDecision) -> MeasuredSolid:
    """Measure triangles (n, 3, 3) in mm. Findings are about the surface; rules for processes are applied later.

    Raises `QuotingRefusalError` when a coordinate is not finite and when the surface encloses nothing.
    """
    streamed = measure_corners(corners)
    if streamed.not_finite:
        raise file_refusal(
            RefusalCode.MESH_NOT_FINITE,
            f"{streamed.not_finite:,} of {streamed.triangles:,} triangles have a coordinate that is not a finite "
            "number. Repair the mesh and export the part again.",
        )
    if streamed.closed and streamed.triangles > MAX_SPLIT_TRIANGLES:
        bodies = _one_body(corners, streamed, overlapping=None, doubtful=False)
        geometry = _geometry(streamed, streamed.area, unit, Repairs(), bodies)
        findings = (*remarks_of_surface(geometry, Repairs()), too_large_to_split(geometry))
        return MeasuredSolid(geometry, findings, bodies.corners)
    surface, repairs = repair(corners, streamed.diagonal)
    if surface is None:
        raise _no_volume()
    repaired = streamed if surface.corners is corners else measure_corners(surface.corners)
    bodies = _measure_bodies(surface, repairs, repaired)
    capped = surface.caps_from < len(surface.corners)
    area = measure_corners(surface.corners[: surface.caps_from]).area if capped else repaired.area
    geometry = _geometry(streamed, area, unit, repairs, bodies)
    if streamed.triangles <= MAX_SPLIT_TRIANGLES:
        of_bodies = remarks_of_bodies(geometry, turned=bodies.turned, flat=bodies.flat, doubtful=bodies.doubtful)
    else:
        of_bodies = (too_large_to_split(geometry),)
    return MeasuredSolid(geometry, (*remarks_of_surface(geometry, repairs), *of_bodies), bodies.corners)


def _measure_bodies(surface: Surface, repairs: Repairs, repaired: StreamedFacts) -> Bodies:
    if not repairs.capped or len(surface.corners) > MAX_SPLIT_TRIANGLES:
        return _one_body(surface.corners, repaired, overlapping=None, doubtful=True)
    labels, count = split_faces(len(surface.corners), surface.edges)
    if count == 1:
        doubtful = repairs.duplicates_kept > 0
        return _one_body(surface.corners, repaired, overlapping=None if doubtful else False, doubtful=doubtful)
    shells, flat = solid_shells(gather_shells(surface.corners, labels, count))
    if shells is None:
        raise _no_volume()
    return _add_up(shells, nest(shells), flat)


def _one_body(corners: Corners, facts: StreamedFacts, *, overlapping: bool | None, doubtful: bool) -> Bodies:
    inside_out = facts.volume < 0
    upright = np.ascontiguousarray(corners[:, ::-1]) if inside_out else corners
    return Bodies(abs(facts.volume), inside_out, upright, overlapping=overlapping, doubtful=doubtful)


def _add_up(shells: Shells, nesting: Nesting, flat: int) -> Bodies:
    sizes = np.abs(shells.volumes)
    rooms = ~nesting.material
    total = float(sizes[nesting.material].sum() - sizes[rooms].sum())
    swallowed = nesting.material & (nesting.depth % 2 == 1)
    volume, overlapping = total - float(sizes[swallowed].sum()), None
    corners = upright_corners(shells, nesting, np.flatnonzero(~swallowed))
    if not len(nesting.meeting) and not nesting.unknown:
        overlapping = False
    elif not nesting.unknown and (united := unite(shells, nesting)) is not None:
        overlapping = abs(total - united.volume) > OVERLAP_SHARE * float(sizes.sum())
        volume = united.volume if overlapping else total
        corners = united.corners if overlapping else corners
    return Bodies(
        volume=volume,
        inside_out=nesting.inside_out,
        corners=corners,
        count=int(np.count_nonzero(nesting.material)),
        turned=int(np.count_nonzero(nesting.turned)),
        hollows=int(np.count_nonzero(rooms)),
        hollow_volume=float(sizes[rooms].sum()),
        overlapping=overlapping,
        overlap_volume=total - volume if overlapping else 0.0,
        doubtful=overlapping is None and nesting.doubtful,
        flat=flat,
    )


def _geometry(
    streamed: StreamedFacts, area: float, unit: UnitDecision, repairs: Repairs, bodies: Bodies
) -> SolidGeometry:
    if bodies.volume <= ZERO_VOLUME_SHARE * area * streamed.diagonal:
        raise _no_volume()
    closedness = Closedness.CLOSED_NON_MANIFOLD if repairs.non_manifold_edges else Closedness.CLOSED
    return SolidGeometry(
        unit=unit,
        volume_mm3=_rounded(min(bodies.volume, math.prod(streamed.size))),  # no part is larger than its box
        area_mm2=_rounded(area),
        size_mm=streamed.size,
        triangles=streamed.triangles,
        closedness=Closedness.OPEN if repairs.open_edges else closedness,
        open_edges=repairs.open_edges,
        open_places_mm=repairs.open_places,
        non_manifold_edges=repairs.non_manifold_edges,
        inside_out=bodies.inside_out and not repairs.turned_faces,
        bodies=bodies.count,
        hollows=bodies.hollows,
        hollow_volume_mm3=_rounded(bodies.hollow_volume),
        overlapping=bodies.overlapping,
        overlap_volume_mm3=_rounded(bodies.overlap_volume),
        duplicate_faces=repairs.duplicate_faces + repairs.duplicates_kept,
        degenerate_faces=repairs.degenerate_faces,
    )


def _rounded(measure: float) -> float:
    return float(f"{measure:.{SIGNIFICANT_DIGITS}g}")


def _no_volume() -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.MESH_ZERO_VOLUME,
        "The mesh encloses no volume: it is flat, or its faces fold onto each other. Give the part a thickness "
        "and export it again.",
    )
