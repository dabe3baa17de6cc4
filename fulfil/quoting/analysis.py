"""The analysis of an untrusted file as bytes in, bytes out, so that it can run in another process."""

from fulfil.models.messages.base import Message
from fulfil.models.messages.quotes import Geometry
from fulfil.quoting.geometry import measure_stl
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode


class FileRefusal(Message):
    """A `QuotingRefusalError` on its way between processes."""

    code: RefusalCode
    detail: str
    param: str


class Analysis(Message):
    """Either the measured geometry or why the file was refused."""

    geometry: Geometry | None = None
    refusal: FileRefusal | None = None


def analyse_file(content: bytes) -> bytes:
    """Measure a file and answer an `Analysis` as JSON; the same content always gives the same answer."""
    try:
        analysis = Analysis(geometry=measure_stl(content))
    except QuotingRefusalError as refusal:
        analysis = Analysis(refusal=FileRefusal(code=refusal.code, detail=refusal.detail, param=refusal.param))
    return analysis.model_dump_json().encode()


def geometry_of(analysis: Analysis) -> Geometry:
    """The geometry; raises the `QuotingRefusalError` the analysis holds instead of one."""
    if analysis.geometry is not None:
        return analysis.geometry
    if analysis.refusal is None:
        raise ValueError("an analysis holds a geometry or a refusal")
    raise QuotingRefusalError(analysis.refusal.code, analysis.refusal.detail, analysis.refusal.param)
