"""Stripe's objects as its documentation shows them, cut to what the gateway reads."""

from typing import Any

AT = 1_795_262_400  # 2026-11-21 12:00 UTC


def entry(entry_id: str, amount: int, *, fee: int = 0, currency: str = "eur", kind: str = "charge") -> dict[str, Any]:
    """A balance transaction that is pending for a week."""
    return {
        "id": entry_id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": AT + 7 * 86_400,
        "balance_type": "payments",
        "created": AT,
        "currency": currency,
        "fee": fee,
        "fee_details": [],
        "net": amount - fee,
        "source": "ch_1",
        "status": "pending",
        "type": kind,
    }


def payment_intent(**changes: Any) -> dict[str, Any]:
    """A captured payment of 50.00 EUR."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 5000,
        "amount_capturable": 0,
        "client_secret": "pi_1_secret",
        "currency": "eur",
        "customer": None,
        "last_payment_error": None,
        "latest_charge": charge(),
        "metadata": {"order_id": "ord_1", "key": "k"},
        "next_action": None,
        "status": "succeeded",
        **changes,
    }


def charge(**changes: Any) -> dict[str, Any]:
    """Its charge."""
    return {
        "id": "ch_1",
        "object": "charge",
        "balance_transaction": entry("txn_1", 5000, fee=100),
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "status": "succeeded",
        **changes,
    }


def refund(**changes: Any) -> dict[str, Any]:
    """A refund of 20.00 EUR."""
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 2000,
        "balance_transaction": entry("txn_2", -2000, kind="refund"),
        "charge": "ch_1",
        "currency": "eur",
        "metadata": {"order_id": "ord_1", "refund_id": "ref_1", "key": "k"},
        "payment_intent": "pi_1",
        "status": "succeeded",
        **changes,
    }


def transfer(**changes: Any) -> dict[str, Any]:
    """A transfer of 34.00 EUR."""
    return {
        "id": "tr_1",
        "object": "transfer",
        "amount": 3400,
        "amount_reversed": 0,
        "balance_transaction": entry("txn_3", -3400, kind="transfer"),
        "currency": "eur",
        "destination": "acct_1",
        "metadata": {"order_id": "ord_1", "key": "k"},
        **changes,
    }


def reversal(**changes: Any) -> dict[str, Any]:
    """A reversal of 10.00 EUR."""
    return {
        "id": "trr_1",
        "object": "transfer_reversal",
        "amount": 1000,
        "balance_transaction": entry("txn_4", 1000, kind="transfer_refund"),
        "currency": "eur",
        "metadata": {"key": "k"},
        "transfer": "tr_1",
        **changes,
    }


def dispute(**changes: Any) -> dict[str, Any]:
    """A dispute of 50.00 EUR, with the network's fee."""
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 5000,
        "balance_transactions": [entry("txn_5", -5000, fee=1500, kind="adjustment")],
        "charge": "ch_1",
        "currency": "eur",
        "evidence": {},
        "evidence_details": {"due_by": AT, "has_evidence": False, "past_due": False, "submission_count": 0},
        "is_charge_refundable": False,
        "metadata": {},
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": "needs_response",
        **changes,
    }


def payout(**changes: Any) -> dict[str, Any]:
    """A payout of 1,000.00 EUR."""
    return {
        "id": "po_1",
        "object": "payout",
        "amount": 100_000,
        "arrival_date": AT,
        "balance_transaction": entry("txn_6", -100_000, kind="payout"),
        "currency": "eur",
        "failure_balance_transaction": None,
        "failure_code": None,
        "metadata": {"key": "k"},
        "status": "pending",
        **changes,
    }


def setup_intent(**changes: Any) -> dict[str, Any]:
    """A card about to be saved."""
    return {
        "id": "seti_1",
        "object": "setup_intent",
        "client_secret": "seti_1_secret",
        "metadata": {"key": "k"},
        "payment_method": None,
        "status": "requires_payment_method",
        **changes,
    }


def payment_method(**changes: Any) -> dict[str, Any]:
    """A saved card."""
    return {
        "id": "pm_1",
        "object": "payment_method",
        "card": {"brand": "visa", "exp_month": 12, "exp_year": 2034, "last4": "4242"},
        "customer": "cus_1",
        "type": "card",
        **changes,
    }


def account(status: str = "active", **changes: Any) -> dict[str, Any]:
    """A connected account of Accounts v2."""
    transfers: dict[str, Any] = {"status": status, "status_details": []}
    return {
        "id": "acct_1",
        "object": "v2.core.account",
        "closed": False,
        "configuration": {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": transfers}}}},
        "requirements": {"entries": []},
        **changes,
    }


def page(*objects: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """A page of a cursor list."""
    return {"object": "list", "data": list(objects), "has_more": more, "url": "/v1/objects"}
