"""The way a laser head takes through a drawing: what the time estimate drives through its motion planner."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.geometry import Operation, RasterImage

Polyline = NDArray[np.float64]


@dataclass(frozen=True)
class Stroke:
    """A line driven in one go: `points` (k >= 2, 2) in mm; a closed one ends where it began."""

    operation: Operation
    points: Polyline


@dataclass(frozen=True)
class Motion:
    """Everything the head does, from the sheet's origin (0, 0).

    `strokes` in driving order (score, then cut from the inside outwards); `fills` are rings (k, 2) to engrave by
    rows, even-odd; `images` are engraved by rows too.
    """

    strokes: tuple[Stroke, ...]
    fills: tuple[Polyline, ...]
    images: tuple[RasterImage, ...]


# Header: mark, version, counts of strokes, fills and images; little endian throughout.
HEADER = struct.Struct("<4sHxxIII")
MARK, VERSION = b"FMOT", 1
OPERATIONS = (Operation.CUT, Operation.SCORE, Operation.ENGRAVE, Operation.IGNORE)  # append only: their places are kept


def encode_motion(motion: Motion) -> bytes:
    """A compact binary form, the same for equal motions: kinds, lengths, images, then all points as float32.

    float32 is exact to 0.1 µm on a sheet of 2 m.
    """
    lines = [*(stroke.points for stroke in motion.strokes), *motion.fills]
    images = np.array([(i.x_mm, i.y_mm, i.width_mm, i.height_mm) for i in motion.images], dtype="<f8")
    return b"".join(
        (
            HEADER.pack(MARK, VERSION, len(motion.strokes), len(motion.fills), len(motion.images)),
            bytes(OPERATIONS.index(stroke.operation) for stroke in motion.strokes),
            np.array([len(line) for line in lines], dtype="<u4").tobytes(),
            images.tobytes(),
            *(np.ascontiguousarray(line, dtype="<f4").tobytes() for line in lines),
        )
    )


def decode_motion(content: bytes) -> Motion:
    """The motion `encode_motion` wrote. Raises `ValueError` for anything else."""
    if len(content) < HEADER.size:
        raise ValueError("this is no motion: it is shorter than its header")
    mark, version, strokes, fills, images = HEADER.unpack_from(content)
    if mark != MARK or version != VERSION:
        raise ValueError(f"this is no motion of version {VERSION}: {mark!r}, version {version}")
    at = HEADER.size
    if len(content) < at + strokes + 4 * (strokes + fills) + 32 * images:
        raise ValueError("this motion was cut short")
    kinds = content[at : at + strokes]
    at += strokes
    sizes = np.frombuffer(content, "<u4", strokes + fills, at).astype(np.int64)
    at += 4 * (strokes + fills)
    places = np.frombuffer(content, "<f8", 4 * images, at).reshape(-1, 4)
    at += 32 * images
    total = int(sizes.sum())
    if len(content) != at + 8 * total:
        raise ValueError("this motion was cut short, or something follows it")
    points = np.frombuffer(content, "<f4", 2 * total, at).reshape(-1, 2).astype(np.float64)
    lines = np.split(points, np.cumsum(sizes)[:-1]) if len(sizes) else []
    return Motion(
        strokes=tuple(Stroke(OPERATIONS[kind], line) for kind, line in zip(kinds, lines, strict=False)),
        fills=tuple(lines[strokes:]),
        images=tuple(
            RasterImage(x_mm=float(x), y_mm=float(y), width_mm=float(width), height_mm=float(height))
            for x, y, width, height in places
        ),
    )
