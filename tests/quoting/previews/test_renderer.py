"""The picture of a solid."""

import time
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fulfil.quoting.previews.camera import look_at
from fulfil.quoting.previews.renderer import render_solid
from fulfil.quoting.previews.visibility import NOTHING, facing, resolve
from tests.quoting.making_solids import Triangles, box, inverted, moved, sphere, together, torus, torus_of

FRAME = 400, 300


def pixels(png: bytes) -> NDArray[np.int32]:
    with Image.open(BytesIO(png)) as image:
        assert image.mode == "RGB"
        return np.asarray(image).astype(np.int32)


def picture(corners: Triangles, *, two_sided: bool = False) -> NDArray[np.int32]:
    width, height = FRAME
    return pixels(render_solid(corners, width=width, height=height, two_sided=two_sided))


def is_part(shown: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where the part's blue is, which neither the studio nor its shadow nor the label has."""
    return shown[..., 2] - shown[..., 0] > 28


def samples(corners: Triangles, *, two_sided: bool = False) -> NDArray[np.int32]:
    view = look_at(corners, 800, 600, (60, 60))
    return resolve(view, facing(view, two_sided=two_sided), 800, 600).facet


def test_a_picture_has_the_size_asked_for_and_the_same_bytes_every_time() -> None:
    part = torus(30, 12, 24)
    first = render_solid(part, width=320, height=200)
    assert first == render_solid(part.copy(), width=320, height=200)
    assert pixels(first).shape == (200, 320, 3)


def test_the_part_fills_the_frame_but_for_a_margin() -> None:
    rows, columns = np.nonzero(samples(sphere(20, 24)) >= 0)
    assert rows.min() == pytest.approx(60, abs=2)
    assert rows.max() == pytest.approx(540, abs=2)
    assert columns.max() - columns.min() == pytest.approx(480, abs=8)


def test_the_faces_of_a_box_are_told_apart_by_their_light_with_the_top_brightest() -> None:
    shown = picture(box(40, 40, 40)).sum(axis=2)
    top, left, right = shown[80, 200], shown[200, 160], shown[200, 262]
    assert top > left + 60 > right + 90


def test_a_surface_shows_no_gap_anywhere() -> None:
    for corners in (torus(30, 12, 16), torus(30, 12, 90), sphere(25, 70)):
        shown = samples(corners) >= 0
        for row in range(shown.shape[0]):
            inside = np.flatnonzero(shown[row])
            if len(inside):
                holes = np.diff(inside) > 1
                assert holes.sum() <= 1  # the torus' own


def test_what_stands_before_hides_what_is_behind() -> None:
    seen = samples(together(box(10, 10, 30), box(60, 10, 20, at=(-25, 30, 0))))
    before = np.isin(seen, np.flatnonzero(facing_bodies(12, 24)))
    rows, columns = np.nonzero(before)
    assert (seen[rows.min() + 5 : rows.max() - 5, int(np.median(columns))] >= 0).all()


def facing_bodies(first: int, last: int) -> NDArray[np.bool_]:
    corners = together(box(10, 10, 30), box(60, 10, 20, at=(-25, 30, 0)))
    view = look_at(corners, 800, 600, (60, 60))
    index = facing(view, two_sided=False).index
    return (index < first) | (index >= last)


def test_a_part_that_is_inside_out_looks_like_the_right_one() -> None:
    part = torus(30, 12, 24)
    assert np.abs(picture(part) - picture(inverted(part))).mean() < 1


def test_an_open_surface_shows_its_inside_in_a_warm_tint() -> None:
    open_box = box(40, 40, 40)
    open_box = open_box[~(open_box[:, :, 2] == 40).all(axis=1)]
    shown = picture(open_box, two_sided=True)
    warm = shown[..., 0] - shown[..., 2] > 40
    assert warm[60:95, 180:240].mean() > 0.9
    assert not (picture(box(40, 40, 40), two_sided=True)[..., 0] - shown[..., 2] > 40)[200:, :].any()


def test_a_wire_thinner_than_a_sample_is_still_one_line() -> None:
    shown = samples(box(400, 0.05, 0.05)) >= 0
    columns = np.flatnonzero(shown.any(axis=0))
    assert len(columns) == columns.max() - columns.min() + 1 > 600


def test_a_plate_of_a_millimetre_shows_its_edge() -> None:
    view = look_at(box(120, 80, 1), 1600, 1200, (100, 100))
    facets = facing(view, two_sided=False)
    seen = resolve(view, facets, 1600, 1200).facet
    sides = np.isin(seen, np.flatnonzero(np.abs(facets.normal[:, 1]) < 0.7))
    assert sides.sum() > 4000


def test_the_depth_of_every_sample_lies_on_its_facet() -> None:
    for corners in (box(60, 60, 60), box(200, 10, 30), torus(30, 12, 20)):
        view = look_at(corners, 800, 600, (60, 60))
        facets = facing(view, two_sided=False)
        seen = resolve(view, facets, 800, 600)
        rows, columns = np.nonzero(seen.facet >= 0)
        facet = seen.facet[rows, columns]
        point = np.stack([columns + 0.5, rows + 0.5, seen.depth[rows, columns]], axis=1)
        corner = np.stack([side[0, facets.index[facet]] for side in (view.x, view.y, view.z)], axis=1)
        off = ((point - corner) * facets.normal[facet]).sum(axis=1)
        assert np.quantile(np.abs(off), 0.999) < 0.05


def test_edges_and_silhouettes_are_dark_lines() -> None:
    shown = picture(box(40, 40, 40)).min(axis=2)
    middle = shown[:, 200]
    crossings = np.flatnonzero((middle[1:-1] < 100) & (middle[1:-1] <= middle[:-2]) & (middle[1:-1] <= middle[2:]))
    assert len(crossings) == 3


def test_every_picture_is_antialiased() -> None:
    shown = picture(box(40, 25, 30))
    levels = np.unique(shown[60:240, 40:360].sum(axis=2))
    assert len(levels) > 60


def test_shapes_without_area_and_far_from_the_origin_are_drawn_without_a_warning() -> None:
    with np.errstate(all="raise", under="ignore"):
        point = np.ones((3, 3, 3), np.float32)
        assert not is_part(picture(point)).any()
    far = moved(box(40, 40, 40), (5e4, -5e4, 5e4))
    assert np.abs(picture(far) - picture(box(40, 40, 40))).mean() < 1


def test_a_pile_of_sheets_is_drawn_within_bounded_effort() -> None:
    sheet = np.array([[[0, 0, 0], [50, 0, 0], [0, 50, 0]]], np.float32)
    rise = np.linspace(0, 5, 20_000, dtype=np.float32)[:, None, None] * np.array([0, 0, 1], np.float32)
    began = time.process_time()
    shown = picture(np.asarray(sheet + rise, np.float32), two_sided=True)
    assert time.process_time() - began < 5
    assert is_part(shown).any()


def test_nothing_is_drawn_for_samples_without_a_facet() -> None:
    seen = samples(sphere(20, 12))
    assert seen[0, 0] == NOTHING
    assert set(np.unique(seen[seen != NOTHING])) <= set(range(len(sphere(20, 12))))


def test_a_hundred_thousand_triangles_take_a_fraction_of_a_second() -> None:
    part = torus_of(100_000)
    spent: list[float] = []
    for _ in range(3):
        began = time.process_time()
        render_solid(part)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.5
