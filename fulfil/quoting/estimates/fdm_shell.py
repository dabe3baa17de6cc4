"""Filament and time from volume, area and height alone: the first price, before anything is cut into layers."""

import math

from fulfil.models.messages.estimates import Estimate, EstimatePart
from fulfil.quoting.estimates.coefficients import FdmCoefficients, FdmShell, fdm_coefficients
from fulfil.quoting.estimates.fdm import INFILL, MM3_PER_CM3, widened
from fulfil.quoting.estimates.sums import summed_estimate


def estimate_fdm_shell(
    volume_mm3: float,
    area_mm2: float,
    height_mm: float,
    *,
    material: str,
    density_g_cm3: float,
    infill: float = INFILL,
    coefficients: FdmCoefficients | None = None,
) -> Estimate:
    """One piece without support; its band is wider than that of the layers. Raises `ValueError` out of range."""
    numbers = (volume_mm3, area_mm2, height_mm, density_g_cm3)
    if not all(0 < number < math.inf for number in numbers) or not 0 <= infill <= 1:
        raise ValueError("volume, area, height and density are positive, and infill is a share from 0 to 1")
    known = coefficients or fdm_coefficients()
    kind = known.materials.get(material.upper(), known.other_material)
    layers = max(1, math.ceil(height_mm / known.layer_height_mm - 0.5))
    shell, inside = shell_volumes(volume_mm3, area_mm2, infill, known.shell)
    time_s = max(shell_seconds(shell + inside, area_mm2, layers, known.shell), (shell + inside) / kind.max_flow_mm3_s)
    g_mm3 = density_g_cm3 * kind.extrusion / MM3_PER_CM3
    filament = shell + inside
    parts = (
        EstimatePart(
            code="shell",
            title="Shell",
            mass_g=shell * g_mm3,
            time_s=time_s * shell / filament,
            explanation=f"{area_mm2 / 100:.1f} cm2 of surface",
        ),
        EstimatePart(
            code="infill",
            title="Infill",
            mass_g=inside * g_mm3,
            time_s=time_s * inside / filament,
            explanation=f"{infill:.0%} of what the shell leaves of {volume_mm3 / MM3_PER_CM3:.2f} cm3",
        ),
    )
    return summed_estimate(
        parts,
        process="fdm",
        material=material,
        method="fdm_shell",
        coefficients_version=known.version,
        band=widened(known.bands.shell, kind, known),
    )


def shell_volumes(volume_mm3: float, area_mm2: float, infill: float, shell: FdmShell) -> tuple[float, float]:
    """Filament in mm3 of the shell and inside it.

    A shell of constant thickness takes less and less of a body the thicker it gets; the exponent tells how fast.
    """
    depth = min(1.0, shell.thickness_mm * area_mm2 / volume_mm3 / shell.exponent)
    share = 1 - (1 - depth) ** shell.exponent
    return shell.scale * volume_mm3 * share, shell.scale * volume_mm3 * infill * (1 - share)


def shell_seconds(filament_mm3: float, area_mm2: float, layers: int, shell: FdmShell) -> float:
    """Filament takes its time, surface makes lines short, and every layer has its start."""
    return shell.filament_s_mm3 * filament_mm3 + shell.area_s_mm2 * area_mm2 + shell.layer_s * layers
