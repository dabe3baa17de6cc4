"""Steps of an analysis cross the border between processes unchanged, and the same content always gives the same."""

import io
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from fulfil.models.messages.geometry import LengthUnit
from fulfil.models.messages.quotes import AnalysisProgress, ReadingOptions, Refusal
from fulfil.quoting.analysis import (
    Analysis,
    Glance,
    Step,
    analyse_file,
    analysis_id,
    export_stl,
    read_step,
    write_step,
)
from fulfil.quoting.artefacts import Artefact, ArtefactKind
from fulfil.quoting.formats import FileFormat
from fulfil.quoting.refusals import QuotingRefusalError
from fulfil.quoting.solids.stream import measure_binary_stl
from tests.quoting.making_solids import binary_stl, box, inverted, together

STEPS: list[Step] = [
    AnalysisProgress(stage="reading", percent=5, first_price="12.90 EUR"),
    Glance(1000.0, 600.0, (10.0, 10.0, 10.0)),
    Artefact(ArtefactKind.MOTION, b"\nbytes of\nany kind\x00"),
    Analysis(format=FileFormat.SVG, refusal=Refusal(code="file_empty", detail="It is empty.", param="file_id")),
]


@contextmanager
def opened(content: bytes) -> Generator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def steps_of(content: bytes, options: ReadingOptions | None = None) -> list[Step]:
    argument = (options or ReadingOptions()).model_dump_json().encode()
    with opened(content) as file:
        return [read_step(frame) for frame in analyse_file(file, argument)]


def analysis_of(content: bytes, options: ReadingOptions | None = None) -> Analysis:
    last = steps_of(content, options)[-1]
    assert isinstance(last, Analysis)
    return last


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_a_step_arrives_unchanged(step: Step) -> None:
    assert read_step(write_step(step)) == step


def test_a_frame_nobody_wrote_is_a_bug() -> None:
    with pytest.raises(ValueError, match="gossip"):
        read_step(b"gossip\n")


def test_the_same_content_gives_the_same_steps() -> None:
    content = binary_stl(together(box(10, 20, 30), box(10, 20, 30, at=(40, 0, 0))))
    assert steps_of(content) == steps_of(content)


def test_a_price_can_be_guessed_before_anything_is_looked_at_closely() -> None:
    steps = steps_of(binary_stl(box(10, 20, 30)))
    first = next(step for step in steps if isinstance(step, Glance))
    assert first.volume_mm3 == pytest.approx(6000)
    assert first.size_mm == (10.0, 20.0, 30.0)
    assert steps.index(first) < next(place for place, step in enumerate(steps) if isinstance(step, Artefact))


def test_a_refusal_is_an_analysis() -> None:
    refused = analysis_of(b"")
    assert refused.refusal is not None
    assert (refused.refusal.code, refused.refusal.param) == ("file_empty", "file_id")
    assert refused.solid is None


def test_another_unit_is_another_analysis() -> None:
    content = binary_stl(box(1, 2, 3))
    inches = ReadingOptions(unit=LengthUnit.INCH)
    solid = analysis_of(content, inches).solid
    assert solid is not None
    assert solid.volume_mm3 == pytest.approx(6 * 25.4**3, rel=1e-6)
    ids = {analysis_id("a", ReadingOptions()), analysis_id("a", inches), analysis_id("b", inches)}
    assert len(ids) == 3


def test_layers_follow_the_repaired_solid_and_not_the_file() -> None:
    overlapping = analysis_of(binary_stl(together(box(10, 10, 10), box(10, 10, 10, at=(5, 0, 0)))))
    inside_out = analysis_of(binary_stl(inverted(box(10, 10, 10))))
    for analysis, section in ((overlapping, 150), (inside_out, 100)):
        assert analysis.layers is not None
        assert analysis.layers.section_mm2[10] == pytest.approx(section, rel=1e-3)


def test_an_export_is_the_solid_in_millimetres() -> None:
    with opened(binary_stl(box(1, 2, 3))) as file:
        pieces = list(export_stl(file, ReadingOptions(unit=LengthUnit.CM).model_dump_json().encode()))
    exported = measure_binary_stl(io.BytesIO(b"".join(pieces)))
    assert exported.closed
    assert exported.volume == pytest.approx(6000)


def test_a_drawing_can_not_be_exported_as_a_solid() -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0H10V10Z" stroke="red"/></svg>'
    with opened(drawing) as file, pytest.raises(QuotingRefusalError):
        list(export_stl(file, b"{}"))
