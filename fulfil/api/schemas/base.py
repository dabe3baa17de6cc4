"""What every body and representation is made of: strict numbers, clean text, amounts, cursor pages."""

import unicodedata
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from fulfil.models.money import Currency

Item = TypeVar("Item")


def printable(value: str) -> str:
    """The text; raises `ValueError` for control characters, which neither PostgreSQL nor a page can show."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise ValueError("must not contain control characters")
    return value


def _rfc3339(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(printable)]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=500),
    AfterValidator(printable),
    Field(description="Why; it stands in the timeline beside your name.", examples=["The customer asked by phone."]),
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(printable)]
ShortName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_+-]+$")
]
Instant = Annotated[datetime, PlainSerializer(_rfc3339, when_used="json")]


class Body(BaseModel):
    """Something a client sends: unknown fields are refused, so that a misspelt or forbidden one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Representation(BaseModel):
    """Something the API answers."""

    model_config = ConfigDict(frozen=True)


class Difference(Representation):
    """An amount that may be negative: new less old."""

    amount_minor: int
    currency: Currency


class Page(Representation, Generic[Item]):
    """One page of a list; the next one begins `starting_after` the last item's id."""

    data: list[Item]
    has_more: bool
