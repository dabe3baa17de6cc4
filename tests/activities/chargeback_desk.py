"""The chargeback activities of one order, and the card network that decides."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fulfil.activities.chargeback_truth import chargeback_id_of
from fulfil.activities.chargebacks import StripeChargebackActivities
from fulfil.activities.locking import hold_payment
from fulfil.activities.truth import Truth
from fulfil.ledger import entries
from fulfil.ledger.checks import check_order
from fulfil.ledger.posting import post
from fulfil.models.ids import new_id
from fulfil.models.messages.chargebacks import (
    AcceptLoss,
    ChargebackStatus,
    CollectEvidence,
    ReadChargeback,
    SubmitEvidence,
)
from fulfil.models.messages.jobs import StartJob
from fulfil.models.messages.payments import SettleJob
from tests.activities.shop import SUPPORT
from tests.activities.till import Till
from tests.conftest import RunningSimulator

FEE = 1_500


@dataclass
class Desk:
    """The chargeback activities, and the card network."""

    till: Till
    order_id: str
    charge_id: str
    dispute_id: str = ""

    @property
    def chargeback_id(self) -> str:
        return chargeback_id_of(self.dispute_id)

    @property
    def activities(self) -> StripeChargebackActivities:
        shop = self.till.shop
        return StripeChargebackActivities(shop.worker, self.till.gateway, shop.client, shop.clock)

    @property
    def truth(self) -> Truth:
        shop = self.till.shop
        return Truth(shop.worker, self.till.gateway, shop.client, shop.clock)

    async def admin(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.till.admin.post(f"/_simulator/{path}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def dispute(self, **traits: Any) -> "Desk":
        opened = await self.admin("disputes", charge=self.charge_id, **traits)
        return Desk(self.till, self.order_id, self.charge_id, opened["id"])

    async def decide(self, status: str) -> None:
        await self.admin(f"disputes/{self.dispute_id}", status=status)

    async def read(self) -> ChargebackStatus:
        return await self.activities.read_chargeback(
            ReadChargeback(chargeback_id=self.chargeback_id, stripe_dispute_id=self.dispute_id, order_id=self.order_id)
        )

    async def collect(self, number: int = 1) -> dict[str, str]:
        request = CollectEvidence(chargeback_id=self.chargeback_id, order_id=self.order_id, number=number)
        await self.activities.collect_evidence(request)
        evidence: dict[str, str] = await self.column("evidence")
        return evidence

    async def submit(self) -> ChargebackStatus:
        request = SubmitEvidence(
            chargeback_id=self.chargeback_id, order_id=self.order_id, actor=SUPPORT, reason="complete"
        )
        return await self.activities.submit_evidence(request)

    async def accept(self) -> ChargebackStatus:
        request = AcceptLoss(
            chargeback_id=self.chargeback_id, order_id=self.order_id, actor=SUPPORT, reason="the customer is right"
        )
        return await self.activities.accept_loss(request)

    async def column(self, name: str) -> Any:
        return await self.till.shop.value(f"SELECT {name} FROM chargebacks WHERE id = :id", id=self.chargeback_id)

    async def frozen(self) -> bool:
        query = "SELECT frozen_at IS NOT NULL FROM payments WHERE order_id = :id"
        return bool(await self.till.shop.value(query, id=self.order_id))

    async def ledger(self) -> dict[str, int]:
        """Balances, without what does not belong to the chargeback: Stripe's own fee, and where our balance stands."""
        balances = await self.till.shop.ledger(self.order_id)
        fee = balances.pop("expense:stripe_fee", 0)
        ours = balances.pop("asset:stripe:pending", 0) + balances.pop("asset:stripe:available", 0)
        return {**balances, "asset:stripe": ours + fee}

    async def at_stripe(self) -> dict[str, Any]:
        everything = (await self.till.admin.get("/_simulator/dump")).json()
        return next(item for item in everything["disputes"] if item["id"] == self.dispute_id)

    async def check(self) -> None:
        """Ours and Stripe's books agree, entry by entry, and nothing contradicts itself."""
        async with self.till.shop.owner.begin() as session:
            findings = await check_order(session, self.order_id, self.till.shop.clock() + timedelta(days=1))
        assert [found for found in findings if found.kind != "held_too_long"] == []


async def paid(till: Till, **order: Any) -> tuple[Desk, StartJob, str]:
    """A captured order in a provider's hands."""
    provider = await till.add_payee()
    job = await till.secured_job(provider, **order)
    charge_id = await till.shop.value("SELECT charge_id FROM payments WHERE order_id = :id", id=job.order_id)
    return Desk(till, job.order_id, charge_id), job, provider


async def settle(till: Till, job: StartJob) -> Any:
    return await till.payments.settle_job(
        SettleJob(order_id=job.order_id, job_id=job.job_id, approved_by_silence=False)
    )


async def drain(till: Till, simulator: RunningSimulator, account: str) -> None:
    """The provider pays all she has to her bank."""
    headers = {"Authorization": f"Bearer {simulator.api_key}", "Stripe-Account": account}
    balance = (await till.admin.get("/v1/balance", headers=headers)).json()
    (available,) = [part["amount"] for part in balance["available"] if part["currency"] == "eur"]
    paid_out = await till.admin.post(
        "/v1/payouts",
        headers=headers | {"Idempotency-Key": new_id("key")},
        data={"amount": available, "currency": "eur"},
    )
    assert paid_out.is_success, paid_out.text


async def next_of(till: Till, order_id: str) -> tuple[str, str, bool]:
    """Whose move it is, what it is, and whether there is a date for it."""
    ((who, what, dated),) = await till.shop.sql(
        "SELECT next_who, next_what, next_by IS NOT NULL FROM timelines WHERE order_id = :id", id=order_id
    )
    return who, what, dated


async def release(till: Till, order_id: str, provider_id: str, share: int, commission: int, tax: int) -> None:
    """Part of what is held became hers and ours."""
    async with till.shop.worker.begin() as session:
        await hold_payment(session, order_id)
        await post(
            session,
            entries.release(order_id, provider_id, provider=share, commission=commission, tax=tax),
            business_key=f"{provider_id}:release",
            order_id=order_id,
            effective_at=till.shop.clock(),
            currency="eur",
        )
