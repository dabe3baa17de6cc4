"""Every operation takes the parameters that Stripe publishes for it, and no others."""

import importlib
import inspect
import re
from collections.abc import Iterator

import pytest
from stripe import StripeClient

from fulfil.simulators.stripe.routes import ROUTES
from fulfil.simulators.stripe.routing import Route
from tests.simulators.processes import API_KEY
from tests.simulators.stripe_http import StripeHttp

CLIENT = StripeClient(API_KEY)
V1, V2 = CLIENT.v1, CLIENT.v2.core
SERVICES: list[object] = [
    V1.balance,
    V1.balance_transactions,
    V1.charges,
    V1.customers,
    V1.customers.payment_methods,
    V1.disputes,
    V1.events,
    V1.files,
    V1.payment_intents,
    V1.payment_methods,
    V1.payouts,
    V1.radar.early_fraud_warnings,
    V1.refunds,
    V1.setup_attempts,
    V1.setup_intents,
    V1.tokens,
    V1.topups,
    V1.transfers,
    V1.transfers.reversals,
    V1.webhook_endpoints,
    V2.account_links,
    V2.accounts,
    V2.accounts.persons,
    V2.event_destinations,
    V2.events,
]
# What browsers send, and what the address of a next page carries.
UNPUBLISHED = {"client_secret", "page"}


def published() -> Iterator[tuple[str, str, frozenset[str], frozenset[str]]]:
    """Method, path, required and optional parameters of each of the SDK's operations."""
    for service in SERVICES:
        for name, method in inspect.getmembers(type(service), inspect.isfunction):
            source = inspect.getsource(method)
            address = re.search(r'_request\(\s*"(\w+)",\s*"([^"]+)"', source)
            params = re.search(r"(\w+Params)\b", str(inspect.signature(method).parameters.get("params")))
            if address is not None and params is not None and not name.startswith("_"):
                folder = method.__module__.removeprefix("stripe").rpartition(".")[0]
                form = getattr(importlib.import_module(f"stripe.params{folder}"), params[1])
                path = re.sub(r"\{\w+\}", "{}", address[2])
                yield address[1].upper(), path, form.__required_keys__, form.__optional_keys__


FORMS = {(method, path): (required, optional) for method, path, required, optional in published()}
SIMULATED = [route for route in ROUTES if (route.method, re.sub(r"\(\?P<.*?\)", "{}", route.path.pattern)) in FORMS]


def forms_of(route: Route) -> tuple[frozenset[str], frozenset[str]]:
    """The required and the optional parameters of an operation."""
    return FORMS[route.method, re.sub(r"\(\?P<.*?\)", "{}", route.path.pattern)]


def test_most_operations_are_the_sdks_own() -> None:
    assert len(SIMULATED) > 70


@pytest.mark.parametrize("route", SIMULATED, ids=lambda route: f"{route.method} {route.path.pattern}")
def test_an_operation_takes_what_is_published_for_it_and_all_that_is_required(route: Route) -> None:
    required, optional = forms_of(route)
    assert (route.parameters | route.unsimulated) - {"expand"} - UNPUBLISHED <= required | optional
    assert required <= route.parameters
    assert not route.parameters & route.unsimulated


@pytest.mark.parametrize(
    "route",
    [
        one
        for one in SIMULATED
        if one.method == "POST" and one.path.pattern[:4] == "/v1/" and "?P" not in one.path.pattern
    ],
    ids=lambda route: route.path.pattern,
)
async def test_what_is_required_is_missed(stripe: StripeHttp, route: Route) -> None:
    required, _ = forms_of(route)
    answer = await stripe.post(route.path.pattern)
    if required - {"file"}:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "parameter_missing")
        assert error["param"] in required


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (route.path.pattern, name)
        for route in ROUTES
        if "?P" not in route.path.pattern
        for name in sorted(route.unsimulated)
    ],
)
async def test_what_is_not_simulated_is_refused_in_so_many_words(stripe: StripeHttp, path: str, name: str) -> None:
    answer = await stripe.post(path, **{name: "x"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)
    assert "does not offer" in answer.json()["error"]["message"]
