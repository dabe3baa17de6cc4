"""Form encoding with nested brackets: `metadata[order_id]=x&expand[]=charge` becomes dicts and lists."""

import re
from urllib.parse import parse_qsl

from fulfil.simulators.stripe.errors import StripeApiError

FormValue = str | list["FormValue"] | dict[str, "FormValue"]
Form = dict[str, FormValue]

NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
SUBKEY = re.compile(r"\[([^\[\]]*)\]")
MAX_FIELDS, MAX_DEPTH = 1000, 10


def decode_form(encoded: str) -> Form:
    """Read a query string or form body; dicts whose keys are 0, 1, 2 … become lists. Raises a 400 when malformed."""
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise StripeApiError(400, f"Invalid request: {error}") from error
    tree: Form = {}
    for name, value in pairs:
        matched = NAME.fullmatch(name)
        if matched is None:
            raise StripeApiError(400, f"Invalid parameter name: {name}", param=name)
        path = [matched[1], *SUBKEY.findall(matched[2])]
        if len(path) > MAX_DEPTH:
            raise StripeApiError(400, f"Invalid parameter name: nested more than {MAX_DEPTH} deep")
        _put(tree, path, value, name)
    return {name: _with_lists(value) for name, value in tree.items()}


def _put(tree: Form, path: list[str], value: str, name: str) -> None:
    node = tree
    for key in path[:-1]:
        step = node.setdefault(key or str(len(node)), {})
        if not isinstance(step, dict):
            raise StripeApiError(400, f"Invalid parameter: {name} is given as a value and as a hash", param=name)
        node = step
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise StripeApiError(400, f"Invalid parameter: {name} is given as a value and as a hash", param=name)
    node[last] = value


def _with_lists(value: FormValue) -> FormValue:
    if not isinstance(value, dict):
        return value
    if set(value) == {str(index) for index in range(len(value))}:
        return [_with_lists(value[str(index)]) for index in range(len(value))]
    return {key: _with_lists(item) for key, item in value.items()}
