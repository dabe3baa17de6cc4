"""Refunds: up to what was captured and not yet refunded."""

from collections.abc import Mapping

from fulfil.models.money import format_money
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.cards import CARDS, Behaviour
from fulfil.simulators.stripe.errors import (
    StripeApiError,
    invalid_parameter,
    missing_parameter,
    missing_resource,
    wrong_state,
)
from fulfil.simulators.stripe.objects import Charge, Refund, new_balance_transaction, new_id
from fulfil.simulators.stripe.transaction import Transaction

REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create_refund(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/refunds` for a charge or a payment intent."""
    charge = _charge(tx, call)
    amount = call.parameters.amount("amount")
    reason = call.parameters.choice("reason", REASONS)
    metadata = call.parameters.metadata()
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        raise wrong_state(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    amount = left if amount is None else amount
    if amount > left:
        asked, possible = (format_money(value, charge["currency"]) for value in (amount, left))
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({possible})"
        raise StripeApiError(400, message, param="amount", stored=True)
    pending = CARDS[tx.token(charge["payment_method"])].behaviour is Behaviour.REFUND_PENDING
    refund = _new_refund(tx, charge, amount, reason, metadata, pending=pending)
    _move_balance(tx, refund, -amount, "refund", "balance_transaction")
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    tx.save(charge)
    tx.insert(refund)
    tx.record("refund.created", refund)
    tx.record("charge.refunded", charge)
    return refund


def settle_refund(tx: Transaction, refund: Refund, *, succeeded: bool) -> Refund:
    """What the card network decides later: a pending refund succeeds, or any refund fails and the money is back."""
    before = refund["status"]
    if before == "failed" or (succeeded and before != "pending"):
        raise wrong_state(f"{refund['id']} is {before} already.", "refund_unexpected_state")
    refund["pending_reason"] = None
    if succeeded:
        refund["status"] = "succeeded"
    else:
        refund["status"] = "failed"
        refund["failure_reason"] = "lost_or_stolen_card"
        _move_balance(tx, refund, refund["amount"], "refund_failure", "failure_balance_transaction")
        charge = tx.charge(refund["charge"])
        if charge is not None:
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            tx.save(charge)
    tx.save(refund)
    tx.record("refund.updated", refund, {"status": before})
    if not succeeded:
        tx.record("refund.failed", refund)
    return refund


def _charge(tx: Transaction, call: Call) -> Charge:
    charge_id, intent_id = call.parameters.text("charge"), call.parameters.text("payment_intent")
    if intent_id is not None:
        intent = tx.payment_intent(intent_id)
        if intent is None:
            raise missing_resource("payment_intent", intent_id, param="payment_intent", status=400)
        if charge_id is not None and charge_id != intent["latest_charge"]:
            raise invalid_parameter("charge", f"Charge {charge_id} does not belong to {intent_id}.")
        if intent["status"] != "succeeded":
            message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
            raise wrong_state(message, "payment_intent_unexpected_state")
        charge_id = intent["latest_charge"]
    if charge_id is None:
        raise missing_parameter("charge or payment_intent")
    charge = tx.charge(charge_id)
    if charge is None:
        raise missing_resource("charge", charge_id, param="charge", status=400)
    if charge["status"] == "failed":
        raise wrong_state(f"Charge {charge_id} failed and can't be refunded.", "charge_not_refundable")
    if not charge["captured"]:
        message = f"Charge {charge_id} is not captured; cancel its PaymentIntent instead."
        raise wrong_state(message, "charge_not_refundable")
    return charge


def _new_refund(
    tx: Transaction, charge: Charge, amount: int, reason: str | None, metadata: dict[str, str], *, pending: bool
) -> Refund:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": tx.created,
        "currency": charge["currency"],
        "destination_details": {"type": "card", "card": {"type": "pending" if pending else "refund"}},
        "failure_balance_transaction": None,
        "failure_reason": None,
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "pending_reason": "processing" if pending else None,
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }


def _move_balance(tx: Transaction, refund: Refund, amount: int, kind: str, field: str) -> None:
    movement = new_balance_transaction(
        amount=amount,
        fee=0,
        currency=refund["currency"],
        source=refund["id"],
        kind=kind,
        created=tx.created,
        available_on=tx.created,
    )
    tx.insert(movement)
    if field == "balance_transaction":
        refund["balance_transaction"] = movement["id"]
    else:
        refund["failure_balance_transaction"] = movement["id"]
