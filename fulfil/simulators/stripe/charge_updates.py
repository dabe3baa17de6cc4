"""What may still be said about a charge after it was made."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe.addresses import read_shipping
from fulfil.simulators.stripe.amending import amend_object
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.customers import existing_customer
from fulfil.simulators.stripe.errors import JsonObject, invalid_parameter, missing_resource
from fulfil.simulators.stripe.transaction import Transaction

TEXTS = ("description", "receipt_email", "transfer_group")
SHIPPING = "address name phone carrier tracking_number"


def update_charge(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/charges/{id}`: texts, metadata, shipping, a report of fraud, and a customer where there is none."""
    charge, parameters = tx.find("charge", call.identity), call.parameters
    if charge is None:
        raise missing_resource("charge", call.identity, param="charge")
    customer = parameters.text("customer")
    if customer is not None and customer != charge["customer"]:
        if charge["customer"] is not None:
            raise invalid_parameter("customer", f"Charge {call.identity} has a customer already.")
        customer = existing_customer(tx, customer)["id"]
    changes: JsonObject = {"customer": customer} if customer is not None else {}
    if parameters.given("shipping"):
        changes["shipping"] = read_shipping(parameters, SHIPPING)
    report = parameters.hash("fraud_details").only("user_report").choice("user_report", ("fraudulent", "safe"))
    if report is not None:
        changes["fraud_details"] = {**cast("JsonObject", charge["fraud_details"]), "user_report": report}
    return amend_object(tx, charge, parameters, "charge.updated", TEXTS, changes)
