"""Resin and time of a part printed by light, layer by layer: simple, assumed, and said to be so."""

import math

from fulfil.models.messages.estimates import Estimate, EstimatePart
from fulfil.quoting.estimates.coefficients import ResinCoefficients, resin_coefficients
from fulfil.quoting.estimates.sums import summed_estimate

MM3_PER_CM3 = 1000


def estimate_resin(
    volume_mm3: float,
    height_mm: float,
    *,
    material: str,
    density_g_cm3: float,
    coefficients: ResinCoefficients | None = None,
) -> Estimate:
    """A solid printed as it stands: a layer is exposed at once, so its time doesn't depend on its area.

    Raises `ValueError` unless every number is positive.
    """
    if not all(0 < number < math.inf for number in (volume_mm3, height_mm, density_g_cm3)):
        raise ValueError("volume, height and density are positive")
    known = coefficients or resin_coefficients()
    layers = max(1, math.ceil(height_mm / known.layer_height_mm - 1e-6))
    bottom = min(layers, known.bottom_layers)
    body_g = volume_mm3 / MM3_PER_CM3 * density_g_cm3
    parts = (
        EstimatePart(
            code="body",
            title="Body",
            mass_g=body_g,
            explanation=f"{volume_mm3 / MM3_PER_CM3:.2f} cm3 at {density_g_cm3:g} g/cm3",
        ),
        EstimatePart(
            code="support",
            title="Support",
            mass_g=body_g * known.support_share,
            explanation=f"{known.support_share:.0%} of the body is assumed",
        ),
        EstimatePart(
            code="exposure",
            title="Exposure",
            time_s=(layers - bottom) * known.exposure_s + bottom * known.bottom_exposure_s,
            explanation=f"{layers} layers of {known.layer_height_mm:g} mm, {known.exposure_s:g} s each, "
            f"the first {bottom} for {known.bottom_exposure_s:g} s",
        ),
        EstimatePart(
            code="lifting",
            title="Lifting",
            time_s=layers * known.lift_s,
            explanation=f"{known.lift_s:g} s between layers",
        ),
    )
    return summed_estimate(
        parts,
        process="resin",
        material=material,
        method="resin_layers",
        coefficients_version=known.version,
        band=known.band,
    )
