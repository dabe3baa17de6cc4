"""Signing in, accounts and API keys."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from fulfil.api.access import Scope
from fulfil.api.schemas.base import Body, Instant, Line, Representation
from fulfil.models.ids import ProviderId
from fulfil.models.messages.parties import Role

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=320,
        pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$",
    ),
    Field(examples=["ada@example.com"]),
]
Password = Annotated[
    str, StringConstraints(min_length=10, max_length=200), Field(examples=["correct horse battery staple"])
]


class Login(Body):
    """Who signs in."""

    email: Email
    password: Annotated[str, StringConstraints(max_length=200), Field(examples=["correct horse battery staple"])]


class AccessToken(Representation):
    """Send it as `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 (the standard's word)
    expires_in: int = Field(description="Seconds.", examples=[43200])


class OidcIdentity(Body):
    """A person at a foreign issuer."""

    issuer: Annotated[str, StringConstraints(max_length=255, pattern=r"^https?://[^|\s]+$")]
    subject: Annotated[str, StringConstraints(min_length=1, max_length=250, pattern=r"^[^|\s]+$")]


class NewAccount(Body):
    """A registration; anybody may register a customer, administrators every role."""

    email: Email
    name: Line = Field(examples=["Ada Lovelace"])
    password: Password | None = Field(None, description="Not needed by those who sign in elsewhere (`oidc`).")
    role: Role = Role.CUSTOMER
    provider_id: ProviderId | None = Field(None, description="Which provider a provider's account acts for.")
    oidc: OidcIdentity | None = Field(None, description="Administrators only: the identity at a foreign issuer.")


class Account(Representation):
    """A sign-in, and the party it acts for."""

    id: str
    email: str
    name: str
    role: Role
    party_id: str | None = Field(examples=["cus_01a1fd64aa6677a18c33bf20b84fe1e2"])
    created_at: Instant


class NewApiKey(Body):
    """A key for a program, with as few rights as it needs."""

    name: Line = Field(examples=["Shop integration"])
    scopes: list[Scope] = Field(min_length=1, max_length=30, examples=[["orders:read", "orders:write"]])


class ApiKey(Representation):
    """A key; its secret is shown once, when it is made."""

    id: str
    name: str
    prefix: str = Field(examples=["ful_test_8Jx2aQd"])
    scopes: list[str]
    created_at: Instant


class ApiKeyCreated(ApiKey):
    """`secret` is null when a repeated request finds the key already made: revoke it and make another."""

    secret: str | None = Field(examples=["ful_test_8Jx2aQdO3…"])


class ApiKeys(Representation):
    """All keys in use."""

    data: list[ApiKey]
