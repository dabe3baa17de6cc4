"""Sums an estimate from its parts so that the parts add up to it digit by digit."""

from collections.abc import Iterable
from decimal import Decimal

from fulfil.models.messages.estimates import Estimate, EstimatePart
from fulfil.quoting.estimates.coefficients import Band

MASS_DIGITS = 3  # milligrams
TIME_DIGITS = 1


def summed_estimate(
    parts: Iterable[EstimatePart],
    *,
    process: str,
    material: str,
    method: str,
    coefficients_version: str,
    band: Band,
) -> Estimate:
    """The estimate whose mass and time are the decimal sums of its parts, rounded first; empty parts are left out."""
    rounded = tuple(
        part.model_copy(
            update={"mass_g": round(part.mass_g, MASS_DIGITS) + 0.0, "time_s": round(part.time_s, TIME_DIGITS) + 0.0}
        )
        for part in parts
    )
    kept = tuple(part for part in rounded if part.mass_g or part.time_s)
    return Estimate(
        process=process,
        material=material,
        method=method,
        coefficients_version=coefficients_version,
        mass_g=float(sum(Decimal(str(part.mass_g)) for part in kept)),
        time_s=float(sum(Decimal(str(part.time_s)) for part in kept)),
        mass_band_percent=band.mass_percent,
        time_band_percent=band.time_percent,
        parts=kept,
    )
