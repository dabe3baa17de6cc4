"""The ledger of an order, in words and amounts."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.support import LedgerTransaction, OrderLedger, Posting
from fulfil.models.money import format_money
from fulfil.models.tables.ledger import LedgerPostingRow, LedgerTransactionRow

KINDS: Mapping[str, str] = {
    "authorization": "The customer's bank reserved the money.",
    "authorization_ended": "The reservation ended: captured or given back.",
    "charge": "The customer's money was taken and is held for the order.",
    "stripe_fee": "The payment provider kept its fee.",
    "release": "The held money was released: the provider's share and our commission.",
    "transfer": "The provider was paid.",
    "refund_sent": "A refund was sent to the customer.",
    "refund_succeeded": "The refund arrived.",
    "refund_failed": "The refund came back.",
}
ACCOUNTS: Mapping[str, str] = {
    "memo:authorized": "Reserved at the customer's bank (memo)",
    "memo:authorized_contra": "Counterpart of reservations (memo)",
    "asset:stripe": "Our balance at the payment provider",
    "liability:held": "Held for the order",
    "liability:payable": "Owed to the provider",
    "liability:refund_due": "Owed back to the customer",
    "revenue:commission": "Our commission",
    "expense:stripe_fee": "The payment provider's fees",
}


async def read_ledger(session: AsyncSession, order_id: str) -> OrderLedger:
    """Every transaction of an order with its postings, oldest first."""
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
    return OrderLedger(
        order_id=order_id,
        transactions=[_represent(transaction, legs[number]) for number, transaction in heads.items()],
        balances=[_posting(account, amount, currency) for (account, currency), amount in sorted(sums.items())],
    )


def _represent(row: LedgerTransactionRow, legs: list[LedgerPostingRow]) -> LedgerTransaction:
    return LedgerTransaction(
        id=row.id,
        kind=row.kind,
        meaning=KINDS.get(row.kind, row.kind),
        stripe_object_id=row.stripe_object_id,
        effective_at=row.effective_at,
        postings=[_posting(leg.account, leg.amount_minor, leg.currency) for leg in legs],
    )


def _posting(account: str, amount_minor: int, currency: str) -> Posting:
    name = ":".join(account.split(":")[:2])
    return Posting(
        account=account,
        meaning=ACCOUNTS.get(name, account),
        amount_minor=amount_minor,
        currency=currency,
        amount=format_money(amount_minor, currency),
    )
