"""Charges: a bank's answer, the capture of what it held, and Stripe's fee."""

from typing import cast

from fulfil.simulators.stripe import balances
from fulfil.simulators.stripe.cards import CARDS, Behaviour, Card, Decline
from fulfil.simulators.stripe.currencies import rounded
from fulfil.simulators.stripe.money_objects import Charge, Outcome, PaymentMethodDetails
from fulfil.simulators.stripe.objects import Json, PaymentIntent, PaymentMethod, new_id
from fulfil.simulators.stripe.previous import previous_attributes
from fulfil.simulators.stripe.transaction import Transaction

FEE_BASIS_POINTS, FEE_FIXED = 150, 25
EXPIRE, DISPUTE, WARN = "expire_hold", "open_dispute", "warn_of_fraud"
DISPUTED = frozenset([Behaviour.DISPUTED_AS_FRAUD, Behaviour.DISPUTED_AS_NOT_RECEIVED, Behaviour.INQUIRED])
DESCRIPTOR = "FULFIL"
RISK_SCORES = {"normal": 12, "elevated": 68, "highest": 92}


def fee_minor(amount: int, currency: str) -> int:
    """Stripe's price of a charge: 1.5 % (half a unit rounds up) and 25, in units that can be moved."""
    return min(amount, rounded((amount * FEE_BASIS_POINTS + 5_000) // 10_000 + FEE_FIXED, currency))


def card_of(tx: Transaction, charge: Charge) -> Card | None:
    """The test card that paid; None for a payment that is a transfer's other side."""
    method = charge["payment_method"]
    return CARDS[tx.token(method)] if method is not None else None


def authorise(tx: Transaction, intent: PaymentIntent, method: PaymentMethod, *, authenticated: bool) -> Charge:
    """The bank holds the money; nothing is taken before the capture."""
    card = CARDS[tx.token(method["id"])]
    charge = _new_charge(tx, intent, method, card, authenticated=authenticated)
    tx.insert(charge)
    if intent["capture_method"] == "manual":
        tx.at(tx.created + tx.settings.hold_s, EXPIRE, charge["id"])
        tx.record("charge.succeeded", charge)
    return charge


def decline(tx: Transaction, intent: PaymentIntent, method: PaymentMethod, reason: Decline) -> Charge:
    """The bank refuses, or Stripe's fraud rules do; the failed charge is kept."""
    card = CARDS[tx.token(method["id"])]
    charge = _new_charge(tx, intent, method, card, authenticated=False)
    blocked = reason.blocked
    outcome: Outcome = {
        "advice_code": reason.advice_code,
        "network_advice_code": None,
        "network_decline_code": None if blocked else "05",
        "network_status": "not_sent_to_network" if blocked else "declined_by_network",
        "reason": "highest_risk_level" if blocked else reason.decline_code,
        "risk_level": "highest" if blocked else card.risk_level,
        "risk_score": RISK_SCORES["highest" if blocked else card.risk_level],
        "seller_message": "Stripe blocked this payment as too risky."
        if blocked
        else "The bank did not return any further details with this decline.",
        "type": "blocked" if blocked else "issuer_declined",
    }
    charge["outcome"] = outcome
    charge["status"] = "failed"
    charge["paid"] = False
    charge["receipt_url"] = None
    charge["failure_code"] = reason.code
    charge["failure_message"] = reason.message
    charge["payment_method_details"].get("card", {}).pop("capture_before", None)
    tx.insert(charge)
    tx.record("charge.failed", charge)
    return charge


def take(tx: Transaction, charge: Charge, amount: int, *, announce: str) -> None:
    """Capture `amount` of the hold, less the fee, into the balance; `announce` names the event."""
    before = dict(charge)
    card = card_of(tx, charge)
    behaviour = card.behaviour if card else Behaviour.PAYS
    at_once = behaviour is Behaviour.AVAILABLE_AT_ONCE
    charge["captured"] = True
    charge["amount_captured"] = amount
    entry = balances.post(
        tx,
        amount=amount,
        fee=fee_minor(amount, charge["currency"]),
        currency=charge["currency"],
        source=charge["id"],
        kind="charge",
        description=charge["description"],
        available_on=tx.created if at_once else tx.created + tx.settings.availability_s,
    )
    charge["balance_transaction"] = entry["id"]
    tx.save(charge)
    tx.forget(EXPIRE, charge["id"])
    tx.record(announce, charge, previous_attributes(before, charge) if announce == "charge.captured" else None)
    if behaviour in DISPUTED:
        tx.at(tx.now + tx.settings.dispute_opens_s, DISPUTE, charge["id"])
    if behaviour is Behaviour.WARNED_OF_FRAUD:
        tx.at(tx.now + tx.settings.dispute_opens_s, WARN, charge["id"])


def release(tx: Transaction, charge: Charge, *, announce: str = "charge.refunded") -> None:
    """Give the hold back: Stripe shows an uncaptured charge as refunded, without a refund object."""
    before = dict(charge)
    charge["amount_refunded"] = charge["amount"]
    charge["refunded"] = True
    tx.save(charge)
    tx.forget(EXPIRE, charge["id"])
    tx.record(announce, charge, previous_attributes(before, charge))


def plain_charge(tx: Transaction, identity: str, amount: int, currency: str) -> Charge:
    """A charge of which nothing but the amount is known yet."""
    return {
        "id": identity,
        "object": "charge",
        "amount": amount,
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": None,
        "captured": False,
        "created": tx.created,
        "currency": currency,
        "customer": None,
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": None,
        "paid": True,
        "payment_intent": None,
        "payment_method": None,
        "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def _new_charge(
    tx: Transaction, intent: PaymentIntent, method: PaymentMethod, card: Card, *, authenticated: bool
) -> Charge:
    identity = new_id("ch")
    suffix = intent["statement_descriptor_suffix"]
    charge = plain_charge(tx, identity, intent["amount"], intent["currency"])
    charge["billing_details"] = cast("Json", method["billing_details"])
    charge["calculated_statement_descriptor"] = f"{DESCRIPTOR}* {suffix}" if suffix else DESCRIPTOR
    charge["customer"] = intent["customer"]
    charge["description"] = intent["description"]
    charge["metadata"] = intent["metadata"]
    charge["outcome"] = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": card.risk_level,
        "risk_score": RISK_SCORES[card.risk_level],
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    charge["payment_intent"] = intent["id"]
    charge["payment_method"] = method["id"]
    charge["payment_method_details"] = _details(tx, intent, method, authenticated=authenticated)
    charge["receipt_email"] = intent["receipt_email"]
    charge["receipt_url"] = f"https://pay.stripe.com/receipts/payment/{identity}"
    charge["shipping"] = intent["shipping"]
    charge["statement_descriptor"] = intent["statement_descriptor"]
    charge["statement_descriptor_suffix"] = suffix
    charge["transfer_group"] = intent["transfer_group"]
    return charge


def _details(
    tx: Transaction, intent: PaymentIntent, method: PaymentMethod, *, authenticated: bool
) -> PaymentMethodDetails:
    manual = intent["capture_method"] == "manual"
    shown = method["card"]
    details: PaymentMethodDetails = {
        "card": {
            "amount_authorized": intent["amount"],
            "authorization_code": "123456",
            "brand": shown["brand"],
            "checks": cast("Json", shown["checks"]),
            "country": shown["country"],
            "electronic_commerce_indicator": None,
            "exp_month": shown["exp_month"],
            "exp_year": shown["exp_year"],
            "extended_authorization": {"status": "disabled"},
            "fingerprint": shown["fingerprint"],
            "funding": shown["funding"],
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "last4": shown["last4"],
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": shown["brand"],
            "network_token": {"used": False},
            "network_transaction_id": "104102978678771",
            "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
            "regulated_status": shown["regulated_status"],
            "three_d_secure": _authentication() if authenticated else None,
            "transaction_link_id": None,
            "wallet": None,
        },
        "type": "card",
    }
    if manual:
        details["card"]["capture_before"] = tx.created + tx.settings.hold_s
    return details


def _authentication() -> Json:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": "7c1d1b3e-0000-4000-8000-000000000001",
        "version": "2.2.0",
    }
