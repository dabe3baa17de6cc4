"""Reversals: a transfer's money comes back, wholly or in parts, as far as the connected account still has it."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe import balances
from fulfil.simulators.stripe.amending import amend_object
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.currencies import shown
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError, missing_resource, wrong_state
from fulfil.simulators.stripe.listing import Condition, page
from fulfil.simulators.stripe.money_objects import Refund, Transfer, TransferReversal
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.transaction import Transaction

KIND = "transfer_reversal"
SHOWN_IN_TRANSFER = 10
INSUFFICIENT = "The connected account has insufficient available funds for this reversal."


def create_reversal(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/transfers/{id}/reversals`."""
    transfer = _transfer(tx, call)
    amount = call.parameters.amount("amount")
    metadata, description = call.parameters.metadata(), call.parameters.text("description")
    call.parameters.flag("refund_application_fee", default=False)
    left = transfer["amount"] - transfer["amount_reversed"]
    if left == 0:
        message = f"Transfer {transfer['id']} is already fully reversed."
        raise StripeApiError(400, message, param="id", stored=True)
    amount = left if amount is None else amount
    if amount > left:
        asked, possible = (shown(value, transfer["currency"]) for value in (amount, left))
        message = f"Reversal amount ({asked}) is greater than unreversed amount on transfer ({possible})"
        raise StripeApiError(400, message, param="amount", stored=True)
    identity, refund_id = new_id("trr"), new_id("pyr")
    with tx.within(transfer["destination"]):
        available_on = _give_back(tx, transfer, amount, refund_id, identity)
    entry = balances.post(
        tx,
        amount=amount,
        currency=transfer["currency"],
        source=identity,
        kind="transfer_refund",
        description=description or f"REFUND FOR TRANSFER ({transfer['id']})",
        available_on=available_on,
    )
    reversal: TransferReversal = {
        "id": identity,
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": entry["id"],
        "created": tx.created,
        "currency": transfer["currency"],
        "destination_payment_refund": refund_id,
        "metadata": metadata,
        "source_refund": None,
        "transfer": transfer["id"],
    }
    tx.insert(reversal)
    before: JsonObject = {"amount_reversed": transfer["amount_reversed"], "reversed": transfer["reversed"]}
    _show(transfer, reversal)
    tx.save(transfer)
    tx.record("transfer.reversed", transfer, {name: old for name, old in before.items() if transfer.get(name) != old})
    return reversal


def retrieve_reversal(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/transfers/{id}/reversals/{reversal}`."""
    return _existing(tx, call)


def update_reversal(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/transfers/{id}/reversals/{reversal}`: its metadata."""
    reversal = amend_object(tx, _existing(tx, call), call.parameters, "")
    transfer = _transfer(tx, call)
    shown = cast("list[JsonObject]", transfer["reversals"]["data"])
    transfer["reversals"]["data"] = [reversal if one["id"] == reversal["id"] else one for one in shown]
    tx.save(transfer)
    tx.record("transfer.updated", transfer)
    return reversal


def list_reversals(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/transfers/{id}/reversals`."""
    transfer = _transfer(tx, call)
    condition = Condition(["object = ?", "json_extract(body, '$.transfer') = ?"], [KIND, transfer["id"]])
    return page(tx, call.parameters, condition, KIND, transfer["reversals"]["url"])


def _give_back(tx: Transaction, transfer: Transfer, amount: int, refund_id: str, reversal: str) -> int | None:
    """The connected account's side; answers when the money leaves it, None for at once."""
    payment = tx.charge(transfer["destination_payment"])
    if payment is None:
        raise missing_resource("charge", transfer["destination_payment"], param="id")
    pending = balances.inherited(tx, payment["balance_transaction"])
    balance = tx.balance(transfer["currency"])
    if amount > balance.available + (balance.pending if pending else 0):
        raise wrong_state(INSUFFICIENT, "balance_insufficient")
    available_on = pending["available_on"] if pending else None
    entry = balances.post(
        tx,
        amount=-amount,
        currency=transfer["currency"],
        source=refund_id,
        kind="payment_refund",
        description="REFUND FOR PAYMENT",
        available_on=available_on,
    )
    refund: Refund = {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": entry["id"],
        "charge": payment["id"],
        "created": tx.created,
        "currency": transfer["currency"],
        "customer": None,
        "customer_account": None,
        "destination_details": {"type": "stripe_account"},
        "metadata": {},
        "payment_intent": None,
        "payment_method": None,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": reversal,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    tx.insert(refund)
    payment["amount_refunded"] += amount
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    tx.save(payment)
    return available_on


def _show(transfer: Transfer, reversal: TransferReversal) -> None:
    shown = transfer["reversals"]
    transfer["amount_reversed"] += reversal["amount"]
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    newest = [reversal, *shown["data"]]
    shown["data"] = newest[:SHOWN_IN_TRANSFER]
    shown["has_more"] = shown["has_more"] or len(newest) > SHOWN_IN_TRANSFER


def _transfer(tx: Transaction, call: Call) -> Transfer:
    found = tx.find("transfer", call.identity)
    if found is None:
        raise missing_resource("transfer", call.identity, param="id")
    return cast("Transfer", found)


def _existing(tx: Transaction, call: Call) -> JsonObject:
    identity = call.ids["reversal"]
    found = tx.find(KIND, identity)
    if found is None or found["transfer"] != call.identity:
        raise missing_resource("transfer reversal", identity, param="reversal")
    return found
