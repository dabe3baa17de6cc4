"""Charges: a bank's answer, the capture of what it held, and Stripe's fee."""

from fulfil.simulators.stripe.cards import CARDS, Behaviour, Card, Decline
from fulfil.simulators.stripe.objects import (
    Charge,
    Outcome,
    PaymentIntent,
    PaymentMethod,
    new_balance_transaction,
    new_id,
)
from fulfil.simulators.stripe.transaction import Transaction

FEE_BASIS_POINTS, FEE_FIXED = 150, 25
HOLD_S = 7 * 86_400
SETTLEMENT_S = 2 * 86_400


def fee_minor(amount: int) -> int:
    """Stripe's price of a charge: 1.5 % (half a unit rounds up) and 25."""
    return min(amount, (amount * FEE_BASIS_POINTS + 5_000) // 10_000 + FEE_FIXED)


def authorise(tx: Transaction, intent: PaymentIntent, method: PaymentMethod, *, authenticated: bool) -> Charge:
    """The bank holds the money; nothing is taken before the capture."""
    card = CARDS[tx.token(method["id"])]
    charge = _new_charge(tx, intent, method, card, authenticated=authenticated)
    tx.insert(charge)
    if intent["capture_method"] == "manual":
        tx.record("charge.succeeded", charge)
    return charge


def decline(tx: Transaction, intent: PaymentIntent, method: PaymentMethod, reason: Decline) -> Charge:
    """The bank refuses; Stripe keeps the failed charge."""
    card = CARDS[tx.token(method["id"])]
    charge = _new_charge(tx, intent, method, card, authenticated=False)
    outcome: Outcome = {
        "network_status": "declined_by_network",
        "reason": reason.decline_code,
        "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
    if reason.advice_code:
        outcome["advice_code"] = reason.advice_code
    charge["outcome"] = outcome
    charge["status"] = "failed"
    charge["paid"] = False
    charge["failure_code"] = reason.code
    charge["failure_message"] = reason.message
    tx.insert(charge)
    tx.record("charge.failed", charge)
    return charge


def take(tx: Transaction, charge: Charge, amount: int, *, announce: str) -> None:
    """Capture `amount` of the hold, less the fee, into the platform's balance; `announce` names the event."""
    at_once = CARDS[tx.token(charge["payment_method"])].behaviour is Behaviour.AVAILABLE_AT_ONCE
    movement = new_balance_transaction(
        amount=amount,
        fee=fee_minor(amount),
        currency=charge["currency"],
        source=charge["id"],
        kind="charge",
        created=tx.created,
        available_on=tx.created if at_once else tx.created + SETTLEMENT_S,
    )
    tx.insert(movement)
    charge["captured"] = True
    charge["amount_captured"] = amount
    charge["balance_transaction"] = movement["id"]
    tx.save(charge)
    tx.record(announce, charge)


def release(tx: Transaction, charge: Charge) -> None:
    """Give the hold back: Stripe shows an uncaptured charge as refunded, without a refund object."""
    charge["amount_refunded"] = charge["amount"]
    charge["refunded"] = True
    tx.save(charge)
    tx.record("charge.refunded", charge)


def _new_charge(
    tx: Transaction, intent: PaymentIntent, method: PaymentMethod, card: Card, *, authenticated: bool
) -> Charge:
    manual = intent["capture_method"] == "manual"
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "captured": False,
        "created": tx.created,
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "destination": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                "brand": card.brand,
                "capture_before": tx.created + HOLD_S if manual else None,
                "last4": card.last4,
                "three_d_secure": {"result": "authenticated", "version": "2.2.0"} if authenticated else None,
            },
            "type": "card",
        },
        "receipt_email": None,
        "refunded": False,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
