"""Every operation the simulator serves, and how a request finds its own."""

from collections.abc import Mapping

from fulfil.simulators.stripe.money_routes import MONEY_ROUTES
from fulfil.simulators.stripe.routing import Route
from fulfil.simulators.stripe.surface_routes import ACCOUNT_ROUTES, CUSTOMER_ROUTES, EVENT_ROUTES, PAYMENT_ROUTES

ROUTES: list[Route] = [*PAYMENT_ROUTES, *CUSTOMER_ROUTES, *EVENT_ROUTES, *ACCOUNT_ROUTES, *MONEY_ROUTES]


def find_route(method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The route of a request and the ids in its path, by name."""
    for route in ROUTES:
        matched = route.path.fullmatch(path) if route.method == method else None
        if matched is not None:
            return route, matched.groupdict()
    return None
