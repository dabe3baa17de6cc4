"""Top-ups: money put into the balance from the platform's bank."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe import balances
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import missing_resource, wrong_state
from fulfil.simulators.stripe.money_objects import Topup
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.transaction import Transaction

ARRIVE = "topup_arrives"


def create_topup(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/topups`: pending until the bank has paid."""
    parameters = call.parameters
    amount, currency = parameters.required_amount("amount"), parameters.currency()
    topup = new_topup(tx, amount, currency)
    topup["description"] = parameters.text("description")
    topup["metadata"] = parameters.metadata()
    topup["statement_descriptor"] = parameters.text("statement_descriptor")
    topup["transfer_group"] = parameters.text("transfer_group")
    tx.insert(topup)
    tx.at(tx.now + tx.settings.topup_arrives_s, ARRIVE, topup["id"])
    tx.record("topup.created", topup)
    return topup


def cancel_topup(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/topups/{id}/cancel`: while it is pending."""
    topup = _found(tx, call.identity)
    if topup is None:
        raise missing_resource("topup", call.identity, param="topup")
    if topup["status"] != "pending":
        message = f"Top-up {topup['id']} cannot be canceled because it is {topup['status']}."
        raise wrong_state(message, "status_transition_invalid")
    tx.forget(ARRIVE, topup["id"])
    topup["status"] = "canceled"
    tx.save(topup)
    tx.record("topup.canceled", topup)
    return topup


def add_funds(tx: Transaction, amount: int, currency: str) -> Topup:
    """Put money into the available balance at once."""
    topup = new_topup(tx, amount, currency)
    tx.insert(topup)
    tx.record("topup.created", topup)
    arrive(tx, topup["id"])
    return cast("Topup", tx.find("topup", topup["id"]))


def arrive(tx: Transaction, topup_id: str) -> None:
    """The bank has paid."""
    topup = _found(tx, topup_id)
    if topup is None or topup["status"] != "pending":
        return
    entry = balances.post(
        tx,
        amount=topup["amount"],
        currency=topup["currency"],
        source=topup["id"],
        kind="topup",
        description=topup["description"],
    )
    topup["balance_transaction"] = entry["id"]
    topup["status"] = "succeeded"
    tx.save(topup)
    tx.record("topup.succeeded", topup)
    balances.announce(tx)


def new_topup(tx: Transaction, amount: int, currency: str) -> Topup:
    """A pending top-up, not kept yet."""
    return {
        "id": new_id("tu"),
        "object": "topup",
        "amount": amount,
        "balance_transaction": None,
        "created": tx.created,
        "currency": currency,
        "description": None,
        "expected_availability_date": tx.created + tx.settings.topup_arrives_s,
        "failure_code": None,
        "failure_message": None,
        "initiated_by": "user",
        "livemode": False,
        "metadata": {},
        "source": None,
        "statement_descriptor": None,
        "status": "pending",
        "transfer_group": None,
    }


def _found(tx: Transaction, identity: str) -> Topup | None:
    return cast("Topup | None", tx.find("topup", identity))
