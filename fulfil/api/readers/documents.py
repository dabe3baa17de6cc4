"""Documents: a party sees her own, staff all."""

from dataclasses import dataclass

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.documentation import API
from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.documents import Document, DocumentDetail, DocumentTotal
from fulfil.models.messages.documents import DocumentKind, DocumentSnapshot
from fulfil.models.messages.parties import Role
from fulfil.models.tables.documents import DocumentRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderRow


@dataclass(frozen=True)
class Printable:
    """What a page is drawn from, under the hash it was issued with."""

    snapshot: DocumentSnapshot
    sha256: str


async def find_document(session: AsyncSession, caller: Principal, document_id: str) -> DocumentDetail | None:
    """One document of the caller's with all it says."""
    row = await _find(session, caller, document_id)
    if row is None:
        return None
    return DocumentDetail(**dict(_represent(row)), content=DocumentSnapshot.model_validate(row.snapshot))


async def find_printable(session: AsyncSession, caller: Principal, document_id: str) -> Printable | None:
    """What the page of one document of the caller's is drawn from."""
    row = await _find(session, caller, document_id)
    return None if row is None else Printable(DocumentSnapshot.model_validate(row.snapshot), row.snapshot_sha256)


async def list_documents_of_order(session: AsyncSession, caller: Principal, order_id: str) -> list[Document] | None:
    """The caller's documents of an order, oldest first; None when she has nothing to do with it."""
    if await session.scalar(_order_seen_by(caller, order_id)) is None:
        return None
    rows = await session.scalars(
        _visible(caller)
        .where(DocumentRow.order_id == order_id)
        .order_by(DocumentRow.issued_at, DocumentRow.series, DocumentRow.sequence)
    )
    return [_represent(row) for row in rows]


async def list_documents(
    session: AsyncSession, caller: Principal, *, party_id: str | None = None, limit: int, starting_after: str | None
) -> Page[Document]:
    """The caller's documents, or those of one party for staff; newest first."""
    query = _visible(caller)
    if party_id is not None:
        query = query.where(DocumentRow.party_id == party_id)
    rows, has_more = await newest_first(
        session,
        query,
        moment=DocumentRow.issued_at,
        identity=DocumentRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[_represent(row) for (row,) in rows], has_more=has_more)


async def _find(session: AsyncSession, caller: Principal, document_id: str) -> DocumentRow | None:
    return await session.scalar(_visible(caller).where(DocumentRow.id == document_id))


def _visible(caller: Principal) -> Select[DocumentRow]:
    query = select(DocumentRow)
    return query if caller.is_staff else query.where(DocumentRow.party_id == caller.owner_id)


def _order_seen_by(caller: Principal, order_id: str) -> Select[str]:
    """A provider has to do with the orders whose job she has, or had when a document was issued to her."""
    query = select(OrderRow.id).where(OrderRow.id == order_id)
    if caller.is_staff:
        return query
    if caller.role is Role.CUSTOMER:
        return query.where(OrderRow.customer_id == caller.owner_id)
    job = select(JobRow.id).where(JobRow.order_id == order_id, JobRow.provider_id == caller.owner_id)
    document = select(DocumentRow.id).where(DocumentRow.order_id == order_id, DocumentRow.party_id == caller.owner_id)
    return query.where(or_(job.exists(), document.exists()))


def _represent(row: DocumentRow) -> Document:
    return Document(
        id=row.id,
        kind=DocumentKind(row.kind),
        number=row.number,
        order_id=row.order_id,
        party_id=row.party_id,
        refers_to=row.refers_to,
        total=DocumentTotal(amount_minor=row.total_minor, currency=row.currency),
        issued_at=row.issued_at,
        sha256=row.snapshot_sha256,
        pdf=f"{API}/documents/{row.id}/pdf",
    )
