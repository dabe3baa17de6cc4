"""What was measured in a file: units, solids, drawings; numbers in millimetres once the unit is decided."""

from enum import StrEnum

from fulfil.models.messages.base import Message

Point = tuple[float, float, float]


class LengthUnit(StrEnum):
    """What one unit of a file may mean; `px96`, `px90`, `px72` are drawings' dots per inch."""

    MICRON = "micron"
    MM = "mm"
    CM = "cm"
    M = "m"
    INCH = "inch"
    FOOT = "foot"
    PT = "pt"
    PX96 = "px96"
    PX90 = "px90"
    PX72 = "px72"


class UnitBasis(StrEnum):
    """Why we believe in a unit: the file states it, the customer confirmed it, or it is our guess."""

    STATED = "stated"
    CONFIRMED = "confirmed"
    GUESSED = "guessed"


class UnitDecision(Message):
    """The unit lengths were read in. `alternatives` are the units the customer may confirm instead."""

    unit: LengthUnit
    mm_per_unit: float
    basis: UnitBasis
    reason: str
    alternatives: tuple[LengthUnit, ...] = ()


class Closedness(StrEnum):
    """Whether a surface bounds a solid: `closed_non_manifold` has edges of more than two faces, its volume is exact."""

    CLOSED = "closed"
    CLOSED_NON_MANIFOLD = "closed_non_manifold"
    OPEN = "open"


class Thickness(Message):
    """Distances measured by rays, in mm: their 1st and 5th percentile, and the smallest with its place."""

    p1_mm: float
    p5_mm: float
    smallest_mm: float
    smallest_at_mm: Point
    rays: int


class SolidGeometry(Message):
    """Measured facts of a solid in mm. A volume of an open surface is an approximation and never priced as firm."""

    unit: UnitDecision
    volume_mm3: float
    area_mm2: float
    size_mm: Point
    triangles: int
    closedness: Closedness
    open_edges: int = 0
    open_places_mm: tuple[Point, ...] = ()
    non_manifold_edges: int = 0
    inside_out: bool = False  # the whole surface pointed inwards, and was measured as if turned back
    bodies: int = 1  # outer surfaces
    hollows: int = 0  # negative shells: closed rooms inside
    hollow_volume_mm3: float = 0
    overlapping: bool | None = False  # bodies share space; None: too large to be checked
    overlap_volume_mm3: float = 0
    duplicate_faces: int = 0
    degenerate_faces: int = 0
    walls: Thickness | None = None
    gaps: Thickness | None = None  # air between opposite surfaces: slots and holes
    overhang_mm2: float = 0
    support_mm3: float = 0


class Operation(StrEnum):
    """What a laser does along a path or inside it."""

    CUT = "cut"
    SCORE = "score"
    ENGRAVE = "engrave"
    IGNORE = "ignore"


class DrawingGroup(Message):
    """The paths of one colour or layer (`key`, such as `#ff0000` or `layer:CUT`) and what they were taken to mean."""

    key: str
    operation: Operation
    paths: int
    length_mm: float


class RasterImage(Message):
    """A picture to engrave by rows; its place and size on the sheet."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float


class DrawingGeometry(Message):
    """Measured facts of a flat drawing in mm; lengths are along the paths as they will be driven."""

    unit: UnitDecision
    size_mm: tuple[float, float]
    groups: tuple[DrawingGroup, ...]
    segments: int
    cut_length_mm: float
    score_length_mm: float
    engrave_outline_mm: float  # outlines of the areas to fill
    engraved_area_mm2: float  # by the even-odd rule
    travel_mm: float  # head up, inner contours first, nearest neighbour
    pierces: int
    part_area_mm2: float  # what is left of the sheet inside the outer cuts, holes taken out
    parts: int  # outer closed cuts
    open_paths: int
    open_ends_mm: tuple[tuple[float, float], ...] = ()
    duplicate_length_mm: float = 0
    duplicate_paths: int = 0
    self_crossings: int = 0
    crossings_mm: tuple[tuple[float, float], ...] = ()
    smallest_hole_mm: float | None = None  # equivalent diameter of the smallest inner cut
    smallest_hole_at_mm: tuple[float, float] | None = None
    narrowest_mm: float | None = None  # the thinnest web of material between two cuts
    narrowest_at_mm: tuple[float, float] | None = None
    images: tuple[RasterImage, ...] = ()
