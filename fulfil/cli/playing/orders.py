"""Whole orders, from the click to the payout, played by everybody who takes part."""

from dataclasses import dataclass
from pathlib import Path

from fulfil.api.schemas.quotes import Quote
from fulfil.cli.playing.following import LiveTimeline, Market
from fulfil.cli.playing.people import Customer
from fulfil.cli.playing.scenes import make_and_deliver, pay_in_full, race
from fulfil.models.messages.events import EventType

BRACKET = Path(__file__).parents[3] / "docs" / "examples" / "bracket.stl"


@dataclass(frozen=True)
class Shop:
    """A customer with a quote she orders again and again, and the providers who make it."""

    customer: Customer
    quote: Quote
    market: Market
    patience_s: float = 60

    async def complete_order(self, card: str = "pm_card_visa") -> str:
        """One order from placing to its end; its id. Raises whatever goes wrong on the way."""
        order = await self.customer.place(self.quote)
        async with LiveTimeline(self.customer, order.id) as live:
            await pay_in_full(self.customer, order.id, card)
            opened = await live.until(EventType.JOB_OPENED, within_s=self.patience_s)
            won = await race(await self.market.chances(opened.subject, self.patience_s))
            await make_and_deliver(won.winner, opened.subject)
            await self.customer.approve(opened.subject)
            await live.until(EventType.ORDER_CLOSED, within_s=self.patience_s)
        return order.id


async def quote_bracket(customer: Customer, quantity: int = 1) -> Quote:
    """The price of the example part."""
    stored = await customer.upload(BRACKET.name, BRACKET.read_bytes())
    return await customer.quote(stored.id, quantity=quantity)
