"""What a child of the benchmark measures: `python -m fulfil.cli.benches.quoting.tasks NAME FILE TIMES`."""

import json
import resource
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import cast

# CPU seconds, sizes in bytes, counts and percentages.
Numbers = dict[str, float]

RAW_BUFFER = 512 << 10
DENSITY_G_CM3 = 1.24


def best_s(act: Callable[[], object], times: int) -> float:
    """The least CPU time an act took."""
    spent: list[float] = []
    for _ in range(times):
        began = time.process_time()
        act()
        spent.append(time.process_time() - began)
    return min(spent)


def raw_read(path: str, times: int) -> Numbers:
    """Stream the bytes of a file through one buffer."""
    buffer = bytearray(RAW_BUFFER)

    def read() -> None:
        with Path(path).open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    return {"seconds": best_s(read, times)}


def stl_facts(path: str, times: int) -> Numbers:
    """Volume, area, box, finite, closed, by the streaming reader."""
    from fulfil.quoting.solids.stream import StreamedFacts, measure_binary_stl  # noqa: PLC0415 (a child loads its own)

    found: list[StreamedFacts] = []

    def measure() -> None:
        with Path(path).open("rb", buffering=0) as file:
            found.append(measure_binary_stl(file))

    seconds = best_s(measure, times)
    return {"seconds": seconds, "volume": found[-1].volume, "closed": found[-1].closed}


def trimesh_facts(path: str, times: int) -> Numbers:
    """The same by `trimesh`: load, volume, area, bounds, watertight."""
    import trimesh  # noqa: PLC0415

    volumes: list[float] = []

    def measure() -> None:
        mesh = cast("trimesh.Trimesh", trimesh.load(path, force="mesh"))
        volumes.append(float(mesh.volume))
        assert mesh.area > 0, "a ring has a surface"  # noqa: S101 (what is asked for must be computed)
        assert mesh.bounds is not None, "a ring has a box"  # noqa: S101
        assert mesh.is_watertight, "a ring is closed"  # noqa: S101

    seconds = best_s(measure, times)
    return {"seconds": seconds, "volume": volumes[-1]}


def warm_solid(path: str, times: int) -> Numbers:
    """First price, full estimate and preview of a mesh, in a process that has done each before."""
    from fulfil.quoting.estimates.fdm import estimate_fdm  # noqa: PLC0415
    from fulfil.quoting.estimates.fdm_shell import estimate_fdm_shell  # noqa: PLC0415
    from fulfil.quoting.previews.renderer import render_solid  # noqa: PLC0415
    from fulfil.quoting.previews.viewer_mesh import decimate_for_viewer  # noqa: PLC0415
    from fulfil.quoting.readers.stl import read_stl  # noqa: PLC0415
    from fulfil.quoting.solids.columns import hit_columns, stand_columns  # noqa: PLC0415
    from fulfil.quoting.solids.layers import slice_layers  # noqa: PLC0415
    from fulfil.quoting.solids.stream import measure_binary_stl  # noqa: PLC0415
    from fulfil.quoting.solids.walls import measure_walls  # noqa: PLC0415

    content = Path(path).read_bytes()

    def first_price() -> None:
        facts = measure_binary_stl(BytesIO(content))
        estimate_fdm_shell(abs(facts.volume), facts.area, facts.size[2], material="PLA", density_g_cm3=DENSITY_G_CM3)

    def full_estimate() -> None:
        corners = read_stl(content).corners
        measure_walls(corners)
        hits = hit_columns(corners)
        layers, support = slice_layers(corners, hits=hits), stand_columns(corners, hits)
        estimate_fdm(layers, support, material="PLA", density_g_cm3=DENSITY_G_CM3)

    corners = read_stl(content).corners
    acts: dict[str, Callable[[], object]] = {
        "first_price": first_price,
        "full_estimate": full_estimate,
        "slice_layers": lambda: slice_layers(corners),
        "stand_columns": lambda: stand_columns(corners),
        "measure_walls": lambda: measure_walls(corners),
        "preview": lambda: render_solid(corners),
        "viewer_mesh": lambda: decimate_for_viewer(corners),
    }
    return {name: best_s(act, times) for name, act in acts.items()}


def preview(path: str, times: int) -> Numbers:
    """The picture of a large mesh, and what is kept for a browser."""
    from fulfil.quoting.previews.renderer import render_solid  # noqa: PLC0415
    from fulfil.quoting.previews.viewer_mesh import decimate_for_viewer  # noqa: PLC0415
    from fulfil.quoting.readers.stl import read_stl  # noqa: PLC0415

    corners = read_stl(Path(path).read_bytes()).corners
    return {
        "preview": best_s(lambda: render_solid(corners), times),
        "viewer_mesh": best_s(lambda: decimate_for_viewer(corners), times),
    }


def svg_facts(path: str, times: int) -> Numbers:
    """Reading a drawing, and measuring all there is to say about it."""
    from fulfil.quoting.drawings.facts import measure_drawing  # noqa: PLC0415
    from fulfil.quoting.readers.svg import read_svg  # noqa: PLC0415

    content = Path(path).read_bytes()
    drawing = read_svg(content)
    geometry, _, _ = measure_drawing(drawing, {})
    return {
        "read": best_s(lambda: read_svg(content), times),
        "measure": best_s(lambda: measure_drawing(drawing, {}), times),
        "segments": geometry.segments,
        "cut_length": geometry.cut_length_mm,
    }


TASKS: dict[str, Callable[[str, int], Numbers]] = {
    task.__name__: task for task in (raw_read, stl_facts, trimesh_facts, warm_solid, preview, svg_facts)
}


def peak_bytes() -> int:
    """The most memory this process has held since it began to run this program."""
    # ru_maxrss would count the parent's memory, because a child begins as its copy.
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if sys.platform == "linux" else ():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Do one task and print its numbers, its process' CPU time and its peak."""
    name, path, times = sys.argv[1:]
    numbers = TASKS[name](path, int(times))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(
        json.dumps({"numbers": numbers, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": peak_bytes()}) + "\n"
    )


if __name__ == "__main__":
    main()
