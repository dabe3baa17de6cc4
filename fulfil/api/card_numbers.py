"""Finds what looks like a card number in a body, so that none ever gets further than this."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from fastapi import Request

from fulfil.api.errors import invalid

DIGITS = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")


async def refuse_card_numbers(request: Request) -> None:
    """A dependency; 422 `card_number_refused` without repeating the number."""
    try:
        body: object = json.loads(await request.body() or b"null")
    except ValueError:
        return
    for name, value in _leaves(body, "body"):
        if any(_passes_luhn(match[0]) for match in DIGITS.finditer(value)):
            raise invalid(
                "card_number_refused",
                "Card numbers must never be sent here: tokenise the card with the payment provider and send its id.",
                name,
            )


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in cast("Mapping[str, object]", value).items():
            yield name, key
            yield from _leaves(item, key if not DIGITS.search(key) else name)
    elif isinstance(value, list):
        for item in cast("Sequence[object]", value):
            yield from _leaves(item, name)
    elif value is not None and not isinstance(value, bool):
        yield name, str(value)


def _passes_luhn(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
