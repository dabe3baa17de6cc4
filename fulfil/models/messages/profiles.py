"""What a solid is like layer by layer: all that estimates need to know of its shape."""

from fulfil.models.messages.base import Message

Samples = tuple[float, ...]


class LayerProfile(Message):
    """A solid cut by planes in the middle of its layers, from the bed up; every list has one number per sample.

    A sample stands for `layers_per_sample` layers, which is more than one only for very tall parts; then the planes
    are evenly spaced all the same. Which material and how much infill are questions for the estimate.
    """

    layer_height_mm: float
    layers: int
    layers_per_sample: float
    section_mm2: Samples
    perimeter_mm: Samples
    corners: Samples  # sum of sin(|turn| / 2) where the outline changes its direction
    loops: Samples  # outlines, at least: exact unless several islands have holes
    top_mm2: Samples  # upward surfaces, seen from above, as far as the walls don't cover them
    bottom_mm2: Samples  # downward surfaces likewise
    inside_mm2: Samples = ()  # what two perimeters leave of the section, less where it is too thin to be filled
    sparse_mm2: Samples = ()  # the part of it that is no skin, so gets infill


class Support(Message):
    """What must be held up from below: surfaces hanging over, and the columns beneath them down to bed or part."""

    overhang_mm2: float
    support_mm3: float
    sides_mm2: float = 0  # the columns' upright faces: slender columns have more for their volume
    room_mm2: Samples = ()  # the columns' section in equal slices of the part's height, from the bed up
    # The same three with the margin that slicers give overhangs; nothing in profiles measured before they were told.
    spread_overhang_mm2: float = 0
    spread_support_mm3: float = 0
    spread_sides_mm2: float = 0
