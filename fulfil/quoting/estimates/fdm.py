"""Filament and time of a printed part, layer by layer."""

import math

from fulfil.models.messages.estimates import Estimate, EstimatePart
from fulfil.models.messages.profiles import LayerProfile, Support
from fulfil.quoting.estimates.coefficients import Band, Basis, FdmCoefficients, FdmMaterial, fdm_coefficients
from fulfil.quoting.estimates.fdm_layers import Layers, Seconds, Volumes, layer_seconds, layer_volumes
from fulfil.quoting.estimates.sums import summed_estimate

MM3_PER_CM3 = 1000
INFILL = 0.20
# Less support than this share of the filament doesn't make the estimate less certain.
NOTABLE_SUPPORT = 0.003


def estimate_fdm(
    profile: LayerProfile,
    support: Support | None,
    *,
    material: str,
    density_g_cm3: float,
    infill: float = INFILL,
    coefficients: FdmCoefficients | None = None,
) -> Estimate:
    """One piece as it stands; without `support` it is printed without.

    `infill` is a share from 0 to 1. Heating up isn't part of it unless the coefficients say how long it takes.
    Raises `ValueError` for numbers out of range.
    """
    if not 0 < density_g_cm3 < math.inf or not 0 <= infill <= 1:
        raise ValueError("density is positive, and infill a share from 0 to 1")
    known = coefficients or fdm_coefficients()
    kind = known.materials.get(material.upper(), known.other_material)
    layers = Layers.of(profile, support)
    volumes = layer_volumes(layers, known, infill)
    seconds = layer_seconds(layers, volumes, known, kind, infill)
    parts = _parts(layers, volumes, seconds, known, density_g_cm3 * kind.extrusion / MM3_PER_CM3, infill)
    held = float((volumes.support * layers.count).sum())
    notable = held > NOTABLE_SUPPORT * float((volumes.layer * layers.count).sum())
    return summed_estimate(
        parts,
        process="fdm",
        material=material,
        method="fdm_layers",
        coefficients_version=known.version,
        band=widened(known.bands.layers_with_support if notable else known.bands.layers, kind, known),
    )


def widened(band: Band, kind: FdmMaterial, known: FdmCoefficients) -> Band:
    """The band for a material whose speeds are only assumed."""
    if kind.basis is not Basis.ASSUMED:
        return band
    return Band(mass_percent=band.mass_percent, time_percent=band.time_percent * known.bands.assumed_factor)


def _parts(
    layers: Layers, volumes: Volumes, seconds: Seconds, known: FdmCoefficients, g_mm3: float, infill: float
) -> tuple[EstimatePart, ...]:
    count = int(layers.count.sum())
    travels = round(float((seconds.hops * layers.count).sum()) / known.time.hop_s)
    materials = (
        ("walls", "Walls", volumes.walls, seconds.walls, f"{known.perimeters} perimeters on {count} layers"),
        (
            "solid",
            "Solid layers",
            volumes.solid,
            seconds.solid,
            f"{known.top_layers} layers below upward and {known.bottom_layers} above downward surfaces",
        ),
        ("infill", "Infill", volumes.infill, seconds.infill, f"{infill:.0%} inside"),
        (
            "support",
            "Support",
            volumes.support,
            seconds.support,
            f"under {layers.support.overhang_mm2:.0f} mm2, {layers.support.support_mm3 / MM3_PER_CM3:.1f} cm3 of room",
        ),
    )
    waits = (
        ("travel", "Travel", seconds.hops, f"about {travels} hops"),
        ("cooling", "Cooling", seconds.cooling, "small layers are printed slowly"),
    )
    filament = tuple(
        EstimatePart(
            code=code,
            title=title,
            mass_g=float((volume * layers.count).sum()) * g_mm3,
            time_s=float((time * layers.count).sum()) if volume.any() else 0,
            explanation=explanation,
        )
        for code, title, volume, time, explanation in materials
    )
    moves = tuple(
        EstimatePart(code=code, title=title, time_s=float((time * layers.count).sum()), explanation=explanation)
        for code, title, time, explanation in waits
    )
    start_up = EstimatePart(code="start_up", title="Start-up", time_s=known.start_up_s, explanation="heating up")
    return (*filament, *moves, start_up)
