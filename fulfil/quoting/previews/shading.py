"""Light on the part: smooth where its surface is, crisp at its edges, and a soft darkness in its corners."""

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.mesh import Corners
from fulfil.quoting.previews.camera import Floats, View
from fulfil.quoting.previews.fans import corner_normals, face_normals, smooth_fans
from fulfil.quoting.previews.visibility import Facets, Seen

# Above this the facets are about as small as pixels, and look smooth anyway.
MAX_SMOOTHED = 30_000

# In view space (right, up, towards the viewer): the lamps move with the camera, so that every part is well lit.
KEY, KEY_POWER = np.array([-0.62, 0.56, 0.58]), 0.68
FILL, FILL_POWER = np.array([0.80, 0.15, 0.58]), 0.24
AMBIENT = 0.24
GLEAM, GLEAM_POWER = np.array([-0.22, 0.50, 0.84]), 0.08


# Directions in which the corners' darkness is looked for, as (x, y) in shares of its reach.
RING = tuple(
    (round(float(np.cos(turn)) * share, 4), round(float(np.sin(turn)) * share, 4))
    for share, shift in ((0.25, 0.0), (0.5, 0.5), (0.75, 0.25), (1.0, 0.75))
    for turn in (np.arange(6) + shift) * np.pi / 3
)
SHADOW_RIGHT, SHADOW_BACK = 0.22, 0.10
STEEPEST = np.float32(0.5)  # change of light per sample that a facet can show


def light(normals: Floats, up: Floats) -> Floats:
    """Brightness 0..1 of surfaces with these unit normals (n, 3) in view space; `up` is the part's upwards there."""
    nx, ny, nz = normals.T
    sky = nx * up[0] + ny * up[1] + nz * up[2]
    total = np.float32(AMBIENT) * (np.float32(0.62) + np.float32(0.38) * sky)
    for direction, power in ((KEY, KEY_POWER), (FILL, FILL_POWER)):
        a, b, c = (direction / np.linalg.norm(direction)).astype(np.float32)
        lit = np.maximum(nx * a + ny * b + nz * c, 0)
        total += np.float32(power) * lit
    a, b, c = (GLEAM / np.linalg.norm(GLEAM)).astype(np.float32)
    shine = np.maximum(nx * a + ny * b + nz * c, 0)
    shine *= shine
    shine *= shine
    shine *= shine
    total += np.float32(GLEAM_POWER) * shine * shine
    bright: Floats = np.clip(total, 0, 1)
    return bright


def brightness(view: View, facets: Facets, seen: Seen, corners: Corners) -> NDArray[np.uint8]:
    """The light of every sample, 0..255 (rows, columns); 0 where nothing is."""
    up = view.axes[:, 2].astype(np.float32)
    if len(corners) > MAX_SMOOTHED:
        levels = np.append((light(facets.normal, up) * 255).astype(np.uint8), np.uint8(0))
        return np.take(levels, seen.facet)
    seen_corners = np.stack([view.x, view.y, view.z]).transpose(2, 1, 0)
    flat = face_normals(seen_corners)
    smooth = corner_normals(seen_corners, flat, smooth_fans(corners, flat))[:, facets.index]
    against = (smooth * facets.normal).sum(axis=2, keepdims=True) < 0
    lights = np.stack([light(normal, up) for normal in np.where(against, -smooth, smooth)])
    return _interpolated(view, facets, seen, lights)


def _interpolated(view: View, facets: Facets, seen: Seen, lights: Floats) -> NDArray[np.uint8]:
    """Brightness between the corners: a plane over every facet; one too narrow for that is evenly lit."""
    x, y = view.x[:, facets.index], view.y[:, facets.index]
    ux, uy, vx, vy = x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]
    area = ux * vy - uy * vx
    first, second = (lights[1] - lights[0]) / area, (lights[2] - lights[0]) / area
    across, upwards = first * vy - second * uy, second * ux - first * vx
    level = np.maximum(np.abs(across), np.abs(upwards)) > STEEPEST
    across[level] = 0
    upwards[level] = 0
    base = lights[0] - across * x[0] - upwards * y[0]
    base[level] = lights.mean(axis=0)[level]
    column, row = ((np.arange(side, dtype=np.float32) + np.float32(0.5)) for side in seen.facet.shape[::-1])
    facet, row, nothing = seen.facet[seen.filled], row[seen.filled, None], np.float32(0)
    value = np.append(across, nothing)[facet] * column
    value += np.append(upwards, nothing)[facet] * row
    value += np.append(base, nothing)[facet]
    levels = np.zeros(seen.facet.shape, np.uint8)
    levels[seen.filled] = np.clip(value * 255, 0, 255)
    return levels


def corner_darkness(seen: Seen, facets: Facets, step: int, reach: float) -> Floats:
    """How much of the sky above a sample is hidden by what stands beside it, 0..1, for every `step`-th sample.

    Compares depths on rings up to `reach` samples away with the surface's own plane; what stands far before it, and
    not beside it, takes no light away.
    """
    facet, depth = seen.facet[::step, ::step], seen.depth[::step, ::step]
    rows, columns = facet.shape
    there = np.flatnonzero(facet >= 0)
    normal = facets.normal[facet.reshape(-1)[there]]
    facing = np.maximum(normal[:, 2], np.float32(0.15))
    across, upwards = -normal[:, 0] / facing, -normal[:, 1] / facing
    own = depth.reshape(-1)[there]
    pad = int(reach / step) + 1
    framed = np.full((rows + 2 * pad, columns + 2 * pad), np.float32(-1e9))
    framed[pad:-pad, pad:-pad] = depth
    width = columns + 2 * pad
    place = (there // columns + pad) * width + there % columns + pad
    flat = framed.reshape(-1)
    hidden = np.zeros(len(there), np.float32)
    for dx, dy in RING:
        ix, iy = round(dx * reach / step), round(dy * reach / step)
        above = flat[place + (iy * width + ix)] - own
        above -= across * np.float32(ix * step) + upwards * np.float32(iy * step)
        above *= facing * np.float32(1 / reach)
        far = np.float32(np.hypot(dx, dy))
        hidden += np.clip(above - np.float32(0.06) * far, 0, far) * np.clip(2 - above, 0, 1)
    result = np.zeros(facet.size, np.float32)
    result[there] = np.minimum(hidden * np.float32(2.4 / sum(np.hypot(*at) for at in RING)), 1)
    return result.reshape(facet.shape)


def ground_shadow(view: View, seen: Seen, step: int) -> Floats:
    """How dark the floor under the part is, 0..1, for every `step`-th sample.

    What is seen throws its shadow straight down and a little away from the light; that is enough, because the part
    itself hides where the rest of the shadow would fall.
    """
    rows, columns = (side // step for side in seen.facet.shape)
    there = np.flatnonzero(seen.facet[::step, ::step] >= 0)
    up = view.axes[:, 2].astype(np.float32)
    x = (there % columns * step).astype(np.float32)
    y = (there // columns * step).astype(np.float32)
    z = seen.depth[::step, ::step].reshape(-1)[there]
    floor = np.float32(view.scale * view.size[2] / 2)
    height = (x - np.float32(view.offset[0])) * up[0] + (y - np.float32(view.offset[1])) * up[1] + z * up[2] + floor
    fall_x = x + height * np.float32(SHADOW_RIGHT)
    fall_y = y + height * np.float32(SHADOW_BACK * view.axes[2, 2] - up[1])
    column = np.clip(fall_x / step, 0, columns - 1).astype(np.int64)
    row = np.clip(fall_y / step, 0, rows - 1).astype(np.int64)
    weight = 1 / (1 + height * np.float32(2.5 / seen.facet.shape[0]))
    cells = np.bincount(row * columns + column, weights=weight, minlength=rows * columns)
    return np.minimum(cells, 1).astype(np.float32).reshape(rows, columns)
