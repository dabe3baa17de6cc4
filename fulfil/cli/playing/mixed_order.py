"""A second order, told: a printed part and a service in one, each on its own clock, one line called off."""

from collections.abc import Callable
from dataclasses import dataclass

from fulfil.api.schemas.deliverables import Deliverable
from fulfil.api.schemas.orders import Order, OrderLine
from fulfil.api.schemas.quotes import Quote
from fulfil.cli.ledger import imbalances
from fulfil.cli.playing.following import LiveTimeline
from fulfil.cli.playing.people import Customer, Provider, Support
from fulfil.cli.timeline import Event
from fulfil.models.messages.events import EventType
from fulfil.models.messages.orders import LineKind, OrderState

SERVICE = {
    "title": "Redesign of a bracket for printing",
    "description": "Two rounds: a sketch you can judge, then the files.",
    "price": {"amount_minor": 20_000, "currency": "eur"},
    "milestones": [{"title": "Sketch", "days": 3, "share_bp": 4_000}, {"title": "Files", "days": 7, "share_bp": 6_000}],
    "revisions_included": 1,
}


@dataclass(frozen=True)
class Stagehands:
    """How the story is told: a scene's sentence, a claim that must hold, an event as it happens."""

    scene: Callable[[str], None]
    expect: Callable[[bool, str], None]
    event: Callable[[Event], None]
    within_s: float


@dataclass
class MixedOrder:
    """`await MixedOrder(…).tell()` plays it; what does not happen as it should raises by `hands.expect`."""

    customer: Customer
    provider: Provider
    support: Support
    hands: Stagehands

    async def tell(self, quote: Quote) -> None:
        """From two lines to the money of both."""
        self.hands.scene("A provider offers a service by milestones; the customer orders it and the part in one order.")
        service = await self.provider.create_service(SERVICE)
        order = await self.customer.place_lines([{"quote_id": quote.id}, {"service_id": service.id}])
        total = quote.total.amount_minor + service.price.amount_minor
        self.hands.expect(order.total.amount_minor == total, f"one order, two lines, one payment of {order.total}")
        async with LiveTimeline(self.customer, order.id, self.hands.event) as live:
            await self.customer.pay(order.id)
            opened = await live.until(EventType.DELIVERABLE_OPENED, within_s=self.hands.within_s)
            await self._sketch(opened.subject, live)
            await self._call_off_the_part(order, live)
            await self._files(opened.subject, live)
        await self._show_money(order, quote)

    async def _sketch(self, deliverable_id: str, live: LiveTimeline) -> None:
        self.hands.scene("The sketch is submitted, revised once, and approved: its part of the money is paid at once.")
        sketch, _ = (await self.customer.deliverable(deliverable_id)).milestones
        await self._submit(deliverable_id, sketch.id, "First sketch")
        await self.customer.request_revision(deliverable_id, "Two holes instead of one, please.", sketch.id)
        revised = await self._submit(deliverable_id, sketch.id, "Two holes")
        self.hands.expect(revised.revisions_left == 0, "the one revision that is included is used")
        await self.customer.approve_milestone(deliverable_id, sketch.id)
        await live.until(EventType.PAYMENT_TRANSFERRED, within_s=self.hands.within_s)

    async def _call_off_the_part(self, order: Order, live: LiveTimeline) -> None:
        self.hands.scene(
            "She does not need the part any more: its line is cancelled and paid back, the service goes on."
        )
        part = await self._line(order, LineKind.MADE_TO_ORDER)
        await self.customer.cancel(order.id, "the old part will do", line_id=part.id)
        await live.until(EventType.PAYMENT_REFUNDED, within_s=self.hands.within_s)
        state = (await self.customer.order(order.id)).state
        self.hands.expect(state is OrderState.IN_FULFILMENT, "the order is still in fulfilment")

    async def _files(self, deliverable_id: str, live: LiveTimeline) -> None:
        self.hands.scene("The files are submitted and approved: the order is closed with its last line.")
        _, files = (await self.customer.deliverable(deliverable_id)).milestones
        await self._submit(deliverable_id, files.id, "STEP and 3MF")
        await self.customer.approve_milestone(deliverable_id, files.id)
        await live.until(EventType.ORDER_CLOSED, within_s=self.hands.within_s)

    async def _show_money(self, order: Order, quote: Quote) -> None:
        ledger = await self.support.ledger(order.id)
        held = sum(balance.amount_minor for balance in ledger.balances if ":held:" in balance.account)
        self.hands.expect(not imbalances(ledger) and held == 0, "every transaction sums to zero, nothing is held")
        back = (await self.customer.order(order.id)).refunded
        self.hands.expect(back == quote.total, f"{back} went back, exactly the part's price")

    async def _submit(self, deliverable_id: str, milestone_id: str, note: str) -> Deliverable:
        return await self.provider.submit_milestone(deliverable_id, milestone_id, note)

    async def _line(self, order: Order, kind: LineKind) -> OrderLine:
        lines = (await self.customer.order(order.id)).lines or []
        return next(line for line in lines if line.kind is kind)
