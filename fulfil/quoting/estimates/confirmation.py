"""Holds an estimate against a slicer's numbers."""

from fulfil.models.messages.confirmations import Confirmation, SlicedEstimate
from fulfil.models.messages.estimates import Estimate
from fulfil.models.messages.findings import Finding, FindingCode, Severity

MOST_DRIFT_PERCENT = 10


def compare(estimate: Estimate, sliced: SlicedEstimate) -> tuple[Confirmation, Finding | None]:
    """Both numbers side by side, and a warning where mass or time are more than `MOST_DRIFT_PERCENT` apart.

    Raises `ValueError` when the slicer's mass or time is not positive: then it printed nothing.
    """
    if not (sliced.mass_g > 0 and sliced.time_s > 0):
        raise ValueError("the slicer's mass and time must be positive")
    mass_drift = 100 * (estimate.mass_g / sliced.mass_g - 1)
    time_drift = 100 * (estimate.time_s / sliced.time_s - 1)
    confirmation = Confirmation(
        mass_g=estimate.mass_g,
        sliced_mass_g=sliced.mass_g,
        mass_drift_percent=round(mass_drift, 1),
        time_s=estimate.time_s,
        sliced_time_s=sliced.time_s,
        time_drift_percent=round(time_drift, 1),
        slicer_version=sliced.version,
    )
    worst = max(mass_drift, time_drift, key=abs)
    if abs(worst) <= MOST_DRIFT_PERCENT:
        return confirmation, None
    quantity = "mass" if worst == mass_drift else "time"
    return confirmation, Finding(
        code=FindingCode.ESTIMATE_DRIFT,
        severity=Severity.WARNING,
        message=f"The estimated {quantity} is {abs(worst):.0f} % {'above' if worst > 0 else 'below'} what "
        f"{sliced.version} finds ({estimate.mass_g:.1f} g and {estimate.time_s / 60:.0f} min against "
        f"{sliced.mass_g:.1f} g and {sliced.time_s / 60:.0f} min).",
        remedy="Take the slicer's numbers for this part, and refit the coefficients if it happens often.",
        number=round(worst, 1),
        limit=MOST_DRIFT_PERCENT,
        measure="percent",
    )
