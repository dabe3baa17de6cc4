"""The balance of each account and currency, which only balance transactions move, and how they are read."""

from collections.abc import Mapping

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.money_objects import BalanceTransaction, FeeDetail
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.transaction import Balance, Transaction

SETTLE = "settle"
# What a movement is reported as, where that is not its type.
CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "transfer_refund": "transfer_reversal",
}
# What is an adjustment by type, and what its fee is called.
ADJUSTMENTS = {"dispute": "Dispute fee", "dispute_reversal": "Dispute fee refund"}
# What an empty balance is shown in.
HOME_CURRENCY = "eur"


def post(
    tx: Transaction,
    *,
    amount: int,
    currency: str,
    source: str,
    kind: str,
    fee: int = 0,
    description: str | None = None,
    available_on: int | None = None,
) -> BalanceTransaction:
    """Move this account's balance by `amount` less `fee`: the pending one until `available_on`, if that is to come.

    `kind` is Stripe's type, or the reporting category of an adjustment.
    """
    at = tx.created if available_on is None else max(tx.created, available_on)
    pending = at > tx.created
    details: list[FeeDetail] = []
    if fee:
        details = [
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": ADJUSTMENTS.get(kind, "Stripe processing fees"),
                "type": "stripe_fee",
            }
        ]
    entry: BalanceTransaction = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": at,
        "balance_type": "payments",
        "created": tx.created,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details,
        "net": amount - fee,
        "reporting_category": CATEGORIES.get(kind, kind),
        "source": source,
        "status": "pending" if pending else "available",
        "type": "adjustment" if kind in ADJUSTMENTS else kind,
    }
    tx.insert(entry)
    if pending:
        tx.shift_balance(currency, pending=entry["net"], fee=fee)
        tx.at(at, SETTLE, entry["id"])
    else:
        tx.shift_balance(currency, available=entry["net"], fee=fee)
    if entry["net"] > 0:
        tx.funded.add((tx.account, currency))
    return entry


def settle(tx: Transaction, entry_id: str) -> str | None:
    """Pending money has become available; answers its currency."""
    entry = tx.balance_transaction(entry_id)
    if entry is None or entry["status"] != "pending":
        return None
    entry["status"] = "available"
    tx.save(entry)
    tx.shift_balance(entry["currency"], pending=-entry["net"], available=entry["net"])
    tx.funded.add((tx.account, entry["currency"]))
    return entry["currency"]


def announce(tx: Transaction) -> None:
    """`balance.available`, after pending money has settled."""
    tx.record("balance.available", shown(tx))


def retrieve_balance(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/balance`."""
    del call
    return shown(tx)


def shown(tx: Transaction) -> Mapping[str, object]:
    """The balance object of this account."""
    balances = tx.balances() or [Balance(HOME_CURRENCY, 0, 0, 0)]
    balance: dict[str, object] = {
        "object": "balance",
        "available": [_part(one.currency, one.available) for one in balances],
        "livemode": False,
        "pending": [_part(one.currency, one.pending) for one in balances],
    }
    if not tx.account:
        balance["connect_reserved"] = [{"amount": 0, "currency": one.currency} for one in balances]
    return balance


def inherited(tx: Transaction, entry_id: str | None) -> BalanceTransaction | None:
    """The entry while it is pending: what follows from it arrives or leaves together with it."""
    entry = tx.balance_transaction(entry_id) if entry_id else None
    return entry if entry is not None and entry["status"] == "pending" else None


def _part(currency: str, amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}
