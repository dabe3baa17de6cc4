"""Foreign text made safe to print: nothing invisible, nothing undrawable, nothing that reorders or covers the page."""

import unicodedata

from fulfil.documents.fonts import INTER, coverage

REPLACEMENT = "\u25a1"  # the empty square; no family draws U+FFFD
# Persian and Arabic words need the joiners; every other invisible character only misleads.
_JOINERS = frozenset("\u200c\u200d")
_BREAKS = frozenset("\n\r\t\v\f\x85\u2028\u2029")
# Marks beyond this pile up over the neighbouring lines.
MAX_MARKS = 2


def printable(text: str) -> str:
    """One line of text, composed, its white space single; what no font has a glyph for becomes an empty square."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept: list[str] = []
    families: frozenset[int] = frozenset()  # those that draw the last letter with all its marks
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        if category.startswith("M") or char in _JOINERS:
            marks += 1
            # A letter and its marks are drawn by one font or not at all.
            common = families & _families(char)
            if common and marks <= MAX_MARKS and not (char in _JOINERS and INTER in families):
                kept.append(char)
                families = common
            continue
        shown = _shown(char, category)
        if shown:
            kept.append(shown)
            families, marks = _families(shown), 0
    return " ".join("".join(kept).split())


def printable_lines(text: str) -> list[str]:
    """The lines of a text that may have several, empty ones left out."""
    return [line for line in map(printable, text.splitlines()) if line]


def _shown(char: str, category: str) -> str:
    if char in _BREAKS:
        return " "
    if category in {"Cc", "Cf"}:
        return ""
    return char if category not in {"Cs", "Co", "Cn"} and _families(char) else REPLACEMENT


def _families(char: str) -> frozenset[int]:
    return frozenset(index for index, covered in enumerate(coverage()) if ord(char) in covered)
