"""Access tokens of foreign OpenID Connect issuers, such as Keycloak: keys by JWKS, cached, fetched sparingly."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import jwt

from fulfil.api.security import LEEWAY_S, InvalidTokenError

ALGORITHMS = ("RS256", "ES256")
TOKEN_TYPES = ("JWT", "at+jwt", "application/at+jwt")
DISCOVERY = "/.well-known/openid-configuration"
KEYS_LAST_S = 3600.0
REFETCH_PAUSE_S = 30.0
TIMEOUT_S = 5.0
MAX_DOCUMENT_BYTES = 512 * 1024


class IssuerUnavailableError(Exception):
    """The issuer's keys can't be fetched right now."""


@dataclass(frozen=True)
class ForeignIdentity:
    """A verified person at a foreign issuer; `subject` is unique across issuers."""

    subject: str
    email: str | None
    name: str | None


@dataclass
class _Issuer:
    url: str
    keys: dict[str, jwt.PyJWK] = field(default_factory=dict[str, jwt.PyJWK])
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class OidcVerifier:
    """Verifies access tokens of the issuers in the settings; anybody else's are refused.

    An unknown key id makes it look for new keys, at most once in 30 s per issuer, so that forged tokens
    can't make us hammer it. Raises `InvalidTokenError` or `IssuerUnavailableError`.
    """

    def __init__(
        self,
        issuers: Sequence[str],
        audience: str,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuers = {url: _Issuer(url) for url in issuers}
        self._audience = audience
        self._http = http
        self._clock = clock

    def knows(self, issuer: str) -> bool:
        """Whether tokens of this issuer may be good."""
        return issuer in self._issuers

    async def verify(self, token: str, issuer: str) -> ForeignIdentity:
        """The person behind a token."""
        header = _header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise InvalidTokenError(f"signed with {algorithm}; {' or '.join(ALGORITHMS)} is accepted")
        if header.get("typ", "JWT") not in TOKEN_TYPES:
            raise InvalidTokenError("not an access token")
        key = await self._key(self._issuers[issuer], str(header.get("kid", "")))
        if key.algorithm_name != algorithm:
            raise InvalidTokenError("signed with another algorithm than its key is for")
        try:
            payload: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                issuer=issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise InvalidTokenError(str(error)) from error
        if payload.get("typ", "Bearer") != "Bearer":
            raise InvalidTokenError("not an access token")
        verified = payload.get("email_verified") is True
        return ForeignIdentity(
            subject=f"{issuer}|{payload['sub']}",
            email=str(payload["email"]) if verified and payload.get("email") else None,
            name=str(payload["name"]) if payload.get("name") else None,
        )

    async def _key(self, issuer: _Issuer, kid: str) -> jwt.PyJWK:
        async with issuer.lock:
            now = self._clock()
            wanted = kid not in issuer.keys or now - issuer.fetched_at > KEYS_LAST_S
            if wanted and now - issuer.tried_at > REFETCH_PAUSE_S:
                issuer.tried_at = now
                await self._fetch(issuer)
        if not issuer.keys:
            raise IssuerUnavailableError(f"the keys of {issuer.url} can't be fetched")
        key = issuer.keys.get(kid)
        if key is None:
            raise InvalidTokenError("signed with an unknown key")
        return key

    async def _fetch(self, issuer: _Issuer) -> None:
        """Replace the keys; those of before go on when the issuer does not answer."""
        try:
            configuration = await self._document(issuer.url.rstrip("/") + DISCOVERY)
            if configuration.get("issuer") != issuer.url:
                raise IssuerUnavailableError(f"{issuer.url} describes another issuer")
            jwks = await self._document(str(configuration.get("jwks_uri")))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
            if not issuer.keys:
                raise IssuerUnavailableError(f"the keys of {issuer.url} can't be fetched") from error
            return
        keys = cast("Sequence[Mapping[str, Any]]", jwks.get("keys", []))
        issuer.keys = {str(key["kid"]): parsed for key in keys if (parsed := _signing_key(key)) is not None}
        issuer.fetched_at = self._clock()

    async def _document(self, url: str) -> Mapping[str, Any]:
        response = await self._http.get(url, timeout=TIMEOUT_S)
        response.raise_for_status()
        if len(response.content) > MAX_DOCUMENT_BYTES:
            raise ValueError(f"{url} is too large")
        document = response.json()
        if not isinstance(document, dict):
            raise TypeError(f"{url} is not a JSON object")
        return cast("Mapping[str, Any]", document)


def _header(token: str) -> Mapping[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise InvalidTokenError("not a token") from error


def _signing_key(key: Mapping[str, Any]) -> jwt.PyJWK | None:
    """None for what is not for signatures, or not for the algorithms we accept."""
    if "kid" not in key or key.get("use", "sig") != "sig" or key.get("kty") not in {"RSA", "EC"}:
        return None
    algorithm = {"RSA": "RS256", "EC": "ES256"}[key["kty"]]
    if key.get("alg", algorithm) != algorithm:
        return None
    try:
        return jwt.PyJWK(dict(key), algorithm=algorithm)
    except jwt.PyJWTError:
        return None
