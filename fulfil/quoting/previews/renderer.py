"""Draws the picture of a solid: lit, outlined, antialiased, on a studio background with its size beside it."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from fulfil.quoting.mesh import Corners
from fulfil.quoting.previews.camera import Floats, View, look_at
from fulfil.quoting.previews.outlines import line_strength
from fulfil.quoting.previews.shading import brightness, corner_darkness, ground_shadow
from fulfil.quoting.previews.visibility import Facets, Seen, facing, resolve

FINENESS = 2  # samples per pixel, in each direction
MARGIN_SHARE, LABEL_SHARE = 0.09, 0.10
AROUND, BEHIND = 0.045, 0.006
CORNERS = 0.6
NEAR_SHADOW, FAR_SHADOW = (tuple(round(level * share) for level in range(256)) for share in (0.30, 0.22))
COARSE = 4  # samples per cell of what is soft anyway: shadow and corner darkness

Colour = tuple[int, int, int]
Stops = tuple[tuple[float, Colour], ...]
# Colours from dark to light; the inside of an open surface is told by its warmth.
OUTSIDE: Stops = (
    (0.0, (24, 34, 48)),
    (0.3, (70, 96, 125)),
    (0.5, (110, 141, 172)),
    (0.75, (157, 185, 210)),
    (0.92, (192, 211, 227)),
    (1.0, (244, 249, 252)),
)
INSIDE: Stops = ((0.0, (58, 28, 18)), (0.35, (132, 70, 44)), (0.7, (206, 132, 92)), (1.0, (250, 216, 190)))
LINE: Colour = (22, 30, 42)
WALL: Colour = (250, 251, 252)
FLOOR: Colour = (222, 227, 233)
SHADOW: Colour = (70, 82, 98)
LABEL = (92, 102, 116)


def render_solid(corners: Corners, *, width: int = 800, height: int = 600, two_sided: bool = False) -> bytes:
    """A PNG of triangles in mm; the same bytes for the same triangles.

    `two_sided` is for open surfaces: their inside is drawn too, in another tint. Closed ones are drawn without.
    """
    across, down = width * FINENESS, height * FINENESS
    view = look_at(corners, across, down, (MARGIN_SHARE * across, LABEL_SHARE * down))
    facets = facing(view, two_sided=two_sided)
    seen = resolve(view, facets, across, down)
    covered = _shrunk((seen.facet >= 0).view(np.uint8) * np.uint8(255))
    shade = _shade(view, facets, seen, corners, np.asarray(covered))
    colour = _tinted(shade, OUTSIDE)
    if two_sided and facets.back.any():
        inside = np.append(facets.back, np.False_)[seen.facet].view(np.uint8) * np.uint8(255)
        colour.paste(_tinted(shade, INSIDE), mask=_shrunk(inside))
    picture = _studio(width, height)
    picture.paste(SHADOW, (0, 0, width, height), mask=_fallen(view, seen, width, height))
    picture.paste(colour, mask=covered)
    picture.paste(LINE, (0, 0, width, height), mask=_shrunk(line_strength(seen, facets, BEHIND * across)))
    picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    _label(picture, view.size)
    return png(picture)


def png(picture: Image.Image) -> bytes:
    """The file of an RGB picture: every row as its difference to the one above, which suits drawings and is quick."""
    rows = np.asarray(picture).reshape(picture.height, -1)
    filtered = np.empty((picture.height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _shade(view: View, facets: Facets, seen: Seen, corners: Corners, covered: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The brightness of every pixel's covered part, darkened in corners."""
    height, width = covered.shape
    light = np.asarray(_shrunk(brightness(view, facets, seen, corners)), np.float32)
    tone = light * (np.float32(255) / np.maximum(covered.astype(np.float32), np.float32(1)))
    dark = corner_darkness(seen, facets, COARSE, AROUND * seen.facet.shape[1])
    dimmed = np.asarray(_soft(dark, width, height, width / 400), np.float32)
    tone -= tone * dimmed * np.float32(CORNERS / 255)
    return np.minimum(tone, 255).astype(np.uint8)


def _fallen(view: View, seen: Seen, width: int, height: int) -> Image.Image:
    """The shadow on the floor: dark close to the part, and a wide softer one."""
    shadow = Image.fromarray((ground_shadow(view, seen, COARSE) * 255).astype(np.uint8))
    near, far = (shadow.filter(ImageFilter.GaussianBlur(width / share)) for share in (260, 60))
    both = ImageChops.add(near.point(NEAR_SHADOW), far.point(FAR_SHADOW))
    return both.resize((width, height), Image.Resampling.BILINEAR)


def _shrunk(samples: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(samples).reduce(FINENESS)


def _soft(cells: Floats, width: int, height: int, radius: float) -> Image.Image:
    image = Image.fromarray((cells * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _tinted(shade: NDArray[np.uint8], stops: Stops) -> Image.Image:
    image = Image.fromarray(shade)
    where = [stop for stop, _ in stops]
    levels = np.arange(256) / 255
    bands = [np.interp(levels, where, [colour[band] for _, colour in stops]) for band in range(3)]
    return Image.merge("RGB", [image.point(np.rint(band).astype(int).tolist()) for band in bands])


def _studio(width: int, height: int) -> Image.Image:
    """The background (rows from below): lighter above."""
    floor, wall = np.array(FLOOR, np.float64), np.array(WALL, np.float64)
    column = np.rint(floor + (wall - floor) * np.linspace(0, 1, height)[:, None]).astype(np.uint8)
    return Image.fromarray(np.repeat(column[:, None], width, axis=1))


def _label(image: Image.Image, size: NDArray[np.float64]) -> None:
    text = " x ".join(f"{side:.1f}" if side >= 1 else f"{side:.2g}" for side in size) + " mm"
    font = ImageFont.load_default(max(11, image.height // 38))
    ImageDraw.Draw(image).text((image.width - 16, image.height - 12), text, fill=LABEL, font=font, anchor="rs")
