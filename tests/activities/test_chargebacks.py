"""Chargebacks on PostgreSQL and the Stripe simulator: frozen, booked to the cent, won or lost, thawed."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from fulfil.activities.chargeback_truth import chargeback_id_of, dispute_changed, fraud_warned
from fulfil.activities.chargebacks import StripeChargebackActivities
from fulfil.activities.locking import hold_payment
from fulfil.activities.truth import Truth
from fulfil.gateways.stripe.errors import StripeUnavailableError
from fulfil.ledger import entries
from fulfil.ledger.checks import check_order
from fulfil.ledger.posting import post
from fulfil.models.ids import new_id
from fulfil.models.messages.chargebacks import (
    AcceptLoss,
    ChargebackState,
    ChargebackStatus,
    CollectEvidence,
    ReadChargeback,
    RemindOfEvidence,
    SubmitEvidence,
)
from fulfil.models.messages.jobs import StartJob
from fulfil.models.messages.parties import Role
from fulfil.models.messages.payments import SettleJob
from fulfil.models.messages.refunds import RefundRoute, RefundState
from fulfil.models.tables.accounts import AccountRow
from fulfil.models.tables.documents import DocumentRow
from tests.activities.collecting import pay_providers
from tests.activities.refund_desk import RefundDesk
from tests.activities.shop import SUPPORT
from tests.activities.till import Till
from tests.conftest import RunningSimulator
from tests.documents.snapshots import invoice

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


async def test_a_chargeback_freezes_the_money_and_books_what_was_taken(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute(reason="product_not_received")

    status = await desk.read()
    again = await desk.read()

    assert status == again
    assert (status.state, status.amount_minor, status.submitted) == (ChargebackState.NEEDS_RESPONSE, 10_000, False)
    assert await desk.frozen()
    assert await desk.ledger() == {
        f"liability:held:{desk.order_id}": -10_000,
        f"asset:chargeback:{desk.chargeback_id}": 10_000,
        "expense:chargeback_fee": FEE,
        "asset:stripe": -FEE,
    }
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.opened", "payment.frozen"]
    who = "SELECT next_who FROM timelines WHERE order_id = :id"
    assert await till.shop.value(who, id=desk.order_id) == "support"
    await desk.check()


async def test_a_won_chargeback_gives_everything_back_and_thaws(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    before = await paid_desk.ledger()
    waited_for = await till.shop.value("SELECT next_what FROM timelines WHERE order_id = :id", id=paid_desk.order_id)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("won")

    status = await desk.read()
    await desk.read()

    assert status.state is ChargebackState.WON
    fee = await desk.column("fee_minor")
    after = await desk.ledger()
    assert after.pop("expense:chargeback_fee", 0) == fee
    assert after.pop("asset:stripe") == before.pop("asset:stripe") - fee
    assert after == before
    assert not await desk.frozen()
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.won", "payment.unfrozen"]
    next_what = await till.shop.value("SELECT next_what FROM timelines WHERE order_id = :id", id=desk.order_id)
    assert next_what == waited_for
    await desk.check()


@pytest.mark.parametrize("returned", [True, False])
async def test_the_fee_comes_back_when_its_entry_says_so(till: Till, returned: bool) -> None:
    paid_desk, _, _ = await paid(till)
    await paid_desk.admin("settings", dispute_fee_returned=returned)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("won")
    await desk.read()
    await paid_desk.admin("settings", dispute_fee_returned=False)

    assert await desk.column("fee_minor") == (0 if returned else FEE)
    assert (await desk.ledger()).get("expense:chargeback_fee", 0) == (0 if returned else FEE)
    await desk.check()


async def test_a_lost_one_is_paid_from_what_is_held(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")

    status = await desk.read()

    assert status.state is ChargebackState.LOST
    assert await desk.ledger() == {"asset:stripe": -FEE, "expense:chargeback_fee": FEE}
    assert not await desk.frozen()
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.lost", "payment.unfrozen"]
    who = "SELECT next_who FROM timelines WHERE order_id = :id"
    assert await till.shop.value(who, id=desk.order_id) == "support"
    await desk.check()


async def test_a_lost_one_after_release_is_taken_back_from_provider_and_commission(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")

    await desk.read()
    await desk.read()

    ledger = await desk.ledger()
    assert ledger == {"asset:stripe": -FEE, "expense:chargeback_fee": FEE}
    (reversal,) = await till.shop.sql("SELECT * FROM transfer_reversals WHERE cause_id = :id", id=desk.chargeback_id)
    assert (reversal.amount_minor, reversal.business_key) == (8_500, f"{desk.chargeback_id}:reversal:{job.job_id}")
    assert await till.shop.value("SELECT reversed_minor FROM transfers") == 8_500
    kinds = await till.shop.sql("SELECT kind FROM ledger_transactions WHERE order_id = :id", id=desk.order_id)
    assert [row.kind for row in kinds][-3:] == ["release_taken_back", "transfer_reversed", "chargeback_lost"]
    data = await till.shop.value("SELECT data FROM events WHERE type = 'chargeback.lost'")
    assert (data["taken_back_minor"], data["reversed_minor"], data["receivable_minor"], data["loss_minor"]) == (
        *(10_000, 8_500, 0, 0),
    )
    statements = await till.shop.sql(
        "SELECT total_minor, business_key FROM documents WHERE series = 'SBN' ORDER BY sequence"
    )
    assert statements == [
        (8_500, f"{job.job_id}:statement"),
        (-8_500, f"{desk.chargeback_id}:statement:{job.job_id}"),
    ]
    await desk.check()


async def test_what_the_providers_account_cannot_pay_stays_owed_by_her(
    till: Till, stripe_simulator: RunningSimulator
) -> None:
    paid_desk, job, provider = await paid(till, card="pm_card_bypassPending")
    await paid_desk.admin("topups", amount=100_000, currency="eur")
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    desk = await paid_desk.dispute()
    await desk.read()
    account = await till.shop.value("SELECT stripe_account_id FROM providers WHERE id = :id", id=provider)
    await drain(till, stripe_simulator, account)
    await desk.decide("lost")

    await desk.read()
    await desk.read()

    assert await desk.ledger() == {
        f"asset:receivable:{provider}": 8_500,
        "asset:stripe": -8_500 - FEE,
        "expense:chargeback_fee": FEE,
    }
    data = await till.shop.value("SELECT data FROM events WHERE type = 'chargeback.lost'")
    assert (data["reversed_minor"], data["receivable_minor"]) == (0, 8_500)
    await desk.check()


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


async def test_what_was_refunded_before_is_our_loss(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.refund_before_release(job, 3_000)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")

    await desk.read()

    ledger = await desk.ledger()
    assert ledger["expense:loss"] == 3_000
    assert f"liability:held:{desk.order_id}" not in ledger
    assert f"asset:chargeback:{desk.chargeback_id}" not in ledger


async def test_a_partial_one_leaves_the_rest_held(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute(amount=4_000)
    await desk.read()
    await desk.decide("lost")
    await desk.read()

    ledger = await desk.ledger()
    assert ledger == {
        f"liability:held:{desk.order_id}": -6_000,
        "asset:stripe": 6_000 - FEE,
        "expense:chargeback_fee": FEE,
    }
    await desk.check()


async def test_the_second_one_of_a_charge_keeps_the_money_frozen_until_it_is_over_too(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    first = await paid_desk.dispute(amount=4_000)
    await first.read()
    await first.decide("won")
    second = await paid_desk.dispute(amount=3_000)
    await second.read()

    await first.read()
    assert await first.frozen()
    await second.decide("lost")
    await second.read()

    assert not await second.frozen()
    assert (await second.ledger())[f"liability:held:{second.order_id}"] == -7_000
    assert (await till.shop.events(second.order_id)).count("payment.frozen") == 1
    await second.check()


async def test_an_inquiry_freezes_but_moves_nothing_and_may_become_a_chargeback(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    before = await paid_desk.ledger()
    desk = await paid_desk.dispute(inquiry=True)

    assert (await desk.read()).state is ChargebackState.INQUIRY
    assert await desk.frozen()
    assert await desk.ledger() == before
    await desk.decide("escalate")
    status = await desk.read()

    assert (status.state, status.submitted) == (ChargebackState.NEEDS_RESPONSE, False)
    assert (await desk.ledger())[f"asset:chargeback:{desk.chargeback_id}"] == 10_000
    opened = await till.shop.sql("SELECT data FROM events WHERE type = 'chargeback.opened' ORDER BY sequence")
    assert [row.data["escalated"] for row in opened] == [False, True]
    await desk.check()


async def test_a_closed_inquiry_thaws(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    before = await paid_desk.ledger()
    desk = await paid_desk.dispute(inquiry=True)
    await desk.read()
    await desk.decide("warning_closed")

    assert (await desk.read()).state is ChargebackState.CLOSED
    assert not await desk.frozen()
    assert await desk.ledger() == before
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.closed", "payment.unfrozen"]


async def test_one_that_is_only_heard_of_when_it_is_lost_is_booked_as_a_whole(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.decide("lost")

    assert (await desk.read()).state is ChargebackState.LOST
    assert await desk.ledger() == {"asset:stripe": -FEE, "expense:chargeback_fee": FEE}
    assert (await till.shop.events(desk.order_id))[-2:] == ["chargeback.opened", "chargeback.lost"]
    await desk.check()


async def test_an_appeal_that_is_won_takes_the_loss_back(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    before = await paid_desk.ledger()
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await desk.read()
    await desk.decide("appeal_needs_response")
    appealed = await desk.read()
    assert (appealed.state, appealed.submitted) == (ChargebackState.UNDER_REVIEW, True)
    assert not await desk.frozen()
    await desk.check()
    await desk.decide("won")

    assert (await desk.read()).state is ChargebackState.WON
    await desk.read()
    after = await desk.ledger()
    assert after[f"liability:held:{desk.order_id}"] == before[f"liability:held:{desk.order_id}"]
    assert f"asset:chargeback:{desk.chargeback_id}" not in after
    assert (await till.shop.events(desk.order_id)).count("chargeback.won") == 1
    await desk.check()


async def test_what_an_appeal_brought_back_after_the_release_is_the_providers_again(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    before = await paid_desk.ledger()
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await desk.read()
    await desk.decide("appeal_needs_response")
    await desk.read()
    await desk.decide("won")

    await desk.read()
    await desk.read()

    after = await desk.ledger()
    assert f"liability:held:{desk.order_id}" not in after
    assert after[f"liability:payable:{provider}"] == -8_500
    assert {name: after[name] for name in ("revenue:commission", "liability:tax")} == {
        name: before[name] for name in ("revenue:commission", "liability:tax")
    }
    await desk.admin("topups", amount=100_000, currency="eur")
    assert [await pay_providers(till) for _ in range(2)] == [1, 0]
    after = await desk.ledger()
    assert f"liability:payable:{provider}" not in after
    statements = await till.shop.sql("SELECT total_minor FROM documents WHERE series = 'SBN' ORDER BY sequence")
    assert [row.total_minor for row in statements] == [8_500, -8_500, 8_500]
    told = "SELECT snapshot->'lines'->0->>'description' FROM documents WHERE series = 'SBN' AND sequence = 2"
    assert await till.shop.value(told) == "Charged back by the customer's bank"
    await desk.check()


async def test_work_that_was_settled_while_its_money_was_lost_is_paid_when_an_appeal_is_won(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await desk.read()
    assert (await settle(till, job)).released_minor == 0
    await desk.decide("appeal_needs_response")
    await desk.read()
    await desk.decide("won")

    await desk.read()

    after = await desk.ledger()
    assert f"liability:held:{desk.order_id}" not in after
    assert after[f"liability:payable:{provider}"] == -8_500
    statement = await till.shop.value("SELECT total_minor FROM documents WHERE series = 'SBN'")
    assert statement == 8_500
    await desk.admin("topups", amount=100_000, currency="eur")
    assert await pay_providers(till) == 1
    assert f"liability:payable:{provider}" not in await desk.ledger()
    await desk.check()


async def test_a_loss_after_a_won_appeal_is_booked_like_the_first(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    desk = await paid_desk.dispute()
    for decision in ("lost", "appeal_needs_response", "won"):
        await desk.read()
        await desk.decide(decision)
    await desk.read()
    await desk.admin("topups", amount=100_000, currency="eur")
    assert await pay_providers(till) == 1
    till.shop.clock.advance(days=1)
    await desk.decide("lost")

    status = await desk.read()
    await desk.read()

    assert status.state is ChargebackState.LOST
    fee = await desk.column("fee_minor")
    assert await desk.ledger() == {"asset:stripe": -fee, "expense:chargeback_fee": fee}
    assert not await desk.frozen()
    assert (await till.shop.events(desk.order_id)).count("chargeback.lost") == 2
    reversed_minor = await till.shop.value("SELECT sum(reversed_minor)::bigint FROM transfers")
    assert reversed_minor == 2 * 8_500
    await desk.check()


async def test_a_share_lost_between_release_and_transfer_is_kept_from_the_payout(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await till.fail("POST /v1/transfers", "drop_before")
    with pytest.raises(StripeUnavailableError):
        await settle(till, job)
    desk = await paid_desk.dispute(amount=4_000)
    await desk.read()
    assert (await settle(till, job)).frozen
    await desk.decide("lost")
    await desk.read()
    assert (await desk.ledger())[f"asset:receivable:{provider}"] == 3_400

    first, second = await settle(till, job), await settle(till, job)

    assert first == second
    assert (first.payout_minor, first.netted_minor, first.order_closed) == (8_500, 3_400, True)
    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["amount"] == 5_100
    after = await desk.ledger()
    assert f"asset:receivable:{provider}" not in after
    assert f"liability:payable:{provider}" not in after
    await desk.check()


async def test_a_transfer_made_before_the_loss_is_found_and_not_made_again(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await till.fail("POST /v1/transfers", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await settle(till, job)
    desk = await paid_desk.dispute(amount=4_000)
    await desk.read()
    await desk.decide("lost")
    await desk.read()

    settlement = await settle(till, job)

    assert (settlement.netted_minor, settlement.order_closed) == (0, True)
    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["amount"] == 8_500
    assert (await desk.ledger())[f"asset:receivable:{provider}"] == 3_400
    await desk.check()


async def test_a_partial_loss_leaves_the_rest_to_be_refunded_to_the_cent(till: Till) -> None:
    paid_desk, job, provider = await paid(till, total_minor=9_999)
    await till.shop.run_order_workflow(job.order_id)
    refunds = RefundDesk(till, job, provider)
    await settle(till, job)
    desk = await paid_desk.dispute(amount=3_333)
    await desk.read()
    await desk.decide("lost")
    await desk.read()

    opened = await refunds.open()
    await refunds.decide(opened.refund_id, approved=True)
    # The simulator, like Stripe, refunds nothing of a charge with a lost dispute: it is paid by bank transfer.
    assert (await refunds.send(opened.refund_id)).state is RefundState.FAILED
    await refunds.reroute(opened.refund_id, RefundRoute.BANK, "SEPA 1")
    assert (await refunds.send(opened.refund_id)).state is RefundState.SUCCEEDED

    assert opened.plan.amount_minor == 9_999 - 3_333
    after = await desk.ledger()
    assert after.pop("asset:bank") == -6_666
    assert after == {"asset:stripe": 6_666 - FEE, "expense:chargeback_fee": FEE}
    await desk.check()


async def test_a_refund_that_a_lost_chargeback_left_nothing_for_can_only_be_rejected(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    refunds = RefundDesk(till, job, provider)
    opened = await refunds.open(3_000)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await desk.read()

    assert (await refunds.send(opened.refund_id)).state is RefundState.AWAITING_APPROVAL
    refused = await refunds.decide(opened.refund_id, approved=True)
    assert refused.refusal_code == "refund_exceeds_paid"
    assert (await refunds.decide(opened.refund_id, approved=False)).state is RefundState.REJECTED
    assert await refunds.paid_back() == (0, 0)
    await desk.check()


async def test_a_refund_ends_an_inquiry_and_thaws(till: Till) -> None:
    paid_desk, job, provider = await paid(till)
    refunds = RefundDesk(till, job, provider)
    desk = await paid_desk.dispute(inquiry=True)
    await desk.read()
    assert await desk.frozen()

    refund_id = await refunds.refund()
    assert (await refunds.row(refund_id)).state == RefundState.SUCCEEDED
    assert (await desk.read()).state is ChargebackState.CLOSED

    assert not await desk.frozen()
    assert (await till.shop.events(desk.order_id)).count("chargeback.closed") == 1
    next_who = await till.shop.value("SELECT next_who FROM timelines WHERE order_id = :id", id=desk.order_id)
    assert next_who != "support"
    assert await refunds.paid_back() == (10_000, 0)
    await refunds.check()
    await desk.check()


async def test_evidence_of_a_dispute_that_was_decided_meanwhile_is_not_staged(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")

    await desk.collect()

    assert await desk.column("staged_at") is None
    assert (await desk.read()).state is ChargebackState.LOST


async def test_evidence_is_staged_from_what_the_order_proves(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.sql(
        "UPDATE productions SET shipped_at = now(), delivered_at = now(), carrier = 'DHL', tracking_number = '0034' "
        "WHERE job_id = :id",
        id=job.job_id,
    )
    desk = await paid_desk.dispute(reason="product_not_received")
    await desk.read()
    await desk.till.shop.sql(
        "INSERT INTO chargeback_statements (id, chargeback_id, text, written_by, created_at) "
        "VALUES (:id, :chargeback, 'She thanked us by phone.', 'acc_1', now())",
        id=new_id("sta"),
        chargeback=desk.chargeback_id,
    )

    evidence = await desk.collect()

    assert (evidence["shipping_carrier"], evidence["shipping_tracking_number"]) == ("DHL", "0034")
    assert re.match(r"\d+ x bracket\.stl: made to order", evidence["product_description"])
    assert "nothing arrived" in evidence["uncategorized_text"]
    assert "She thanked us by phone." in evidence["uncategorized_text"]
    staged = (await desk.at_stripe())["evidence"]
    assert {name: text for name, text in staged.items() if text} == evidence
    assert (await desk.at_stripe())["status"] == "needs_response"
    assert (await desk.read()).staged


async def test_what_was_collected_is_staged_again_as_it_was(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    first = await desk.collect(1)
    await till.shop.sql("UPDATE order_lines SET title = 'something else'")

    assert await desk.collect(1) == first
    assert "something else" in (await desk.collect(2))["product_description"]


@pytest.mark.parametrize(
    ("reason", "field"),
    [
        ("fraudulent", "access_activity_log"),
        ("unrecognized", "access_activity_log"),
        ("credit_not_processed", "refund_refusal_explanation"),
        ("product_unacceptable", "refund_refusal_explanation"),
        ("duplicate", "duplicate_charge_explanation"),
    ],
)
async def test_each_claim_is_answered_in_its_own_field(till: Till, reason: str, field: str) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute(reason=reason)
    await desk.read()
    assert (await desk.collect())[field]


async def test_an_answer_is_submitted_once(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.collect()

    first = await desk.submit()
    second = await desk.submit()

    assert first == second
    assert (first.state, first.submitted) == (ChargebackState.UNDER_REVIEW, True)
    assert (await desk.at_stripe())["evidence_details"]["submission_count"] == 1
    assert (await till.shop.events(desk.order_id)).count("chargeback.evidence_submitted") == 1
    assert await desk.column("submitted_at") is not None


@pytest.mark.parametrize("mode", ["drop_after", "error_500_after"])
async def test_a_lost_answer_to_the_submission_does_not_submit_twice(till: Till, mode: str) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.collect()
    await till.fail(f"POST /v1/disputes/{desk.dispute_id}", mode)
    try:
        await desk.submit()
    except Exception:  # noqa: BLE001 (whatever the network does, the retry finds the effect)
        assert (await desk.submit()).submitted
    assert (await desk.at_stripe())["evidence_details"]["submission_count"] == 1
    assert (await till.shop.events(desk.order_id)).count("chargeback.evidence_submitted") == 1


async def test_an_accepted_loss_is_booked_and_names_who_accepted(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()

    assert (await desk.accept()).state is ChargebackState.LOST
    assert (await desk.accept()).state is ChargebackState.LOST
    data = await till.shop.value("SELECT data FROM events WHERE type = 'chargeback.lost'")
    assert (data["accepted_by"], data["why"]) == (SUPPORT.id, "the customer is right")
    await desk.check()


async def test_support_is_reminded_once_and_not_after_the_decision(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    status = await desk.read()
    assert status.evidence_due_at is not None
    reminder = RemindOfEvidence(chargeback_id=desk.chargeback_id, order_id=desk.order_id, due_at=status.evidence_due_at)
    await desk.activities.remind_of_evidence(reminder)
    await desk.activities.remind_of_evidence(reminder)
    await desk.decide("lost")
    await desk.read()
    later = reminder.model_copy(update={"due_at": status.evidence_due_at + timedelta(days=1)})
    await desk.activities.remind_of_evidence(later)

    assert (await till.shop.events(desk.order_id)).count("chargeback.evidence_due") == 1


async def test_jobs_that_wait_to_be_settled_are_told_of_the_thaw(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    desk = await paid_desk.dispute(inquiry=True)
    await desk.read()
    settlement = await settle(till, job)
    assert settlement.frozen
    assert await till.shop.signals(f"job/{job.job_id}") == []
    await desk.decide("warning_closed")

    await desk.read()

    assert await till.shop.signals(f"job/{job.job_id}") == [("payment_thawed", {"order_id": job.order_id})]


async def next_of(till: Till, order_id: str) -> tuple[str, str, bool]:
    """Whose move it is, what it is, and whether there is a date for it."""
    ((who, what, dated),) = await till.shop.sql(
        "SELECT next_who, next_what, next_by IS NOT NULL FROM timelines WHERE order_id = :id", id=order_id
    )
    return who, what, dated


async def test_work_approved_while_frozen_waits_for_the_chargeback_and_then_for_its_pay(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    assert (await settle(till, job)).frozen
    assert await next_of(till, job.order_id) == ("support", "answer the chargeback of 100.00 EUR (fraudulent)", True)

    await desk.decide("won")
    await desk.read()

    assert await next_of(till, job.order_id) == ("system", "pay the provider", False)
    await settle(till, job)
    assert await next_of(till, job.order_id) == ("nobody", "everything is done", False)


@pytest.mark.parametrize(("amount", "part"), [(None, "the"), (4_000, "part of the")])
async def test_an_order_that_lost_its_money_does_not_close_as_if_all_were_well(
    till: Till, amount: int | None, part: str
) -> None:
    paid_desk, job, _ = await paid(till)
    desk = await paid_desk.dispute(**({} if amount is None else {"amount": amount}))
    await desk.read()
    await desk.decide("lost")
    await desk.read()
    assert (await next_of(till, job.order_id))[:2] == ("support", "decide how the order goes on: its money is lost")

    assert (await settle(till, job)).order_closed

    assert await next_of(till, job.order_id) == (
        "nobody",
        f"closed: {part} money was lost to a chargeback",
        False,
    )


async def test_an_event_starts_the_workflow_and_the_next_ones_signal_it(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    workflow_id = f"chargeback/{desk.chargeback_id}"

    assert await dispute_changed(desk.truth, "evt_1", desk.dispute_id) is None
    assert await dispute_changed(desk.truth, "evt_2", desk.dispute_id) is None

    assert await till.shop.signals(workflow_id) == [
        ("chargeback_changed", {"event_id": "evt_1"}),
        ("chargeback_changed", {"event_id": "evt_2"}),
    ]


async def test_events_about_what_is_booked_already_start_nothing(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.decide("lost")
    await desk.read()
    assert await dispute_changed(desk.truth, "evt_1", desk.dispute_id) == "written already: lost"


async def test_disputes_of_others_are_noted(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await till.shop.sql("UPDATE payments SET charge_id = 'ch_other', payment_intent_id = 'pi_other'")
    note = await dispute_changed(desk.truth, "evt_1", desk.dispute_id)
    assert note == f"no order of ours: charge {desk.charge_id}"


async def test_a_fraud_warning_is_told_to_support_once(till: Till) -> None:
    desk, _, _ = await paid(till)
    warning = await desk.admin("early_fraud_warnings", charge=desk.charge_id)
    for _ in range(2):
        assert await fraud_warned(desk.truth, "evt_1", warning["id"]) is None
    assert (await till.shop.events(desk.order_id)).count("payment.fraud_warned") == 1
    assert await till.shop.value("SELECT next_who FROM timelines WHERE order_id = :id", id=desk.order_id) == "support"


async def test_a_fraud_warning_after_the_dispute_needs_nobody(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    warning = await paid_desk.admin("early_fraud_warnings", charge=paid_desk.charge_id)
    await paid_desk.dispute()
    note = await fraud_warned(paid_desk.truth, "evt_1", warning["id"])
    assert note == "nothing is left to be done about it"


async def test_an_unknown_dispute_parks(till: Till) -> None:
    desk, _, _ = await paid(till)
    unknown = Desk(till, desk.order_id, desk.charge_id, "du_unknown")
    with pytest.raises(ApplicationError) as parked:
        await unknown.read()
    assert (parked.value.type, parked.value.non_retryable) == ("dispute_unreadable", True)


async def test_releases_of_several_providers_are_taken_back_pro_rata(till: Till) -> None:
    paid_desk, job, first = await paid(till)
    second = await till.add_payee()
    second_line, second_job = new_id("lin"), new_id("job")
    await till.shop.sql(
        "INSERT INTO order_lines SELECT (jsonb_populate_record(l, jsonb_build_object('id', CAST(:line AS text), "
        "'amount_minor', 3000))).* FROM order_lines l WHERE id = :id",
        id=job.line_id,
        line=second_line,
    )
    await till.shop.sql("UPDATE order_lines SET amount_minor = 7000 WHERE id = :id", id=job.line_id)
    await till.shop.sql(
        "INSERT INTO jobs SELECT (jsonb_populate_record(j, jsonb_build_object('id', CAST(:job AS text), 'line_id', "
        "CAST(:line AS text), 'provider_id', CAST(:provider AS text)))).* FROM jobs j WHERE id = :id",
        id=job.job_id,
        job=second_job,
        line=second_line,
        provider=second,
    )
    for job_id, provider, shares in (
        (job.job_id, first, (3_400, 504, 96)),
        (second_job, second, (2_550, 378, 72)),
    ):
        await release(till, paid_desk.order_id, provider, *shares)
        await till.shop.sql(
            "UPDATE jobs SET released_minor = :all, payout_minor = :share, commission_minor = :commission, "
            "commission_tax_minor = :tax, netted_minor = 0 WHERE id = :id",
            id=job_id,
            all=sum(shares),
            share=shares[0],
            commission=shares[1] + shares[2],
            tax=shares[2],
        )
    desk = await paid_desk.dispute(amount=6_500)
    await desk.read()
    await desk.decide("lost")

    await desk.read()

    assert await desk.ledger() == {
        f"asset:receivable:{first}": 1_700,
        f"asset:receivable:{second}": 1_275,
        f"liability:payable:{first}": -3_400,
        f"liability:payable:{second}": -2_550,
        "revenue:commission": -441,
        "liability:tax": -84,
        "expense:chargeback_fee": FEE,
        "asset:stripe": 3_500 - FEE,
    }


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


async def test_a_reversal_whose_answer_was_lost_is_booked_once(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    desk = await paid_desk.dispute()
    await desk.read()
    await desk.decide("lost")
    await till.fail("POST /v1/transfers/.+/reversals", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await desk.read()
    assert await desk.frozen()

    assert (await desk.read()).state is ChargebackState.LOST

    (transfer,) = await till.at_stripe("transfers", job.order_id)
    assert transfer["amount_reversed"] == 8_500
    assert await desk.ledger() == {"asset:stripe": -FEE, "expense:chargeback_fee": FEE}
    await desk.check()


async def test_two_losses_of_an_order_are_booked_one_after_the_other(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    await till.shop.run_order_workflow(job.order_id)
    await settle(till, job)
    first = await paid_desk.dispute(amount=6_000)
    await first.decide("lost")
    second = await paid_desk.dispute(amount=4_000)
    await second.decide("lost")
    await till.fail("POST /v1/transfers/.+/reversals", "drop_after")
    with pytest.raises(StripeUnavailableError):
        await first.read()

    with pytest.raises(ApplicationError) as waits:
        await second.read()
    assert (waits.value.type, waits.value.non_retryable) == ("loss_being_booked", False)
    await first.read()
    await second.read()

    assert await second.ledger() == {"asset:stripe": -2 * FEE, "expense:chargeback_fee": 2 * FEE}
    assert await till.shop.value("SELECT reversed_minor FROM transfers") == 8_500
    await second.check()


async def test_the_customer_is_named_in_the_evidence_and_the_bill_goes_with_it(till: Till) -> None:
    paid_desk, job, _ = await paid(till)
    customer = await till.shop.value("SELECT customer_id FROM orders WHERE id = :id", id=job.order_id)
    async with till.shop.owner.begin() as session:
        session.add(
            AccountRow(
                id=new_id("acc"),
                email="ada@example.com",
                name="Ada L.",
                role=Role.CUSTOMER,
                party_id=customer,
                created_at=till.shop.clock(),
            )
        )
        snapshot = invoice()
        session.add(
            DocumentRow(
                id=new_id("doc"),
                kind=snapshot.kind,
                number=snapshot.number,
                series="TEST",
                year=2030,
                sequence=1,
                order_id=job.order_id,
                party_id=customer,
                business_key="bill",
                total_minor=snapshot.total_minor,
                currency=snapshot.currency,
                snapshot=snapshot.model_dump(mode="json"),
                snapshot_sha256="0" * 64,
                issued_at=till.shop.clock(),
            )
        )
    desk = await paid_desk.dispute()
    await desk.read()

    evidence = await desk.collect()

    assert (evidence["customer_name"], evidence["customer_email_address"]) == ("Ada L.", "ada@example.com")
    assert evidence["receipt"].startswith("file_")
    assert (await desk.at_stripe())["evidence"]["receipt"] == evidence["receipt"]
    events = await till.shop.sql("SELECT data FROM events WHERE order_id = :id", id=job.order_id)
    assert not [row for row in events if "ada@example.com" in str(row.data)]


async def test_a_text_too_long_for_the_bank_is_cut(till: Till) -> None:
    paid_desk, _, _ = await paid(till)
    desk = await paid_desk.dispute()
    await desk.read()
    await till.shop.sql(
        "INSERT INTO chargeback_statements (id, chargeback_id, text, written_by, created_at) "
        "SELECT 'sta_' || n, :chargeback, repeat('x', 5000), 'acc_1', now() FROM generate_series(1, 5) n",
        chargeback=desk.chargeback_id,
    )
    evidence = await desk.collect()
    assert len(evidence["uncategorized_text"]) == 20_000
    assert evidence["uncategorized_text"].endswith("[…]")
