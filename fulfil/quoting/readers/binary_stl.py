"""The layout of binary STL and what its size must be; imports little, so that a file can be measured in 45 MB."""

import struct

import numpy as np

from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

HEADER_BYTES = 84
FACET_BYTES = 50
CORNERS_OFFSET = 12  # the normal comes first; it is ignored, because the corners' order says the same
MAX_BYTES = 261_000_000
MAX_TRIANGLES = 5_200_000  # `limits.MOST_TRIANGLES`
# Exporters pad; more than this is another file glued on, or a wrong triangle count.
TRAILING_SHARE = 0.01

FACET = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])


def announced_triangles(header: bytes | memoryview) -> int:
    """The triangle count the 84 bytes of a header claim; it may lie."""
    return int(struct.unpack_from("<I", header, HEADER_BYTES - 4)[0])


def check_size(triangles: int, size: int) -> int:
    """How many bytes trail the announced `triangles` in a file of `size` bytes; at most 1 %.

    Raises `QuotingRefusalError` when facets are missing, too many bytes follow them, or there is none.
    """
    announced = HEADER_BYTES + FACET_BYTES * triangles
    if announced > size:
        raise truncated(
            f"Its header announces {triangles:,} triangles, that is {announced:,} bytes, and it has {size:,}."
        )
    check_count(triangles)
    if size > announced * (1 + TRAILING_SHARE):
        raise file_refusal(
            RefusalCode.FILE_COUNT_MISMATCH,
            f"The file's header announces {triangles:,} triangles, and {size - announced:,} bytes follow them. "
            "Export the part again: a file that contradicts itself can't be priced.",
        )
    return size - announced


def check_count(triangles: int) -> None:
    """Raise `QuotingRefusalError` for a mesh without triangles and for one with too many."""
    if triangles == 0:
        raise file_refusal(
            RefusalCode.MESH_NO_TRIANGLES,
            "The file holds no triangles. Check that the body was selected and visible when it was exported.",
        )
    if triangles > MAX_TRIANGLES:
        raise file_refusal(
            RefusalCode.MESH_TOO_LARGE,
            f"The mesh has {triangles:,} triangles, more than the {MAX_TRIANGLES:,} that can be analysed. "
            "Export it with a coarser tolerance (0.01 mm is finer than any printer).",
        )


def truncated(evidence: str) -> QuotingRefusalError:
    """The refusal of a file that was cut short, with the `evidence` as a sentence."""
    return file_refusal(
        RefusalCode.FILE_TRUNCATED, f"The file was cut short. {evidence} Upload it again, or export it again."
    )
