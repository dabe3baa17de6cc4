"""Uploaded files, and what was measured in them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Representation
from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import DrawingGeometry, SolidGeometry
from fulfil.models.messages.quotes import AnalysisProgress, Refusal


class InlineFile(Body):
    """A file inside JSON; a multipart upload has one part named `file` instead."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(examples=["bracket.stl"])
    content_base64: str = Field(examples=["c29saWQgYnJhY2tldAo="])


class AnalysisStatus(StrEnum):
    """How far the analysis of a file is; `failed` is our trouble, and a quote tries again."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Previews(Representation):
    """Where pictures and the viewer's mesh are; what does not exist for this kind of file is null."""

    png: str | None = Field(default=None, examples=["/api/v1/files/fil_…/preview.png?analysis=ana_…"])
    svg: str | None = Field(default=None, description="Drawings only; made by us, never the upload itself.")
    viewer_mesh: str | None = Field(default=None, description="Solids only; a small binary mesh for a viewer.")


class FileAnalysis(Representation):
    """What was measured in a file, read by its defaults; `progress` until it is there."""

    status: AnalysisStatus
    progress: AnalysisProgress | None = None
    id: str | None = Field(default=None, examples=["ana_01a1fd64aa6677a18c33bf20b84fe1e2"])
    analyser_version: str | None = None
    solid: SolidGeometry | None = None
    drawing: DrawingGeometry | None = None
    findings: list[Finding] = Field(default_factory=list[Finding], description="Of the file itself, for any process.")
    refusal: Refusal | None = None
    previews: Previews | None = None
    calculation_time_ms: int | None = None


class File(Representation):
    """A stored file; `format` is what its content is, whatever its name says."""

    id: str
    name: str
    format: str = Field(examples=["stl"])
    size_bytes: int
    sha256: str
    created_at: Instant
    analysis: FileAnalysis | None = Field(default=None, description="Null for what can't be priced, such as photos.")
