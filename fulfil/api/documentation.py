"""What the OpenAPI document says beyond the routes: prefix, tags, error answers."""

from http import HTTPStatus
from typing import Any

from fulfil.api.errors import PROBLEM_JSON, Problem

API = "/api/v1"
AUTH, PROVIDERS, FILES, QUOTES = "Accounts", "Providers", "Files", "Quotes"
STOCK, SHIPMENTS = "Stock", "Shipments"
ORDERS, OFFERS, JOBS, WEBHOOKS, SUPPORT = "Orders", "Offers", "Jobs", "Webhooks", "Support"
PLATFORM = "Platform"
SERVICES, DELIVERABLES = "Services", "Deliverables"
REFUNDS, DOCUMENTS = "Refunds", "Documents"

TITLE = "Fulfil"
DESCRIPTION = """
Fulfilment for made-to-order manufacturing: upload a file, get an explained price, order, pay, and follow the
making on one live timeline.

* **Errors** are `application/problem+json` (RFC 9457): `code` for machines, `detail` with the remedy for people,
  `param` for the field; on a conflict `state` and `allowed_actions`.
* **Repeat safely**: every POST takes `Idempotency-Key`; a repeated request joins the first one.
* **Quotes** of large files take a while: `?wait=20` waits, 202 shows the progress, and the same request joins.
  Guests (`POST /api/v1/guests`) get prices too; who registers with a guest's token keeps files and quotes.
* **Lists** are newest first: `limit`, `starting_after`, `has_more`.
* **Amounts** are integers in minor units with a currency: `{"amount_minor": 1299, "currency": "eur"}`.
* **Live**: `GET /api/v1/orders/{id}/events` with `Accept: text/event-stream`, resumed by `Last-Event-ID`.
  Everybody sees of an event what concerns her; what staff noted and what the other party earns is left out.
"""
TAGS = [
    {"name": AUTH, "description": "Signing in, guests, accounts, API keys."},
    {"name": FILES, "description": "Models to make, photos of what was made."},
    {"name": QUOTES, "description": "Prices that explain themselves, and what can be priced."},
    {"name": ORDERS, "description": "Placing, paying, following, cancelling."},
    {"name": REFUNDS, "description": "Paying back: previewed, approved by a second person, followed to the end."},
    {"name": DOCUMENTS, "description": "Invoices, receipts, credit notes and statements, and what they say of you."},
    {"name": OFFERS, "description": "A provider's chances at jobs."},
    {"name": JOBS, "description": "Production, delivery, approval."},
    {"name": SERVICES, "description": "What providers offer for delivery by milestones."},
    {"name": DELIVERABLES, "description": "Milestones: drafted, submitted, revised, approved, planned anew."},
    {"name": SHIPMENTS, "description": "Parcels, their labels, and what carriers tell of them."},
    {"name": PROVIDERS, "description": "Who makes things, and what she can."},
    {"name": STOCK, "description": "Material by colour and lot: received, adjusted, leased to jobs, used up."},
    {"name": SUPPORT, "description": "What is stuck, and moving it on."},
    {"name": WEBHOOKS, "description": "What the payment provider tells us."},
    {"name": PLATFORM, "description": "Health and metrics."},
]
INPUT = (400, 413, 415, 422)
KEY_REQUIRED = ("create_order", "create_refund")


def problems(*statuses: int, takes_input: bool = True) -> dict[int | str, dict[str, Any]]:
    """Error answers of a route; 503 is always possible, those about input unless there is none."""
    listed = {*statuses, 503, *(INPUT if takes_input else ())}
    return {
        status: {
            "model": Problem,
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted(listed)
    }


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """What FastAPI can't say: errors are problems and nothing else, and where the idempotency key is required."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                if PROBLEM_JSON in content:
                    content.pop("application/json", None)
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "Idempotency-Key" and operation["operationId"] in KEY_REQUIRED:
                    parameter["required"] = True
    return document
