"""What a customer or provider wants on her documents."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator

from fulfil.api.schemas.base import Body, Instant, Line, Representation
from fulfil.documents.texts import REPLACEMENT, printable
from fulfil.models.countries import COUNTRIES
from fulfil.models.vat_ids import flaw_of_vat_id

_PUNCTUATION = re.compile(r"[\s.-]")


def _drawable(text: str) -> str:
    shown = printable(text)
    if not shown or REPLACEMENT in shown:
        raise ValueError("must be in letters our documents can show: Latin, Greek, Cyrillic, Hebrew or Arabic")
    return shown


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("must be a country's ISO 3166-1 code of two capitals, such as DE")
    return code


def _compact(vat_id: object) -> object:
    return _PUNCTUATION.sub("", vat_id).upper() if isinstance(vat_id, str) else vat_id


PrintedLine = Annotated[Line, AfterValidator(_drawable)]
Country = Annotated[str, StringConstraints(max_length=2), AfterValidator(_country)]
# Two letters of the country, then what that country asks for; what is written between them is left out.
VatId = Annotated[str, BeforeValidator(_compact), StringConstraints(pattern=r"^[A-Z]{2}[A-Z0-9+*]{2,18}$")]


class NewBillingDetails(Body):
    """Name, address and VAT id for documents issued from now on; those issued keep what they say."""

    name: PrintedLine = Field(examples=["Analytical Engines Ltd"])
    address_lines: list[PrintedLine] = Field(
        min_length=1,
        max_length=6,
        description="As on a letter, without the country.",
        examples=[["12 Main Street", "10119 Berlin"]],
    )
    country: Country = Field(description="ISO 3166-1 alpha-2.", examples=["DE"])
    vat_id: VatId | None = Field(
        default=None,
        description="With the country's two letters in front: EL for Greece, XI for Northern Ireland.",
        examples=["DE318276451"],
    )

    @field_validator("vat_id")
    @classmethod
    def _fits_the_country(cls, vat_id: str | None, info: ValidationInfo) -> str | None:
        # A country that is none has its own error.
        country = info.data.get("country")
        flaw = flaw_of_vat_id(vat_id, country) if vat_id and country else None
        if flaw is not None:
            raise ValueError(flaw)
        return vat_id


class BillingDetails(Representation):
    """What stands on your documents."""

    name: str = Field(examples=["Analytical Engines Ltd"])
    address_lines: list[str] = Field(examples=[["12 Main Street", "10119 Berlin"]])
    country: str = Field(examples=["DE"])
    vat_id: str | None = Field(examples=["DE318276451"])
    updated_at: Instant
