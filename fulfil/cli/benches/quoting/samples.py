"""The files that are measured: meshes of any size, a drawing of curves, an exact solid."""

import math
import re
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RING_MM, TUBE_MM = 40, 12
FACET = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
STRIP = 256  # rings written at once

# A cylinder of STEP entities; `@3` is the third of them, `{x}`, `{y}`, `{r}`, `{h}` are millimetres.
CYLINDER = """CARTESIAN_POINT('',({x},{y},0.))
DIRECTION('',(0.,0.,1.))
DIRECTION('',(1.,0.,0.))
AXIS2_PLACEMENT_3D('',@1,@2,@3)
CARTESIAN_POINT('',({x},{y},{h}))
AXIS2_PLACEMENT_3D('',@5,@2,@3)
CARTESIAN_POINT('',({xr},{y},0.))
CARTESIAN_POINT('',({xr},{y},{h}))
VERTEX_POINT('',@7)
VERTEX_POINT('',@8)
CIRCLE('',@4,{r})
CIRCLE('',@6,{r})
EDGE_CURVE('',@9,@9,@11,.T.)
EDGE_CURVE('',@10,@10,@12,.T.)
VECTOR('',@2,1.)
LINE('',@7,@15)
EDGE_CURVE('',@9,@10,@16,.T.)
CYLINDRICAL_SURFACE('',@4,{r})
DIRECTION('',(0.,0.,-1.))
AXIS2_PLACEMENT_3D('',@1,@19,@3)
PLANE('',@20)
PLANE('',@6)
ORIENTED_EDGE('',*,*,@13,.T.)
ORIENTED_EDGE('',*,*,@17,.T.)
ORIENTED_EDGE('',*,*,@14,.F.)
ORIENTED_EDGE('',*,*,@17,.F.)
EDGE_LOOP('',(@23,@24,@25,@26))
FACE_OUTER_BOUND('',@27,.T.)
ADVANCED_FACE('',(@28),@18,.T.)
ORIENTED_EDGE('',*,*,@13,.F.)
EDGE_LOOP('',(@30))
FACE_OUTER_BOUND('',@31,.T.)
ADVANCED_FACE('',(@32),@21,.T.)
ORIENTED_EDGE('',*,*,@14,.T.)
EDGE_LOOP('',(@34))
FACE_OUTER_BOUND('',@35,.T.)
ADVANCED_FACE('',(@36),@22,.T.)
CLOSED_SHELL('',(@29,@33,@37))
MANIFOLD_SOLID_BREP('',@38)""".splitlines()

PRODUCT = """APPLICATION_CONTEXT('automotive design')
APPLICATION_PROTOCOL_DEFINITION('international standard','automotive_design',2000,@1)
PRODUCT_CONTEXT('',@1,'mechanical')
PRODUCT('part','part','',(@3))
PRODUCT_DEFINITION_FORMATION('','',@4)
PRODUCT_DEFINITION_CONTEXT('part definition',@1,'design')
PRODUCT_DEFINITION('design','',@5,@6)
PRODUCT_DEFINITION_SHAPE('','',@7)
(LENGTH_UNIT()NAMED_UNIT(*)SI_UNIT(.MILLI.,.METRE.))
(NAMED_UNIT(*)PLANE_ANGLE_UNIT()SI_UNIT($,.RADIAN.))
(NAMED_UNIT(*)SI_UNIT($,.STERADIAN.)SOLID_ANGLE_UNIT())
UNCERTAINTY_MEASURE_WITH_UNIT(LENGTH_MEASURE(1.E-06),@9,'distance_accuracy_value','')
(GEOMETRIC_REPRESENTATION_CONTEXT(3)GLOBAL_UNCERTAINTY_ASSIGNED_CONTEXT((@12))\
GLOBAL_UNIT_ASSIGNED_CONTEXT((@9,@10,@11))REPRESENTATION_CONTEXT('',''))
ADVANCED_BREP_SHAPE_REPRESENTATION('',({solids}),@13)
SHAPE_DEFINITION_REPRESENTATION(@8,@14)""".splitlines()

STEP_START = """ISO-10303-21;
HEADER;
FILE_DESCRIPTION((''),'2;1');
FILE_NAME('part.step','2026-01-01T00:00:00',(''),(''),'','','');
FILE_SCHEMA(('AUTOMOTIVE_DESIGN { 1 0 10303 214 1 1 1 1 }'));
ENDSEC;
DATA;
"""
STEP_END = "ENDSEC;\nEND-ISO-10303-21;\n"


def ring_corners(triangles: int) -> NDArray[np.float32]:
    """A torus of at least that many outward triangles, (n, 3 corners, 3 coordinates) in mm."""
    around = max(8, math.isqrt(triangles // 2 - 1) + 1)
    return np.concatenate([_strip(first, min(first + STRIP, around), around) for first in range(0, around, STRIP)])


def write_ring_stl(path: Path, triangles: int) -> int:
    """The same as a binary STL, written in strips so that no memory is needed; how many triangles it has."""
    around = max(8, math.isqrt(triangles // 2 - 1) + 1)
    with path.open("wb") as file:
        file.write(b"a ring".ljust(80, b"\0") + struct.pack("<I", 2 * around * around))
        for first in range(0, around, STRIP):
            corners = _strip(first, min(first + STRIP, around), around)
            facets = np.zeros(len(corners), FACET)
            facets["corners"] = corners
            file.write(facets.tobytes())
    return 2 * around * around


def _strip(first: int, last: int, around: int) -> NDArray[np.float32]:
    """The quadrangles between some rings, two triangles each."""
    turn = 2 * np.pi / around
    u = (np.arange(first, last + 1) % around * turn)[:, None]
    v = (np.arange(around + 1) % around * turn)[None, :]
    reach = RING_MM + TUBE_MM * np.cos(v)
    height = np.broadcast_to(TUBE_MM * np.sin(v), (len(u), around + 1))
    points = np.stack([reach * np.cos(u), reach * np.sin(u), height], axis=-1).astype(np.float32)
    a, b, c, d = points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]
    return np.stack([a, b, c, a, c, d], axis=2).reshape(-1, 3, 3)


def curves_svg(contours: int, curves: int) -> bytes:
    """Closed wavy contours, each of so many cubic curves, side by side in nested groups, in millimetres."""
    columns = max(1, round(contours**0.5))
    side = 20 * columns
    paths: list[str] = []
    for number in range(contours):
        middle = 20 * np.array([number % columns, number // columns]) + 10
        turn = np.arange(3 * curves + 1) * 2 * np.pi / (3 * curves)
        reach = 6 + np.sin(5 * turn)
        points = middle + np.stack([reach * np.cos(turn), reach * np.sin(turn)], axis=1)
        points[-1] = points[0]
        words = [f"{x:.3f} {y:.3f}" for x, y in points.tolist()]
        body = " ".join(f"C{words[at]} {words[at + 1]} {words[at + 2]}" for at in range(1, 3 * curves, 3))
        paths.append(f'<path d="M{words[0]} {body}Z"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}mm" height="{side}mm" viewBox="0 0 {side} {side}">'
        f'<g stroke="#ff0000" fill="none" stroke-width="0.1"><g transform="scale(0.5) scale(2)">'
        f"{''.join(paths)}</g></g></svg>"
    ).encode()


def pins_step(pins: int) -> bytes:
    """So many cylinders of 8 mm by 20 mm, exact, in millimetres."""
    lines: list[str] = []
    solids: list[str] = []
    for number in range(pins):
        x, y = 12.0 * (number % 10), 12.0 * (number // 10)
        _add(lines, CYLINDER, {"x": f"{x}", "y": f"{y}", "xr": f"{x + 4}", "r": "4.", "h": "20."})
        solids.append(f"#{len(lines)}")
    _add(lines, PRODUCT, {"solids": ",".join(solids)})
    return (STEP_START + "\n".join(lines) + "\n" + STEP_END).encode()


def _add(lines: list[str], entities: Sequence[str], numbers: dict[str, str]) -> None:
    base = len(lines)
    for entity in entities:
        filled = re.sub(r"\{(\w+)\}", lambda name: numbers[name[1]], entity)
        body = re.sub(r"@(\d+)", lambda place: f"#{base + int(place[1])}", filled)
        lines.append(f"#{len(lines) + 1}={body};")
