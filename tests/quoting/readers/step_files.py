"""STEP files (AP214) of boxes and cylinders of known volume, written entity by entity."""

from collections.abc import Sequence

Vector = tuple[float, float, float]

HEADER = """ISO-10303-21;
HEADER;
FILE_DESCRIPTION(('made for tests'),'2;1');
FILE_NAME('part.step','2026-01-01T00:00:00',(''),(''),'','','');
FILE_SCHEMA(('AUTOMOTIVE_DESIGN { 1 0 10303 214 1 1 1 1 }'));
ENDSEC;
DATA;
"""
FOOTER = "ENDSEC;\nEND-ISO-10303-21;\n"
CORNERS = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
# Corner numbers around each side, counter-clockwise from outside.
SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


class _Writer:
    """Numbers entities as they are added."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, entity: str) -> str:
        self.lines.append(f"#{len(self.lines) + 1}={entity};")
        return f"#{len(self.lines)}"

    def point(self, at: Sequence[float]) -> str:
        return self.add(f"CARTESIAN_POINT('',({_numbers(at)}))")

    def direction(self, towards: Sequence[float]) -> str:
        return self.add(f"DIRECTION('',({_numbers(towards)}))")

    def vertex(self, at: Sequence[float]) -> str:
        return self.add(f"VERTEX_POINT('',{self.point(at)})")

    def axes(self, at: Sequence[float], normal: Sequence[float], x: Sequence[float]) -> str:
        parts = f"{self.point(at)},{self.direction(normal)},{self.direction(x)}"
        return self.add(f"AXIS2_PLACEMENT_3D('',{parts})")

    def line(self, start: Vector, end: Vector, vertices: tuple[str, str]) -> str:
        length = sum((b - a) ** 2 for a, b in zip(start, end, strict=True)) ** 0.5
        towards = [(b - a) / length for a, b in zip(start, end, strict=True)]
        vector = self.add(f"VECTOR('',{self.direction(towards)},1.)")
        curve = self.add(f"LINE('',{self.point(start)},{vector})")
        return self.add(f"EDGE_CURVE('',{vertices[0]},{vertices[1]},{curve},.T.)")

    def face(self, surface: str, edges: Sequence[tuple[str, bool]]) -> str:
        loop = ",".join(self.add(f"ORIENTED_EDGE('',*,*,{edge},.{'T' if same else 'F'}.)") for edge, same in edges)
        bound = self.add(f"FACE_OUTER_BOUND('',{self.loop(loop)},.T.)")
        return self.add(f"ADVANCED_FACE('',({bound}),{surface},.T.)")

    def loop(self, edges: str) -> str:
        return self.add(f"EDGE_LOOP('',({edges}))")

    def solid(self, faces: Sequence[str]) -> str:
        shell = self.add(f"CLOSED_SHELL('',({','.join(faces)}))")
        return self.add(f"MANIFOLD_SOLID_BREP('',{shell})")


def step_box(*sides: float, inches: bool = False, at: Vector = (0, 0, 0)) -> bytes:
    """A box with its lowest corner `at`; lengths are millimetres, or inches."""
    writer = _Writer()
    corners = [tuple(a + s * c for a, s, c in zip(at, sides, corner, strict=True)) for corner in CORNERS]
    vertices = [writer.vertex(corner) for corner in corners]
    edges: dict[tuple[int, int], str] = {}
    faces: list[str] = []
    for side in SIDES:
        loop: list[tuple[str, bool]] = []
        for a, b in zip(side, (*side[1:], side[0]), strict=True):
            if (a, b) not in edges and (b, a) not in edges:
                edges[a, b] = writer.line(_vector(corners[a]), _vector(corners[b]), (vertices[a], vertices[b]))
            loop.append((edges[a, b], True) if (a, b) in edges else (edges[b, a], False))
        normal, along = _frame([corners[index] for index in side])
        placement = writer.axes(corners[side[0]], normal, along)
        faces.append(writer.face(writer.add(f"PLANE('',{placement})"), loop))
    return _document(writer, writer.solid(faces), inches=inches)


def step_cylinder(radius: float, height: float, *, inches: bool = False) -> bytes:
    """A cylinder that stands on the origin along z."""
    writer = _Writer()
    bottom, top = writer.vertex((radius, 0, 0)), writer.vertex((radius, 0, height))
    circles: list[str] = []
    for vertex, z in ((bottom, 0.0), (top, height)):
        placement = writer.axes((0, 0, z), (0, 0, 1), (1, 0, 0))
        circle = writer.add(f"CIRCLE('',{placement},{float(radius)})")
        circles.append(writer.add(f"EDGE_CURVE('',{vertex},{vertex},{circle},.T.)"))
    seam = writer.line((radius, 0, 0), (radius, 0, height), (bottom, top))
    side = writer.add(f"CYLINDRICAL_SURFACE('',{writer.axes((0, 0, 0), (0, 0, 1), (1, 0, 0))},{float(radius)})")
    below = writer.add(f"PLANE('',{writer.axes((0, 0, 0), (0, 0, -1), (1, 0, 0))})")
    above = writer.add(f"PLANE('',{writer.axes((0, 0, height), (0, 0, 1), (1, 0, 0))})")
    faces = [
        writer.face(side, [(circles[0], True), (seam, True), (circles[1], False), (seam, False)]),
        writer.face(below, [(circles[0], False)]),
        writer.face(above, [(circles[1], True)]),
    ]
    return _document(writer, writer.solid(faces), inches=inches)


def _document(writer: _Writer, solid: str, *, inches: bool) -> bytes:
    add = writer.add
    application = add("APPLICATION_CONTEXT('automotive design')")
    add(f"APPLICATION_PROTOCOL_DEFINITION('international standard','automotive_design',2000,{application})")
    context = add(f"PRODUCT_CONTEXT('',{application},'mechanical')")
    product = add(f"PRODUCT('part','part','',({context}))")
    formation = add(f"PRODUCT_DEFINITION_FORMATION('','',{product})")
    design = add(f"PRODUCT_DEFINITION_CONTEXT('part definition',{application},'design')")
    definition = add(f"PRODUCT_DEFINITION('design','',{formation},{design})")
    shape = add(f"PRODUCT_DEFINITION_SHAPE('','',{definition})")
    length = add("(LENGTH_UNIT()NAMED_UNIT(*)SI_UNIT(.MILLI.,.METRE.))")
    if inches:
        factor = add(f"LENGTH_MEASURE_WITH_UNIT(LENGTH_MEASURE(25.4),{length})")
        dimensions = add("DIMENSIONAL_EXPONENTS(1.,0.,0.,0.,0.,0.,0.)")
        length = add(f"(CONVERSION_BASED_UNIT('INCH',{factor})LENGTH_UNIT()NAMED_UNIT({dimensions}))")
    angle = add("(NAMED_UNIT(*)PLANE_ANGLE_UNIT()SI_UNIT($,.RADIAN.))")
    solid_angle = add("(NAMED_UNIT(*)SI_UNIT($,.STERADIAN.)SOLID_ANGLE_UNIT())")
    accuracy = add(f"UNCERTAINTY_MEASURE_WITH_UNIT(LENGTH_MEASURE(1.E-06),{length},'distance_accuracy_value','')")
    space = add(
        f"(GEOMETRIC_REPRESENTATION_CONTEXT(3)GLOBAL_UNCERTAINTY_ASSIGNED_CONTEXT(({accuracy}))"
        f"GLOBAL_UNIT_ASSIGNED_CONTEXT(({length},{angle},{solid_angle}))REPRESENTATION_CONTEXT('',''))"
    )
    origin = writer.axes((0, 0, 0), (0, 0, 1), (1, 0, 0))
    body = add(f"ADVANCED_BREP_SHAPE_REPRESENTATION('',({origin},{solid}),{space})")
    add(f"SHAPE_DEFINITION_REPRESENTATION({shape},{body})")
    return (HEADER + "\n".join(writer.lines) + "\n" + FOOTER).encode()


def _frame(corners: Sequence[Sequence[float]]) -> tuple[Vector, Vector]:
    """Unit normal and first direction of a rectangle."""
    first, second = (
        [b - a for a, b in zip(start, end, strict=True)]
        for start, end in ((corners[0], corners[1]), (corners[1], corners[2]))
    )
    normal = (
        first[1] * second[2] - first[2] * second[1],
        first[2] * second[0] - first[0] * second[2],
        first[0] * second[1] - first[1] * second[0],
    )
    return _unit(normal), _unit(first)


def _unit(vector: Sequence[float]) -> Vector:
    length = sum(each * each for each in vector) ** 0.5
    return _vector([each / length for each in vector])


def _vector(numbers: Sequence[float]) -> Vector:
    x, y, z = numbers
    return x, y, z


def _numbers(numbers: Sequence[float]) -> str:
    return ",".join(repr(float(number)) for number in numbers)
