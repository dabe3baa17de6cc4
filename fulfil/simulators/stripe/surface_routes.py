"""The operations on customers, cards, payments, accounts and events."""

from collections.abc import Mapping
from typing import cast

from fulfil.simulators.stripe import (
    account_links,
    accounts,
    customers,
    event_destinations,
    payment_intents,
    payment_methods,
    persons,
    setup_intents,
    thin_events,
    tokens,
    webhook_endpoints,
)
from fulfil.simulators.stripe.account_views import v1_account
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, no_access_to_account
from fulfil.simulators.stripe.listing import CURSORS, PAGING, Condition, page
from fulfil.simulators.stripe.routing import Operation, Route, action, readable
from fulfil.simulators.stripe.search import searching
from fulfil.simulators.stripe.transaction import Transaction

PAGES, UNTIMED, SEARCHED = " ".join(PAGING), " ".join(CURSORS), "expand limit page query"
INTENT = "payment_intent"
DESCRIBED = (
    "allowed_payment_method_types capture_method customer description excluded_payment_method_types metadata "
    "payment_details payment_method payment_method_data payment_method_options receipt_email setup_future_usage "
    "shipping statement_descriptor statement_descriptor_suffix transfer_group"
)
CREATE_INTENT = (
    f"{DESCRIBED} amount automatic_payment_methods confirm confirmation_method currency error_on_requires_action "
    "mandate_data off_session radar_options return_url use_stripe_sdk"
)
CONFIRM_INTENT = (
    "allowed_payment_method_types amount_to_confirm capture_method client_secret error_on_requires_action "
    "excluded_payment_method_types mandate_data off_session payment_details payment_method payment_method_data "
    "payment_method_options radar_options receipt_email return_url setup_future_usage shipping use_stripe_sdk"
)
# Destination charges, stored confirmation tokens and the like: an intent's parameters that are refused as such.
UNSIMULATED = (
    "amount_details application_fee_amount confirmation_token customer_account hooks mandate on_behalf_of "
    "payment_method_configuration transfer_data"
)
INCREMENT = "amount description metadata payment_details statement_descriptor"
SETUP = (
    "allowed_payment_method_types customer description excluded_payment_method_types flow_directions metadata "
    "payment_method payment_method_data payment_method_options"
)
CREATE_SETUP = f"{SETUP} automatic_payment_methods confirm mandate_data return_url usage use_stripe_sdk"
CONFIRM_SETUP = (
    "client_secret mandate_data payment_method payment_method_data payment_method_options return_url use_stripe_sdk"
)
CUSTOMER = (
    "address balance business_name description email individual_name invoice_prefix invoice_settings metadata name "
    "next_invoice_sequence phone preferred_locales shipping tax_exempt"
)
CREATE_METHOD = "allow_redisplay billing_details card metadata type"
ACCOUNT = "configuration contact_email contact_phone dashboard defaults display_name identity include metadata"
PERSON = (
    "address date_of_birth email given_name id_numbers legal_gender metadata nationalities phone political_exposure "
    "relationship surname"
)
LISTED_EVENTS = "created limit object_id page types"
DESTINATION_KIND = "v2.core.event_destination"
ENDPOINT = "description enabled_events metadata url"
DESTINATION = "description enabled_events include metadata name webhook_endpoint"


def retrieve_v1_account(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/accounts/{id}`: the same account as `/v2` knows."""
    account = tx.connected_account(call.identity)
    if account is None:
        raise no_access_to_account(call.identity)
    return v1_account(account)


def list_v1_accounts(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/accounts`."""
    found = page(tx, call.parameters, Condition(["object = 'v2.core.account'"], []), "v2.core.account", "/v1/accounts")
    return {**found, "data": [v1_account(account) for account in cast("list[JsonObject]", found["data"])]}


def _listed(kind: str, url: str, operation: Operation, filters: str = PAGES) -> Route:
    route = action("GET", url, operation, kind, filters)
    return Route("GET", route.path, operation, kind, route.parameters, listed=True)


INTENTS = "/v1/payment_intents"
SETUPS = "/v1/setup_intents"
CUSTOMERS = "/v1/customers"
METHODS = "/v1/payment_methods"
ENDPOINTS = "/v1/webhook_endpoints"
V2_ACCOUNTS = "/v2/core/accounts"
V2_PERSON = f"{V2_ACCOUNTS}/{{id}}/persons/{{person}}"
DESTINATIONS = "/v2/core/event_destinations"

PAYMENT_ROUTES: list[Route] = [
    action(
        "POST",
        INTENTS,
        payment_intents.create_payment_intent,
        INTENT,
        CREATE_INTENT,
        unsimulated=UNSIMULATED,
    ),
    _listed(INTENT, f"{INTENTS}/search", searching(INTENT, INTENTS), SEARCHED),
    action(
        "GET",
        f"{INTENTS}/{{id}}",
        payment_intents.retrieve_payment_intent,
        INTENT,
        "client_secret",
        public=True,
    ),
    action(
        "POST",
        f"{INTENTS}/{{id}}",
        payment_intents.update_payment_intent,
        INTENT,
        f"{DESCRIBED} amount currency",
        unsimulated="amount_details application_fee_amount customer_account hooks payment_method_configuration "
        "transfer_data",
    ),
    action(
        "POST",
        f"{INTENTS}/{{id}}/confirm",
        payment_intents.confirm_payment_intent,
        INTENT,
        CONFIRM_INTENT,
        public=True,
        unsimulated="amount_details confirmation_token hooks mandate",
    ),
    action("POST", f"{INTENTS}/{{id}}/cancel", payment_intents.cancel_payment_intent, INTENT, "cancellation_reason"),
    action(
        "POST",
        f"{INTENTS}/{{id}}/increment_authorization",
        payment_intents.increment_authorization,
        INTENT,
        INCREMENT,
        unsimulated="amount_details application_fee_amount hooks transfer_data",
    ),
    readable(INTENT, INTENTS, "customer")[0],
    action(
        "POST",
        SETUPS,
        setup_intents.create_setup_intent,
        "setup_intent",
        CREATE_SETUP,
        unsimulated="attach_to_self confirmation_token customer_account on_behalf_of payment_method_configuration "
        "single_use",
    ),
    action(
        "GET",
        f"{SETUPS}/{{id}}",
        setup_intents.retrieve_setup_intent,
        "setup_intent",
        "client_secret",
        public=True,
    ),
    action(
        "POST",
        f"{SETUPS}/{{id}}",
        setup_intents.update_setup_intent,
        "setup_intent",
        SETUP,
        unsimulated="attach_to_self customer_account payment_method_configuration",
    ),
    action(
        "POST",
        f"{SETUPS}/{{id}}/confirm",
        setup_intents.confirm_setup_intent,
        "setup_intent",
        CONFIRM_SETUP,
        public=True,
        unsimulated="allowed_payment_method_types confirmation_token",
    ),
    action("POST", f"{SETUPS}/{{id}}/cancel", setup_intents.cancel_setup_intent, "setup_intent", "cancellation_reason"),
    readable("setup_intent", SETUPS, "customer payment_method")[0],
    readable("setup_attempt", "/v1/setup_attempts", "setup_intent")[0],
    action("POST", METHODS, payment_methods.create_method, "payment_method", CREATE_METHOD, public=True),
    _listed("payment_method", METHODS, payment_methods.list_methods, f"{UNTIMED} allow_redisplay customer type"),
    action("GET", f"{METHODS}/{{id}}", payment_methods.retrieve, "payment_method", ""),
    action(
        "POST",
        f"{METHODS}/{{id}}",
        payment_methods.update_method,
        "payment_method",
        "allow_redisplay billing_details card metadata",
    ),
    action(
        "POST",
        f"{METHODS}/{{id}}/attach",
        payment_methods.attach,
        "payment_method",
        "customer",
        unsimulated="customer_account",
    ),
    action("POST", f"{METHODS}/{{id}}/detach", payment_methods.detach, "payment_method", ""),
    action("POST", "/v1/tokens", tokens.create_token, "token", "card", public=True),
    readable("token", "/v1/tokens", "")[1],
]
CUSTOMER_ROUTES: list[Route] = [
    action(
        "POST",
        CUSTOMERS,
        customers.create_customer,
        "customer",
        f"{CUSTOMER} payment_method",
        unsimulated="cash_balance source tax tax_id_data test_clock validate",
    ),
    _listed("customer", f"{CUSTOMERS}/search", searching("customer", CUSTOMERS), SEARCHED),
    _listed("customer", CUSTOMERS, customers.list_customers, f"{PAGES} email"),
    action("GET", f"{CUSTOMERS}/{{id}}", customers.retrieve_customer, "customer", ""),
    action(
        "POST",
        f"{CUSTOMERS}/{{id}}",
        customers.update_customer,
        "customer",
        CUSTOMER,
        unsimulated="cash_balance default_source source tax validate",
    ),
    action("DELETE", f"{CUSTOMERS}/{{id}}", customers.delete_customer, "customer", ""),
    _listed(
        "payment_method",
        f"{CUSTOMERS}/{{id}}/payment_methods",
        customers.list_customer_methods,
        f"{UNTIMED} allow_redisplay type",
    ),
    action(
        "GET",
        f"{CUSTOMERS}/{{id}}/payment_methods/{{payment_method}}",
        customers.retrieve_customer_method,
        "payment_method",
        "",
    ),
]
EVENT_ROUTES: list[Route] = [
    *readable("event", "/v1/events", "delivery_success type types"),
    action("POST", ENDPOINTS, webhook_endpoints.create_endpoint, "webhook_endpoint", f"{ENDPOINT} api_version connect"),
    *readable("webhook_endpoint", ENDPOINTS, "", "webhook_endpoint", timed=False),
    action(
        "POST", f"{ENDPOINTS}/{{id}}", webhook_endpoints.update_endpoint, "webhook_endpoint", f"{ENDPOINT} disabled"
    ),
    action("DELETE", f"{ENDPOINTS}/{{id}}", webhook_endpoints.delete_endpoint, "webhook_endpoint", ""),
    action(
        "GET", "/v2/core/events", thin_events.list_thin_events, "v2.core.event", "created limit object_id page types"
    ),
    action("GET", "/v2/core/events/{id}", thin_events.retrieve_thin_event, "v2.core.event", ""),
    action(
        "POST",
        DESTINATIONS,
        event_destinations.create_destination,
        DESTINATION_KIND,
        f"{DESTINATION} event_payload events_from snapshot_api_version type",
    ),
    action("GET", DESTINATIONS, event_destinations.list_destinations, DESTINATION_KIND, "include limit page"),
    action("GET", f"{DESTINATIONS}/{{id}}", event_destinations.retrieve_destination, DESTINATION_KIND, "include"),
    action(
        "POST",
        f"{DESTINATIONS}/{{id}}",
        event_destinations.update_destination,
        DESTINATION_KIND,
        DESTINATION,
    ),
    action("DELETE", f"{DESTINATIONS}/{{id}}", event_destinations.delete_destination, DESTINATION_KIND, ""),
    action("POST", f"{DESTINATIONS}/{{id}}/enable", event_destinations.enable_destination, DESTINATION_KIND, ""),
    action(
        "POST",
        f"{DESTINATIONS}/{{id}}/disable",
        event_destinations.disable_destination,
        DESTINATION_KIND,
        "",
    ),
]
ACCOUNT_ROUTES: list[Route] = [
    action("POST", V2_ACCOUNTS, accounts.create_account, accounts.KIND, ACCOUNT),
    action("GET", V2_ACCOUNTS, accounts.list_accounts, accounts.KIND, "applied_configurations closed limit page"),
    action("GET", f"{V2_ACCOUNTS}/{{id}}", accounts.retrieve_account, accounts.KIND, "include"),
    action("POST", f"{V2_ACCOUNTS}/{{id}}", accounts.update_account, accounts.KIND, ACCOUNT),
    action("POST", f"{V2_ACCOUNTS}/{{id}}/close", accounts.close_account, accounts.KIND, "applied_configurations"),
    action("POST", f"{V2_ACCOUNTS}/{{id}}/persons", persons.create_person, persons.KIND, PERSON),
    action("GET", f"{V2_ACCOUNTS}/{{id}}/persons", persons.list_persons, persons.KIND, "limit page"),
    action("GET", V2_PERSON, persons.retrieve_person, persons.KIND, ""),
    action("POST", V2_PERSON, persons.update_person, persons.KIND, PERSON),
    action("DELETE", V2_PERSON, persons.delete_person, persons.KIND, ""),
    action("POST", "/v2/core/account_links", account_links.create_link, "v2.core.account_link", "account use_case"),
    action("GET", "/v1/accounts/{id}", retrieve_v1_account, "account", ""),
    _listed("account", "/v1/accounts", list_v1_accounts),
]
