"""Fits the coefficients of the filament estimates to a slicer's runs: few numbers, robustly, no further than needed.

Every number is pulled towards where it started, so that ten parts adjust a profile and don't invent one. Errors are
told for parts that were left out of the fit they are measured against.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from fulfil.quoting.estimates.coefficients import Band, ErrorRow, FdmBands, FdmCoefficients, fdm_coefficients
from fulfil.quoting.estimates.truths import (
    Guess,
    Truth,
    compared,
    error_row,
    guess_layers,
    guess_shell,
    read_truth_file,
)
from fulfil.quoting.readers.stl import read_stl

Floats = NDArray[np.float64]
Residual = Callable[[FdmCoefficients], float]

FEWEST_PARTS = 8
FOLDS = 5
# Relative errors above this count less and less: one odd part must not bend everything.
USUAL_ERROR = 0.05
# A part's support must be at least this share of its filament to say something about support.
NOTABLE_SUPPORT = 1.003
MAX_EVALUATIONS = 30
NAMED_DIGITS = 12


@dataclass(frozen=True)
class Step:
    """Some numbers of one section, fitted together; `pull` is how strongly they are held where they started."""

    section: str
    names: tuple[str, ...]
    quantity: str  # filament_mm3 | time_s
    way: str  # layers | layers_with_support | shell
    pull: float


STEPS = (
    Step(
        "mass",
        ("wall_section", "wall_width_mm", "skin", "edge", "anchor", "infill"),
        "filament_mm3",
        "layers",
        0.3,
    ),
    Step("time", ("slowest_s_mm3", "shortest_layer_s"), "time_s", "layers", 0.1),
    Step(
        "time",
        (
            "wall_s_mm3",
            "corner_s",
            "solid_s_mm3",
            "solid_line_s_mm",
            "infill_s_mm3",
            "infill_end_s_mm",
            "first_layer_s_mm3",
            "hop_s",
            "hops_per_loop",
            "hops_solid_loop",
            "hops_per_layer",
            "hop_mixed_mm",
            "slowest_s_mm3",
            "shortest_layer_s",
        ),
        "time_s",
        "layers",
        1.0,
    ),
    Step("support", ("column", "overhang_mm", "side_mm"), "filament_mm3", "layers_with_support", 0.1),
    Step("support", ("time_s_mm3", "side_s_mm2", "layer_s"), "time_s", "layers_with_support", 0.1),
    Step("shell", ("thickness_mm", "scale"), "filament_mm3", "shell", 0.2),
    Step("shell", ("filament_s_mm3", "area_s_mm2", "layer_s"), "time_s", "shell", 0.1),
)


def refit_folder_content(
    parts: Mapping[str, bytes], truth_json: bytes, *, fitted_on: str, start: FdmCoefficients | None = None
) -> bytes:
    """New coefficients as JSON, with their error table, from STL files by name and a truth file about them.

    `fitted_on` is today's date. Raises `ValueError` for a truth file that can't be read, names a missing part, or has
    fewer than `FEWEST_PARTS` parts, and `QuotingRefusalError` for a damaged part.
    """
    known = start or fdm_coefficients()
    told = read_truth_file(truth_json)
    missing = [part.file for part in told.parts if part.file not in parts]
    if missing:
        raise ValueError(f"the truth file names parts that are not there: {', '.join(missing)}")
    truths = [Truth.of(part, read_stl(parts[part.file]).corners, known.layer_height_mm) for part in told.parts]
    fitted = refit(truths, known)
    digest = hashlib.sha256(truth_json).hexdigest()[:NAMED_DIGITS]
    named = fitted.model_copy(
        update={
            "version": f"{known.version.split('+')[0]}+{digest}",
            "fitted_on": fitted_on,
            "source": f"Refitted from {known.version} on {len(truths)} parts: {told.about}",
        }
    )
    return named.model_dump_json(indent=2).encode() + b"\n"


def refit(truths: Sequence[Truth], start: FdmCoefficients | None = None) -> FdmCoefficients:
    """Coefficients fitted to all parts; errors and bands come from fits that left a fifth of them out each time.

    Raises `ValueError` for fewer than `FEWEST_PARTS` parts. The order of the parts doesn't matter.
    """
    known = start or fdm_coefficients()
    if len(truths) < FEWEST_PARTS:
        raise ValueError(f"{len(truths)} parts are too few to fit on: {FEWEST_PARTS} are the least")
    ordered = sorted(truths, key=lambda truth: truth.part.file)
    errors = _left_out_errors(ordered, known)
    fitted = _fitted(ordered, known)
    return fitted.model_copy(update={"bands": _bands(errors, known), "errors": errors})


def _fitted(truths: Sequence[Truth], start: FdmCoefficients) -> FdmCoefficients:
    known = start
    for step in STEPS:
        residuals = [residual for truth in truths if (residual := _residual(truth, step)) is not None]
        if residuals:
            known = _stepped(known, step, residuals)
    return known


def _stepped(known: FdmCoefficients, step: Step, residuals: Sequence[Residual]) -> FdmCoefficients:
    section = getattr(known, step.section)
    before = np.array([getattr(section, name) for name in step.names])
    slack = 0.1 * np.maximum(before, 0.02)
    held = step.pull * math.sqrt(len(residuals)) / 10 / slack

    def replaced(values: Floats) -> FdmCoefficients:
        changed = section.model_copy(update=dict(zip(step.names, values.tolist(), strict=True)))
        return known.model_copy(update={step.section: changed})

    def misses(values: Floats) -> Floats:
        tried = replaced(values)
        return np.concatenate(
            [np.array([residual(tried) for residual in residuals]) / USUAL_ERROR, (values - before) * held]
        )

    found = least_squares(misses, before, bounds=(0, np.inf), loss="soft_l1", max_nfev=MAX_EVALUATIONS)
    return replaced(np.array([float(f"{value:.5g}") for value in cast("Floats", found.x)]))


def _residual(truth: Truth, step: Step) -> Residual | None:
    """Logarithm of ours over the slicer's, or None where the part says nothing about the step."""
    part = truth.part
    sliced = part.auto_support if step.way == "layers_with_support" else part.no_support
    if sliced is None:
        return None
    if step.way == "layers_with_support" and not (
        part.no_support and sliced.filament_mm3 > NOTABLE_SUPPORT * part.no_support.filament_mm3
    ):
        return None
    wanted = math.log(getattr(sliced, step.quantity))

    def guess(known: FdmCoefficients) -> Guess:
        if step.way == "shell":
            return guess_shell(truth, known)
        return guess_layers(truth.bare if step.way == "layers" else truth.held, known, part.infill)

    return lambda known: math.log(max(getattr(guess(known), step.quantity), 1e-9)) - wanted


def _left_out_errors(truths: Sequence[Truth], start: FdmCoefficients) -> tuple[ErrorRow, ...]:
    gathered: dict[str, tuple[list[float], list[float]]] = {}
    for fold in range(FOLDS):
        left_out = truths[fold::FOLDS]
        known = _fitted([truth for at, truth in enumerate(truths) if at % FOLDS != fold], start)
        for way, (mass, time) in compared(left_out, known).items():
            all_mass, all_time = gathered.setdefault(way, ([], []))
            all_mass.extend(mass)
            all_time.extend(time)
    return tuple(
        row
        for way, (mass, time) in gathered.items()
        for row in (error_row(mass, f"{way} mass", "left out"), error_row(time, f"{way} time", "left out"))
        if row.parts
    )


def _bands(errors: Sequence[ErrorRow], known: FdmCoefficients) -> FdmBands:
    """The published band of each way of estimating: the 90th percentile of parts left out, to the next percent."""
    p90 = {row.quantity: math.ceil(row.p90) for row in errors}

    def band(way: str, before: Band) -> Band:
        return Band(
            mass_percent=p90.get(f"{way} mass", before.mass_percent),
            time_percent=p90.get(f"{way} time", before.time_percent),
        )

    bands = known.bands
    return FdmBands(
        layers=band("layers", bands.layers),
        layers_with_support=band("layers_with_support", bands.layers_with_support),
        shell=band("shell", bands.shell),
        assumed_factor=bands.assumed_factor,
    )
