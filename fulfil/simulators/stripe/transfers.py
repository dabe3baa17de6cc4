"""Transfers to connected accounts: out of one charge, or out of the available balance."""

from collections.abc import Mapping

from fulfil.models.money import format_money
from fulfil.simulators.stripe.accounts import receives_transfers
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import (
    StripeApiError,
    invalid_parameter,
    missing_resource,
    wrong_state,
)
from fulfil.simulators.stripe.objects import Charge, Transfer, new_balance_transaction, new_id
from fulfil.simulators.stripe.transaction import Transaction


def create_transfer(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/transfers`."""
    parameters = call.parameters
    amount, currency = parameters.required_amount("amount"), parameters.currency()
    destination = parameters.required_text("destination")
    parameters.choice("source_type", ("card",))
    metadata, group = parameters.metadata(), parameters.text("transfer_group")
    description = parameters.text("description")
    account = tx.find("v2.core.account", destination)
    if account is None:
        raise missing_resource("destination", destination, param="destination", status=400)
    if not receives_transfers(account):
        message = "Your destination account needs to have at least one of the following capabilities enabled: transfers"
        raise wrong_state(message, "insufficient_capabilities_for_transfer")
    source = parameters.text("source_transaction")
    charge = _source(tx, source, amount, currency) if source else None
    if charge is None and amount > tx.available_balance(currency):
        message = "You have insufficient available funds in your Stripe account."
        raise wrong_state(message, "balance_insufficient")
    transfer: Transfer = {
        "id": (identity := new_id("tr")),
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": _move_balance(tx, identity, amount, currency, charge),
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
            "total_count": 0,
            "url": f"/v1/transfers/{identity}/reversals",
        },
        "reversed": False,
        "source_transaction": source,
        "source_type": "card",
        "transfer_group": group or _group_of(charge),
    }
    tx.insert(transfer)
    tx.record("transfer.created", transfer)
    return transfer


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
    moved = sum(transfer["amount"] for transfer in tx.transfers_from(charge_id))
    if moved + amount > charge["amount_captured"]:
        limit = format_money(charge["amount_captured"], currency)
        message = f"Transfers using this transaction as a source must not exceed the source amount of {limit}."
        if moved:
            already = format_money(moved, currency)
            message += f" (There is already a transfer using this source, amounting to {already}.)"
        raise StripeApiError(400, message, param="amount", stored=True)
    return charge


def _group_of(charge: Charge | None) -> str | None:
    if charge is None:
        return None
    return charge["transfer_group"] or f"group_{charge['id']}"


def _move_balance(tx: Transaction, identity: str, amount: int, currency: str, charge: Charge | None) -> str:
    """A transfer out of a charge leaves the balance when the charge's money arrives in it."""
    paid = tx.balance_transaction(charge["balance_transaction"] or "") if charge else None
    movement = new_balance_transaction(
        amount=-amount,
        fee=0,
        currency=currency,
        source=identity,
        kind="transfer",
        created=tx.created,
        available_on=max(tx.created, paid["available_on"]) if paid else tx.created,
    )
    tx.insert(movement)
    return movement["id"]
