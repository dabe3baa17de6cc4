"""Rows a test begins with: people of every role, and orders at any point of their way."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.security import TokenClaims, Tokens
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.ids import new_id
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.inventory import StockUnit
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.orders import DeliveryMethod, OrderState
from fulfil.models.messages.parties import SYSTEM, Role, WaitingOn
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.accounts import AccountRow, ProviderRow
from fulfil.models.tables.inventory import StockItemRow
from fulfil.models.tables.jobs import JobRow, OfferRow, ProductionRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow
from fulfil.models.tables.quotes import FileRow, QuoteItemRow, QuoteRow
from fulfil.models.tables.timeline import append_event
from tests.api.quoted import item_row, quote_row

SECRET = "a secret of the tests that is long enough for HS256"
TOKENS = Tokens(SECRET, 3600)


@dataclass(frozen=True)
class Person:
    """A sign-in and its bearer header."""

    account_id: str
    party_id: str | None
    role: Role
    email: str
    headers: dict[str, str] = field(repr=False)

    @property
    def owner_id(self) -> str:
        """Whose things hers are."""
        return self.party_id or self.account_id


@dataclass(frozen=True)
class Sale:
    """The ids of one order and everything hanging on it."""

    file_id: str
    quote_id: str
    order_id: str
    line_id: str
    job_id: str
    offer_id: str


class World:
    """Writes rows as the owner of the database; every method commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction of the owner's."""
        return self._database.begin()

    async def add(self, *rows: object) -> None:
        """Any rows, in this order."""
        async with self._database.begin() as session:
            for row in rows:
                session.add(row)
                await session.flush()

    async def person(self, role: Role, *, provider_id: str | None = None, password_hash: str | None = None) -> Person:
        """A new account; a customer has a customer id, a provider a provider's row."""
        account_id = new_id("acc")
        party_id = new_id("cus") if role is Role.CUSTOMER else provider_id
        if role is Role.PROVIDER and party_id is None:
            party_id = await self.provider()
        email = f"{account_id}@example.com"
        await self.add(
            AccountRow(
                id=account_id,
                email=email,
                name=f"A {role.value}",
                role=role,
                party_id=party_id,
                password_hash=password_hash,
                created_at=utc_now(),
            )
        )
        token = TOKENS.issue(TokenClaims(account_id, role, party_id), utc_now())
        return Person(account_id, party_id, role, email, {"Authorization": f"Bearer {token}"})

    async def provider(self) -> str:
        """A provider who prints PLA."""
        provider_id = new_id("prv")
        await self.add(
            ProviderRow(
                id=provider_id,
                name="Printworks",
                capabilities={"fdm": ["PLA"]},
                commission_bp=1500,
                created_at=utc_now(),
            )
        )
        return provider_id

    async def lot(self, provider: Person, quantity: int = 100) -> str:
        """Grams of PLA."""
        item_id = new_id("stk")
        await self.add(
            StockItemRow(
                id=item_id,
                provider_id=provider.owner_id,
                material="PLA",
                unit=StockUnit.GRAM,
                available_quantity=quantity,
                reserved_quantity=0,
                created_at=utc_now(),
            )
        )
        return item_id

    async def file(self, owner: Person, *, file_format: str = "stl", sha256: str = "0" * 64) -> str:
        """A file row; its content is not stored."""
        file_id = new_id("fil")
        await self.add(
            FileRow(
                id=file_id,
                owner_id=owner.owner_id,
                sha256=sha256,
                name="bracket.stl",
                format=file_format,
                size_bytes=684,
                created_at=utc_now(),
            )
        )
        return file_id

    async def quote(self, customer: Person, *, expires_at: datetime | None = None, status: str = "firm") -> str:
        """A quote of 12.99 EUR for one file."""
        quote_id = new_id("quo")
        file_id = await self.file(customer)
        await self.add(
            quote_row(quote_id, customer.owner_id, status=status, expires_at=expires_at),
            item_row(quote_id, file_id, status=status),
        )
        return quote_id

    async def order(
        self,
        customer: Person,
        *,
        order_id: str | None = None,
        quote_id: str | None = None,
        state: OrderState = OrderState.AWAITING_PAYMENT,
        payment: PaymentState = PaymentState.REQUIRES_PAYMENT,
        payment_intent_id: str = "",
        policies: OrderPolicies | None = None,
        delivery: DeliveryMethod = DeliveryMethod.SHIPPING,
    ) -> str:
        """An order with one line, its payment and its first event."""
        quote_id = quote_id or await self.quote(customer)
        order_id = order_id or new_id("ord")
        now = utc_now()
        async with self._database.begin() as session:
            quote = await session.get_one(QuoteRow, quote_id)
            session.add(
                OrderRow(
                    id=order_id,
                    customer_id=customer.owner_id,
                    state=state,
                    total_minor=quote.total_minor,
                    currency=quote.currency,
                    policies=(policies or OrderPolicies()).model_dump(mode="json"),
                    delivery_method=delivery,
                    placed_at=now,
                )
            )
            await session.flush()
            items = list(await session.scalars(select(QuoteItemRow).where(QuoteItemRow.quote_id == quote_id)))
            session.add(_line(order_id, quote, items))
            session.add(
                PaymentRow(
                    order_id=order_id,
                    payment_intent_id=payment_intent_id or f"pi_{order_id}",
                    client_secret=f"pi_{order_id}_secret_x",
                    state=payment,
                    amount_minor=quote.total_minor,
                    currency=quote.currency,
                    updated_at=now,
                )
            )
            await session.flush()
            await tell(session, order_id, EventType.ORDER_PLACED, key="placed")
        return order_id

    async def sale(  # noqa: PLR0913 (a sale has these parts)
        self,
        customer: Person,
        provider: Person,
        *,
        order: OrderState = OrderState.PAID,
        job: JobState = JobState.OFFERED,
        offer: OfferState = OfferState.OPEN,
        production: JobState | None = None,
        policies: OrderPolicies | None = None,
        quote_id: str | None = None,
        delivery: DeliveryMethod = DeliveryMethod.SHIPPING,
    ) -> Sale:
        """A paid order whose job is offered to (or made by) the provider."""
        quote_id = quote_id or await self.quote(customer)
        order_id = await self.order(
            customer,
            quote_id=quote_id,
            state=order,
            payment=PaymentState.AUTHORIZED,
            policies=policies,
            delivery=delivery,
        )
        ids = {"job": new_id("job"), "offer": new_id("off")}
        now = utc_now()
        hers = job not in (JobState.PENDING, JobState.OFFERED)
        async with self._database.begin() as session:
            item = await session.get_one(QuoteItemRow, (quote_id, 0))
            line_id = line_id_of(order_id)
            session.add(
                JobRow(
                    id=ids["job"],
                    order_id=order_id,
                    line_id=line_id,
                    amount_minor=(await session.get_one(OrderLineRow, line_id)).amount_minor,
                    state=job,
                    round=1,
                    provider_id=provider.party_id if hers else None,
                    offer_id=ids["offer"] if hers else None,
                    opened_at=now,
                    accepted_at=now if hers else None,
                )
            )
            await session.flush()
            session.add(_offer(ids["offer"], ids["job"], provider.owner_id, offer))
            await session.flush()
            if production is not None:
                session.add(_production(ids, order_id, provider.owner_id, production))
        return Sale(item.file_id, quote_id, order_id, line_id, ids["job"], ids["offer"])

    async def offer(self, sale: Sale, provider: Person, state: OfferState = OfferState.OPEN) -> str:
        """One more offer of the same job."""
        offer_id = new_id("off")
        await self.add(_offer(offer_id, sale.job_id, provider.owner_id, state))
        return offer_id

    async def happen(self, order_id: str, kind: EventType, *, key: str, **data: Any) -> None:
        """Append an event."""
        async with self._database.begin() as session:
            await tell(session, order_id, kind, key=key, **data)

    async def rows(self, table: type[Any]) -> list[Any]:
        """Everything in a table."""
        async with self._database.begin() as session:
            return list(await session.scalars(select(table)))


async def tell(session: AsyncSession, order_id: str, kind: EventType, *, key: str, **data: Any) -> None:
    """Append an event in a transaction of the caller's."""
    await append_event(
        session,
        order_id=order_id,
        business_key=f"{order_id}:{key}",
        kind=kind,
        at=utc_now(),
        actor=SYSTEM,
        subject=order_id,
        data=data,
        next_step=NextStep(who=WaitingOn.CUSTOMER, what="pay 12.99 EUR", by=utc_now() + timedelta(minutes=15)),
    )


def line_id_of(order_id: str) -> str:
    """The id of the only line."""
    return f"lin_{order_id.removeprefix('ord_')}"


def _line(order_id: str, quote: QuoteRow, items: list[QuoteItemRow]) -> OrderLineRow:
    first = items[0]
    return OrderLineRow(
        id=line_id_of(order_id),
        order_id=order_id,
        quote_id=quote.id,
        title="2 x bracket.stl",
        process=first.process,
        material=first.material,
        material_g=sum(item.material_g for item in items),
        quantity=sum(item.quantity for item in items),
        lead_time_days=quote.lead_time_days,
        amount_minor=quote.total_minor,
        currency=quote.currency,
    )


def _offer(offer_id: str, job_id: str, provider_id: str, state: OfferState) -> OfferRow:
    return OfferRow(
        id=offer_id,
        job_id=job_id,
        provider_id=provider_id,
        round=1,
        stage="wave",
        wave=1,
        rank=1,
        reasons=["Can make fdm in PLA."],
        state=state,
        offered_at=utc_now(),
        expires_at=utc_now() + timedelta(seconds=90),
    )


def _production(ids: dict[str, str], order_id: str, provider_id: str, state: JobState) -> ProductionRow:
    order = list(JobState)
    now = utc_now()
    return ProductionRow(
        offer_id=ids["offer"],
        job_id=ids["job"],
        order_id=order_id,
        provider_id=provider_id,
        state=state,
        start_due_at=now + timedelta(hours=72),
        due_at=now + timedelta(days=5),
        started_at=now if order.index(state) >= order.index(JobState.IN_PRODUCTION) else None,
        delivered_at=now if state is JobState.DELIVERED else None,
    )
