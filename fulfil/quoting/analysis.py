"""What an analysis says, and the function that makes one of an untrusted file in another process."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from fulfil.models.ids import derived_id
from fulfil.models.messages.base import Message
from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import DrawingGeometry, SolidGeometry
from fulfil.models.messages.profiles import LayerProfile, Support
from fulfil.models.messages.quotes import AnalysisProgress, ReadingOptions, Refusal
from fulfil.quoting.artefacts import Artefact, ArtefactKind
from fulfil.quoting.formats import FileFormat

# Any change that may change a number takes a new version: files are then measured anew.
ANALYSER_VERSION = "2026-1"


class Analysis(Message):
    """A measured solid with its layers, or a measured drawing, or why the file was refused."""

    format: FileFormat | None = None
    solid: SolidGeometry | None = None
    layers: LayerProfile | None = None
    support: Support | None = None
    drawing: DrawingGeometry | None = None
    findings: tuple[Finding, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Glance:
    """The first thing known of a solid, long before the rest: enough for a first price."""

    volume_mm3: float
    area_mm2: float
    size_mm: tuple[float, float, float]


Step = AnalysisProgress | Glance | Artefact | Analysis


def analysis_id(sha256: str, options: ReadingOptions) -> str:
    """The same for the same content, options and analyser."""
    chosen = json.dumps(options.model_dump(mode="json"), sort_keys=True)
    return derived_id("ana", sha256, ANALYSER_VERSION, chosen)


def analyse_file(file: BinaryIO, argument: bytes) -> Iterator[bytes]:
    """Measure a file as `ReadingOptions` (JSON) say; frames for `read_step`, the last one is the `Analysis`.

    The same content and options always give the same numbers and pictures.
    """
    # The caller needs only the types above; the libraries behind this are large.
    from fulfil.quoting.examination import examine  # noqa: PLC0415

    for step in examine(file, ReadingOptions.model_validate_json(argument)):
        yield write_step(step)


def export_stl(file: BinaryIO, argument: bytes) -> Iterator[bytes]:
    """A solid of any format as binary STL in mm, in pieces; raises `QuotingRefusalError` as `analyse_file` would."""
    from fulfil.quoting.examination import solid_as_stl  # noqa: PLC0415

    yield from solid_as_stl(file, ReadingOptions.model_validate_json(argument))


def write_step(step: Step) -> bytes:
    """A step on its way between processes: a line that says what it is, and its content."""
    if isinstance(step, Artefact):
        return f"{step.kind.value}\n".encode() + step.content
    if isinstance(step, Glance):
        return b"glance\n" + json.dumps([step.volume_mm3, step.area_mm2, step.size_mm]).encode()
    name = b"progress" if isinstance(step, AnalysisProgress) else b"analysis"
    return name + b"\n" + step.model_dump_json().encode()


def read_step(frame: bytes) -> Step:
    """The step a frame holds; raises `ValueError` for anything `write_step` would not write."""
    name, _, content = frame.partition(b"\n")
    if name == b"analysis":
        return Analysis.model_validate_json(content)
    if name == b"progress":
        return AnalysisProgress.model_validate_json(content)
    if name == b"glance":
        volume_mm3, area_mm2, size_mm = json.loads(content)
        return Glance(volume_mm3, area_mm2, (size_mm[0], size_mm[1], size_mm[2]))
    return Artefact(ArtefactKind(name.decode()), content)
