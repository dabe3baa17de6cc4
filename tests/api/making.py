"""A job in a provider's hands, and what she reports of it."""

from collections.abc import Sequence
from typing import Any

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.orders import DeliveryMethod
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.quality import checklist_of
from fulfil.models.messages.shipments import ShipmentState
from fulfil.models.tables.shipments import ShipmentRow
from tests.api.world import Person, Sale, World

REQUIRED = [criterion.code for criterion in checklist_of("fdm").criteria if criterion.required]
CHECKED: dict[str, Any] = {"checks": [{"code": code, "passed": True} for code in REQUIRED]}
PARCEL: dict[str, Any] = {"carrier": "DHL", "tracking_number": "00340434161094042557"}


def checks(*failed: str, **more: object) -> dict[str, Any]:
    """A quality check by the list of filament printing, in which these criteria failed."""
    answers = [{"code": code, "passed": code not in failed} for code in REQUIRED]
    return {"checks": answers, **more}


def parcel(tracking_number: str, **more: object) -> dict[str, Any]:
    """A parcel with this number."""
    return {"carrier": "DHL", "tracking_number": tracking_number, **more}


def happened(kind: str, event_id: str, at: str, **more: object) -> dict[str, Any]:
    """What a carrier tells."""
    return {"event_id": event_id, "kind": kind, "at": at, **more}


async def job_in_hand(
    world: World,
    customer: Person,
    provider: Person,
    state: JobState,
    policies: OrderPolicies | None = None,
    delivery: DeliveryMethod = DeliveryMethod.SHIPPING,
) -> Sale:
    """A job the provider works on."""
    return await world.sale(
        customer,
        provider,
        job=JobState.ACCEPTED,
        offer=OfferState.ACCEPTED,
        production=state,
        policies=policies,
        delivery=delivery,
    )


async def add_parcel(world: World, sale: Sale, provider: Person, **more: Any) -> str:
    """A parcel with one piece, for which a label was made."""
    shipment_id = new_id("shp")
    row: dict[str, Any] = {
        "pieces": 1,
        "carrier": "DHL",
        "tracking_number": shipment_id[-12:],
        "state": ShipmentState.LABEL_CREATED,
        "label": {"mass_g": 14, "size_mm": None},
        "created_at": utc_now(),
        **more,
    }
    await world.add(
        ShipmentRow(
            id=shipment_id,
            order_id=sale.order_id,
            job_id=sale.job_id,
            offer_id=sale.offer_id,
            provider_id=provider.owner_id,
            **row,
        )
    )
    return shipment_id


def kinds(events: Sequence[Any]) -> list[str]:
    """What the timeline says, in order, without how it began."""
    return [event.type for event in sorted(events, key=lambda event: event.offset)][1:]
