"""What the Stripe simulator did, read from its dump, and its switches for faults."""

from collections.abc import Mapping, Sequence

import httpx
from pydantic import BaseModel, TypeAdapter

FaultPlan = Sequence[Mapping[str, str | float | int]]
TIMEOUT_S = 30


class SimulatedIntent(BaseModel):
    """A payment intent."""

    id: str
    status: str
    amount: int
    amount_received: int
    metadata: dict[str, str]


class SimulatedCharge(BaseModel):
    """A charge; authorised only when not `captured`."""

    id: str
    status: str
    captured: bool
    amount_captured: int
    payment_intent: str


class SimulatedRefund(BaseModel):
    """A refund."""

    id: str
    status: str
    amount: int
    payment_intent: str


class SimulatedTransfer(BaseModel):
    """A transfer to a provider."""

    id: str
    amount: int
    transfer_group: str | None


class BalanceMovement(BaseModel):
    """A movement of the platform's balance; `net` is after Stripe's fee."""

    id: str
    net: int


class SimulatedDelivery(BaseModel):
    """A webhook `waiting`, `delivered`, `given_up` or, on purpose, `dropped`."""

    event_id: str
    state: str


class StripeDump(BaseModel):
    """Every object the simulator holds that has to do with money, and the webhooks that tell of them."""

    payment_intents: list[SimulatedIntent] = []
    charges: list[SimulatedCharge] = []
    refunds: list[SimulatedRefund] = []
    transfers: list[SimulatedTransfer] = []
    balance_transactions: list[BalanceMovement] = []
    deliveries: list[SimulatedDelivery] = []

    def orders_by_intent(self) -> dict[str, str]:
        """Which order each payment intent belongs to."""
        return {intent.id: intent.metadata.get("order_id", "") for intent in self.payment_intents}

    def captured(self) -> list[SimulatedCharge]:
        """The charges that took money."""
        return [charge for charge in self.charges if charge.captured and charge.status == "succeeded"]


class StruckFault(BaseModel):
    """A line of the plan of failing requests."""

    mode: str
    struck: int


class SimulatorSwitches:
    """The admin side of a running simulator."""

    def __init__(self, stripe_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{stripe_url}/_simulator", timeout=TIMEOUT_S, trust_env=False)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def dump(self) -> StripeDump:
        """Everything it did."""
        return StripeDump.model_validate_json((await self._http.get("dump")).raise_for_status().content)

    async def fail_requests(self, plan: FaultPlan) -> None:
        """Replace the plan of failing requests; an empty one heals it."""
        (await self._http.post("faults", json=plan)).raise_for_status()

    async def struck(self) -> dict[str, int]:
        """How often each mode of the plan has hit so far."""
        content = (await self._http.get("faults")).raise_for_status().content
        return {fault.mode: fault.struck for fault in TypeAdapter(list[StruckFault]).validate_json(content)}

    async def disturb_webhooks(self, faults: Mapping[str, float | int]) -> None:
        """Let deliveries of new events misbehave; an empty mapping heals them."""
        (await self._http.post("webhooks/faults", json=faults)).raise_for_status()

    async def deliver_dropped(self) -> int:
        """Send the events nobody was told about, as Stripe does sooner or later; how many there were."""
        dump = await self.dump()
        sent = {delivery.event_id for delivery in dump.deliveries if delivery.state != "dropped"}
        dropped = {delivery.event_id for delivery in dump.deliveries} - sent
        for event_id in dropped:
            (await self._http.post(f"events/{event_id}/deliver")).raise_for_status()
        return len(dropped)
