"""The JSON bodies of `/v2`: what each operation takes, and Stripe's refusal of anything else."""

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.errors import JsonObject, StripeApiError

B = TypeVar("B", bound="Body")

EntityType = Literal["company", "government_entity", "individual", "non_profit"]
Includable = Literal[
    "configuration.customer",
    "configuration.merchant",
    "configuration.recipient",
    "defaults",
    "future_requirements",
    "identity",
    "requirements",
]


class Body(BaseModel):
    """Strict: no unknown field, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Requested(Body):
    """A capability that is asked for."""

    requested: bool | None = None


class StripeBalance(Body):
    """What a recipient does with a Stripe balance."""

    payouts: Requested | None = None
    stripe_transfers: Requested | None = None


class RecipientCapabilities(Body):
    """What a recipient may be asked to do; only the Stripe balance is simulated."""

    stripe_balance: StripeBalance | None = None


class Recipient(Body):
    """An account that receives transfers."""

    applied: bool | None = None
    capabilities: RecipientCapabilities | None = None


class Configuration(Body):
    """Only recipients are simulated."""

    recipient: Recipient | None = None


class Responsibilities(Body):
    """Who pays for fees and losses."""

    fees_collector: Literal["application", "application_custom", "application_express", "stripe"] | None = None
    losses_collector: Literal["application", "stripe"] | None = None


class Profile(Body):
    """How an account presents itself."""

    business_url: str | None = None
    doing_business_as: str | None = None
    product_description: str | None = None


class Defaults(Body):
    """An account's defaults."""

    currency: str | None = Field(default=None, pattern="^[a-z]{3}$")
    locales: list[str] | None = None
    profile: Profile | None = None
    responsibilities: Responsibilities | None = None


class Identity(Body):
    """Who an account is."""

    attestations: JsonObject | None = None
    business_details: JsonObject | None = None
    country: str | None = Field(default=None, pattern="^([a-z]{2}|[A-Z]{2})$")
    entity_type: EntityType | None = None
    individual: JsonObject | None = None


class AccountBody(Body):
    """`POST /v2/core/accounts` and `POST /v2/core/accounts/{id}`."""

    configuration: Configuration | None = None
    contact_email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
    contact_phone: str | None = None
    dashboard: Literal["express", "full", "none"] | None = None
    defaults: Defaults | None = None
    display_name: str | None = None
    identity: Identity | None = None
    include: list[Includable] = []
    metadata: dict[str, str | None] | None = None


class CloseBody(Body):
    """`POST /v2/core/accounts/{id}/close`."""

    applied_configurations: list[Literal["customer", "merchant", "recipient"]] = []


class Address(Body):
    """Where somebody lives."""

    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None
    town: str | None = None


class DateOfBirth(Body):
    """A day."""

    day: int = Field(ge=1, le=31)
    month: int = Field(ge=1, le=12)
    year: int = Field(ge=1900)


class IdNumber(Body):
    """A number that proves who somebody is; never shown again."""

    type: str
    value: str


class Relationship(Body):
    """What a person is to a business."""

    authorizer: bool | None = None
    director: bool | None = None
    executive: bool | None = None
    legal_guardian: bool | None = None
    owner: bool | None = None
    percent_ownership: str | None = Field(default=None, pattern=r"^[0-9]{1,3}(\.[0-9]+)?$")
    representative: bool | None = None
    title: str | None = None


class PersonBody(Body):
    """`POST /v2/core/accounts/{id}/persons` and one person's update."""

    address: Address | None = None
    date_of_birth: DateOfBirth | None = None
    email: str | None = None
    given_name: str | None = None
    id_numbers: list[IdNumber] | None = None
    legal_gender: Literal["female", "male"] | None = None
    metadata: dict[str, str | None] | None = None
    nationalities: list[str] | None = None
    phone: str | None = None
    political_exposure: Literal["existing", "none"] | None = None
    relationship: Relationship | None = None
    surname: str | None = None


class CollectionOptions(Body):
    """How much a link's form asks for."""

    fields: Literal["currently_due", "eventually_due"] | None = None
    future_requirements: Literal["include", "omit"] | None = None


class LinkFlow(Body):
    """Where the form returns to."""

    collection_options: CollectionOptions | None = None
    refresh_url: str = Field(pattern=r"^https?://\S+$")
    return_url: str | None = Field(default=None, pattern=r"^https?://\S+$")


class UseCase(Body):
    """What a link is for."""

    type: Literal["account_onboarding", "account_update"]
    account_onboarding: LinkFlow | None = None
    account_update: LinkFlow | None = None


class AccountLinkBody(Body):
    """`POST /v2/core/account_links`."""

    account: str
    use_case: UseCase


class DestinationEndpoint(Body):
    """Where a destination's events go."""

    url: str = Field(pattern=r"^https?://\S+$")


class DestinationBody(Body):
    """`POST /v2/core/event_destinations`."""

    description: str = ""
    enabled_events: list[str] = Field(min_length=1)
    event_payload: Literal["snapshot", "thin"]
    events_from: list[str] = ["self"]
    include: list[Literal["webhook_endpoint.signing_secret", "webhook_endpoint.url"]] = []
    metadata: dict[str, str | None] | None = None
    name: str
    snapshot_api_version: str | None = None
    type: Literal["webhook_endpoint"]
    webhook_endpoint: DestinationEndpoint


class DestinationChange(Body):
    """`POST /v2/core/event_destinations/{id}`."""

    description: str | None = None
    enabled_events: list[str] | None = Field(default=None, min_length=1)
    include: list[Literal["webhook_endpoint.signing_secret", "webhook_endpoint.url"]] = []
    metadata: dict[str, str | None] | None = None
    name: str | None = None
    webhook_endpoint: DestinationEndpoint | None = None


def read_v2(call: Call, form: type[B]) -> B:
    """The body in its form; raises the 400 that names the first wrong field, as `identity.country`."""
    try:
        return form.model_validate(call.parameters.values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(step) for step in first["loc"])
        code = {"extra_forbidden": "unknown_field", "missing": "missing_field"}.get(first["type"], "invalid_fields")
        raise StripeApiError(400, f"{path}: {first['msg']}", code=code, param=path) from error


def merged_v2_metadata(present: dict[str, str], given: dict[str, str | None] | None) -> dict[str, str]:
    """What an update makes of the metadata: null or an empty value unsets its key."""
    merged = {**present, **(given or {})}
    return {key: value for key, value in merged.items() if value}
