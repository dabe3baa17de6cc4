"""What is inside the walls of every layer, and how much of it skins leave sparse: told from cells, as slicers do it.

Sums of surfaces can't tell a thread from a roof, nor thin ribs beside a thick hub; cells can. They are too coarse for
areas as such, which is why only ratios are taken from them.
"""

import numpy as np

from fulfil.quoting.solids.cells import (
    Floats,
    Words,
    all_along,
    any_along,
    count_layers,
    fill_words,
    grown,
    grown_far,
    moved_down,
    shrunk,
    without_slivers,
)
from fulfil.quoting.solids.columns import Hits, material_ends

# How many layers are solid below an upward and above a downward surface.
TOP_LAYERS = 6
BOTTOM_LAYERS = 4
# How far two perimeters reach in, less the overlap of the infill.
WALL_MM = 0.79
# Where less than twice this is between two outlines, perimeters and what fills the gap take all.
THIN_MM = 1.0
# How far a slicer lets skins run on under what stands on them.
ANCHOR_MM = 3.0
# Skins narrower than this below slopes are left out by slicers.
NARROW_MM = 0.52
# Cells and exact section agree better than this, or the surface is open.
AGREEING = 1.25


def look_inside(hits: Hits, section_mm2: Floats, spacing_mm: float, layer_height_mm: float) -> tuple[Floats, Floats]:
    """Area inside the walls, and the part of it that is no skin, in mm2 of each layer of `section_mm2`."""
    layers = len(section_mm2)
    cell = hits.grid.cell_mm
    reach = WALL_MM / cell
    steps = int(reach)
    thin = max(steps + 1, round(THIN_MM / cell))
    cells = _cells(hits, layers, spacing_mm, thin + 2)
    seen = count_layers(cells, layers)
    wide, narrow = shrunk(cells, steps), shrunk(cells, steps + 1)
    core = _shrunk_on(narrow, thin - steps - 1)
    near = wide & grown(core, thin - steps + 1)
    far = narrow & grown(core, thin - steps)
    per_sample = spacing_mm / layer_height_mm
    at_near, at_far = count_layers(near, layers), count_layers(far, layers)
    inside = at_near + (reach - steps) * (at_far - at_near)
    chosen, at_chosen = (near, at_near) if reach - steps < 1 / 2 else (far, at_far)
    sparse = count_layers(_sparse(chosen, cells, cell, per_sample), layers)
    share = np.divide(sparse, at_chosen, out=np.zeros(layers), where=at_chosen > 0)
    scale = section_mm2 / np.maximum(seen * cell**2, 1e-9)
    scale = np.where((scale > 1 / AGREEING) & (scale < AGREEING), scale, 1)
    inside = np.minimum(inside * cell**2 * scale, section_mm2)
    return inside, inside * share


def _cells(hits: Hits, layers: int, spacing_mm: float, margin: int) -> Words:
    column, height = material_ends(hits)
    plane = np.clip(np.ceil(height / spacing_mm - 0.5), 0, layers).astype(np.int64)
    return fill_words(hits.grid.widened(column, margin), plane, hits.grid.shape(margin), layers)


def _shrunk_on(cells: Words, steps: int) -> Words:
    """Shrunk further, by crosses only."""
    for _ in range(steps):
        smaller = cells.copy()
        smaller[:, 1:] &= cells[:, :-1]
        smaller[:, :-1] &= cells[:, 1:]
        smaller[:, :, 1:] &= cells[:, :, :-1]
        smaller[:, :, :-1] &= cells[:, :, 1:]
        cells = smaller
    return cells


def _sparse(inside: Words, cells: Words, cell: float, per_sample: float) -> Words:
    """What stays inside the walls of all layers that a skin would show through, less what anchors flat skins."""
    top, bottom = (max(1, round(layers / per_sample)) for layers in (TOP_LAYERS, BOTTOM_LAYERS))
    through = all_along(inside, top, 1) & moved_down(cells, top) & all_along(inside, bottom, -1)
    through &= moved_down(cells, -bottom)
    steep = 2 * cell / NARROW_MM
    deeper = all_along(through, max(1, round((steep - 1) * top)), 1)
    deeper &= all_along(through, max(1, round((steep - 1) * bottom)), -1)
    slopes = inside & ~through & without_slivers(inside & ~deeper)
    roofs = inside & ~moved_down(cells, 1)
    floors = inside & ~moved_down(cells, -1)
    skins = any_along(grown_far(roofs, ANCHOR_MM / cell) & inside, top, 1)
    skins |= any_along(grown_far(floors, ANCHOR_MM / cell) & inside, bottom, -1)
    sparse: Words = inside & ~slopes & ~skins
    return sparse
