"""Refunds: up to what was captured and not yet refunded, paid from the balance when it suffices."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe import balances
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.cards import Behaviour
from fulfil.simulators.stripe.charges import card_of
from fulfil.simulators.stripe.currencies import shown
from fulfil.simulators.stripe.disputed import answer_inquiries, is_refundable
from fulfil.simulators.stripe.early_warnings import note_refund
from fulfil.simulators.stripe.errors import (
    StripeApiError,
    invalid_parameter,
    missing_resource,
    wrong_state,
)
from fulfil.simulators.stripe.money_objects import Charge, Refund
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.previous import previous_attributes
from fulfil.simulators.stripe.transaction import Transaction

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
NO_CHARGE = "One of the following params should be provided for this request: payment_intent or charge."
SUCCEED, FAIL = "succeed_refund", "fail_refund"
FAILURES = (
    "charge_for_pending_refund_disputed",
    "declined",
    "expired_or_canceled_card",
    "insufficient_funds",
    "lost_or_stolen_card",
    "merchant_request",
    "unknown",
)


def create_refund(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/refunds` for a charge or a payment intent."""
    charge = _charge(tx, call)
    amount = call.parameters.amount("amount")
    reason = call.parameters.choice("reason", REASONS)
    metadata = call.parameters.metadata()
    _refuse_options(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        raise wrong_state(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    amount = left if amount is None else amount
    if amount > left:
        asked, possible = (shown(value, charge["currency"]) for value in (amount, left))
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({possible})"
        raise StripeApiError(400, message, param="amount", stored=True)
    refund = _new_refund(tx, charge, amount, reason, metadata)
    instructions = call.parameters.email("instructions_email")
    if instructions is not None:
        refund["instructions_email"] = instructions
    before = dict(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    tx.save(charge)
    tx.insert(refund)
    if _is_covered(tx, charge, refund):
        _send(tx, charge, refund)
        tx.save(refund)
    else:
        _wait(tx, refund)
    tx.record("refund.created", refund)
    tx.record("charge.refunded", charge, previous_attributes(before, charge))
    note_refund(tx, charge)
    _answer_inquiries(tx, refund)
    return refund


def cancel_refund(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/refunds/{id}/cancel`: only while the customer has still to act, as at Stripe."""
    refund = tx.refund(call.identity)
    if refund is None:
        raise missing_resource("refund", call.identity, param="refund")
    if refund["status"] != "requires_action":
        message = f"Refunds with a status of {refund['status']} cannot be canceled; only requires_action can."
        raise StripeApiError(400, message, param="refund", stored=True)
    return _undo(tx, refund, "canceled", "merchant_request")


def settle_refund(tx: Transaction, refund: Refund, status: str, reason: str = "lost_or_stolen_card") -> Refund:
    """What is decided later: a pending refund succeeds or waits for the customer, or any refund fails or is canceled.

    The money of one that fails or is canceled is back in the balance.
    """
    before = dict(refund)
    open_before = refund["status"] in {"pending", "requires_action"}
    if refund["status"] in {"failed", "canceled"} or (status != "failed" and not open_before):
        raise wrong_state(f"{refund['id']} is {refund['status']} already.", "refund_unexpected_state")
    if status in {"failed", "canceled"}:
        return _undo(tx, refund, status, reason)
    if refund["balance_transaction"] is None:
        charge = tx.charge(refund["charge"])
        if charge is not None:
            _send(tx, charge, refund)
        _forget_wait(tx, refund)
    tx.forget(SUCCEED, refund["id"])
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status == "requires_action":
        refund["next_action"] = {"type": "display_details"}
    else:
        refund.pop("next_action", None)
    _update(tx, refund, before)
    _answer_inquiries(tx, refund)
    return refund


def succeed_by_card(tx: Transaction, refund_id: str) -> None:
    """The card network has taken a pending refund."""
    refund = tx.refund(refund_id)
    if refund is not None and refund["status"] == "pending":
        settle_refund(tx, refund, "succeeded")


def fail_by_card(tx: Transaction, refund_id: str) -> None:
    """The card network gives a refund back that had succeeded."""
    refund = tx.refund(refund_id)
    if refund is not None and refund["status"] == "succeeded":
        _undo(tx, refund, "failed", "expired_or_canceled_card")


def fail_pending(tx: Transaction, charge: Charge) -> Charge:
    """A charge that is charged back pays no refund on its way; answers the charge as it is then."""
    condition = (
        "object = 'refund' AND json_extract(body, '$.charge') = ? AND json_extract(body, '$.status') = 'pending'"
    )
    for _, body in tx.select(condition, (charge["id"],)):
        _undo(tx, cast("Refund", body), "failed", "charge_for_pending_refund_disputed")
    return tx.charge(charge["id"]) or charge


def send_waiting(tx: Transaction) -> None:
    """Send the refunds that waited for money in the accounts that have been funded, oldest first."""
    while tx.funded:
        account, currency = tx.funded.pop()
        rows = tx.connection.execute(
            "SELECT refund FROM waiting_refunds WHERE account = ? AND currency = ? ORDER BY id", (account, currency)
        ).fetchall()
        with tx.within(account):
            for (refund_id,) in rows:
                if not _send_waiting(tx, str(refund_id)):
                    break


def _send_waiting(tx: Transaction, refund_id: str) -> bool:
    """Whether the money sufficed, so that the next may try."""
    refund = tx.refund(refund_id)
    charge = tx.charge(refund["charge"]) if refund is not None else None
    if refund is None or charge is None or not _is_covered(tx, charge, refund):
        return False
    _forget_wait(tx, refund)
    before = dict(refund)
    refund["status"] = "succeeded"
    refund.pop("pending_reason", None)
    _send(tx, charge, refund)
    _update(tx, refund, before)
    _answer_inquiries(tx, refund)
    return True


def _is_covered(tx: Transaction, charge: Charge, refund: Refund) -> bool:
    """Whether the balance suffices; a charge's own money counts while it is pending.

    Stripe's fees are left out: what pays a customer back in full may leave them as a debt, as at Stripe.
    """
    balance = tx.balance(refund["currency"])
    usable = balance.available + balance.fees
    if balances.inherited(tx, charge["balance_transaction"]):
        usable += balance.pending
    return refund["amount"] <= usable


def _send(tx: Transaction, charge: Charge, refund: Refund) -> None:
    """Take the money from the balance and give it to the card network; the refund is not saved."""
    pending = balances.inherited(tx, charge["balance_transaction"])
    entry = balances.post(
        tx,
        amount=-refund["amount"],
        currency=refund["currency"],
        source=refund["id"],
        kind="refund",
        description=f"REFUND FOR CHARGE ({charge['description']})" if charge["description"] else "REFUND FOR CHARGE",
        available_on=pending["available_on"] if pending else None,
    )
    refund["balance_transaction"] = entry["id"]
    card = card_of(tx, charge)
    if card is not None and card.behaviour is Behaviour.REFUND_PENDING:
        refund["status"] = "pending"
        refund["pending_reason"] = "processing"
        tx.at(tx.now + tx.settings.refund_settles_s, SUCCEED, refund["id"])
    elif card is not None and card.behaviour is Behaviour.REFUND_FAILS:
        tx.at(tx.now + tx.settings.refund_fails_s, FAIL, refund["id"])


def _answer_inquiries(tx: Transaction, refund: Refund) -> None:
    """A refund that has left, and leaves nothing of its charge, ends what the cardholder's bank inquired."""
    charge = tx.charge(refund["charge"])
    if charge is not None and charge["refunded"] and refund["balance_transaction"] is not None:
        answer_inquiries(tx, charge["id"])


def _wait(tx: Transaction, refund: Refund) -> None:
    refund["status"] = "pending"
    refund["pending_reason"] = "insufficient_funds"
    tx.save(refund)
    tx.connection.execute(
        "INSERT INTO waiting_refunds (account, currency, refund) VALUES (?, ?, ?)",
        (tx.account, refund["currency"], refund["id"]),
    )


def _forget_wait(tx: Transaction, refund: Refund) -> None:
    tx.connection.execute("DELETE FROM waiting_refunds WHERE refund = ?", (refund["id"],))


def _undo(tx: Transaction, refund: Refund, status: str, reason: str) -> Refund:
    """The refund will not reach the customer: its money, if taken, is back, and the charge can be refunded again."""
    before = dict(refund)
    charge = tx.charge(refund["charge"])
    tx.forget(SUCCEED, refund["id"])
    tx.forget(FAIL, refund["id"])
    _forget_wait(tx, refund)
    refund["status"] = status
    refund["failure_reason"] = reason
    refund.pop("pending_reason", None)
    refund.pop("next_action", None)
    pending = balances.inherited(tx, refund["balance_transaction"])
    if refund["balance_transaction"] is not None:
        entry = balances.post(
            tx,
            amount=refund["amount"],
            currency=refund["currency"],
            source=refund["id"],
            kind="refund_failure",
            description="REFUND FAILURE",
            available_on=pending["available_on"] if pending else None,
        )
        refund["failure_balance_transaction"] = entry["id"]
    if charge is not None:
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        tx.save(charge)
    _update(tx, refund, before)
    if status == "failed":
        tx.record("refund.failed", refund)
    return refund


def _update(tx: Transaction, refund: Refund, before: Mapping[str, object]) -> None:
    tx.save(refund)
    previous = previous_attributes(before, refund)
    tx.record("refund.updated", refund, previous)
    tx.record("charge.refund.updated", refund, previous)


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
        raise StripeApiError(400, NO_CHARGE, code="parameter_missing", param="payment_intent")
    charge = tx.charge(charge_id)
    if charge is None:
        raise missing_resource("charge", charge_id, param="charge", status=400)
    if charge["status"] == "failed":
        raise wrong_state(f"Charge {charge_id} failed and can't be refunded.", "charge_not_refundable")
    if not charge["captured"]:
        message = f"Charge {charge_id} is not captured; cancel its PaymentIntent instead."
        raise wrong_state(message, "charge_not_refundable")
    if charge["disputed"] and not is_refundable(tx, charge_id):
        message = f"Charge {charge_id} has been charged back; cannot issue a refund."
        raise wrong_state(message, "charge_disputed" if intent_id is None else "refund_disputed_payment")
    return charge


def _refuse_options(call: Call) -> None:
    """What needs a destination charge, or a customer's cash balance."""
    for name in ("reverse_transfer", "refund_application_fee"):
        if call.parameters.flag(name, default=False):
            message = f"{name} can only be used for charges that were created on behalf of another account."
            raise invalid_parameter(name, message)
    if call.parameters.choice("origin", ("customer_balance",)):
        raise invalid_parameter("origin", "This customer has no cash balance.")


def _new_refund(tx: Transaction, charge: Charge, amount: int, reason: str | None, metadata: dict[str, str]) -> Refund:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": tx.created,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "type": "card",
            "card": {
                "reference": "312345678901",
                "reference_status": "available",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
        },
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
