"""Guests: files and quotes without an account, limits on how many, and what comes along when they register."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from fulfil.api.access import GUEST_SCOPES
from fulfil.kit.settings import Settings
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import AccountRow
from tests.api.quoted import item_row, quote_row
from tests.api.running import Api, api_of
from tests.api.test_files import STL
from tests.api.world import Person, World

REGISTRATION = {"email": "ada@example.com", "name": "Ada", "password": "correct horse battery staple"}


async def guest_of(api: Api, **headers: str) -> Person:
    """Somebody without an account."""
    answer = await api.post("/guests", headers=headers)
    assert answer.status_code == 201, answer.text
    token = answer.json()["access_token"]
    claims = api.context.tokens.read(token)
    return Person(claims.account_id, claims.party_id, Role.CUSTOMER, "", {"Authorization": f"Bearer {token}"})


async def upload(api: Api, person: Person, content: bytes = STL) -> dict[str, str]:
    """Her file."""
    stored = await api.post("/files", person, files={"file": ("part.stl", content)})
    assert stored.status_code == 201, stored.text
    return dict(stored.json())


async def quote(api: Api, world: World, person: Person, file_id: str) -> str:
    """A quote of hers, as the worker stores it."""

    async def prepare(request: object) -> None:
        quote_id = getattr(request, "quote_id", "")
        await world.add(quote_row(quote_id, person.owner_id), item_row(quote_id, file_id))

    api.quote_work.effects["quote"] = prepare
    answer = await api.post("/quotes", person, json={"items": [{"file_id": file_id, "material": "PLA"}]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_guest_uploads_and_gets_a_price_and_nothing_else(api: Api, world: World) -> None:
    guest = await guest_of(api)
    file = await upload(api, guest)
    quote_id = await quote(api, world, guest, file["id"])
    order = await api.post("/orders", guest, key="k1", json={"quote_id": quote_id})
    others = [await api.get(path, guest) for path in ("/orders", "/jobs", "/me", "/api-keys")]

    assert (await api.get("/quotes", guest)).json()["data"][0]["id"] == quote_id
    for refused in (order, *others):
        assert (refused.status_code, refused.json()["code"]) == (403, "guest_not_allowed")
        assert "Register" in refused.json()["detail"]
    assert not await world.rows(AccountRow)
    assert {scope.value.partition(":")[0] for scope in GUEST_SCOPES} == {"files", "quotes"}


async def test_guests_do_not_see_each_other(api: Api, world: World) -> None:
    guest, other = await guest_of(api), await guest_of(api)
    file = await upload(api, guest)
    quote_id = await quote(api, world, guest, file["id"])
    for path in (f"/files/{file['id']}", f"/files/{file['id']}/preview.png", f"/quotes/{quote_id}"):
        assert (await api.get(path, other)).status_code == 404


async def test_a_guest_lasts_a_day(api: Api) -> None:
    answer = (await api.post("/guests")).json()
    claims = api.context.tokens.read(answer["access_token"])
    api.clock.ahead = timedelta(hours=-25)
    old = (await api.post("/guests")).json()["access_token"]
    expired = await api.get("/quotes", headers={"Authorization": f"Bearer {old}"})
    assert (answer["expires_in"], claims.is_guest) == (24 * 3600, True)
    assert (expired.status_code, expired.json()["code"]) == (401, "token_invalid")


async def test_who_registers_as_a_guest_takes_her_files_and_quotes_along(api: Api, world: World) -> None:
    guest = await guest_of(api)
    file = await upload(api, guest)
    quote_id = await quote(api, world, guest, file["id"])
    account = await api.post("/accounts", guest, json=REGISTRATION)
    login = {"email": REGISTRATION["email"], "password": REGISTRATION["password"]}
    token = (await api.post("/auth/login", json=login)).json()["access_token"]
    hers = {"Authorization": f"Bearer {token}"}

    assert (account.status_code, account.json()["party_id"]) == (201, guest.party_id)
    assert (await api.get(f"/quotes/{quote_id}", headers=hers)).status_code == 200
    assert (await api.get(f"/files/{file['id']}", headers=hers)).status_code == 200


async def test_a_guests_things_go_to_one_account_only(api: Api) -> None:
    guest = await guest_of(api)
    first = await api.post("/accounts", guest, json=REGISTRATION)
    second = await api.post("/accounts", guest, json={**REGISTRATION, "email": "bob@example.com"})
    assert first.json()["party_id"] == guest.party_id
    assert second.status_code == 201
    assert second.json()["party_id"] not in (None, guest.party_id)


async def test_a_customers_token_does_not_give_her_party_away(api: Api, customer: Person) -> None:
    other = await api.post("/accounts", customer, json=REGISTRATION)
    assert other.json()["party_id"] != customer.party_id


async def test_a_guest_can_not_register_as_staff(api: Api) -> None:
    guest = await guest_of(api)
    refused = await api.post("/accounts", guest, json={**REGISTRATION, "role": "admin"})
    assert refused.status_code == 403


@pytest.fixture
async def narrow_api(settings: Settings) -> AsyncIterator[Api]:
    """Two of everything a minute, behind one proxy."""
    narrow = {
        "guest_sessions_per_minute": 2,
        "guest_uploads_per_minute": 2,
        "guest_quotes_per_minute": 1,
        "trusted_proxies": 1,
    }
    async with api_of(settings.model_copy(update=narrow)) as api:
        yield api


async def test_an_address_may_be_so_many_guests_a_minute(narrow_api: Api) -> None:
    spoofed = ["6.6.6.6, 192.0.2.7", "192.0.2.7", "7.7.7.7, 192.0.2.7"]
    answers = [await narrow_api.post("/guests", headers={"X-Forwarded-For": hops}) for hops in spoofed]
    elsewhere = await narrow_api.post("/guests", headers={"X-Forwarded-For": "192.0.2.8"})
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[2].json()["code"] == "too_many_requests"
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert elsewhere.status_code == 201


async def test_an_ipv6_network_is_one_address(narrow_api: Api) -> None:
    hops = ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3", "2001:db8:0:1::1"]
    answers = [await narrow_api.post("/guests", headers={"X-Forwarded-For": hop}) for hop in hops]
    assert [answer.status_code for answer in answers] == [201, 201, 429, 201]


async def test_without_a_proxy_nobody_is_believed_about_her_address(settings: Settings) -> None:
    async with api_of(settings.model_copy(update={"guest_sessions_per_minute": 1})) as api:
        answers = [await api.post("/guests", headers={"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(2)]
    assert [answer.status_code for answer in answers] == [201, 429]


async def test_a_guest_may_upload_and_ask_so_often_a_minute_from_anywhere(narrow_api: Api, world: World) -> None:
    guest = await guest_of(narrow_api, **{"X-Forwarded-For": "192.0.2.1"})
    file = await upload(narrow_api, guest)
    await quote(narrow_api, world, guest, file["id"])
    elsewhere = {"X-Forwarded-For": "192.0.2.99"}
    body = {"items": [{"file_id": file["id"], "material": "PLA"}]}
    over = await narrow_api.post("/quotes", guest, json=body, headers=elsewhere)
    uploads = [
        await narrow_api.post("/files", guest, files={"file": ("a.stl", STL)}, headers=elsewhere) for _ in range(2)
    ]
    assert (over.status_code, [answer.status_code for answer in uploads]) == (429, [201, 429])


async def test_customers_are_not_counted(narrow_api: Api, customer: Person) -> None:
    for _ in range(4):
        await upload(narrow_api, customer)
