"""Signing in, registering, API keys."""

import asyncio
from datetime import timedelta
from typing import Any

import jwt
import pytest
from sqlalchemy import update

from fulfil.api.login_limit import FAILURES
from fulfil.api.security import Passwords, TokenClaims, Tokens
from fulfil.kit.clock import utc_now
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import AccountRow, ApiKeyRow
from tests.api.running import Api
from tests.api.world import SECRET, Person, World

PASSWORD = "correct horse battery staple"
REGISTRATION = {"email": " Ada@Example.com ", "name": "Ada", "password": PASSWORD}


async def test_a_customer_registers_signs_in_and_is_known(api: Api) -> None:
    registered = await api.post("/accounts", json=REGISTRATION)
    signed_in = await api.post("/auth/login", json={"email": "ADA@example.com", "password": PASSWORD})
    token = signed_in.json()["access_token"]
    me = await api.get("/me", headers={"Authorization": f"Bearer {token}"})

    assert registered.status_code == 201
    assert signed_in.json()["token_type"] == "bearer"
    assert signed_in.json()["expires_in"] == 12 * 3600
    assert me.json() == registered.json()
    assert me.json()["email"] == "ada@example.com"
    assert me.json()["role"] == "customer"
    assert me.json()["party_id"].startswith("cus_")


async def test_the_password_is_stored_as_argon2id(api: Api, world: World) -> None:
    await api.post("/accounts", json=REGISTRATION)
    [row] = await world.rows(AccountRow)
    assert row.password_hash.startswith("$argon2id$")
    assert PASSWORD not in row.password_hash


async def test_an_email_registers_once_in_any_letter_case(api: Api) -> None:
    await api.post("/accounts", json=REGISTRATION)
    again = await api.post("/accounts", json={**REGISTRATION, "email": "ADA@EXAMPLE.COM"})
    assert (again.status_code, again.json()["code"], again.json()["param"]) == (409, "email_taken", "email")


async def test_a_repeated_registration_is_one_account(api: Api, world: World) -> None:
    answers = [await api.post("/accounts", key="k1", json=REGISTRATION) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await world.rows(AccountRow)) == 1


@pytest.mark.parametrize("role", ["support", "admin", "provider", "driver"])
async def test_only_administrators_create_other_roles(
    api: Api, world: World, customer: Person, supporter: Person, role: str
) -> None:
    extra = {"provider_id": await world.provider()} if role == "provider" else {}
    new = {**REGISTRATION, "role": role, **extra}
    assert (await api.post("/accounts", json=new)).status_code == 401
    for person in (customer, supporter):
        assert (await api.post("/accounts", person, json=new)).status_code == 403


async def test_an_administrator_creates_a_providers_account(api: Api, world: World, admin: Person) -> None:
    provider_id = await world.provider()
    new = {**REGISTRATION, "role": "provider", "provider_id": provider_id}
    created = await api.post("/accounts", admin, json=new)
    assert (created.status_code, created.json()["party_id"]) == (201, provider_id)

    unknown = {**new, "email": "b@example.com", "provider_id": "prv_" + "f" * 32}
    refused = await api.post("/accounts", admin, json=unknown)
    assert (refused.status_code, refused.json()["param"]) == (422, "provider_id")


async def test_a_providers_account_needs_its_provider_and_others_none(api: Api, world: World, admin: Person) -> None:
    for new in ({"role": "provider"}, {"role": "support", "provider_id": await world.provider()}):
        refused = await api.post("/accounts", admin, json={**REGISTRATION, **new})
        assert (refused.status_code, refused.json()["param"]) == (422, "provider_id")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", "a b@example.com"),
        ("email", "ä@example.com\x00"),
        ("password", "short"),
        ("name", ""),
        ("name", "a\x00b"),
        ("name", "\ud800"),
        ("name", 7),
        ("role", "king"),
        ("party_id", "cus_" + "0" * 32),
    ],
)
async def test_a_bad_registration_names_the_field(api: Api, world: World, field: str, value: Any) -> None:
    import json  # noqa: PLC0415

    body = json.dumps({**REGISTRATION, field: value}).encode()
    response = await api.post("/accounts", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["param"]) == (422, field)
    assert str(value) not in response.text or value in ("", 7)
    assert not await world.rows(AccountRow)


async def test_wrong_password_and_unknown_email_read_the_same(api: Api) -> None:
    await api.post("/accounts", json=REGISTRATION)
    wrong = await api.post("/auth/login", json={"email": "ada@example.com", "password": "wrong password"})
    unknown = await api.post("/auth/login", json={"email": "bob@example.com", "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


async def test_guessing_passwords_is_slowed(api: Api) -> None:
    await api.post("/accounts", json=REGISTRATION)
    guess = {"email": "ada@example.com", "password": "wrong password"}
    guesses = await asyncio.gather(*(api.post("/auth/login", json=guess) for _ in range(FAILURES)))
    assert {answer.status_code for answer in guesses} == {401}

    slowed = await api.post("/auth/login", json={**guess, "password": PASSWORD})
    other = await api.post("/auth/login", json={"email": "bob@example.com", "password": PASSWORD})
    api.clock.ahead = timedelta(seconds=61)
    later = await api.post("/auth/login", json={**guess, "password": PASSWORD})

    assert slowed.status_code == 429
    assert 1 <= int(slowed.headers["Retry-After"]) <= 60
    assert (other.status_code, later.status_code) == (401, 200)


async def test_a_disabled_account_can_neither_sign_in_nor_act(api: Api, world: World) -> None:
    hashed = await Passwords().hash(PASSWORD)
    person = await world.person(Role.CUSTOMER, password_hash=hashed)
    async with world.begin() as session:
        await session.execute(update(AccountRow).values(disabled_at=utc_now()))
    assert (await api.post("/auth/login", json={"email": person.email, "password": PASSWORD})).status_code == 401
    acting = await api.get("/orders", person)
    assert (acting.status_code, acting.json()["code"]) == (403, "account_disabled")


def forged_tokens() -> dict[str, str]:
    """Tokens nobody of ours issued, or not for this, or not for now."""
    now = utc_now()
    good: dict[str, Any] = {
        "iss": "fulfil",
        "aud": "fulfil-api",
        "sub": "acc_" + "0" * 32,
        "role": "admin",
        "party": None,
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    return {
        "none": jwt.encode(good, "", "none"),
        "other secret": jwt.encode(good, "x" * 40, "HS256"),
        "other algorithm": jwt.encode(good, SECRET * 2, "HS512"),
        "other issuer": jwt.encode({**good, "iss": "https://evil.example"}, SECRET, "HS256"),
        "other audience": jwt.encode({**good, "aud": "somebody"}, SECRET, "HS256"),
        "expired": jwt.encode({**good, "exp": now - timedelta(minutes=1)}, SECRET, "HS256"),
        "endless": jwt.encode({name: good[name] for name in good if name != "exp"}, SECRET, "HS256"),
        "of an account that does not exist": jwt.encode(good, SECRET, "HS256"),
        "no token": "abc",
        "nothing": "",
        "no API key": "ful_test_abc",
    }


@pytest.mark.parametrize("name", list(forged_tokens()))
async def test_a_forged_token_opens_nothing(api: Api, name: str) -> None:
    response = await api.get("/me", headers={"Authorization": f"Bearer {forged_tokens()[name]}"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_the_role_in_a_token_is_not_believed(api: Api, customer: Person) -> None:
    token = Tokens(SECRET, 60).issue(TokenClaims(customer.account_id, Role.ADMIN, None), utc_now())
    response = await api.get("/providers", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 403


async def test_an_api_key_is_shown_once_stored_hashed_and_does_what_its_scopes_say(
    api: Api, world: World, customer: Person
) -> None:
    created = (await api.post("/api-keys", customer, json={"name": "shop", "scopes": ["orders:read"]})).json()
    listed = (await api.get("/api-keys", customer)).json()["data"]
    [row] = await world.rows(ApiKeyRow)
    headers = {"Authorization": f"Bearer {created['secret']}"}

    assert created["secret"].startswith("ful_test_")
    assert "secret" not in listed[0]
    assert created["secret"] not in str(row.__dict__)
    assert created["secret"].startswith(listed[0]["prefix"])
    assert (await api.get("/orders", headers=headers)).status_code == 200
    refused = await api.get("/quotes", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    keys = await api.get("/api-keys", headers=headers)
    assert (keys.status_code, keys.json()["code"]) == (403, "sign_in_required")


async def test_a_revoked_key_opens_nothing_at_once(api: Api, customer: Person, stranger: Person) -> None:
    key = (await api.post("/api-keys", customer, json={"name": "shop", "scopes": ["orders:read"]})).json()
    headers = {"Authorization": f"Bearer {key['secret']}"}
    assert (await api.get("/orders", headers=headers)).status_code == 200

    assert (await api.request("DELETE", f"/api-keys/{key['id']}", stranger)).status_code == 404
    assert (await api.request("DELETE", f"/api-keys/{key['id']}", customer)).status_code == 204

    assert (await api.get("/orders", headers=headers)).status_code == 401
    assert (await api.get("/api-keys", customer)).json()["data"] == []


async def test_a_repeated_key_request_makes_one_key_and_shows_its_secret_once(
    api: Api, world: World, customer: Person
) -> None:
    body = {"name": "shop", "scopes": ["orders:read"]}
    first = (await api.post("/api-keys", customer, key="k1", json=body)).json()
    again = (await api.post("/api-keys", customer, key="k1", json=body)).json()
    assert first["id"] == again["id"]
    assert again["secret"] is None
    assert len(await world.rows(ApiKeyRow)) == 1


async def test_a_key_can_not_do_more_than_its_owner(api: Api, customer: Person) -> None:
    response = await api.post("/api-keys", customer, json={"name": "x", "scopes": ["support:write"]})
    assert (response.status_code, response.json()["param"]) == (422, "scopes")
