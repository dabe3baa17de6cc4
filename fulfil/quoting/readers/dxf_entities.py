"""Turns single DXF entities into cubic segments in their own coordinates, exact to 1e-5 of their size.

Circles, arcs, bulges and ellipses become cubics of an eighth of a turn here; splines and hatch boundaries are taken
apart by ezdxf.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import numpy as np
from ezdxf.entities.arc import Arc
from ezdxf.entities.circle import Circle
from ezdxf.entities.dxfentity import DXFEntity
from ezdxf.entities.dxfgfx import DXFGraphic
from ezdxf.entities.ellipse import Ellipse
from ezdxf.entities.line import Line
from ezdxf.entities.lwpolyline import LWPolyline
from ezdxf.entities.polygon import DXFPolygon
from ezdxf.entities.polyline import Polyline
from ezdxf.entities.solid import Solid
from ezdxf.entities.spline import Spline
from ezdxf.math import OCS, Vec3
from ezdxf.path import Curve4To, LineTo, MoveTo, Path, from_hatch, make_path
from numpy.typing import NDArray

from fulfil.quoting.drawings.curves import arc_segments

# (n, 4, 3): control points in the world's coordinates.
Solids = NDArray[np.float64]
# Each with its straight flags; one entry per contour.
Contours = list[tuple[Solids, NDArray[np.bool_]]]

ONE_LINE = np.ones(1, dtype=np.bool_)
FULL_TURN = math.tau - 1e-9
SPLINE_LEVEL = 5  # halvings per span of splines that are no plain cubics
SMALLEST_BULGE = 1e-9


def contours_of(entity: DXFEntity) -> Contours | None:
    """The contours an entity draws, None for kinds that draw none here. Raises what ezdxf raises for broken ones."""
    for kind, draw in KINDS:
        if isinstance(entity, kind):
            return draw(entity)
    return None


def _line(line: Line) -> Contours:
    start, end = Vec3(line.dxf.start).xyz, Vec3(line.dxf.end).xyz
    return [(np.array([[start, start, end, end]]), ONE_LINE)]


def _circle(circle: Circle) -> Contours:
    return _round(circle, 0.0, math.tau)


def _arc(arc: Arc) -> Contours:
    start = math.radians(arc.dxf.start_angle)
    sweep = math.radians((arc.dxf.end_angle - arc.dxf.start_angle) % 360) or math.tau
    return _round(arc, start, sweep)


def _round(circle: Circle, start: float, sweep: float) -> Contours:
    radius, centre = abs(circle.dxf.radius), Vec3(circle.dxf.center)
    flat = np.array(arc_segments(start, sweep)).reshape(-1, 4, 2) * radius + (centre.x, centre.y)
    return [_curved(_to_world(flat, circle.ocs(), centre.z))]


def _ellipse(ellipse: Ellipse) -> Contours:
    centre, major, minor = Vec3(ellipse.dxf.center), Vec3(ellipse.dxf.major_axis), Vec3(ellipse.minor_axis)
    start = ellipse.dxf.start_param
    sweep = (ellipse.dxf.end_param - start) % math.tau or math.tau
    if abs(ellipse.dxf.end_param - start) >= FULL_TURN:
        sweep = math.tau
    unit = np.array(arc_segments(start, sweep)).reshape(-1, 4, 2)
    axes = np.array([major.xyz, minor.xyz])
    return [_curved(unit @ axes + np.array(centre.xyz))]


def _lwpolyline(polyline: LWPolyline) -> Contours:
    points = [(float(x), float(y), float(bulge)) for x, y, bulge in polyline.get_points("xyb")]
    return _bulged(points, closed=polyline.closed, ocs=polyline.ocs(), elevation=float(polyline.dxf.elevation))


def _polyline(polyline: Polyline) -> Contours | None:
    if polyline.is_polygon_mesh or polyline.is_poly_face_mesh:
        return None
    if polyline.is_3d_polyline:
        corners = list(polyline.points())
        return [_straight([*corners, corners[0]] if polyline.is_closed and corners else corners)]
    points = [(v.dxf.location.x, v.dxf.location.y, float(v.dxf.get("bulge", 0))) for v in polyline.vertices]
    elevation = Vec3(polyline.dxf.get("elevation", (0, 0, 0))).z
    return _bulged(points, closed=polyline.is_closed, ocs=polyline.ocs(), elevation=elevation)


def _bulged(points: Sequence[tuple[float, float, float]], *, closed: bool, ocs: OCS, elevation: float) -> Contours:
    """Lines and arcs; a bulge is the tangent of a quarter of its arc's angle, positive to the left."""
    ends = [*points[1:], points[0]] if closed and points else points[1:]
    numbers: list[tuple[float, ...]] = []
    straight: list[bool] = []
    for (x0, y0, bulge), (x1, y1, _) in zip(points, ends, strict=False):
        if abs(bulge) < SMALLEST_BULGE:
            numbers.append((x0, y0, x0, y0, x1, y1, x1, y1))
            straight.append(True)
            continue
        sweep = 4 * math.atan(bulge)
        # The centre lies beside the chord's middle.
        away = (1 - bulge * bulge) / (4 * bulge)
        cx, cy = (x0 + x1) / 2 - (y1 - y0) * away, (y0 + y1) / 2 + (x1 - x0) * away
        radius = math.hypot(x0 - cx, y0 - cy)
        pieces = np.array(arc_segments(math.atan2(y0 - cy, x0 - cx), sweep)) * radius + (cx, cy) * 4
        pieces[0, :2], pieces[-1, 6:] = (x0, y0), (x1, y1)
        numbers.extend(map(tuple, pieces.tolist()))
        straight.extend([False] * len(pieces))
    if not numbers:
        return []
    flat = np.array(numbers).reshape(-1, 4, 2)
    return [(_to_world(flat, ocs, elevation), np.array(straight, dtype=np.bool_))]


def _solid(solid: Solid) -> Contours:
    corners = list(solid.wcs_vertices())
    return [_straight([*corners, corners[0]])]


def _spline(spline: Spline) -> Contours:
    return list(_of_path(make_path(spline, level=SPLINE_LEVEL)))


def _hatch(hatch: DXFPolygon) -> Contours:
    return [contour for path in from_hatch(hatch) for contour in _of_path(path, closed=True)]


def _of_path(path: Path, *, closed: bool = False) -> Iterator[tuple[Solids, NDArray[np.bool_]]]:
    rows: list[tuple[Vec3, ...]] = []
    straight: list[bool] = []
    at = begin = Vec3(path.start)
    for command in path.commands():
        end = Vec3(command.end)
        if isinstance(command, MoveTo):
            begin = end
        elif isinstance(command, LineTo):
            rows.append((at, at, end, end))
            straight.append(True)
        elif isinstance(command, Curve4To):
            rows.append((at, Vec3(command.ctrl1), Vec3(command.ctrl2), end))
            straight.append(False)
        else:
            handle = Vec3(command.ctrl)
            rows.append((at, (at + handle * 2) / 3, (end + handle * 2) / 3, end))
            straight.append(False)
        at = end
    if closed and rows and not at.isclose(begin):
        rows.append((at, at, begin, begin))
        straight.append(True)
    if rows:
        yield np.array([[point.xyz for point in row] for row in rows]), np.array(straight, dtype=np.bool_)


def _straight(points: Iterable[Vec3]) -> tuple[Solids, NDArray[np.bool_]]:
    rows = np.array([Vec3(point).xyz for point in points]).reshape(-1, 3)
    lines = np.stack([rows[:-1], rows[:-1], rows[1:], rows[1:]], axis=1)
    return lines, np.ones(len(lines), dtype=np.bool_)


def _curved(segments: Solids) -> tuple[Solids, NDArray[np.bool_]]:
    return segments, np.zeros(len(segments), dtype=np.bool_)


def _to_world(flat: NDArray[np.float64], ocs: OCS, elevation: float) -> Solids:
    lifted = np.concatenate([flat, np.full((*flat.shape[:-1], 1), elevation)], axis=-1)
    if not ocs.transform:
        return lifted
    axes = np.array([ocs.ux.xyz, ocs.uy.xyz, ocs.uz.xyz])
    return np.asarray(lifted @ axes, dtype=np.float64)


KINDS = cast(
    "tuple[tuple[type[DXFGraphic], Callable[[DXFEntity], Contours | None]], ...]",
    (
        (Line, _line),
        (LWPolyline, _lwpolyline),
        (Arc, _arc),  # before Circle, which it derives from
        (Circle, _circle),
        (Ellipse, _ellipse),
        (Polyline, _polyline),
        (Spline, _spline),
        (DXFPolygon, _hatch),
        (Solid, _solid),
    ),
)
AREAS = (DXFPolygon, Solid)
