"""One order in the hands of everybody it takes: customer, providers, two of support, and the bank."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fulfil.api.schemas.chargebacks import Chargeback
from fulfil.api.schemas.orders import Order
from fulfil.api.schemas.quotes import Quote
from fulfil.api.schemas.refunds import Refund
from fulfil.cli.client import ProblemError
from fulfil.cli.playing.bank import Bank
from fulfil.cli.playing.following import LiveTimeline, TooLateError
from fulfil.cli.playing.orders import Shop
from fulfil.cli.playing.people import Provider, Support
from fulfil.cli.playing.scenes import make_and_deliver, pay_in_full, race
from fulfil.models.messages.events import EventType
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.refunds import RefundRoute, RefundState

VISA = "pm_card_visa"
LOOK_EVERY_S = 0.7
CONFLICT, NOT_FOUND = 409, 404
T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """Who plays with whom; `large` is a quote whose refund needs a second person."""

    shop: Shop
    large: Quote
    support: Support
    second: Support
    bank: Bank
    acknowledged: list[str] = field(default_factory=list[str])

    @property
    def patience_s(self) -> float:
        """How long anybody waits for anything."""
        return self.shop.patience_s


@dataclass
class Ending:
    """What must have become of an order and its money in the end; amounts in minor units of the order's currency.

    `refunded` went back to the card, `paid_otherwise` by bank or as credit; `goodwill` is the platform's part of both.
    """

    state: OrderState = OrderState.CLOSED
    captured: int = 0
    refunded: int = 0
    paid_otherwise: int = 0
    goodwill: int = 0
    lost: int = 0


@dataclass
class Turn:
    """An order that is being played; `ending` is kept up by whoever plays it."""

    stage: Stage
    order: Order
    live: LiveTimeline
    ending: Ending
    provider: Provider | None = None
    job_id: str = ""

    @property
    def total(self) -> int:
        """What the order costs."""
        return self.order.total.amount_minor

    def part(self, percent: int) -> int:
        """So much of the total."""
        return self.total * percent // 100

    async def until(self, *types: EventType) -> str:
        """Wait for an event of the order's; its subject."""
        return (await self.live.until(*types, within_s=self.stage.patience_s)).subject

    async def pay(self, card: str = VISA) -> None:
        """Pay; the order is offered to providers."""
        await pay_in_full(self.stage.shop.customer, self.order.id, card)
        self.job_id = await self.until(EventType.JOB_OPENED)

    async def be_accepted(self, card: str = VISA) -> None:
        """Pay, have a provider accept, and the payment captured."""
        await self.pay(card)
        chances = await self.stage.shop.market.chances(self.job_id, self.stage.patience_s)
        self.provider = (await race(chances)).winner
        await self.until(EventType.PAYMENT_CAPTURED)
        self.ending.captured = self.total

    async def be_approved(self) -> None:
        """The provider makes and delivers, the customer approves."""
        if self.provider is None:
            raise RuntimeError(f"{self.order.id} has no provider yet")
        await make_and_deliver(self.provider, self.job_id)
        await self.stage.shop.customer.approve(self.job_id)

    async def be_closed(self) -> None:
        """From the provider's start to the end of the order."""
        await self.be_approved()
        await self.until(EventType.ORDER_CLOSED)

    async def ask_refund(self, amount: int | None, reason: str = "requested_by_customer") -> Refund:
        """Support asks for a refund; of all that is left when no amount is named."""
        body: dict[str, object] = {"reason": reason, "note": "played"}
        if amount is not None:
            body["amount"] = {"amount_minor": amount, "currency": self.order.total.currency}
        return await self.stage.support.create_refund(self.order.id, body)

    async def refund(self, amount: int | None, reason: str = "requested_by_customer") -> Refund:
        """Ask for a refund and see it arrive at the card."""
        asked = await self.ask_refund(amount, reason)
        refund = await self.see_through(asked.id)
        self.ending.refunded += refund.amount.amount_minor
        return refund

    async def see_through(self, refund_id: str, way: RefundRoute | None = None) -> Refund:
        """Do what a refund needs from support until it has arrived: a second person's yes, another way."""

        async def look() -> Refund | None:
            refund = await self.stage.support.refund(refund_id)
            if refund.state is RefundState.AWAITING_APPROVAL:
                await refused_by(self.stage.second.decide_refund(refund_id, "approve", "as agreed"), CONFLICT)
            elif refund.state is RefundState.FAILED and way is not None:
                reference = f"SEPA {refund_id}" if way is RefundRoute.BANK else None
                rerouted = self.stage.support.reroute_refund(refund_id, way, "the card refused it", reference)
                await refused_by(rerouted, CONFLICT)
            elif refund.state is RefundState.FAILED:
                raise AssertionError(f"{refund_id} failed: {refund.failure}")
            return refund if refund.state is RefundState.SUCCEEDED else None

        return await self.eventually(look, f"{refund_id} did not arrive")

    async def refund_in(self, refund_id: str, state: RefundState) -> Refund:
        """The refund, as soon as it is in a state."""

        async def look() -> Refund | None:
            refund = await self.stage.support.refund(refund_id)
            return refund if refund.state is state else None

        return await self.eventually(look, f"{refund_id} is not {state.value}")

    async def chargeback(self, chargeback_id: str, fits: Callable[[Chargeback], object]) -> Chargeback:
        """The chargeback, as soon as it fits."""

        async def look() -> Chargeback | None:
            try:
                found = await self.stage.support.chargeback(chargeback_id)
            except ProblemError as unknown:
                if unknown.problem.status != NOT_FOUND:
                    raise
                return None
            return found if fits(found) else None

        return await self.eventually(look, f"{chargeback_id} is not as awaited")

    async def answer(self, chargeback_id: str, action: str) -> None:
        """Support submits the evidence or accepts the loss, as soon as that is possible."""

        async def look() -> bool | None:
            found = await self.stage.support.chargeback(chargeback_id)
            if found.submitted_at is not None or found.closed_at is not None:
                return True
            if action in found.allowed_actions:
                answered = self.stage.support.answer_chargeback(chargeback_id, action, "as agreed")
                await refused_by(answered, CONFLICT)
            return None

        await self.eventually(look, f"{chargeback_id} could not be answered by {action}")

    async def eventually(self, look: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
        """What the look finds, once it finds something; raises `TooLateError`."""
        try:
            async with asyncio.timeout(self.stage.patience_s):
                while True:
                    found = await look()
                    if found is not None:
                        return found
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise TooLateError(f"{self.order.id}: {otherwise} within {self.stage.patience_s:.0f} s") from None


def exists(chargeback: Chargeback) -> bool:
    """Any will do."""
    return bool(chargeback.id)


async def refused_by(deed: Awaitable[object], status: int) -> str | None:
    """Do it; the code when it was refused with this status."""
    try:
        await deed
    except ProblemError as refused:
        if refused.problem.status != status:
            raise
        return refused.problem.code
    return None
