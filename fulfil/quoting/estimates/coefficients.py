"""Versioned coefficients of the estimates: JSON beside the code, with source, date and measured error."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TypeVar

from pydantic import TypeAdapter

from fulfil.models.messages.base import Message

FDM_DEFAULT = "fdm-mk3s-0.20-2"
RESIN_DEFAULT = "resin-assumed-1"
PACKAGE = "fulfil.quoting.estimates"
FOLDER = "data"

Coefficients = TypeVar("Coefficients", bound=Message)


class Basis(StrEnum):
    """How far a number can be trusted."""

    FITTED = "fitted"
    MEASURED = "measured"
    ASSUMED = "assumed"


class ErrorRow(Message):
    """Relative errors in percent of one quantity over a set of parts; `bias` is the median with its sign."""

    parts_set: str
    quantity: str
    parts: int
    median: float
    p90: float
    largest: float
    bias: float


class Band(Message):
    """The 90th percentile of the relative error, in percent."""

    mass_percent: float
    time_percent: float


class FdmMass(Message):
    """Filament of a layer in mm2, from its section S in mm2 and outline P in mm."""

    wall_section: float  # share of S that walls take where they take all of it
    wall_width_mm: float  # of all perimeters together, per mm of P
    thin_below_mm: float  # up to this S / P perimeters fill all of S
    thin_above_mm: float  # from this S / P they don't
    skin: float  # solid layers per mm2 of top and bottom
    edge: float  # infill that turns solid beside skins
    infill: float  # of the nominal density
    anchor: float  # infill that runs along the walls
    anchor_width_mm: float
    from_cells: bool = False  # take inside and sparse area from the profile's cells; skin, edge and thin don't count


class FdmTime(Message):
    """Seconds a layer takes, at the layer height of the coefficients."""

    wall_s_mm3: float
    corner_s: float
    solid_s_mm3: float
    solid_line_s_mm: float  # per mm of outline: solid lines that end there
    solid_line_width_mm: float  # a solid area so wide beside the outline has most of its lines end there
    infill_s_mm3: float
    infill_end_s_mm: float
    top_extra_s_mm3: float
    bridge_extra_s_mm3: float
    first_layer_s_mm3: float
    hop_s: float  # retract, lift, travel, and back
    hops_per_loop: float
    hops_per_layer: float  # once the area inside the walls is large
    hop_area_mm2: float  # half as many at this area
    hop_mixed_mm: float  # hops per mm of outline where solid and sparse infill meet
    shortest_layer_s: float  # cooling: layers are slowed down to this
    slowest_s_mm3: float  # cooling: but no slower than this
    infill_growth: float = 0  # power of the infill by which its lines get slower, as they turn more often
    hops_solid_loop: float = 0  # more of them per outline where all around it is solid: its lines end there


class FdmSupport(Message):
    """Support, from the columns under overhangs."""

    column: float  # mm3 per mm3 of room
    overhang_mm: float  # mm3 per mm2 of overhang
    side_mm: float  # mm3 per mm2 of upright faces
    time_s_mm3: float
    side_s_mm2: float
    layer_s: float
    spread: bool = False  # these are per volume and area with the margin slicers give overhangs


class FdmShell(Message):
    """The estimate from volume and area only."""

    thickness_mm: float
    exponent: float
    scale: float
    filament_s_mm3: float
    area_s_mm2: float
    layer_s: float


class FdmMaterial(Message):
    """What a material changes: the flow it can be melted at, how long layers cool, how much is pressed out."""

    max_flow_mm3_s: float
    shortest_layer_factor: float
    extrusion: float = 1  # filament per nominal filament
    basis: Basis
    note: str = ""


class FdmBands(Message):
    """Published errors; an estimate whose numbers are partly assumed widens its time by `assumed_factor`."""

    layers: Band
    layers_with_support: Band
    shell: Band
    assumed_factor: float


class FdmCoefficients(Message):
    """Everything the filament estimates know of a machine and its profile."""

    version: str
    fitted_on: str  # date
    source: str
    layer_height_mm: float
    perimeters: int
    top_layers: int
    bottom_layers: int
    start_up_s: float
    mass: FdmMass
    time: FdmTime
    support: FdmSupport
    shell: FdmShell
    bands: FdmBands
    materials: Mapping[str, FdmMaterial]
    other_material: FdmMaterial
    errors: tuple[ErrorRow, ...]


class ResinCoefficients(Message):
    """Everything the resin estimate assumes."""

    version: str
    fitted_on: str
    source: str
    basis: Basis
    layer_height_mm: float
    exposure_s: float
    lift_s: float
    bottom_layers: int
    bottom_exposure_s: float
    support_share: float
    band: Band


@cache
def fdm_coefficients(name: str = FDM_DEFAULT) -> FdmCoefficients:
    """The coefficients shipped under this name; raises `FileNotFoundError`."""
    return _loaded(FdmCoefficients, name)


@cache
def resin_coefficients(name: str = RESIN_DEFAULT) -> ResinCoefficients:
    """The coefficients shipped under this name; raises `FileNotFoundError`."""
    return _loaded(ResinCoefficients, name)


def _loaded(kind: type[Coefficients], name: str) -> Coefficients:
    content = (files(PACKAGE) / FOLDER / f"{name}.json").read_bytes()
    return TypeAdapter(kind).validate_json(content)
