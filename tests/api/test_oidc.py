"""Tokens of a foreign issuer: verified by its published keys, and nothing else."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from fulfil.api.oidc import REFETCH_PAUSE_S, OidcVerifier
from fulfil.api.security import InvalidTokenError
from fulfil.kit.clock import utc_now
from fulfil.kit.settings import Settings
from fulfil.models.tables.accounts import AccountRow
from tests.api.running import Api, api_of
from tests.api.world import Person, World

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Issuer:
    """A small OpenID Connect provider."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    asked: list[str] = field(default_factory=list[str])
    broken: bool = False

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good access token says."""
        now = utc_now()
        claims = {
            "iss": self.url,
            "aud": "fulfil",
            "sub": "42",
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "typ": "Bearer",
            "email": "Eve@Example.com",
            "email_verified": True,
            "name": "Eve",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key: Any = RSA, algorithm: str = "RS256", kid: str = "rsa", **changes: Any) -> str:
        """A signed token."""
        header = changes.pop("header", {})
        return jwt.encode(self.claims(**changes), key, algorithm, headers={"kid": kid, **header})


def published(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    """A public key as JWK."""
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(key.public_key())
    else:
        jwk = ECAlgorithm.to_jwk(key.public_key())
    return {**json.loads(jwk), "kid": kid, "use": "sig"}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """The provider on a port of this machine."""
    running = Issuer(keys=[published(RSA, "rsa"), published(EC, "ec")])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append(self.path)
            document: dict[str, Any] = {"keys": running.keys}
            if self.path.endswith("openid-configuration"):
                document = {"issuer": running.url, "jwks_uri": f"{running.url}/keys"}
            body = json.dumps(document).encode()
            self.send_response(500 if running.broken else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.url = f"http://127.0.0.1:{server.server_address[1]}/realms/shop"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield running
    server.shutdown()
    server.server_close()


@pytest.fixture
async def trusting_api(settings: Settings, issuer: Issuer) -> AsyncIterator[Api]:
    """An application that trusts the issuer."""
    async with api_of(settings.model_copy(update={"oidc_issuers": [issuer.url]})) as api:
        yield api


async def me(api: Api, token: str) -> httpx.Response:
    """Who the API takes the bearer for."""
    return await api.get("/me", headers={"Authorization": f"Bearer {token}"})


async def test_a_person_seen_for_the_first_time_is_a_customer(trusting_api: Api, world: World, issuer: Issuer) -> None:
    first = await me(trusting_api, issuer.token())
    again = await me(trusting_api, issuer.token(EC, "ES256", "ec"))
    [row] = await world.rows(AccountRow)
    assert first.status_code == 200
    assert (first.json()["email"], first.json()["role"], first.json()["name"]) == ("eve@example.com", "customer", "Eve")
    assert first.json() == again.json()
    assert row.oidc_subject == f"{issuer.url}|42"
    assert row.password_hash is None


async def test_an_account_linked_by_an_administrator_keeps_its_role(
    trusting_api: Api, issuer: Issuer, admin: Person
) -> None:
    new = {
        "email": "eve@example.com",
        "name": "Eve",
        "role": "support",
        "oidc": {"issuer": issuer.url, "subject": "42"},
    }
    assert (await trusting_api.post("/accounts", admin, json=new)).status_code == 201
    assert (await me(trusting_api, issuer.token())).json()["role"] == "support"


async def test_an_email_in_use_is_never_taken_over(trusting_api: Api, issuer: Issuer, customer: Person) -> None:
    response = await me(trusting_api, issuer.token(email=customer.email))
    assert (response.status_code, response.json()["code"]) == (403, "account_not_linked")


async def test_an_unverified_email_opens_no_account(trusting_api: Api, world: World, issuer: Issuer) -> None:
    response = await me(trusting_api, issuer.token(email_verified=False))
    assert (response.status_code, response.json()["code"]) == (403, "email_not_verified")
    assert not await world.rows(AccountRow)


def public_pem() -> bytes:
    """What an attacker knows of the issuer's key."""
    return RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def hs256_with_the_public_key(issuer: Issuer) -> str:
    """PyJWT itself refuses to make this one."""
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    claims = {**issuer.claims(), "iat": 0, "exp": 2**40}

    def encoded(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    head = encoded(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "rsa"}).encode())
    body = encoded(json.dumps(claims).encode())
    digest = hmac.new(public_pem(), head + b"." + body, hashlib.sha256).digest()
    return b".".join([head, body, encoded(digest)]).decode()


async def test_forged_tokens_are_refused(trusting_api: Api, world: World, issuer: Issuer) -> None:
    now = utc_now()
    forged = {
        "none": jwt.encode(issuer.claims(), "", "none", headers={"kid": "rsa"}),
        "HS256 with the public key": hs256_with_the_public_key(issuer),
        "another key": issuer.token(OTHER_RSA),
        "unknown kid": issuer.token(OTHER_RSA, kid="mine"),
        "another algorithm": issuer.token(algorithm="RS512"),
        "another issuer": issuer.token(iss="https://evil.example"),
        "another audience": issuer.token(aud="account"),
        "expired": issuer.token(exp=now - timedelta(minutes=1)),
        "endless": issuer.token(exp=None),
        "an id token": issuer.token(typ="ID"),
        "a logout token": issuer.token(header={"typ": "logout+jwt"}),
        "keys from elsewhere": issuer.token(OTHER_RSA, header={"jku": "https://evil.example/keys"}),
        "a key brought along": issuer.token(OTHER_RSA, header={"jwk": published(OTHER_RSA, "rsa")}),
    }
    answers = {name: (await me(trusting_api, token)).status_code for name, token in forged.items()}
    assert answers == dict.fromkeys(forged, 401)
    assert not await world.rows(AccountRow)


async def test_an_issuer_that_does_not_answer_is_a_503_until_its_keys_are_known(
    trusting_api: Api, issuer: Issuer
) -> None:
    issuer.broken = True
    response = await me(trusting_api, issuer.token())
    assert (response.status_code, response.json()["code"]) == (503, "identity_provider_unavailable")


async def test_keys_are_fetched_sparingly_and_rolled(issuer: Issuer) -> None:
    now = 0.0
    async with httpx.AsyncClient() as http:
        verifier = OidcVerifier([issuer.url], "fulfil", http, clock=lambda: now)
        for _ in range(3):
            assert (await verifier.verify(issuer.token(), issuer.url)).subject == f"{issuer.url}|42"
        assert len(issuer.asked) == 2

        rolled = issuer.token(OTHER_RSA, kid="new")
        for _ in range(20):
            with pytest.raises(InvalidTokenError, match="unknown key"):
                await verifier.verify(rolled, issuer.url)
        assert len(issuer.asked) == 2

        now += REFETCH_PAUSE_S + 1
        issuer.keys.append(published(OTHER_RSA, "new"))
        await verifier.verify(rolled, issuer.url)
        assert len(issuer.asked) == 4

        issuer.broken = True
        now += 4000
        await verifier.verify(issuer.token(), issuer.url)
