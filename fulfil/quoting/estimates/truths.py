"""What a slicer said about parts, beside what was measured on them: the ground estimates are judged and fitted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from fulfil.models.messages.profiles import LayerProfile, Support
from fulfil.quoting.estimates.coefficients import ErrorRow, FdmCoefficients
from fulfil.quoting.estimates.fdm_layers import Layers, layer_seconds, layer_volumes
from fulfil.quoting.estimates.fdm_shell import shell_seconds, shell_volumes
from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids.columns import hit_columns, stand_columns
from fulfil.quoting.solids.layers import slice_layers

INFILL = 0.20
NO_SUPPORT = Support(overhang_mm2=0, support_mm3=0)


class _Loose(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Sliced(_Loose):
    """The slicer's numbers for one part."""

    filament_mm3: float
    time_s: float
    layers: int = 0


class TruthPart(_Loose):
    """One part of a truth file; parts sliced in one way only are fine."""

    file: str
    volume_mm3: float
    area_mm2: float
    extents_mm: tuple[float, float, float]
    no_support: Sliced | None = None
    auto_support: Sliced | None = None
    infill: float = INFILL


class TruthFile(_Loose):
    """A truth file: what it was sliced with, and the parts."""

    about: str
    parts: tuple[TruthPart, ...]


@dataclass(frozen=True)
class Truth:
    """A part as the estimates see it, and what the slicer says."""

    part: TruthPart
    profile: LayerProfile
    bare: Layers
    held: Layers

    @classmethod
    def of(cls, part: TruthPart, corners: Corners, layer_height_mm: float) -> "Truth":
        """Measure the part, in mm."""
        hits = hit_columns(corners)
        profile = slice_layers(corners, layer_height_mm, hits=hits)
        return cls(part, profile, Layers.of(profile, None), Layers.of(profile, stand_columns(corners, hits)))


@dataclass(frozen=True)
class Guess:
    """Our numbers for one part."""

    filament_mm3: float
    time_s: float


def read_truth_file(content: bytes) -> TruthFile:
    """The truth file; raises `ValueError` with what is wrong."""
    try:
        return TruthFile.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(f"the truth file can't be read: {error}") from error


def guess_layers(layers: Layers, known: FdmCoefficients, infill: float) -> Guess:
    """The per-layer estimate in PLA, or whatever the coefficients were fitted on first."""
    volumes = layer_volumes(layers, known, infill)
    seconds = layer_seconds(layers, volumes, known, next(iter(known.materials.values())), infill)
    return Guess(float((volumes.layer * layers.count).sum()), float((seconds.layer * layers.count).sum()))


def guess_shell(truth: Truth, known: FdmCoefficients) -> Guess:
    """The estimate from volume and area."""
    part = truth.part
    filament = sum(shell_volumes(part.volume_mm3, part.area_mm2, part.infill, known.shell))
    return Guess(filament, shell_seconds(filament, part.area_mm2, truth.profile.layers, known.shell))


def compared(truths: Sequence[Truth], known: FdmCoefficients) -> Mapping[str, tuple[list[float], list[float]]]:
    """Relative errors of mass and of time, by way of estimating."""
    errors: dict[str, tuple[list[float], list[float]]] = {
        "layers": ([], []),
        "layers_with_support": ([], []),
        "shell": ([], []),
    }

    def note(way: str, guess: Guess, sliced: Sliced) -> None:
        errors[way][0].append(guess.filament_mm3 / sliced.filament_mm3 - 1)
        errors[way][1].append(guess.time_s / sliced.time_s - 1)

    for truth in truths:
        if truth.part.no_support:
            note("layers", guess_layers(truth.bare, known, truth.part.infill), truth.part.no_support)
            note("shell", guess_shell(truth, known), truth.part.no_support)
        if truth.part.auto_support:
            note("layers_with_support", guess_layers(truth.held, known, truth.part.infill), truth.part.auto_support)
    return errors


def error_table(
    truths: Sequence[Truth], known: FdmCoefficients, parts_set: str = "these parts"
) -> tuple[ErrorRow, ...]:
    """Errors in percent of every way of estimating, for mass and time, over the parts."""
    return tuple(
        row
        for way, (mass, time) in compared(truths, known).items()
        for row in (error_row(mass, f"{way} mass", parts_set), error_row(time, f"{way} time", parts_set))
        if row.parts
    )


def error_row(errors: Sequence[float], quantity: str, parts_set: str) -> ErrorRow:
    """Percentiles of relative errors, in percent."""
    percent = 100 * np.array(errors or [0.0])
    size = np.abs(percent)
    return ErrorRow(
        parts_set=parts_set,
        quantity=quantity,
        parts=len(errors),
        median=round(float(np.median(size)), 1),
        p90=round(float(np.percentile(size, 90)), 1),
        largest=round(float(size.max()), 1),
        bias=round(float(np.median(percent)), 1),
    )
