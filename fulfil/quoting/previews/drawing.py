"""Pictures of a drawing made of nothing but its measured numbers: a normalised SVG in mm, and a PNG.

Nothing of the upload gets through: no names, styles, references or programs.
"""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from fulfil.models.messages.geometry import DrawingGeometry, Operation
from fulfil.quoting.drawings.curves import Points
from fulfil.quoting.motion import Motion

COLOURS = {Operation.CUT: "#d5232f", Operation.SCORE: "#1f5fd0", Operation.ENGRAVE: "#4a4f57"}
FILL_COLOUR = "#8a9099"
IMAGE_COLOUR = "#c9a227"
BACKGROUND = "#ffffff"
MARGIN_SHARE = 0.05
HATCHES = 12
# Lines of a micron and of half a pixel of the largest screens: finer only makes the files longer.
DECIMALS = 3
SUPERSAMPLING = 3
MOST_PIXELS = 20_000_000


def render_drawing_svg(motion: Motion, geometry: DrawingGeometry) -> bytes:
    """An SVG in mm: areas, then image places as hatched boxes, then strokes by operation, of constant thin width."""
    wide, high = (max(side, 1e-3) for side in geometry.size_mm)
    margin = MARGIN_SHARE * max(wide, high)
    box = f"{_number(-margin)} {_number(-margin)} {_number(wide + 2 * margin)} {_number(high + 2 * margin)}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_number(wide + 2 * margin)}mm" '
        f'height="{_number(high + 2 * margin)}mm" viewBox="{box}">\n'
        "<style>path{fill:none;stroke-width:1;stroke-linecap:round;stroke-linejoin:round;"
        "vector-effect:non-scaling-stroke}</style>"
    )
    parts = [head]
    if motion.fills:
        areas = "".join(_path_data(ring) + "Z" for ring in motion.fills)
        parts.append(f'<path style="fill:{FILL_COLOUR};fill-rule:evenodd" d="{areas}"/>')
    hatches = "".join(_path_data(line) for line in _hatching(motion))
    if hatches:
        parts.append(f'<path stroke="{IMAGE_COLOUR}" d="{hatches}"/>')
    for operation, colour in COLOURS.items():
        lines = [stroke.points for stroke in motion.strokes if stroke.operation is operation]
        if lines:
            parts.append(f'<path stroke="{colour}" d="{"".join(map(_path_data, lines))}"/>')
    parts.append("</svg>")
    return "\n".join(parts).encode()


def render_drawing_png(motion: Motion, geometry: DrawingGeometry, width: int = 800, height: int = 600) -> bytes:
    """A PNG of `width` x `height` pixels, fitted and centred, smoothed by drawing it three times as large.

    Raises `ValueError` for sizes that are not positive or larger than 20 million pixels.
    """
    if not (width > 0 and height > 0 and width * height <= MOST_PIXELS):
        raise ValueError(f"a picture of {width} x {height} pixels can't be drawn")
    canvas = (width * SUPERSAMPLING, height * SUPERSAMPLING)
    wide, high = (max(side, 1e-3) for side in geometry.size_mm)
    scale = (1 - 2 * MARGIN_SHARE) * min(canvas[0] / wide, canvas[1] / high)
    shift = np.array([(canvas[0] - scale * wide) / 2, (canvas[1] - scale * high) / 2])
    picture = Image.new("RGB", canvas, BACKGROUND)
    if motion.fills:
        picture.paste(FILL_COLOUR, mask=_area_mask(canvas, [ring * scale + shift for ring in motion.fills]))
    pen = ImageDraw.Draw(picture)
    for line in _hatching(motion):
        pen.line(_pixels(line * scale + shift), fill=IMAGE_COLOUR, width=SUPERSAMPLING)
    thickness = max(2, round(SUPERSAMPLING * min(width, height) / 400))
    for operation, colour in reversed(COLOURS.items()):
        for stroke in motion.strokes:
            if stroke.operation is operation:
                pen.line(_pixels(stroke.points * scale + shift), fill=colour, width=thickness, joint="curve")
    small = picture.resize((width, height), Image.Resampling.BOX)
    target = io.BytesIO()
    small.save(target, "PNG", optimize=False, compress_level=6)
    return target.getvalue()


def _area_mask(canvas: tuple[int, int], rings: Sequence[Points]) -> Image.Image:
    """Even-odd: each ring turns over what lies inside it, within its own box only."""
    mask = Image.new("1", canvas)
    for ring in rings:
        low = np.floor(ring.min(axis=0)).astype(int)
        size = np.ceil(ring.max(axis=0)).astype(int) - low + 1
        inside = Image.new("1", (int(size[0]), int(size[1])))
        ImageDraw.Draw(inside).polygon(_pixels(ring - low), fill=1)
        place = (int(low[0]), int(low[1]), int(low[0] + size[0]), int(low[1] + size[1]))
        mask.paste(ImageChops.logical_xor(mask.crop(place), inside), place)
    return mask


def _hatching(motion: Motion) -> Iterator[Points]:
    """Each picture's place as a box with slanted lines in it."""
    for image in motion.images:
        x0, y0, x1, y1 = image.x_mm, image.y_mm, image.x_mm + image.width_mm, image.y_mm + image.height_mm
        yield np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])
        for share in np.linspace(0, 2, HATCHES + 1)[1:-1].tolist():
            # From the left and lower sides to the upper and right ones.
            low, high = max(0.0, share - 1), min(1.0, share)
            yield np.array(
                [[x0 + low * (x1 - x0), y0 + high * (y1 - y0)], [x0 + high * (x1 - x0), y0 + low * (y1 - y0)]]
            )


def _path_data(points: Points) -> str:
    steps = " ".join(f"{_number(x)},{_number(y)}" for x, y in points.tolist())
    return "M" + steps


def _number(value: float) -> str:
    text = f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def _pixels(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points.tolist()]
