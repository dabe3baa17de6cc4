"""A shop whose money moves at the Stripe simulator."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from fulfil.activities.locking import hold_payment
from fulfil.activities.payments import StripePaymentActivities
from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.ledger import accounts, entries
from fulfil.ledger.posting import post
from fulfil.models.ids import derived_id, new_id
from fulfil.models.messages.jobs import AcceptanceOutcome, StartJob
from fulfil.models.messages.orders import OpenJob, OrderPlaced
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundReason, RefundState
from fulfil.models.tables.payments import RefundRow
from fulfil.workflows.ids import refund_workflow_id
from tests.activities.shop import PLATFORM, Shop

T = TypeVar("T")


@dataclass
class Till:
    """Orders through Stripe, and what Stripe says happened."""

    shop: Shop
    gateway: StripeGateway
    admin: httpx.AsyncClient

    @property
    def payments(self) -> StripePaymentActivities:
        """The payment activities."""
        return StripePaymentActivities(
            self.shop.worker, self.gateway, self.shop.client, self.shop.clock, platform=PLATFORM
        )

    async def fail(self, match: str, mode: str, count: int = 1) -> None:
        """Let the next matching requests fail, before or after their effect."""
        answer = await self.admin.post("/_simulator/faults", json=[{"match": match, "mode": mode, "count": count}])
        answer.raise_for_status()

    async def retried(self, step: Callable[[], Awaitable[T]]) -> T:
        """What the retry policy does: the step once more while its outcome at Stripe is unknown."""
        for _ in range(3):
            try:
                return await step()
            except StripeUnavailableError:
                continue
        return await step()

    async def add_payee(self, **traits: Any) -> str:
        """A provider with a Stripe account that can receive transfers."""
        account = await self.gateway.create_recipient_account(
            provider_id="prv", name="Maker", idempotency_key=new_id("key")
        )
        return await self.shop.add_provider(stripe_account_id=account, **traits)

    async def save_card(self, customer_id: str, test_card: str = "pm_card_visa") -> str:
        """A customer whose card Stripe keeps; the card's id."""
        payer = await self.gateway.create_customer(customer_id=customer_id, idempotency_key=new_id("key"))
        await self.shop.sql(
            "INSERT INTO stripe_customers (customer_id, stripe_customer_id, created_at) VALUES (:id, :payer, now())",
            id=customer_id,
            payer=payer,
        )
        answer = await self.admin.post(
            f"/v1/payment_methods/{test_card}/attach",
            data={"customer": payer},
            headers={"Authorization": "Bearer sk_test_simulator", "Idempotency-Key": new_id("key")},
        )
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def place(self, *, total_minor: int = 10_000, material_g: int = 100) -> OrderPlaced:
        """An order awaiting payment."""
        return await self.payments.place_order(
            await self.shop.add_quote(total_minor=total_minor, material_g=material_g)
        )

    async def pay(self, placed: OrderPlaced, card: str = "pm_card_visa") -> None:
        """The customer confirms with a card."""
        await self.gateway.confirm_payment_intent(
            placed.payment_intent_id or "",
            payment_method=card,
            return_url="https://shop.test/paid",
            idempotency_key=new_id("key"),
        )

    async def open_job(
        self, *, total_minor: int = 10_000, material_g: int = 100, card: str = "pm_card_visa"
    ) -> StartJob:
        """A paid order whose job is offered in its first wave."""
        placed = await self.place(total_minor=total_minor, material_g=material_g)
        await self.pay(placed, card)
        request = OpenJob(
            order_id=placed.order_id,
            line_id=placed.line_id or "",
            payment_intent_id=placed.payment_intent_id or "",
            policies=self.shop.policies,
        )
        return (await self.shop.orders.open_job(request)).start

    async def secured_job(self, provider_id: str, **order: Any) -> StartJob:
        """A job in this provider's hands, captured."""
        job = await self.open_job(**order)
        secured = await self.payments.secure_acceptance(self.shop.acceptance(job, provider_id))
        assert secured.outcome is AcceptanceOutcome.SECURED
        return job

    async def discount_of(self, counter_id: str) -> dict[str, Any]:
        """What the refund of a taken counter-offer was started with."""
        workflow_id = refund_workflow_id(derived_id("ref", counter_id, "discount"))
        history = await self.shop.client.get_workflow_handle(workflow_id).fetch_history()
        payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
        return dict((await self.shop.client.data_converter.decode(payloads))[0])

    async def at_stripe(self, kind: str, order_id: str) -> list[dict[str, Any]]:
        """The objects of an order at Stripe: `charges`, `transfers`, `refunds`, `payment_intents`."""
        everything = (await self.admin.get("/_simulator/dump")).json()
        intents = [item for item in everything["payment_intents"] if item["transfer_group"] == order_id]
        if kind == "payment_intents":
            return intents
        if kind == "transfers":
            return [item for item in everything[kind] if item["transfer_group"] == order_id]
        names = {intent["id"] for intent in intents}
        return [item for item in everything[kind] if item["payment_intent"] in names]

    async def in_ledger(self, kind: str, order_id: str) -> set[str]:
        """Objects of Stripe's that transactions of a kind name."""
        rows = await self.shop.sql(
            "SELECT stripe_object_id FROM ledger_transactions WHERE order_id = :id AND kind = :kind",
            id=order_id,
            kind=kind,
        )
        return {row.stripe_object_id for row in rows}

    async def check_books(self, order_id: str) -> None:
        """Our books and Stripe's tell the same: each object has one transaction, each entry its net amount."""
        everything = (await self.admin.get("/_simulator/dump")).json()
        for kind, transactions in (("charges", "charge"), ("transfers", "transfer")):
            captured = [item for item in await self.at_stripe(kind, order_id) if item.get("captured", True)]
            assert {item["id"] for item in captured} == await self.in_ledger(transactions, order_id), kind
            moved = {item["balance_transaction"] for item in captured}
            booked = await self.shop.sql(
                "SELECT t.balance_transaction_id AS id, sum(p.amount_minor)::bigint AS net FROM ledger_transactions t "
                "JOIN ledger_postings p ON p.transaction_id = t.id AND p.account LIKE 'asset:stripe:%' "
                "WHERE t.balance_transaction_id = ANY(:ids) GROUP BY t.balance_transaction_id",
                ids=list(moved),
            )
            entries = [item for item in everything["balance_transactions"] if item["id"] in moved]
            assert {row.id: row.net for row in booked} == {item["id"]: item["net"] for item in entries}, kind
        total = await self.shop.value("SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings")
        assert total == 0

    async def refund_before_release(self, job: StartJob, amount_minor: int) -> None:
        """A refund was decided while the money was held, as the refund's own step books it."""
        refund_id = new_id("ref")
        part = RefundAllocation(line_id=job.line_id, held_minor=amount_minor)
        plan = RefundPlan(order_id=job.order_id, amount_minor=amount_minor, allocations=(part,))
        at = self.shop.clock()
        async with self.shop.worker.begin() as session:
            await hold_payment(session, job.order_id)
            session.add(
                RefundRow(
                    id=refund_id,
                    order_id=job.order_id,
                    amount_minor=amount_minor,
                    currency="eur",
                    state=RefundState.SENT,
                    reason=RefundReason.QUALITY,
                    note="",
                    plan=plan.model_dump(mode="json"),
                    requested_by=SYSTEM.model_dump(mode="json"),
                    requested_at=at,
                    updated_at=at,
                )
            )
            await post(
                session,
                entries.refund_decided(job.order_id, amount_minor),
                business_key=f"{refund_id}:decided",
                order_id=job.order_id,
                effective_at=at,
                currency="eur",
            )

    async def owe(self, provider_id: str, amount_minor: int) -> None:
        """The provider owes the platform from an order of before."""
        async with self.shop.worker.begin() as session:
            await post(
                session,
                entries.entry("owed", (accounts.receivable(provider_id), amount_minor), (accounts.LOSS, -amount_minor)),
                business_key=f"owed:{provider_id}",
                order_id=None,
                effective_at=self.shop.clock(),
                currency="eur",
            )
