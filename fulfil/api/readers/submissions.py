"""What was submitted to deliverables, with links to its files, and what was asked to be changed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.documentation import API
from fulfil.api.purposes import PICTURES
from fulfil.api.readers.analyses import represent_previews
from fulfil.api.schemas.deliverables import RevisionRequest, Submission, SubmittedFile
from fulfil.models.messages.deliverables import RevisionState, SubmissionKind, SubmissionState
from fulfil.models.messages.quotes import ReadingOptions
from fulfil.models.tables.deliverables import DeliverableRow, MilestoneRow, RevisionRequestRow, SubmissionRow
from fulfil.models.tables.quotes import FileAnalysisRow, FileRow
from fulfil.quoting.analysis import analysis_id
from fulfil.quoting.formats import QUOTABLE_FORMATS


async def latest_submissions(session: AsyncSession, deliverable_ids: Sequence[str]) -> dict[str, SubmissionState]:
    """What was said to the latest submission of each milestone; drafts are not asked about."""
    rows = await session.execute(
        select(SubmissionRow.milestone_id, SubmissionRow.state)
        .where(SubmissionRow.deliverable_id.in_(deliverable_ids), SubmissionRow.kind != SubmissionKind.DRAFT)
        .ext(distinct_on(SubmissionRow.milestone_id))
        .order_by(SubmissionRow.milestone_id, SubmissionRow.number.desc())
    )
    return {milestone_id: SubmissionState(state) for milestone_id, state in rows}


async def awaited_revisions(session: AsyncSession, deliverable_ids: Sequence[str]) -> dict[str, datetime]:
    """When the revision asked for last is due, by milestone; those that came are left out."""
    rows = await session.execute(
        select(RevisionRequestRow.milestone_id, RevisionRequestRow.due_at)
        .where(
            RevisionRequestRow.deliverable_id.in_(deliverable_ids),
            RevisionRequestRow.state != RevisionState.COMPLETED,
        )
        .order_by(RevisionRequestRow.number)
    )
    return {milestone_id: due_at for milestone_id, due_at in rows}  # noqa: C416 (a row is no pair)


async def read_submissions(session: AsyncSession, deliverable_id: str) -> list[Submission]:
    """All of a deliverable's, in the order they were made."""
    rows = list(
        await session.scalars(
            select(SubmissionRow)
            .where(SubmissionRow.deliverable_id == deliverable_id)
            .order_by(SubmissionRow.created_at, SubmissionRow.number)
        )
    )
    files = await _read_files(session, {file_id for row in rows for file_id in row.file_ids})
    return [
        Submission(
            id=row.id,
            milestone_id=row.milestone_id,
            number=row.number,
            kind=SubmissionKind(row.kind),
            state=SubmissionState(row.state),
            note=row.note,
            files=[files[file_id] for file_id in row.file_ids if file_id in files],
            reason=row.reason,
            created_at=row.created_at,
            answered_at=row.answered_at,
        )
        for row in rows
    ]


async def read_revisions(session: AsyncSession, deliverable_id: str) -> list[RevisionRequest]:
    """All that were asked for, by number."""
    rows = await session.scalars(
        select(RevisionRequestRow)
        .where(RevisionRequestRow.deliverable_id == deliverable_id)
        .order_by(RevisionRequestRow.number)
    )
    return [
        RevisionRequest(
            id=row.id,
            milestone_id=row.milestone_id,
            submission_id=row.submission_id,
            number=row.number,
            text=row.text,
            state=RevisionState(row.state),
            due_at=row.due_at,
            created_at=row.created_at,
            completed_at=row.completed_at,
        )
        for row in rows
    ]


def was_shown_to(customer_id: str, file_id: str) -> ColumnElement[bool]:
    """Whether a file is part of a submission to the customer, drafts included, or a photo of a check of her work."""
    submitted = exists().where(
        DeliverableRow.customer_id == customer_id,
        SubmissionRow.deliverable_id == DeliverableRow.id,
        SubmissionRow.file_ids.contains([file_id]),
    )
    checked = exists().where(
        DeliverableRow.customer_id == customer_id,
        MilestoneRow.deliverable_id == DeliverableRow.id,
        MilestoneRow.check_result["photo_file_ids"].contains([file_id]),
    )
    return or_(submitted, checked)


async def _read_files(session: AsyncSession, file_ids: Iterable[str]) -> dict[str, SubmittedFile]:
    """The files by id; models and drawings are pictured by their analysis, where there is one."""
    rows = list(await session.scalars(select(FileRow).where(FileRow.id.in_(file_ids))))
    analyses = {row.id: analysis_id(row.sha256, ReadingOptions()) for row in rows if row.format in QUOTABLE_FORMATS}
    made = dict[str, Mapping[str, str]]()
    if analyses:
        query = select(FileAnalysisRow.id, FileAnalysisRow.artefacts).where(FileAnalysisRow.id.in_(analyses.values()))
        made = {row.id: row.artefacts for row in await session.execute(query)}
    return {row.id: _represent_file(row, analyses.get(row.id), made) for row in rows}


def _represent_file(row: FileRow, analysis: str | None, made: Mapping[str, Mapping[str, str]]) -> SubmittedFile:
    content = f"{API}/files/{row.id}/content"
    preview = content if row.format in PICTURES else None
    if analysis is not None and analysis in made:
        preview = represent_previews(made[analysis], file_id=row.id, analysis_id=analysis).png
    return SubmittedFile(
        id=row.id, name=row.name, format=row.format, size_bytes=row.size_bytes, content=content, preview=preview
    )
