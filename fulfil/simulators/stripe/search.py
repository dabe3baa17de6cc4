"""Stripe's search: clauses such as `email~"@a.b" AND metadata["order"]:"o_1"`, over what was written a while ago."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError, invalid_parameter
from fulfil.simulators.stripe.transaction import Transaction

# Stripe's index follows within about a minute: nobody finds their own last write.
LAG_S = 60
DEFAULT_LIMIT, MAX_LIMIT, MIN_SUBSTRING = 10, 100, 3
CLAUSE = re.compile(
    r"(?P<not>-)?(?P<field>\w+)(?:\[(?P<q>[\"'])(?P<key>[^\"']+)(?P=q)\])?\s*(?P<op>:|~|>=|<=|>|<)\s*"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[\w.\-]+))"
)
JOINT = re.compile(r"\s+(AND|OR)\s+", re.IGNORECASE)
FIELDS: dict[str, dict[str, str]] = {
    "customer": {"created": "n", "email": "t", "name": "t", "phone": "t", "metadata": "m"},
    "payment_intent": {
        "amount": "n",
        "created": "n",
        "currency": "e",
        "customer": "e",
        "status": "e",
        "metadata": "m",
    },
    "charge": {
        "amount": "n",
        "created": "n",
        "currency": "e",
        "customer": "e",
        "disputed": "b",
        "refunded": "b",
        "status": "e",
        "metadata": "m",
    },
}


def searching(kind: str, url: str) -> Callable[[Transaction, Call], Mapping[str, object]]:
    """`GET /v1/things/search`."""

    def search(tx: Transaction, call: Call) -> Mapping[str, object]:
        condition, values = _condition(kind, call.parameters.required_text("query"))
        limit = call.parameters.integer("limit")
        limit = DEFAULT_LIMIT if limit is None else limit
        if not 1 <= limit <= MAX_LIMIT:
            raise invalid_parameter("limit", f"limit must be between 1 and {MAX_LIMIT}", "parameter_invalid_integer")
        offset = _offset(call.parameters.text("page"))
        rows = tx.select(
            f"object = ? AND created <= ? AND json_extract(body, '$.deleted') IS NULL AND ({condition}) "
            "ORDER BY seq DESC LIMIT ? OFFSET ?",
            [kind, int(tx.now) - LAG_S, *values, limit + 1, offset],
        )
        more = len(rows) > limit
        answer: JsonObject = {
            "object": "search_result",
            "data": [body for _, body in rows[:limit]],
            "has_more": more,
            "next_page": base64.urlsafe_b64encode(str(offset + limit).encode()).decode() if more else None,
            "url": f"{url}/search",
        }
        return answer

    return search


def _condition(kind: str, query: str) -> tuple[str, list[object]]:
    """SQL of a query, with its values; one query has ANDs or ORs, not both."""
    parts = JOINT.split(query.strip())
    joints = {joint.upper() for joint in parts[1::2]}
    if len(joints) > 1:
        raise _malformed("AND and OR cannot be used in one query")
    terms: list[str] = []
    values: list[object] = []
    for clause in parts[::2]:
        matched = CLAUSE.fullmatch(clause.strip())
        if matched is None:
            raise _malformed(f"`{clause}` is no clause")
        term, given = _term(kind, matched)
        terms.append(f"NOT coalesce({term}, 0)" if matched["not"] else term)
        values.extend(given)
    return f" {joints.pop() if joints else 'AND'} ".join(terms), values


def _term(kind: str, clause: re.Match[str]) -> tuple[str, list[object]]:
    field, key, operator = clause["field"], clause["key"], clause["op"]
    form = FIELDS[kind].get(field)
    if form is None or (form == "m") != (key is not None):
        raise _malformed(f"Field `{field}` is an unsupported search field for resource `{kind}s`")
    value = next(text for text in (clause["double"], clause["single"], clause["bare"]) if text is not None)
    path = f'$.metadata."{key}"' if key is not None else f"$.{field}"
    if operator == "~":
        if form not in ("t", "m") or len(value) < MIN_SUBSTRING:
            raise _malformed(f"`~` needs a text field and at least {MIN_SUBSTRING} characters")
        return "instr(lower(json_extract(body, ?)), lower(?)) > 0", [path, value]
    if form == "n":
        if not re.fullmatch(r"-?[0-9]+", value):
            raise _malformed(f"`{field}` is compared with a number")
        return f"json_extract(body, ?) {'=' if operator == ':' else operator} ?", [path, int(value)]
    if operator != ":":
        raise _malformed(f"`{operator}` needs a number")
    if form == "b":
        return "json_extract(body, ?) = ?", [path, int(value == "true")]
    if value == "null":
        return "json_extract(body, ?) IS NULL", [path]
    return "lower(json_extract(body, ?)) = lower(?)", [path, value]


def _malformed(reason: str) -> StripeApiError:
    return invalid_parameter("query", f"We were unable to parse your search query: {reason}.")


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error) as error:
        raise invalid_parameter("page", "Invalid page: it is no token of a next page") from error
