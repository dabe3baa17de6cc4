"""The benchmark of quoting: its files, its children, its accuracy."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fulfil.cli.benches.figures import Figure
from fulfil.cli.benches.quoting.accuracy import accuracy, default_truth
from fulfil.cli.benches.quoting.children import run_task
from fulfil.cli.benches.quoting.samples import curves_svg, pins_step, write_ring_stl
from fulfil.cli.exits import CommandError
from fulfil.cli.main import app
from fulfil.models.messages.geometry import Operation
from fulfil.quoting.drawings.facts import measure_drawing
from fulfil.quoting.readers.step import read_step
from fulfil.quoting.readers.svg import read_svg
from fulfil.quoting.solids.stream import measure_binary_stl, measure_corners

RING_MM3 = 2 * 3.14159265**2 * 40 * 12**2


def test_the_ring_is_closed_and_has_its_volume(tmp_path: Path) -> None:
    path = tmp_path / "ring.stl"
    triangles = write_ring_stl(path, 20_000)
    facts = measure_binary_stl(BytesIO(path.read_bytes()))
    assert triangles == facts.triangles == 20_000
    assert facts.closed
    assert facts.volume == pytest.approx(RING_MM3, rel=0.002)


def test_the_drawing_has_its_curves_and_cuts_them_all() -> None:
    geometry, _, _ = measure_drawing(read_svg(curves_svg(9, 20)), {})
    assert [group.operation for group in geometry.groups] == [Operation.CUT]
    assert (geometry.groups[0].paths, geometry.segments, geometry.pierces) == (9, 180, 9)
    assert geometry.size_mm[0] < 60


def test_the_step_file_is_exact_cylinders() -> None:
    mesh = read_step(pins_step(3))
    facts = measure_corners(mesh.corners)
    assert facts.closed
    assert facts.volume == pytest.approx(3 * 3.14159265 * 16 * 20, rel=0.005)


def test_a_task_runs_in_a_small_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "ring.stl"
    write_ring_stl(path, 20_000)
    raw = run_task("raw_read", path, 2)
    facts = run_task("stl_facts", path, 2)
    assert 0 < raw.peak_mib < facts.peak_mib < 100
    assert 0 < facts.numbers["seconds"] < facts.cpu_s
    assert facts.numbers["closed"]


def test_a_task_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="raw_read could not be measured: FileNotFoundError"):
        run_task("raw_read", tmp_path / "missing.stl", 1)


def test_errors_are_measured_against_the_truth_of_a_folder(tmp_path: Path) -> None:
    truth = default_truth()
    assert truth is not None
    content = json.loads((truth / "truth.json").read_bytes())
    content["parts"] = content["parts"][:2]
    (tmp_path / "truth.json").write_text(json.dumps(content))
    for part in content["parts"]:
        (tmp_path / part["file"]).write_bytes((truth / "parts" / part["file"]).read_bytes())
    figures = accuracy(tmp_path)
    assert Figure(figures[0].what, figures[0].value, "<= 3 / 6 %", figures[0].reached) == figures[0]
    assert figures[0].what == "error of layers mass, 2 parts"


def test_a_folder_without_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="holds no truth to compare with"):
        accuracy(tmp_path)


def test_both_benchmarks_are_offered() -> None:
    runner = CliRunner()
    both = runner.invoke(app, ["bench", "--help"], env={"COLUMNS": "160", "NO_COLOR": "1"})
    assert both.exit_code == 0
    assert "quoting" in both.output
    assert "--seconds" in both.output
    one = runner.invoke(app, ["bench", "quoting", "--help"], env={"COLUMNS": "160", "NO_COLOR": "1"})
    assert "trimesh" in one.output
