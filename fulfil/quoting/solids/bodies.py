"""The shells of a closed surface: which stand alone, which are hollows, which point the wrong way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fulfil.quoting.mesh import Corners
from fulfil.quoting.solids.graphs import Indices

# A shell is looked up in another at this many of its faces' inner points.
PROBES = 9
# At most so many tests of a probe against a face, about 3 s; pairs of shells whose boxes meet; pairs whose boxes lie
# in each other.
MAX_TESTS = 300_000_000
MAX_PAIRS = 3_000_000
MAX_CANDIDATES = 10_000
CHUNK = 400_000
# A crossing this close above or below the probe, as a share of the diagonal, is the probe's own touching surface.
TOUCHING = 1e-6
# A shell with less volume than this share of its cubed diagonal is flat: faces back to back, and rounding.
FLAT_SHARE = 1e-10
# Any rotation that no drawing uses: upright walls would be hit edge-on by upright rays.
TILT = np.linalg.qr(np.array([[0.8391, 0.2137, -0.5003], [-0.3019, 0.9421, 0.1453], [0.4127, 0.0871, 0.9067]]))[0]

Vectors = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Shells:
    """Closed shells: `faces` lists their faces' numbers shell by shell from `starts` on; boxes `low`, `high` (k, 3)."""

    corners: Corners
    faces: Indices
    starts: Indices
    volumes: Vectors  # signed
    low: Vectors
    high: Vectors

    def __len__(self) -> int:
        """How many there are."""
        return len(self.volumes)

    def triangles(self, shell: int) -> Corners:
        """The corners of one shell."""
        triangles: Corners = self.corners[self.members(shell)]
        return triangles

    def members(self, shell: int) -> Indices:
        """The faces of one shell."""
        end = self.starts[shell + 1] if shell + 1 < len(self.starts) else len(self.faces)
        return self.faces[self.starts[shell] : end]

    @property
    def tolerance(self) -> float:
        """What counts as touching, in the unit of the coordinates."""
        return TOUCHING * float(np.linalg.norm(self.high.max(axis=0) - self.low.min(axis=0)))


@dataclass(frozen=True)
class Nesting:
    """How shells lie in each other, after turning back what pointed the wrong way.

    `inside` (m, 2) are the pairs (inner, outer); `depth` counts the shells around each; `turned` were turned.
    `material` are outer surfaces; the others are hollows, negative shells in a body. `meeting` (p, 2) are the pairs
    whose boxes meet, and `doubtful` tells that some of them may share space. None of it is known when `unknown`.
    """

    inside: Indices
    depth: Indices
    turned: Flags
    inside_out: bool
    material: Flags
    meeting: Indices
    doubtful: bool
    unknown: bool = False


def gather_shells(corners: Corners, labels: Indices, count: int) -> Shells:
    """Sort the faces by shell, and measure each."""
    faces = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[faces], np.arange(count))
    ordered = corners[faces]
    low = np.minimum.reduceat(ordered.min(axis=1), starts).astype(np.float64)
    high = np.maximum.reduceat(ordered.max(axis=1), starts).astype(np.float64)
    volumes = np.zeros(count)
    for start in range(0, len(faces), CHUNK):
        owners = labels[faces[start : start + CHUNK]]
        part = ordered[start : start + CHUNK] - low[owners][:, None, :]
        shares = np.einsum("ij,ij->i", part[:, 0], np.cross(part[:, 1], part[:, 2])) / 6
        volumes += np.bincount(owners, shares, minlength=count)
    return Shells(corners, faces, starts, volumes, low, high)


def upright_corners(shells: Shells, nesting: Nesting, chosen: Indices) -> Corners:
    """The triangles of some shells, bodies pointing outwards and hollows inwards."""
    owners = np.repeat(np.arange(len(shells)), np.diff(shells.starts, append=len(shells.faces)))
    kept = np.isin(owners, chosen)
    corners = shells.corners[shells.faces[kept]]
    wrong = ((shells.volumes >= 0) != nesting.material)[owners[kept]]
    corners[wrong] = corners[wrong][:, ::-1]
    return corners


def solid_shells(shells: Shells) -> tuple[Shells | None, int]:
    """The shells that enclose something, None if none does, and the number of those that don't."""
    diagonals = np.linalg.norm(shells.high - shells.low, axis=1)
    solid = np.abs(shells.volumes) > FLAT_SHARE * diagonals**3
    flat = int(np.count_nonzero(~solid))
    if not flat:
        return shells, 0
    if flat == len(shells):
        return None, flat
    owners = np.repeat(np.arange(len(shells)), np.diff(shells.starts, append=len(shells.faces)))
    kept = solid[owners]
    renumbered = np.cumsum(solid) - 1
    return gather_shells(shells.corners[shells.faces[kept]], renumbered[owners[kept]], len(shells) - flat), flat


def nest(shells: Shells) -> Nesting:
    """Find which shell lies in which, and judge each shell's direction by it.

    A surface in the open must point outwards, the wall of a hollow inwards, a body in a hollow outwards again. When
    every outermost shell points inwards the file as a whole is inside out.
    """
    meeting = meeting_pairs(shells)
    positive = shells.volumes >= 0
    if meeting is None:
        return _unknown_nesting(positive)
    candidates = _boxes_inside(shells, meeting)
    inside, mixed = _look_up(shells, candidates)
    depth = np.bincount(inside[:, 0], minlength=len(shells))
    outermost = depth == 0
    inside_out = not positive[outermost].any()
    upright = ~positive if inside_out else positive
    wrong_roots = outermost & ~upright
    flip = wrong_roots.copy()
    flip[inside[wrong_roots[inside[:, 1]], 0]] = True
    upright = upright ^ flip
    odd = depth % 2 == 1
    stray = ~odd & ~upright  # a hollow where there is nothing to be hollow
    material = upright | stray
    swallowed = odd & material
    proper = {(int(inner), int(outer)) for inner, outer in inside.tolist()}
    apart = [pair for pair in meeting.tolist() if tuple(pair) not in proper and tuple(pair[::-1]) not in proper]
    doubtful = bool(swallowed.any() or mixed or apart)
    return Nesting(inside, depth, wrong_roots | stray, inside_out, material, meeting, doubtful)


def _unknown_nesting(positive: Flags) -> Nesting:
    """Of too many shells to compare: each is taken for what its direction says."""
    pairs = np.zeros((0, 2), np.int64)
    return Nesting(
        inside=pairs,
        depth=np.zeros(len(positive), np.int64),
        turned=np.zeros_like(positive),
        inside_out=not positive.any(),
        material=positive if positive.any() else ~positive,
        meeting=pairs,
        doubtful=True,
        unknown=True,
    )


def meeting_pairs(shells: Shells) -> Indices | None:
    """The pairs (i, j) of shells whose boxes overlap by more than a touch; None if there are too many to compare."""
    low, high = shells.low + shells.tolerance, shells.high - shells.tolerance
    best: tuple[int, Indices, NDArray[np.int64]] | None = None
    for axis in range(3):
        order = np.argsort(low[:, axis], kind="stable")
        ends = np.asarray(np.searchsorted(low[order, axis], high[order, axis], side="right"), np.int64)  # pyright: ignore[reportUnknownArgumentType]
        counts = np.maximum(ends - np.arange(1, len(order) + 1), 0)
        if best is None or counts.sum() < best[0]:
            best = int(counts.sum()), order, counts
    if best is None or best[0] > MAX_PAIRS:
        return None
    total, order, counts = best
    first = np.repeat(np.arange(len(order)), counts)
    second = first + 1 + np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    i, j = order[first], order[second]
    meet = ((low[i] <= high[j]) & (low[j] <= high[i])).all(axis=1)
    return np.stack([i[meet], j[meet]], axis=1)


def _boxes_inside(shells: Shells, meeting: Indices) -> Indices:
    """Of the meeting pairs those (inner, outer) whose boxes lie in each other, both ways round if they are equal."""
    both = np.concatenate([meeting, meeting[:, ::-1]])
    inner, outer = both[:, 0], both[:, 1]
    slack = shells.tolerance
    fits = (shells.low[inner] >= shells.low[outer] - slack) & (shells.high[inner] <= shells.high[outer] + slack)
    pairs: Indices = both[fits.all(axis=1)]
    return pairs


def _look_up(shells: Shells, candidates: Indices) -> tuple[Indices, bool]:
    """Those of the candidate pairs that lie inside, and whether any pair lies partly in and partly out."""
    sizes = np.diff(shells.starts, append=len(shells.faces))
    tests = int((sizes[candidates[:, 1]] * PROBES).sum())
    if tests > MAX_TESTS or len(candidates) > MAX_CANDIDATES:
        return candidates[:0], True
    inside: list[tuple[int, int]] = []
    mixed = False
    probes: dict[int, Vectors] = {}
    for outer in np.unique(candidates[:, 1]).tolist():
        inners = candidates[candidates[:, 1] == outer, 0].tolist()
        for inner in inners:
            if inner not in probes:
                probes[inner] = _probes(shells, inner)
        turns = winding_numbers(
            np.concatenate([probes[inner] for inner in inners]), shells.triangles(outer), shells.tolerance
        )
        for inner, found in zip(inners, np.split(turns, np.cumsum([len(probes[i]) for i in inners])[:-1]), strict=True):
            known = found[np.isfinite(found)]
            within = int(np.count_nonzero(known))
            mixed = mixed or 0 < within < len(known) or not len(known)
            if len(known) and 2 * within > len(known):
                inside.append((inner, outer))
    return np.array(inside, np.int64).reshape(-1, 2), mixed


def _probes(shells: Shells, shell: int) -> Vectors:
    """Points off the edges of some of the shell's faces: the largest, and others evenly spread."""
    triangles = shells.triangles(shell).astype(np.float64)
    areas = np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
    solid = np.flatnonzero(areas > 0)
    if not len(solid):
        return np.zeros((0, 3))
    spread = solid[np.linspace(0, len(solid) - 1, min(PROBES - 1, len(solid))).astype(int)]
    chosen = np.append(spread, int(areas.argmax()))
    points: Vectors = np.einsum("nij,i->nj", triangles[chosen], np.array([0.3819, 0.3571, 0.2610]))
    return points


def winding_numbers(probes: Vectors, triangles: Corners, tolerance: float) -> Vectors:
    """How often a closed surface winds around each probe: 0 outside, 1 inside, NaN for a probe that lies on it.

    Counts the faces a ray along one tilted axis crosses, with their directions.
    """
    points, tilted = probes @ TILT.T, triangles.astype(np.float64) @ TILT.T
    turns, touched = np.zeros(len(points)), np.zeros(len(points), np.bool_)
    step = max(1, CHUNK // max(1, len(points)))
    for start in range(0, len(tilted), step):
        part = tilted[start : start + step]
        a, b, c = (part[None, :, corner] - points[:, None] for corner in range(3))
        ab, bc, ca = (p[:, :, 0] * q[:, :, 1] - p[:, :, 1] * q[:, :, 0] for p, q in ((a, b), (b, c), (c, a)))
        crossing = ((ab > 0) & (bc > 0) & (ca > 0)) | ((ab < 0) & (bc < 0) & (ca < 0))
        probe, face = np.nonzero(crossing)
        weights = np.stack([bc[crossing], ca[crossing], ab[crossing]])
        heights = np.stack([a[probe, face, 2], b[probe, face, 2], c[probe, face, 2]])
        height = (weights * heights).sum(axis=0) / weights.sum(axis=0)
        touched[probe[np.abs(height) <= tolerance]] = True
        above = height > tolerance
        np.add.at(turns, probe[above], np.sign(ab[crossing][above]))
    turns[touched] = np.nan
    return turns
