"""Surfaces that gape by rounding errors close, and large ones are mended within the time and memory of one child."""

import numpy as np
import pytest

from fulfil.models.messages.findings import FindingCode, Severity
from fulfil.models.messages.geometry import Closedness
from fulfil.quoting.solids import facts, repair, welding
from fulfil.quoting.solids.edges import examine_edges, examine_open_edges
from tests.quoting.making_solids import Triangles, box, moved, sphere, together
from tests.quoting.solids.measuring import measure, remarks


def jittered(solid: Triangles, seed: int) -> Triangles:
    """Every corner moved by a unit in its last place at most, each by itself: no two faces share a vertex any more."""
    bits = np.ascontiguousarray(solid, np.float32).view(np.int32)
    steps = np.random.default_rng(seed).integers(-1, 2, bits.shape, dtype=np.int32)
    return (bits + steps * (np.abs(solid) > 0.01)).view(np.float32)


def test_a_body_that_stands_twice_but_for_rounding_errors_counts_once() -> None:
    ball = moved(sphere(10, 24), (20, 20, 20))
    once = measure(ball)
    geometry = measure(together(jittered(ball, 1), jittered(ball, 2)))
    assert geometry.volume_mm3 == pytest.approx(once.volume_mm3, rel=1e-5)
    assert geometry.duplicate_faces == once.triangles or geometry.overlapping


@pytest.mark.parametrize("many", [200_000, 100])
def test_a_surface_of_which_every_edge_gapes_by_a_rounding_error_is_closed(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(welding, "MANY_POINTS", many)
    ball = moved(sphere(10, 24), (20, 20, 20))
    geometry = measure(jittered(ball, 3))
    assert (geometry.closedness, geometry.open_edges) == (Closedness.CLOSED, 0)
    assert geometry.volume_mm3 == pytest.approx(measure(ball).volume_mm3, rel=1e-5)


@pytest.mark.parametrize(("limit", "open_edges", "told"), [(1000, 4, Severity.RISK), (3, 4, Severity.BLOCKER)])
def test_a_large_surface_is_mended_as_far_as_time_allows(
    limit: int, open_edges: int, told: Severity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "MAX_SPLIT_TRIANGLES", 10)
    monkeypatch.setattr(facts, "MAX_SPLIT_TRIANGLES", 10)
    monkeypatch.setattr(repair, "MAX_SEWN_EDGES", limit)
    cube = np.concatenate([box(10, 10, 10)[2:], box(3, 3, 3, at=(50, 0, 0))])
    measured = measure(cube)
    assert (measured.closedness, measured.open_edges) == (Closedness.OPEN, open_edges)
    assert remarks(cube)[FindingCode.MESH_OPEN] is told
    if told is Severity.RISK:
        assert measured.volume_mm3 == pytest.approx(1027, rel=1e-6)


def test_the_seam_of_a_large_surface_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MAX_SPLIT_TRIANGLES", 10)
    monkeypatch.setattr(facts, "MAX_SPLIT_TRIANGLES", 10)
    ball = moved(sphere(10, 24), (20, 20, 20))
    geometry = measure(np.concatenate([jittered(ball[:200], 4), ball[200:]]))
    assert (geometry.closedness, geometry.open_edges) == (Closedness.CLOSED, 0)


def test_only_the_edges_that_may_be_open_are_sorted_and_they_are_the_open_ones() -> None:
    keys = welding.vertex_keys(np.concatenate([box(10, 10, 10)[1:], box(3, 3, 3, at=(50, 0, 0))]))
    some, count = examine_open_edges(keys, 1000)
    assert some is not None
    assert 3 <= count < 3 * len(keys)
    assert sorted(some.excess().tolist()) == sorted(examine_edges(keys).excess().tolist())
