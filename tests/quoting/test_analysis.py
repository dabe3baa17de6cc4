"""An analysis crosses the border between processes as JSON, whichever way it ended."""

import pytest

from fulfil.quoting.analysis import Analysis, analyse_file, geometry_of
from fulfil.quoting.geometry import measure_stl
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode
from tests.quoting.solids import binary_stl, box


def test_a_geometry_arrives_unchanged() -> None:
    content = binary_stl(box(10, 20, 30))
    assert geometry_of(Analysis.model_validate_json(analyse_file(content))) == measure_stl(content)


def test_a_refusal_arrives_as_the_refusal_it_was() -> None:
    with pytest.raises(QuotingRefusalError, match="The file is empty") as refused:
        geometry_of(Analysis.model_validate_json(analyse_file(b"")))
    assert (refused.value.code, refused.value.param) == (RefusalCode.FILE_EMPTY, "file_id")


def test_an_analysis_of_nothing_is_a_bug() -> None:
    with pytest.raises(ValueError, match="geometry or a refusal"):
        geometry_of(Analysis())
