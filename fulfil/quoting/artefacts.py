"""What an analysis makes besides numbers: pictures and binary data, stored under their hashes."""

from dataclasses import dataclass
from enum import StrEnum


class ArtefactKind(StrEnum):
    """`preview_svg` and `motion` come from drawings only, `viewer_mesh` from solids only."""

    PREVIEW_PNG = "preview_png"
    PREVIEW_SVG = "preview_svg"
    VIEWER_MESH = "viewer_mesh"
    MOTION = "motion"


@dataclass(frozen=True)
class Artefact:
    """One of them; `content` is deterministic, so that its hash is."""

    kind: ArtefactKind
    content: bytes
