"""A PDF read back by another library than the one that wrote it."""

import re

import pypdfium2 as pdfium


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page; white space is single, and a line's end is a space."""
    with pdfium.PdfDocument(pdf) as document:
        return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


def unspaced(pdf: bytes) -> str:
    """All text without white space: a word that wrapped is whole again."""
    return re.sub(r"\s", "", "".join(pages_of(pdf)))


def boxes_of(pdf: bytes) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right, top of every piece of text, in points."""
    with pdfium.PdfDocument(pdf) as document:
        texts = [page.get_textpage() for page in document]
        return [text.get_rect(index) for text in texts for index in range(text.count_rects())]
