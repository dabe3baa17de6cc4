"""What the benchmark of quoting measures, one figure after the other."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fulfil.cli.benches.figures import Figure
from fulfil.cli.benches.quoting.accuracy import accuracy
from fulfil.cli.benches.quoting.children import Ran, run_task
from fulfil.cli.benches.quoting.forked import forked_step_s
from fulfil.cli.benches.quoting.samples import curves_svg, pins_step, write_ring_stl

MILLION = 1_000_000
MOST_RAW_READS, MOST_MIB, LEAST_TIMES_FASTER = 12, 45, 60
FIRST_PRICE_MS, FULL_ESTIMATE_MS, PREVIEW_MS, STEP_MS = 10, 400, 150, 500
PREVIEW_MILLIONS = {1: 1_000, 5: 4_000}
SVG_US = 25
CONTOURS, CURVES, PINS = 100, 40, 40
WARM_TIMES, LARGE_TIMES = 7, 3


@dataclass
class _Bench:
    folder: Path
    say: Callable[[str], None]
    full: bool
    figures: list[Figure] = field(default_factory=list[Figure])

    def stl(self, millions: int) -> None:
        """Facts of a binary STL beside the raw read and trimesh, each in a process of its own."""
        path = self.folder / f"{millions}m.stl"
        size = f"{millions} M triangles"
        self.say(f"{size}: raw read, facts" + (", trimesh" if self._compares(millions) else ""))
        write_ring_stl(path, millions * MILLION)
        raw = run_task("raw_read", path, WARM_TIMES)
        ours = run_task("stl_facts", path, WARM_TIMES)
        raw_s, our_s = raw.numbers["seconds"], ours.numbers["seconds"]
        self.figures += [
            Figure(f"raw streamed read, {size}", f"{1000 * raw_s:.1f} ms, peak {raw.peak_mib:.0f} MiB"),
            Figure(
                f"facts of a binary STL, {size}",
                f"{1000 * our_s:.1f} ms = {our_s / raw_s:.1f} x the raw read",
                f"<= {MOST_RAW_READS} x",
                our_s <= MOST_RAW_READS * raw_s,
            ),
            Figure(
                f"its peak memory, {size}",
                f"{ours.peak_mib:.0f} MiB",
                f"<= {MOST_MIB} MiB",
                ours.peak_mib <= MOST_MIB,
            ),
        ]
        if self._compares(millions):
            self._trimesh(path, size, ours)
        self._large_preview(path, millions, size)
        path.unlink()

    def _compares(self, millions: int) -> bool:
        return millions == 1 or self.full

    def _trimesh(self, path: Path, size: str, ours: Ran) -> None:
        theirs = run_task("trimesh_facts", path, 1)
        faster = theirs.numbers["seconds"] / ours.numbers["seconds"]
        self.figures.append(
            Figure(
                f"the same by trimesh, {size}",
                f"{theirs.numbers['seconds']:.1f} s = {faster:.0f} x ours, peak {theirs.peak_mib:.0f} MiB",
                f">= {LEAST_TIMES_FASTER} x",
                faster >= LEAST_TIMES_FASTER,
            )
        )

    def _large_preview(self, path: Path, millions: int, size: str) -> None:
        self.say(f"{size}: preview")
        seen = run_task("preview", path, 1)
        most = PREVIEW_MILLIONS[millions]
        self.figures += [
            _within(f"preview, {size}", seen.numbers["preview"], most),
            Figure(f"viewer mesh, {size}", f"{1000 * seen.numbers['viewer_mesh']:.0f} ms"),
            Figure(f"peak of both, {size}", f"{seen.peak_mib:.0f} MiB"),
        ]

    def warm(self) -> None:
        """A usual mesh in a process that is warm."""
        self.say("100k triangles, warm")
        path = self.folder / "100k.stl"
        triangles = write_ring_stl(path, 100_000)
        numbers = run_task("warm_solid", path, WARM_TIMES).numbers
        parts = ", ".join(
            f"{name.split('_')[1]} {1000 * numbers[name]:.0f}"
            for name in ("slice_layers", "stand_columns", "measure_walls")
        )
        full = _within(f"full estimate, {triangles:,} triangles", numbers["full_estimate"], FULL_ESTIMATE_MS)
        self.figures += [
            _within(f"first price, {triangles:,} triangles", numbers["first_price"], FIRST_PRICE_MS),
            Figure(full.what, f"{full.value} ({parts})", full.target, full.reached),
            _within(f"preview 800 x 600, {triangles:,} triangles", numbers["preview"], PREVIEW_MS),
            Figure(f"viewer mesh, {triangles:,} triangles", f"{1000 * numbers['viewer_mesh']:.0f} ms"),
        ]

    def svg(self) -> None:
        """A drawing of curves."""
        self.say("a drawing of curves")
        path = self.folder / "curves.svg"
        path.write_bytes(curves_svg(CONTOURS, CURVES))
        numbers = run_task("svg_facts", path, LARGE_TIMES).numbers
        each = 1e6 / numbers["segments"]
        read, measured = each * numbers["read"], each * numbers["measure"]
        self.figures.append(
            Figure(
                f"SVG of {numbers['segments']:,.0f} segments, us per segment",
                f"{read + measured:.1f} (read {read:.1f}, measure {measured:.1f})",
                f"<= {SVG_US}",
                read + measured <= SVG_US,
            )
        )

    async def step(self) -> None:
        """An exact solid, in a forked child."""
        self.say("STEP in a forked child")
        path = self.folder / "pins.step"
        path.write_bytes(pins_step(PINS))
        seconds, triangles = await forked_step_s(path, WARM_TIMES)
        self.figures.append(_within(f"STEP of {PINS} cylinders, {triangles:,} triangles, forked", seconds, STEP_MS))


async def measure_quoting(say: Callable[[str], None], *, truth: Path | None, full: bool) -> list[Figure]:
    """Everything, in about a minute; `full` compares with trimesh at 5 M triangles too, which takes 5 GB.

    Times are CPU times (of STEP, elapsed), the least of several. Without `truth` no accuracy is measured.
    """
    with tempfile.TemporaryDirectory(prefix="fulfil-bench-") as folder:
        bench = _Bench(Path(folder), say, full)
        for millions in PREVIEW_MILLIONS:
            bench.stl(millions)
        bench.warm()
        await bench.step()
        bench.svg()
    if truth is not None:
        say("accuracy on sliced parts")
        bench.figures += accuracy(truth)
    return bench.figures


def _within(what: str, seconds: float, most_ms: int) -> Figure:
    return Figure(what, f"{1000 * seconds:.1f} ms", f"<= {most_ms} ms", 1000 * seconds <= most_ms)
