"""Measures a drawing for laser cutting: lengths by operation, areas, pierces, travel, and what looks wrong.

Positions are on the sheet: from the upper left corner of everything that is made, x to the right, y down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import DrawingGeometry, DrawingGroup, Operation, RasterImage
from fulfil.quoting.drawings.areas import FilledPath, engraved
from fulfil.quoting.drawings.curves import Numbers, Points, boxes, flattened, grouped, lengths, runs, swept_areas
from fulfil.quoting.drawings.cuts import examine_cuts
from fulfil.quoting.drawings.drawing import Drawing, Flags
from fulfil.quoting.drawings.driving import Driven, drive, order, strokes
from fulfil.quoting.drawings.duplicates import duplicate_segments
from fulfil.quoting.drawings.operations import is_white, operation_of
from fulfil.quoting.motion import Motion, Stroke
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

DRIVEN = (Operation.ENGRAVE, Operation.SCORE, Operation.CUT)  # in this order
AREA_TOLERANCE_MM = 0.002
MOST_AREA_POINTS = 300_000
TEXT_AND_REFERENCES = (FindingCode.LIVE_TEXT, FindingCode.EXTERNAL_REFERENCE, FindingCode.HIDDEN_CONTENT)


def measure_drawing(
    drawing: Drawing, operations: Mapping[str, Operation]
) -> tuple[DrawingGeometry, Motion, tuple[Finding, ...]]:
    """Everything that can be said about making a drawing, and the way a laser's head takes through it.

    `operations` maps keys of `DrawingGeometry.groups` to what the customer wants done; the others follow the
    convention of colours and layers. Raises `QuotingRefusalError` for unknown keys and when nothing is left to make.
    """
    work, findings = _sorted_out(drawing, operations)
    kept = ~work.duplicate
    driven = {operation: work.drive(work.lines(operation) & kept) for operation in DRIVEN}
    cutting = work.lines(Operation.CUT)
    # An outline that shares a side with another is whole only before that side is dropped as drawn twice.
    whole = cutting & ~work.repeated_outlines
    cuts = examine_cuts(work.drive(whole) if work.duplicate[whole].any() else driven[Operation.CUT])
    if cuts.self_crossings is None:
        findings = (*findings, _uncounted())
    area_mm2, fills = _engrave(work, driven[Operation.ENGRAVE])
    driving, travel_mm = _motion(driven)
    geometry = DrawingGeometry(
        unit=drawing.unit,
        size_mm=work.size_mm,
        groups=_groups(work),
        segments=len(work.lengths),
        cut_length_mm=work.total(cutting & kept),
        score_length_mm=work.total(work.lines(Operation.SCORE) & kept),
        engrave_outline_mm=work.total(work.does(Operation.ENGRAVE) & kept),
        engraved_area_mm2=area_mm2,
        travel_mm=travel_mm,
        pierces=driven[Operation.CUT].chains.count,
        part_area_mm2=cuts.part_area_mm2,
        parts=cuts.parts,
        open_paths=cuts.open_paths,
        open_ends_mm=cuts.open_ends_mm,
        duplicate_length_mm=work.total(work.duplicate),
        duplicate_paths=len(np.unique(work.drawing.contour[work.duplicate])),
        self_crossings=cuts.self_crossings or 0,
        crossings_mm=cuts.crossings_mm,
        smallest_hole_mm=cuts.smallest_hole_mm,
        smallest_hole_at_mm=cuts.smallest_hole_at_mm,
        narrowest_mm=cuts.narrowest_mm,
        narrowest_at_mm=cuts.narrowest_at_mm,
        images=work.drawing.images,
    )
    return geometry, Motion(driving, fills, work.drawing.images), (*drawing.findings, *findings)


@dataclass(frozen=True)
class _Work:
    """A drawing without what is ignored, moved to the sheet's corner; flags and numbers are per segment.

    `operations` and `areas` are per path: what is done, and whether the path is an area rather than a line: a filled
    shape that is to be cut or scored is its outline.
    """

    drawing: Drawing
    operations: tuple[Operation, ...]
    areas: tuple[bool, ...]
    lengths: Numbers
    duplicate: Flags
    repeated_outlines: Flags
    size_mm: tuple[float, float]
    ignored: tuple[DrawingGroup, ...]

    def does(self, operation: Operation) -> Flags:
        """The segments of an operation."""
        return self._of_paths([each is operation for each in self.operations])

    def lines(self, operation: Operation) -> Flags:
        """Those that are driven along."""
        pairs = zip(self.operations, self.areas, strict=True)
        return self._of_paths([each is operation and not area for each, area in pairs])

    def total(self, some: Flags) -> float:
        """The length of some segments in mm."""
        return float(self.lengths[some].sum())

    def drive(self, some: Flags) -> Driven:
        """Some segments as chains."""
        return drive(self.drawing.segments[some], self.drawing.straight[some], _parted(self.drawing, some))

    def _of_paths(self, chosen: list[bool]) -> Flags:
        if not chosen:
            return np.zeros(len(self.lengths), dtype=np.bool_)
        return np.array(chosen, dtype=np.bool_)[self.drawing.path_of[self.drawing.contour]]


def _sorted_out(drawing: Drawing, operations: Mapping[str, Operation]) -> tuple[_Work, tuple[Finding, ...]]:
    by_path, findings = _operations(drawing, operations)
    every = lengths(drawing.segments, drawing.straight)
    path = drawing.path_of[drawing.contour]
    # White areas erase what is painted below them, so they stay until areas are filled.
    areas = tuple(
        each.filled and not each.stroked and operation in {Operation.ENGRAVE, Operation.IGNORE}
        for each, operation in zip(drawing.paths, by_path, strict=True)
    )
    made = np.array([each is not Operation.IGNORE for each in by_path], dtype=np.bool_)
    erasing = np.array(
        [area and is_white(each.colour) for each, area in zip(drawing.paths, areas, strict=True)], dtype=np.bool_
    )
    shown = made[path] if len(made) else np.zeros(0, dtype=np.bool_)
    if not shown.any() and not drawing.images:
        raise _nothing(drawing)
    low, high = _box(drawing, shown)
    kept = (made | erasing)[path] if len(made) else shown
    moved = replace(
        drawing,
        segments=drawing.segments[kept] - low,
        straight=drawing.straight[kept],
        contour=drawing.contour[kept],
        images=tuple(_moved(image, low) for image in drawing.images),
    )
    work = _Work(
        drawing=moved,
        operations=by_path,
        areas=areas,
        lengths=every[kept],
        duplicate=np.zeros(int(kept.sum()), dtype=np.bool_),
        repeated_outlines=np.zeros(int(kept.sum()), dtype=np.bool_),
        size_mm=(float(high[0] - low[0]), float(high[1] - low[1])),
        ignored=tuple(_grouped_lengths(drawing, by_path, every, ignored=True)),
    )
    return _with_duplicates(work), findings


def _with_duplicates(work: _Work) -> _Work:
    duplicate = np.zeros(len(work.lengths), dtype=np.bool_)
    for operation in DRIVEN:
        some = np.flatnonzero(work.lines(operation))
        found = duplicate_segments(work.drawing.segments[some], work.lengths[some], work.drawing.contour[some])
        duplicate[some] = found
    count = len(work.drawing.path_of)
    contour = work.drawing.contour
    whole = np.bincount(contour[~duplicate], minlength=count) == 0
    return replace(work, duplicate=duplicate, repeated_outlines=whole[contour])


def _operations(
    drawing: Drawing, operations: Mapping[str, Operation]
) -> tuple[tuple[Operation, ...], tuple[Finding, ...]]:
    keys = sorted({path.key for path in drawing.paths})
    if unknown := sorted(set(operations) - set(keys)):
        raise QuotingRefusalError(
            RefusalCode.OPERATION_UNKNOWN,
            f"The drawing has nothing with the key {unknown[0][:60]!r}. Its keys are: "
            f"{', '.join(keys[:20]) or 'none'}.",
            "operations",
        )
    chosen: list[Operation] = []
    guessed: set[str] = set()
    for path in drawing.paths:
        operation, known = operation_of(path)
        if path.key in operations:
            operation = operations[path.key]
        elif not known:
            guessed.add(path.key)
        chosen.append(operation)
    unstyled = [
        path.unstyled and path.key not in operations and operation is Operation.ENGRAVE
        for path, operation in zip(drawing.paths, chosen, strict=True)
    ]
    findings = [_unstyled(sum(unstyled))] if any(unstyled) else []
    if guessed:
        findings.append(_guessed(guessed))
    return tuple(chosen), tuple(findings)


def _guessed(guessed: set[str]) -> Finding:
    return Finding(
        code=FindingCode.OPERATION_GUESSED,
        severity=Severity.WARNING,
        message="No convention says what these colours mean, so they are taken as cuts: "
        f"{', '.join(sorted(guessed)[:5])}.",
        remedy="Choose cut, score, engrave or ignore for them; red and black are cut, blue is scored, areas engraved.",
        number=len(guessed),
        measure="colours",
    )


def _unstyled(count: int) -> Finding:
    return Finding(
        code=FindingCode.OPERATION_GUESSED,
        severity=Severity.WARNING,
        message=f"{count:,} shape{'' if count == 1 else 's'} state neither a fill nor a line colour. SVG shows that as "
        "black areas, so they are taken as areas to engrave.",
        remedy="If they are outlines to cut, choose cut for their colour, or export them with red lines and no fill.",
        number=count,
        measure="shapes",
    )


def _box(drawing: Drawing, shown: Flags) -> tuple[Points, Points]:
    corners: list[Points] = [
        np.array([[i.x_mm, i.y_mm], [i.x_mm + i.width_mm, i.y_mm + i.height_mm]]) for i in drawing.images
    ]
    if shown.any():
        corners.extend(boxes(drawing.segments[shown]))
    every = np.concatenate(corners)
    return every.min(axis=0), every.max(axis=0)


def _moved(image: RasterImage, low: Points) -> RasterImage:
    return image.model_copy(update={"x_mm": image.x_mm - float(low[0]), "y_mm": image.y_mm - float(low[1])})


def _parted(drawing: Drawing, some: Flags) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The contours of some segments, renumbered so that what a gap parts is no longer one."""
    places = np.flatnonzero(some)
    contour = drawing.contour[places]
    breaks = (np.diff(places, prepend=-1) != 1) | (np.diff(contour, prepend=-1) != 0)
    return np.cumsum(breaks).astype(np.int64)


def _groups(work: _Work) -> tuple[DrawingGroup, ...]:
    made = _grouped_lengths(work.drawing, work.operations, work.lengths, ignored=False)
    return tuple(sorted((*made, *work.ignored), key=lambda group: group.key))


def _grouped_lengths(
    drawing: Drawing, operations: tuple[Operation, ...], every: Numbers, *, ignored: bool
) -> list[DrawingGroup]:
    by_path = grouped(every, drawing.path_of[drawing.contour], len(drawing.paths)) if len(every) else np.zeros(0)
    sums: dict[tuple[str, Operation], tuple[int, float]] = {}
    for path, operation, length_mm in zip(drawing.paths, operations, by_path, strict=False):
        if (operation is Operation.IGNORE) is ignored and length_mm > 0:
            paths, total = sums.get((path.key, operation), (0, 0.0))
            sums[path.key, operation] = (paths + 1, total + float(length_mm))
    return [
        DrawingGroup(key=key, operation=operation, paths=paths, length_mm=total)
        for (key, operation), (paths, total) in sums.items()
    ]


def _engrave(work: _Work, outlines: Driven) -> tuple[float, tuple[Points, ...]]:
    """The areas of engraved paths, in painting order, and the closed lines of engraving strokes as one more."""
    drawing = work.drawing
    points, starts = flattened(drawing.segments, drawing.straight, AREA_TOLERANCE_MM, MOST_AREA_POINTS)
    exact = np.abs(grouped(swept_closed(drawing), drawing.contour, len(drawing.path_of)))
    firsts, lasts = runs(drawing.contour)
    rings: dict[int, list[tuple[Points, float]]] = {}
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        contour = int(drawing.contour[first])
        path = int(drawing.path_of[contour])
        if work.areas[path] and (work.operations[path] is Operation.ENGRAVE or is_white(drawing.paths[path].colour)):
            ring = np.concatenate([points[starts[first] : starts[last + 1]], drawing.segments[last, 3][None]])
            if len(ring) > 2:  # noqa: PLR2004 (two points bound nothing)
                rings.setdefault(path, []).append((ring, float(exact[contour])))
    filled = [
        FilledPath(
            tuple(ring for ring, _ in found),
            tuple(area for _, area in found),
            erasing=work.operations[path] is Operation.IGNORE,
        )
        for path, found in rings.items()
    ]
    closed = np.flatnonzero(outlines.is_ring).tolist()
    if closed:
        areas = tuple(abs(float(outlines.areas_mm2[chain])) for chain in closed)
        filled.append(FilledPath(tuple(outlines.polyline(chain) for chain in closed), areas))
    return engraved(filled)


def swept_closed(drawing: Drawing) -> Numbers:
    """As `swept_areas`, with what the closing line of an open contour adds put on its first segment."""
    swept = swept_areas(drawing.segments)
    firsts, lasts = runs(drawing.contour)
    a, b = drawing.segments[lasts, 3], drawing.segments[firsts, 0]
    swept[firsts] += (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    return swept


def _motion(driven: Mapping[Operation, Driven]) -> tuple[tuple[Stroke, ...], float]:
    """Engraved lines, then scored, then cut: all strokes, and the way between them."""
    driving: list[Stroke] = []
    head = (0.0, 0.0)
    travel = 0.0
    for operation in DRIVEN:
        chains = driven[operation]
        # Closed engraved lines are filled by rows instead.
        way = order(chains, head, ~chains.is_ring if operation is Operation.ENGRAVE else None)
        driving.extend(strokes(chains, way, operation))
        travel += way.travel_mm
        if way.order:
            last = driving[-1].points[-1]
            head = (float(last[0]), float(last[1]))
    return tuple(driving), travel


def _nothing(drawing: Drawing) -> QuotingRefusalError:
    reasons = [finding for finding in drawing.findings if finding.code in TEXT_AND_REFERENCES]
    why = " ".join(f"{finding.message} {finding.remedy}" for finding in reasons[:2])
    if drawing.paths and not reasons:
        why = (
            "Everything in it is set to be ignored, or is white. Choose an operation for at least one colour or layer."
        )
    return file_refusal(
        RefusalCode.DRAWING_EMPTY,
        f"The drawing holds nothing to cut, score or engrave. {why or 'Draw lines or areas and export it again.'}",
    )


def _uncounted() -> Finding:
    return Finding(
        code=FindingCode.SELF_CROSSING,
        severity=Severity.RISK,
        message="The cuts lie so dense that their crossings were not counted.",
        remedy="Check that hatching and shading are engraved, and not drawn as cuts.",
    )
