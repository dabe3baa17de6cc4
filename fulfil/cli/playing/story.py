"""One real order told while it happens: from the file to the payout, each claim checked before it is made."""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from temporalio.client import Client

from fulfil.api.schemas.orders import Order
from fulfil.api.schemas.quotes import Quote
from fulfil.cli.benches.costs import cost_of_order
from fulfil.cli.client import ApiClient, new_key
from fulfil.cli.exits import CommandError
from fulfil.cli.ledger import imbalances, print_ledger
from fulfil.cli.playing.following import LiveTimeline, Market
from fulfil.cli.playing.mixed_order import MixedOrder, Stagehands
from fulfil.cli.playing.orders import BRACKET
from fulfil.cli.playing.people import Customer, Provider, Support, sign_in
from fulfil.cli.playing.photo import photo_of_bracket
from fulfil.cli.playing.scenes import Race, race
from fulfil.cli.quote_views import show_quote
from fulfil.cli.timeline import timeline_line
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import OrderState
from fulfil.models.money import format_money
from fulfil.workflows.ids import job_workflow_id, order_workflow_id

CARD = "pm_card_visa"
CONFLICT = 409
PNG = b"\x89PNG"
WITHIN_S = 20
REFERENCE_EVENTS, REFERENCE_ACTIONS = 96, 20


class StoryError(CommandError):
    """Something did not happen as it should; the message says what."""


@dataclass(frozen=True)
class SignIn:
    """An account of the demo."""

    email: str
    password: str


@dataclass(frozen=True)
class Players:
    """Who takes part; two providers at least."""

    customer: SignIn
    providers: list[SignIn]
    support: SignIn


@dataclass(frozen=True)
class Scenery:
    """Where it plays."""

    api_url: str
    temporal_address: str
    temporal_ui_url: str
    temporal_namespace: str = "default"


@dataclass
class Story:
    """`await Story(…).tell()` plays the order; raises `StoryError` when an expectation fails."""

    out: Console
    scenery: Scenery
    players: Players
    temporal: Client

    async def tell(self) -> str:
        """All of it; the order's id."""
        async with AsyncExitStack() as closing:
            self._closing = closing
            self._customer = Customer(await self._signed_in(self.players.customer))
            self._providers = [Provider(await self._signed_in(login)) for login in self.players.providers]
            self._support = Support(await self._signed_in(self.players.support))
            quote = await self._quote()
            order = await self._order(quote)
            async with LiveTimeline(self._customer, order.id, lambda event: self._print(timeline_line(event))) as live:
                job_id = await self._pay(order, live)
                won = await self._race(job_id, live)
                await self._make(won.winner, job_id, live)
                await self._approve(order, job_id, live)
            await self._show_books(order)
            await self._show_cost(order, job_id)
            await MixedOrder(self._customer, won.winner, self._support, self._stagehands).tell(quote)
        return order.id

    @property
    def _stagehands(self) -> Stagehands:
        return Stagehands(self._scene, self._expect, lambda event: self._print(timeline_line(event)), WITHIN_S)

    async def _quote(self) -> Quote:
        self._scene(f"The customer ({self.players.customer.email}) uploads {BRACKET.name} and asks for a price.")
        stored = await self._customer.upload(BRACKET.name, BRACKET.read_bytes())
        quote = await self._customer.quote(stored.id, "PLA", 2)
        show_quote(quote)
        [item] = quote.items
        lines = [*(item.price.lines if item.price else ()), *quote.lines]
        total = sum(line.amount_minor for line in lines)
        self._expect(total == quote.total.amount_minor, "the price lines sum exactly to the total")
        self._expect(quote.next is None, "the price is binding: nothing is left to confirm or accept")
        self._print(
            f"Measured in {quote.calculation_time_ms} ms; the whole quote took {quote.total_calculation_time_ms} ms."
        )
        if item.previews and item.previews.png:
            picture = await self._customer.download(item.previews.png)
            self._expect(picture.startswith(PNG), f"a preview was drawn ({len(picture)} bytes): {item.previews.png}")
        return quote

    async def _order(self, quote: Quote) -> Order:
        self._scene("She orders. Her connection breaks, so her browser sends the same request again.")
        key = new_key()
        order = await self._customer.place(quote, key)
        again = await self._customer.place(quote, key)
        self._expect(order.id == again.id, "the retried request joined the first: one order, not two")
        self._expect(order.state is OrderState.AWAITING_PAYMENT, f"{order.id} waits for {order.total}")
        return order

    async def _pay(self, order: Order, live: LiveTimeline) -> str:
        self._scene(f"She pays with {CARD}: a token of the card. The API never sees a card number.")
        attempt = await self._customer.pay(order.id, CARD)
        self._expect(attempt.status == "requires_capture", "the bank holds the money; it is captured on acceptance")
        opened = await live.until(EventType.JOB_OPENED, within_s=WITHIN_S)
        return opened.subject

    async def _race(self, job_id: str, live: LiveTimeline) -> Race:
        chances = await Market(self._providers).chances(job_id, WITHIN_S)
        asked = (await live.until(EventType.JOB_OFFERED, within_s=WITHIN_S)).data.get("offers", "Several")
        self._scene(f"{asked} capable providers were asked; {len(chances)} of them accept at the same moment.")
        began = time.perf_counter()
        won = await race(chances)
        took_ms = (time.perf_counter() - began) * 1000
        job = (await won.winner.jobs(1))[0]
        await live.until(EventType.JOB_ACCEPTED, within_s=WITHIN_S)
        self._expect(job.id == job_id, f"{job.provider_name} won; everybody knew after {took_ms:.0f} ms")
        for refusal in won.refusals:
            self._expect(refusal.problem.status == CONFLICT, f"the other one got 409: {refusal.problem.detail}")
        await live.until(EventType.PAYMENT_CAPTURED, within_s=WITHIN_S)
        return won

    async def _make(self, provider: Provider, job_id: str, live: LiveTimeline) -> None:
        self._scene("The winner starts, sends a photo half-way, checks the quality, ships and delivers.")
        await provider.start(job_id)
        photo = await provider.upload("half-way.png", photo_of_bracket(50))
        self._expect(photo.format == "png", f"the photo is stored ({photo.size_bytes} bytes)")
        await provider.progress(job_id, 50, "Layer 210 of 420", [photo.id])
        await provider.check_quality(job_id)
        await provider.ship(job_id, "DHL", "00340434161094042557")
        job = await provider.deliver(job_id, "Signed by the customer")
        await live.until(EventType.JOB_DELIVERED, within_s=WITHIN_S)
        self._expect(job.state is JobState.DELIVERED, "delivered; production can't be cancelled any more")

    async def _approve(self, order: Order, job_id: str, live: LiveTimeline) -> None:
        self._scene("The customer approves. The money that was held goes to the provider, less the commission.")
        await self._customer.approve(job_id)
        await live.until(EventType.PAYMENT_TRANSFERRED, within_s=WITHIN_S)
        await live.until(EventType.ORDER_CLOSED, within_s=WITHIN_S)
        closed = await self._customer.order(order.id)
        self._expect(closed.state is OrderState.CLOSED, "closed; the provider was paid by one transfer")

    async def _show_books(self, order: Order) -> None:
        self._scene("What the books say (debit positive, credit negative).")
        ledger = await self._support.ledger(order.id)
        print_ledger(ledger)
        wrong = imbalances(ledger)
        self._expect(not wrong, "every transaction sums to zero", "; ".join(wrong))
        held = sum(balance.amount_minor for balance in ledger.balances if ":held:" in balance.account)
        currency = order.total.currency
        self._expect(held == 0, f"nothing is held any more: {format_money(held, currency)}")

    async def _show_cost(self, order: Order, job_id: str) -> None:
        self._scene("What Temporal had to do for it.")
        cost = await cost_of_order(self.temporal, order.id, job_id)
        whole = cost.whole
        self._print(f"Order workflow: {cost.order.events} history events, {cost.order.actions} billable actions.")
        self._print(f"Job workflow: {cost.job.events} history events, {cost.job.actions} billable actions.")
        small = whole.events < REFERENCE_EVENTS and whole.actions < REFERENCE_ACTIONS
        both = f"{whole.events} events and {whole.actions} actions in all"
        self._expect(
            small,
            f"{both}; Temporal's own reference order app needs {REFERENCE_EVENTS} and {REFERENCE_ACTIONS} for less",
        )
        base = f"{self.scenery.temporal_ui_url}/namespaces/{self.scenery.temporal_namespace}/workflows"
        for workflow_id in (order_workflow_id(order.id), job_workflow_id(job_id)):
            if self.scenery.temporal_ui_url:
                self._print(f"See {base}/{workflow_id.replace('/', '%2F')}")

    async def _signed_in(self, login: SignIn) -> ApiClient:
        api = ApiClient(self.scenery.api_url, patience_s=WITHIN_S)
        self._closing.push_async_callback(api.close)
        await sign_in(api, login.email, login.password)
        return api

    def _scene(self, sentence: str) -> None:
        self.out.print(f"\n[bold cyan]>[/] [bold]{escape(sentence)}[/]")

    def _print(self, line: str) -> None:
        self.out.print(f"  {line}", soft_wrap=True)

    def _expect(self, held: bool, sentence: str, otherwise: str = "") -> None:
        if not held:
            raise StoryError(f"Not as expected: {sentence}.{f' {otherwise}' if otherwise else ''}")
        self.out.print(f"  [green]ok[/]  {escape(sentence)}", soft_wrap=True)
