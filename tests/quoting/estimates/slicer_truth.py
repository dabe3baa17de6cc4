"""The 28 parts with a slicer's numbers, measured once per session."""

from functools import cache
from pathlib import Path

from fulfil.quoting.estimates.truths import Truth, read_truth_file
from fulfil.quoting.readers.stl import read_stl

FOLDER = Path(__file__).parent.parent / "truth_slicer"


def truth_json() -> bytes:
    """The truth file."""
    return (FOLDER / "truth.json").read_bytes()


def part_content(name: str) -> bytes:
    """A part's STL."""
    return (FOLDER / "parts" / name).read_bytes()


@cache
def all_truths() -> tuple[Truth, ...]:
    """Every part, measured."""
    parts = read_truth_file(truth_json()).parts
    return tuple(Truth.of(part, read_stl(part_content(part.file)).corners, 0.2) for part in parts)
