"""What is said about parcels and quality."""

from enum import StrEnum


class ShipmentState(StrEnum):
    """Where a parcel is; the last three end it."""

    LABEL_CREATED = "label_created"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    LOST = "lost"
    RETURNED = "returned"


class Correction(StrEnum):
    """What follows a failed quality check: the parts are put right, or made anew."""

    REWORK = "rework"
    REMAKE = "remake"
