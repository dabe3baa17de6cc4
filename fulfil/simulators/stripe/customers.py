"""Customers: who pays, and which cards they keep."""

import secrets
from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe.addresses import read_address, read_shipping
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, invalid_parameter, missing_resource
from fulfil.simulators.stripe.listing import Condition, page
from fulfil.simulators.stripe.objects import Customer, InvoiceSettings, new_id
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.payment_methods import attach_method, detach_method, of_kind, retrieve_method
from fulfil.simulators.stripe.previous import previous_attributes
from fulfil.simulators.stripe.transaction import Transaction

TEXTS = ("description", "invoice_prefix", "name", "phone")
NUMBERS = ("balance", "next_invoice_sequence")
NAMES = ("business_name", "individual_name")
SHIPPING = "address name phone"
TAX_EXEMPT = ("none", "exempt", "reverse")


def create_customer(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/customers`."""
    customer = _new_customer(tx)
    _change(tx, customer, call.parameters)
    tx.insert(customer)
    tx.record("customer.created", customer)
    method = call.parameters.text("payment_method")
    if method is not None:
        attached = attach_method(tx, method, customer["id"])
        if customer["invoice_settings"]["default_payment_method"] == method:
            customer["invoice_settings"]["default_payment_method"] = attached["id"]
            tx.save(customer)
    return customer


def retrieve_customer(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/customers/{id}`; a deleted one is still known by its id."""
    found = tx.find("customer", call.identity)
    if found is None:
        raise missing_resource("customer", call.identity, param="id")
    return found


def update_customer(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/customers/{id}`."""
    customer = existing_customer(tx, call.identity, param="id", status=404)
    before = cast("JsonObject", customer).copy()
    before["invoice_settings"] = dict(customer["invoice_settings"])
    _change(tx, customer, call.parameters)
    tx.save(customer)
    tx.record("customer.updated", customer, previous_attributes(before, customer))
    return customer


def delete_customer(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`DELETE /v1/customers/{id}`: for ever; the cards are detached."""
    customer = existing_customer(tx, call.identity, param="id", status=404)
    for _, method in _methods(tx, customer["id"]):
        detach_method(tx, str(method["id"]))
    tombstone: JsonObject = {"id": customer["id"], "object": "customer", "deleted": True}
    tx.save(tombstone)
    tx.record("customer.deleted", customer)
    return tombstone


def list_customers(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/customers`, by `email`."""
    condition = Condition(["object = 'customer'", "json_extract(body, '$.deleted') IS NULL"], [])
    email = call.parameters.text("email")
    if email is not None:
        condition.add("json_extract(body, '$.email') = ?", email)
    return page(tx, call.parameters, condition, "customer", "/v1/customers")


def list_customer_methods(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/customers/{id}/payment_methods`."""
    customer = existing_customer(tx, call.identity, param="customer", status=404)
    condition = of_kind(call)
    condition.add("json_extract(body, '$.customer') = ?", customer["id"])
    redisplay = call.parameters.choice("allow_redisplay", ("always", "limited", "unspecified"))
    if redisplay is not None:
        condition.add("json_extract(body, '$.allow_redisplay') = ?", redisplay)
    url = f"/v1/customers/{customer['id']}/payment_methods"
    return page(tx, call.parameters, condition, "payment_method", url)


def retrieve_customer_method(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/customers/{id}/payment_methods/{payment_method}`."""
    customer = existing_customer(tx, call.identity, param="customer", status=404)
    method = tx.payment_method(call.ids["payment_method"])
    if method is None or method["customer"] != customer["id"]:
        raise missing_resource("PaymentMethod", call.ids["payment_method"], param="payment_method")
    return method


def existing_customer(tx: Transaction, identity: str, *, param: str = "customer", status: int = 400) -> Customer:
    """A customer that was not deleted."""
    found = tx.find("customer", identity)
    if found is None or found.get("deleted"):
        raise missing_resource("customer", identity, param=param, status=status)
    return cast("Customer", found)


def _methods(tx: Transaction, customer: str) -> list[tuple[int, JsonObject]]:
    return tx.select("object = 'payment_method' AND json_extract(body, '$.customer') = ?", (customer,))


def _new_customer(tx: Transaction) -> Customer:
    return {
        "id": new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "cash_balance": None,
        "created": tx.created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _change(tx: Transaction, customer: Customer, parameters: Parameters) -> None:
    """Write what was given; an empty value unsets."""
    fields = cast("JsonObject", customer)
    for name in TEXTS:
        if parameters.given(name):
            fields[name] = parameters.text(name)
    fields |= {name: parameters.required_text(name) for name in NAMES if parameters.given(name)}
    fields |= {name: parameters.integer(name) or 0 for name in NUMBERS if parameters.given(name)}
    if parameters.given("email"):
        customer["email"] = parameters.email("email")
    if parameters.given("address"):
        customer["address"] = read_address(parameters, "address")
    if parameters.given("shipping"):
        customer["shipping"] = read_shipping(parameters, SHIPPING)
    if parameters.given("preferred_locales"):
        customer["preferred_locales"] = parameters.texts("preferred_locales") or []
    if parameters.given("tax_exempt"):
        customer["tax_exempt"] = parameters.choice("tax_exempt", TAX_EXEMPT) or "none"
    customer["metadata"] = parameters.merged_metadata(customer["metadata"])
    if parameters.given("invoice_settings"):
        customer["invoice_settings"] = _invoice_settings(tx, customer, parameters)


def _invoice_settings(tx: Transaction, customer: Customer, parameters: Parameters) -> InvoiceSettings:
    given = parameters.hash("invoice_settings").only("default_payment_method footer")
    settings = customer["invoice_settings"]
    if given.given("footer"):
        settings["footer"] = given.text("footer")
    if given.given("default_payment_method"):
        identity = given.text("default_payment_method")
        if identity is not None and identity != parameters.text("payment_method"):
            method = retrieve_method(tx, identity, param=given.name("default_payment_method"))
            if method["customer"] != customer["id"]:
                message = (
                    f"The customer does not have a payment method with the ID {identity}. The payment method must be "
                    "attached to the customer."
                )
                raise invalid_parameter(given.name("default_payment_method"), message, "resource_missing")
        settings["default_payment_method"] = identity
    return settings
