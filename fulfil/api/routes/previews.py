"""Pictures of files and meshes for a viewer: made by us from what was measured, never the upload itself."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context
from fulfil.api.documentation import API, FILES, problems
from fulfil.api.errors import ProblemError, not_found
from fulfil.api.examining import default_analysis_id
from fulfil.api.outages import storage_outages
from fulfil.api.readers.analyses import find_artefacts
from fulfil.api.readers.files import find_file
from fulfil.api.routes.files import Reader
from fulfil.gateways.storage import ObjectMissingError
from fulfil.models.ids import FileId
from fulfil.quoting.artefacts import ArtefactKind
from fulfil.quoting.formats import QUOTABLE_FORMATS

router = APIRouter(prefix=f"{API}/files", tags=[FILES])

Analysis = Annotated[
    str | None,
    Query(
        pattern=r"^ana_[0-9a-f]{32}$",
        description="The analysis a quote used; what it made never changes. The latest unless given.",
    ),
]
# An SVG opened by itself is a document: it runs nothing, loads nothing, and is nobody's origin.
CSP = {
    ArtefactKind.PREVIEW_PNG: "sandbox; default-src 'none'",
    ArtefactKind.PREVIEW_SVG: "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    ArtefactKind.VIEWER_MESH: "sandbox; default-src 'none'",
}
MEDIA_TYPE = {
    ArtefactKind.PREVIEW_PNG: "image/png",
    ArtefactKind.PREVIEW_SVG: "image/svg+xml",
    ArtefactKind.VIEWER_MESH: "application/octet-stream",
}
WHAT = {
    ArtefactKind.PREVIEW_PNG: "picture",
    ArtefactKind.PREVIEW_SVG: "drawing (only drawings have one)",
    ArtefactKind.VIEWER_MESH: "mesh (only solids have one)",
}
FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"


def _answers(kind: ArtefactKind) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPE[kind]: {"schema": {"type": "string", "format": "binary"}}}
    return {
        **problems(401, 403, 404, 410),
        HTTPStatus.OK.value: {"description": "The content, under its hash as ETag.", "content": content},
        HTTPStatus.NOT_MODIFIED.value: {"description": "You have it."},
    }


@router.get("/{file_id}/preview.png", response_class=Response, responses=_answers(ArtefactKind.PREVIEW_PNG))
async def get_preview_png(
    context: Context, caller: Reader, request: Request, file_id: FileId, analysis: Analysis = None
) -> Response:
    """A picture of the file."""
    return await _serve(context, caller, request, file_id, analysis, ArtefactKind.PREVIEW_PNG)


@router.get("/{file_id}/preview.svg", response_class=Response, responses=_answers(ArtefactKind.PREVIEW_SVG))
async def get_preview_svg(
    context: Context, caller: Reader, request: Request, file_id: FileId, analysis: Analysis = None
) -> Response:
    """A drawing, normalised: operations by colour, nothing of the upload's own markup."""
    return await _serve(context, caller, request, file_id, analysis, ArtefactKind.PREVIEW_SVG)


@router.get("/{file_id}/viewer-mesh", response_class=Response, responses=_answers(ArtefactKind.VIEWER_MESH))
async def get_viewer_mesh(
    context: Context, caller: Reader, request: Request, file_id: FileId, analysis: Analysis = None
) -> Response:
    """A solid as a small binary mesh for a viewer in the browser."""
    return await _serve(context, caller, request, file_id, analysis, ArtefactKind.VIEWER_MESH)


async def _serve(
    context: ApiContext,
    caller: Principal,
    request: Request,
    file_id: str,
    analysis: str | None,
    kind: ArtefactKind,
) -> Response:
    sha256 = await _find(context, caller, file_id, analysis, kind)
    headers = {
        "ETag": f'"{sha256}"',
        "Cache-Control": FOR_EVER if analysis else ASK_AGAIN,
        "Content-Security-Policy": CSP[kind],
        "Cross-Origin-Resource-Policy": "same-site",
    }
    if sha256 in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    try:
        with storage_outages():
            content = await context.storage.get(sha256)
    except ObjectMissingError as error:
        raise ProblemError(
            HTTPStatus.GONE, "preview_content_missing", "It is no longer stored: upload the file again."
        ) from error
    return Response(content, media_type=MEDIA_TYPE[kind], headers=headers)


async def _find(context: ApiContext, caller: Principal, file_id: str, analysis: str | None, kind: ArtefactKind) -> str:
    """The hash of what is asked for; 404 says whether it is not there yet, or never will be."""
    async with context.begin() as session:
        file = await find_file(session, caller, file_id)
        if file is None:
            raise not_found("file")
        found = await find_artefacts(session, analysis or default_analysis_id(file), sha256=file.sha256)
    if found is None and analysis is not None:
        raise not_found("analysis of this file", "analysis")
    if found is None and file.format in QUOTABLE_FORMATS:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "preview_not_ready",
            f"The file is still being measured: follow its analysis at {API}/files/{file_id}.",
            retry_after_s=1,
        )
    if found is None or kind.value not in found:
        detail = f"There is no {WHAT[kind]} of this file: see the previews of its analysis."
        raise ProblemError(HTTPStatus.NOT_FOUND, "preview_not_made", detail)
    return found[kind.value]
