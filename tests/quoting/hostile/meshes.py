"""Hostile files of solids: STL, OBJ, STEP here; zip and 3MF beside it."""

import random
import struct
from collections.abc import Callable
from functools import partial

import numpy as np

from tests.quoting.hostile.files import Expectation, HostileFile
from tests.quoting.hostile.packages import HOSTILE_PACKAGES
from tests.quoting.making_solids import ascii_stl, binary_stl, box, inverted, moved, sphere, together
from tests.quoting.readers.step_files import FOOTER, HEADER, step_box, step_cylinder

CUBE = box(10, 10, 10)
BINARY, ASCII = binary_stl(CUBE), ascii_stl(CUBE)
BALL = binary_stl(sphere(10, 20))
STEP_BOX, STEP_CYLINDER = step_box(10, 20, 30), step_cylinder(10, 30)
CUBE_OBJ = b"""v 0 0 0\nv 10 0 0\nv 10 10 0\nv 0 10 0\nv 0 0 10\nv 10 0 10\nv 10 10 10\nv 0 10 10
f 4 3 2 1\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n"""


def with_number(number: float) -> bytes:
    """The binary cube with one coordinate replaced."""
    spoiled = CUBE.copy()
    spoiled[5, 1, 2] = number
    return binary_stl(spoiled)


def half_turned() -> bytes:
    turned = CUBE.copy()
    turned[::2] = turned[::2, ::-1]
    return binary_stl(turned)


def with_shell_flipped() -> bytes:
    """A hollow cube whose inner surface points the wrong way: two solids in one place."""
    return binary_stl(together(CUBE, box(5, 5, 5, at=(2.5, 2.5, 2.5))))


def random_bytes() -> bytes:
    return random.Random(5).randbytes(5000)


def many_groups() -> bytes:
    """20,000 groups, each a tetrahedron, in 2 MB."""
    return b"".join(
        b"g part%d\nusemtl m%d\nv 0 0 %d\nv 1 0 %d\nv 0 1 %d\nv 0 0 %d.5\n" % (n, n, n, n, n, n)
        + b"f -4 -2 -3\nf -4 -3 -1\nf -3 -2 -1\nf -2 -4 -1\n"
        for n in range(20_000)
    )


def star(corners: int) -> bytes:
    """One flat polygon whose every second corner turns back."""
    turn = np.arange(corners) * 2 * np.pi / corners
    radius = np.where(np.arange(corners) % 2, 10, 9)
    lines = [f"v {x:.6f} {y:.6f} 0" for x, y in zip(radius * np.cos(turn), radius * np.sin(turn), strict=True)]
    return "\n".join([*lines, "f " + " ".join(map(str, range(1, corners + 1))), ""]).encode()


def many_stars() -> bytes:
    """Five polygons of 5,000 corners over the same vertices."""
    vertices, _, face = star(5000).rpartition(b"f ")
    return vertices + (b"f " + face) * 5


def mutated(content: bytes, seed: int, changes: int) -> bytes:
    """Some digits of the data replaced; which of these files crash OpenCascade was found by trying."""
    chance = random.Random(seed)
    spoiled = bytearray(content)
    digits = [index for index in range(content.index(b"DATA;"), len(content)) if content[index : index + 1].isdigit()]
    for index in chance.sample(digits, changes):
        spoiled[index] = ord("0") + chance.randrange(10)
    return bytes(spoiled)


def step_of(data: str) -> bytes:
    return (HEADER + data + FOOTER).encode()


def obj(name: str, old: bytes, new: bytes, expects: Expectation) -> HostileFile:
    """The OBJ cube with one thing replaced."""
    return HostileFile(f"OBJ: {name}", lambda: CUBE_OBJ.replace(old, new, 1), expects)


def stl(name: str, make: Callable[[], bytes], expects: Expectation) -> HostileFile:
    return HostileFile(f"STL: {name}", make, expects)


STL = (
    stl("empty", bytes, "refused"),
    stl("only a header", lambda: BINARY[:84], "refused"),
    stl("cut in a facet", lambda: BINARY[:-30], "refused"),
    stl("counts too many", lambda: binary_stl(CUBE, count=13), "refused"),
    stl("counts too few", lambda: binary_stl(CUBE, count=5), "refused"),
    stl("counts 4,294,967,295", lambda: binary_stl(CUBE, count=0xFFFFFFFF), "refused"),
    stl("counts none", lambda: binary_stl(CUBE, count=0), "refused"),
    stl("a few bytes too many", lambda: BALL + bytes(100), "finding"),
    stl("random bytes", random_bytes, "refused"),
    stl("prose", lambda: b"solid arguments, dear Sir. " * 40, "refused"),
    stl("ASCII without its end", lambda: ASCII.replace(b"endsolid part\n", b""), "refused"),
    stl("ASCII cut in half", lambda: ASCII[: len(ASCII) // 2], "refused"),
    stl("ASCII with a word for a number", lambda: ASCII.replace(b"10 10 10", b"10 ten 10", 1), "refused"),
    stl("ASCII lacking a vertex", lambda: ASCII.replace(b"vertex 10 10 10", b"", 1), "refused"),
    stl("NaN", lambda: with_number(float("nan")), "refused"),
    stl("infinity", lambda: with_number(float("inf")), "refused"),
    stl("1e30", lambda: with_number(1e30), "refused"),
    stl("all facets degenerate", lambda: binary_stl(np.zeros_like(CUBE)), "refused"),
    stl("inside out", lambda: binary_stl(inverted(CUBE)), "finding"),
    stl("mixed winding", half_turned, "finding"),
    stl("one shell flipped", with_shell_flipped, "finding"),
    stl("every facet twice", lambda: binary_stl(together(CUBE, CUBE)), "finding"),
    stl("two boxes overlap", lambda: binary_stl(together(CUBE, moved(CUBE, (5, 5, 5)))), "finding"),
    stl("a hole", lambda: binary_stl(CUBE[:-1]), "finding"),
    stl("drawn in metres", lambda: binary_stl(box(0.05, 0.05, 0.05)), "finding"),
)

OBJ = (
    obj("index too high", b"f 4 3 2 1", b"f 4 3 2 9", "refused"),
    obj("index zero", b"f 4 3 2 1", b"f 4 3 2 0", "refused"),
    obj("index negative beyond the first", b"f 4 3 2 1", b"f 4 3 2 -9", "refused"),
    obj("index of thirty digits", b"f 4 3 2 1", b"f 4 3 2 " + b"9" * 30, "refused"),
    obj("index is a word", b"f 4 3 2 1", b"f 4 3 2 one", "refused"),
    obj("coordinate is a word", b"v 10 0 0", b"v 10 zero 0", "refused"),
    obj("coordinate missing", b"v 10 0 0", b"v 10 0", "refused"),
    obj("NaN", b"v 10 0 0", b"v nan 0 0", "refused"),
    obj("infinity", b"v 10 0 0", b"v 1e999 0 0", "refused"),
    obj("1e30", b"v 10 0 0", b"v 1e30 0 0", "refused"),
    obj("a face of two corners", b"f 4 3 2 1", b"f 4 3", "refused"),
    obj("cut in a line", b"f 4 1 5 8\n", b"f 4 1", "refused"),
    obj("a free-form surface", b"f 4 3 2 1", b"cstype bezier\ndeg 3 3\nsurf 0 1 0 1 1 2 3 4", "refused"),
    obj("continues in another file", b"f 4 3 2 1", b"call ../../etc/passwd", "refused"),
    obj("garbage in the middle", b"f 4 3 2 1", bytes(range(128, 256)), "refused"),
    obj("a library outside", b"v 0 0 0", b"mtllib ../../etc/passwd\nv 0 0 0", "finding"),
    obj("a side is missing", b"f 4 3 2 1\n", b"", "finding"),
    HostileFile("OBJ: no faces", lambda: CUBE_OBJ.partition(b"f ")[0] + b"l 1 2\np 3\n", "refused"),
    HostileFile("OBJ: 20,000 groups", many_groups, "finding"),
    HostileFile("OBJ: a face of 20,000 corners", lambda: star(20_000), "refused"),
    HostileFile("OBJ: five faces of 5,000 corners", many_stars, "refused"),
)

STEP = (
    HostileFile("STEP: cut short", lambda: step_box(10, 10, 10)[:-400], "refused"),
    HostileFile("STEP: only a header", lambda: step_of("").replace(b"DATA;", b""), "refused"),
    HostileFile("STEP: no entities", lambda: step_of(""), "refused"),
    HostileFile("STEP: only points", lambda: step_of("#1=CARTESIAN_POINT('',(0.,0.,0.));\n"), "refused"),
    HostileFile("STEP: garbage as data", lambda: step_of("#1=((((;;\n'#2=" * 50), "refused"),
    HostileFile("STEP: unknown entities", lambda: step_box(9, 9, 9).replace(b"ADVANCED_FACE", b"NO_FACE"), "refused"),
    *(
        HostileFile(f"STEP: box crashing OpenCascade {seed}", partial(mutated, STEP_BOX, seed, 3), "limits")
        for seed in (23, 26, 35)
    ),
    *(
        HostileFile(f"STEP: cylinder crashing OpenCascade {seed}", partial(mutated, STEP_CYLINDER, seed, 3), "limits")
        for seed in (8, 13, 15, 39)
    ),
)

OTHERS = (
    HostileFile("unknown: 16 bytes of zeros", lambda: bytes(16), "refused"),
    HostileFile("GLB without chunks", lambda: struct.pack("<4sII", b"glTF", 2, 12), "refused"),
)

HOSTILE_MESHES: tuple[HostileFile, ...] = (*STL, *OBJ, *STEP, *OTHERS, *HOSTILE_PACKAGES)
