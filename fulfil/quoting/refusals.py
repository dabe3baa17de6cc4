"""Why a part can't be quoted: one exception, one list of codes."""

from enum import StrEnum


class RefusalCode(StrEnum):
    """What stands in the way; every refusal also names the field and the remedy."""

    FILE_MISSING = "file_missing"
    FILE_EMPTY = "file_empty"
    FILE_NOT_STL = "file_not_stl"
    FILE_TRUNCATED = "file_truncated"
    FILE_COUNT_MISMATCH = "file_count_mismatch"
    FILE_TOO_COMPLEX = "file_too_complex"
    MESH_NO_TRIANGLES = "mesh_no_triangles"
    MESH_NOT_FINITE = "mesh_not_finite"
    MESH_OUT_OF_RANGE = "mesh_out_of_range"
    MESH_TOO_LARGE = "mesh_too_large"
    MESH_OPEN = "mesh_open"
    MESH_WINDING = "mesh_winding"
    MESH_INSIDE_OUT = "mesh_inside_out"
    MESH_BODIES_OVERLAP = "mesh_bodies_overlap"
    MESH_ZERO_VOLUME = "mesh_zero_volume"
    PART_TOO_SMALL = "part_too_small"
    PART_TOO_BIG = "part_too_big"
    PROCESS_UNKNOWN = "process_unknown"
    MATERIAL_UNKNOWN = "material_unknown"
    CURRENCY_UNKNOWN = "currency_unknown"
    QUANTITY_OUT_OF_RANGE = "quantity_out_of_range"
    ORDER_TOO_LARGE = "order_too_large"
    FILE_TOO_LARGE = "file_too_large"
    FILE_UNREADABLE = "file_unreadable"
    FILE_FORMAT_NOT_QUOTED = "file_format_not_quoted"
    FILE_ENCRYPTED = "file_encrypted"
    ARCHIVE_UNSAFE = "archive_unsafe"
    ARCHIVE_BOMB = "archive_bomb"
    XML_FORBIDDEN = "xml_forbidden"
    EXPANSION_TOO_LARGE = "expansion_too_large"
    REFERENCE_CYCLE = "reference_cycle"
    REFERENCE_BROKEN = "reference_broken"
    EXTENSION_UNKNOWN = "extension_unknown"
    FREE_FORM_SURFACE = "free_form_surface"
    SLICED_WITHOUT_MESH = "sliced_without_mesh"
    TIER_UNKNOWN = "tier_unknown"
    THICKNESS_UNKNOWN = "thickness_unknown"
    INFILL_OUT_OF_RANGE = "infill_out_of_range"
    FILE_NEEDS_TOO_MUCH_MEMORY = "file_needs_too_much_memory"
    FILE_TAKES_TOO_LONG = "file_takes_too_long"
    FILE_CRASHES_READER = "file_crashes_reader"
    PROCESS_NOT_FOR_FILE = "process_not_for_file"
    DRAWING_EMPTY = "drawing_empty"
    DRAWING_OUT_OF_RANGE = "drawing_out_of_range"
    OPERATION_UNKNOWN = "operation_unknown"


class QuotingRefusalError(Exception):
    """The part can't be quoted: `code` for machines, `detail` with the remedy for people, `param` the field."""

    def __init__(self, code: RefusalCode, detail: str, param: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.param = param


def file_refusal(code: RefusalCode, detail: str) -> QuotingRefusalError:
    """A refusal the customer answers with another file."""
    return QuotingRefusalError(code, detail, "file_id")
