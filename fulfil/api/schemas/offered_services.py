"""Services that providers offer for delivery by milestones."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Line, Representation, printable
from fulfil.models.milestones import LONGEST_PLAN_DAYS, MOST_MILESTONES, MOST_REVISIONS
from fulfil.models.money import Money

MOST_CRITERIA = 50

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(printable)
]
PLAN = [
    {"title": "Two concepts", "days": 5, "share_bp": 3000},
    {"title": "Finished model", "days": 14, "share_bp": 7000},
]


def paragraphs(value: str) -> str:
    """The text; raises `ValueError` for control characters other than line ends and tabs."""
    printable(value.replace("\n", "").replace("\t", ""))
    return value


class ServiceMilestone(Body):
    """One part of a service: due so many days after the order is paid, worth a share of the price."""

    title: Title = Field(examples=["Two concepts"])
    days: int = Field(ge=1, le=LONGEST_PLAN_DAYS, strict=True, examples=[5])
    share_bp: int = Field(ge=1, le=10_000, strict=True, description="In basis points: 3000 is 30 %.", examples=[3000])


class NewService(Body):
    """What is done, for how much, in which parts; the shares of the milestones make up 10,000 basis points."""

    title: Title = Field(examples=["Design of a housing"])
    description: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=4000),
        AfterValidator(paragraphs),
    ] = Field(examples=["From your sketch to a printable model."])
    price: Money = Field(examples=[{"amount_minor": 50_000, "currency": "eur"}])
    milestones: Annotated[list[ServiceMilestone], Field(min_length=1, max_length=MOST_MILESTONES)] = Field(
        examples=[PLAN]
    )
    revisions_included: int = Field(default=2, ge=0, le=MOST_REVISIONS, strict=True)
    checklist: Annotated[list[Line], Field(max_length=MOST_CRITERIA)] = Field(
        default_factory=list,
        description="What you check before you submit a milestone; nothing has to be checked when it is empty.",
        examples=[["Closed surface", "Walls of at least 1.2 mm"]],
    )


class ServiceSwitch(Body):
    """Whether the service can be ordered."""

    active: bool = Field(strict=True, examples=[False])


class Service(Representation):
    """A service as it is offered; an order keeps what it was when it was placed."""

    id: str = Field(examples=["svc_01a1fd64aa6677a18c33bf20b84fe1e2"])
    provider_id: str
    provider_name: str
    title: str
    description: str
    price: Money
    milestones: list[ServiceMilestone]
    revisions_included: int
    checklist: list[str]
    active: bool
    created_at: Instant
