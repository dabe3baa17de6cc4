"""The auditor finds what is broken: each promise is broken once, on purpose."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.cli.benches.audit import audit
from fulfil.cli.benches.stripe_dump import (
    BalanceMovement,
    SimulatedCharge,
    SimulatedIntent,
    SimulatedRefund,
    SimulatedTransfer,
    StripeDump,
)
from fulfil.kit.database import Database

SOUND = """
INSERT INTO providers (id, name, capabilities, commission_bp, created_at) VALUES ('prv_1', 'P', '{}', 1500, now());
INSERT INTO stock VALUES ('prv_1', 'PLA', 60, 0);
INSERT INTO stock_movements VALUES ('r', 'prv_1', 'PLA', 'received', 60, 0, NULL, now());
INSERT INTO files VALUES ('fil_1', 'cus_1', 'sha', 'a.stl', 'stl', 84, now());
INSERT INTO quotes (id, customer_id, status, currency, tier, lead_time, lead_time_days, lead_time_options, lines,
                    items_minor, total_minor, tariff_version, rules_version, total_calculation_time_ms, created_at,
                    expires_at)
  VALUES ('quo_1', 'cus_1', 'firm', 'eur', 'standard', 'standard', 3, '[]', '[]',
          1000, 1000, '1', '1', 5, now(), now());
INSERT INTO orders (id, customer_id, state, total_minor, currency, policies, placed_at, closed_at)
  VALUES ('ord_1', 'cus_1', 'closed', 1000, 'eur', '{}', now(), now());
INSERT INTO order_lines VALUES ('lin_1', 'ord_1', 'quo_1', 'a.stl', 'fdm', 'PLA', 40, 1, 3, 1000, 'eur');
INSERT INTO jobs (id, order_id, line_id, state, round, provider_id, offer_id, opened_at, closed_at)
  VALUES ('job_1', 'ord_1', 'lin_1', 'closed', 1, 'prv_1', 'off_1', now(), now());
INSERT INTO transfers VALUES ('tr_1', 'ord_1', 'job_1', 'prv_1', 'job_1:transfer', 850, 150, 'eur', now());
INSERT INTO timelines (order_id, last_sequence, next_who, next_what) VALUES ('ord_1', 2, 'nobody', '');
INSERT INTO events (order_id, sequence, business_key, type, at, actor_kind, actor_id, subject, data)
  VALUES ('ord_1', 1, 'a', 'order.placed', now(), 'system', 'x', 'ord_1', '{}'),
         ('ord_1', 2, 'b', 'job.accepted', now(), 'system', 'x', 'job_1', '{"round": 1}');
INSERT INTO ledger_transactions OVERRIDING SYSTEM VALUE
  VALUES (1, 'c', 'charge', 'ord_1', 'ch_1', now(), now()), (2, 'r', 'release', 'ord_1', NULL, now(), now()),
         (3, 't', 'transfer', 'ord_1', 'tr_1', now(), now());
INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency)
  VALUES (1, 'asset:stripe', 1000, 'eur'), (1, 'liability:held:ord_1', -1000, 'eur'),
         (2, 'liability:held:ord_1', 1000, 'eur'), (2, 'liability:payable:prv_1', -850, 'eur'),
         (2, 'revenue:commission', -150, 'eur'),
         (3, 'liability:payable:prv_1', 850, 'eur'), (3, 'asset:stripe', -850, 'eur')
"""
INTENT = SimulatedIntent(
    id="pi_1", status="succeeded", amount=1000, amount_received=1000, metadata={"order_id": "ord_1"}
)
CHARGE = SimulatedCharge(id="ch_1", status="succeeded", captured=True, amount_captured=1000, payment_intent="pi_1")
TRANSFER = SimulatedTransfer(id="tr_1", amount=850, transfer_group="ord_1")
STRIPE = StripeDump(
    payment_intents=[INTENT],
    charges=[CHARGE],
    transfers=[TRANSFER],
    balance_transactions=[BalanceMovement(id="txn_1", net=1000), BalanceMovement(id="txn_2", net=-850)],
)


async def run(session: AsyncSession, statements: str) -> None:
    """Run what is separated by semicolons, with the guards of the tables switched off."""
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in filter(str.strip, statements.replace(":", "\\:").split(";")):
        await session.execute(text(statement))


@pytest.fixture
async def sound(owner_database: Database) -> Database:
    """One order that kept every promise."""
    async with owner_database.begin() as session:
        await run(session, SOUND)
    return owner_database


async def broken(
    database: Database, stripe: StripeDump = STRIPE, acknowledged: tuple[str, ...] = ("ord_1",)
) -> set[str]:
    """The promises the auditor finds broken."""
    return {finding.promise for finding in await audit(database, stripe, acknowledged) if not finding.kept}


async def test_a_sound_system_breaks_no_promise(sound: Database) -> None:
    assert await broken(sound) == set()


BREACHES = {
    "orders without an end": "UPDATE orders SET state = 'paid'",
    "steps left parked": "UPDATE timelines SET stuck_step = 'settle_job'",
    "webhooks not acted on": """INSERT INTO stripe_events (id, type, object_id, payload, received_at)
        VALUES ('evt_1', 't', 'o', '{}', now())""",
    "reports no job heard of": """INSERT INTO job_reports
        (id, job_id, offer_id, business_key, kind, data, created_at, signal_due)
        VALUES ('rep_1', 'job_1', 'off_1', 'k', 'started', '{}', now(), true)""",
    "jobs with two winners": """INSERT INTO events
        (order_id, sequence, business_key, type, at, actor_kind, actor_id, subject, data)
        VALUES ('ord_1', 3, 'c', 'job.accepted', now(), 'system', 'x', 'job_1', '{"round": 1}')""",
    "stock that differs from its movements": "UPDATE stock SET available_g = 61",
    "material reserved for nobody": """UPDATE stock SET available_g = 59, reserved_g = 1;
        INSERT INTO stock_movements VALUES ('s', 'prv_1', 'PLA', 'reserved', -1, 1, NULL, now())""",
    "ledger transactions out of balance": "DELETE FROM ledger_postings WHERE account = 'revenue:commission'",
    "money held for an ended order": "DELETE FROM ledger_postings WHERE transaction_id = 2",
    "providers left unpaid": "DELETE FROM ledger_postings WHERE transaction_id = 3",
    "closed orders not paid out once": "DELETE FROM transfers",
    "timelines with gaps": "DELETE FROM events WHERE sequence = 1",
}


@pytest.mark.parametrize(("promise", "breach"), BREACHES.items())
async def test_a_broken_promise_in_the_database_is_found(sound: Database, promise: str, breach: str) -> None:
    async with sound.begin() as session:
        await run(session, breach)
    assert promise in await broken(sound)


async def test_stock_below_zero_is_found(sound: Database) -> None:
    async with sound.begin() as session:
        await run(session, "ALTER TABLE stock DROP CONSTRAINT ck_stock_available; UPDATE stock SET available_g = -1")
    assert "stock below zero" in await broken(sound)


async def test_an_order_nobody_knows_any_more_is_found(sound: Database) -> None:
    assert await broken(sound, acknowledged=("ord_1", "ord_lost")) == {"orders lost"}


SECOND_CHARGE = CHARGE.model_copy(update={"id": "ch_2"})
AT_STRIPE: list[tuple[str, dict[str, object]]] = [
    ("orders charged twice", {"charges": [CHARGE, SECOND_CHARGE]}),
    ("amounts that differ from the order", {"charges": [CHARGE.model_copy(update={"amount_captured": 999})]}),
    ("orders paid out twice", {"transfers": [TRANSFER, TRANSFER.model_copy(update={"id": "tr_2"})]}),
    ("payments with two payment intents", {"payment_intents": [INTENT, INTENT.model_copy(update={"id": "pi_2"})]}),
    ("Stripe's objects without their ledger transaction", {"transfers": []}),
    (
        "Stripe's objects without their ledger transaction",
        {"refunds": [SimulatedRefund(id="re_1", status="succeeded", amount=1, payment_intent="pi_1")]},
    ),
    ("ledger that differs from Stripe's balance", {"balance_transactions": []}),
]


@pytest.mark.parametrize(("promise", "difference"), AT_STRIPE)
async def test_a_broken_promise_at_stripe_is_found(
    sound: Database, promise: str, difference: dict[str, object]
) -> None:
    assert promise in await broken(sound, STRIPE.model_copy(update=difference))
