"""Providers."""

import asyncio
from typing import Any

import pytest

from fulfil.models.ids import new_id
from fulfil.models.tables.accounts import ProviderRow
from tests.api.running import Api
from tests.api.world import Person, World

NEW = {"name": "Printworks", "capabilities": {"FDM": ["pla", "PETG"]}}


async def test_a_provider_gets_a_connected_account(paying_api: Api, world: World, admin: Person) -> None:
    answers = [await paying_api.post("/providers", admin, key="p1", json=NEW) for _ in range(2)]
    provider = answers[0].json()
    [row] = await world.rows(ProviderRow)
    assert answers[0].status_code == 201
    assert answers[1].json() == provider
    assert provider["stripe_account_id"].startswith("acct_")
    assert (provider["commission_bp"], provider["capacity_jobs"], provider["online"]) == (1500, 10, True)
    assert row.capabilities == {"fdm": ["PLA", "PETG"]}


async def test_a_provider_is_created_by_the_repeated_request_once_stripe_is_back(
    api: Api, paying_api: Api, world: World, admin: Person
) -> None:
    down = await api.post("/providers", admin, key="p1", json=NEW)
    back = await paying_api.post("/providers", admin, key="p1", json=NEW)
    assert (down.status_code, down.json()["code"]) == (503, "payment_provider_unavailable")
    assert back.status_code == 201
    assert len(await world.rows(ProviderRow)) == 1


async def account_at_stripe(api: Api) -> str:
    """A connected account that is nobody's yet."""
    return await api.context.stripe.create_recipient_account(
        provider_id=new_id("prv"), name="Maker", idempotency_key=new_id("key")
    )


async def test_a_provider_may_bring_her_account(paying_api: Api, admin: Person) -> None:
    account = await account_at_stripe(paying_api)
    created = await paying_api.post("/providers", admin, json={**NEW, "stripe_account_id": account})
    assert (created.status_code, created.json()["stripe_account_id"]) == (201, account)


async def test_an_account_that_stripe_does_not_know_is_refused(
    paying_api: Api, world: World, provider: Person, admin: Person
) -> None:
    unknown = {"stripe_account_id": "acct_unknown"}
    answers = [
        await paying_api.request("PUT", f"/providers/{provider.party_id}/stripe-account", admin, json=unknown),
        await paying_api.post("/providers", admin, json={**NEW, **unknown}),
    ]
    for answer in answers:
        refused = (answer.status_code, answer.json()["code"], answer.json()["param"])
        assert refused == (422, "no_such_account", "stripe_account_id")
    assert [row.stripe_account_id for row in await world.rows(ProviderRow)] == [None]


async def test_an_account_is_one_providers_alone(
    paying_api: Api, world: World, provider: Person, rival: Person, admin: Person
) -> None:
    named = {"stripe_account_id": await account_at_stripe(paying_api)}

    async def name_it(person: Person) -> Any:
        return await paying_api.request("PUT", f"/providers/{person.party_id}/stripe-account", admin, json=named)

    answers = await asyncio.gather(name_it(provider), name_it(rival))
    created = await paying_api.post("/providers", admin, json={**NEW, **named})
    [hers] = [row.id for row in await world.rows(ProviderRow) if row.stripe_account_id]
    again = await name_it(provider if hers == provider.party_id else rival)

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert (created.status_code, created.json()["code"]) == (409, "account_taken")
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("name", "", "name"),
        ("capabilities", {}, "capabilities"),
        ("capabilities", {"fdm": []}, "capabilities.fdm"),
        ("capabilities", {"fdm": ["P'LA"]}, "capabilities.fdm.0"),
        ("commission_bp", 10_001, "commission_bp"),
        ("commission_bp", "15%", "commission_bp"),
        ("capacity_jobs", 0, "capacity_jobs"),
        ("stripe_account_id", "sk_live_1", "stripe_account_id"),
        ("score", 100, "score"),
    ],
)
async def test_a_bad_provider_names_the_field(
    api: Api, world: World, admin: Person, field: str, value: Any, param: str
) -> None:
    response = await api.post("/providers", admin, json={**NEW, field: value})
    assert (response.status_code, response.json()["param"]) == (422, param)
    assert not await world.rows(ProviderRow)


async def test_providers_are_listed_in_pages(api: Api, world: World, admin: Person) -> None:
    providers = [await world.provider() for _ in range(3)]
    first = (await api.get("/providers", admin, params={"limit": 2})).json()
    rest = (await api.get("/providers", admin, params={"limit": 2, "starting_after": first["data"][1]["id"]})).json()
    assert [each["id"] for each in first["data"] + rest["data"]] == providers[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)


async def test_a_limit_beyond_100_is_refused(api: Api, admin: Person) -> None:
    for limit in (0, 101, 10**9, "many"):
        response = await api.get("/providers", admin, params={"limit": limit})
        assert (response.status_code, response.json()["param"]) == (422, "limit")


async def test_administration_names_the_account_she_is_paid_to(
    paying_api: Api, provider: Person, admin: Person
) -> None:
    path = f"/providers/{provider.party_id}"
    account = await account_at_stripe(paying_api)
    paid = await paying_api.request("PUT", f"{path}/stripe-account", admin, json={"stripe_account_id": account})
    assert paid.json()["stripe_account_id"] == account
    wrong = await paying_api.request("PUT", f"{path}/stripe-account", admin, json={"stripe_account_id": "iban"})
    assert (wrong.status_code, wrong.json()["param"]) == (422, "stripe_account_id")


async def test_a_provider_takes_a_break(api: Api, provider: Person, admin: Person) -> None:
    path = f"/providers/{provider.party_id}"
    away = await api.request("PUT", f"{path}/online", provider, json={"online": False})
    assert away.json()["online"] is False
    assert (await api.get(path, admin)).json()["online"] is False
    wrong = await api.request("PUT", f"{path}/online", provider, json={"online": "maybe"})
    assert (wrong.status_code, wrong.json()["param"]) == (422, "online")
