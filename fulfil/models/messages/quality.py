"""What is looked at before a job may ship: the criteria of each process, versioned."""

from collections.abc import Mapping

from fulfil.models.messages.base import Message

CHECKLIST_VERSION = 1


class Criterion(Message):
    """One thing to look at; a required one must be answered, one that asks for a photo needs it with its answer."""

    code: str
    title: str
    required: bool = True
    photo_required: bool = False


class Checklist(Message):
    """The criteria of a process; stored checks name its `version`."""

    version: int
    process: str
    criteria: tuple[Criterion, ...]


_PIECES = Criterion(code="pieces", title="Number of pieces")
_DIMENSIONS = Criterion(code="dimensions", title="Dimensions")
_SURFACE = Criterion(code="surface", title="Surface")
_PACKAGING = Criterion(code="packaging", title="Packaging", required=False, photo_required=True)
_COMMON = (_PIECES, _DIMENSIONS, _SURFACE)

CRITERIA: Mapping[str, tuple[Criterion, ...]] = {
    "fdm": (
        *_COMMON,
        Criterion(code="layers", title="Layer adhesion"),
        Criterion(code="supports", title="Supports removed", required=False),
        _PACKAGING,
    ),
    "resin": (
        *_COMMON,
        Criterion(code="curing", title="Fully cured"),
        Criterion(code="supports", title="Supports removed", required=False),
        _PACKAGING,
    ),
    "laser": (
        *_COMMON,
        Criterion(code="edges", title="Cut through, edges clean"),
        Criterion(code="engraving", title="Engraving legible", required=False),
        _PACKAGING,
    ),
}


def checklist_of(process: str) -> Checklist:
    """What a job of this process is checked for; what all have in common when the process has no list of its own."""
    criteria = CRITERIA.get(process, (*_COMMON, _PACKAGING))
    return Checklist(version=CHECKLIST_VERSION, process=process, criteria=criteria)
