"""What was measured in files."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.documentation import API
from fulfil.api.schemas.files import AnalysisStatus, FileAnalysis, Previews
from fulfil.models.messages.findings import Finding
from fulfil.models.messages.geometry import DrawingGeometry, SolidGeometry
from fulfil.models.messages.quotes import Refusal
from fulfil.models.tables.quotes import FileAnalysisRow
from fulfil.quoting.artefacts import ArtefactKind


async def find_analysis(session: AsyncSession, analysis_id: str, *, file_id: str) -> FileAnalysis | None:
    """The analysis with links to the pictures below this file; None when there is none yet."""
    # Its layers may be long and are of no use here.
    facts = FileAnalysisRow.analysis
    query = select(
        *(FileAnalysisRow.analyser_version, FileAnalysisRow.artefacts, FileAnalysisRow.calculation_time_ms),
        *(facts["solid"], facts["drawing"], facts["findings"], facts["refusal"]),
    ).where(FileAnalysisRow.id == analysis_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    version, artefacts, took_ms, solid, drawing, findings, refusal = row
    return FileAnalysis(
        status=AnalysisStatus.REFUSED if refusal else AnalysisStatus.DONE,
        id=analysis_id,
        analyser_version=version,
        solid=represent_solid(solid),
        drawing=represent_drawing(drawing),
        findings=[Finding.model_validate(finding) for finding in findings or ()],
        refusal=Refusal.model_validate(refusal) if refusal else None,
        previews=represent_previews(artefacts, file_id=file_id, analysis_id=analysis_id),
        calculation_time_ms=took_ms,
    )


async def find_artefacts(session: AsyncSession, analysis_id: str, *, sha256: str) -> Mapping[str, str] | None:
    """Kinds and hashes of what an analysis of this content made; None when there is no such analysis of it."""
    query = select(FileAnalysisRow.artefacts).where(
        FileAnalysisRow.id == analysis_id, FileAnalysisRow.file_sha256 == sha256
    )
    return await session.scalar(query)


def represent_solid(stored: dict[str, Any] | None) -> SolidGeometry | None:
    """Stored JSON as the geometry it is."""
    return SolidGeometry.model_validate(stored) if stored else None


def represent_drawing(stored: dict[str, Any] | None) -> DrawingGeometry | None:
    """Stored JSON as the geometry it is."""
    return DrawingGeometry.model_validate(stored) if stored else None


def represent_previews(artefacts: Mapping[str, Any], *, file_id: str, analysis_id: str) -> Previews:
    """Links to what there is; they name the analysis, so that what they lead to never changes."""

    def link(kind: ArtefactKind, name: str) -> str | None:
        return f"{API}/files/{file_id}/{name}?analysis={analysis_id}" if kind.value in artefacts else None

    return Previews(
        png=link(ArtefactKind.PREVIEW_PNG, "preview.png"),
        svg=link(ArtefactKind.PREVIEW_SVG, "preview.svg"),
        viewer_mesh=link(ArtefactKind.VIEWER_MESH, "viewer-mesh"),
    )
