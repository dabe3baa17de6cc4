"""Uploaded files."""

from typing import Annotated

from pydantic import Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Representation


class InlineFile(Body):
    """A file inside JSON; a multipart upload has one part named `file` instead."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(examples=["bracket.stl"])
    content_base64: str = Field(examples=["c29saWQgYnJhY2tldAo="])


class File(Representation):
    """A stored file; `format` is what its content is, whatever its name says."""

    id: str
    name: str
    format: str = Field(examples=["stl"])
    size_bytes: int
    sha256: str
    created_at: Instant
