"""A shop whose money moves at the Stripe simulator."""

from dataclasses import dataclass
from typing import Any

import httpx

from fulfil.activities.payments import StripePaymentActivities
from fulfil.gateways.stripe import StripeGateway
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import AcceptanceOutcome, StartJob
from fulfil.models.messages.orders import OpenJob, OrderPlaced
from tests.activities.shop import Shop


@dataclass
class Till:
    """Orders through Stripe, and what Stripe says happened."""

    shop: Shop
    gateway: StripeGateway
    admin: httpx.AsyncClient

    @property
    def payments(self) -> StripePaymentActivities:
        """The payment activities."""
        return StripePaymentActivities(self.shop.worker, self.gateway, self.shop.client, self.shop.clock)

    async def fail(self, match: str, mode: str, count: int = 1) -> None:
        """Let the next matching requests fail, before or after their effect."""
        answer = await self.admin.post("/_simulator/faults", json=[{"match": match, "mode": mode, "count": count}])
        answer.raise_for_status()

    async def settle_refund(self, refund_id: str | None, status: str) -> None:
        """The card network decides on a pending refund."""
        answer = await self.admin.post(f"/_simulator/refunds/{refund_id}", json={"status": status})
        answer.raise_for_status()

    async def add_payee(self, **traits: Any) -> str:
        """A provider with a Stripe account that can receive transfers."""
        account = await self.gateway.create_recipient_account(
            provider_id="prv", name="Maker", idempotency_key=new_id("key")
        )
        return await self.shop.add_provider(stripe_account_id=account, **traits)

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
        """Each charge, transfer and refund at Stripe has exactly one transaction, and the other way round."""
        for kind, transactions in (("charges", "charge"), ("transfers", "transfer"), ("refunds", "refund_sent")):
            captured = [item for item in await self.at_stripe(kind, order_id) if item.get("captured", True)]
            assert {item["id"] for item in captured} == await self.in_ledger(transactions, order_id), kind
        total = await self.shop.value("SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings")
        assert total == 0
