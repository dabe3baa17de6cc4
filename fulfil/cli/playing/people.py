"""Customer, provider, support and administrator: each speaks to the API in one account's name, as any client could."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import RootModel

from fulfil.api.purposes import FilePurpose
from fulfil.api.schemas.accounts import AccessToken, Account
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.chargebacks import Chargeback
from fulfil.api.schemas.files import File
from fulfil.api.schemas.jobs import Acceptance, Job, Offer
from fulfil.api.schemas.ledger import LedgerCheck, OrderLedger, TrialBalance
from fulfil.api.schemas.orders import Order, PaymentAttempt
from fulfil.api.schemas.providers import Provider as ProviderView
from fulfil.api.schemas.quotes import (
    EstimateConfirmation,
    OrderRecalculation,
    PendingQuote,
    Quote,
    QuoteProof,
    QuotesReplayed,
)
from fulfil.api.schemas.reconciliations import Reconciliation, ReconciliationAnswer
from fulfil.api.schemas.refunds import Refund, RefundPreview
from fulfil.api.schemas.stock import StockItem
from fulfil.api.schemas.support import Redispatched, Resolved, StuckOrder, StuckOrders, WorkflowReset
from fulfil.cli.client import PREFIX, ApiClient
from fulfil.cli.playing.delivering import DeliveringProvider, ReceivingCustomer
from fulfil.cli.timeline import Event
from fulfil.models.messages.jobs import OfferState, Stage
from fulfil.models.messages.parties import Role
from fulfil.models.messages.refunds import RefundState

PAGE = 100
EXPANDED = "lines,job,payment"
# Without somebody to tell, one long wait costs least; with somebody, progress is news after a second.
QUIET_WAIT_S, TELLING_WAIT_S = 20, 1

Tell = Callable[[PendingQuote], None]


class QuoteAnswer(RootModel[Quote | PendingQuote]):
    """The quote, or how far it is."""


@dataclass(frozen=True)
class Person:
    """Somebody signed in."""

    api: ApiClient

    async def me(self) -> Account:
        """Who she is."""
        return await self.api.get(Account, "/me")

    async def order(self, order_id: str, expand: str = EXPANDED) -> Order:
        """An order with everything about it."""
        return await self.api.get(Order, f"/orders/{order_id}", expand=expand)

    async def orders(self, limit: int = PAGE) -> list[Order]:
        """The newest orders she may see."""
        return (await self.api.get(Page[Order], "/orders", limit=limit)).data

    async def cancel(self, order_id: str, reason: str, key: str | None = None, *, line_id: str | None = None) -> Order:
        """Call an order off, or one line of it."""
        what = f"/orders/{order_id}" if line_id is None else f"/orders/{order_id}/lines/{line_id}"
        return await self.api.post(Order, f"{what}/cancel", {"reason": reason}, key=key)

    async def refund(self, refund_id: str) -> Refund:
        """A refund of an order she may see."""
        return await self.api.get(Refund, f"/refunds/{refund_id}")

    async def refunds(
        self, order_id: str | None = None, state: RefundState | None = None, limit: int = PAGE
    ) -> list[Refund]:
        """The newest refunds she may see, of one order or in one state."""
        path = f"/orders/{order_id}/refunds" if order_id else "/refunds"
        found = (await self.api.get(Page[Refund], path, state=None if order_id else state, limit=limit)).data
        return [refund for refund in found if state is None or refund.state is state]

    async def timeline(self, order_id: str) -> list[Event]:
        """Everything that happened so far."""
        events: list[Event] = []
        while True:
            after = events[-1].id if events else None
            page = await self.api.get(Page[Event], f"/orders/{order_id}/events", starting_after=after, limit=PAGE)
            events += page.data
            if not page.has_more:
                return events

    async def watch(self, order_id: str, after: int | None = None) -> AsyncGenerator[Event, None]:
        """What happened and happens, live, until the order has ended. Close it when leaving early."""
        async with aclosing(self.api.stream(Event, f"/orders/{order_id}/events", after)) as events:
            async for event in events:
                yield event

    async def stored_quote(self, quote_id: str, tell: Tell | None = None) -> Quote:
        """A quote, as soon as it is ready; `tell` hears how far it is."""
        wait_s = TELLING_WAIT_S if tell else QUIET_WAIT_S
        while True:
            answer = await self.api.get(QuoteAnswer, f"/quotes/{quote_id}", wait=wait_s)
            if isinstance(answer.root, Quote):
                return answer.root
            if tell is not None:
                tell(answer.root)

    async def prove(self, quote_id: str) -> QuoteProof:
        """Whether a quote comes out the same again."""
        return await self.api.post(QuoteProof, f"/quotes/{quote_id}/prove")

    async def confirm_estimate(self, quote_id: str, position: int = 0) -> EstimateConfirmation:
        """What a real slicer says of an item."""
        return await self.api.post(EstimateConfirmation, f"/quotes/{quote_id}/confirm-estimate", {"position": position})

    async def recalculate(self, order_id: str) -> OrderRecalculation:
        """What an order would cost today."""
        return await self.api.post(OrderRecalculation, f"/orders/{order_id}/recalculate")

    async def download(self, link: str) -> bytes:
        """The content behind a link of an answer."""
        return await self.api.download(link.removeprefix(PREFIX))

    async def upload(
        self, name: str, content: bytes, purpose: FilePurpose | None = None, key: str | None = None
    ) -> File:
        """Store a file."""
        return await self.api.upload(File, "/files", name, content, purpose=purpose, key=key)


class Customer(Person, ReceivingCustomer):
    """Orders, pays, approves."""

    async def quote(self, file_id: str, material: str = "PLA", quantity: int = 1, key: str | None = None) -> Quote:
        """The explained price of a stored file, by filament."""
        return await self.quote_items([{"file_id": file_id, "material": material, "quantity": quantity}], key=key)

    async def quote_items(
        self,
        items: Sequence[Mapping[str, object]],
        *,
        tell: Tell | None = None,
        key: str | None = None,
        **terms: str,
    ) -> Quote:
        """The explained price of several files; `terms` are currency, lead_time and tier, `tell` hears the progress."""
        wait_s = TELLING_WAIT_S if tell else QUIET_WAIT_S
        answer = await self.api.post(QuoteAnswer, "/quotes", {"items": items, **terms}, key=key, wait=wait_s)
        if isinstance(answer.root, Quote):
            return answer.root
        if tell is not None:
            tell(answer.root)
        return await self.stored_quote(answer.root.id, tell)

    async def place(self, quote: Quote, key: str | None = None) -> Order:
        """Order at the price she saw."""
        body = {"quote_id": quote.id, "total": quote.total.model_dump()}
        return await self.api.post(Order, "/orders", body, key=key)

    async def place_lines(
        self, lines: Sequence[Mapping[str, str]], key: str | None = None, *, pickup: bool = False
    ) -> Order:
        """Order several quotes and services together: `{"quote_id": …}` or `{"service_id": …}` each."""
        body = {"lines": [dict(line) for line in lines], "delivery_method": "pickup" if pickup else "shipping"}
        return await self.api.post(Order, "/orders", body, key=key)

    async def pay(
        self, order_id: str, card: str = "pm_card_visa", return_url: str | None = None, key: str | None = None
    ) -> PaymentAttempt:
        """Confirm the payment with a card's token."""
        body = {"payment_method": card} | ({"return_url": return_url} if return_url else {})
        return await self.api.post(PaymentAttempt, f"/orders/{order_id}/pay", body, key=key)

    async def approve(self, job_id: str, key: str | None = None) -> Job:
        """Accept what was delivered."""
        return await self.api.post(Job, f"/jobs/{job_id}/approve", key=key)


class Provider(Person, DeliveringProvider):
    """Accepts, makes, ships."""

    async def offers(self, state: OfferState | None = OfferState.OPEN, stage: Stage | None = None) -> list[Offer]:
        """Her newest offers."""
        return (await self.api.get(Page[Offer], "/offers", state=state, stage=stage, limit=PAGE)).data

    async def accept(self, offer_id: str, key: str | None = None) -> Acceptance:
        """Take the job."""
        return await self.api.post(Acceptance, f"/offers/{offer_id}/accept", key=key)

    async def decline(self, offer_id: str, reason: str = "", code: str | None = None, key: str | None = None) -> Offer:
        """Say no."""
        body = {"reason": reason} | ({"code": code} if code else {})
        return await self.api.post(Offer, f"/offers/{offer_id}/decline", body, key=key)

    async def jobs(self, limit: int = PAGE) -> list[Job]:
        """Her newest jobs."""
        return (await self.api.get(Page[Job], "/jobs", limit=limit)).data

    async def start(self, job_id: str, key: str | None = None) -> Job:
        """Report that production started."""
        return await self.api.post(Job, f"/jobs/{job_id}/start", key=key)

    async def progress(
        self, job_id: str, percent: int, note: str = "", photos: Sequence[str] = (), key: str | None = None
    ) -> Job:
        """Report how far the work is."""
        body = {"percent": percent, "note": note, "photo_file_ids": photos}
        return await self.api.post(Job, f"/jobs/{job_id}/progress", body, key=key)

    async def check_quality(
        self, job_id: str, failed: Sequence[str] = (), correction: str | None = None, key: str | None = None
    ) -> Job:
        """Answer everything the job's checklist requires; `failed` are codes of criteria that did not pass."""
        making = (await self.api.get(Job, f"/jobs/{job_id}")).making
        asked = making.checklist if making else ()
        codes = [criterion.code for criterion in asked if criterion.required]
        answers = [{"code": code, "passed": code not in failed} for code in (*codes, *(set(failed) - set(codes)))]
        body = {"checks": answers} | ({"correction": correction} if correction else {})
        return await self.api.post(Job, f"/jobs/{job_id}/quality", body, key=key)

    async def ship(
        self, job_id: str, carrier: str, tracking_number: str, pieces: int | None = None, key: str | None = None
    ) -> Job:
        """Report that it is on its way, or so many pieces of it."""
        body = {"carrier": carrier, "tracking_number": tracking_number} | ({"pieces": pieces} if pieces else {})
        return await self.api.post(Job, f"/jobs/{job_id}/ship", body, key=key)

    async def deliver(self, job_id: str, note: str = "", key: str | None = None) -> Job:
        """Report that it was handed over."""
        return await self.api.post(Job, f"/jobs/{job_id}/deliver", {"proof_note": note}, key=key)


class Support(Person):
    """Sees what is stuck and moves it on."""

    async def stuck(self) -> list[StuckOrder]:
        """Parked and overdue orders, the longest first."""
        return (await self.api.get(StuckOrders, "/support/stuck")).data

    async def resolve(self, order_id: str, action: str, reason: str, key: str | None = None) -> Resolved:
        """Retry, skip or give up (`cancel-step`) the parked step."""
        return await self.api.post(Resolved, f"/support/orders/{order_id}/{action}", {"reason": reason}, key=key)

    async def redispatch(
        self, order_id: str, reason: str, key: str | None = None, *, job_id: str | None = None
    ) -> Redispatched:
        """Offer the job anew."""
        body = {"reason": reason, **({"job_id": job_id} if job_id else {})}
        return await self.api.post(Redispatched, f"/support/orders/{order_id}/redispatch", body, key=key)

    async def reset(
        self,
        order_id: str,
        reason: str,
        step: str | None = None,
        key: str | None = None,
        *,
        job_id: str | None = None,
    ) -> WorkflowReset:
        """Run the workflow again from before a step, the parked one unless given."""
        body = {"reason": reason} | ({"step": step} if step else {}) | ({"job_id": job_id} if job_id else {})
        return await self.api.post(WorkflowReset, f"/support/orders/{order_id}/reset", body, key=key)

    async def cancel_order(self, order_id: str, reason: str, key: str | None = None) -> Order:
        """Call an order off for its customer."""
        return await self.api.post(Order, f"/support/orders/{order_id}/cancel", {"reason": reason}, key=key)

    async def preview_refund(self, order_id: str, question: Mapping[str, object]) -> RefundPreview:
        """What a refund would do."""
        return await self.api.post(RefundPreview, f"/orders/{order_id}/refunds/preview", question)

    async def create_refund(self, order_id: str, new: Mapping[str, object], key: str | None = None) -> Refund:
        """Pay an order back, wholly or in part."""
        return await self.api.post(Refund, f"/orders/{order_id}/refunds", new, key=key, wait=QUIET_WAIT_S)

    async def decide_refund(self, refund_id: str, action: str, reason: str, key: str | None = None) -> Refund:
        """Let a refund be sent (`approve`), or not (`reject`)."""
        return await self.api.post(Refund, f"/refunds/{refund_id}/{action}", {"reason": reason}, key=key)

    async def reroute_refund(
        self, refund_id: str, route: str, reason: str, reference: str | None = None, key: str | None = None
    ) -> Refund:
        """Send a refund that failed another way."""
        body = {"route": route, "reason": reason} | ({"reference": reference} if reference else {})
        return await self.api.post(Refund, f"/refunds/{refund_id}/reroute", body, key=key)

    async def chargeback(self, chargeback_id: str) -> Chargeback:
        """A chargeback or inquiry, with its evidence."""
        return await self.api.get(Chargeback, f"/support/chargebacks/{chargeback_id}")

    async def answer_chargeback(
        self, chargeback_id: str, action: str, reason: str, key: str | None = None
    ) -> Chargeback:
        """Send the evidence to the customer's bank (`submit`), or give the money up (`accept`)."""
        path = f"/support/chargebacks/{chargeback_id}/{action}"
        return await self.api.post(Chargeback, path, {"reason": reason}, key=key)

    async def ledger(self, order_id: str) -> OrderLedger:
        """What was booked for an order."""
        return await self.api.get(OrderLedger, f"/support/orders/{order_id}/ledger")

    async def check_ledger(self, order_id: str | None = None) -> LedgerCheck:
        """What the checks find in the books of an order, or in all."""
        scope = f"/support/orders/{order_id}/ledger" if order_id else "/support/ledger"
        return await self.api.get(LedgerCheck, f"{scope}/check")

    async def proof(self, order_id: str) -> bytes:
        """The proof file of an order's money."""
        return await self.api.download(f"/support/orders/{order_id}/proof")

    async def reconcile(self, since: str | None = None) -> Reconciliation:
        """Compare the books with the payment provider's, however long it takes."""
        body = {"since": since} if since else {}
        while True:
            answer = await self.api.post(ReconciliationAnswer, "/support/reconciliations", body, wait=QUIET_WAIT_S)
            if isinstance(answer.root, Reconciliation):
                return answer.root

    async def trial_balance(self) -> TrialBalance:
        """What is left on the accounts of each kind."""
        return await self.api.get(TrialBalance, "/support/ledger/balances")


class Administrator(Support):
    """Opens accounts, registers providers and their stock."""

    async def register_provider(
        self, name: str, capacity_jobs: int = 10, materials: Sequence[str] = ("PLA",), key: str | None = None
    ) -> ProviderView:
        """A business that prints."""
        body = {"name": name, "capabilities": {"fdm": materials}, "capacity_jobs": capacity_jobs}
        return await self.api.post(ProviderView, "/providers", body, key=key)

    async def receive_stock(self, provider_id: str, material: str, grams: int, key: str | None = None) -> StockItem:
        """Material that came in."""
        body = {"material": material, "quantity": grams}
        return await self.api.post(StockItem, f"/providers/{provider_id}/stock", body, key=key)

    async def replay_quotes(self, tariff: Mapping[str, object], limit: int, key: str | None = None) -> QuotesReplayed:
        """What another price list would do to stored quotes."""
        return await self.api.post(QuotesReplayed, "/quotes/replay", {"tariff": tariff, "limit": limit}, key=key)

    async def open_account(
        self,
        email: str,
        name: str,
        role: Role,
        provider_id: str | None = None,
        *,
        oidc: tuple[str, str],
        key: str | None = None,
    ) -> Account:
        """An account that signs in elsewhere (issuer and subject), and so needs no password."""
        issuer, subject = oidc
        body = {
            "email": email,
            "name": name,
            "role": role,
            "provider_id": provider_id,
            "oidc": {"issuer": issuer, "subject": subject},
        }
        return await self.api.post(Account, "/accounts", body, key=key)


async def sign_in(api: ApiClient, email: str, password: str) -> AccessToken:
    """Log in by password; the client acts as that account from now on."""
    token = await api.post(AccessToken, "/auth/login", {"email": email, "password": password})
    api.use_token(token.access_token)
    return token
