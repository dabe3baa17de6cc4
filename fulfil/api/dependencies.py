"""What routes ask for: the context, the caller and her rights, idempotency, pages, expansion."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from fulfil.api.access import Principal, Scope
from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError, forbidden, invalid, unauthenticated
from fulfil.models.messages.parties import Role

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An access token of `POST /auth/login`, of a trusted OpenID Connect issuer, or an API key.",
)


async def _context(request: Request) -> ApiContext:
    return cast("ApiContext", request.app.state.context)


Context = Annotated[ApiContext, Depends(_context)]


async def _optional_caller(
    context: Context, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal | None:
    return None if credentials is None else await context.authenticator.principal(credentials.credentials)


OptionalCaller = Annotated[Principal | None, Depends(_optional_caller)]


async def _caller(caller: OptionalCaller) -> Principal:
    if caller is None:
        raise unauthenticated("not_authenticated", "Sign in, and send Authorization: Bearer with the token.")
    return caller


Caller = Annotated[Principal, Depends(_caller)]


def allowed(scope: Scope, *roles: Role) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that lets through callers of these roles whose key, if it is one, has the scope."""
    names = " or ".join(role.value for role in roles)

    async def check(caller: Caller) -> Principal:
        if caller.role not in roles:
            raise forbidden("role_not_allowed", f"This is for the role {names}; you are {caller.role.value}.")
        if not caller.has(scope):
            if caller.is_guest:
                raise guest_refused()
            raise forbidden("scope_missing", f"This API key lacks the scope {scope.value}.")
        return caller

    return check


def guest_refused() -> ProblemError:
    """What a guest is told where an account is needed."""
    return forbidden(
        "guest_not_allowed",
        "Guests upload files and ask for quotes. Register (POST /accounts with this token) to do this; your files "
        "and quotes come along.",
    )


async def _signed_in(caller: Caller) -> Principal:
    if caller.is_guest:
        raise guest_refused()
    if caller.scopes is not None:
        raise forbidden("sign_in_required", "API keys can't manage API keys: sign in.")
    return caller


SignedIn = Annotated[Principal, Depends(_signed_in)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any string of yours, one per intention: a repeated request with it joins the first.",
        examples=["0f8fad5b-d9cb-469f-a165-70867728950e"],
    ),
]


def required(key: str | None) -> str:
    """Where repeating must be safe the key is not optional."""
    if key is None:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "idempotency_key_missing",
            "Send an Idempotency-Key header, for instance a UUID, and the same one when you repeat this request.",
            param="Idempotency-Key",
        )
    return key


@dataclass(frozen=True)
class PageRequest:
    """Which part of a list."""

    limit: int
    starting_after: str | None


async def _page(
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 20,
    starting_after: Annotated[
        str | None,
        Query(pattern=r"^[a-z]{3}_[0-9a-f]{32}$", description="The last id of the page before this one."),
    ] = None,
) -> PageRequest:
    return PageRequest(limit, starting_after)


Paging = Annotated[PageRequest, Depends(_page)]


def expandable(*names: str) -> Callable[[str], Awaitable[frozenset[str]]]:
    """A dependency that reads `expand=a,b` and refuses what is not one of the names."""

    async def read(
        expand: Annotated[str, Query(max_length=200, description=f"Any of {', '.join(names)}; comma-separated.")] = "",
    ) -> frozenset[str]:
        return checked_expansion(expand, names)

    return read


def checked_expansion(expand: str, names: Collection[str]) -> frozenset[str]:
    """The names asked for."""
    asked = frozenset(part.strip() for part in expand.split(",") if part.strip())
    unknown = sorted(asked - set(names))
    if unknown:
        raise invalid("expand_unknown", f"{unknown[0]} can't be expanded; {', '.join(names)} can.", "expand")
    return asked
