"""The fonts embedded in every page, from packages, never the machine's own, so that bytes are the same everywhere."""

from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import cast

import typst
from fontTools.ttLib import TTFont

# Inter sets Latin, Greek and Cyrillic; Noto steps in for Hebrew and Arabic.
FAMILIES = ("Inter", "Noto Sans Hebrew", "Noto Sans Arabic")
INTER = 0


@lru_cache(maxsize=1)
def font_files() -> tuple[Path, ...]:
    """The upright files of the families (variable: one file holds all weights)."""
    inter = resources.files("fontpkg_inter").joinpath("files")
    noto = resources.files("justmytype_intl_rtl").joinpath("fonts", "ofl")
    return (
        Path(str(inter.joinpath("Inter[opsz,wght].ttf"))),
        Path(str(noto.joinpath("notosanshebrew", "NotoSansHebrew[wdth,wght].ttf"))),
        Path(str(noto.joinpath("notosansarabic", "NotoSansArabic[wdth,wght].ttf"))),
    )


@lru_cache(maxsize=1)
def fonts() -> typst.Fonts:
    """The families, and nothing that happens to be installed."""
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(file.parent) for file in font_files()],
    )


@lru_cache(maxsize=1)
def coverage() -> tuple[frozenset[int], ...]:
    """The code points each family has a glyph for."""
    return tuple(_code_points(file) for file in font_files())


def _code_points(file: Path) -> frozenset[int]:
    with TTFont(file, lazy=True) as font:
        return frozenset(cast("dict[int, str]", font.getBestCmap()))
