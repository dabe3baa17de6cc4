"""Volumes that PrusaSlicer keeps inside a part's mesh although they are none: modifiers, negatives, support painters.

It writes them as ranges of triangles into a file of its own beside the model (`Format/3mf.cpp` of PrusaSlicer).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fulfil.quoting.readers.threemf_model import Model
from fulfil.quoting.readers.xml import XmlReader

CONFIG = "Metadata/Slic3r_PE_model.config"
PART = "ModelPart"


@dataclass(frozen=True)
class SlicerVolume:
    """The triangles `first` to `last`, both counted, of an object."""

    object_id: str
    first: int
    last: int
    kind: str


def read_volumes(content: bytes) -> tuple[SlicerVolume, ...]:
    """Every volume that is no part of its object; raises `QuotingRefusalError` for broken XML."""
    found: list[SlicerVolume] = []
    object_id = first = last = ""

    def on_start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal object_id, first, last
        if name == "object":
            object_id = attributes.get("id", "")
        elif name == "volume":
            first, last = attributes.get("firstid", ""), attributes.get("lastid", "")
        elif name == "metadata" and attributes.get("key") == "volume_type":
            kind = attributes.get("value", PART)
            if kind != PART and first.isdecimal() and last.isdecimal():
                found.append(SlicerVolume(object_id, int(first), int(last), kind))

    reader = XmlReader(on_start, what=f"{CONFIG} in the archive")
    reader.feed(content)
    reader.close()
    return tuple(found)


def without_volumes(model: Model, volumes: tuple[SlicerVolume, ...]) -> list[str]:
    """Take the volumes' triangles out of the model's objects; their kinds come back, one for each taken out."""
    gone: list[str] = []
    keep: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]] = {}
    for volume in volumes:
        found = model.objects.get(volume.object_id)
        if found is None or found.faces is None or volume.last >= len(found.faces):
            continue
        kept = keep.setdefault(volume.object_id, np.ones(len(found.faces), np.bool_))
        kept[volume.first : volume.last + 1] = False
        gone.append(volume.kind)
    for object_id, kept in keep.items():
        found = model.objects[object_id]
        if found.faces is not None:
            found.faces = found.faces[kept]
    return gone
