"""How much material and time one piece takes, and how far that may be off."""

from fulfil.models.messages.base import Message


class EstimatePart(Message):
    """A share of the estimate that a price line can explain, such as walls, support, cutting or travel."""

    code: str
    title: str
    mass_g: float = 0
    time_s: float = 0
    explanation: str = ""


class Estimate(Message):
    """One piece on one process. `mass_g` is what is consumed (support and, for sheets, the blank included).

    The bands are the 90th percentile of the relative error in percent, from the fit the coefficients name.
    """

    process: str
    material: str
    method: str  # fdm_layers | fdm_shell | resin_layers | laser_motion
    coefficients_version: str
    mass_g: float
    time_s: float
    mass_band_percent: float
    time_band_percent: float
    parts: tuple[EstimatePart, ...]
    sheet_mm: tuple[float, float] | None = None  # the blank one piece takes out of a sheet
