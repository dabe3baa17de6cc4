"""Reading DXF: a truth set worked out by hand, and what is refused or noted."""

import io

import pytest
from ezdxf import units

from fulfil.models.messages.findings import FindingCode, Severity
from fulfil.models.messages.geometry import LengthUnit, UnitBasis
from fulfil.quoting.readers.dxf import read_dxf
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.readers.test_svg import box_of, finding, length_of
from tests.quoting.truth.dxf_cases import dxf_bytes, dxf_cases, new_document
from tests.quoting.truth.svg_cases import DrawingCase

TOLERANCE = 1e-4


@pytest.mark.parametrize("case", dxf_cases(), ids=lambda case: case.name)
def test_lengths_and_boxes_are_what_geometry_says(case: DrawingCase) -> None:
    drawing = read_dxf(case.content)
    assert length_of(drawing) == pytest.approx(case.length_mm, rel=TOLERANCE)
    size = max(case.box_mm[2] - case.box_mm[0], case.box_mm[3] - case.box_mm[1])
    assert box_of(drawing) == pytest.approx(case.box_mm, abs=TOLERANCE * size)


def test_the_truth_set_is_large_and_without_doubles() -> None:
    assert len({case.name for case in dxf_cases()}) == len(dxf_cases()) >= 25


def test_binary_files_are_read_like_text() -> None:
    document, space = new_document()
    space.add_circle((5, 5), 5)
    stream = io.BytesIO()
    document.write(stream, fmt="bin")
    assert length_of(read_dxf(stream.getvalue())) == pytest.approx(31.4159, rel=1e-5)
    with pytest.raises(QuotingRefusalError) as refusal:
        read_dxf(stream.getvalue()[:-200])
    assert refusal.value.code is RefusalCode.FILE_TRUNCATED


def test_keys_are_layers_unless_an_entity_has_its_own_colour() -> None:
    document, space = new_document()
    document.layers.add("Gravur", color=3)
    document.layers.add("plan", color=5)
    for layer, colour in (("Gravur", 1), ("plan", 256), ("plan", 1), ("plan", 7)):
        space.add_line((0, 0), (10, 0), dxfattribs={"layer": layer, "color": colour})
    paths = read_dxf(dxf_bytes(document)).paths
    assert [path.key for path in paths] == ["layer:Gravur", "layer:plan", "#ff0000", "#000000"]
    assert paths[1].colour == "#0000ff"


def test_entities_on_layer_zero_and_by_block_take_after_their_insert() -> None:
    document, space = new_document()
    block = document.blocks.new("B")
    block.add_line((0, 0), (1, 0))
    block.add_line((0, 0), (0, 1), dxfattribs={"color": 0})
    space.add_blockref("B", (0, 0), dxfattribs={"layer": "cut", "color": 5})
    assert [path.layer for path in read_dxf(dxf_bytes(document)).paths] == ["cut", "cut"]


def test_a_unit_that_is_not_stated_is_guessed_and_confirmable() -> None:
    document, space = new_document(0)
    space.add_line((0, 0), (100, 50))
    content = dxf_bytes(document)
    guessed = read_dxf(content)
    assert guessed.unit.basis is UnitBasis.GUESSED
    assert finding(guessed, FindingCode.UNIT_GUESSED).remedy
    confirmed = read_dxf(content, confirmed=LengthUnit.INCH)
    assert confirmed.unit.basis is UnitBasis.CONFIRMED
    assert length_of(confirmed) == pytest.approx(25.4 * length_of(guessed))


def test_text_pictures_and_solids_are_said() -> None:
    document, space = new_document()
    space.add_text("hello")
    space.add_3dface([(0, 0, 0), (1, 0, 0), (1, 1, 1)])
    space.add_line((0, 0, 0), (10, 0, 5))
    picture = document.add_image_def("http://example.com/x.png", (10, 10))
    space.add_image(picture, (0, 0), (10, 10))
    drawing = read_dxf(dxf_bytes(document))
    assert finding(drawing, FindingCode.LIVE_TEXT).severity is Severity.RISK
    assert finding(drawing, FindingCode.EXTERNAL_REFERENCE).severity is Severity.BLOCKER
    messages = [each.message for each in drawing.findings if each.code is FindingCode.UNSUPPORTED_ELEMENT]
    assert any("3DFACE" in message for message in messages)
    assert any("leave the XY plane" in message for message in messages)
    assert length_of(drawing) == pytest.approx(10)


def test_a_cut_off_file_is_refused() -> None:
    document, space = new_document(units.MM)
    for place in range(100):
        space.add_line((place, 0), (place, 10))
    content = dxf_bytes(document)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(QuotingRefusalError) as refusal:
            read_dxf(content[: int(share * len(content))])
        assert refusal.value.code is RefusalCode.FILE_TRUNCATED


def test_solids_alone_are_refused_with_the_remedy() -> None:
    document, space = new_document()
    space.add_3dface([(0, 0, 0), (1, 0, 0), (1, 1, 1)])
    with pytest.raises(QuotingRefusalError, match="STEP") as refusal:
        read_dxf(dxf_bytes(document))
    assert refusal.value.code is RefusalCode.DRAWING_EMPTY
