"""What the Stripe simulator did, read from its dump, and its switches for faults."""

from collections import Counter
from collections.abc import Mapping, Sequence

import httpx
from pydantic import BaseModel, TypeAdapter, field_validator

FaultPlan = Sequence[Mapping[str, str | float | int]]
TIMEOUT_S = 30
# Stripe's refunds that did not, or will not, reach the customer.
UNDONE = ("failed", "canceled")


class Simulated(BaseModel):
    """An object of the platform's, or of a connected `account`."""

    id: str
    account: str = ""


class SimulatedIntent(Simulated):
    """A payment intent."""

    status: str
    amount: int
    amount_received: int
    metadata: dict[str, str]


class SimulatedCharge(Simulated):
    """A charge; authorised only when not `captured`."""

    status: str
    captured: bool
    amount_captured: int
    payment_intent: str


class SimulatedRefund(Simulated):
    """A refund."""

    status: str
    amount: int
    payment_intent: str
    metadata: dict[str, str] = {}


class SimulatedTransfer(Simulated):
    """A transfer to a provider."""

    amount: int
    transfer_group: str | None
    metadata: dict[str, str] = {}

    @property
    def job(self) -> str:
        """What it pays for: a job, or the order where none is named."""
        return self.metadata.get("job_id", str(self.transfer_group))


class SimulatedReversal(Simulated):
    """Money of a transfer that was taken back."""

    amount: int
    transfer: str
    metadata: dict[str, str] = {}


class SimulatedDispute(Simulated):
    """A chargeback or an inquiry."""

    amount: int
    status: str
    payment_intent: str


class BalanceMovement(Simulated):
    """A movement of the platform's balance; `net` is after Stripe's fee."""

    net: int
    type: str = "charge"
    currency: str = "eur"
    source: str | None = None


class SimulatedEvent(Simulated):
    """An event."""

    type: str = ""


class SimulatedDelivery(BaseModel):
    """A webhook `waiting`, `delivered`, `given_up` or, on purpose, `dropped`."""

    event_id: str
    state: str


class SimulatedBalance(BaseModel):
    """What an account (the platform's: empty) has in a currency, beside the sum of its balance transactions."""

    account: str
    currency: str
    pending: int
    available: int
    entries_pending: int
    entries_available: int


class SimulatedBalances(BaseModel):
    """All of them."""

    balances: list[SimulatedBalance]


class StripeDump(BaseModel):
    """Every object of the platform's that has to do with money, and the webhooks that tell of them."""

    payment_intents: list[SimulatedIntent] = []
    charges: list[SimulatedCharge] = []
    refunds: list[SimulatedRefund] = []
    transfers: list[SimulatedTransfer] = []
    transfer_reversals: list[SimulatedReversal] = []
    disputes: list[SimulatedDispute] = []
    balance_transactions: list[BalanceMovement] = []
    events: list[SimulatedEvent] = []
    deliveries: list[SimulatedDelivery] = []

    @field_validator("charges", "refunds", "balance_transactions", "events", mode="before")
    @classmethod
    def only_the_platforms(cls, objects: list[object]) -> list[object]:
        """Leave out what belongs to connected accounts: their side of a transfer is a charge of theirs."""
        return [thing for thing in objects if not (isinstance(thing, dict) and "account" in thing)]

    def orders_by_intent(self) -> dict[str, str]:
        """Which order each payment intent belongs to."""
        return {intent.id: intent.metadata.get("order_id", "") for intent in self.payment_intents}

    def captured(self) -> list[SimulatedCharge]:
        """The charges that took money."""
        return [charge for charge in self.charges if charge.captured and charge.status == "succeeded"]

    def orders_by_source(self) -> dict[str, str]:
        """Which order each object that moves money belongs to."""
        by_intent = self.orders_by_intent()
        by_transfer = {transfer.id: transfer.transfer_group or "" for transfer in self.transfers}
        paid: list[SimulatedCharge | SimulatedRefund | SimulatedDispute]
        paid = [*self.charges, *self.refunds, *self.disputes]
        return {
            **{thing.id: by_intent.get(thing.payment_intent, "") for thing in paid},
            **by_transfer,
            **{reversal.id: by_transfer.get(reversal.transfer, "") for reversal in self.transfer_reversals},
        }


class StruckFault(BaseModel):
    """A line of the plan of failing requests."""

    mode: str
    struck: int


class SimulatorClock(BaseModel):
    """How far its clock is ahead of ours."""

    ahead_s: float


class SimulatorHealth(BaseModel):
    """How it is."""

    webhooks_waiting: int


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

    async def balances(self) -> list[SimulatedBalance]:
        """Every account's balance, per currency."""
        content = (await self._http.get("balances")).raise_for_status().content
        return SimulatedBalances.model_validate_json(content).balances

    async def advance(self, seconds: float) -> float:
        """Move its clock on, and let happen what becomes due; how far it is ahead of ours then, in seconds."""
        answer = (await self._http.post("clock", json={"advance_s": seconds})).raise_for_status()
        return SimulatorClock.model_validate_json(answer.content).ahead_s

    async def webhooks_waiting(self) -> int:
        """How many webhooks are not yet accepted."""
        answer = (await self._http.get("health")).raise_for_status()
        return SimulatorHealth.model_validate_json(answer.content).webhooks_waiting

    async def choose(self, **settings: int | bool) -> None:
        """Change how long things take, among others; what is not named stays."""
        (await self._http.post("settings", json=settings)).raise_for_status()

    async def top_up(self, amount_minor: int, currency: str) -> None:
        """Put money of ours into the platform's balance, at once."""
        (await self._http.post("topups", json={"amount": amount_minor, "currency": currency})).raise_for_status()

    async def fail_requests(self, plan: FaultPlan) -> None:
        """Replace the plan of failing requests; an empty one heals it."""
        (await self._http.post("faults", json=plan)).raise_for_status()

    async def struck(self) -> dict[str, int]:
        """How often each mode of the plan has hit so far."""
        struck: Counter[str] = Counter()
        for fault in await self._faults():
            struck[fault.mode] += fault.struck
        return dict(struck)

    async def struck_first(self) -> int:
        """How often the first line of the plan has hit so far."""
        return (await self._faults())[0].struck

    async def disturb_webhooks(self, faults: Mapping[str, float | int]) -> None:
        """Let deliveries of new events misbehave; an empty mapping heals them."""
        (await self._http.post("webhooks/faults", json=faults)).raise_for_status()

    async def _faults(self) -> list[StruckFault]:
        content = (await self._http.get("faults")).raise_for_status().content
        return TypeAdapter(list[StruckFault]).validate_json(content)
