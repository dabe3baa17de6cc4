"""Files, and who may read them."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.readers.submissions import was_shown_to
from fulfil.api.readers.work_files import made_by_line
from fulfil.api.schemas.files import File
from fulfil.models.messages.jobs import OfferState
from fulfil.models.messages.parties import Role
from fulfil.models.messages.quotes import QuoteStatus
from fulfil.models.tables.jobs import JobReportRow, JobRow, OfferRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.quotes import FileRow, QuoteItemRow

IMAGES = ("jpeg", "png", "webp", "gif")


async def find_file(session: AsyncSession, caller: Principal, file_id: str) -> File | None:
    """A file the caller may read: hers, one she is asked to make, a photo of her order; staff read all."""
    row = await session.get(FileRow, file_id)
    if row is None:
        return None
    if row.owner_id == caller.owner_id or caller.is_staff or await _is_shared(session, caller, file_id):
        return represent_file(row)
    return None


async def find_own_file(session: AsyncSession, caller: Principal, file_id: str) -> File | None:
    """A file the caller uploaded."""
    row = await session.get(FileRow, file_id)
    return represent_file(row) if row is not None and row.owner_id == caller.owner_id else None


async def find_own_files(session: AsyncSession, caller: Principal, file_ids: Collection[str]) -> dict[str, File]:
    """Those of the files that the caller uploaded, by id."""
    rows = await session.scalars(select(FileRow).where(FileRow.id.in_(file_ids), FileRow.owner_id == caller.owner_id))
    return {row.id: represent_file(row) for row in rows}


async def find_images(session: AsyncSession, owner_id: str, file_ids: list[str]) -> set[str]:
    """Those of the files that are images of this owner."""
    found = await session.scalars(
        select(FileRow.id).where(FileRow.id.in_(file_ids), FileRow.owner_id == owner_id, FileRow.format.in_(IMAGES))
    )
    return set(found)


async def _is_shared(session: AsyncSession, caller: Principal, file_id: str) -> bool:
    if caller.role is Role.PROVIDER:
        return bool(await session.scalar(select(_is_offered_to(caller.owner_id, file_id))))
    if caller.role is Role.CUSTOMER:
        shared = or_(_is_photo_for(caller.owner_id, file_id), was_shown_to(caller.owner_id, file_id))
        return bool(await session.scalar(select(shared)))
    return False


def _is_offered_to(provider_id: str, file_id: str) -> ColumnElement[bool]:
    return exists().where(
        QuoteItemRow.file_id == file_id,
        QuoteItemRow.status != QuoteStatus.REFUSED,
        OrderLineRow.quote_id == QuoteItemRow.quote_id,
        made_by_line(),
        JobRow.line_id == OrderLineRow.id,
        OfferRow.job_id == JobRow.id,
        OfferRow.provider_id == provider_id,
        or_(OfferRow.state == OfferState.OPEN, OfferRow.state == OfferState.ACCEPTED),
    )


def _is_photo_for(customer_id: str, file_id: str) -> ColumnElement[bool]:
    return exists().where(
        OrderRow.customer_id == customer_id,
        JobRow.order_id == OrderRow.id,
        JobReportRow.job_id == JobRow.id,
        or_(
            JobReportRow.data["photo_file_ids"].contains([file_id]),
            JobReportRow.data["signature_file_id"].astext == file_id,
        ),
    )


def represent_file(row: FileRow) -> File:
    """The row as the API shows it."""
    return File(
        id=row.id,
        name=row.name,
        format=row.format,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        created_at=row.created_at,
    )
