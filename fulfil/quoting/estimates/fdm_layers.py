"""What a filament printer does in each layer of a part, as arrays: volumes from the profile, seconds from volumes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fulfil.models.messages.profiles import LayerProfile, Support
from fulfil.quoting.estimates.coefficients import FdmCoefficients, FdmMaterial

Floats = NDArray[np.float64]

MIXED = (0.02, 0.98)  # shares of solid between which a layer has both solid and sparse infill
TINY = 1e-9
USUAL_INFILL = 0.20  # what the coefficients are fitted at


@dataclass(frozen=True)
class Layers:
    """A profile and its support as arrays, one entry per sample; `count` is how many layers a sample stands for."""

    section_mm2: Floats
    perimeter_mm: Floats
    corners: Floats
    loops: Floats
    top_mm2: Floats
    bottom_mm2: Floats
    inside_mm2: Floats  # these two are empty in profiles measured before cells were looked at
    sparse_mm2: Floats
    room_share: Floats
    count: Floats
    height_mm: float
    layers_per_sample: float
    support: Support

    @classmethod
    def of(cls, profile: LayerProfile, support: Support | None) -> Self:
        """Take both apart; no support is the same as support of nothing."""
        held = support or Support(overhang_mm2=0, support_mm3=0)
        samples = len(profile.section_mm2)
        count = np.full(samples, profile.layers_per_sample)
        return cls(
            section_mm2=np.array(profile.section_mm2, dtype=np.float64),
            perimeter_mm=np.array(profile.perimeter_mm, dtype=np.float64),
            corners=np.array(profile.corners, dtype=np.float64),
            loops=np.array(profile.loops, dtype=np.float64),
            top_mm2=np.array(profile.top_mm2, dtype=np.float64),
            bottom_mm2=np.array(profile.bottom_mm2, dtype=np.float64),
            inside_mm2=np.array(profile.inside_mm2, dtype=np.float64),
            sparse_mm2=np.array(profile.sparse_mm2, dtype=np.float64),
            room_share=_room_share(held, count),
            count=count,
            height_mm=profile.layer_height_mm,
            layers_per_sample=profile.layers_per_sample,
            support=held,
        )


@dataclass(frozen=True)
class Volumes:
    """Filament in mm3 per layer; `solid_share` of what is inside the walls is solid."""

    walls: Floats
    solid: Floats
    infill: Floats
    support: Floats
    solid_share: Floats

    @property
    def layer(self) -> Floats:
        """All of a layer's filament."""
        return self.walls + self.solid + self.infill + self.support


@dataclass(frozen=True)
class Seconds:
    """Time per layer, by what it is spent on; `cooling` is waiting, in the form of moving slowly."""

    walls: Floats
    solid: Floats
    infill: Floats
    support: Floats
    hops: Floats
    cooling: Floats

    @property
    def layer(self) -> Floats:
        """All of a layer's time."""
        return self.walls + self.solid + self.infill + self.support + self.hops + self.cooling


def layer_volumes(layers: Layers, known: FdmCoefficients, infill: float) -> Volumes:
    """Walls follow the outline, skins grow into the part from above and below, the rest is infill and its anchors.

    Volume = section * height; a support's volume is spread over its layers like the room under the overhangs.
    """
    mass = known.mass
    outline = layers.perimeter_mm
    if mass.from_cells and len(layers.inside_mm2):
        walls, rest, share = _seen_in_cells(layers, known, infill)
    else:
        walls, rest, share = _told_by_surfaces(layers, known)
    sparse = rest * (1 - share)
    anchors = mass.anchor * np.minimum(mass.anchor_width_mm * outline * (1 - share), sparse)
    if mass.from_cells:  # anchors lie between the lines of infill
        anchors = anchors * (1 - infill) / (1 - USUAL_INFILL)
    filling = np.minimum(mass.infill * infill * sparse + (anchors if infill > 0 else 0), sparse)
    support = support_volume(layers, known) * layers.room_share
    height = layers.height_mm
    return Volumes(walls * height, rest * share * height, filling * height, support, share)


def _seen_in_cells(layers: Layers, known: FdmCoefficients, infill: float) -> tuple[Floats, Floats, Floats]:
    """Walls, what they leave, and the solid share of it, which is all at full infill."""
    rest = layers.inside_mm2
    walls = np.minimum(known.mass.wall_section * layers.section_mm2, layers.section_mm2 - rest)
    share = 1 - np.divide(layers.sparse_mm2, rest, out=np.zeros_like(rest), where=rest > 0)
    return walls, rest, np.clip(share, 0, 1) if infill < 1 else np.ones_like(share)


def _told_by_surfaces(layers: Layers, known: FdmCoefficients) -> tuple[Floats, Floats, Floats]:
    """The same from sums alone, which add up skins that lie below each other."""
    mass = known.mass
    section, outline = layers.section_mm2, layers.perimeter_mm
    half_width = section / np.maximum(outline, TINY)
    filled = np.clip((mass.thin_above_mm - half_width) / (mass.thin_above_mm - mass.thin_below_mm), 0, 1)
    most = mass.wall_section * section
    walls = np.minimum(most, mass.wall_width_mm * outline)
    walls = walls + filled * (most - walls)
    rest = np.maximum(section - walls, 0) * (1 - filled)
    skins = _window(layers.top_mm2, 0, known.top_layers, layers.layers_per_sample)
    skins += _window(layers.bottom_mm2, 1, known.bottom_layers, layers.layers_per_sample)
    share = np.minimum(1, mass.skin * skins / np.maximum(rest, TINY))
    share = share + mass.edge * np.sqrt(share * (1 - share)) * np.minimum(1, outline / np.maximum(rest, TINY))
    return walls, rest, np.clip(share, 0, 1)


def support_volume(layers: Layers, known: FdmCoefficients) -> float:
    """Filament of all support in mm3."""
    held, rule = layers.support, known.support
    room, roof, sides = (held.support_mm3, held.overhang_mm2, held.sides_mm2)
    if rule.spread and held.spread_support_mm3:
        room, roof, sides = (held.spread_support_mm3, held.spread_overhang_mm2, held.spread_sides_mm2)
    return rule.column * room + rule.overhang_mm * roof + rule.side_mm * sides


def _sides(layers: Layers, known: FdmCoefficients) -> float:
    held = layers.support
    return held.spread_sides_mm2 if known.support.spread and held.spread_support_mm3 else held.sides_mm2


def layer_seconds(
    layers: Layers, volumes: Volumes, known: FdmCoefficients, material: FdmMaterial, infill_share: float = USUAL_INFILL
) -> Seconds:
    """Speeds in s/mm3 as fitted, no faster than the material melts, plus corners, line ends, hops and cooling.

    The first layer is slow throughout, and isn't slowed down further.
    """
    time = known.time
    thicker = layers.height_mm / known.layer_height_mm
    outline, height = layers.perimeter_mm, layers.height_mm

    def rate(seconds_per_mm3: float) -> float:
        return max(seconds_per_mm3 / thicker, 1 / material.max_flow_mm3_s)

    walls = rate(time.wall_s_mm3) * volumes.walls + time.corner_s * layers.corners
    width = volumes.solid / height / np.maximum(outline, TINY)
    solid = rate(time.solid_s_mm3) * volumes.solid
    solid += time.solid_line_s_mm * outline * (1 - np.exp(-width / time.solid_line_width_mm))
    solid += time.top_extra_s_mm3 * np.minimum(layers.top_mm2 * height, volumes.solid)
    bridges = np.concatenate([[0.0], layers.bottom_mm2[1:]])
    solid += time.bridge_extra_s_mm3 * np.minimum(bridges * height, volumes.solid)
    turning = (infill_share / USUAL_INFILL) ** time.infill_growth
    infill = rate(time.infill_s_mm3 * turning) * volumes.infill
    infill += time.infill_end_s_mm * np.minimum(known.mass.anchor_width_mm * outline, volumes.infill / height)
    support = rate(known.support.time_s_mm3) * volumes.support
    support += known.support.side_s_mm2 * _sides(layers, known) * layers.room_share
    support += known.support.layer_s * (volumes.support > 0)
    first = rate(time.first_layer_s_mm3)
    walls[0] = first * volumes.walls[0] + time.corner_s * layers.corners[0]
    solid[0], infill[0] = first * volumes.solid[0], first * volumes.infill[0]
    inside = (volumes.solid + volumes.infill) / height
    hops = time.hops_per_loop * layers.loops + time.hops_per_layer * inside / (inside + time.hop_area_mm2)
    hops += time.hops_solid_loop * np.maximum(layers.loops - 1, 0) * volumes.solid_share * (inside > 0)
    mixed = (volumes.solid_share > MIXED[0]) & (volumes.solid_share < MIXED[1])
    hops = time.hop_s * (hops + time.hop_mixed_mm * outline * mixed)
    slowest = time.slowest_s_mm3 / thicker * volumes.layer + hops
    shortest = np.minimum(time.shortest_layer_s * material.shortest_layer_factor, slowest)
    cooling = np.maximum(shortest - walls - solid - infill - support - hops, 0)
    cooling[0] = 0
    return Seconds(walls, solid, infill, support, hops, cooling)


def _window(skins: Floats, behind: int, layers: int, per_sample: float) -> Floats:
    """Sum of the skins that make each layer solid: those up to `layers` above it (`behind` 0) or below it (1)."""
    samples = max(1, round(layers / per_sample))
    total = np.concatenate([[0.0], np.cumsum(skins)])
    at = np.arange(len(skins))
    low, high = (at - samples + 1, at + 1) if behind else (at, at + samples)
    summed: Floats = total[np.minimum(high, len(skins))] - total[np.maximum(low, 0)]
    scaled: Floats = summed * (layers / (samples * per_sample))
    return scaled


def _room_share(support: Support, count: Floats) -> Floats:
    """Share of the support in one layer of each sample; over all layers the shares add up to one, or to nothing."""
    room = np.array(support.room_mm2, dtype=np.float64)
    samples = len(count)
    if not room.sum():
        return np.full(samples, 1 / count.sum())
    middle = (np.arange(samples) + 0.5) / samples
    spread = np.interp(middle, (np.arange(len(room)) + 0.5) / len(room), room)
    whole = float((spread * count).sum())
    return np.divide(spread, whole) if whole else np.full(samples, 1 / count.sum())
