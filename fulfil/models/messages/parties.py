"""Who acts and who is waited for."""

from enum import StrEnum

from fulfil.models.messages.base import Message


class Role(StrEnum):
    """What an account may do."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    DRIVER = "driver"
    SUPPORT = "support"
    ADMIN = "admin"


class ActorKind(StrEnum):
    """Who caused an event."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    SUPPORT = "support"
    ADMIN = "admin"
    SYSTEM = "system"
    STRIPE = "stripe"


class WaitingOn(StrEnum):
    """Whose move it is."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    SYSTEM = "system"
    SUPPORT = "support"
    NOBODY = "nobody"


class Actor(Message):
    """Who did something: `id` is an account, customer or provider id, or a component's name."""

    kind: ActorKind
    id: str


SYSTEM = Actor(kind=ActorKind.SYSTEM, id="fulfil")
STRIPE = Actor(kind=ActorKind.STRIPE, id="stripe")
