"""Every check of the books finds the fault it is for, and says nothing about sound books."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from fulfil.ledger import entries
from fulfil.ledger.anchors import anchor
from fulfil.ledger.posting import correct, post
from fulfil.models.messages.reconciliation import Finding, FindingKind
from tests.ledger.desk import JUST_NOW, LONG_AGO, NOW, Desk

DELIVERED, PARTLY_REFUNDED, REFUNDED_LATE, CALLED_OFF = range(4)
OF_ORDER = "(SELECT id FROM ledger_transactions WHERE order_id = :order_id)"
FEE = "(SELECT id FROM ledger_transactions WHERE order_id = :order_id AND kind = 'stripe_fee')"
CHARGED = "(SELECT balance_transaction_id FROM ledger_transactions WHERE order_id = :order_id AND kind = 'charge')"
PAID_OUT = "(SELECT balance_transaction_id FROM ledger_transactions WHERE order_id = :order_id AND kind = 'transfer')"
HELD = "account = 'liability:held:' || :order_id"


def kinds(found: list[Finding]) -> set[FindingKind]:
    return {one.kind for one in found}


async def test_sound_books_have_no_findings_in_all_and_in_every_order(desk: Desk) -> None:
    assert await desk.check() == []
    for order_id in desk.order_ids:
        assert await desk.check_order(order_id) == []


@pytest.mark.parametrize(
    ("which", "harm", "expected"),
    [
        (
            DELIVERED,
            (
                "UPDATE ledger_postings SET amount_minor = amount_minor + 1"
                f" WHERE account = 'revenue:commission' AND transaction_id IN {OF_ORDER}"
            ),
            {FindingKind.UNBALANCED, FindingKind.CHAIN_BROKEN, FindingKind.COMMISSION_DIFFERS},
        ),
        (
            DELIVERED,
            f"DELETE FROM ledger_postings WHERE transaction_id IN {FEE}",
            {FindingKind.UNBALANCED, FindingKind.CHAIN_BROKEN, FindingKind.AMOUNT_DIFFERS},
        ),
        (
            DELIVERED,
            (
                "UPDATE ledger_transactions SET effective_at = effective_at + interval '1 microsecond'"
                " WHERE order_id = :order_id AND kind = 'charge'"
            ),
            {FindingKind.CHAIN_BROKEN},
        ),
        (
            DELIVERED,
            (
                "UPDATE ledger_transactions SET chain_sequence = chain_sequence + 1"
                " WHERE order_id = :order_id AND kind = 'transfer'"
            ),
            {FindingKind.CHAIN_BROKEN},
        ),
        (
            DELIVERED,
            (
                "UPDATE ledger_transactions SET chain = 'platform', chain_sequence = 1"
                " WHERE order_id = :order_id AND kind = 'authorization'"
            ),
            {FindingKind.CHAIN_BROKEN},
        ),
        (
            DELIVERED,
            f"UPDATE ledger_balances SET balance_minor = balance_minor - 5 WHERE {HELD}",
            {FindingKind.BALANCE_DIFFERS},
        ),
        (
            PARTLY_REFUNDED,
            "UPDATE refunds SET amount_minor = amount_minor - 1 WHERE order_id = :order_id",
            {FindingKind.AMOUNT_DIFFERS},
        ),
        (
            DELIVERED,
            "UPDATE payments SET amount_minor = amount_minor + 1 WHERE order_id = :order_id",
            {FindingKind.AMOUNT_DIFFERS},
        ),
        (
            REFUNDED_LATE,
            "UPDATE transfers SET reversed_minor = 0 WHERE order_id = :order_id",
            {FindingKind.AMOUNT_DIFFERS},
        ),
        (
            REFUNDED_LATE,
            "DELETE FROM transfer_reversals WHERE order_id = :order_id",
            {FindingKind.AMOUNT_DIFFERS},
        ),
        (
            DELIVERED,
            "UPDATE transfers SET amount_minor = amount_minor + 10000 WHERE order_id = :order_id",
            {FindingKind.AMOUNT_DIFFERS, FindingKind.TRANSFERRED_MORE_THAN_LEFT},
        ),
        (
            CALLED_OFF,
            "UPDATE refunds SET amount_minor = amount_minor + 7 WHERE order_id = :order_id",
            {FindingKind.AMOUNT_DIFFERS, FindingKind.REFUNDED_MORE_THAN_PAID},
        ),
        (
            DELIVERED,
            "UPDATE jobs SET commission_minor = commission_minor - 1 WHERE order_id = :order_id",
            {FindingKind.COMMISSION_DIFFERS},
        ),
        (
            DELIVERED,
            "UPDATE jobs SET commission_tax_minor = 0 WHERE order_id = :order_id",
            {FindingKind.COMMISSION_DIFFERS},
        ),
        (
            DELIVERED,
            "UPDATE transfers SET currency = 'usd' WHERE order_id = :order_id",
            {FindingKind.CURRENCY_MIXED},
        ),
        (
            DELIVERED,
            f"UPDATE balance_transactions SET net_minor = net_minor - 1 WHERE id = {PAID_OUT}",
            {FindingKind.AMOUNT_DIFFERS},
        ),
        (
            DELIVERED,
            f"UPDATE balance_transactions SET listed_at = NULL WHERE id = {PAID_OUT}",
            {FindingKind.MISSING_AT_PROVIDER},
        ),
        (
            DELIVERED,
            f"DELETE FROM balance_transactions WHERE id = {PAID_OUT}",
            {FindingKind.MISSING_AT_PROVIDER},
        ),
    ],
)
async def test_what_was_written_past_the_guards_is_found_in_the_books_and_in_the_order(
    desk: Desk, which: int, harm: str, expected: set[FindingKind]
) -> None:
    order_id = desk.order_ids[which]
    await desk.forge(harm, order_id=order_id)
    of_order = await desk.check_order(order_id)
    assert kinds(of_order) == expected
    assert kinds(await desk.check()) >= expected
    assert all(one.remedy and one.detail for one in of_order)
    other = desk.order_ids[which + 1]
    assert await desk.check_order(other) == []


async def test_a_removed_last_transaction_is_found_by_the_anchor(desk: Desk) -> None:
    async with desk.worker.begin() as session:
        assert await anchor(session, NOW)
    number = await desk.number_of(desk.order_ids[CALLED_OFF], "refund_succeeded")
    await desk.forge(
        "DELETE FROM ledger_postings WHERE transaction_id = :id",
        "DELETE FROM ledger_transactions WHERE id = :id",
        id=number,
    )
    assert FindingKind.CHAIN_BROKEN not in kinds(await desk.check())
    assert FindingKind.ANCHOR_BROKEN in kinds(await desk.check())


async def test_an_account_that_turned_its_sign_is_overdrawn(desk: Desk) -> None:
    order_id = desk.order_ids[DELIVERED]
    await desk.forge(
        "ALTER TABLE ledger_balances DROP CONSTRAINT ck_ledger_balances_sign",
        "UPDATE ledger_postings SET amount_minor = amount_minor + 3 WHERE account = 'liability:held:' || :order_id"
        " AND amount_minor > 0",
        "UPDATE ledger_balances SET balance_minor = 3 WHERE account = 'liability:held:' || :order_id",
        order_id=order_id,
    )
    (overdrawn,) = [one for one in await desk.check_order(order_id) if one.kind is FindingKind.OVERDRAWN]
    assert (overdrawn.order_id, overdrawn.amount_minor, overdrawn.currency) == (order_id, 3, "eur")


async def test_a_double_charge_at_the_provider_is_found_although_all_sums_are_zero(desk: Desk) -> None:
    order_id = desk.order_ids[DELIVERED]
    await desk.forge(
        "INSERT INTO balance_transactions SELECT 'txn_twice', type, source_id, amount_minor, fee_minor, net_minor,"
        " currency, available_on, created_at, posted_pending, cleared_by, listed_at FROM balance_transactions"
        " WHERE id = (SELECT balance_transaction_id FROM ledger_transactions"
        " WHERE order_id = :order_id AND kind = 'charge')",
        order_id=order_id,
    )
    (twice,) = await desk.check_order(order_id)
    assert (twice.kind, twice.subject, twice.order_id) == (FindingKind.MISSING_IN_LEDGER, "txn_twice", order_id)
    assert await desk.check() == [twice]


async def test_what_is_being_written_right_now_is_not_wrong_yet(desk: Desk) -> None:
    arrived = (
        "INSERT INTO balance_transactions (id, type, source_id, amount_minor, fee_minor, net_minor, currency,"
        " available_on, created_at, listed_at) VALUES"
        " ('txn_new', 'charge', 'ch_new', 500, 0, 500, 'eur', CAST(:at AS timestamptz), :at, :at)"
    )
    await desk.forge(arrived, at=JUST_NOW)
    assert await desk.check() == []
    assert kinds(await desk.check(NOW + timedelta(minutes=15))) == {FindingKind.MISSING_IN_LEDGER}


async def test_an_ended_order_may_hold_nothing_unless_a_chargeback_or_a_refund_has_it(desk: Desk) -> None:
    order_id = desk.order_ids[CALLED_OFF]
    async with desk.worker.begin() as session:
        await post(
            session,
            entries.goodwill(order_id, 900),
            business_key=f"{order_id}:goodwill",
            order_id=order_id,
            effective_at=NOW,
            currency="eur",
        )
    (left,) = [one for one in await desk.check_order(order_id) if one.kind is FindingKind.HELD_AFTER_CLOSE]
    assert (left.amount_minor, left.detail) == (900, "9.00 EUR still held although the order is cancelled")
    await desk.forge("UPDATE payments SET frozen_at = now() WHERE order_id = :order_id", order_id=order_id)
    assert await desk.check_order(order_id) == []
    await desk.forge(
        "UPDATE payments SET frozen_at = NULL WHERE order_id = :order_id",
        "UPDATE orders SET closed_at = :at WHERE id = :order_id",
        order_id=order_id,
        at=JUST_NOW,
    )
    assert FindingKind.HELD_AFTER_CLOSE not in kinds(await desk.check_order(order_id))


async def test_money_held_for_longer_than_the_alarm_is_found(desk: Desk) -> None:
    order_id = desk.order_ids[CALLED_OFF]
    await desk.forge(
        "UPDATE orders SET state = 'in_fulfilment', closed_at = NULL WHERE id = :order_id",
        "UPDATE payments SET captured_at = :at WHERE order_id = :order_id",
        "INSERT INTO ledger_postings (transaction_id, account, amount_minor, currency)"
        " SELECT min(transaction_id), account, -50, 'eur' FROM ledger_postings"
        " WHERE account = 'liability:held:' || :order_id GROUP BY account",
        order_id=order_id,
        at=LONG_AGO,
    )
    (held,) = [one for one in await desk.check_order(order_id) if one.kind is FindingKind.HELD_TOO_LONG]
    assert held.amount_minor == 50


async def test_clearing_must_move_what_its_entries_say(desk: Desk) -> None:
    await desk.forge(
        "INSERT INTO balance_transactions (id, type, source_id, amount_minor, fee_minor, net_minor, currency,"
        " available_on, created_at, posted_pending, listed_at)"
        " VALUES ('txn_a', 'topup', 'tu_a', 500, 0, 500, 'eur', CAST(:at AS timestamptz), :at, true, :at)",
        at=LONG_AGO,
    )
    async with desk.worker.begin() as session:
        await post(
            session,
            entries.topped_up(500, pending=True),
            business_key="platform:txn_a",
            order_id=None,
            effective_at=LONG_AGO,
            currency="eur",
            stripe_object_id="tu_a",
            balance_transaction_id="txn_a",
        )
    assert await desk.check() == []
    told = [("eur", 500, desk.books.balance_minor)]
    assert await desk.check(balances=told) == []
    async with desk.worker.begin() as session:
        await post(
            session,
            entries.funds_cleared(400),
            business_key="platform:cleared:txn_a",
            order_id=None,
            effective_at=LONG_AGO,
            currency="eur",
        )
        await session.execute(
            text(
                "UPDATE balance_transactions SET cleared_by ="
                " (SELECT max(id) FROM ledger_transactions) WHERE id = 'txn_a'"
            )
        )
    found = await desk.check(balances=told)
    assert [(one.kind, one.amount_minor) for one in found] == [
        (FindingKind.AMOUNT_DIFFERS, -100),
        (FindingKind.AMOUNT_DIFFERS, 100),
    ]


async def test_the_provider_must_hold_what_our_accounts_hold(desk: Desk) -> None:
    held = desk.books.balance_minor
    assert await desk.check(balances=[("eur", held - 40, 40)]) == []
    assert await desk.check(balances=[("eur", held, 0), ("usd", 0, 0)]) == []
    (short,) = await desk.check(balances=[("eur", 0, held - 1)])
    assert (short.kind, short.amount_minor, short.currency) == (FindingKind.PROVIDER_BALANCE_DIFFERS, -1, "eur")
    (stray,) = await desk.check(balances=[("eur", 0, held), ("usd", 0, 5)])
    assert (stray.amount_minor, stray.currency) == (5, "usd")


async def test_what_moved_around_the_moment_of_asking_may_be_on_either_side(desk: Desk) -> None:
    held, order_id = desk.books.balance_minor, desk.order_ids[DELIVERED]
    for number, amount in enumerate((300, 50)):
        moment = JUST_NOW + timedelta(seconds=number)
        await desk.forge(
            "INSERT INTO balance_transactions (id, type, amount_minor, fee_minor, net_minor, currency, available_on,"
            " created_at, posted_pending) VALUES (:id, 'topup', :amount, 0, CAST(:amount AS bigint), 'eur',"
            " CAST(:at AS timestamptz), :at, false)",
            id=f"txn_{number}",
            amount=amount,
            at=moment,
        )
        async with desk.worker.begin() as session:
            await post(
                session,
                entries.topped_up(amount, pending=False),
                business_key=f"platform:txn_{number}",
                order_id=None,
                effective_at=moment,
                currency="eur",
                balance_transaction_id=f"txn_{number}",
            )
    for theirs in (held, held + 300, held + 350):
        assert await desk.check(balances=[("eur", 0, theirs)]) == []
    assert kinds(await desk.check(balances=[("eur", 0, held + 50)])) == {FindingKind.PROVIDER_BALANCE_DIFFERS}
    assert await desk.check_order(order_id) == []


async def test_a_charge_from_before_entries_were_mirrored_is_matched_by_its_object(desk: Desk) -> None:
    order_id = desk.order_ids[DELIVERED]
    # The hashes are those of the forged content no more: only the match is looked at.
    await desk.forge(
        "UPDATE ledger_transactions SET balance_transaction_id = NULL WHERE order_id = :order_id",
        "UPDATE ledger_transactions SET stripe_object_id = 'txn_charge_00000000'"
        " WHERE order_id = :order_id AND kind = 'stripe_fee'",
        "UPDATE ledger_postings SET account = 'asset:stripe' WHERE account = 'asset:stripe:available'"
        " AND transaction_id IN (SELECT id FROM ledger_transactions WHERE order_id = :order_id)",
        order_id=order_id,
    )
    assert kinds(await desk.check_order(order_id)) == {FindingKind.CHAIN_BROKEN}
    await desk.forge(
        "UPDATE ledger_transactions SET stripe_object_id = 'tr_other' WHERE order_id = :order_id AND kind = 'transfer'",
        order_id=order_id,
    )
    assert kinds(await desk.check_order(order_id)) == {
        FindingKind.CHAIN_BROKEN,
        FindingKind.MISSING_AT_PROVIDER,
        FindingKind.MISSING_IN_LEDGER,
    }


async def test_a_posting_without_any_object_of_the_provider_is_found(desk: Desk) -> None:
    async with desk.worker.begin() as session:
        await post(
            session,
            entries.topped_up(1, pending=False),
            business_key="platform:stray",
            order_id=None,
            effective_at=LONG_AGO,
            currency="eur",
        )
    found = await desk.check(balances=[("eur", 0, desk.books.balance_minor + 1)])
    assert kinds(found) == {FindingKind.MISSING_AT_PROVIDER}


async def test_a_correction_with_what_is_right_leaves_the_books_sound(desk: Desk) -> None:
    order_id = desk.order_ids[DELIVERED]
    fee = await desk.number_of(order_id, "stripe_fee")
    harm = "UPDATE balance_transactions SET fee_minor = fee_minor + 10, net_minor = net_minor - 10 WHERE id = :id"
    await desk.forge(harm, id="txn_charge_00000000")
    assert kinds(await desk.check_order(order_id)) == {FindingKind.AMOUNT_DIFFERS}
    async with desk.worker.begin() as session:
        legs = text("SELECT amount_minor FROM ledger_postings WHERE transaction_id = :id AND amount_minor > 0")
        booked = (await session.execute(legs, {"id": fee})).scalar_one()
        right = entries.stripe_fee(booked + 10, pending=False)
        reason = "Stripe took a higher fee - für Kreditkarten außerhalb der EU"
        assert await correct(session, fee, reason=reason, effective_at=NOW, replacement=right)
    assert await desk.check_order(order_id) == []
    async with desk.worker.begin() as session:
        assert not await correct(session, fee, reason=reason, effective_at=NOW)
