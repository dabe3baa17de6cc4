"""Transfers to connected accounts: out of one charge, or out of the available balance."""

from collections.abc import Mapping

from fulfil.simulators.stripe import balances
from fulfil.simulators.stripe.accounts import receives_transfers
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.charges import plain_charge
from fulfil.simulators.stripe.currencies import shown
from fulfil.simulators.stripe.errors import (
    StripeApiError,
    invalid_parameter,
    missing_resource,
    wrong_state,
)
from fulfil.simulators.stripe.money_objects import Charge, Transfer
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.transaction import Transaction

INSUFFICIENT = (
    "You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance "
    "by creating Charges using the 4000000000000077 test card. See: "
    "https://stripe.com/docs/testing#available-balance"
)


def create_transfer(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/transfers`."""
    parameters = call.parameters
    currency, destination = parameters.currency(), parameters.required_text("destination")
    amount = parameters.required_amount("amount")
    parameters.choice("source_type", ("card",))
    metadata, group = parameters.metadata(), parameters.text("transfer_group")
    description = parameters.text("description")
    _check_destination(tx, destination)
    source = parameters.text("source_transaction")
    charge = _source(tx, source, amount, currency) if source else None
    pending = balances.inherited(tx, charge["balance_transaction"]) if charge else None
    if pending is None and amount > tx.balance(currency).available:
        raise wrong_state(INSUFFICIENT, "balance_insufficient")
    identity = new_id("tr")
    entry = balances.post(
        tx,
        amount=-amount,
        currency=currency,
        source=identity,
        kind="transfer",
        description=description,
        available_on=pending["available_on"] if pending else None,
    )
    transfer: Transfer = {
        "id": identity,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": entry["id"],
        "created": tx.created,
        "currency": currency,
        "description": description,
        "destination": destination,
        "destination_payment": new_id("py"),
        "livemode": False,
        "metadata": metadata,
        "reversals": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/transfers/{identity}/reversals",
        },
        "reversed": False,
        "source_transaction": source,
        "source_type": "card",
        "transfer_group": group or _group_of(charge),
    }
    tx.insert(transfer)
    with tx.within(destination):
        _receive(tx, transfer, entry["available_on"])
    tx.record("transfer.created", transfer)
    return transfer


def _check_destination(tx: Transaction, destination: str) -> None:
    if tx.account:
        raise invalid_parameter("destination", "Only the platform can transfer to connected accounts.")
    account = tx.connected_account(destination)
    if account is None or account.get("closed"):
        raise missing_resource("destination", destination, param="destination", status=400)
    if not receives_transfers(account):
        message = (
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments"
        )
        raise wrong_state(message, "insufficient_capabilities_for_transfer")


def _receive(tx: Transaction, transfer: Transfer, available_on: int) -> None:
    """The other side: a payment in the connected account, available when the platform's money leaves."""
    identity = transfer["destination_payment"]
    entry = balances.post(
        tx,
        amount=transfer["amount"],
        currency=transfer["currency"],
        source=identity,
        kind="payment",
        available_on=available_on,
    )
    payment = plain_charge(tx, identity, transfer["amount"], transfer["currency"])
    payment["captured"] = True
    payment["amount_captured"] = transfer["amount"]
    payment["balance_transaction"] = entry["id"]
    payment["source_transfer"] = transfer["id"]
    payment["transfer_group"] = transfer["transfer_group"]
    tx.insert(payment)


def _source(tx: Transaction, charge_id: str, amount: int, currency: str) -> Charge:
    """The charge that pays, when it can."""
    charge = tx.charge(charge_id)
    if charge is None:
        raise missing_resource("charge", charge_id, param="source_transaction", status=400)
    if not charge["captured"]:
        message = f"Cannot use an uncaptured or failed charge as a source_transaction: {charge_id}."
        raise StripeApiError(400, message, param="source_transaction", stored=True)
    if charge["currency"] != currency:
        message = (
            f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the same as the "
            f"transfer currency ({currency})"
        )
        raise invalid_parameter("currency", message)
    moved = sum(one["amount"] - one["amount_reversed"] for one in tx.transfers_from(charge_id))
    if moved + amount > charge["amount_captured"]:
        limit = shown(charge["amount_captured"], currency)
        message = f"Transfers using this transaction as a source must not exceed the source amount of {limit}."
        if moved:
            already = shown(moved, currency)
            message += f" (There is already a transfer using this source, amounting to {already}.)"
        raise StripeApiError(400, message, param="amount", stored=True)
    return charge


def _group_of(charge: Charge | None) -> str | None:
    if charge is None:
        return None
    return charge["transfer_group"] or f"group_{charge['id']}"
