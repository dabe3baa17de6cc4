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
