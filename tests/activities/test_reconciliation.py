"""Reconciliation against a Stripe of its own: what was missed is mended, what can't be is said."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.testing import ActivityEnvironment

from fulfil.activities import reconciliation
from fulfil.activities.reconciliation import StripeReconciliationActivities
from fulfil.activities.stripe_truth import StripeTruth
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.ledger.checks import check_books
from fulfil.models.ids import derived_id, new_id
from fulfil.models.messages.payments import SettleJob
from fulfil.models.messages.reconciliation import Finding, FindingKind, ReconcileMoney, ReconciliationReport
from tests.activities.refund_desk import RefundDesk
from tests.activities.shop import PLATFORM, Shop
from tests.activities.till import Till
from tests.simulators.processes import API_KEY, SimulatorProcess


@pytest.fixture
async def till(shop: Shop, tmp_path: Path) -> AsyncIterator[Till]:
    """A till whose Stripe knows of nobody else, and whose clocks agree."""
    simulator = SimulatorProcess(tmp_path / "stripe.db")
    simulator.start()
    shop.clock.now = datetime.now(UTC)
    gateway = StripeGateway(api_key=API_KEY, api_base=simulator.url)
    async with httpx.AsyncClient(base_url=simulator.url) as admin:
        yield Till(shop, gateway, admin)
    await gateway.close()
    simulator.stop()


async def advance(till: Till, **span: float) -> None:
    """Let time pass here and at Stripe."""
    answer = await till.admin.post("/_simulator/clock", json={"advance_s": timedelta(**span).total_seconds()})
    answer.raise_for_status()
    till.shop.clock.advance(**span)


async def reconcile(
    till: Till, *, hours_before_the_report: float = 0, since: datetime | None = None
) -> ReconciliationReport:
    """All steps, as the workflow takes them; the last may have to wait."""
    books = StripeReconciliationActivities(
        till.shop.worker, till.gateway, till.shop.client, till.shop.clock, platform=PLATFORM
    )
    request = ReconcileMoney(reconciliation_id=new_id("rec"), since=since, began_at=till.shop.clock())
    run = ActivityEnvironment().run
    done = {
        "events": await run(books.backfill_events, request),
        "balance_transactions": await run(books.mirror_balance_transactions, request),
        "cleared": await run(books.clear_funds, request),
        "collected": await run(books.collect_receivables, request),
        "paid": await run(books.pay_providers, request),
        "held": await run(books.watch_held_money, request),
    }
    if hours_before_the_report:
        await advance(till, hours=hours_before_the_report)
    return await run(books.report_reconciliation, request.model_copy(update={"done": done}))


async def settled(till: Till) -> str:
    """An order from card to payout."""
    job = await till.secured_job(await till.add_payee(), total_minor=10_000)
    await till.shop.run_order_workflow(job.order_id)
    await till.payments.settle_job(SettleJob(order_id=job.order_id, job_id=job.job_id, approved_by_silence=False))
    return job.order_id


async def balances(till: Till) -> dict[str, int]:
    """Our accounts at Stripe, as booked."""
    rows = await till.shop.sql(
        "SELECT account, sum(amount_minor)::bigint AS amount FROM ledger_postings "
        "WHERE account LIKE 'asset:stripe:%' GROUP BY account"
    )
    return {row.account: row.amount for row in rows}


async def test_sound_books_have_no_findings_and_match_stripe_to_the_cent(till: Till) -> None:
    await settled(till)

    report = await reconcile(till)

    assert report.findings == ()
    assert report.steps["balance_transactions"].looked_at == 2
    assert report.steps["balance_transactions"].repaired == 0
    kept = await till.shop.value("SELECT jsonb_array_length(findings) FROM reconciliations")
    assert kept == 0


async def test_events_whose_webhooks_were_dropped_are_found_within_one_cycle(till: Till) -> None:
    await settled(till)

    first, second = await reconcile(till), await reconcile(till)

    stored = await till.shop.sql("SELECT type, backfilled FROM stripe_events")
    assert first.steps["events"].repaired == len(stored) > 0
    assert {"payment_intent.succeeded", "charge.captured", "transfer.created"} <= {row.type for row in stored}
    assert all(row.backfilled for row in stored)
    assert second.steps["events"].repaired == 0


async def test_a_capture_nobody_wrote_down_is_booked_from_stripes_books(till: Till) -> None:
    job = await till.open_job(total_minor=10_000)
    intent = await till.shop.value("SELECT payment_intent_id FROM payments WHERE order_id = :id", id=job.order_id)
    await till.gateway.capture_payment_intent(intent, idempotency_key=f"{job.order_id}:capture")

    report = await reconcile(till)

    assert (report.steps["balance_transactions"].repaired, report.findings) == (1, ())
    assert (await till.shop.ledger(job.order_id))[f"liability:held:{job.order_id}"] == -10_000
    await till.check_books(job.order_id)


async def test_a_second_charge_is_seen_although_the_ledger_sums_to_zero(till: Till) -> None:
    order_id = await settled(till)
    twin = await till.gateway.create_payment_intent(
        order_id=order_id, amount_minor=10_000, currency="eur", idempotency_key=new_id("key")
    )
    await till.gateway.confirm_payment_intent(
        twin.id, payment_method="pm_card_visa", return_url=None, idempotency_key=new_id("key")
    )
    await till.gateway.capture_payment_intent(twin.id, idempotency_key=new_id("key"))
    await advance(till, hours=1)

    report = await reconcile(till)

    kinds = {finding.kind for finding in report.findings}
    assert kinds == {FindingKind.MISSING_IN_LEDGER, FindingKind.PROVIDER_BALANCE_DIFFERS}
    assert await till.shop.value("SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings") == 0


async def test_money_is_cleared_once_when_it_becomes_available(till: Till) -> None:
    await settled(till)
    before = await reconcile(till)
    pending = await balances(till)
    await advance(till, days=8)

    after, again = await reconcile(till), await reconcile(till)

    assert before.steps["cleared"].repaired == 0
    assert pending["asset:stripe:pending"] > 0
    assert after.steps["cleared"].repaired > 0
    assert again.steps["cleared"].repaired == 0
    cleared = await balances(till)
    assert cleared["asset:stripe:pending"] == 0
    assert cleared["asset:stripe:available"] == sum(pending.values())
    assert (after.findings, again.findings) == ((), ())


async def test_our_own_payout_to_the_bank_is_booked(till: Till) -> None:
    await settled(till)
    await advance(till, days=8)
    await reconcile(till)
    available = (await balances(till))["asset:stripe:available"]
    await till.gateway.create_payout(amount_minor=available, currency="eur", idempotency_key=new_id("key"))

    report = await reconcile(till)

    assert (report.steps["balance_transactions"].repaired, report.findings) == (1, ())
    bank = "SELECT sum(amount_minor)::bigint FROM ledger_postings WHERE account = 'asset:bank'"
    assert await till.shop.value(bank) == available


async def test_money_held_for_75_days_raises_one_alarm_and_after_90_days_a_refund(till: Till) -> None:
    job = await till.secured_job(await till.add_payee())
    till.shop.clock.advance(days=74)
    assert (await reconcile(till)).steps["held"].repaired == 0
    till.shop.clock.advance(days=2)

    first, second = await reconcile(till), await reconcile(till)

    assert (first.steps["held"].repaired, second.steps["held"].repaired) == (1, 0)
    assert (await till.shop.events(job.order_id))[-1] == "payment.held_long"
    till.shop.clock.advance(days=15)
    await reconcile(till)
    refund_id = derived_id("ref", job.order_id, "held_too_long")
    started = await till.shop.client.get_workflow_handle(f"refund/{refund_id}").describe()
    assert started.workflow_type == "Refund"


async def test_a_provider_whose_account_changes_is_read_again(till: Till) -> None:
    provider = await till.add_payee()
    account = await till.shop.value("SELECT stripe_account_id FROM providers WHERE id = :id", id=provider)
    truth = StripeTruth(till.shop.worker, till.gateway, till.shop.client, till.shop.clock)

    note = await truth.act_on("evt_1", "account.updated", account)

    assert note is None
    assert await till.shop.value("SELECT payouts_status FROM providers WHERE id = :id", id=provider) == "active"
    assert await truth.act_on("evt_2", "account.updated", "acct_unknown") == "no provider of ours has this account"


async def test_what_happened_while_the_last_comparison_waited_to_report_is_seen_by_the_next(till: Till) -> None:
    await settled(till)
    await reconcile(till)
    await reconcile(till, hours_before_the_report=6)
    moved_at = till.shop.clock() - timedelta(hours=3)

    report = await reconcile(till)

    assert report.since < moved_at


async def test_a_refund_that_failed_unheard_after_it_had_succeeded_is_booked_back(till: Till) -> None:
    job = await till.secured_job(await till.add_payee(), card="pm_card_refundFail")
    desk = RefundDesk(till, job, "")
    refund_id = await desk.refund(3_000)
    name = (await desk.row(refund_id)).stripe_refund_id
    await desk.look(refund_id)
    succeeded = (await desk.row(refund_id)).state
    (await till.admin.post(f"/_simulator/refunds/{name}", json={"status": "failed"})).raise_for_status()
    await advance(till, hours=1)

    report = await reconcile(till)

    assert succeeded == "succeeded"
    assert (await desk.row(refund_id)).state == "failed"
    assert report.findings == ()
    await desk.check()


async def test_an_entry_that_contradicts_the_books_does_not_stand_in_the_way_of_others(till: Till) -> None:
    jobs = [await till.open_job(total_minor=10_000) for _ in range(2)]
    for job in jobs:
        intent = await till.shop.value("SELECT payment_intent_id FROM payments WHERE order_id = :id", id=job.order_id)
        await till.gateway.capture_payment_intent(intent, idempotency_key=f"{job.order_id}:capture")
    # As when the account settles in another currency than the customer pays.
    await till.shop.sql("UPDATE payments SET amount_minor = 9000 WHERE order_id = :id", id=jobs[0].order_id)
    await advance(till, hours=1)

    report = await reconcile(till)

    assert report.steps["balance_transactions"].repaired == 1
    assert FindingKind.MISSING_IN_LEDGER in {finding.kind for finding in report.findings}
    await till.check_books(jobs[1].order_id)


async def test_a_past_rewritten_with_all_its_hashes_is_found_and_stays_found(till: Till) -> None:
    order_id = await settled(till)
    await reconcile(till)
    last = "SELECT max(id) FROM ledger_transactions WHERE order_id = :id"
    number = await till.shop.value(last, id=order_id)
    async with till.shop.owner.begin() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for table, column in (("ledger_postings", "transaction_id"), ("ledger_transactions", "id")):
            await session.execute(text(f"DELETE FROM {table} WHERE {column} = :id"), {"id": number})

    reports = [await reconcile(till) for _ in range(2)]

    found = [{finding.kind for finding in report.findings} for report in reports]
    assert all(FindingKind.ANCHOR_BROKEN in kinds for kinds in found)


async def test_money_is_booked_while_the_books_are_checked(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    await settled(till)

    async def check_slowly(session: AsyncSession, now: datetime, **said: Any) -> list[Finding]:
        async with asyncio.timeout(5):
            await till.secured_job(await till.add_payee())
        return await check_books(session, now, **said)

    monkeypatch.setattr(reconciliation, "check_books", check_slowly)
    report = await reconcile(till)

    assert report.finished_at
    assert await till.shop.value("SELECT count(*) FROM payments WHERE state = 'captured'") == 2
    assert await till.shop.value("SELECT count(*) FROM ledger_anchors") == 1


async def test_a_look_at_the_last_minutes_leaves_nothing_before_them_unseen(till: Till) -> None:
    await reconcile(till)
    before = till.shop.clock()
    await advance(till, hours=5)

    report = await reconcile(till, since=till.shop.clock() - timedelta(minutes=10))
    further = await reconcile(till, since=before - timedelta(days=3))

    assert report.since < before
    assert further.since == before - timedelta(days=3)
