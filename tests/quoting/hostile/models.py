"""Model parts of 3MF files as text, right or wrong on purpose."""

from collections.abc import Sequence

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
BEAMS = "http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"

POINTS = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
FACES = (
    (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
    (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
)  # fmt: skip


def mesh(*sides: float, first_x: str | None = None, last_corner: str = "3", more: str = "") -> str:
    """A box as a `mesh` element; the first coordinate and the last index may be anything."""
    points = [tuple(s * c for s, c in zip(sides, point, strict=True)) for point in POINTS]
    rows = [[str(x), str(y), str(z)] for x, y, z in points]
    rows[0][0] = rows[0][0] if first_x is None else first_x
    corners = [[str(index) for index in face] for face in FACES]
    corners[-1][2] = last_corner
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in rows)
    triangles = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in corners)
    return f"<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles>{more}</mesh>"


def box_object(object_id: int, *sides: float, kind: str = "model") -> str:
    """An object that is a box with a corner at the origin."""
    return f'<object id="{object_id}" type="{kind}">{mesh(*sides)}</object>'


def assembly(object_id: int, components: Sequence[str]) -> str:
    """An object made of `component` elements."""
    return f'<object id="{object_id}" type="model"><components>{"".join(components)}</components></object>'


def component(object_id: int, transform: str = "", path: str = "") -> str:
    """A reference to an object, perhaps in another part of the archive."""
    return f'<component objectid="{object_id}"{_placed(transform, path)}/>'


def item(object_id: int, transform: str = "", path: str = "", printable: str = "") -> str:
    """A build item."""
    shown = f' printable="{printable}"' if printable else ""
    return f'<item objectid="{object_id}"{_placed(transform, path)}{shown}/>'


def model(resources: str, build: str, *, unit: str = "millimeter", attributes: str = "", before: str = "") -> str:
    """The whole document."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{before}<model unit="{unit}" xmlns="{CORE}" xmlns:p="{PRODUCTION}" '
        f"{attributes}><resources>{resources}</resources><build>{build}</build></model>"
    )


def relationships(target: str, kind: str = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel") -> str:
    """The relationship file of a package."""
    return (
        f'<Relationships xmlns="{RELATIONSHIPS}"><Relationship Id="r1" Target="{target}" Type="{kind}"/>'
        "</Relationships>"
    )


def _placed(transform: str, path: str) -> str:
    return (f' transform="{transform}"' if transform else "") + (f' p:path="{path}"' if path else "")
