"""Who may do what: roles, the scopes of API keys, and the caller of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fulfil.models.messages.parties import Actor, ActorKind, Role


class Scope(StrEnum):
    """What an API key may be allowed; a signed-in person has every scope of her role."""

    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    QUOTES_READ = "quotes:read"
    QUOTES_WRITE = "quotes:write"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    OFFERS_READ = "offers:read"
    OFFERS_WRITE = "offers:write"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    PROVIDERS_READ = "providers:read"
    PROVIDERS_WRITE = "providers:write"
    SHIPMENTS_WRITE = "shipments:write"
    SUPPORT_READ = "support:read"
    SUPPORT_WRITE = "support:write"
    ACCOUNTS_WRITE = "accounts:write"
    DOCUMENTS_READ = "documents:read"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"


_READ_ALL = frozenset(
    [
        *(Scope.FILES_READ, Scope.QUOTES_READ, Scope.ORDERS_READ, Scope.OFFERS_READ),
        *(Scope.JOBS_READ, Scope.PROVIDERS_READ, Scope.DOCUMENTS_READ),
    ]
)
_PAPERS = (Scope.DOCUMENTS_READ, Scope.BILLING_READ, Scope.BILLING_WRITE)
_SUPPORT = _READ_ALL | {Scope.SUPPORT_READ, Scope.SUPPORT_WRITE, Scope.JOBS_WRITE, Scope.SHIPMENTS_WRITE}

SCOPES_OF_ROLE: Mapping[Role, frozenset[Scope]] = {
    Role.CUSTOMER: frozenset(
        [
            *(Scope.FILES_READ, Scope.FILES_WRITE, Scope.QUOTES_READ, Scope.QUOTES_WRITE),
            *(Scope.ORDERS_READ, Scope.ORDERS_WRITE, Scope.JOBS_READ, Scope.JOBS_WRITE),
            *_PAPERS,
        ]
    ),
    Role.PROVIDER: frozenset(
        [
            *(Scope.FILES_READ, Scope.FILES_WRITE, Scope.OFFERS_READ, Scope.OFFERS_WRITE),
            *(Scope.JOBS_READ, Scope.JOBS_WRITE, Scope.PROVIDERS_READ, Scope.PROVIDERS_WRITE, Scope.SHIPMENTS_WRITE),
            *_PAPERS,
        ]
    ),
    Role.DRIVER: frozenset(),
    Role.SUPPORT: _SUPPORT,
    Role.ADMIN: _SUPPORT | {Scope.PROVIDERS_WRITE, Scope.ACCOUNTS_WRITE},
}

STAFF = (Role.SUPPORT, Role.ADMIN)
GUEST_SCOPES = frozenset([Scope.FILES_READ, Scope.FILES_WRITE, Scope.QUOTES_READ, Scope.QUOTES_WRITE])


@dataclass(frozen=True)
class Principal:
    """The caller: an account, acting for a party (`cus_…`, `prv_…`) when its role has one.

    `scopes` is None for a signed-in person, who may do all her role may. A guest is a customer without an account.
    """

    account_id: str
    role: Role
    party_id: str | None
    scopes: frozenset[Scope] | None = None
    is_guest: bool = False

    @property
    def owner_id(self) -> str:
        """Whose things hers are: her party's, or her own."""
        return self.party_id or self.account_id

    @property
    def is_staff(self) -> bool:
        """Support and administration read everybody's objects."""
        return self.role in STAFF

    @property
    def actor(self) -> Actor:
        """How the timeline names her: by party, staff by account."""
        return Actor(kind=ActorKind(self.role.value), id=self.owner_id)

    def has(self, scope: Scope) -> bool:
        """Whether role and key allow it."""
        return scope in SCOPES_OF_ROLE[self.role] and (self.scopes is None or scope in self.scopes)
