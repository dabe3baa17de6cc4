"""Which operation a colour or a layer stands for, unless the customer says otherwise.

| drawn as | taken as |
|---|---|
| layer named with cut, schnitt, … (`LAYER_WORDS`) | what the name says, whatever the colour |
| red or black stroke (`#ff0000`, `#000000` and their printed kin) | cut |
| blue stroke (`#0000ff`) | score |
| white stroke or white fill without stroke | ignore |
| fill without stroke, any other colour | engrave |
| stroke of any other colour | cut, the dearer reading, with a warning |

The width of a stroke means nothing: hairlines and wide lines are driven alike.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from fulfil.models.messages.geometry import Operation
from fulfil.quoting.drawings.drawing import DrawnPath

# The first operation with a matching word wins: "no cut, notes only" is for people. Words match the beginning or
# the end of a layer name's words, so that `LaserCut` and `Schnittlinien` count and `executive` does not.
LAYER_WORDS: Mapping[Operation, tuple[str, ...]] = MappingProxyType(
    {
        Operation.IGNORE: (
            *("ignore", "ignorieren", "guide", "guides", "hilfslinie", "hilfslinien", "construction", "defpoints"),
            *("note", "notes", "dim", "dims", "dimension", "dimensions", "bemassung", "bemaßung", "annotation"),
        ),
        Operation.ENGRAVE: ("engrave", "engraving", "gravur", "gravieren", "etch", "etching", "raster"),
        Operation.SCORE: ("score", "scoring", "ritzen", "ritz", "anreissen", "fold", "falz", "marking"),
        Operation.CUT: ("cut", "cuts", "cutting", "cutlines", "schnitt", "schneiden", "outline", "kontur", "through"),
    }
)
LETTERS = re.compile(r"[^\W\d_]+")
HEX_COLOUR = re.compile(r"#[0-9a-f]{6}")

DARKEST, FAINT, MIDDLE, STRONG = 70, 80, 110, 140
WHITEST = 250


def operation_of_layer(name: str) -> Operation | None:
    """What a layer's name says, None if nothing."""
    words = LETTERS.findall(name.casefold())
    for operation, known in LAYER_WORDS.items():
        if any(word.startswith(known) or word.endswith(known) for word in words):
            return operation
    return None


def operation_of(path: DrawnPath) -> tuple[Operation, bool]:
    """The operation by convention, and whether the convention really covers it (False: the dearest reading)."""
    if path.layer is not None and (operation := operation_of_layer(path.layer)) is not None:
        return operation, True
    if is_white(path.colour):
        return Operation.IGNORE, True
    if path.filled and not path.stroked:
        return Operation.ENGRAVE, True
    if HEX_COLOUR.fullmatch(path.colour) is None:
        return Operation.CUT, False
    red, green, blue = (int(path.colour[start : start + 2], 16) for start in (1, 3, 5))
    if blue >= STRONG and red <= FAINT and green <= MIDDLE:
        return Operation.SCORE, True
    is_red = red >= STRONG and max(green, blue) <= FAINT
    return Operation.CUT, is_red or max(red, green, blue) <= DARKEST


def is_white(colour: str) -> bool:
    """Whether nothing would be seen of it on white."""
    if HEX_COLOUR.fullmatch(colour) is None:
        return False
    return min(int(colour[start : start + 2], 16) for start in (1, 3, 5)) >= WHITEST
