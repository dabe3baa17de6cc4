"""One model part of a 3MF: its unit, its objects and what it wants built, streamed out of the XML.

Elements as in the 3MF Core Specification 1.3 and the Production Extension 1.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.geometry import LengthUnit
from fulfil.quoting.limits import MOST_TRIANGLES
from fulfil.quoting.readers.corners import Faces, Vertices, too_many_triangles
from fulfil.quoting.readers.threemf_lists import CUT, CutLists, cut_lists
from fulfil.quoting.readers.xml import SEPARATOR, XmlReader
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

# Row vectors: (x y z 1) times this (4, 3).
Transform = NDArray[np.float64]

FAMILY = "http://schemas.microsoft.com/3dmanufacturing/"
CORES = (f"{FAMILY}core/2015/02", f"{FAMILY}2013/01")
PRODUCTION = f"{FAMILY}production/2015/06"
SECURE = f"{FAMILY}securecontent/"
# What a file may require without changing the shape: colours, sets of triangles, parts in several files.
UNDERSTOOD = (*CORES, PRODUCTION, f"{FAMILY}material/2015/02", f"{FAMILY}trianglesets/2021/07")
# Shapes beside the triangles; a file that has them and requires nothing would be priced in part.
SHAPES = frozenset(("beamlattice", "displacementmesh", "booleanshape", "levelset"))

UNITS = MappingProxyType(
    {
        "micron": LengthUnit.MICRON,
        "millimeter": LengthUnit.MM,
        "centimeter": LengthUnit.CM,
        "inch": LengthUnit.INCH,
        "foot": LengthUnit.FOOT,
        "meter": LengthUnit.M,
    }
)
# Element names as the parser hands them over, to a short kind; anything else is metadata, colours and the like.
KINDS = MappingProxyType(
    {
        f"{space}{SEPARATOR}{local}" if space else local: local
        for space in (*CORES, "")
        for local in ("model", "object", "mesh", "vertices", "vertex", "triangles", "triangle", "component", "item")
    }
)
LISTS = frozenset(("vertices", "triangles"))
VERTEX = frozenset(name for name, kind in KINDS.items() if kind == "vertex")
TRIANGLE = frozenset(name for name, kind in KINDS.items() if kind == "triangle")
PATH = f"{PRODUCTION}{SEPARATOR}path"
NUMBERS_OF_TRANSFORM = 12
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Reference:
    """A component or build item: an object of this or another part of the archive, and where it goes."""

    object_id: str
    path: str | None
    transform: Transform | None
    printable: bool = True


@dataclass
class ModelObject:
    """Either a mesh or components."""

    object_id: str
    type: str
    vertices: Vertices | None = None
    faces: Faces | None = None
    components: list[Reference] = field(default_factory=list[Reference])


@dataclass
class Model:
    """A model part, read whole."""

    unit: LengthUnit = LengthUnit.MM
    objects: dict[str, ModelObject] = field(default_factory=dict[str, ModelObject])
    items: list[Reference] = field(default_factory=list[Reference])


def read_model(content: bytes, name: str) -> Model:
    """The model in the XML of the archive's part `name`; raises `QuotingRefusalError` when it is broken or foreign."""
    try:
        return _parsed(cut_lists(content), name)
    except (QuotingRefusalError, ValueError, OverflowError):
        # Once more without the short cut, so that the refusal names the right line and number.
        return _parsed(CutLists(content), name)


def _parsed(lists: CutLists, name: str) -> Model:
    builder = _Builder(name, lists)
    reader = XmlReader(
        builder.start,
        builder.end,
        on_prefix=builder.prefix,
        lists={
            element: builder.vertex if kind == "vertices" else builder.triangle
            for element, kind in KINDS.items()
            if kind in LISTS
        },
        what=f"{name} in the archive",
    )
    for start in range(0, len(lists.rest), CHUNK_BYTES):
        reader.feed(lists.rest[start : start + CHUNK_BYTES])
        builder.check_size()
    reader.close()
    return builder.model


class _Builder:
    def __init__(self, name: str, lists: CutLists) -> None:
        self.model = Model()
        self._lists = lists
        self._cut = ""
        self._seen: set[str] = set()
        self._name = name
        self._prefixes: dict[str | None, str] = {}
        self._object: ModelObject | None = None
        self._coordinates: list[str] = []
        self._indices: list[str] = []

    def prefix(self, prefix: str | None, space: str) -> None:
        self._prefixes[prefix] = space

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        try:
            self._start(name, attributes)
        except KeyError as missing:
            raise self._lacking(name, missing) from missing

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = KINDS.get(name)
        if kind == "model":
            self._start_model(attributes)
        elif kind == "object":
            self._start_object(attributes)
        elif kind == "mesh":
            self._coordinates, self._indices, self._cut, self._seen = [], [], "", set()
        elif kind in LISTS:
            if kind in self._seen:
                raise self._broken(f"a mesh has two lists of {kind}")
            self._seen.add(kind)
        elif kind == "component" and self._object is not None:
            self._object.components.append(self._reference(attributes))
        elif kind == "item":
            self.model.items.append(self._reference(attributes))
        elif name.rpartition(SEPARATOR)[2] in SHAPES:
            raise unknown_extension(name.rpartition(SEPARATOR)[2], "")

    def vertex(self, name: str, attributes: Mapping[str, str]) -> None:
        if name not in VERTEX:
            raise self._broken("its vertices hold something else")
        try:
            self._coordinates += (attributes["x"], attributes["y"], attributes["z"])
        except KeyError as missing:
            if attributes.get(CUT) not in self._lists.vertices:
                raise self._lacking(name, missing) from missing
            self._cut = attributes[CUT]

    def triangle(self, name: str, attributes: Mapping[str, str]) -> None:
        if name not in TRIANGLE:
            raise self._broken("its triangles hold something else")
        try:
            self._indices += (attributes["v1"], attributes["v2"], attributes["v3"])
        except KeyError as missing:
            if not self._cut or attributes.get(CUT) != self._cut:
                raise self._lacking(name, missing) from missing

    def end(self, name: str) -> None:
        kind = KINDS.get(name)
        if kind == "mesh":
            self._end_mesh()
        elif kind == "object":
            self._object = None

    def check_size(self) -> None:
        if len(self._indices) > 3 * MOST_TRIANGLES or len(self._coordinates) > 9 * MOST_TRIANGLES:
            raise too_many_triangles()

    def _start_model(self, attributes: Mapping[str, str]) -> None:
        stated = attributes.get("unit", "millimeter")
        unit = UNITS.get(stated.strip().lower())
        if unit is None:
            raise self._broken(f"it states the unit {stated[:40]!a}, which 3MF does not know")
        self.model.unit = unit
        for prefix in attributes.get("requiredextensions", "").split():
            space = self._prefixes.get(prefix, "")
            if space.startswith(SECURE):
                raise encrypted()
            if space not in UNDERSTOOD:
                raise unknown_extension(prefix, space)

    def _start_object(self, attributes: Mapping[str, str]) -> None:
        object_id = attributes["id"]
        if object_id in self.model.objects:
            raise self._broken(f"two objects have the id {object_id[:40]!a}")
        self._object = ModelObject(object_id, attributes.get("type", "model").strip().lower())
        self.model.objects[object_id] = self._object

    def _end_mesh(self) -> None:
        if self._object is None:
            raise self._broken("a mesh belongs to no object")
        shown = ascii(self._object.object_id[:40])
        try:
            vertices = self._lists.vertices.pop(self._cut) if self._cut else _numbers(self._coordinates, float)
            indices = self._lists.triangles.pop(self._cut) if self._cut else _numbers(self._indices, int)
        except (KeyError, ValueError, OverflowError) as error:
            raise self._broken(f"a number of object {shown} is none ({error})") from error
        known = len(vertices) // 3
        if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= known):
            raise self._broken(f"a triangle of object {shown} names a vertex that is none of its {known:,}")
        self._object.vertices, self._object.faces = vertices.reshape(-1, 3), indices.reshape(-1, 3).astype(np.int64)
        self._coordinates, self._indices, self._cut = [], [], ""

    def _reference(self, attributes: Mapping[str, str]) -> Reference:
        stated = attributes.get("transform")
        return Reference(
            object_id=attributes["objectid"],
            path=attributes.get(PATH),
            transform=None if stated is None else self._transform(stated),
            printable=attributes.get("printable", "1").strip().lower() not in ("0", "false"),
        )

    def _transform(self, stated: str) -> Transform:
        try:
            numbers = np.array([float(number) for number in stated.split()])
        except ValueError as error:
            raise self._broken(f"a transform holds no number ({error})") from error
        if len(numbers) != NUMBERS_OF_TRANSFORM or not np.isfinite(numbers).all():
            raise self._broken("a transform is not made of 12 finite numbers")
        return numbers.reshape(4, 3)

    def _lacking(self, name: str, missing: KeyError) -> QuotingRefusalError:
        return self._broken(f"a {name.rpartition(SEPARATOR)[2]} lacks its {missing.args[0]}")

    def _broken(self, reason: str) -> QuotingRefusalError:
        return file_refusal(
            RefusalCode.FILE_UNREADABLE, f"{self._name} in the 3MF can't be read: {reason}. Export the part again."
        )


def _numbers(texts: list[str], number: Callable[[str], float]) -> NDArray[np.float64]:
    return np.fromiter(map(number, texts), np.float64, count=len(texts))


def unknown_extension(prefix: str, space: str) -> QuotingRefusalError:
    """The refusal of a shape described by an extension that no reader here knows."""
    what = f"{prefix[:40]!a} ({space[:100]!a})" if space else ascii(prefix[:40])
    return file_refusal(
        RefusalCode.EXTENSION_UNKNOWN,
        f"The 3MF needs the extension {what}, so its triangles alone are not the part. "
        "Export the part as a plain mesh (3MF without extensions, or STL).",
    )


def encrypted() -> QuotingRefusalError:
    """The refusal of the Secure Content Extension."""
    return file_refusal(
        RefusalCode.FILE_ENCRYPTED, "The 3MF is encrypted, and we hold no key. Export the part without protection."
    )
