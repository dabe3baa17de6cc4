"""The capture of what a card holds, and the end of a hold that was never captured."""

from collections.abc import Mapping

from fulfil.simulators.stripe import charges
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter, missing_resource, wrong_state
from fulfil.simulators.stripe.intent_parameters import describe_payment
from fulfil.simulators.stripe.money_objects import Charge
from fulfil.simulators.stripe.objects import PaymentIntent
from fulfil.simulators.stripe.transaction import Transaction

EXPIRE = charges.EXPIRE
EXPIRED = (
    "The charge cannot be captured as the authorization has expired. Auth and capture charges must be captured within "
    "a set number of days (7 by default)."
)


def capture_payment_intent(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payment_intents/{id}/capture`: all or a part; what is left of the hold is released."""
    intent = tx.payment_intent(call.identity)
    if intent is None:
        raise missing_resource("payment_intent", call.identity, param="intent")
    amount = call.parameters.amount("amount_to_capture")
    if not call.parameters.flag("final_capture", default=True):
        raise invalid_parameter("final_capture", "Multicapture is not enabled on this account.")
    if call.parameters.amount("application_fee_amount") is not None or call.parameters.hash("transfer_data").values:
        raise invalid_parameter("application_fee_amount", "This PaymentIntent has no destination account.")
    metadata = call.parameters.merged_metadata(intent["metadata"])
    if intent["status"] != "requires_capture":
        raise _cannot_capture(intent)
    amount = intent["amount_capturable"] if amount is None else amount
    if amount > intent["amount_capturable"]:
        message = "The requested capture amount is greater than the amount you can capture for this charge."
        raise wrong_state(message, "amount_too_large", extra={"param": "amount_to_capture"})
    charge = tx.charge(intent["latest_charge"] or "")
    if charge is None:
        raise missing_resource("charge", str(intent["latest_charge"]), param="intent")
    intent["metadata"] = metadata
    describe_payment(intent, call.parameters)
    _describe(charge, call)
    _take(tx, intent, charge, amount)
    return intent


def capture_charge(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/charges/{id}/capture`: the older way to capture the same hold."""
    charge = tx.charge(call.identity)
    if charge is None:
        raise missing_resource("charge", call.identity, param="charge")
    amount = call.parameters.amount("amount")
    if charge["captured"]:
        raise wrong_state(f"Charge {charge['id']} has already been captured.", "charge_already_captured")
    intent = tx.payment_intent(charge["payment_intent"] or "")
    if intent is not None and intent["cancellation_reason"] == "automatic":
        raise wrong_state(EXPIRED, "charge_expired_for_capture")
    if charge["refunded"]:
        raise wrong_state(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if intent is None or intent["status"] != "requires_capture":
        raise StripeApiError(400, f"Charge {charge['id']} cannot be captured.", param="charge", stored=True)
    amount = charge["amount"] if amount is None else amount
    if amount > charge["amount"]:
        message = "The requested capture amount is greater than the amount you can capture for this charge."
        raise wrong_state(message, "amount_too_large", extra={"param": "amount"})
    _describe(charge, call)
    charge["receipt_email"] = call.parameters.email("receipt_email") or charge["receipt_email"]
    charge["transfer_group"] = call.parameters.text("transfer_group") or charge["transfer_group"]
    _take(tx, intent, charge, amount)
    return charge


def expire(tx: Transaction, charge_id: str) -> None:
    """The bank's hold has ended: the payment is canceled."""
    charge = tx.charge(charge_id)
    if charge is None or charge["captured"] or charge["refunded"]:
        return
    charges.release(tx, charge, announce="charge.expired")
    intent = tx.payment_intent(charge["payment_intent"] or "")
    if intent is None or intent["status"] != "requires_capture":
        return
    intent["status"] = "canceled"
    intent["canceled_at"] = tx.created
    intent["cancellation_reason"] = "automatic"
    intent["amount_capturable"] = 0
    tx.save(intent)
    tx.record("payment_intent.canceled", intent)


def _take(tx: Transaction, intent: PaymentIntent, charge: Charge, amount: int) -> None:
    charges.take(tx, charge, amount, announce="charge.captured")
    intent["status"] = "succeeded"
    intent["amount_received"] = amount
    intent["amount_capturable"] = 0
    tx.save(intent)
    tx.record("payment_intent.succeeded", intent)


def _describe(charge: Charge, call: Call) -> None:
    """What the customer's statement says may be settled as late as the capture."""
    descriptor = call.parameters.text("statement_descriptor")
    suffix = call.parameters.text("statement_descriptor_suffix")
    if descriptor is not None:
        charge["statement_descriptor"] = descriptor
    if suffix is not None:
        charge["statement_descriptor_suffix"] = suffix
        charge["calculated_statement_descriptor"] = f"{charges.DESCRIPTOR}* {suffix}"


def _cannot_capture(intent: PaymentIntent) -> StripeApiError:
    if intent["cancellation_reason"] == "automatic":
        return wrong_state(EXPIRED, "capture_charge_authorization_expired", extra={"payment_intent": intent})
    if intent["status"] == "succeeded":
        reason = "it has already been captured."
    else:
        reason = (
            f"it has a status of {intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture."
        )
    message = f"This PaymentIntent could not be captured because {reason}"
    return wrong_state(message, "payment_intent_unexpected_state", extra={"payment_intent": intent})
