"""The auditor finds what is broken: each promise is broken once, on purpose."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.cli.benches.audit import audit, audit_rest
from fulfil.cli.benches.audit_of_books import Books, audit_balances
from fulfil.cli.benches.audit_of_endings import audit_endings
from fulfil.cli.benches.stripe_dump import (
    BalanceMovement,
    SimulatedBalance,
    SimulatedCharge,
    SimulatedDispute,
    SimulatedIntent,
    SimulatedRefund,
    SimulatedReversal,
    SimulatedTransfer,
    StripeDump,
)
from fulfil.cli.playing.scripts import Played, Script
from fulfil.cli.playing.turns import Ending
from fulfil.kit.database import Database
from fulfil.ledger import entries
from fulfil.ledger.posting import post
from fulfil.models.messages.orders import OrderState

SOUND = """
INSERT INTO providers (id, name, capabilities, commission_bp, created_at) VALUES ('prv_1', 'P', '{}', 1500, now());
INSERT INTO stock_items (id, provider_id, material, unit, available_quantity, reserved_quantity, created_at)
  VALUES ('stk_1', 'prv_1', 'PLA', 'g', 60, 0, now());
INSERT INTO stock_movements (business_key, id, item_id, provider_id, material, kind, available_delta, reserved_delta,
                             created_at)
  VALUES ('r', 'mov_1', 'stk_1', 'prv_1', 'PLA', 'received', 60, 0, now());
INSERT INTO files VALUES ('fil_1', 'cus_1', 'sha', 'a.stl', 'stl', 84, now());
INSERT INTO quotes (id, customer_id, status, currency, tier, lead_time, lead_time_days, lead_time_options, lines,
                    items_minor, total_minor, tariff_version, rules_version, total_calculation_time_ms, created_at,
                    expires_at)
  VALUES ('quo_1', 'cus_1', 'firm', 'eur', 'standard', 'standard', 3, '[]', '[]',
          1000, 1000, '1', '1', 5, now(), now());
INSERT INTO orders (id, customer_id, state, total_minor, currency, policies, placed_at, closed_at)
  VALUES ('ord_1', 'cus_1', 'closed', 1000, 'eur', '{}', now(), now());
INSERT INTO order_lines (id, order_id, quote_id, title, process, material, material_g, quantity, lead_time_days,
                         amount_minor, currency)
  VALUES ('lin_1', 'ord_1', 'quo_1', 'a.stl', 'fdm', 'PLA', 40, 1, 3, 1000, 'eur');
INSERT INTO jobs (id, order_id, line_id, amount_minor, state, round, provider_id, offer_id, opened_at, closed_at,
                  released_minor, payout_minor, netted_minor)
  VALUES ('job_1', 'ord_1', 'lin_1', 1000, 'closed', 1, 'prv_1', 'off_1', now(), now(), 1000, 850, 0);
INSERT INTO transfers VALUES ('tr_1', 'ord_1', 'job_1', 'prv_1', 'job_1:transfer', 850, 150, 'eur', now());
INSERT INTO timelines (order_id, last_sequence, next_who, next_what) VALUES ('ord_1', 2, 'nobody', '');
INSERT INTO events (order_id, sequence, business_key, type, at, actor_kind, actor_id, subject, data)
  VALUES ('ord_1', 1, 'a', 'order.placed', now(), 'system', 'x', 'ord_1', '{}'),
         ('ord_1', 2, 'b', 'job.accepted', now(), 'system', 'x', 'job_1', '{"round": 1}');
INSERT INTO payments (order_id, payment_intent_id, client_secret, state, amount_minor, currency, charge_id, captured_at,
                      updated_at)
  VALUES ('ord_1', 'pi_1', 's', 'captured', 1000, 'eur', 'ch_1', now(), now());
INSERT INTO documents (id, kind, number, series, year, sequence, order_id, party_id, business_key, total_minor,
                       currency, snapshot, snapshot_sha256, issued_at)
  VALUES ('doc_1', 'invoice', 'INV-2026-000001', 'INV', 2026, 1, 'ord_1', 'cus_1', 'i', 1000, 'eur', '{}', 'x', now())
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
    balance_transactions=[
        BalanceMovement(id="txn_1", net=1000, source="ch_1"),
        BalanceMovement(id="txn_2", net=-850, source="tr_1", type="transfer"),
    ],
)
FACTS = [
    ("c", entries.charge("ord_1", 1000, pending=False), "ch_1", "txn_1"),
    ("r", entries.release("ord_1", "prv_1", provider=850, commission=126, tax=24), None, None),
    ("t", entries.transfer("prv_1", 850, pending=False), "tr_1", "txn_2"),
]


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
    async with owner_database.begin() as session:
        for key, entry, thing, moved in FACTS:
            await post(
                session,
                entry,
                business_key=key,
                order_id="ord_1",
                effective_at=datetime.now(UTC),
                currency="eur",
                stripe_object_id=thing,
                balance_transaction_id=moved,
            )
    return owner_database


async def broken(
    database: Database, stripe: StripeDump = STRIPE, acknowledged: tuple[str, ...] = ("ord_1",)
) -> set[str]:
    """The promises the auditor finds broken."""
    return {finding.promise for finding in await audit(database, stripe, acknowledged) if not finding.kept}


async def test_a_sound_system_breaks_no_promise(sound: Database) -> None:
    assert await broken(sound) == set()


OF = "WHERE transaction_id = (SELECT id FROM ledger_transactions WHERE business_key = "
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
    "stock that differs from its movements": "UPDATE stock_items SET available_quantity = 61",
    "stock reserved without a lease": "UPDATE stock_items SET reserved_quantity = 1",
    "material reserved for nobody": """INSERT INTO stock_reservations
        (offer_id, item_id, job_id, quantity, expires_at, created_at)
        VALUES ('off_1', 'stk_1', 'job_1', 1, now(), now())""",
    "ledger transactions out of balance": "DELETE FROM ledger_postings WHERE account = 'revenue:commission'",
    "money held for an ended order": f"DELETE FROM ledger_postings {OF}'r')",
    "providers left unpaid": f"DELETE FROM ledger_postings {OF}'t')",
    "closed jobs not paid out once": "DELETE FROM transfers",
    "documents with gaps in their numbers": "UPDATE documents SET sequence = 2",
    "captures without their invoice": "DELETE FROM documents",
    "forged webhooks believed": """INSERT INTO stripe_events (id, type, object_id, payload, received_at)
        VALUES ('evt_forged_1', 't', 'o', '{}', now())""",
    "links of the chain that are broken": "UPDATE ledger_transactions SET note = 'it was otherwise'",
    "Stripe's entries without exactly their postings": f"UPDATE ledger_postings SET amount_minor = 2 {OF}'t')",
    "orders whose money at Stripe is booked otherwise": "UPDATE ledger_transactions SET order_id = NULL",
    "timelines with gaps": "DELETE FROM events WHERE sequence = 1",
}


@pytest.mark.parametrize(("promise", "breach"), BREACHES.items())
async def test_a_broken_promise_in_the_database_is_found(sound: Database, promise: str, breach: str) -> None:
    async with sound.begin() as session:
        await run(session, breach)
    assert promise in await broken(sound)


async def test_stock_below_zero_is_found(sound: Database) -> None:
    async with sound.begin() as session:
        await run(
            session,
            """ALTER TABLE stock_items DROP CONSTRAINT ck_stock_items_available;
            UPDATE stock_items SET available_quantity = -1""",
        )
    assert "stock below zero" in await broken(sound)


async def test_an_order_nobody_knows_any_more_is_found(sound: Database) -> None:
    assert await broken(sound, acknowledged=("ord_1", "ord_lost")) == {"orders lost"}


REFUND = """INSERT INTO refunds (id, order_id, amount_minor, currency, state, reason, note, plan, requested_by,
    requested_at, updated_at)
    VALUES ('ref_1', 'ord_1', 5, 'eur', '{state}', 'late', '', '{{}}', '{{}}', now(), now())"""
CHARGEBACK = """INSERT INTO chargebacks (id, order_id, stripe_dispute_id, state, stripe_status, reason, amount_minor,
    currency, is_inquiry, evidence, opened_at, updated_at)
    VALUES ('chb_1', 'ord_1', 'du_1', 'lost', 'lost', 'fraudulent', 5, 'eur', false, '{}', now(), now())"""
LEFT_BEHIND = {
    "refunds without an end": REFUND.format(state="failed"),
    "chargebacks without an end": CHARGEBACK,
    "money frozen or reserved for nothing": "UPDATE payments SET refunding_minor = 5",
    "money on its way for ever": """UPDATE ledger_postings SET account = 'asset:refunds_in_transit:ord_1'
        WHERE account = 'liability:held:ord_1' AND amount_minor > 0""",
    "refunds that the payment does not tell of": REFUND.format(state="succeeded"),
}


async def test_nothing_is_left_behind_by_a_sound_system(sound: Database) -> None:
    assert [finding for finding in await audit_rest(sound) if not finding.kept] == []


@pytest.mark.parametrize(("promise", "breach"), LEFT_BEHIND.items())
async def test_what_is_left_behind_is_found(sound: Database, promise: str, breach: str) -> None:
    async with sound.begin() as session:
        await run(session, breach)
    assert {finding.promise for finding in await audit_rest(sound) if not finding.kept} == {promise}


SECOND_CHARGE = CHARGE.model_copy(update={"id": "ch_2"})
SENT = SimulatedRefund(id="re_1", status="succeeded", amount=1, payment_intent="pi_1", metadata={"refund_id": "ref_1"})
REVERSED = SimulatedReversal(id="trr_1", amount=1, transfer="tr_1", metadata={"refund_id": "ref_1", "key": "k"})
TOO_MUCH = TRANSFER.model_copy(update={"amount": 1001})
AT_STRIPE: list[tuple[str, dict[str, object]]] = [
    ("orders charged twice", {"charges": [CHARGE, SECOND_CHARGE]}),
    ("amounts that differ from the order", {"charges": [CHARGE.model_copy(update={"amount_captured": 999})]}),
    ("jobs paid out twice", {"transfers": [TRANSFER, TRANSFER.model_copy(update={"id": "tr_2"})]}),
    ("payments with two payment intents", {"payment_intents": [INTENT, INTENT.model_copy(update={"id": "pi_2"})]}),
    ("Stripe's objects without their ledger transaction", {"transfers": []}),
    ("Stripe's objects without their ledger transaction", {"transfer_reversals": [REVERSED]}),
    ("ledger that differs from Stripe's balance", {"balance_transactions": []}),
    ("Stripe's entries without exactly their postings", {"balance_transactions": STRIPE.balance_transactions[:1]}),
    ("refunds sent twice", {"refunds": [SENT, SENT.model_copy(update={"id": "re_2"})]}),
    (
        "reversals made twice",
        {"transfer_reversals": [REVERSED, REVERSED.model_copy(update={"id": "trr_2", "metadata": {"key": "k"}})]},
    ),
    ("more went out of an order than came in", {"transfers": [TOO_MUCH]}),
]


@pytest.mark.parametrize(("promise", "difference"), AT_STRIPE)
async def test_a_broken_promise_at_stripe_is_found(
    sound: Database, promise: str, difference: dict[str, object]
) -> None:
    assert promise in await broken(sound, STRIPE.model_copy(update=difference))


async def test_a_refund_that_failed_may_be_sent_again(sound: Database) -> None:
    failed = SENT.model_copy(update={"id": "re_0", "status": "failed"})
    assert "refunds sent twice" not in await broken(sound, STRIPE.model_copy(update={"refunds": [failed, SENT]}))


def test_what_belongs_to_connected_accounts_is_not_the_platforms() -> None:
    theirs = {"id": "py_1", "status": "succeeded", "captured": True, "amount_captured": 5, "payment_intent": None}
    dump = StripeDump.model_validate({"charges": [CHARGE.model_dump(exclude={"account"}), {**theirs, "account": "a"}]})
    assert [charge.id for charge in dump.charges] == ["ch_1"]


BALANCE = SimulatedBalance(
    account="", currency="eur", pending=0, available=150, entries_pending=0, entries_available=150
)


@pytest.mark.parametrize(
    ("balances", "wrong"),
    [
        ([BALANCE], [0, 0]),
        ([BALANCE.model_copy(update={"pending": 150, "available": 0})], [2, 1]),
        ([BALANCE.model_copy(update={"entries_available": 149})], [0, 1]),
        ([], [1, 0]),
    ],
)
async def test_each_balance_is_compared_to_the_cent(
    sound: Database, balances: list[SimulatedBalance], wrong: list[int]
) -> None:
    books = await books_of(sound)
    assert [len(finding.broken_by) for finding in audit_balances(books, balances)] == wrong


PAID = Played("ord_1", Script.PAYS, OrderState.CLOSED, Ending(captured=1000))


@pytest.mark.parametrize(
    ("played", "stripe", "wrong"),
    [
        (PAID, {}, [0, 0, 0]),
        (replace(PAID, state=OrderState.CANCELLED), {}, [1, 0, 1]),
        (replace(PAID, ending=Ending(captured=999)), {}, [0, 1, 1]),
        (PAID, {"refunds": [SENT]}, [0, 1, 0]),
        (PAID, {"disputes": [SimulatedDispute(id="du_1", amount=9, status="lost", payment_intent="pi_1")]}, [0, 1, 0]),
        (PAID, {"transfers": [TRANSFER.model_copy(update={"amount": 849})]}, [0, 0, 1]),
        (replace(PAID, ending=Ending(captured=1000, goodwill=100)), {}, [0, 1, 2]),
    ],
)
async def test_every_order_must_end_as_its_script_wants(
    sound: Database, played: Played, stripe: dict[str, Any], wrong: list[int]
) -> None:
    found = audit_endings([played], await books_of(sound), STRIPE.model_copy(update=stripe))
    assert [len(finding.broken_by) for finding in found] == wrong


async def books_of(database: Database) -> Books:
    """The ledger as the auditor reads it."""
    async with database.begin() as session:
        return await Books.read(session)
