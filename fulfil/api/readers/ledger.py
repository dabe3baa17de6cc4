"""The ledger of an order, in words and amounts, and the trial balance."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.ledger import (
    AccountClassBalance,
    Balance,
    LedgerCheck,
    LedgerTransaction,
    OrderLedger,
    Posting,
    TrialBalance,
)
from fulfil.ledger.accounts import meaning_of
from fulfil.ledger.checks import check_books, check_order
from fulfil.ledger.explaining import Booked, sentence_of, story_of, why
from fulfil.models.money import format_money
from fulfil.models.tables.ledger import LedgerPostingRow, LedgerTransactionRow
from fulfil.models.tables.orders import OrderRow

# Accounts of somebody lose their owner; the three of our balance at the provider stay three.
TRIAL_BALANCE = text("""
SELECT account, currency, count(DISTINCT whole)::int AS accounts, sum(amount)::bigint AS balance,
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS debit,
    coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS credit
FROM (
    SELECT account AS whole, currency, amount_minor AS amount, CASE WHEN account LIKE 'asset:stripe%' THEN account
        ELSE split_part(account, ':', 1) || ':' || split_part(account, ':', 2) END AS account
    FROM ledger_postings
) AS legs
GROUP BY account, currency ORDER BY currency, account
""")


async def read_ledger(session: AsyncSession, order_id: str) -> OrderLedger:
    """Every transaction of an order with its postings, oldest first, and its story."""
    rows = await session.execute(
        select(LedgerTransactionRow, LedgerPostingRow)
        .join(LedgerPostingRow, LedgerPostingRow.transaction_id == LedgerTransactionRow.id)
        .where(LedgerTransactionRow.order_id == order_id)
        .order_by(LedgerTransactionRow.id, LedgerPostingRow.id)
    )
    heads: dict[int, LedgerTransactionRow] = {}
    legs: defaultdict[int, list[LedgerPostingRow]] = defaultdict(list)
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for transaction, leg in rows:
        heads[transaction.id] = transaction
        legs[transaction.id].append(leg)
        sums[leg.account, leg.currency] += leg.amount_minor
    booked = {number: _booked(row, legs[number], heads) for number, row in heads.items()}
    return OrderLedger(
        order_id=order_id,
        story=story_of(list(booked.values())),
        transactions=[_transaction(row, booked[number]) for number, row in heads.items()],
        balances=[
            Balance(
                account=account,
                meaning=meaning_of(account),
                amount_minor=amount,
                currency=currency,
                amount=format_money(amount, currency),
            )
            for (account, currency), amount in sorted(sums.items())
        ],
    )


async def read_check(session: AsyncSession, order_id: str | None, now: datetime) -> LedgerCheck:
    """What the checks find in an order's books, or in all."""
    findings = await (check_books(session, now) if order_id is None else check_order(session, order_id, now))
    transactions = select(func.count()).select_from(LedgerTransactionRow)
    orders = select(func.count()).select_from(OrderRow)
    if order_id is not None:
        transactions = transactions.where(LedgerTransactionRow.order_id == order_id)
        orders = orders.where(OrderRow.id == order_id)
    return LedgerCheck(
        checked_at=now,
        orders=await session.scalar(orders) or 0,
        transactions=await session.scalar(transactions) or 0,
        findings=findings,
    )


async def read_trial_balance(session: AsyncSession, now: datetime) -> TrialBalance:
    """What is left on the accounts of each kind, per currency."""
    return TrialBalance(
        as_of=now,
        data=[
            AccountClassBalance(
                account=row.account,
                meaning=meaning_of(row.account),
                currency=row.currency,
                accounts=row.accounts,
                debit_minor=row.debit,
                credit_minor=row.credit,
                balance_minor=row.balance,
                balance=format_money(row.balance, row.currency),
            )
            for row in await session.execute(TRIAL_BALANCE)
        ],
    )


def _booked(
    row: LedgerTransactionRow, legs: Sequence[LedgerPostingRow], heads: Mapping[int, LedgerTransactionRow]
) -> Booked:
    corrected = heads.get(row.reverses) if row.reverses is not None else None
    return Booked(
        kind=row.kind,
        currency=legs[0].currency,
        postings={leg.account: leg.amount_minor for leg in legs},
        reverses=corrected.kind if corrected else None,
        note=row.note,
    )


def _transaction(row: LedgerTransactionRow, booked: Booked) -> LedgerTransaction:
    return LedgerTransaction(
        id=row.id,
        sequence=row.chain_sequence,
        kind=row.kind,
        meaning=sentence_of(booked),
        business_key=row.business_key,
        stripe_object_id=row.stripe_object_id,
        balance_transaction_id=row.balance_transaction_id,
        reverses=row.reverses,
        note=row.note,
        effective_at=row.effective_at,
        hash=row.hash,
        postings=[
            Posting(
                account=account,
                meaning=meaning_of(account),
                amount_minor=amount,
                currency=booked.currency,
                amount=format_money(amount, booked.currency),
                why=why(booked, account),
            )
            for account, amount in booked.postings.items()
        ],
    )
