"""Reads an uploaded file, multipart or base64 in JSON, and tells by its content what it is."""

import base64
import binascii
import unicodedata
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from fulfil.api.archives import ArchiveRefusedError, tell_archive
from fulfil.api.attachments import tell_attachment
from fulfil.api.errors import ProblemError, invalid
from fulfil.api.purposes import TEXTS, FilePurpose, allowance_of
from fulfil.api.schemas.files import InlineFile
from fulfil.quoting.formats import SNIFF_BYTES, FileFormat, refuse_unquotable, sniff_format

LONGEST_NAME = 255
MOST_FIELDS = 8


@dataclass(frozen=True)
class Upload:
    """A file as it came in; its format is what the content says, `param` the field it came in."""

    name: str
    content: bytes
    format: FileFormat
    param: str


async def read_upload(request: Request, max_bytes: int, purpose: FilePurpose | None = None) -> Upload:
    """The request's file, if it suits the purpose; raises problems 413, 415 and 422 that name field and remedy."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        name, content = await _multipart(request)
        param = "file"
    elif media_type == "application/json":
        name, content = await _inline(request)
        param = "content_base64"
    else:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send multipart/form-data with one part named file, or JSON with name and content_base64.",
            param="Content-Type",
        )
    clean = _clean_name(name)
    _check_size(content, min(max_bytes, allowance_of(purpose).most_bytes or max_bytes), param)
    return Upload(clean, content, _told(content, clean, purpose, param), param)


def _check_size(content: bytes, most_bytes: int, param: str) -> None:
    if not content:
        raise invalid("file_empty", "The file is empty: export it again and send its content.", param)
    if len(content) > most_bytes:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "file_too_large",
            f"The file has {len(content):,} bytes; at most {most_bytes:,} are accepted.",
            param=param,
        )


def _told(content: bytes, name: str, purpose: FilePurpose | None, param: str) -> FileFormat:
    """What the content is, if the purpose takes it."""
    allowance = allowance_of(purpose)
    found = sniff_format(content[:SNIFF_BYTES], len(content))
    if FileFormat.ZIP in allowance.formats and found in (None, FileFormat.ZIP, FileFormat.THREE_MF):
        found = _attached(content, name, param)
    elif found is FileFormat.THREE_MF:
        found = _packaged(content)
    if found is not None and found in allowance.formats:
        return found
    if purpose in (None, FilePurpose.MODEL):
        code = "file_format_unknown" if found is None else "file_format_not_quoted"
        raise _unsupported(code, refuse_unquotable(found).detail, param)
    raise _unsupported("file_format_not_allowed", f"Send {allowance.said} for this purpose.", param)


def _attached(content: bytes, name: str, param: str) -> FileFormat | None:
    try:
        return tell_attachment(content, name)
    except ArchiveRefusedError as error:
        raise invalid(error.code, error.detail, param) from error


def _packaged(content: bytes) -> FileFormat:
    """A 3MF, unless it is another package that begins alike; of a damaged one its reader says what is wrong."""
    try:
        told = tell_archive(content)
    except ArchiveRefusedError:
        return FileFormat.THREE_MF
    return told if told in TEXTS else FileFormat.THREE_MF


def _unsupported(code: str, detail: str, param: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, code, detail, param=param)


async def _multipart(request: Request) -> tuple[str, bytes]:
    try:
        form = await request.form(max_files=1, max_fields=MOST_FIELDS)
    except ProblemError:
        raise
    except HTTPException as error:
        raise invalid("multipart_invalid", f"The multipart body can't be read: {error.detail}", "file") from error
    try:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise invalid("parameter_missing", "file is missing: send the file as a part with a file name.", "file")
        return part.filename or "", await part.read()
    finally:
        await form.close()


async def _inline(request: Request) -> tuple[str, bytes]:
    try:
        inline = InlineFile.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(str(part) for part in first["loc"]) or "body"
        raise invalid("parameter_invalid", f"{param}: {first['msg']}.", param) from error
    try:
        return inline.name, base64.b64decode(inline.content_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(
            "base64_invalid", "content_base64 is not base64: encode the file's bytes (RFC 4648).", "content_base64"
        ) from error


def _clean_name(name: str) -> str:
    """The last part of a path, without control characters; only ever shown, never used as a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    clean = "".join(character for character in last if unicodedata.category(character)[0] != "C").strip()
    return clean[:LONGEST_NAME] or "file"
