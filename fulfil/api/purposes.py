"""What files are uploaded for, and what each purpose takes: formats and size."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fulfil.quoting.formats import QUOTABLE_FORMATS, FileFormat

MEGABYTE = 1_000_000

PICTURES = frozenset({FileFormat.JPEG, FileFormat.PNG, FileFormat.WEBP, FileFormat.GIF})
DOCUMENTS = PICTURES | {FileFormat.PDF}
TEXTS = frozenset({FileFormat.TEXT, FileFormat.MARKDOWN, FileFormat.DOCX, FileFormat.ODT})
VIDEOS = frozenset({FileFormat.MP4, FileFormat.WEBM})


class FilePurpose(StrEnum):
    """What a file is for; without one it is taken when it can be priced, or is a picture or a PDF."""

    MODEL = "model"
    PHOTO = "photo"
    DOCUMENT = "document"
    SUBMISSION = "submission"


@dataclass(frozen=True)
class Allowance:
    """The formats a purpose takes, and its size; None is the limit of all uploads."""

    formats: frozenset[FileFormat]
    said: str
    most_bytes: int | None = None


UNNAMED = Allowance(
    QUOTABLE_FORMATS | DOCUMENTS, "a model (STL, OBJ, 3MF, STEP), a drawing (SVG, DXF), a picture or a PDF"
)
ALLOWANCES: Mapping[FilePurpose, Allowance] = {
    FilePurpose.MODEL: Allowance(QUOTABLE_FORMATS, "a model (STL, OBJ, 3MF, STEP) or a drawing (SVG, DXF)"),
    FilePurpose.PHOTO: Allowance(PICTURES, "a picture (JPEG, PNG, WebP, GIF)", 25 * MEGABYTE),
    FilePurpose.DOCUMENT: Allowance(DOCUMENTS, "a PDF or a picture (JPEG, PNG, WebP, GIF)", 25 * MEGABYTE),
    FilePurpose.SUBMISSION: Allowance(
        QUOTABLE_FORMATS | DOCUMENTS | TEXTS | VIDEOS | {FileFormat.ZIP},
        "a model, a drawing, a picture, a PDF, a text (plain, Markdown, DOCX, ODT), a ZIP archive, MP4 or WebM video",
    ),
}


def allowance_of(purpose: FilePurpose | None) -> Allowance:
    """What may be uploaded for it."""
    return UNNAMED if purpose is None else ALLOWANCES[purpose]
