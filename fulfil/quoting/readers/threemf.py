"""Reads 3MF: every build item with its components, placed, in the unit the file states."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np

from fulfil.models.messages.findings import Finding, FindingCode, Severity
from fulfil.quoting.formats import FileFormat, refuse_unquotable
from fulfil.quoting.limits import DEEPEST_COMPONENTS, MOST_COMPONENT_EXPANSIONS, MOST_TRIANGLES
from fulfil.quoting.mesh import Mesh
from fulfil.quoting.readers.archives import Archive
from fulfil.quoting.readers.corners import Faces, Vertices, check_bytes, indexed_mesh, too_many_triangles
from fulfil.quoting.readers.threemf_model import (
    Model,
    ModelObject,
    Reference,
    Transform,
    encrypted,
    read_model,
    unknown_extension,
)
from fulfil.quoting.readers.threemf_slicer import CONFIG, read_volumes, without_volumes
from fulfil.quoting.readers.xml import SEPARATOR, XmlReader
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal
from fulfil.quoting.units import MM_PER_UNIT

RELATIONSHIPS = "_rels/.rels"
# The last words of relationship types; their beginnings changed over the years.
ROOT_MODEL, SECRETS = "/3dmodel", ("/keystore", "/encryptedfile", "/mustpreservekeystore")
USUAL_ROOT = "3D/3dmodel.model"
TYPE_OF_PARTS = "model"
UNPRINTED = "not printable"
IDENTITY: Transform = np.eye(4, 3)
# Below this determinant a transform flattens its object to nothing.
FLAT = 1e-15


def read_threemf(content: bytes) -> Mesh:
    """The mesh of everything the file wants built; objects that are no part of the model are left out, with a finding.

    Raises `QuotingRefusalError` for archives that are none or bombs, broken or endless references, encryption,
    required extensions that describe shapes, and when nothing is left to make.
    """
    check_bytes(content, FileFormat.THREE_MF)
    archive = Archive(content)
    package = _Package(archive, _root_name(archive))
    placed = list(package.placed())
    if not placed:
        raise _nothing(archive, package)
    vertices, faces = _joined(placed)
    return indexed_mesh(vertices, faces, package.root.unit, _findings(package.left_out))


@dataclass(frozen=True)
class _Place:
    """Where an object stands: its part of the archive, and the objects around it, outermost first."""

    path: str
    transform: Transform
    around: tuple[tuple[str, str], ...] = ()


class _Package:
    """The model parts of an archive, read when they are first named, and their expansion under one budget."""

    def __init__(self, archive: Archive, root_name: str) -> None:
        self._archive = archive
        self._names = {name.casefold(): name for name in archive.names}
        self._models: dict[str, Model] = {}
        self._root_name = root_name
        self._expansions = 0
        self._triangles = 0
        self.left_out: Counter[str] = Counter()
        self.root = self._model(root_name)
        if CONFIG in archive:
            self.left_out.update(without_volumes(self.root, read_volumes(archive.read(CONFIG))))

    def placed(self) -> Iterator[tuple[ModelObject, Transform]]:
        """Every mesh to be made, with its transform into the root's unit."""
        for item in self.root.items:
            if item.printable:
                yield from self._expanded(item, _Place(self._root_name, IDENTITY))
            else:
                self.left_out[UNPRINTED] += 1

    def _expanded(self, reference: Reference, place: _Place) -> Iterator[tuple[ModelObject, Transform]]:
        path = place.path if reference.path is None else self._found(reference.path)
        key = (path, reference.object_id)
        self._spend(key, place)
        found = self._object(path, reference.object_id)
        if found.type != TYPE_OF_PARTS:
            self.left_out[found.type] += 1
            return
        own = IDENTITY if reference.transform is None else reference.transform
        transform = _after(own, place.transform)
        if found.faces is not None and len(found.faces):
            self._triangles += len(found.faces)
            if self._triangles > MOST_TRIANGLES:
                raise too_many_triangles()
            yield found, self._scaled(path, transform)
        elif found.faces is None and not found.components:
            raise unknown_extension(f"object {found.object_id}", "without a mesh")
        for component in found.components:
            yield from self._expanded(component, _Place(path, transform, (*place.around, key)))

    def _spend(self, key: tuple[str, str], place: _Place) -> None:
        shown = ascii(key[1][:40])
        if key in place.around:
            raise file_refusal(
                RefusalCode.REFERENCE_CYCLE,
                f"Object {shown} of the 3MF contains itself through its components. Export the part again.",
            )
        self._expansions += 1
        if self._expansions > MOST_COMPONENT_EXPANSIONS or len(place.around) > DEEPEST_COMPONENTS:
            raise file_refusal(
                RefusalCode.EXPANSION_TOO_LARGE,
                f"The 3MF repeats its objects more than {MOST_COMPONENT_EXPANSIONS:,} times, or nests them more than "
                f"{DEEPEST_COMPONENTS} deep (at object {shown}). Export the parts one by one.",
            )

    def _object(self, path: str, object_id: str) -> ModelObject:
        found = self._model(path).objects.get(object_id)
        if found is None:
            raise file_refusal(
                RefusalCode.REFERENCE_BROKEN,
                f"The 3MF builds object {object_id[:40]!a}, which {path[:100]!a} does not hold. Export the part again.",
            )
        return found

    def _scaled(self, path: str, transform: Transform) -> Transform:
        """The transform for vertices in the unit of another model part than the root."""
        ratio = MM_PER_UNIT[self._model(path).unit] / MM_PER_UNIT[self.root.unit]
        return transform if ratio == 1 else transform * np.array([[ratio], [ratio], [ratio], [1.0]])

    def _model(self, path: str) -> Model:
        if path not in self._models:
            self._models[path] = read_model(self._archive.read(path), path)
        return self._models[path]

    def _found(self, target: str) -> str:
        name = self._names.get(unquote(target).lstrip("/").casefold())
        if name is None:
            raise file_refusal(
                RefusalCode.REFERENCE_BROKEN,
                f"The 3MF continues in {target[:100]!a}, which is not in the archive. Export the part again.",
            )
        return name


def _root_name(archive: Archive) -> str:
    """The part the relationships call the model, else the usual name, else any model."""
    names = {name.casefold(): name for name in archive.names}
    if RELATIONSHIPS in archive:
        target = _related_model(archive)
        if target is not None and (name := names.get(unquote(target).lstrip("/").casefold())):
            return name
    if name := names.get(USUAL_ROOT.casefold()):
        return name
    models = sorted(name for name in archive.names if name.casefold().endswith(".model"))
    if models:
        return models[0]
    if _sliced(archive):
        raise _sliced_without_mesh()
    raise refuse_unquotable(FileFormat.ZIP)


def _related_model(archive: Archive) -> str | None:
    targets: list[str] = []

    def on_start(name: str, attributes: Mapping[str, str]) -> None:
        if name.rpartition(SEPARATOR)[2] != "Relationship":
            return
        kind = attributes.get("Type", "").lower()
        if kind.endswith(SECRETS):
            raise encrypted()
        if kind.endswith(ROOT_MODEL):
            targets.append(attributes.get("Target", ""))

    reader = XmlReader(on_start, what=f"{RELATIONSHIPS} in the archive")
    for chunk in archive.chunks(RELATIONSHIPS):
        reader.feed(chunk)
    reader.close()
    return targets[0] if targets else None


def _after(first: Transform, second: Transform) -> Transform:
    """The transform that does `first`, then `second`."""
    product = first @ second[:3]
    product[3] += second[3]
    return product


def _joined(placed: list[tuple[ModelObject, Transform]]) -> tuple[Vertices, Faces]:
    vertices: list[Vertices] = []
    faces: list[Faces] = []
    before = 0
    for found, transform in placed:
        if found.vertices is None or found.faces is None:
            continue
        determinant = float(np.linalg.det(transform[:3]))
        if not abs(determinant) > FLAT:
            raise file_refusal(
                RefusalCode.FILE_UNREADABLE,
                f"A transform flattens object {found.object_id[:40]!a} of the 3MF to nothing. Export the part again.",
            )
        vertices.append(found.vertices @ transform[:3] + transform[3])
        # A mirror turns surfaces inside out; reading their corners backwards turns them back.
        faces.append((found.faces if determinant > 0 else found.faces[:, ::-1]) + before)
        before += len(found.vertices)
    return np.concatenate(vertices), np.concatenate(faces)


def _findings(left_out: Counter[str]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for kind, count in sorted(left_out.items()):
        hidden = kind == UNPRINTED
        found.append(
            Finding(
                code=FindingCode.HIDDEN_CONTENT if hidden else FindingCode.SUPPORT_OBJECTS_LEFT_OUT,
                severity=Severity.WARNING,
                message=f"{count:,} objects of the 3MF are {kind[:40]!a}, and were neither measured nor priced.",
                remedy="Mark them as printable in the slicer and save again if they belong to the part."
                if hidden
                else "Save them as ordinary parts of the model if they are to be made.",
                number=count,
                measure="objects",
            )
        )
    return tuple(found)


def _nothing(archive: Archive, package: _Package) -> QuotingRefusalError:
    """Why a package builds no triangle."""
    if _sliced(archive):
        return _sliced_without_mesh()
    if package.left_out:
        kinds = ", ".join(ascii(kind[:40]) for kind in sorted(package.left_out))
        reason = f"Everything in the 3MF is left out ({kinds}). Mark the part as printable and save it again."
    elif package.root.objects:
        reason = "The 3MF holds objects and builds none: place the part on the plate and save it again."
    else:
        reason = "The 3MF holds no part. Check that the body was selected and visible when it was exported."
    return file_refusal(RefusalCode.MESH_NO_TRIANGLES, reason)


def _sliced(archive: Archive) -> bool:
    return any(name.casefold().endswith((".gcode", ".bgcode")) for name in archive.names)


def _sliced_without_mesh() -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.SLICED_WITHOUT_MESH,
        "The 3MF is sliced (.gcode.3mf): it drives one printer and holds no part to measure. Save the project itself "
        "(File > Save project, or Export as 3MF), or export the part as STL.",
    )
