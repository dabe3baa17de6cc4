"""What a slicer says about a part, and how far our estimate is from it."""

from fulfil.models.messages.base import Message


class SlicedEstimate(Message):
    """One part as a slicer would print it; `layers` counts those that hold only support too."""

    mass_g: float
    filament_mm3: float
    time_s: float
    layers: int
    version: str


class Confirmation(Message):
    """Both numbers; the drifts are ours relative to the slicer's, in percent, positive when ours is larger."""

    mass_g: float
    sliced_mass_g: float
    mass_drift_percent: float
    time_s: float
    sliced_time_s: float
    time_drift_percent: float
    slicer_version: str
