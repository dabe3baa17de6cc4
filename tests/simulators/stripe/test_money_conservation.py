"""Whatever happens in whatever order, no cent appears or disappears: random sequences against sums of the objects."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fulfil.models.money import share_minor
from tests.simulators.stripe.till import DAY_S, Till

CARDS = (
    "pm_card_visa",
    "pm_card_bypassPending",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
)
STEPS = 100
TAKEN_BACK = frozenset(["lost", "needs_response", "under_review", "appeal_needs_response", "appeal_under_review"])


class Storm:
    """Random deeds, legal and not, from one seed; a refusal is an answer like any other."""

    def __init__(self, till: Till, seed: int) -> None:
        self.till = till
        self.dice = random.Random(seed)
        self.accounts: list[str] = []
        self.answers: Counter[int] = Counter()

    async def play(self) -> None:
        """All steps; the balances are proved after each."""
        self.accounts = [await self.till.recipient() for _ in range(2)]
        deeds: list[Callable[[], Awaitable[None]]] = [
            self.pay, self.pay, self.capture, self.refund, self.refund, self.transfer, self.transfer, self.reverse,
            self.pay_out, self.cancel_payout, self.top_up, self.dispute, self.answer, self.decide, self.fail,
            self.advance,
        ]  # fmt: skip
        for _ in range(STEPS):
            await self.dice.choice(deeds)()
            await self.prove()
        await self.till.later(100 * DAY_S)
        await self.prove()

    async def send(self, path: str, account: str = "", /, **fields: object) -> None:
        headers = {"Stripe-Account": account} if account else {}
        answer = await self.till.client.post(path, data={k: str(v) for k, v in fields.items()}, headers=headers)
        self.answers[answer.status_code] += 1
        assert answer.status_code in {200, 400, 404}, answer.text

    async def decree(self, path: str, body: object) -> None:
        answer = await self.till.client.post(f"/_simulator{path}", json=body)
        assert answer.status_code in {200, 409}, answer.text

    async def some(self, url: str, account: str = "") -> Any:
        rows = (await self.till.seen(url, account, limit=100))["data"]
        return self.dice.choice(rows) if rows else {"id": "none_1", "destination": "none_1"}

    def amount(self) -> int:
        return self.dice.choice((1, 700, 2500, 5000, 9999))

    async def pay(self) -> None:
        manual = {"capture_method": self.dice.choice(("automatic", "manual")), "confirm": "true"}
        fields = {"amount": self.dice.choice((5000, 10_000)), "currency": self.dice.choice(("eur", "eur", "usd"))}
        kind = {"allowed_payment_method_types[]": "card", "payment_method": self.dice.choice(CARDS)}
        await self.send("/v1/payment_intents", **fields, **manual, **kind)

    async def capture(self) -> None:
        intent = await self.some("/v1/payment_intents")
        await self.send(f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture=self.amount())

    async def refund(self) -> None:
        await self.send("/v1/refunds", charge=(await self.some("/v1/charges"))["id"], amount=self.amount())

    async def transfer(self) -> None:
        source = {"source_transaction": (await self.some("/v1/charges"))["id"]} if self.dice.random() < 0.7 else {}
        fields = {"amount": self.amount(), "currency": "eur", "destination": self.dice.choice(self.accounts)}
        await self.send("/v1/transfers", **fields, **source)

    async def reverse(self) -> None:
        transfer = await self.some("/v1/transfers")
        await self.send(f"/v1/transfers/{transfer['id']}/reversals", amount=self.amount())

    async def pay_out(self) -> None:
        account = self.dice.choice(["", *self.accounts])
        await self.send("/v1/payouts", account, amount=self.amount(), currency="eur")

    async def cancel_payout(self) -> None:
        account = self.dice.choice(["", *self.accounts])
        payout = await self.some("/v1/payouts", account)
        await self.send(f"/v1/payouts/{payout['id']}/{self.dice.choice(('cancel', 'reverse'))}", account)

    async def top_up(self) -> None:
        await self.send("/v1/topups", amount=self.amount(), currency="eur")

    async def dispute(self) -> None:
        charge = await self.some("/v1/charges")
        if charge["id"] != "none_1":
            await self.decree("/disputes", {"charge": charge["id"], "inquiry": self.dice.random() < 0.3})

    async def answer(self) -> None:
        dispute = await self.some("/v1/disputes")
        words = self.dice.choice(("winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "words"))
        await self.send(f"/v1/disputes/{dispute['id']}", **{"evidence[uncategorized_text]": words})

    async def decide(self) -> None:
        dispute = await self.some("/v1/disputes")
        status = self.dice.choice(("won", "lost", "escalate", "appeal_needs_response", "warning_closed"))
        if dispute["id"] != "none_1":
            await self.decree(f"/disputes/{dispute['id']}", {"status": status})

    async def fail(self) -> None:
        kind = self.dice.choice(("refunds", "payouts"))
        found = await self.some(f"/v1/{kind}")
        if found["id"] != "none_1":
            await self.decree(f"/{kind}/{found['id']}", {"status": "failed"})

    async def advance(self) -> None:
        await self.till.later(self.dice.choice((0, 3600, DAY_S, 4 * DAY_S)))

    async def prove(self) -> None:
        """Balances are the sums of their entries, and all of them together what the objects say came in and out."""
        rows = (await self.till.admin("GET", "/balances"))["balances"]
        assert all(row["pending"] == row["entries_pending"] for row in rows), rows
        assert all(row["available"] == row["entries_available"] for row in rows), rows
        everything = await self.till.admin("GET", "/dump?kinds=charges,refunds,payouts,topups,disputes")
        held = sum(row["pending"] + row["available"] for row in rows)
        assert held == expected(everything)


def expected(everything: Any) -> int:
    """What all accounts together must hold: every object's own say, without a look at balance transactions' amounts."""
    taken = [one["amount_captured"] for one in everything["charges"] if not one.get("source_transfer")]
    total = sum(amount - min(amount, share_minor(amount, 150) + 25) for amount in taken)
    total -= sum(
        one["amount"]
        for one in everything["refunds"]
        if one["balance_transaction"]
        and one["status"] not in ("failed", "canceled")
        and not one["id"].startswith("pyr")
    )
    total -= sum(one["amount"] for one in everything["payouts"] if one["status"] not in ("failed", "canceled"))
    total += sum(one["amount"] for one in everything["topups"] if one["status"] == "succeeded")
    total -= sum(one["amount"] + 1500 for one in everything["disputes"] if one["status"] in TAKEN_BACK)
    return int(total)


@pytest.mark.parametrize("seed", range(12))
async def test_no_cent_appears_or_disappears(till: Till, seed: int) -> None:
    storm = Storm(till, seed)
    await storm.play()
    assert storm.answers[200] > 20
    assert storm.answers[400] + storm.answers[404] > 5
