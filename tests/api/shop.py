"""Everybody's moves on an order, with the real workflows behind the API."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import update
from temporalio.client import Client

from fulfil.activities.telling import tell_order_payment_changed
from fulfil.models.messages.payments import PaymentChanged, PaymentState
from fulfil.models.tables.accounts import ProviderRow
from tests.api.making import CHECKED
from tests.api.running import Api
from tests.api.world import Person, World

WHY = {"reason": "support has looked at it"}


@dataclass(frozen=True)
class Shop:
    """The API and the moves of everybody."""

    api: Api
    world: World
    temporal: Client
    customer: Person
    providers: list[Person]

    async def place(self, key: str = "k1") -> dict[str, Any]:
        """An order of a fresh quote."""
        body = {"quote_id": await self.world.quote(self.customer)}
        response = await self.api.post("/orders", self.customer, key=key, json=body)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def pay(self, order: dict[str, Any]) -> None:
        """The customer pays, and the webhook has come."""
        paid = await self.api.post(f"/orders/{order['id']}/pay", self.customer, json={"payment_method": "pm_card_visa"})
        assert paid.json()["status"] == "requires_capture", paid.text
        change = PaymentChanged(
            event_id="evt_1",
            payment_intent_id=order["payment"]["payment_intent_id"],
            state=PaymentState.AUTHORIZED,
        )
        await tell_order_payment_changed(self.temporal, order["id"], change)
        await self.happened(order["id"], "job.offered")

    async def happened(self, order_id: str, kind: str, times: int = 1, *, to: Person | None = None) -> dict[str, Any]:
        """Wait until the timeline tells it (so often) to somebody, the customer unless named."""
        with self.api.context.feed.subscribe(order_id) as news:
            async with asyncio.timeout(20):
                while True:
                    page = (await self.api.get(f"/orders/{order_id}/events", to or self.customer)).json()
                    found = [event for event in page["data"] if event["type"] == kind]
                    if len(found) >= times:
                        return dict(found[times - 1])
                    await news.events.get()

    async def accept(self) -> tuple[Person, dict[str, Any]]:
        """All providers accept at once; the winner and her job."""

        async def try_it(provider: Person) -> httpx.Response:
            [offer] = (await self.api.get("/offers", provider, params={"state": "open"})).json()["data"]
            return await self.api.post(f"/offers/{offer['id']}/accept", provider)

        answers = await asyncio.gather(*(try_it(provider) for provider in self.providers))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: len(self.providers) - 1}
        winner = self.providers[[answer.status_code for answer in answers].index(200)]
        [job] = (await self.api.get("/jobs", winner)).json()["data"]
        return winner, job

    async def make(self, provider: Person, job_id: str) -> None:
        """From start to delivery."""
        bodies: dict[str, dict[str, Any] | None] = {
            "start": None,
            "quality": CHECKED,
            "ship": {"carrier": "DHL", "tracking_number": "1"},
            "deliver": {},
        }
        for action, body in bodies.items():
            response = await self.api.post(f"/jobs/{job_id}/{action}", provider, json=body)
            assert response.status_code == 200, response.text

    async def approve(self, job_id: str) -> None:
        """The customer approves."""
        response = await self.api.post(f"/jobs/{job_id}/approve", self.customer)
        assert response.status_code == 200, response.text


async def set_account(shop: Shop, provider: Person, account: str | None) -> None:
    async with shop.world.begin() as session:
        await session.execute(
            update(ProviderRow).where(ProviderRow.id == provider.owner_id).values(stripe_account_id=account)
        )
