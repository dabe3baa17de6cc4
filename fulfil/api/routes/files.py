"""Files: uploaded, described, downloaded."""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from fulfil.api.access import Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, allowed, guest_refused
from fulfil.api.documentation import API, FILES, problems
from fulfil.api.errors import ProblemError, not_found
from fulfil.api.examining import begin_analysis, follow_analysis
from fulfil.api.guest_limits import GuestAct
from fulfil.api.intentions import intend
from fulfil.api.outages import storage_outages
from fulfil.api.purposes import FilePurpose
from fulfil.api.readers.files import find_file, find_own_file, represent_file
from fulfil.api.scanning import check_for_malware
from fulfil.api.schemas.files import File, InlineFile
from fulfil.api.uploads import read_upload
from fulfil.api.writers.files import write_file
from fulfil.api.writers.idempotency import claim
from fulfil.gateways.storage import ObjectMissingError
from fulfil.models.ids import FileId, new_id
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/files", tags=[FILES])

READERS = (Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN)
Uploader = Annotated[Principal, Depends(allowed(Scope.FILES_WRITE, Role.CUSTOMER, Role.PROVIDER))]
Reader = Annotated[Principal, Depends(allowed(Scope.FILES_READ, *READERS))]
Purpose = Annotated[
    FilePurpose | None, Query(description="What the file is for; it decides which formats and sizes are taken.")
]
Wait = Annotated[float, Query(ge=0, le=20, description="Wait up to so many seconds for the analysis.", examples=[10])]

# Never rendered in the browser, whatever it is.
SAFE_HEADERS = {"Content-Security-Policy": "sandbox; default-src 'none'", "Cross-Origin-Resource-Policy": "same-site"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/json": {"schema": InlineFile.model_json_schema()},
        },
    }
}


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=BODY, responses=problems(401, 403, 429))
async def upload_file(
    context: Context, caller: Uploader, request: Request, purpose: Purpose = None, key: IdempotencyKey = None
) -> File:
    """Upload a solid (STL, OBJ, 3MF, STEP), a drawing (SVG, DXF) or an attachment (JPEG, PNG, WebP, GIF, PDF).

    The content decides what it is. What can be priced is measured at once: follow `analysis` with `GET`. What a
    service delivers (`purpose=submission`) may also be a text, a DOCX or ODT document, a ZIP archive or a video.
    """
    if caller.is_guest and purpose is FilePurpose.SUBMISSION:
        raise guest_refused()
    context.guest_limits.count(GuestAct.UPLOAD, request, caller)
    async with context.uploads:
        upload = await read_upload(request, context.settings.max_upload_bytes, purpose)
        await check_for_malware(context, upload, by=caller.account_id)
        with storage_outages():
            sha256 = await context.storage.put(upload.content)
        size_bytes = len(upload.content)
    intention = intend(caller, key, "upload_file", f"{upload.name}\n{sha256}")
    async with context.begin() as session:
        claimed = await claim(session, intention, new_id("fil"), context.clock())
        if not claimed.repeated:
            row = await write_file(
                session,
                file_id=claimed.resource_id,
                owner_id=caller.owner_id,
                sha256=sha256,
                name=upload.name,
                file_format=upload.format.value,
                size_bytes=size_bytes,
                at=context.clock(),
            )
            file = represent_file(row)
        else:
            file = _existing(await find_own_file(session, caller, claimed.resource_id))
    return await begin_analysis(context, file)


@router.get("/{file_id}", responses=problems(401, 403, 404))
async def get_file(context: Context, caller: Reader, file_id: FileId, wait: Wait = 0) -> File:
    """A file of yours, one you are asked to make, or a photo of your order; with what was measured in it."""
    async with context.begin() as session:
        file = _existing(await find_file(session, caller, file_id))
    return await follow_analysis(context, file, wait)


@router.get("/{file_id}/content", response_class=StreamingResponse, responses=problems(401, 403, 404, 410))
async def download_file(context: Context, caller: Reader, file_id: FileId) -> StreamingResponse:
    """The content as it was uploaded, as an attachment."""
    async with context.begin() as session:
        file = _existing(await find_file(session, caller, file_id))
    try:
        with storage_outages():
            content = await context.storage.stream(file.sha256)
    except ObjectMissingError as error:
        raise ProblemError(
            HTTPStatus.GONE, "file_content_missing", "The content is no longer stored: upload the file again."
        ) from error
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Length": str(file.size_bytes),
        "ETag": f'"{file.sha256}"',
        **SAFE_HEADERS,
    }
    return StreamingResponse(content, media_type="application/octet-stream", headers=headers)


def _existing(file: File | None) -> File:
    if file is None:
        raise not_found("file")
    return file
