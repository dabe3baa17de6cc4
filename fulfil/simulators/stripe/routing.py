"""How an operation is found: its path, the parameters it takes, and the kind of object it answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.listing import CURSORS, PAGING, list_events, listing, retrieving
from fulfil.simulators.stripe.transaction import Transaction

Operation = Callable[[Transaction, Call], Mapping[str, object]]


@dataclass(frozen=True)
class Route:
    """`answers` is the kind of object (or of a list's items); `public` opens it to publishable keys.

    `unsimulated` are parameters of Stripe's that are refused in so many words.
    """

    method: str
    path: re.Pattern[str]
    operation: Operation
    answers: str
    parameters: frozenset[str]
    listed: bool = False
    public: bool = False
    unsimulated: frozenset[str] = frozenset()


def action(
    method: str,
    path: str,
    operation: Operation,
    answers: str,
    parameters: str,
    *,
    public: bool = False,
    unsimulated: str = "",
) -> Route:
    """One operation; `{id}` in the path is the call's identity, other names in braces its further ids."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_]+)", path))
    names = frozenset([*parameters.split(), "expand"])
    refused = frozenset(unsimulated.split())
    return Route(method, pattern, operation, answers, names, public=public, unsimulated=refused)


def readable(kind: str, url: str, filters: str, param: str = "id", *, timed: bool = True) -> list[Route]:
    """The list and the single object of a kind; a timed list is asked for by `created`."""
    names = tuple(filters.split())
    page = list_events if kind == "event" else listing(kind, url, names)
    return [
        Route("GET", re.compile(url), page, kind, frozenset([*(PAGING if timed else CURSORS), *names]), listed=True),
        action("GET", f"{url}/{{id}}", retrieving(kind, param), kind, ""),
    ]
