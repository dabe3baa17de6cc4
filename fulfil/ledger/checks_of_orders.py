"""Checks of every order's money: the rows say what the postings say, and nothing went out that had not come in."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.findings import finding
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.reconciliation import Finding, FindingKind
from fulfil.models.money import format_money

# What a workflow is writing right now is not wrong yet.
IN_FLIGHT = timedelta(minutes=15)
ENDED = (OrderState.CLOSED, OrderState.CANCELLED, OrderState.EXPIRED)
Books = Mapping[str, Any]
"""One row of `ORDERS`: amounts by their names there, in minor units of `currency`."""

# A correction counts as the kind it reverses, with its opposite amounts: so every sum here is what holds now.
ORDERS = text("""
WITH legs AS (
    SELECT t.order_id, coalesce(r.kind, t.kind) AS kind,
        split_part(p.account, ':', 1) || ':' || split_part(p.account, ':', 2) AS account, p.amount_minor AS amount
    FROM ledger_transactions t
    JOIN ledger_postings p ON p.transaction_id = t.id
    LEFT JOIN ledger_transactions r ON r.id = t.reverses
    WHERE t.order_id IS NOT NULL AND (CAST(:order_id AS text) IS NULL OR t.order_id = :order_id)
), booked AS (
    SELECT order_id,
        sum(amount) FILTER (WHERE account = 'memo:authorized') AS authorized,
        -sum(amount) FILTER (WHERE account = 'liability:held') AS held,
        -sum(amount) FILTER (WHERE account = 'liability:refund_due') AS refund_due,
        -sum(amount) FILTER (WHERE account = 'liability:held' AND kind = 'charge') AS captured,
        sum(amount) FILTER (WHERE account = 'expense:goodwill') AS goodwill,
        -sum(amount) FILTER (WHERE account = 'liability:refund_due' AND kind IN ('refund_decided', 'refund_sent'))
            AS refund_decided,
        sum(amount) FILTER (WHERE account = 'liability:refund_due' AND kind NOT IN ('refund_decided', 'refund_sent'))
            AS refunded,
        sum(amount) FILTER (WHERE account = 'liability:held' AND kind = 'release') AS released,
        -sum(amount) FILTER (WHERE account IN ('revenue:commission', 'liability:tax') AND kind = 'release')
            AS commission,
        -sum(amount) FILTER (WHERE account = 'liability:tax' AND kind = 'release') AS commission_tax,
        -sum(amount) FILTER (WHERE account = 'liability:payable' AND kind = 'release') AS payout,
        sum(amount) FILTER (WHERE account = 'liability:payable' AND kind = 'netting') AS netted,
        sum(amount) FILTER (WHERE account = 'liability:payable' AND kind = 'transfer') AS transferred,
        sum(amount) FILTER (WHERE account = 'asset:stripe' AND kind = 'transfer_reversed') AS reversed,
        sum(amount) FILTER (WHERE account = 'asset:receivable' AND kind IN ('release_taken_back', 'release_restored'))
            AS taken_back,
        -sum(amount) FILTER (WHERE account = 'liability:payable' AND kind = 'transfer_reversed') AS surplus,
        sum(amount) FILTER (WHERE account = 'asset:chargeback') AS disputed
    FROM legs GROUP BY order_id
), asked_back AS (
    SELECT order_id, sum(amount_minor) FILTER (WHERE state = 'succeeded') AS succeeded,
        sum(amount_minor) FILTER (WHERE state IN ('sent', 'failed')) AS owed,
        count(*) FILTER (WHERE state NOT IN ('succeeded', 'rejected')) AS pending, max(updated_at) AS updated_at
    FROM refunds WHERE CAST(:order_id AS text) IS NULL OR order_id = :order_id GROUP BY order_id
), paid_out AS (
    SELECT order_id, sum(amount_minor) AS amount, sum(reversed_minor) AS reversed
    FROM transfers WHERE CAST(:order_id AS text) IS NULL OR order_id = :order_id GROUP BY order_id
), taken AS (
    SELECT order_id, sum(amount_minor) AS amount
    FROM transfer_reversals WHERE CAST(:order_id AS text) IS NULL OR order_id = :order_id GROUP BY order_id
), made AS (
    SELECT order_id, sum(released_minor) AS released, sum(commission_minor) AS commission,
        sum(commission_tax_minor) AS commission_tax, sum(payout_minor) AS payout, sum(netted_minor) AS netted
    FROM jobs WHERE released_minor IS NOT NULL AND (CAST(:order_id AS text) IS NULL OR order_id = :order_id)
    GROUP BY order_id
), charged_back AS (
    SELECT order_id, sum(amount_minor) FILTER (WHERE closed_at IS NULL AND state <> 'inquiry') AS open,
        max(updated_at) AS updated_at
    FROM chargebacks WHERE CAST(:order_id AS text) IS NULL OR order_id = :order_id GROUP BY order_id
)
SELECT o.id AS order_id, o.state, o.currency, o.closed_at, p.captured_at, p.frozen_at,
    p.captured_at + make_interval(secs => coalesce((o.policies ->> 'hold_alarm_s')::float8, :hold_alarm_s)) AS alarm_at,
    p.amount_minor AS payment_amount, p.refunded_minor AS payment_refunded,
    b.authorized, b.held, b.refund_due, b.captured, b.goodwill, b.refund_decided, b.refunded, b.released,
    b.commission, b.commission_tax, b.payout, b.netted, b.transferred, b.reversed, b.taken_back, b.surplus,
    b.disputed,
    a.succeeded AS refunds_succeeded, a.owed AS refunds_owed, a.pending AS refunds_pending, a.updated_at AS refunds_at,
    x.amount AS transfers_amount, x.reversed AS transfers_reversed,
    y.amount AS reversals_amount,
    m.released AS jobs_released, m.commission AS jobs_commission, m.commission_tax AS jobs_commission_tax,
    m.payout AS jobs_payout, m.netted AS jobs_netted,
    c.open AS chargebacks_open, c.updated_at AS chargebacks_at
FROM orders o
LEFT JOIN payments p ON p.order_id = o.id
LEFT JOIN booked b ON b.order_id = o.id
LEFT JOIN asked_back a ON a.order_id = o.id
LEFT JOIN paid_out x ON x.order_id = o.id
LEFT JOIN taken y ON y.order_id = o.id
LEFT JOIN made m ON m.order_id = o.id
LEFT JOIN charged_back c ON c.order_id = o.id
WHERE CAST(:order_id AS text) IS NULL OR o.id = :order_id
ORDER BY o.id
""")


async def check_orders(session: AsyncSession, order_id: str | None, now: datetime) -> list[Finding]:
    """What is wrong with the money of one order, or of any."""
    parameters = {"order_id": order_id, "hold_alarm_s": float(OrderPolicies().hold_alarm_s)}
    rows = (await session.execute(ORDERS, parameters)).mappings()
    return [found for row in rows for found in findings_of({**row}, now)]


def findings_of(books: Books, now: datetime) -> Iterator[Finding]:
    """What one order's rows and postings contradict."""
    for check in (_rows_against_postings, _commission, _limits, _left_behind):
        yield from check(books, now)


def _rows_against_postings(books: Books, now: datetime) -> Iterator[Finding]:
    captured = _of(books, "payment_amount") if books["captured_at"] is not None else 0
    pairs = [
        ("captured by the payment", captured, _of(books, "captured")),
        ("refunded by the payment", _of(books, "payment_refunded"), _of(books, "refunded")),
        ("succeeded refunds", _of(books, "refunds_succeeded"), _of(books, "refunded")),
        ("transfers", _of(books, "transfers_amount"), _of(books, "transferred")),
        ("reversed of transfers", _of(books, "transfers_reversed"), _of(books, "reversed")),
        ("transfer reversals", _of(books, "reversals_amount"), _of(books, "reversed")),
    ]
    if not _is_young(books["refunds_at"], now):
        pairs.append(("refunds owed", _of(books, "refunds_owed"), _of(books, "refund_due")))
    if not _is_young(books["chargebacks_at"], now):
        pairs.append(("open chargebacks", _of(books, "chargebacks_open"), _of(books, "disputed")))
    for what, said, posted in pairs:
        if said != posted:
            yield _differs(books, FindingKind.AMOUNT_DIFFERS, what, said, posted)


def _commission(books: Books, now: datetime) -> Iterator[Finding]:
    del now
    pairs = (
        ("released by its jobs", _of(books, "jobs_released"), _of(books, "released")),
        ("commission of its jobs", _of(books, "jobs_commission"), _of(books, "commission")),
        ("tax on the commission", _of(books, "jobs_commission_tax"), _of(books, "commission_tax")),
        ("payouts of its jobs", _of(books, "jobs_payout"), _of(books, "payout")),
        ("kept of its payouts for what the provider owes", _of(books, "jobs_netted"), _of(books, "netted")),
    )
    for what, said, posted in pairs:
        if said != posted:
            yield _differs(books, FindingKind.COMMISSION_DIFFERS, what, said, posted)


def _limits(books: Books, now: datetime) -> Iterator[Finding]:
    del now
    captured = _of(books, "captured")
    refunded = max(_of(books, "refunded"), _of(books, "refunds_succeeded"), _of(books, "payment_refunded"))
    if refunded > captured:
        yield _exceeds(books, FindingKind.REFUNDED_MORE_THAN_PAID, "refunded", refunded, captured)
    # What was taken back and is not here yet is owed by the provider: a receivable, and shown as one. What came, though
    # it had been kept from another payout, is transferred to her once more.
    back = max(_of(books, "reversed"), _of(books, "taken_back") + _of(books, "surplus"))
    transferred = max(_of(books, "transferred"), _of(books, "transfers_amount")) - back
    left = captured - _of(books, "refund_decided") + _of(books, "goodwill")
    if transferred > left:
        yield _exceeds(books, FindingKind.TRANSFERRED_MORE_THAN_LEFT, "transferred", transferred, left)


def _left_behind(books: Books, now: datetime) -> Iterator[Finding]:
    frozen = books["frozen_at"] is not None
    ended = books["state"] in ENDED and not _is_young(books["closed_at"], now)
    if ended and not frozen and not _of(books, "refunds_pending"):
        for what in ("held", "authorized"):
            if left := _of(books, what):
                detail = f"{_shown(books, left)} still {what} although the order is {books['state']}"
                yield _found(books, FindingKind.HELD_AFTER_CLOSE, detail, left)
    alarm_at: datetime | None = books["alarm_at"]
    held = _of(books, "held")
    if held > 0 and not frozen and alarm_at is not None and alarm_at < now:
        detail = f"{_shown(books, held)} held since {books['captured_at']:%Y-%m-%d}"
        yield _found(books, FindingKind.HELD_TOO_LONG, detail, held)


def _of(books: Books, name: str) -> int:
    """An amount or number; what was never written is nothing."""
    return int(books[name] or 0)


def _is_young(changed_at: datetime | None, now: datetime) -> bool:
    return changed_at is not None and changed_at > now - IN_FLIGHT


def _differs(books: Books, kind: FindingKind, what: str, said: int, posted: int) -> Finding:
    detail = f"{what}: {_shown(books, said)} by the rows, {_shown(books, posted)} by the postings"
    return _found(books, kind, detail, said - posted)


def _exceeds(books: Books, kind: FindingKind, what: str, amount: int, limit: int) -> Finding:
    detail = f"{_shown(books, amount)} {what}, at most {_shown(books, limit)} could be"
    return _found(books, kind, detail, amount - limit)


def _found(books: Books, kind: FindingKind, detail: str, amount_minor: int) -> Finding:
    order_id = str(books["order_id"])
    return finding(
        kind, order_id, detail, order_id=order_id, amount_minor=amount_minor, currency=str(books["currency"])
    )


def _shown(books: Books, amount_minor: int) -> str:
    return format_money(amount_minor, books["currency"])
