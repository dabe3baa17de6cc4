"""Pictures of drawings: only numbers get through, and what is drawn is where it was measured."""

# ruff: noqa: E501 (one case is one line)

import io
import re

import numpy as np
import pytest
from PIL import Image

from fulfil.models.messages.geometry import DrawingGeometry
from fulfil.quoting.drawings.facts import measure_drawing
from fulfil.quoting.motion import Motion
from fulfil.quoting.previews.drawing import render_drawing_png, render_drawing_svg
from fulfil.quoting.readers.svg import read_svg
from tests.quoting.readers.test_svg import svg

BODY = """<script>alert("evil")</script><g id="evil-cut" onclick="evil()" fill="none" stroke="red">
<rect width="80" height="60"/></g><path stroke="blue" d="M10 10H70"/>
<path d="M20 20h40v30h-40zM30 30h20v10h-20z"/><image x="62" y="20" width="10" height="10" href="data:image/png;base64,evil"/>"""


def drawn() -> tuple[Motion, DrawingGeometry]:
    geometry, motion, _ = measure_drawing(read_svg(svg(BODY)), {})
    return motion, geometry


def test_nothing_of_the_upload_gets_through_but_numbers() -> None:
    text = render_drawing_svg(*drawn()).decode()
    assert not re.search(r"evil|script|href|on\w+=|base64", text)


def test_the_normalised_drawing_measures_the_same() -> None:
    motion, geometry = drawn()
    again, _, _ = measure_drawing(read_svg(render_drawing_svg(motion, geometry)), {})
    assert again.score_length_mm == pytest.approx(geometry.score_length_mm)
    assert again.engraved_area_mm2 == pytest.approx(geometry.engraved_area_mm2)
    assert {group.key: group.length_mm for group in again.groups}["#d5232f"] == pytest.approx(geometry.cut_length_mm)


def test_the_picture_shows_each_operation_in_its_colour() -> None:
    motion, geometry = drawn()
    picture = Image.open(io.BytesIO(render_drawing_png(motion, geometry, 400, 300)))
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert picture.size == (400, 300)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    assert np.count_nonzero((red > 150) & (green < 120)) > 500
    assert np.count_nonzero((blue > 150) & (red < 120)) > 100
    scale = 0.9 * 300 / 60  # the drawing's 60 mm fill the height but for the margins
    left, top = (400 - 80 * scale) / 2, (300 - 60 * scale) / 2
    assert pixels[int(top + 25 * scale), int(left + 40 * scale)].max() < 170  # in the area
    assert pixels[int(top + 35 * scale), int(left + 40 * scale)].min() > 250  # in its hole


def test_pictures_are_the_same_every_time() -> None:
    assert render_drawing_png(*drawn()) == render_drawing_png(*drawn())
    assert render_drawing_svg(*drawn()) == render_drawing_svg(*drawn())


def test_absurd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="pixels"):
        render_drawing_png(*drawn(), width=0, height=5)
