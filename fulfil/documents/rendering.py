"""A snapshot laid out as an A4 page and written as a PDF for the archive."""

import json
from dataclasses import asdict
from functools import lru_cache
from importlib import resources

import typst

from fulfil.documents.fonts import FAMILIES, fonts
from fulfil.documents.sheet import sheet_of
from fulfil.models.messages.documents import LAYOUT_VERSION, DocumentSnapshot


class UnknownLayoutError(ValueError):
    """The snapshot asks for a layout this release doesn't have."""


class TypesettingError(RuntimeError):
    """The typesetter had a reservation, such as a missing font that leaves a page blank: a fault of ours."""


def render_document(snapshot: DocumentSnapshot) -> bytes:
    """The PDF of a document; the same snapshot gives the same bytes with the same typesetter and fonts.

    Takes some milliseconds. Raises `UnknownLayoutError`, and `TypesettingError` rather than return a doubtful page.
    """
    pdf, warnings = typst.compile_with_warnings(
        _layout(snapshot.layout_version),
        format="pdf",
        font_paths=fonts(),
        ignore_system_fonts=True,
        # Data travels beside the template, never inside it: there is no markup to break out of.
        sys_inputs={
            "sheet": json.dumps(asdict(sheet_of(snapshot))),
            "families": json.dumps(FAMILIES),
            "language": snapshot.language,
        },
        pdf_standards=["a-2a", "ua-1"],  # readable in decades, and by a screen reader
        timestamp=int(snapshot.issued_at.timestamp()),
    )
    if warnings:
        raise TypesettingError("; ".join(warning.message for warning in warnings))
    return pdf


@lru_cache(maxsize=LAYOUT_VERSION)
def _layout(version: int) -> bytes:
    if version > LAYOUT_VERSION:
        raise UnknownLayoutError(f"layout {version} is newer than this release, which knows {LAYOUT_VERSION}")
    return resources.files("fulfil.documents").joinpath("layouts").joinpath(f"{version}.typ").read_bytes()
