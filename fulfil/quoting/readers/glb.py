"""Reads the triangles of a binary glTF, as OpenCascade writes it: positions, indices, and nodes with transforms.

Structure and names as in the glTF 2.0 specification (Khronos), sections 3 and 4.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from fulfil.quoting.limits import DEEPEST_COMPONENTS, MOST_COMPONENT_EXPANSIONS
from fulfil.quoting.readers.corners import Faces, Vertices

CHUNK_HEADER = struct.Struct("<I4s")
FILE_HEADER = struct.Struct("<4sII")
TRIANGLES = 4
POSITIONS = "POSITION"
INDEX_TYPES: dict[int, str] = {5121: "<u1", 5123: "<u2", 5125: "<u4"}
POSITION_BYTES = 12


class GlbError(Exception):
    """The content is no GLB this reader understands; says why."""


class _Accessor(BaseModel):
    buffer_view: int = Field(alias="bufferView")
    offset: int = Field(default=0, alias="byteOffset", ge=0)
    component: int = Field(alias="componentType")
    count: int = Field(ge=0)


class _View(BaseModel):
    offset: int = Field(default=0, alias="byteOffset", ge=0)
    length: int = Field(alias="byteLength", ge=0)
    stride: int | None = Field(default=None, alias="byteStride", ge=1)


class _Primitive(BaseModel):
    attributes: dict[str, int]
    indices: int | None = None
    mode: int = TRIANGLES


class _Mesh(BaseModel):
    primitives: list[_Primitive]


class _Node(BaseModel):
    mesh: int | None = None
    children: list[int] = []
    matrix: list[float] | None = Field(default=None, min_length=16, max_length=16)
    translation: tuple[float, float, float] = (0, 0, 0)
    rotation: tuple[float, float, float, float] = (0, 0, 0, 1)
    scale: tuple[float, float, float] = (1, 1, 1)


class _Scene(BaseModel):
    nodes: list[int] = []


class _Document(BaseModel):
    accessors: list[_Accessor] = []
    views: list[_View] = Field(default=[], alias="bufferViews")
    meshes: list[_Mesh] = []
    nodes: list[_Node] = []
    scenes: list[_Scene] = []
    scene: int = 0


@dataclass(frozen=True)
class _Glb:
    document: _Document
    binary: memoryview

    def positions(self, index: int) -> Vertices:
        accessor = self.document.accessors[index]
        view = self.document.views[accessor.buffer_view]
        stride = view.stride or POSITION_BYTES
        rows: NDArray[np.float32] = np.ndarray(
            (accessor.count, 3), np.dtype("<f4"), self.binary, view.offset + accessor.offset, (stride, 4)
        )
        return rows.astype(np.float64)

    def indices(self, index: int) -> Faces:
        accessor = self.document.accessors[index]
        view = self.document.views[accessor.buffer_view]
        kind: np.dtype[np.uint32] = np.dtype(INDEX_TYPES[accessor.component])
        end = view.offset + accessor.offset + accessor.count * kind.itemsize
        indices: NDArray[np.uint32] = np.frombuffer(self.binary[view.offset + accessor.offset : end], kind)
        if len(indices) != accessor.count:
            raise GlbError("its indices are cut short")
        return indices.astype(np.int64)

    def placed(self, node_index: int, around: NDArray[np.float64], depth: int) -> Iterator[tuple[Vertices, Faces]]:
        if depth > DEEPEST_COMPONENTS:
            raise GlbError("its nodes nest without end")
        node = self.document.nodes[node_index]
        transform = around @ _matrix(node)
        if node.mesh is not None:
            for primitive in self.document.meshes[node.mesh].primitives:
                if primitive.mode == TRIANGLES:
                    yield self._triangles(primitive, transform)
        for child in node.children:
            yield from self.placed(child, transform, depth + 1)

    def _triangles(self, primitive: _Primitive, transform: NDArray[np.float64]) -> tuple[Vertices, Faces]:
        vertices = self.positions(primitive.attributes[POSITIONS])
        flat = np.arange(len(vertices)) if primitive.indices is None else self.indices(primitive.indices)
        if len(flat) % 3 or (len(flat) and int(flat.max()) >= len(vertices)):
            raise GlbError("its indices name vertices that are none")
        faces = flat.reshape(-1, 3)
        mirrored = float(np.linalg.det(transform[:3, :3])) < 0
        return vertices @ transform[:3, :3].T + transform[:3, 3], faces[:, ::-1] if mirrored else faces


def read_glb(content: bytes) -> tuple[Vertices, Faces]:
    """Vertices (n, 3) in metres, the format's unit, and faces (m, 3) of the scene; both may be empty.

    Raises `GlbError` when the structure is broken.
    """
    try:
        glb = _opened(content)
        scene = glb.document.scenes[glb.document.scene] if glb.document.scenes else _Scene()
        vertices: list[Vertices] = [np.empty((0, 3))]
        faces: list[Faces] = [np.empty((0, 3), np.int64)]
        before = 0
        for root in scene.nodes:
            for points, triangles in glb.placed(root, np.eye(4), 0):
                vertices.append(points)
                faces.append(triangles + before)
                before += len(points)
                if len(vertices) > MOST_COMPONENT_EXPANSIONS:
                    raise GlbError("its nodes repeat meshes without end")
    except (ValidationError, KeyError, IndexError, TypeError, ValueError, struct.error) as error:
        raise GlbError(f"its structure is broken ({type(error).__name__})") from error
    return np.concatenate(vertices), np.concatenate(faces)


def _opened(content: bytes) -> _Glb:
    magic, version, _ = FILE_HEADER.unpack_from(content)
    if magic != b"glTF" or version != 2:  # noqa: PLR2004 (the specification's number)
        raise GlbError("it is no binary glTF 2.0")
    text, rest = _chunk(content, FILE_HEADER.size, b"JSON")
    binary = _chunk(content, rest, b"BIN\0")[0] if rest < len(content) else memoryview(b"")
    return _Glb(_Document.model_validate(json.loads(bytes(text))), binary)


def _chunk(content: bytes, start: int, kind: bytes) -> tuple[memoryview, int]:
    length, found = CHUNK_HEADER.unpack_from(content, start)
    end = start + CHUNK_HEADER.size + length
    if found != kind or end > len(content):
        raise GlbError("it is cut short")
    return memoryview(content)[start + CHUNK_HEADER.size : end], end


def _matrix(node: _Node) -> NDArray[np.float64]:
    """The node's transform (4, 4) for column vectors; stated whole, or as scale, then rotation, then translation."""
    if node.matrix is not None:
        return np.array(node.matrix, np.float64).reshape(4, 4).T
    x, y, z, w = node.rotation
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array(node.scale)
    matrix[:3, 3] = node.translation
    return matrix
