"""A paid order of one service, its deliverable and milestones as they are when the order has begun."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import DeliverableState, MilestoneState
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import LineKind, OrderState
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.milestones import split_by_share
from fulfil.models.tables.deliverables import DeliverableRow, MilestoneRow, ServiceRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow
from tests.api.running import Api
from tests.api.world import Person, World, tell

TITLES = ("Two concepts", "Finished model", "Assembly drawing")


@dataclass(frozen=True)
class DeliveryIds:
    """The ids of one order of a service; a deliverable that is not opened yet has no milestones."""

    service_id: str
    order_id: str
    line_id: str
    deliverable_id: str
    milestone_ids: tuple[str, ...]


@dataclass(frozen=True)
class Delivery(DeliveryIds):
    """The same with both sides of it, and what they do."""

    api: Api
    customer: Person
    provider: Person

    async def act(self, person: Person, method: str, action: str, /, **body: Any) -> httpx.Response:
        """A command on the deliverable."""
        key = body.pop("key", None)
        return await self.api.request(
            method, f"/deliverables/{self.deliverable_id}/{action}", person, json=body, key=key
        )

    async def draft(self, milestone: int = 0, **body: Any) -> httpx.Response:
        """The provider shows a draft."""
        return await self.act(self.provider, "POST", "draft", milestone_id=self.milestone_ids[milestone], **body)

    async def submit(self, milestone: int = 0, **body: Any) -> httpx.Response:
        """The provider submits."""
        return await self.act(self.provider, "POST", "submit", milestone_id=self.milestone_ids[milestone], **body)

    async def revise(self, **body: Any) -> httpx.Response:
        """The customer asks for a change."""
        return await self.act(self.customer, "POST", "revisions", **{"text": "The lid 2 mm higher.", **body})

    async def approve(self, **body: Any) -> httpx.Response:
        """The customer approves."""
        return await self.act(self.customer, "PUT", "approve", **body)

    async def reject(self, **body: Any) -> httpx.Response:
        """The customer rejects."""
        return await self.act(self.customer, "PUT", "reject", **{"reason": "Not what we agreed.", **body})

    async def plan(self, person: Person, *entries: tuple[int | None, str, int, int], **body: Any) -> httpx.Response:
        """A plan of `(milestone or None, title, days from now, share)`."""
        return await self.act(person, "POST", "plan", milestones=self.planned(*entries), **body)

    def planned(self, *entries: tuple[int | None, str, int, int]) -> list[dict[str, Any]]:
        """The same as the body has it."""
        return [
            {
                "milestone_id": None if number is None else self.milestone_ids[number],
                "title": title,
                "due_at": (utc_now() + timedelta(days=days)).isoformat(),
                "share_bp": share_bp,
            }
            for number, title, days, share_bp in entries
        ]

    async def look(self, person: Person | None = None) -> dict[str, Any]:
        """The deliverable as somebody sees it, the customer unless given."""
        response = await self.api.get(f"/deliverables/{self.deliverable_id}", person or self.customer)
        assert response.status_code == 200, response.text
        return dict(response.json())


async def add_service(world: World, provider: Person, *, active: bool = True) -> str:
    """A service at 500 EUR."""
    service_id = new_id("svc")
    milestones = [{"title": title, "days": 7, "share_bp": 5000} for title in TITLES[:2]]
    await world.add(
        ServiceRow(
            id=service_id,
            provider_id=provider.owner_id,
            title="Design of a housing",
            description="From your sketch to a printable model.",
            price_minor=50_000,
            currency="eur",
            milestones=milestones,
            revisions_included=2,
            checklist=[],
            active=active,
            created_at=utc_now(),
        )
    )
    return service_id


async def add_delivery(api: Api, world: World, customer: Person, provider: Person, **what: Any) -> Delivery:
    """An order of a service whose two sides speak to this application; `what` is that of `write_delivery`."""
    ids = await write_delivery(world, customer, provider, **what)
    return Delivery(**vars(ids), api=api, customer=customer, provider=provider)


async def write_delivery(
    world: World,
    customer: Person,
    provider: Person,
    *,
    shares: Sequence[int] = (3000, 7000),
    revisions_included: int = 2,
    checklist: Sequence[str] = (),
    order_state: OrderState = OrderState.IN_FULFILMENT,
    opened: bool = True,
) -> DeliveryIds:
    """An order of a service at 500 EUR; its deliverable too, unless it is not `opened` yet."""
    service_id = await add_service(world, provider)
    milestone_ids = tuple(new_id("mil") for _ in shares) if opened else ()
    ids = DeliveryIds(service_id, new_id("ord"), new_id("lin"), new_id("del"), milestone_ids)
    now = utc_now()
    await world.add(
        OrderRow(
            id=ids.order_id,
            customer_id=customer.owner_id,
            state=order_state,
            total_minor=50_000,
            currency="eur",
            policies=OrderPolicies().model_dump(mode="json"),
            placed_at=now,
        ),
        _line(ids, provider),
        PaymentRow(
            order_id=ids.order_id,
            payment_intent_id=f"pi_{ids.order_id}",
            client_secret=f"pi_{ids.order_id}_secret_x",
            state=PaymentState.CAPTURED,
            amount_minor=50_000,
            currency="eur",
            updated_at=now,
        ),
    )
    async with world.begin() as session:
        await tell(session, ids.order_id, EventType.ORDER_PLACED, key="placed")
    if opened:
        await world.add(
            DeliverableRow(
                id=ids.deliverable_id,
                order_id=ids.order_id,
                line_id=ids.line_id,
                provider_id=provider.owner_id,
                customer_id=customer.owner_id,
                title="Design of a housing",
                state=DeliverableState.DRAFT,
                revisions_included=revisions_included,
                checklist=list(checklist),
                opened_at=now,
            ),
            *_milestones(ids, provider, shares),
        )
    return ids


def _line(ids: DeliveryIds, provider: Person) -> OrderLineRow:
    return OrderLineRow(
        id=ids.line_id,
        order_id=ids.order_id,
        kind=LineKind.SERVICE,
        service_id=ids.service_id,
        provider_id=provider.owner_id,
        plan=[],
        title="Design of a housing",
        process="",
        material="",
        material_g=0,
        quantity=1,
        lead_time_days=14,
        amount_minor=50_000,
        currency="eur",
    )


def _milestones(ids: DeliveryIds, provider: Person, shares: Sequence[int]) -> list[object]:
    """Each with the job it is paid by."""
    rows: list[object] = []
    amounts = split_by_share(50_000, shares, "eur")
    now = utc_now()
    for position, (milestone_id, share_bp, amount_minor) in enumerate(
        zip(ids.milestone_ids, shares, amounts, strict=True), start=1
    ):
        job_id = new_id("job")
        rows += [
            JobRow(
                id=job_id,
                order_id=ids.order_id,
                line_id=ids.line_id,
                milestone_id=milestone_id,
                amount_minor=amount_minor,
                state=JobState.ACCEPTED,
                round=1,
                provider_id=provider.owner_id,
                opened_at=now,
                accepted_at=now,
            ),
            MilestoneRow(
                id=milestone_id,
                deliverable_id=ids.deliverable_id,
                job_id=job_id,
                position=position,
                title=TITLES[position - 1],
                share_bp=share_bp,
                amount_minor=amount_minor,
                currency="eur",
                state=MilestoneState.PENDING,
                due_at=now + timedelta(days=7 * position),
            ),
        ]
    return rows
