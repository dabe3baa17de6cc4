"""Documents: listed by order, provider or caller, read, and downloaded as the page they were issued as."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from fulfil.api.access import Principal, Scope
from fulfil.api.dependencies import Context, Paging, allowed
from fulfil.api.documentation import API, DOCUMENTS, problems
from fulfil.api.errors import not_found
from fulfil.api.readers.documents import find_document, find_printable, list_documents_of_order
from fulfil.api.readers.documents import list_documents as read_documents
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.documents import Document, DocumentDetail, Documents
from fulfil.documents.rendering import render_document
from fulfil.models.ids import DocumentId, OrderId, ProviderId
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=API, tags=[DOCUMENTS])

READERS = (Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN)
Reader = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_READ, *READERS))]
Biller = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_READ, Role.PROVIDER, Role.SUPPORT, Role.ADMIN))]

PDF = "application/pdf"
PDF_ANSWERS: dict[int | str, dict[str, Any]] = {
    **problems(401, 403, 404),
    HTTPStatus.OK.value: {
        "description": "The page, under the hash of what it says as ETag.",
        "content": {PDF: {"schema": {"type": "string", "format": "binary"}}},
    },
    HTTPStatus.NOT_MODIFIED.value: {"description": "You have it."},
}


@router.get("/orders/{order_id}/documents", responses=problems(401, 403, 404))
async def list_order_documents(context: Context, caller: Reader, order_id: OrderId) -> Documents:
    """The documents of an order, oldest first: a customer's hers, a provider's her statements, all for support."""
    async with context.begin() as session:
        found = await list_documents_of_order(session, caller, order_id)
    if found is None:
        raise not_found("order")
    return Documents(data=found)


@router.get("/providers/{provider_id}/documents", responses=problems(401, 403, 404))
async def list_provider_documents(
    context: Context, caller: Biller, provider_id: ProviderId, page: Paging
) -> Page[Document]:
    """A provider's statements, newest first."""
    if caller.role is Role.PROVIDER and caller.party_id != provider_id:
        raise not_found("provider")
    async with context.begin() as session:
        return await read_documents(
            session, caller, party_id=provider_id, limit=page.limit, starting_after=page.starting_after
        )


@router.get("/documents", responses=problems(401, 403))
async def list_documents(context: Context, caller: Reader, page: Paging) -> Page[Document]:
    """Your documents, newest first; everybody's for support."""
    async with context.begin() as session:
        return await read_documents(session, caller, limit=page.limit, starting_after=page.starting_after)


@router.get("/documents/{document_id}", responses=problems(401, 403, 404))
async def get_document(context: Context, caller: Reader, document_id: DocumentId) -> DocumentDetail:
    """One document with everything it says."""
    async with context.begin() as session:
        found = await find_document(session, caller, document_id)
    if found is None:
        raise not_found("document")
    return found


@router.get("/documents/{document_id}/pdf", response_class=Response, responses=PDF_ANSWERS)
async def download_document(context: Context, caller: Reader, request: Request, document_id: DocumentId) -> Response:
    """The page as PDF, drawn from what was issued: the same bytes each time."""
    async with context.begin() as session:
        found = await find_printable(session, caller, document_id)
    if found is None:
        raise not_found("document")
    headers = {
        "ETag": f'"{found.sha256}"',
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{found.snapshot.number}.pdf"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-site",
    }
    if found.sha256 in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    # Drawing takes some milliseconds of a processor and lets other threads run.
    pdf = await asyncio.to_thread(render_document, found.snapshot)
    return Response(pdf, media_type=PDF, headers=headers)
