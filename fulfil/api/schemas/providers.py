"""Providers and their stock."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Line, Note, Representation, ShortName

Process = Annotated[ShortName, AfterValidator(str.lower)]
Material = Annotated[ShortName, AfterValidator(str.upper)]
Capabilities = Annotated[
    dict[Process, Annotated[list[Material], Field(min_length=1, max_length=100)]],
    Field(min_length=1, max_length=50, examples=[{"fdm": ["PLA", "PETG"]}]),
]


class NewProvider(Body):
    """A business that makes things."""

    name: Line = Field(examples=["Printworks Berlin"])
    capabilities: Capabilities
    commission_bp: int = Field(
        1500, ge=0, le=10_000, strict=True, description="The platform's share in basis points: 1500 is 15 %."
    )
    capacity_jobs: int = Field(10, ge=1, le=10_000, strict=True, description="Jobs at a time.")
    stripe_account_id: Annotated[str, StringConstraints(pattern=r"^acct_\w{1,100}$")] | None = Field(
        None, description="Her connected account; one is created when there is none."
    )


class Provider(Representation):
    """A provider as administration and she herself see it."""

    id: str
    name: str
    capabilities: dict[str, list[str]]
    commission_bp: int
    capacity_jobs: int
    score: int
    online: bool
    completed_jobs: int
    stripe_account_id: str | None
    created_at: Instant


class StockReceipt(Body):
    """Material that came in."""

    material: Material = Field(examples=["PLA"])
    quantity_g: int = Field(ge=1, le=100_000_000, strict=True, examples=[5000])
    reason: Note = Field("", description="Delivery note, stock-taking, …; it stands in the log.")


class Stock(Representation):
    """What there is of one material, in grams; `reserved_g` belongs to accepted jobs."""

    provider_id: str
    material: str
    available_g: int
    reserved_g: int


class Stocks(Representation):
    """All materials of a provider."""

    data: list[Stock]


class StripeAccount(Body):
    """Where the provider is paid: her connected account at the payment provider."""

    stripe_account_id: Annotated[str, StringConstraints(pattern=r"^acct_\w{1,100}$")] = Field(
        examples=["acct_1Nv0FGQ9RKHgCVdK"]
    )


class OnlineSwitch(Body):
    """Whether she takes new jobs."""

    online: bool = Field(strict=True)
