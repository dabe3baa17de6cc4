"""How far estimates are from what a slicer says about the same parts."""

from pathlib import Path

import fulfil
from fulfil.cli.benches.figures import Figure
from fulfil.cli.exits import CommandError
from fulfil.quoting.estimates.coefficients import fdm_coefficients
from fulfil.quoting.estimates.truths import Truth, error_table, read_truth_file
from fulfil.quoting.readers.stl import read_stl

CHECKOUT = Path(fulfil.__path__[0]).parent / "tests" / "quoting" / "truth_slicer"
# Percent, by what is estimated: the median and the 90th percentile of the relative error.
TARGETS = {
    "layers mass": (3, 6),
    "layers time": (7, 20),
    "layers_with_support mass": (4, 9),
}


def default_truth() -> Path | None:
    """The truth of a checkout; None where the package was installed without its tests."""
    return CHECKOUT if CHECKOUT.is_dir() else None


def accuracy(folder: Path) -> list[Figure]:
    """The errors over the parts of a folder: `truth.json`, and the STL files it names there or in `parts/`."""
    known = fdm_coefficients()
    truths: list[Truth] = []
    try:
        parts = read_truth_file((folder / "truth.json").read_bytes()).parts
        for part in parts:
            path = folder / part.file if (folder / part.file).exists() else folder / "parts" / part.file
            truths.append(Truth.of(part, read_stl(path.read_bytes()).corners, known.layer_height_mm))
    except (OSError, ValueError) as error:
        raise CommandError(f"{folder} holds no truth to compare with: {error}") from error
    return [_figure(row.quantity, row.parts, row.median, row.p90) for row in error_table(truths, known, str(folder))]


def _figure(quantity: str, parts: int, median: float, p90: float) -> Figure:
    what = f"error of {quantity.replace('_', ' ')}, {parts} parts"
    value = f"median {median:.1f} %, p90 {p90:.1f} %"
    if quantity not in TARGETS:
        return Figure(what, value)
    most = TARGETS[quantity]
    return Figure(what, value, f"<= {most[0]} / {most[1]} %", median <= most[0] and p90 <= most[1])
