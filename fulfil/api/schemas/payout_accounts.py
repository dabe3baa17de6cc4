"""Where a provider is paid: her account at the payment provider, and what stands between her and the platform."""

from typing import Annotated

from pydantic import Field, StringConstraints

from fulfil.api.schemas.base import Body, Instant, Representation
from fulfil.models.ids import ProviderId
from fulfil.models.money import Money

WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2048)]


class NewOnboarding(Body):
    """Where the payment provider sends her when she is done, and when her link has gone stale."""

    return_url: WebAddress = Field(examples=["https://shop.example/payouts/done"])
    refresh_url: WebAddress = Field(examples=["https://shop.example/payouts/again"])


class Onboarding(Representation):
    """A page of the payment provider's, for one visit."""

    url: str
    expires_at: Instant


class PayoutAccount(Representation):
    """Whether she can be paid, what she must still provide, what she is owed and what she owes."""

    provider_id: ProviderId
    can_receive_transfers: bool
    status: str = Field(examples=["active"], description="Of the capability to receive transfers; `none` without one.")
    due: list[str] = Field(description="What the payment provider still asks her for.")
    payable: list[Money] = Field(description="Approved and not transferred yet, per currency.")
    receivable: list[Money] = Field(description="Taken back from her and netted from later payouts, per currency.")
