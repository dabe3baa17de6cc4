"""GLB: nodes place meshes, and a broken structure is an error of its own."""

import json
import struct

import numpy as np
import pytest

from fulfil.quoting.readers.glb import GlbError, read_glb

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4")
INDICES = np.array([0, 1, 2], "<u2")
HALF = 0.5**0.5


def glb(nodes: list[dict[str, object]], *, count: int = 3, indices: bytes = INDICES.tobytes()) -> bytes:
    """A file of one triangle, placed by `nodes`, of which the first is the scene's."""
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": nodes,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": count, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": 36},
            {"buffer": 0, "byteOffset": 36, "byteLength": len(indices)},
        ],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary = POINTS.tobytes() + indices
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


PLACED = {
    "as it is": ([{"mesh": 0}], POINTS.tolist()),
    "moved": ([{"mesh": 0, "translation": [1, 2, 3]}], [[1, 2, 3], [2, 2, 3], [1, 3, 3]]),
    "scaled, turned by 90 degrees about z, moved": (
        [{"mesh": 0, "scale": [2, 3, 4], "rotation": [0, 0, HALF, HALF], "translation": [5, 0, 0]}],
        [[5, 0, 0], [5, 2, 0], [2, 0, 0]],
    ),
    "by a matrix, inside a moved node": (
        [
            {"children": [1], "translation": [0, 0, 7]},
            {"mesh": 0, "matrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 1, 0, 0, 1]},
        ],
        [[1, 0, 7], [3, 0, 7], [1, 2, 7]],
    ),
}


@pytest.mark.parametrize(("nodes", "expected"), PLACED.values(), ids=PLACED.keys())
def test_nodes_place_their_meshes(nodes: list[dict[str, object]], expected: list[list[float]]) -> None:
    vertices, faces = read_glb(glb(nodes))
    assert vertices[faces[0]] == pytest.approx(np.array(expected))


def test_a_mirrored_node_keeps_its_outside() -> None:
    _, faces = read_glb(glb([{"mesh": 0, "scale": [-1, 1, 1]}]))
    assert faces.tolist() == [[2, 1, 0]]


def test_a_scene_without_meshes_is_empty() -> None:
    vertices, faces = read_glb(glb([{}]))
    assert (len(vertices), len(faces)) == (0, 0)


BROKEN = {
    "nothing": b"",
    "another file": b"GIF89a" + bytes(100),
    "cut short": glb([{"mesh": 0}])[:-8],
    "endless nodes": glb([{"mesh": 0, "children": [0]}]),
    "missing mesh": glb([{"mesh": 5}]),
    "missing node": glb([{"children": [9]}]),
    "indices out of range": glb([{"mesh": 0}], indices=np.array([0, 1, 9], "<u2").tobytes()),
    "indices fewer than announced": glb([{"mesh": 0}], count=300),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_structure_is_an_error(content: bytes) -> None:
    with pytest.raises(GlbError):
        read_glb(content)
