"""What stands against making a file as it is: findings as data."""

from enum import StrEnum

from fulfil.models.messages.base import Message


class Severity(StrEnum):
    """How much a finding matters.

    `info` and `warning` change nothing; a `risk` keeps the price provisional until it is accepted; a `blocker`
    can't be accepted: a person has to look, or the file has to change.
    """

    INFO = "info"
    WARNING = "warning"
    RISK = "risk"
    BLOCKER = "blocker"


class FindingCode(StrEnum):
    """Every finding there is; the same code always means the same."""

    UNIT_GUESSED = "unit_guessed"
    UNIT_IMPLAUSIBLE = "unit_implausible"
    TRAILING_BYTES = "trailing_bytes"
    SUPPORT_OBJECTS_LEFT_OUT = "support_objects_left_out"
    SEAMS_CLOSED = "seams_closed"
    MESH_OPEN = "mesh_open"
    MESH_NON_MANIFOLD = "mesh_non_manifold"
    MESH_INSIDE_OUT = "mesh_inside_out"
    DUPLICATE_FACES = "duplicate_faces"
    DEGENERATE_FACES = "degenerate_faces"
    SEVERAL_BODIES = "several_bodies"
    BODIES_OVERLAP = "bodies_overlap"
    OVERLAP_UNCHECKED = "overlap_unchecked"
    CLOSED_HOLLOW = "closed_hollow"
    THIN_WALL = "thin_wall"
    WALLS_UNMEASURED = "walls_unmeasured"
    NARROW_GAP = "narrow_gap"
    OVERHANG = "overhang"
    SMALL_PART = "small_part"
    EXCEEDS_BUILD_VOLUME = "exceeds_build_volume"
    EXCEEDS_SHEET = "exceeds_sheet"
    OPEN_CONTOUR = "open_contour"
    DUPLICATE_LINES = "duplicate_lines"
    SELF_CROSSING = "self_crossing"
    SMALL_HOLE = "small_hole"
    NARROW_WEB = "narrow_web"
    KERF = "kerf"
    NOTHING_TO_CUT = "nothing_to_cut"
    SEVERAL_PARTS = "several_parts"
    LIVE_TEXT = "live_text"
    EXTERNAL_REFERENCE = "external_reference"
    HIDDEN_CONTENT = "hidden_content"
    SCRIPT_IGNORED = "script_ignored"
    UNSUPPORTED_ELEMENT = "unsupported_element"
    IMAGE = "image"
    MATERIAL_NOT_FOR_OPERATION = "material_not_for_operation"
    ESTIMATE_DRIFT = "estimate_drift"
    OUTSIDE_ESTIMATE_RANGE = "outside_estimate_range"
    OPERATION_GUESSED = "operation_guessed"


class Finding(Message):
    """One observation: a sentence, the remedy, and where possible the place (mm), the number found and its limit."""

    code: FindingCode
    severity: Severity
    message: str
    remedy: str = ""
    where_mm: tuple[float, ...] | None = None
    number: float | None = None
    limit: float | None = None
    measure: str | None = None  # the unit of number and limit: "mm", "mm2", "mm3", "edges", …
