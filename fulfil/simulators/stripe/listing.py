"""Reading objects: one by id, or pages newest first with cursors and filters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, invalid_parameter, missing_resource, unknown_parameter
from fulfil.simulators.stripe.parameters import Parameters
from fulfil.simulators.stripe.transaction import Transaction

DEFAULT_LIMIT, MAX_LIMIT, MAX_TYPES = 10, 100, 20
RANGES = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
CURSORS = ("limit", "starting_after", "ending_before", "expand")
PAGING = (*CURSORS, "created")


@dataclass
class Condition:
    """SQL after WHERE, with its values."""

    terms: list[str]
    values: list[object]

    def add(self, term: str, *values: object) -> None:
        """One more term, joined by AND."""
        self.terms.append(term)
        self.values.extend(values)

    @property
    def sql(self) -> str:
        """All terms."""
        return " AND ".join(self.terms)


def retrieving(kind: str, param: str = "id") -> Callable[[Transaction, Call], Mapping[str, object]]:
    """`GET /v1/things/{id}`."""

    def retrieve(tx: Transaction, call: Call) -> Mapping[str, object]:
        entity = tx.find(kind, call.identity)
        if entity is None:
            raise missing_resource(kind, call.identity, param=param)
        return entity

    return retrieve


def listing(kind: str, url: str, filters: tuple[str, ...]) -> Callable[[Transaction, Call], Mapping[str, object]]:
    """`GET /v1/things`."""

    def answer(tx: Transaction, call: Call) -> Mapping[str, object]:
        condition = Condition(["object = ?"], [kind])
        for name in filters:
            value = call.parameters.text(name)
            if value is not None:
                condition.add(f"json_extract(body, '$.{name}') = ?", value)
        return page(tx, call.parameters, condition, kind, url)

    return answer


def list_events(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`GET /v1/events`: by `type` (with `*`), `types[]` or `delivery_success`."""
    condition = Condition(["object = 'event'"], [])
    kind, kinds = call.parameters.text("type"), call.parameters.texts("types")
    if kind is not None and kinds is not None:
        raise invalid_parameter("types", "You may only specify one of these parameters: type, types.")
    if kind is not None:
        condition.add("json_extract(body, '$.type') GLOB ?", kind.replace("[", "[[]").replace("?", "[?]"))
    if kinds is not None:
        if not 1 <= len(kinds) <= MAX_TYPES:
            raise invalid_parameter("types", f"types takes 1 to {MAX_TYPES} names")
        condition.add(f"json_extract(body, '$.type') IN ({', '.join('?' * len(kinds))})", *kinds)
    if call.parameters.text("delivery_success") is not None:
        comparison = "=" if call.parameters.flag("delivery_success", default=True) else ">"
        condition.add(f"json_extract(body, '$.pending_webhooks') {comparison} 0")
    return page(tx, call.parameters, condition, "event", "/v1/events")


def page(tx: Transaction, parameters: Parameters, condition: Condition, kind: str, url: str) -> JsonObject:
    """One page, newest first, of the objects that meet the condition; cursors are ids of the kind."""
    between(condition, parameters, "created", "created")
    limit = parameters.integer("limit")
    limit = DEFAULT_LIMIT if limit is None else limit
    if not 1 <= limit <= MAX_LIMIT:
        message = f"Invalid integer: {limit}. limit must be between 1 and {MAX_LIMIT}"
        raise invalid_parameter("limit", message, "parameter_invalid_integer")
    after, before = parameters.text("starting_after"), parameters.text("ending_before")
    if after is not None and before is not None:
        message = "You may only specify one of these parameters: starting_after, ending_before."
        raise invalid_parameter("ending_before", message)
    if after is not None:
        condition.add("(created, seq) < (?, ?)", *_position(tx, kind, after, "starting_after"))
    if before is not None:
        condition.add("(created, seq) > (?, ?)", *_position(tx, kind, before, "ending_before"))
    direction = "DESC" if before is None else "ASC"
    order = f"ORDER BY created {direction}, seq {direction} LIMIT ?"
    rows = tx.select(f"{condition.sql} {order}", [*condition.values, limit + 1])
    data = [entity for _, entity in rows[:limit]]
    if before is not None:
        data.reverse()
    return {"object": "list", "data": data, "has_more": len(rows) > limit, "url": url}


def _position(tx: Transaction, kind: str, identity: str, param: str) -> tuple[int, int]:
    """When the object at a cursor was created, and its sequence number."""
    query = "SELECT created, seq FROM objects WHERE id = ? AND object = ? AND account = ?"
    found = tx.connection.execute(query, (identity, kind, tx.account)).fetchone()
    if found is None:
        raise missing_resource(kind, identity, param=param, status=400)
    return int(found[0]), int(found[1])


def between(condition: Condition, parameters: Parameters, name: str, column: str) -> None:
    """`created=…` or `created[gte]=…`: a whole number such as seconds, compared with an SQL expression."""
    if isinstance(parameters.values.get(name), str):
        exact = parameters.integer(name)
        if exact is not None:
            condition.add(f"{column} = ?", exact)
        return
    bounds = parameters.hash(name)
    for bound in bounds.values:
        if bound not in RANGES:
            raise unknown_parameter(f"{name}[{bound}]")
        condition.add(f"{column} {RANGES[bound]} ?", bounds.integer(bound))
