"""Providers: what they can make, where they are, on which terms, and whether they can be offered work."""

from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from fulfil.api.schemas.base import Body, Instant, Line, Reason, Representation, ShortName
from fulfil.api.schemas.billing import Country
from fulfil.models.messages.providers import BusinessType, CertificateKind, Verification


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be a time zone of the IANA list, such as Europe/Berlin")
    return name


Process = Annotated[ShortName, AfterValidator(str.lower)]
Material = Annotated[ShortName, AfterValidator(str.upper)]
Capabilities = Annotated[
    dict[Process, Annotated[list[Material], Field(min_length=1, max_length=100)]],
    Field(min_length=1, max_length=50, examples=[{"fdm": ["PLA", "PETG"]}]),
]
StripeAccountId = Annotated[str, StringConstraints(pattern=r"^acct_\w{1,100}$"), Field(examples=["acct_1Nv0FGQ9RKHg"])]
TimeZone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_known_zone)]
CommissionBp = Annotated[int, Field(ge=0, le=10_000, strict=True, examples=[1500])]
CapacityJobs = Annotated[int, Field(ge=1, le=10_000, strict=True, examples=[10])]


class ProviderAddress(Body):
    """Where she works; with coordinates, distances to customers are known."""

    country: Country = Field(description="ISO 3166-1 alpha-2.", examples=["DE"])
    postal_code: Annotated[Line, StringConstraints(max_length=20)] = Field(examples=["10119"])
    city: Annotated[Line, StringConstraints(max_length=120)] = Field(examples=["Berlin"])
    lines: list[Line] = Field(
        min_length=1,
        max_length=4,
        description="Street and number, and what else the post needs.",
        examples=[["Gasse 1"]],
    )
    latitude: float | None = Field(default=None, ge=-90, le=90, examples=[52.53])
    longitude: float | None = Field(default=None, ge=-180, le=180, examples=[13.4])

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together")
        return self


class NewProvider(Body):
    """A business that makes things, as administration enters it."""

    name: Line = Field(examples=["Printworks Berlin"])
    capabilities: Capabilities
    commission_bp: CommissionBp = Field(1500, description="The platform's share in basis points: 1500 is 15 %.")
    capacity_jobs: CapacityJobs = Field(10, description="Jobs at a time.")
    stripe_account_id: StripeAccountId | None = Field(
        None, description="Her connected account; one is created when there is none."
    )
    business_type: BusinessType = BusinessType.COMPANY
    address: ProviderAddress | None = None
    time_zone: TimeZone = "UTC"
    verified: bool = Field(default=True, strict=True, description="False: she has to prove who she is first.")


class ProviderChange(Body):
    """What she changes herself; what is left out stays."""

    capabilities: Capabilities | None = None
    address: ProviderAddress | None = None


class ProviderTerms(Body):
    """What administration agrees with her; what is left out stays."""

    name: Line | None = None
    commission_bp: CommissionBp | None = Field(None, description="Of jobs approved from now on.")
    capacity_jobs: CapacityJobs | None = Field(None, description="Jobs at a time.")
    tier: ShortName | None = Field(None, description="One of the price list's tiers.", examples=["premium"])


class StripeAccount(Body):
    """Where the provider is paid: her connected account at the payment provider."""

    stripe_account_id: StripeAccountId


class OnlineSwitch(Body):
    """Whether she takes new jobs."""

    online: bool = Field(strict=True)
    keep_jobs: bool = Field(
        default=False,
        strict=True,
        description="Going offline, keep what was accepted and not started; else it is given back and offered anew.",
    )


class SuspensionSwitch(Body):
    """Whether she is kept from all new work."""

    suspended: bool = Field(strict=True)
    reason: Reason


class DispatchBlock(Representation):
    """One reason why nothing is offered to her, and what would help."""

    code: str = Field(examples=["certificate_expired"])
    detail: str = Field(examples=["The liability_insurance certificate expired on 2026-11-01."])
    remedy: str = Field(examples=["Upload a document that is in force."])


class Payouts(Representation):
    """Her account at the payment provider as it was last seen, and what comes next."""

    account_id: str | None
    status: str | None = Field(examples=["active"], description="Null while nobody has looked at it yet.")
    next: str | None = Field(examples=["Complete the account: POST …/payout-account/onboarding gives the link."])


class NewcomerLimits(Representation):
    """What holds until her first jobs are completed."""

    jobs_left: int = Field(description="So many completed jobs from now on she is no newcomer any more.", examples=[5])
    jobs_at_a_time: int = Field(examples=[1])
    job_value_minor: int = Field(description="What one job may be worth, in minor units of its currency.")


class Provider(Representation):
    """A provider as administration and she herself see it."""

    id: str
    name: str
    business_type: BusinessType
    capabilities: dict[str, list[str]]
    address: ProviderAddress | None
    time_zone: str
    commission_bp: int
    tier: str
    capacity_jobs: int
    open_jobs: int = Field(description="Jobs in hand.")
    score: int = Field(description="As it was last written; `GET …/score` computes it now.")
    online: bool
    online_at: Instant | None = Field(description="When she last went online.")
    verification: Verification
    verification_note: str | None
    verified_at: Instant | None
    missing_certificates: list[CertificateKind] = Field(
        description="Required of her kind of business, and neither verified nor waiting to be."
    )
    suspended_at: Instant | None
    suspension_reason: str | None
    dispatchable: bool = Field(description="Whether she can be offered work now, by what is known of herself.")
    blocks: list[DispatchBlock]
    newcomer: NewcomerLimits | None = Field(description="Null when she has completed enough jobs.")
    payouts: Payouts
    completed_jobs: int
    stripe_account_id: str | None
    created_at: Instant


class ProviderSwitched(Provider):
    """The provider after a switch, and the jobs that were given back because of it."""

    given_back: list[str] = Field(examples=[["job_01a1fd64aa6677a18c33bf20b84fe1e2"]])
    being_secured: list[str] = Field(
        description="Jobs she has just accepted, whose payment is being captured: repeat this to give them back too."
    )
