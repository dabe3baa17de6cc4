"""Payouts from a balance to a bank: pending, in transit, then paid or failed, and what is paid may still fail."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe import balances
from fulfil.simulators.stripe.banks import Bank, bank_for, find_bank
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter, missing_resource, wrong_state
from fulfil.simulators.stripe.money_objects import Payout
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.transaction import Transaction

SEND, ARRIVE, PAY_OUT = "send_payout", "payout_arrives", "pay_out"
DAY_S = 86_400
MAX_DESCRIPTOR = 22
INSUFFICIENT = (
    "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low. You can use "
    "the /v1/balance endpoint to view your Stripe balance (for more details, see stripe.com/docs/api#balance)."
)


def create_payout(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payouts`, out of the available balance."""
    parameters = call.parameters
    amount, currency = parameters.required_amount("amount"), parameters.currency()
    parameters.choice("source_type", ("card",))
    method = parameters.choice("method", ("instant", "standard")) or "standard"
    descriptor = parameters.text("statement_descriptor")
    if descriptor is not None and len(descriptor) > MAX_DESCRIPTOR:
        message = f"The statement descriptor must be at most {MAX_DESCRIPTOR} characters."
        raise invalid_parameter("statement_descriptor", message)
    if parameters.text("payout_method") is not None:
        raise invalid_parameter("payout_method", "This account has no financial account to pay out to.")
    destination = parameters.text("destination")
    bank = bank_for(tx, currency) if destination is None else find_bank(tx, destination)
    if bank is None:
        raise missing_resource("external account", str(destination), param="destination", status=400)
    if amount > tx.balance(currency).available:
        raise wrong_state(INSUFFICIENT, "balance_insufficient")
    payout = _new(tx, amount, currency, bank)
    payout["method"] = method
    payout["metadata"] = parameters.metadata()
    payout["description"] = parameters.text("description")
    payout["statement_descriptor"] = descriptor
    return _start(tx, payout)


def cancel_payout(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payouts/{id}/cancel`: while it is pending; the money is back at once."""
    payout = _existing(tx, call.identity)
    if payout["status"] != "pending" or payout["automatic"]:
        message = f"Payout {payout['id']} cannot be canceled because it is {payout['status']}."
        raise wrong_state(message, "payouts_not_allowed")
    _forget(tx, payout)
    payout["status"] = "canceled"
    payout["failure_balance_transaction"] = _return(tx, payout, "payout_cancel")
    tx.save(payout)
    tx.record("payout.canceled", payout)
    return payout


def reverse_payout(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/payouts/{id}/reverse`: the bank is debited by another payout of the opposite amount."""
    original = _existing(tx, call.identity)
    if original["status"] not in {"in_transit", "paid"} or original["reversed_by"] or original["original_payout"]:
        message = f"Payout {original['id']} cannot be reversed."
        raise StripeApiError(400, message, param="payout", stored=True)
    bank = find_bank(tx, original["destination"]) or bank_for(tx, original["currency"])
    payout = _new(tx, -original["amount"], original["currency"], bank)
    payout["original_payout"] = original["id"]
    payout["metadata"] = call.parameters.metadata()
    made = _start(tx, payout)
    original["reversed_by"] = payout["id"]
    tx.save(original)
    tx.record("payout.updated", original, {"reversed_by": None})
    return made


def send(tx: Transaction, payout_id: str) -> None:
    """The bank has been told."""
    payout = _found(tx, payout_id)
    if payout is not None and payout["status"] == "pending":
        payout["status"] = "in_transit"
        tx.save(payout)
        tx.record("payout.updated", payout, {"status": "pending"})


def arrive(tx: Transaction, payout_id: str) -> None:
    """The bank has booked it, or has nowhere to."""
    payout = _found(tx, payout_id)
    if payout is None or payout["status"] not in {"pending", "in_transit"}:
        return
    bank = find_bank(tx, payout["destination"])
    failure = bank.failure if bank is not None and payout["amount"] > 0 else None
    if failure is not None:
        fail_payout(tx, payout, *failure)
    else:
        pay_payout(tx, payout)


def pay_payout(tx: Transaction, payout: Payout) -> None:
    """The money is in the bank."""
    if payout["status"] not in {"pending", "in_transit"}:
        raise wrong_state(f"{payout['id']} is {payout['status']} already.", "payouts_not_allowed")
    _forget(tx, payout)
    payout["status"] = "paid"
    payout["trace_id"] = {"status": "supported", "value": f"TRACE{payout['id'][-12:].upper()}"}
    tx.save(payout)
    tx.record("payout.paid", payout)
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
        tx.save(payout)
        tx.record("payout.reconciliation_completed", payout)


def fail_payout(tx: Transaction, payout: Payout, code: str, message: str) -> None:
    """The money is back; a paid payout may fail too."""
    if payout["status"] not in {"pending", "in_transit", "paid"}:
        raise wrong_state(f"{payout['id']} is {payout['status']} already.", "payouts_not_allowed")
    _forget(tx, payout)
    payout["status"] = "failed"
    payout["failure_code"] = code
    payout["failure_message"] = message
    payout["failure_balance_transaction"] = _return(tx, payout, "payout_failure")
    tx.save(payout)
    tx.record("payout.failed", payout)


def pay_out_automatically(tx: Transaction, subject: str) -> None:
    """Once a day, while the switch is on: every available balance goes to its bank."""
    if not tx.settings.automatic_payouts:
        return
    tx.at(tx.now + DAY_S, PAY_OUT, subject)
    rows = tx.connection.execute("SELECT account, currency FROM balances WHERE available > 0 ORDER BY 1, 2").fetchall()
    for account, currency in rows:
        with tx.within(str(account)):
            payout = _new(tx, tx.balance(currency).available, currency, bank_for(tx, currency))
            payout["automatic"] = True
            payout["description"] = "STRIPE PAYOUT"
            payout["reconciliation_status"] = "in_progress"
            _claim(tx, payout)
            _start(tx, payout)


def _claim(tx: Transaction, payout: Payout) -> None:
    """Which balance transactions an automatic payout pays out, for `GET /v1/balance_transactions?payout=`."""
    tx.connection.execute(
        "INSERT INTO paid_out SELECT id, ? FROM objects WHERE account = ? AND object = 'balance_transaction' "
        "AND json_extract(body, '$.currency') = ? AND json_extract(body, '$.status') = 'available' "
        "AND id NOT IN (SELECT entry FROM paid_out)",
        (payout["id"], tx.account, payout["currency"]),
    )


def _start(tx: Transaction, payout: Payout) -> Payout:
    """Take the money and set out."""
    entry = balances.post(
        tx,
        amount=-payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
        kind="payout",
        description=payout["description"] or "STRIPE PAYOUT",
        available_on=payout["arrival_date"] if payout["amount"] < 0 else None,
    )
    payout["balance_transaction"] = entry["id"]
    if payout["automatic"]:
        tx.connection.execute("INSERT INTO paid_out VALUES (?, ?)", (entry["id"], payout["id"]))
    tx.insert(payout)
    tx.at(min(tx.now + tx.settings.payout_sent_s, payout["arrival_date"]), SEND, payout["id"])
    tx.at(payout["arrival_date"], ARRIVE, payout["id"])
    tx.record("payout.created", payout)
    return payout


def _return(tx: Transaction, payout: Payout, kind: str) -> str:
    pending = balances.inherited(tx, payout["balance_transaction"])
    entry = balances.post(
        tx,
        amount=payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
        kind=kind,
        available_on=pending["available_on"] if pending else None,
    )
    return entry["id"]


def _forget(tx: Transaction, payout: Payout) -> None:
    for deed in (SEND, ARRIVE):
        tx.forget(deed, payout["id"])


def _existing(tx: Transaction, identity: str) -> Payout:
    payout = _found(tx, identity)
    if payout is None:
        raise missing_resource("payout", identity, param="payout")
    return payout


def _found(tx: Transaction, identity: str) -> Payout | None:
    return cast("Payout | None", tx.find("payout", identity))


def _new(tx: Transaction, amount: int, currency: str, bank: Bank) -> Payout:
    return {
        "id": new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": tx.created + tx.settings.payout_arrives_s,
        "automatic": False,
        "balance_transaction": "",
        "created": tx.created,
        "currency": currency,
        "description": None,
        "destination": bank.id,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
