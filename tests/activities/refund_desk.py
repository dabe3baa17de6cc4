"""Refunds at a till: the activities in the order the workflow calls them, and what became of the money."""

from dataclasses import dataclass, field
from typing import Any

from fulfil.activities.refunds import StripeRefundActivities
from fulfil.activities.stripe_truth import StripeTruth
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import StartJob
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.payments import JobSettlement, SettleJob
from fulfil.models.messages.refunds import (
    DecideRefund,
    LookAtRefund,
    RefundOpened,
    RefundProgress,
    RefundReason,
    RefundRoute,
    RefundScope,
    RefundState,
    RerouteRefund,
    SendRefund,
    StartRefund,
)
from tests.activities.till import Till

CLERK = Actor(kind=ActorKind.SUPPORT, id="acc_clerk")
BOSS = Actor(kind=ActorKind.ADMIN, id="acc_boss")

LARGEST_PAYOUT_MINOR = 99_999_999


@dataclass
class RefundDesk:
    """One order's refunds."""

    till: Till
    job: StartJob
    provider: str
    asked: dict[str, RefundOpened] = field(default_factory=dict[str, RefundOpened])

    @classmethod
    async def of(cls, till: Till, **order: Any) -> "RefundDesk":
        """An order of 100.00, captured, with a provider at work."""
        provider = await till.add_payee()
        return cls(till, await till.secured_job(provider, **order), provider)

    @property
    def activities(self) -> StripeRefundActivities:
        """The activities."""
        return StripeRefundActivities(self.till.shop.worker, self.till.gateway, self.till.shop.clock)

    async def release(self) -> JobSettlement:
        """The customer approved: the provider is paid."""
        request = SettleJob(order_id=self.job.order_id, job_id=self.job.job_id, approved_by_silence=False)
        return await self.till.payments.settle_job(request)

    async def open(
        self, amount_minor: int | None = None, reason: RefundReason = RefundReason.QUALITY, refund_id: str = ""
    ) -> RefundOpened:
        """Support asks for a refund."""
        request = StartRefund(
            refund_id=refund_id or new_id("ref"),
            order_id=self.job.order_id,
            scope=RefundScope(amount_minor=amount_minor),
            reason=reason,
            note="the edge is broken",
            requested_by=CLERK,
            looks_s=(1, 5, 10),
        )
        answer = await self.activities.open_refund(request)
        self.asked[answer.refund_id] = answer
        return answer

    async def decide(self, refund_id: str, *, approved: bool, by: Actor = BOSS) -> RefundProgress:
        """Somebody decides."""
        request = DecideRefund(
            refund_id=refund_id, order_id=self.job.order_id, approved=approved, actor=by, reason="looked at it"
        )
        return await self.activities.decide_refund(request)

    async def send(self, refund_id: str) -> RefundProgress:
        """On its way."""
        return await self.activities.send_refund(SendRefund(refund_id=refund_id, order_id=self.job.order_id))

    async def look(self, refund_id: str) -> RefundProgress:
        """What became of it."""
        return await self.activities.look_at_refund(LookAtRefund(refund_id=refund_id, order_id=self.job.order_id))

    async def reroute(self, refund_id: str, route: RefundRoute, reference: str | None = None) -> RefundProgress:
        """Another way."""
        request = RerouteRefund(
            refund_id=refund_id,
            order_id=self.job.order_id,
            route=route,
            actor=CLERK,
            reason="the card is gone",
            reference=reference,
        )
        return await self.activities.reroute_refund(request)

    async def refund(self, amount_minor: int | None = None, reason: RefundReason = RefundReason.QUALITY) -> str:
        """From the request to Stripe, approved by the boss where that is due."""
        answer = await self.open(amount_minor, reason)
        assert answer.plan.refusal_code is None, answer.plan.refusal_detail
        if answer.state is RefundState.AWAITING_APPROVAL:
            await self.decide(answer.refund_id, approved=True)
        await self.send(answer.refund_id)
        return answer.refund_id

    async def hear(self, stripe_refund_id: str, kind: str = "refund.updated") -> str | None:
        """A webhook about a refund came in."""
        shop = self.till.shop
        truth = StripeTruth(shop.worker, self.till.gateway, shop.client, shop.clock)
        return await truth.act_on(new_id("evt"), kind, stripe_refund_id)

    async def empty_account(self) -> None:
        """The provider has her money paid out to her bank."""
        account = await self.till.shop.value("SELECT stripe_account_id FROM providers WHERE id = :id", id=self.provider)
        headers = {"Authorization": "Bearer sk_test_simulator", "Stripe-Account": account}
        everything = (await self.till.admin.get("/v1/balance", headers=headers)).json()
        (available,) = [part["amount"] for part in everything["available"] if part["currency"] == "eur"]
        body = {"amount": str(available), "currency": "eur"}
        (await self.till.admin.post("/v1/payouts", headers=headers, data=body)).raise_for_status()

    async def empty_our_balance(self) -> None:
        """We have everything that is available paid out to our bank, in payouts as large as may be."""
        (available,) = [
            part.available_minor for part in await self.till.gateway.retrieve_balance() if part.currency == "eur"
        ]
        while available > 0:
            amount = min(available, LARGEST_PAYOUT_MINOR)
            await self.till.gateway.create_payout(amount_minor=amount, currency="eur", idempotency_key=new_id("key"))
            available -= amount

    async def top_up(self, amount_minor: int) -> None:
        """We add money of our own."""
        body = {"amount": amount_minor, "currency": "eur"}
        (await self.till.admin.post("/_simulator/topups", json=body)).raise_for_status()

    async def row(self, refund_id: str) -> Any:
        """The refund's row."""
        ((row),) = await self.till.shop.sql("SELECT * FROM refunds WHERE id = :id", id=refund_id)
        return row

    async def paid_back(self) -> tuple[int, int]:
        """Refunded, and being refunded."""
        ((refunded, refunding),) = await self.till.shop.sql(
            "SELECT refunded_minor, refunding_minor FROM payments WHERE order_id = :id", id=self.job.order_id
        )
        return refunded, refunding

    async def books(self) -> dict[str, int]:
        """The order's balances by short names, Stripe's two balances together, without its fee."""
        order, provider, balances = self.job.order_id, self.provider, await self.till.shop.ledger(self.job.order_id)
        short: dict[str, int] = {}
        for account, amount in balances.items():
            name = account.replace(f":{order}", "").replace(f":{provider}", "")
            name = "stripe" if name.startswith("asset:stripe") else name.rpartition(":")[2]
            short[name] = short.get(name, 0) + amount
        short["stripe"] = short.get("stripe", 0) + short.pop("stripe_fee", 0)
        return {name: amount for name, amount in short.items() if amount}

    async def check(self) -> None:
        """Every refund and reversal at Stripe has its transactions, every entry its net amount."""
        await self.till.check_books(self.job.order_id)
        everything = (await self.till.admin.get("/_simulator/dump")).json()
        refunds = await self.till.at_stripe("refunds", self.job.order_id)
        taken = {item["id"] for item in refunds if item["balance_transaction"]}
        back = {item["id"] for item in refunds if item.get("failure_balance_transaction")}
        assert taken == await self.till.in_ledger("refund_taken", self.job.order_id)
        assert back == await self.till.in_ledger("refund_returned", self.job.order_id)
        moved = {item["balance_transaction"] for item in refunds} | {
            item.get("failure_balance_transaction") for item in refunds
        }
        booked = await self.till.shop.sql(
            "SELECT t.balance_transaction_id AS id, sum(p.amount_minor)::bigint AS net FROM ledger_transactions t "
            "JOIN ledger_postings p ON p.transaction_id = t.id AND p.account LIKE 'asset:stripe:%' "
            "WHERE t.balance_transaction_id = ANY(:ids) GROUP BY 1",
            ids=[name for name in moved if name],
        )
        entries = [item for item in everything["balance_transactions"] if item["id"] in moved]
        assert {row.id: row.net for row in booked} == {item["id"]: item["net"] for item in entries}
