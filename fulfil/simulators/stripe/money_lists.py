"""Lists of money's objects whose filters are more than equal values."""

from collections.abc import Mapping

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter
from fulfil.simulators.stripe.listing import Condition, between, page
from fulfil.simulators.stripe.transaction import Transaction


def list_balance_transactions(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/balance_transactions`: by source, type, currency, time, or the automatic payout they left with."""
    condition = _where("balance_transaction", call, ("source", "type", "currency"))
    payout = call.parameters.text("payout")
    if payout is not None:
        found = tx.find("payout", payout)
        if found is None:
            raise StripeApiError(400, f"No such payout: '{payout}'", code="resource_missing", param="payout")
        if not found["automatic"]:
            message = "Balance transaction history can only be filtered on automatic transfers, not manual."
            raise invalid_parameter("payout", message)
        condition.add("id IN (SELECT entry FROM paid_out WHERE payout = ?)", payout)
    return page(tx, call.parameters, condition, "balance_transaction", "/v1/balance_transactions")


def list_payouts(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/payouts`."""
    condition = _where("payout", call, ("destination", "status"))
    between(condition, call.parameters, "arrival_date", "json_extract(body, '$.arrival_date')")
    return page(tx, call.parameters, condition, "payout", "/v1/payouts")


def list_topups(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/topups`."""
    condition = _where("topup", call, ("status",))
    between(condition, call.parameters, "amount", "json_extract(body, '$.amount')")
    return page(tx, call.parameters, condition, "topup", "/v1/topups")


def list_charge_refunds(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/charges/{id}/refunds`."""
    condition = Condition(["object = 'refund'", "json_extract(body, '$.charge') = ?"], [call.identity])
    return page(tx, call.parameters, condition, "refund", f"/v1/charges/{call.identity}/refunds")


def _where(kind: str, call: Call, names: tuple[str, ...]) -> Condition:
    condition = Condition(["object = ?"], [kind])
    for name in names:
        value = call.parameters.text(name)
        if value is not None:
            condition.add(f"json_extract(body, '$.{name}') = ?", value)
    return condition
