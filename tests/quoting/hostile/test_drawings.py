"""Every hostile drawing ends in a typed refusal or a finding, quickly, and never in half a drawing."""

import time

import pytest

from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import DrawingGeometry
from fulfil.quoting.drawings.facts import measure_drawing
from fulfil.quoting.readers.dxf import read_dxf
from fulfil.quoting.readers.svg import read_svg
from fulfil.quoting.refusals import QuotingRefusalError
from tests.quoting.hostile.drawings import HOSTILE_DRAWINGS
from tests.quoting.hostile.files import HostileFile

# A child gets 20 s; nothing here comes near it, even on a busy machine.
MOST_SECONDS = 8.0


def analysed(name: str, content: bytes) -> tuple[DrawingGeometry, tuple[Finding, ...]]:
    reader = read_svg if name.startswith("svg") else read_dxf
    geometry, _, findings = measure_drawing(reader(content), {})
    return geometry, findings


@pytest.mark.parametrize("file", HOSTILE_DRAWINGS, ids=lambda file: file.name)
def test_it_ends_as_expected(file: HostileFile) -> None:
    content = file.make()
    began = time.process_time()
    if file.expects == "refused":
        with pytest.raises(QuotingRefusalError) as refusal:
            analysed(file.name, content)
        assert refusal.value.detail.endswith((".", ")."))
    else:
        geometry, findings = analysed(file.name, content)
        assert geometry.cut_length_mm > 0
        assert findings or geometry.duplicate_length_mm > 0
    assert time.process_time() - began < MOST_SECONDS


def test_the_corpus_is_large_and_without_doubles() -> None:
    assert len({file.name for file in HOSTILE_DRAWINGS}) == len(HOSTILE_DRAWINGS) >= 50
