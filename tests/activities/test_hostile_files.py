"""Every hostile file ends in a typed reason within its limits, and the next file is served by the same server."""

import time
from contextlib import aclosing
from tempfile import TemporaryFile

import pytest

from fulfil.activities.analysing import DEATHS
from fulfil.kit.isolation import Isolation, IsolationError, IsolationReason, Limits
from fulfil.models.messages.geometry import Closedness
from fulfil.models.messages.quotes import ReadingOptions
from fulfil.quoting.analysis import Analysis, analyse_file, read_step
from tests.activities.quoting_desk import BRACKET
from tests.quoting.hostile.drawings import HOSTILE_DRAWINGS
from tests.quoting.hostile.files import HostileFile
from tests.quoting.hostile.meshes import HOSTILE_MESHES

CORPUS = (*HOSTILE_MESHES, *HOSTILE_DRAWINGS)
LIMITS = Limits()


async def analyse(isolation: Isolation, content: bytes) -> Analysis | IsolationReason:
    """The analysis of a content in a child with the limits of production, or how the child ended."""
    with TemporaryFile() as file:
        file.write(content)
        file.flush()
        argument = ReadingOptions().model_dump_json().encode()
        try:
            async with aclosing(isolation.frames(analyse_file, file, argument, limits=LIMITS)) as frames:
                steps = [read_step(frame) async for frame in frames]
        except IsolationError as death:
            return death.reason
    (analysis,) = [step for step in steps if isinstance(step, Analysis)]
    return analysis


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
async def test_it_ends_in_a_typed_reason(geometry_isolation: Isolation, file: HostileFile) -> None:
    server = geometry_isolation.server_pid
    began = time.perf_counter()
    ended = await analyse(geometry_isolation, file.make())
    if isinstance(ended, IsolationReason):
        assert (file.expects, ended in DEATHS) == ("limits", True)
    else:
        assert_told(file, ended)
    assert time.perf_counter() - began < LIMITS.wall_s
    assert geometry_isolation.server_pid == server


def assert_told(file: HostileFile, analysis: Analysis) -> None:
    """Refused with a remedy, or measured as a whole with what is odd about it said."""
    if analysis.refusal is not None:  # also what a reader lets pass may turn out flat when it is measured
        assert analysis.refusal.detail.endswith((".", ")."))
        return
    assert file.expects != "refused", "it was measured"
    if analysis.drawing is not None:
        measured = analysis.drawing
        assert analysis.findings or measured.duplicate_length_mm > 0
        assert measured.cut_length_mm + measured.score_length_mm + measured.engraved_area_mm2 > 0
        return
    solid = analysis.solid
    assert solid is not None
    assert solid.volume_mm3 > 0
    assert analysis.findings or solid.inside_out or solid.overlapping or solid.closedness is not Closedness.CLOSED


async def test_the_next_file_is_served(geometry_isolation: Isolation) -> None:
    analysis = await analyse(geometry_isolation, BRACKET)
    assert isinstance(analysis, Analysis)
    assert analysis.solid is not None
    assert analysis.solid.volume_mm3 == pytest.approx(36_108.3, abs=1)


def test_the_corpus_is_large_and_without_doubles() -> None:
    assert len({file.name for file in CORPUS}) == len(CORPUS) >= 100
