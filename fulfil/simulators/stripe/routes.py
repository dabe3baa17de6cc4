"""Every operation the simulator serves, with the parameters it takes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fulfil.simulators.stripe import accounts, payment_intents, refunds, transfers
from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.listing import PAGING, list_events, listing, retrieving
from fulfil.simulators.stripe.transaction import Transaction

Operation = Callable[[Transaction, Call], Mapping[str, object]]


@dataclass(frozen=True)
class Route:
    """`answers` is the kind of object (or of a list's items); `public` opens it to publishable keys."""

    method: str
    path: re.Pattern[str]
    operation: Operation
    answers: str
    parameters: frozenset[str]
    listed: bool = False
    public: bool = False


def _route(
    method: str, path: str, operation: Operation, answers: str, parameters: str, *, public: bool = False
) -> Route:
    pattern = re.compile(path.replace("{id}", r"(?P<id>[A-Za-z0-9_]+)"))
    names = frozenset([*parameters.split(), "expand"])
    return Route(method, pattern, operation, answers, names, public=public)


def _readable(kind: str, url: str, filters: str, param: str = "id") -> list[Route]:
    names = tuple(filters.split())
    page = list_events if kind == "event" else listing(kind, url, names)
    return [
        Route("GET", re.compile(url), page, kind, frozenset([*PAGING, *names]), listed=True),
        _route("GET", f"{url}/{{id}}", retrieving(kind, param), kind, ""),
    ]


PAYMENT_INTENTS = "/v1/payment_intents"
CREATE_PAYMENT_INTENT = (
    "allowed_payment_method_types amount automatic_payment_methods capture_method confirm currency description "
    "metadata payment_method return_url transfer_group"
)
CREATE_TRANSFER = "amount currency description destination metadata source_transaction source_type transfer_group"
CREATE_ACCOUNT = "configuration contact_email dashboard defaults display_name identity include metadata"

ROUTES: list[Route] = [
    _route("POST", PAYMENT_INTENTS, payment_intents.create_payment_intent, "payment_intent", CREATE_PAYMENT_INTENT),
    _route(
        "GET",
        f"{PAYMENT_INTENTS}/{{id}}",
        payment_intents.retrieve_payment_intent,
        "payment_intent",
        "client_secret",
        public=True,
    ),
    _route(
        "POST",
        f"{PAYMENT_INTENTS}/{{id}}/confirm",
        payment_intents.confirm_payment_intent,
        "payment_intent",
        "capture_method client_secret payment_method return_url",
        public=True,
    ),
    _route(
        "POST",
        f"{PAYMENT_INTENTS}/{{id}}/capture",
        payment_intents.capture_payment_intent,
        "payment_intent",
        "amount_to_capture final_capture metadata",
    ),
    _route(
        "POST",
        f"{PAYMENT_INTENTS}/{{id}}/cancel",
        payment_intents.cancel_payment_intent,
        "payment_intent",
        "cancellation_reason",
    ),
    _readable("payment_intent", PAYMENT_INTENTS, "")[0],
    *_readable("charge", "/v1/charges", "payment_intent transfer_group"),
    _route("POST", "/v1/refunds", refunds.create_refund, "refund", "amount charge metadata payment_intent reason"),
    *_readable("refund", "/v1/refunds", "charge payment_intent"),
    _route("POST", "/v1/transfers", transfers.create_transfer, "transfer", CREATE_TRANSFER),
    *_readable("transfer", "/v1/transfers", "destination transfer_group"),
    *_readable("balance_transaction", "/v1/balance_transactions", "currency source type"),
    *_readable("event", "/v1/events", "delivery_success type types"),
    _route("POST", "/v2/core/accounts", accounts.create_account, "v2.core.account", CREATE_ACCOUNT),
    _route("GET", "/v2/core/accounts", accounts.list_accounts, "v2.core.account", "limit"),
    _route("GET", "/v2/core/accounts/{id}", accounts.retrieve_account, "v2.core.account", "include"),
]


def find_route(method: str, path: str) -> tuple[Route, str] | None:
    """The route of a request and the id in its path."""
    for route in ROUTES:
        matched = route.path.fullmatch(path) if route.method == method else None
        if matched is not None:
            return route, matched.groupdict().get("id", "")
    return None
