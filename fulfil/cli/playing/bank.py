"""The far side of a payment: what banks and card networks decide, played by the simulator's own controls."""

import asyncio
from collections.abc import Mapping
from typing import Self

import httpx
from pydantic import BaseModel

from fulfil.deploy.plan import SIMULATOR_KEY

TIMEOUT_S = 30
AGAIN_AFTER_S = 0.3
ANSWERS_WITHIN_S = 60


class Paid(BaseModel):
    """A payment intent, as far as a bank needs it."""

    latest_charge: str


class Named(BaseModel):
    """An object of Stripe's."""

    id: str


class Bank:
    """Settles refunds and disputes payments of the simulator at `stripe_url`."""

    def __init__(self, stripe_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=stripe_url, timeout=TIMEOUT_S, trust_env=False)

    async def __aenter__(self) -> Self:
        """The bank itself."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._http.aclose()

    async def settle_refund(self, refund_id: str, status: str) -> None:
        """Let a refund of Stripe's be `succeeded` or `failed`."""
        await self._decide(f"refunds/{refund_id}", {"status": status})

    async def dispute(self, payment_intent_id: str, reason: str = "product_not_received") -> str:
        """A cardholder wants all back that was not refunded; the id of Stripe's dispute."""
        charge = await self._charge_of(payment_intent_id)
        answer = await self._decide("disputes", {"charge": charge, "reason": reason})
        return Named.model_validate_json(answer.content).id

    async def decide_dispute(self, dispute_id: str, status: str) -> None:
        """`won` and `lost` end a dispute, `warning_closed` an inquiry, which `escalate` makes a chargeback."""
        await self._decide(f"disputes/{dispute_id}", {"status": status})

    async def _charge_of(self, payment_intent_id: str) -> str:
        """Asked on Stripe's own path, where a fault may strike: again, then."""
        headers = {"Authorization": f"Bearer {SIMULATOR_KEY}"}
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            while True:
                try:
                    answer = await self._http.get(f"/v1/payment_intents/{payment_intent_id}", headers=headers)
                    return Paid.model_validate_json(answer.raise_for_status().content).latest_charge
                except httpx.HTTPError:
                    await asyncio.sleep(AGAIN_AFTER_S)

    async def _decide(self, path: str, decision: Mapping[str, str]) -> httpx.Response:
        return (await self._http.post(f"/_simulator/{path}", json=decision)).raise_for_status()
