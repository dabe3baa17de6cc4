"""The relays: woken at once, truthful, never stopped by one bad row, gone when told to go."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from fulfil.activities import following
from fulfil.activities.relays import JobReportRelayActivity, StripeEventRelayActivity
from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import StartJob
from tests.activities.shop import Shop, until
from tests.activities.till import Till
from tests.conftest import free_port


def stripe_relay(till: Till) -> StripeEventRelayActivity:
    """Real time: backoff and leases are short enough."""
    return StripeEventRelayActivity(till.shop.worker, till.gateway, till.shop.client, utc_now)


def report_relay(shop: Shop) -> JobReportRelayActivity:
    """Likewise."""
    return JobReportRelayActivity(shop.worker, shop.client, utc_now)


@asynccontextmanager
async def running(relay: Callable[[], Awaitable[None]]) -> AsyncGenerator[ActivityEnvironment]:
    """The relay as an activity, cancelled at the end; cancellation must end it."""
    environment = ActivityEnvironment()
    task = asyncio.ensure_future(environment.run(relay))
    try:
        yield environment
    finally:
        environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)


async def store_event(shop: Shop, kind: str, object_id: str, *, notify: bool = True) -> str:
    """What the webhook route writes."""
    event_id = new_id("evt")
    await shop.sql(
        "INSERT INTO stripe_events (id, type, object_id, payload, received_at) "
        "VALUES (:id, :type, :object, '{}', now())",
        id=event_id,
        type=kind,
        object=object_id,
    )
    if notify:
        await shop.sql("SELECT pg_notify('fulfil_stripe_events', '')")
    return event_id


async def store_report(shop: Shop, job: StartJob, kind: str, *, after_s: int = 0, **data: str) -> str:
    """What the API writes when a provider reports something that moves a clock."""
    report_id = new_id("rep")
    await shop.sql(
        "INSERT INTO job_reports (id, job_id, offer_id, business_key, kind, data, created_at, signal_due) "
        "SELECT :id, job_id, offer_id, :id, :kind, CAST(:data AS jsonb), now() + make_interval(secs => :after), true "
        "FROM productions WHERE job_id = :job",
        id=report_id,
        kind=kind,
        job=job.job_id,
        after=after_s,
        data=json.dumps(data),
    )
    await shop.sql("SELECT pg_notify('fulfil_reports', '')")
    return report_id


async def processed(shop: Shop, event_id: str) -> str:
    """Wait until an event is processed; its note."""

    async def done() -> Any:
        rows = await shop.sql(
            "SELECT coalesce(last_error, '-') FROM stripe_events WHERE id = :id AND processed_at IS NOT NULL",
            id=event_id,
        )
        return rows[0][0] if rows else None

    note: str = await until(done)
    return note


async def test_an_authorised_payment_reaches_its_order(till: Till) -> None:
    placed = await till.place()
    await till.shop.run_order_workflow(placed.order_id)
    await till.pay(placed)
    async with running(stripe_relay(till).relay_stripe_events):
        event = await store_event(till.shop, "payment_intent.amount_capturable_updated", placed.payment_intent_id or "")
        assert await processed(till.shop, event) == "-"

    facts = await till.gateway.retrieve_payment_intent(placed.payment_intent_id or "")
    assert facts.capture_before is not None
    capture_before = facts.capture_before.isoformat().replace("+00:00", "Z")
    assert await till.shop.signals(f"order/{placed.order_id}") == [
        (
            "payment_changed",
            {
                "event_id": event,
                "payment_intent_id": placed.payment_intent_id,
                "state": "authorized",
                "decline_code": None,
                "capture_before": capture_before,
            },
        )
    ]


async def test_the_relay_believes_stripe_and_not_the_event(till: Till) -> None:
    placed = await till.place()
    await till.shop.run_order_workflow(placed.order_id)
    async with running(stripe_relay(till).relay_stripe_events):
        await processed(
            till.shop, await store_event(till.shop, "payment_intent.succeeded", placed.payment_intent_id or "")
        )

    assert await till.shop.signals(f"order/{placed.order_id}") == []
    assert await till.shop.value("SELECT state FROM payments") == "requires_payment"


async def test_an_order_that_is_past_its_payment_is_not_told_again(till: Till) -> None:
    placed = await till.place()
    await till.shop.run_order_workflow(placed.order_id)
    await till.pay(placed)
    await till.shop.sql("UPDATE payments SET state = 'authorized'")
    async with running(stripe_relay(till).relay_stripe_events):
        event = await store_event(till.shop, "payment_intent.amount_capturable_updated", placed.payment_intent_id or "")
        assert "authorized" in await processed(till.shop, event)

    assert await till.shop.signals(f"order/{placed.order_id}") == []


async def test_an_order_is_not_told_of_the_payment_intent_it_made(till: Till) -> None:
    placed = await till.place()
    await till.shop.run_order_workflow(placed.order_id)
    await till.pay(placed)
    async with running(stripe_relay(till).relay_stripe_events):
        await processed(
            till.shop, await store_event(till.shop, "payment_intent.created", placed.payment_intent_id or "")
        )

    assert await till.shop.signals(f"order/{placed.order_id}") == []


async def test_a_declined_card_tells_the_customer_to_use_another(till: Till) -> None:
    placed = await till.place()
    await till.shop.run_order_workflow(placed.order_id)
    with pytest.raises(Exception, match="insufficient_funds"):
        await till.pay(placed, "pm_card_chargeDeclinedInsufficientFunds")
    async with running(stripe_relay(till).relay_stripe_events):
        await processed(
            till.shop, await store_event(till.shop, "payment_intent.payment_failed", placed.payment_intent_id or "")
        )

    ((_, change),) = await till.shop.signals(f"order/{placed.order_id}")
    assert (change["state"], change["decline_code"]) == ("failed", "insufficient_funds")
    assert (await till.shop.events(placed.order_id))[-1] == "payment.failed"
    ((state, code),) = await till.shop.sql("SELECT state, decline_code FROM payments")
    assert (state, code) == ("failed", "insufficient_funds")
    assert await till.shop.value("SELECT next_what FROM timelines") == "pay with another card"


async def test_a_bank_that_asks_the_customer_moves_the_deadline(till: Till) -> None:
    placed = await till.place()
    await till.shop.run_order_workflow(placed.order_id)
    await till.pay(placed, "pm_card_threeDSecure2Required")
    async with running(stripe_relay(till).relay_stripe_events):
        for _ in range(2):
            event = await store_event(till.shop, "payment_intent.requires_action", placed.payment_intent_id or "")
            await processed(till.shop, event)

    assert (await till.shop.events(placed.order_id)).count("payment.action_required") == 1
    ((what, by),) = await till.shop.sql("SELECT next_what, next_by FROM timelines")
    assert what == "confirm the payment with the bank"
    assert by - utc_now() > timedelta(hours=23)


@pytest.mark.parametrize(
    ("kind", "object_id", "note"),
    [
        ("payment_intent.succeeded", "pi_unknown", "its payment is unknown"),
        ("refund.updated", "re_unknown", "not known to Stripe"),
        ("charge.refunded", "ch_unknown", "-"),
        ("charge.expired", "ch_unknown", "no payment of ours has charge ch_unknown"),
        ("transfer.reversed", "tr_unknown", "written by the step that asked for it"),
        ("payout.paid", "po_unknown", "booked by reconciliation"),
        ("setup_intent.succeeded", "seti_unknown", "read from Stripe when it is needed"),
        ("customer.created", "cus_x", "nothing follows from customer.created"),
    ],
)
async def test_events_about_unknown_things_are_noted_and_done(till: Till, kind: str, object_id: str, note: str) -> None:
    async with running(stripe_relay(till).relay_stripe_events):
        assert note in await processed(till.shop, await store_event(till.shop, kind, object_id))


async def test_an_event_for_an_order_that_has_ended_is_done(till: Till) -> None:
    placed = await till.place()
    await till.pay(placed)
    async with running(stripe_relay(till).relay_stripe_events):
        event = await store_event(till.shop, "payment_intent.succeeded", placed.payment_intent_id or "")
        assert "has ended" in await processed(till.shop, event)


async def test_a_row_that_fails_is_noted_and_does_not_hold_up_the_others(till: Till) -> None:
    broken, fine = await till.place(), await till.place()
    for placed in (broken, fine):
        await till.pay(placed)
        await till.shop.run_order_workflow(placed.order_id)
    await till.fail(f"GET /v1/payment_intents/{broken.payment_intent_id}", "drop_before", count=2)
    bad = await store_event(till.shop, "payment_intent.succeeded", broken.payment_intent_id or "", notify=False)
    good = await store_event(till.shop, "payment_intent.succeeded", fine.payment_intent_id or "", notify=False)

    async with running(stripe_relay(till).relay_stripe_events):
        await processed(till.shop, good)
        cause = await until(
            lambda: till.shop.value("SELECT last_error FROM stripe_events WHERE id = :id", id=bad), timeout_s=5
        )
        assert cause.startswith("StripeUnavailableError")
        await processed(till.shop, bad)

    assert await till.shop.value("SELECT attempts FROM stripe_events WHERE id = :id", id=bad) == 3
    assert len(await till.shop.signals(f"order/{broken.order_id}")) == 1


async def listening(shop: Shop, channel: str) -> None:
    """Wait until the relay listens."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE :listen"
    await until(lambda: shop.value(query, listen=f"LISTEN%{channel}%"))


async def test_a_notification_wakes_the_relay_at_once(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "NET_S", 60)
    async with running(stripe_relay(till).relay_stripe_events):
        await listening(till.shop, "fulfil_stripe_events")
        begun = time.perf_counter()
        await processed(till.shop, await store_event(till.shop, "customer.created", "cus_x"))
        assert time.perf_counter() - begun < 2


async def test_a_lost_notification_is_caught_by_the_net(till: Till) -> None:
    async with running(stripe_relay(till).relay_stripe_events):
        await listening(till.shop, "fulfil_stripe_events")
        event = await store_event(till.shop, "customer.created", "cus_x", notify=False)
        await processed(till.shop, event)


async def test_the_relay_reconnects_when_postgresql_throws_it_out(till: Till) -> None:
    async with running(stripe_relay(till).relay_stripe_events):
        await processed(till.shop, await store_event(till.shop, "customer.created", "cus_1"))
        thrown_out = await till.shop.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'fulfil-fulfil_worker'"
        )
        assert thrown_out
        await processed(till.shop, await store_event(till.shop, "customer.created", "cus_2"))


async def test_the_relay_beats_while_it_waits(shop: Shop) -> None:
    beats: list[float] = []
    enough = asyncio.Event()

    def beat(*_: object) -> None:
        beats.append(time.monotonic())
        if len(beats) == 4:
            enough.set()

    environment = ActivityEnvironment()
    environment.on_heartbeat = beat
    task = asyncio.ensure_future(environment.run(report_relay(shop).relay_job_reports))
    async with asyncio.timeout(15):
        await enough.wait()
    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert max(later - earlier for earlier, later in pairwise(beats)) < 2


async def test_a_worker_that_shuts_down_hands_the_relay_to_another(shop: Shop) -> None:
    environment = ActivityEnvironment()
    task = asyncio.ensure_future(environment.run(report_relay(shop).relay_job_reports))
    await listening(shop, "fulfil_reports")
    environment.worker_shutdown()

    with pytest.raises(ApplicationError) as ended:
        await asyncio.wait_for(task, 5)

    assert (ended.value.type, ended.value.non_retryable) == ("worker_shutting_down", False)


async def job_in_production(shop: Shop) -> StartJob:
    """A job in a provider's hands."""
    provider = await shop.add_provider()
    job = await shop.open_job()
    await shop.give_job_to(job, provider_id=provider)
    return job


async def signalled(shop: Shop) -> bool:
    """Whether no report waits any more."""
    waiting: int = await shop.value("SELECT count(*) FROM job_reports WHERE signalled_at IS NULL AND signal_due")
    return waiting == 0


async def test_reports_reach_their_job_in_their_order(shop: Shop) -> None:
    job = await job_in_production(shop)
    started = await store_report(shop, job, "started")
    delivered = await store_report(shop, job, "delivered", after_s=1)

    async with running(report_relay(shop).relay_job_reports):
        await until(lambda: signalled(shop))

    signals = await shop.signals(f"job/{job.job_id}")
    assert [(name, report["report_id"], report["kind"]) for name, report in signals] == [
        ("reported", started, "started"),
        ("reported", delivered, "delivered"),
    ]


async def test_a_delay_reaches_its_job_with_the_new_date_and_whose_it_is(shop: Shop) -> None:
    job = await job_in_production(shop)
    delayed = await store_report(shop, job, "delayed", due_at="2030-02-01T12:00:00+00:00")

    async with running(report_relay(shop).relay_job_reports):
        await until(lambda: signalled(shop))

    offer = await shop.value("SELECT offer_id FROM productions WHERE job_id = :id", id=job.job_id)
    [(_, report)] = await shop.signals(f"job/{job.job_id}")
    assert (report["report_id"], report["due_at"], report["offer_id"]) == (delayed, "2030-02-01T12:00:00Z", offer)


async def test_a_report_never_overtakes_an_earlier_one_that_failed(shop: Shop) -> None:
    job = await job_in_production(shop)
    earlier = await store_report(shop, job, "started")
    await shop.sql("UPDATE job_reports SET not_before = now() + interval '2 seconds' WHERE id = :id", id=earlier)
    await store_report(shop, job, "delivered", after_s=1)

    async with running(report_relay(shop).relay_job_reports):
        await until(lambda: signalled(shop))

    kinds = [report["kind"] for _, report in await shop.signals(f"job/{job.job_id}")]
    assert kinds == ["started", "delivered"]


async def test_a_report_to_a_job_that_has_ended_is_done(shop: Shop) -> None:
    job = await job_in_production(shop)
    await shop.client.get_workflow_handle(f"job/{job.job_id}").terminate("ended")
    await store_report(shop, job, "started")

    async with running(report_relay(shop).relay_job_reports):
        await until(lambda: signalled(shop))

    assert await shop.value("SELECT last_error FROM job_reports") == "the job's workflow has ended"


async def test_reports_wait_while_temporal_is_away(shop: Shop) -> None:
    job = await job_in_production(shop)
    await store_report(shop, job, "started")
    nobody = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    async with running(JobReportRelayActivity(shop.worker, nobody, utc_now).relay_job_reports):
        cause = await until(lambda: shop.value("SELECT last_error FROM job_reports"), timeout_s=30)
    assert cause
    assert await shop.signals(f"job/{job.job_id}") == []

    async with running(report_relay(shop).relay_job_reports):
        await until(lambda: signalled(shop), timeout_s=30)
    assert len(await shop.signals(f"job/{job.job_id}")) == 1


async def test_two_relays_share_the_work(till: Till) -> None:
    events = [await store_event(till.shop, "customer.created", f"cus_{n}", notify=False) for n in range(100)]
    async with running(stripe_relay(till).relay_stripe_events), running(stripe_relay(till).relay_stripe_events):
        for event in events:
            await processed(till.shop, event)

    assert await till.shop.value("SELECT max(attempts) FROM stripe_events") == 1
