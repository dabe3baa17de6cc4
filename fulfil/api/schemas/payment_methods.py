"""Saved cards: what a customer may be charged with later, without being there."""

from pydantic import Field

from fulfil.api.schemas.base import Representation


class CardSetup(Representation):
    """Give `client_secret` and `publishable_key` to the payment provider's card field: no card number comes here."""

    id: str = Field(examples=["seti_1Q2w3E4r5T6y7U8i"])
    client_secret: str
    publishable_key: str
    status: str = Field(examples=["requires_payment_method"])


class SavedPaymentCard(Representation):
    """A card of hers; `id` pays a new order with `POST /orders` (`payment_method`)."""

    id: str = Field(examples=["pm_1Q2w3E4r5T6y7U8i"])
    brand: str = Field(examples=["visa"])
    last4: str = Field(examples=["4242"])
    exp_month: int = Field(examples=[12])
    exp_year: int = Field(examples=[2031])


class SavedPaymentCards(Representation):
    """All cards of a customer, newest first."""

    data: list[SavedPaymentCard]
