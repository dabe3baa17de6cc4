"""Money facts as rows, without Stripe, for the documents they leave behind."""

from dataclasses import dataclass
from typing import Any

from fulfil.activities.issuing import cancel_credit_note, issue_credit_note, issue_invoice, issue_statement
from fulfil.activities.locking import hold_payment
from fulfil.models.ids import new_id
from fulfil.models.messages.documents import DocumentSnapshot, PlatformIdentity
from fulfil.models.messages.orders import OpenJob
from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundRoute, RefundState
from fulfil.models.tables.accounts import AccountRow, BillingDetailsRow
from fulfil.models.tables.documents import DocumentRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.payments import RefundRow
from tests.activities.shop import PLATFORM, SUPPORT, Shop


@dataclass
class Paperwork:
    """A shop's documents."""

    shop: Shop

    async def paid_order(self, *, currency: str = "eur", **order: Any) -> OpenJob:
        """An order whose payment is captured."""
        placed = await self.shop.add_order(**order)
        for table, column in (("orders", "id"), ("order_lines", "order_id"), ("payments", "order_id")):
            await self.shop.sql(
                f"UPDATE {table} SET currency = :currency WHERE {column} = :id", currency=currency, id=placed.order_id
            )
        await self.shop.sql(
            "UPDATE payments SET state = 'captured', captured_at = :at WHERE order_id = :id",
            at=self.shop.clock(),
            id=placed.order_id,
        )
        return placed

    async def customer_of(self, order_id: str) -> str:
        """Who bought it."""
        return str(await self.shop.value("SELECT customer_id FROM orders WHERE id = :id", id=order_id))

    async def add_account(self, party_id: str, *, name: str = "Ada Lovelace") -> str:
        """Somebody who signs in for a party; her e-mail."""
        email = f"{new_id('acc')}@example.com"
        role = "customer" if party_id.startswith("cus") else "provider"
        async with self.shop.owner.begin() as session:
            session.add(
                AccountRow(
                    id=new_id("acc"), email=email, name=name, role=role, party_id=party_id, created_at=self.shop.clock()
                )
            )
        return email

    async def bill_to(self, party_id: str, *, country: str = "DE", vat_id: str | None = None) -> None:
        """What a party wants on her documents."""
        async with self.shop.owner.begin() as session:
            session.add(
                BillingDetailsRow(
                    party_id=party_id,
                    name="Analytical Engines Ltd",
                    address_lines=["12 Main Street"],
                    country=country,
                    vat_id=vat_id,
                    updated_at=self.shop.clock(),
                )
            )

    async def invoice(self, order_id: str, platform: PlatformIdentity = PLATFORM) -> DocumentRow:
        """Issue the invoice and the receipt of an order."""
        async with self.shop.worker.begin() as session:
            return await issue_invoice(session, await hold_payment(session, order_id), self.shop.clock(), platform)

    async def refund(self, order_id: str, *parts: RefundAllocation, amount_minor: int = 0) -> str:
        """A refund that succeeded; by the parts, or without any of `amount_minor`."""
        amount_minor = amount_minor or sum(part.amount_minor for part in parts)
        refund_id, at = new_id("ref"), self.shop.clock()
        plan = RefundPlan(order_id=order_id, amount_minor=amount_minor, allocations=parts)
        async with self.shop.worker.begin() as session:
            session.add(
                RefundRow(
                    id=refund_id,
                    order_id=order_id,
                    amount_minor=amount_minor,
                    currency=(await hold_payment(session, order_id)).currency,
                    state=RefundState.SUCCEEDED,
                    reason="quality",
                    note="",
                    plan=plan.model_dump(mode="json"),
                    route=RefundRoute.CARD,
                    requested_by=SUPPORT.model_dump(mode="json"),
                    requested_at=at,
                    succeeded_at=at,
                    updated_at=at,
                )
            )
        return refund_id

    async def credit(self, refund_id: str) -> DocumentRow | None:
        """Issue the credit note of a refund."""
        async with self.shop.worker.begin() as session:
            refund = await session.get_one(RefundRow, refund_id)
            await hold_payment(session, refund.order_id)
            return await issue_credit_note(session, refund, self.shop.clock())

    async def cancel_credit(self, refund_id: str) -> DocumentRow | None:
        """The refund came back."""
        async with self.shop.worker.begin() as session:
            refund = await session.get_one(RefundRow, refund_id)
            await hold_payment(session, refund.order_id)
            return await cancel_credit_note(session, refund, self.shop.clock())

    async def released_job(
        self, *, provider_id: str = "", released_minor: int = 10_000, netted_minor: int = 0, **order: Any
    ) -> str:
        """A job whose money was released at 15 % commission."""
        provider_id = provider_id or await self.shop.add_provider()
        placed = await self.paid_order(**order)
        commission = released_minor * 15 // 100
        job_id = new_id("job")
        async with self.shop.owner.begin() as session:
            session.add(
                JobRow(
                    id=job_id,
                    order_id=placed.order_id,
                    line_id=placed.line_id,
                    amount_minor=released_minor,
                    state="approved",
                    round=1,
                    provider_id=provider_id,
                    opened_at=self.shop.clock(),
                    released_minor=released_minor,
                    commission_minor=commission,
                    payout_minor=released_minor - commission,
                    netted_minor=netted_minor,
                )
            )
        return job_id

    async def state(self, job_id: str, platform: PlatformIdentity = PLATFORM) -> DocumentRow | None:
        """Issue the statement of a job."""
        async with self.shop.worker.begin() as session:
            job = await session.get_one(JobRow, job_id)
            await hold_payment(session, job.order_id)
            return await issue_statement(session, job, self.shop.clock(), platform)

    async def snapshots(self, order_id: str) -> list[DocumentSnapshot]:
        """All documents of an order as they were kept, by series and number."""
        rows = await self.shop.sql(
            "SELECT snapshot FROM documents WHERE order_id = :id ORDER BY series, year, sequence", id=order_id
        )
        return [DocumentSnapshot.model_validate(row.snapshot) for row in rows]
