"""Reads SVG drawings: structure, units, styles and references here, values by svgelements, everything in mm.

The tree is walked without recursion and without expanding it first, so a bomb costs no more than its budget. Arcs
become cubics before any matrix, because a skewed circle is no circle.
"""

import math
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

import numpy as np

from fulfil.models.messages.geometry import LengthUnit, RasterImage
from fulfil.quoting.drawings.assembly import Drawn, assemble
from fulfil.quoting.drawings.drawing import Drawing, DrawnPath
from fulfil.quoting.drawings.operations import operation_of_layer
from fulfil.quoting.limits import MOST_IMAGE_BYTES
from fulfil.quoting.readers.svg_notes import Notes
from fulfil.quoting.readers.svg_path import Pen
from fulfil.quoting.readers.svg_shapes import SHAPES, draw_shape, not_negative
from fulfil.quoting.readers.svg_style import Node, StyleSheet, split_declarations
from fulfil.quoting.readers.svg_tree import check_uses, href_of, identified, local_name, parse_svg
from fulfil.quoting.readers.svg_units import HEAD_BYTES, root_viewport
from fulfil.quoting.readers.svg_values import Affine, colour, length, multiply, transform, view_box, viewport

INKSCAPE = "http://www.inkscape.org/namespaces/inkscape}"
TEXTS = frozenset({"text", "flowRoot"})
GROUPS = frozenset({"g", "a"})
# Never drawn where they stand; some are drawn where they are used.
DEFINITIONS = frozenset(
    (
        *("defs", "clipPath", "mask", "pattern", "marker", "symbol", "linearGradient", "radialGradient", "filter"),
        *("metadata", "title", "desc", "style", "view", "cursor", "font", "font-face", "color-profile", "stop"),
        *("hatch", "solidColor", "meshgradient"),
    )
)
FOREIGN = frozenset({"script", "foreignObject", "iframe", "handler", "listener"})
EVENT_NAMES = 3  # the shortest handler, `on` and a letter
INHERITED = ("fill", "stroke", "stroke-width", "visibility", "color", "fill-opacity", "stroke-opacity")
PRESENTATION = (*INHERITED, "display", "opacity", "clip-path", "mask", "stroke-dasharray", "transform-origin")
EMBEDDED = (
    "data:image/png",
    "data:image/jpeg",
    "data:image/jpg",
    "data:image/gif",
    "data:image/webp",
    "data:image/bmp",
)


@dataclass(frozen=True, slots=True)
class _State:
    """What an element inherits; `matrix` leads to mm, `size` is what percentages are of."""

    matrix: Affine
    size: tuple[float, float]
    style: dict[str, str]
    layer: str | None = None
    chain: tuple[Node, ...] = ()
    used_by: Element | None = None  # the `use` element that drew this one


def read_svg(content: bytes, *, confirmed: LengthUnit | None = None) -> Drawing:
    """Everything the drawing would show as lines and areas, in mm.

    `confirmed` is what the customer says one unit of the root's width (without a width: of its viewBox) means.
    Raises `QuotingRefusalError` for files that are damaged, boundless, or refer to themselves; text, pictures,
    scripts, invisible and unsupported content become findings.
    """
    root = parse_svg(content)
    targets = identified(root)
    check_uses(root, targets)
    return _Walker(root, targets, content[:HEAD_BYTES], confirmed).read()


class _Walker:
    """One pass over the tree in painting order."""

    def __init__(self, root: Element, targets: dict[str, Element], head: bytes, confirmed: LengthUnit | None) -> None:
        self._root = root
        self._targets = targets
        self._viewport = root_viewport(root, head, confirmed)
        self._px_per_inch = self._viewport.px_per_inch
        self._pen = Pen()
        self._paths: list[DrawnPath] = []
        self._path_of: list[int] = []
        self._matrices: list[Affine] = []
        self._images: list[RasterImage] = []
        self._notes = Notes()
        self._sheet = StyleSheet(
            ["".join(element.itertext()) for element in root.iter() if local_name(element) == "style"]
        )
        if self._sheet.ignored:
            self._notes.unsupported["style rules with media, attribute or state selectors"] += self._sheet.ignored
        self._parents = {child: parent for parent in root.iter() for child in parent} if self._sheet else {}
        self._chains: dict[Element, tuple[Node, ...]] = {}
        if self._sheet.imports or b"<?xml-stylesheet" in head:
            self._notes.external["style sheet"] += 1

    def read(self) -> Drawing:
        stack = [(self._root, _State(self._viewport.to_mm, self._viewport.size, {}))]
        while stack:
            element, state = stack.pop()
            stack.extend(reversed(self._visit(element, state)))
        straight = np.frombuffer(bytes(self._pen.straight), dtype=np.bool_)
        drawn = Drawn(
            segments=np.array(self._pen.numbers, dtype=np.float64).reshape(-1, 4, 2),
            straight=straight,
            contour_starts=self._pen.contour_starts,
            path_of=self._path_of,
            matrices=np.array(self._matrices, dtype=np.float64).reshape(-1, 6),
        )
        findings = (*self._viewport.findings, *self._notes.findings())
        return assemble(drawn, self._paths, self._viewport.unit, tuple(self._images), findings)

    def _visit(self, element: Element, inherited: _State) -> list[tuple[Element, _State]]:
        """Draw one element, and answer what is to be visited below it."""
        name = local_name(element)
        if not name:
            return []
        if name in DEFINITIONS and not (name == "symbol" and inherited.used_by is not None):
            return []
        if name in FOREIGN:
            self._notes.scripts[name] += 1
            return []
        if any(key.startswith("on") and len(key) >= EVENT_NAMES for key in element.keys()):  # noqa: SIM118 (no mapping)
            self._notes.scripts["event handlers"] += 1
        style, state = self._styled(element, name, inherited)
        if style.get("display") == "none" and name != "symbol":  # SVG 2: a symbol is drawn wherever it is used
            self._notes.hidden += sum(local_name(each) in SHAPES for each in element.iter())
            return []
        if any(style.get(clip, "none") != "none" for clip in ("clip-path", "mask")):
            self._notes.clipped += 1
        if name in SHAPES:
            self._shape(element, name, style, state)
            return []
        return self._container(element, name, style, state)

    def _container(
        self, element: Element, name: str, style: dict[str, str], state: _State
    ) -> list[tuple[Element, _State]]:
        if name in GROUPS:
            if href_of(element).lower().startswith("javascript:"):
                self._notes.scripts["javascript link"] += 1
            return [(child, state) for child in element]
        if name in {"svg", "symbol"}:
            return self._nested(element, state)
        if name == "use":
            return self._used(element, state)
        if name == "switch":
            chosen = (each for each in element if local_name(each) and local_name(each) not in FOREIGN)
            return [(child, state) for child in chosen if not child.get("requiredExtensions")][:1]
        if name in TEXTS:
            words = "".join(element.itertext()).strip()
            if words and self._is_visible(style):
                self._notes.text(words)
        elif name == "image":
            self._image(element, style, state)
        else:
            self._notes.unsupported[f"<{name[:30]}>"] += 1
        return []

    def _styled(self, element: Element, name: str, inherited: _State) -> tuple[dict[str, str], _State]:
        """All of an element's style, and the state below it (matrix applied)."""
        own = {key: value.strip() for key in PRESENTATION if (value := element.get(key)) is not None}
        chain = inherited.chain
        important: dict[str, str] = {}
        if self._sheet:
            chain = (*chain, _node(element))
            own.update(self._sheet.declarations(chain))
        if inline := element.get("style"):
            normal, strong = split_declarations(inline)
            own.update(normal)
            important.update(strong)
        own.update(important)
        style = {key: inherited.style[key] for key in INHERITED if key in inherited.style}
        style.update((key, value) for key, value in own.items() if value != "inherit")
        # Opacities multiply down the tree, but all that matters here is whether anything is seen.
        if _is_zero(style.get("opacity")):
            style["visibility"] = style["fill-opacity"] = style["stroke-opacity"] = "0"
        text = own.get("transform", element.get("transform"))
        matrix = inherited.matrix
        if text and element is not self._root:
            matrix = multiply(matrix, self._placed(transform(text, self._px_per_inch), style.get("transform-origin")))
        return style, replace(
            inherited,
            matrix=matrix,
            style=style,
            chain=chain,
            layer=_layer_of(element) or inherited.layer,
            used_by=inherited.used_by if name in {"svg", "symbol"} else None,
        )

    def _placed(self, matrix: Affine, origin: str | None) -> Affine:
        if origin is None or origin.replace("0", "").replace("px", "").strip(" ,") == "":
            return matrix
        words = origin.replace(",", " ").split()
        if any(word.endswith("%") or word.isalpha() for word in words):
            self._notes.unsupported["transform-origin relative to a box"] += 1
            return matrix
        x, y = (length(word, 0, self._px_per_inch) for word in [*words, "0"][:2])
        return multiply((1, 0, 0, 1, x, y), multiply(matrix, (1, 0, 0, 1, -x, -y)))

    def _length(self, element: Element, attribute: str, state: _State, axis: str) -> float | None:
        text = element.get(attribute)
        if text is None or text.strip() in {"", "auto"}:
            return None
        width, height = state.size
        reference = {"x": width, "y": height}.get(axis, math.hypot(width, height) / math.sqrt(2))
        return length(text, reference, self._px_per_inch)

    def _nested(self, element: Element, state: _State) -> list[tuple[Element, _State]]:
        if element is self._root:
            return [(child, state) for child in element]
        by = state.used_by
        x = y = 0.0
        if local_name(element) == "svg":
            x, y = self._length(element, "x", state, "x") or 0, self._length(element, "y", state, "y") or 0
        sides: list[float] = []
        for side, axis, whole in (("width", "x", state.size[0]), ("height", "y", state.size[1])):
            given = self._length(by, side, state, axis) if by is not None else None
            if given is None:
                given = self._length(element, side, state, axis)
            sides.append(whole if given is None else not_negative(local_name(element), side, given))
        if not all(sides):
            return []
        wide, high = sides
        box = view_box(element.get("viewBox"))
        if box is None:
            inside, size = (1.0, 0.0, 0.0, 1.0, x, y), (wide, high)
        else:
            inside = viewport((x, y, wide, high), box, element.get("preserveAspectRatio") or "")
            size = (box[2], box[3])
        below = replace(state, matrix=multiply(state.matrix, inside), size=size, used_by=None)
        return [(child, below) for child in element]

    def _used(self, element: Element, state: _State) -> list[tuple[Element, _State]]:
        reference = href_of(element)
        if not reference.startswith("#"):
            if reference:
                self._notes.external[f"use of {_shown(reference)}"] += 1
            return []
        target = self._targets.get(reference[1:])
        if target is None:
            self._notes.unsupported["use of something missing"] += 1
            return []
        x, y = self._length(element, "x", state, "x") or 0, self._length(element, "y", state, "y") or 0
        matrix = multiply(state.matrix, (1, 0, 0, 1, x, y))
        return [(target, replace(state, matrix=matrix, used_by=element, chain=self._chain_above(target)))]

    def _chain_above(self, target: Element) -> tuple[Node, ...]:
        """What selectors see above an element: where it stands, not where it is used."""
        if target not in self._chains:
            nodes: list[Node] = []
            above = self._parents.get(target)
            while above is not None:
                nodes.append(_node(above))
                above = self._parents.get(above)
            self._chains[target] = tuple(reversed(nodes))
        return self._chains[target]

    def _shape(self, element: Element, name: str, style: dict[str, str], state: _State) -> None:
        stroke = None if _is_zero(style.get("stroke-opacity")) else _paint(style.get("stroke", "none"), style)
        fill = None if _is_zero(style.get("fill-opacity")) else _paint(style.get("fill", "black"), style)
        if name == "line":
            fill = None
        if (stroke is None and fill is None) or not self._is_visible(style):
            self._notes.hidden += 1
            return
        if style.get("stroke-dasharray", "none") not in {"none", "0", ""}:
            self._notes.unsupported["dashes (driven as whole lines)"] += 1
        before = len(self._pen.contour_starts)
        draw_shape(self._pen, name, element, lambda attribute, axis: self._length(element, attribute, state, axis))
        drawn = len(self._pen.contour_starts) - before
        if not drawn:
            return
        shade = stroke or fill or ""
        key = f"layer:{state.layer}" if state.layer else shade if stroke else f"fill:{shade}"
        a, b, c, d, _, _ = state.matrix
        width = length(style.get("stroke-width", "1"), 0, self._px_per_inch) if stroke else 0
        self._path_of.extend([len(self._paths)] * drawn)
        self._matrices.append(state.matrix)
        self._paths.append(
            DrawnPath(
                key=key,
                colour=shade,
                layer=state.layer,
                stroked=stroke is not None,
                filled=fill is not None,
                line_width_mm=width * math.sqrt(abs(a * d - b * c)),
                unstyled=stroke is None and "fill" not in style,
            )
        )

    def _image(self, element: Element, style: dict[str, str], state: _State) -> None:
        if not self._is_visible(style):
            self._notes.hidden += 1
            return
        reference = href_of(element)
        if not reference:
            return
        if not reference.lower().startswith("data:"):
            self._notes.external[f"image {_shown(reference)}"] += 1
            return
        width, height = self._length(element, "width", state, "x"), self._length(element, "height", state, "y")
        if not reference.lower().startswith(EMBEDDED):
            self._notes.bad_images[_shown(reference.partition(",")[0])] += 1
        elif len(reference) > MOST_IMAGE_BYTES * 4 / 3:
            self._notes.bad_images[f"larger than {MOST_IMAGE_BYTES // 1_000_000} MB"] += 1
        elif width is None or height is None:
            self._notes.bad_images["no width or height"] += 1
        elif not_negative("image", "width", width) and not_negative("image", "height", height):
            self._place_image(element, state, width, height)

    def _place_image(self, element: Element, state: _State, width: float, height: float) -> None:
        x, y = self._length(element, "x", state, "x") or 0, self._length(element, "y", state, "y") or 0
        a, b, c, d, e, f = state.matrix
        corners = [(x, y), (x + width, y), (x, y + height), (x + width, y + height)]
        xs, ys = [a * px + c * py + e for px, py in corners], [b * px + d * py + f for px, py in corners]
        self._images.append(
            RasterImage(x_mm=min(xs), y_mm=min(ys), width_mm=max(xs) - min(xs), height_mm=max(ys) - min(ys))
        )
        self._notes.images += 1

    @staticmethod
    def _is_visible(style: dict[str, str]) -> bool:
        return style.get("visibility", "visible") == "visible"


def _node(element: Element) -> Node:
    return Node(local_name(element), element.get("id") or "", frozenset((element.get("class") or "").split()))


def _paint(text: str, style: dict[str, str]) -> str | None:
    word = text.strip()
    if word.lower() in {"none", "transparent", ""}:
        return None
    if word.lower() == "currentcolor":
        return colour(style.get("color", "black"))
    return "gradient" if word.lower().startswith(("url(", "context-")) else colour(word)


def _layer_of(element: Element) -> str | None:
    """A layer whose name says an operation; other layers leave it to the colours."""
    name = element.get(INKSCAPE + "label") if element.get(INKSCAPE + "groupmode") == "layer" else None
    if name is None and local_name(element) == "g":
        name = element.get("id")  # Illustrator writes layers' names so
    return name[:60] if name and operation_of_layer(name) is not None else None


def _is_zero(text: str | None) -> bool:
    if text is None:
        return False
    try:
        return float(text.strip().rstrip("%")) <= 0
    except ValueError:
        return False


def _shown(reference: str) -> str:
    return "".join(letter for letter in reference[:40] if letter.isprintable())
