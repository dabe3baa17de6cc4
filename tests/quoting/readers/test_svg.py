"""Reading SVG: a truth set worked out by hand, and what is refused or noted."""

# ruff: noqa: E501 (one case is one line)

import random

import numpy as np
import pytest

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit, UnitBasis
from fulfil.quoting.drawings.curves import boxes, lengths
from fulfil.quoting.drawings.drawing import Drawing
from fulfil.quoting.readers.svg import read_svg
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.truth.oracle import path_length
from tests.quoting.truth.svg_cases import NAMESPACES, SVG_CASES, DrawingCase

TOLERANCE = 1e-4


def svg(body: str, root: str = 'width="100mm" height="100mm" viewBox="0 0 100 100"') -> bytes:
    return f"<svg {NAMESPACES} {root}>{body}</svg>".encode()


def length_of(drawing: Drawing) -> float:
    return float(lengths(drawing.segments, drawing.straight).sum())


def box_of(drawing: Drawing) -> tuple[float, float, float, float]:
    low, high = boxes(drawing.segments)
    (x0, y0), (x1, y1) = low.min(axis=0).tolist(), high.max(axis=0).tolist()
    return x0, y0, x1, y1


def finding(drawing: Drawing, code: FindingCode) -> Finding:
    return next(each for each in drawing.findings if each.code is code)


@pytest.mark.parametrize("case", SVG_CASES, ids=lambda case: case.name)
def test_lengths_and_boxes_are_what_geometry_says(case: DrawingCase) -> None:
    drawing = read_svg(case.content)
    assert length_of(drawing) == pytest.approx(case.length_mm, rel=TOLERANCE)
    size = max(case.box_mm[2] - case.box_mm[0], case.box_mm[3] - case.box_mm[1])
    assert box_of(drawing) == pytest.approx(case.box_mm, abs=TOLERANCE * size)


def test_the_truth_set_is_large_and_without_doubles() -> None:
    assert len({case.name for case in SVG_CASES}) == len(SVG_CASES) >= 60


def test_random_path_data_is_as_long_as_svgpathtools_says() -> None:
    dice = random.Random(7)
    for _ in range(30):
        words = ["M10 10"]
        for _ in range(12):
            command = dice.choice("MLHVCSQTAZmlhvcsqtaz")
            sizes = {"H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "Z": 0}
            numbers = [f"{dice.uniform(-20, 20):.3f}" for _ in range(sizes.get(command.upper(), 2))]
            if command in "Aa":
                numbers = [f"{dice.uniform(5, 30):.2f}", f"{dice.uniform(5, 30):.2f}", f"{dice.uniform(-99, 99):.1f}",
                           dice.choice("01"), dice.choice("01"), *numbers]  # fmt: skip
            words.append(command + ",".join(numbers))
        data = "".join(words)
        expected = path_length(data)
        drawing = read_svg(svg(f'<path fill="none" stroke="red" d="{data}"/>'))
        assert length_of(drawing) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('<path d="M0 0H9" stroke="#f00"/>', "#ff0000"),
        ('<path d="M0 0H9V9z"/>', "fill:#000000"),
        ('<g color="blue"><path d="M0 0H9" stroke="currentColor"/></g>', "#0000ff"),
        ('<path d="M0 0H9V9z" fill="url(#g)"/>', "fill:gradient"),
        ('<g id="LaserCut"><path d="M0 0H9" stroke="lime"/></g>', "layer:LaserCut"),
        ('<g id="layer1"><path d="M0 0H9" stroke="rgb(0,255,0)"/></g>', "#00ff00"),
        ('<style>path{stroke:red!important}</style><path d="M0 0H9" style="stroke:blue"/>', "#0000ff"),
        ('<style>.a{stroke:red}#b{stroke:blue}</style><path id="b" class="a" d="M0 0H9"/>', "#0000ff"),
        ('<path d="M0 0H9" stroke="rgb(255 0 0)"/>', "#ff0000"),
        ('<path d="M0 0H9" stroke="rgb(254.6, 0.4, 0)"/>', "#ff0000"),
        ('<path d="M0 0H9" stroke="rgb(100% 0% 0% / 50%)"/>', "#ff0000"),
        ('<path d="M0 0H9" stroke="hsl(240deg 100% 50%)"/>', "#0000ff"),
        ('<path d="M0 0H9" stroke="hsla(-120, 100%, 50%, 1)"/>', "#0000ff"),
        ('<path d="M0 0H9" stroke="#F00F"/>', "#ff0000"),
        ('<path d="M0 0H9" stroke="#ff0000 icc-color(x, 0, 1)"/>', "#ff0000"),
        ('<path d="M0 0H9" stroke="RebeccaPurple"/>', "#663399"),
        ('<path d="M0 0H9" stroke="Black"/>', "#000000"),
    ],
)
def test_paths_are_keyed_by_colour_or_layer(body: str, key: str) -> None:
    assert [path.key for path in read_svg(svg(body)).paths] == [key]


@pytest.mark.parametrize(
    "stroke", ["no-colour", "nocolour", "#12", "rgb(1,2)", "rgb(a b c)", "rgb(0 0 0 / 0)", "#f000"]
)
def test_what_is_no_colour_draws_no_line(stroke: str) -> None:
    drawing = read_svg(svg(f'<path d="M0 0H9" fill="none" stroke="{stroke}"/>'))
    assert not drawing.paths
    assert finding(drawing, FindingCode.HIDDEN_CONTENT).number == 1


def test_a_path_that_begins_relatively_begins_at_the_origin_wherever_the_last_one_ended() -> None:
    body = '<rect x="60" y="60" width="9" height="9"/><path d="M70 70h5v5"/><path d="m1 2h4v3z"/>'
    drawing = read_svg(svg(body))
    assert drawing.segments[-1, 3].tolist() == [1, 2]
    assert drawing.segments[:, :, 0].min() == 1


def test_selectors_see_an_element_where_it_stands_and_not_where_it_is_used() -> None:
    style = "<style>.a{stroke:red} g .a{stroke:blue}</style>"
    body = '<defs><path id="p" class="a" d="M1 2H9V8z"/></defs><g><use href="#p"/><path class="a" d="M1 2H9V8z"/></g>'
    assert [path.colour for path in read_svg(svg(style + body)).paths] == ["#ff0000", "#0000ff"]


def test_a_symbol_is_drawn_where_it_is_used_whatever_its_own_display_says() -> None:
    drawing = read_svg(svg('<symbol id="s" display="none"><path d="M1 2H9V8z"/></symbol><use href="#s"/>'))
    assert len(drawing.segments) == 3
    assert not drawing.findings


@pytest.mark.parametrize(
    ("body", "code", "severity"),
    [
        ("<text>Hello</text>", FindingCode.LIVE_TEXT, Severity.BLOCKER),
        ('<image href="http://example.com/a.png" width="9" height="9"/>', FindingCode.EXTERNAL_REFERENCE, Severity.BLOCKER),
        ('<use href="other.svg#a"/>', FindingCode.EXTERNAL_REFERENCE, Severity.BLOCKER),
        ("<style>@import url(x.css);</style>", FindingCode.EXTERNAL_REFERENCE, Severity.BLOCKER),
        ('<image href="data:image/svg+xml,x" width="9" height="9"/>', FindingCode.UNSUPPORTED_ELEMENT, Severity.BLOCKER),
        ('<image href="data:image/png;base64,AA" width="9" height="9"/>', FindingCode.IMAGE, Severity.INFO),
        ("<script>alert(1)</script>", FindingCode.SCRIPT_IGNORED, Severity.WARNING),
        ("<foreignObject/>", FindingCode.SCRIPT_IGNORED, Severity.WARNING),
        ('<g onclick="x()"/>', FindingCode.SCRIPT_IGNORED, Severity.WARNING),
        ('<rect width="5" height="5" display="none"/>', FindingCode.HIDDEN_CONTENT, Severity.WARNING),
        ('<rect width="5" height="5" fill="none"/>', FindingCode.HIDDEN_CONTENT, Severity.WARNING),
        ('<g clip-path="url(#c)"/>', FindingCode.UNSUPPORTED_ELEMENT, Severity.RISK),
        ("<animate/>", FindingCode.UNSUPPORTED_ELEMENT, Severity.WARNING),
    ],
)  # fmt: skip
def test_what_is_not_simply_drawn_is_said(body: str, code: FindingCode, severity: Severity) -> None:
    found = finding(read_svg(svg(body)), code)
    assert found.severity is severity
    assert found.message


def test_pictures_are_placed_by_their_turned_rectangle() -> None:
    body = '<image transform="rotate(90 50 50)" href="data:image/png;base64,AA" x="50" y="50" width="20" height="10"/>'
    (image,) = read_svg(svg(body)).images
    assert (image.x_mm, image.y_mm, image.width_mm, image.height_mm) == pytest.approx((40, 50, 10, 20))


def test_a_stated_size_needs_no_confirmation() -> None:
    drawing = read_svg(svg('<path d="M0 0H9V9z"/>'))
    assert (drawing.unit.unit, drawing.unit.basis) == (LengthUnit.MM, UnitBasis.STATED)
    assert not drawing.findings


def test_a_guessed_size_is_a_risk_unless_its_program_is_known() -> None:
    body = '<path d="M0 0H9V9z"/>'
    assert finding(read_svg(svg(body, "")), FindingCode.UNIT_GUESSED).severity is Severity.RISK
    known = b"<!-- Created with Inkscape (http://www.inkscape.org/) -->" + svg(body, "")
    assert finding(read_svg(known), FindingCode.UNIT_GUESSED).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("root", "unit", "expected_mm"),
    [
        ("", LengthUnit.MM, 10),
        ('width="200" viewBox="0 0 100 100"', LengthUnit.MM, 20),
        ('width="50mm" height="50mm" viewBox="0 0 100 100"', LengthUnit.INCH, 127),
        ('viewBox="0 0 100 100"', LengthUnit.PX72, 10 * 25.4 / 72),
    ],
)
def test_the_customers_unit_beats_the_files(root: str, unit: LengthUnit, expected_mm: float) -> None:
    drawing = read_svg(svg('<line x2="10" stroke="red"/>', root), confirmed=unit)
    assert drawing.unit.basis is UnitBasis.CONFIRMED
    assert length_of(drawing) == pytest.approx(expected_mm)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", RefusalCode.FILE_EMPTY),
        (b"<svg", RefusalCode.FILE_TRUNCATED),
        (b"<html/>", RefusalCode.FILE_UNREADABLE),
        (svg('<rect width="-5" height="5"/>'), RefusalCode.FILE_UNREADABLE),
        (svg('<circle r="-5"/>'), RefusalCode.FILE_UNREADABLE),
        (svg('<circle r="nan"/>'), RefusalCode.FILE_UNREADABLE),
        (svg("", 'viewBox="0 0 0 100"'), RefusalCode.FILE_UNREADABLE),
        (svg("", 'width="-5mm"'), RefusalCode.FILE_UNREADABLE),
        (svg('<path d="M0 0 L NaN 5"/>'), RefusalCode.FILE_UNREADABLE),
        (svg('<path d="L5 5"/>'), RefusalCode.FILE_UNREADABLE),
        (svg('<path d="M0 0 L 5"/>'), RefusalCode.FILE_UNREADABLE),
        (svg('<path d="M0 0 C 1 2 3"/>'), RefusalCode.FILE_UNREADABLE),
        (svg('<path d="M0 0 A 1 2 3"/>'), RefusalCode.FILE_UNREADABLE),
        (svg('<path d="M0 0 L 1e300 5"/>'), RefusalCode.DRAWING_OUT_OF_RANGE),
        (svg('<path transform="bogus(3)" d="M0 0H5"/>'), RefusalCode.FILE_UNREADABLE),
        (svg('<g id="a"><use href="#a"/></g>'), RefusalCode.REFERENCE_CYCLE),
    ],
)
def test_broken_drawings_are_refused_and_never_read_in_part(content: bytes, code: RefusalCode) -> None:
    with pytest.raises(QuotingRefusalError) as refusal:
        read_svg(content)
    assert refusal.value.code is code


def test_contours_ascend_and_belong_to_paths() -> None:
    drawing = read_svg(svg('<path d="M0 0H5M9 9H20"/><path d="M0 0z"/><path d="M1 1h1"/>'))
    assert drawing.contour.tolist() == [0, 1, 2]
    assert drawing.path_of.tolist()[:2] == [0, 0]
    assert np.isfinite(drawing.segments).all()
