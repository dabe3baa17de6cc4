"""From the Authorization header to a principal: our own tokens, foreign issuers' tokens, API keys."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import GUEST_SCOPES, Principal, Scope
from fulfil.api.errors import ProblemError, forbidden, unauthenticated, unavailable
from fulfil.api.oidc import ForeignIdentity, IssuerUnavailableError, OidcVerifier
from fulfil.api.outages import database_outages
from fulfil.api.readers.accounts import (
    SignIn,
    find_sign_in,
    find_sign_in_by_api_key,
    find_sign_in_by_oidc_subject,
)
from fulfil.api.security import ISSUER, KEY_PREFIX, InvalidTokenError, Tokens, hash_api_secret, issuer_of
from fulfil.api.writers.accounts import AccountOpening, EmailTakenError, open_account
from fulfil.kit.database import Database
from fulfil.models.messages.parties import Role

log = structlog.stdlib.get_logger(__name__)

REMEMBERED_S = 5.0
MOST_REMEMBERED = 10_000

Find = Callable[[AsyncSession], Awaitable[SignIn | None]]


@dataclass
class RecentSignIns:
    """Accounts looked up within the last seconds: a disabled account may act that much longer."""

    _found: dict[str, tuple[float, SignIn]] = field(default_factory=dict[str, tuple[float, SignIn]])

    def find(self, key: str) -> SignIn | None:
        """None when it must be looked up."""
        until, sign_in = self._found.get(key, (0.0, None))
        return sign_in if until > time.monotonic() else None

    def keep(self, key: str, sign_in: SignIn) -> None:
        """Remember for a few seconds."""
        if len(self._found) >= MOST_REMEMBERED:
            self._found.clear()
        self._found[key] = (time.monotonic() + REMEMBERED_S, sign_in)


class Authenticator:
    """Raises 401 problems for whoever can't be told, and 403 for whoever must not sign in."""

    def __init__(self, database: Database, tokens: Tokens, oidc: OidcVerifier, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._tokens = tokens
        self._oidc = oidc
        self._clock = clock
        self._recent = RecentSignIns()

    async def principal(self, token: str) -> Principal:
        """Who bears this token."""
        if token.startswith(KEY_PREFIX):
            sign_in = await self._by_api_key(token)
        else:
            found = await self._by_token(token)
            if isinstance(found, Principal):
                return found
            sign_in = found
        if sign_in.disabled:
            raise forbidden("account_disabled", "This account is disabled: ask support.")
        known = {scope.value: scope for scope in Scope}
        scopes = None if sign_in.scopes is None else frozenset(known[name] for name in sign_in.scopes if name in known)
        return Principal(sign_in.account_id, sign_in.role, sign_in.party_id, scopes)

    async def _by_api_key(self, secret: str) -> SignIn:
        # Never remembered: a revoked key must not work for another second.
        sha256 = hash_api_secret(secret)
        sign_in = await self._look_up(lambda session: find_sign_in_by_api_key(session, sha256))
        if sign_in is None:
            raise unauthenticated("api_key_invalid", "This API key is unknown or revoked.")
        return sign_in

    async def _by_token(self, token: str) -> SignIn | Principal:
        """The account behind the token; a guest's token says all there is to know of her."""
        try:
            issuer = issuer_of(token)
            if self._oidc.knows(issuer):
                return await self._by_identity(await self._oidc.verify(token, issuer))
            if issuer != ISSUER:
                raise _refused("from an issuer that is not trusted here")
            claims = self._tokens.read(token)
        except InvalidTokenError as error:
            raise _refused(str(error)) from error
        except IssuerUnavailableError as error:
            raise unavailable("identity_provider_unavailable", "Your identity provider does not answer.") from error
        if claims.is_guest:
            return Principal(claims.account_id, Role.CUSTOMER, claims.party_id, GUEST_SCOPES, is_guest=True)
        account_id = claims.account_id
        sign_in = await self._remembered(account_id, lambda session: find_sign_in(session, account_id))
        if sign_in is None:
            raise _refused("of an account that does not exist")
        return sign_in

    async def _by_identity(self, identity: ForeignIdentity) -> SignIn:
        subject = identity.subject
        sign_in = await self._remembered(subject, lambda session: find_sign_in_by_oidc_subject(session, subject))
        return sign_in or await self._register(identity)

    async def _register(self, identity: ForeignIdentity) -> SignIn:
        """A person seen for the first time is a customer; an e-mail already in use is never linked by itself."""
        if identity.email is None:
            raise forbidden("email_not_verified", "Your identity provider must confirm your e-mail address first.")
        opening = AccountOpening(
            email=identity.email.lower(),
            name=(identity.name or identity.email)[:200],
            role=Role.CUSTOMER,
            oidc_subject=identity.subject,
        )
        try:
            with database_outages():
                async with self._database.begin() as session:
                    await open_account(session, opening, self._clock())
        except EmailTakenError:
            log.info("the e-mail of a foreign identity is in use", subject=identity.subject)
        found = await self._look_up(lambda session: find_sign_in_by_oidc_subject(session, identity.subject))
        if found is None:
            raise forbidden(
                "account_not_linked",
                "An account with your e-mail address exists: ask support to link your identity to it.",
            )
        return found

    async def _remembered(self, key: str, find: Find) -> SignIn | None:
        sign_in = self._recent.find(key)
        if sign_in is None:
            sign_in = await self._look_up(find)
            if sign_in is not None:
                self._recent.keep(key, sign_in)
        return sign_in

    async def _look_up(self, find: Find) -> SignIn | None:
        with database_outages():
            async with self._database.begin() as session:
                return await find(session)


def _refused(why: str) -> ProblemError:
    return unauthenticated("token_invalid", f"The access token is not accepted ({why}): sign in again.")
