"""Early fraud warnings: what the card's issuer suspects before anybody disputes."""

from typing import cast

from fulfil.simulators.stripe.money_objects import Charge, EarlyFraudWarning
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.transaction import Transaction

KIND = "radar.early_fraud_warning"
FRAUD_TYPES = (
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)


def warn(tx: Transaction, charge: Charge, fraud_type: str = "unauthorized_use_of_card") -> EarlyFraudWarning:
    """The issuer warns; it can be acted upon until the charge is disputed or refunded."""
    warning: EarlyFraudWarning = {
        "id": new_id("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": not charge["disputed"] and not charge["refunded"],
        "charge": charge["id"],
        "created": tx.created,
        "fraud_type": fraud_type,
        "livemode": False,
    }
    if charge["payment_intent"] is not None:
        warning["payment_intent"] = charge["payment_intent"]
    tx.insert(warning)
    tx.record(f"{KIND}.created", warning)
    return warning


def warn_by_card(tx: Transaction, charge_id: str) -> None:
    """A test card's issuer warns."""
    charge = tx.charge(charge_id)
    if charge is not None:
        warn(tx, charge)


def note_refund(tx: Transaction, charge: Charge) -> None:
    """After a full refund or a dispute there is nothing left to do about a warning."""
    if not (charge["refunded"] or charge["disputed"]):
        return
    condition = f"object = '{KIND}' AND json_extract(body, '$.charge') = ?"
    for _, body in tx.select(condition, (charge["id"],)):
        warning = cast("EarlyFraudWarning", body)
        if warning["actionable"]:
            warning["actionable"] = False
            tx.save(warning)
            tx.record(f"{KIND}.updated", warning, {"actionable": True})
