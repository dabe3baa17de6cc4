"""Passwords, our own access tokens and API keys: made and checked."""

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fulfil.models.messages.parties import Role

ISSUER = "fulfil"
AUDIENCE = "fulfil-api"
ALGORITHM = "HS256"
LEEWAY_S = 30
MIN_SECRET_BYTES = 32
KEY_PREFIX = "ful_"
SHOWN_KEY_CHARACTERS = 16
CONCURRENT_HASHES = 2


class WeakSecretError(ValueError):
    """The signing secret is missing or guessable."""


class InvalidTokenError(Exception):
    """The access token is not ours, expired, or altered; the message says which."""


class Passwords:
    """Argon2id, hashed in threads so that the loop goes on, few at a time so that memory does too."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._slots = asyncio.Semaphore(CONCURRENT_HASHES)
        self._decoy = ""

    async def hash(self, password: str) -> str:
        """A salted hash to store."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right; takes as long for an account that does not exist (`stored` None)."""
        if stored is None:
            self._decoy = self._decoy or await self.hash(secrets.token_hex())
        async with self._slots:
            matches = await asyncio.to_thread(self._matches, stored or self._decoy, password)
        return matches and stored is not None

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


@dataclass(frozen=True)
class TokenClaims:
    """What one of our access tokens says."""

    account_id: str
    role: Role
    party_id: str | None
    is_guest: bool = False  # there is no account behind it


class Tokens:
    """Our own access tokens: HS256 with issuer, audience, expiry and algorithm pinned.

    Raises `WeakSecretError` for a secret shorter than 32 bytes.
    """

    def __init__(self, secret: str, lifetime_s: int) -> None:
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise WeakSecretError(
                f"FULFIL_JWT_SECRET must have at least {MIN_SECRET_BYTES} bytes: try `openssl rand -base64 48`"
            )
        self._secret = secret
        self.lifetime_s = lifetime_s

    def issue(self, claims: TokenClaims, now: datetime, lifetime_s: int | None = None) -> str:
        """A token that is good until `lifetime_s` from now, ours unless given."""
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": claims.account_id,
            "role": claims.role.value,
            "party": claims.party_id,
            "iat": now,
            "exp": now + timedelta(seconds=lifetime_s or self.lifetime_s),
            "jti": secrets.token_hex(8),
        }
        if claims.is_guest:
            payload["guest"] = True
        return jwt.encode(payload, self._secret, ALGORITHM, headers={"typ": "at+jwt"})

    def read(self, token: str) -> TokenClaims:
        """What the token says; raises `InvalidTokenError`."""
        try:
            payload: Mapping[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
            return TokenClaims(
                account_id=str(payload["sub"]),
                role=Role(payload["role"]),
                party_id=payload.get("party"),
                is_guest=payload.get("guest") is True,
            )
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise InvalidTokenError(str(error)) from error


def issuer_of(token: str) -> str:
    """The issuer a token claims, unverified, to choose who verifies it; raises `InvalidTokenError`."""
    try:
        payload: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise InvalidTokenError("not a token") from error
    return str(payload.get("iss", ""))


@dataclass(frozen=True)
class NewSecret:
    """An API key at the only moment it can be seen, and what is stored of it."""

    secret: str
    prefix: str
    sha256: str


def new_api_secret() -> NewSecret:
    """Make `ful_test_…`: 256 random bits, so a fast hash is enough to store."""
    secret = f"{KEY_PREFIX}test_{secrets.token_urlsafe(32)}"
    return NewSecret(secret, secret[:SHOWN_KEY_CHARACTERS], hash_api_secret(secret))


def hash_api_secret(secret: str) -> str:
    """What a key is found by."""
    return hashlib.sha256(secret.encode()).hexdigest()
