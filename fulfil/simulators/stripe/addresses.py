"""Addresses, shipping and billing details as parameters give them and as objects show them."""

from fulfil.simulators.stripe.errors import missing_parameter
from fulfil.simulators.stripe.objects import Address, BillingDetails, Json
from fulfil.simulators.stripe.parameters import Parameters

NO_ADDRESS: Address = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def read_address(parameters: Parameters, name: str) -> Address | None:
    """An address hash; None when it is absent or empty."""
    given = parameters.hash(name).only("city country line1 line2 postal_code state")
    if not given.values:
        return None
    return {
        "city": given.text("city"),
        "country": given.text("country"),
        "line1": given.text("line1"),
        "line2": given.text("line2"),
        "postal_code": given.text("postal_code"),
        "state": given.text("state"),
    }


def read_shipping(parameters: Parameters, allowed: str) -> Json | None:
    """Where something is sent: `address` and `name` are needed; `allowed` names the fields."""
    given = parameters.hash("shipping").only(allowed)
    if not given.values:
        return None
    address = read_address(given, "address")
    if address is None:
        raise missing_parameter(given.name("address"))
    shipping: Json = {"address": address, "name": given.required_text("name")}
    for field in ("phone", "carrier", "tracking_number"):
        if field in allowed.split():
            shipping[field] = given.text(field)
    return shipping


def read_billing_details(parameters: Parameters, present: BillingDetails | None = None) -> BillingDetails:
    """Who a card belongs to, over what is known."""
    given = parameters.hash("billing_details").only("address email name phone tax_id")
    details: BillingDetails = present or {
        "address": NO_ADDRESS,
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    }
    return {
        "address": (read_address(given, "address") or NO_ADDRESS) if given.given("address") else details["address"],
        "email": given.email("email") if given.given("email") else details["email"],
        "name": given.text("name") if given.given("name") else details["name"],
        "phone": given.text("phone") if given.given("phone") else details["phone"],
        "tax_id": given.text("tax_id") if given.given("tax_id") else details["tax_id"],
    }
