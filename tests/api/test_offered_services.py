"""Services: what providers offer for delivery by milestones."""

from typing import Any

from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import ServiceRow
from tests.api.deliveries import add_delivery
from tests.api.running import Api
from tests.api.world import Person, World


def service(**changed: Any) -> dict[str, Any]:
    """A good body, but for what is changed."""
    return {
        "title": "Design of a housing",
        "description": "From your sketch\nto a printable model.",
        "price": {"amount_minor": 50_000, "currency": "eur"},
        "milestones": plan(3000, 7000),
        "checklist": ["Closed surface"],
        **changed,
    }


def plan(*shares: int) -> list[dict[str, Any]]:
    """Milestones with these shares, a week each."""
    return [
        {"title": f"Part {number}", "days": 7 * number, "share_bp": share}
        for number, share in enumerate(shares, start=1)
    ]


async def test_a_service_is_offered_once_and_seen_by_everybody_signed_in(
    api: Api, world: World, provider: Person, customer: Person, supporter: Person
) -> None:
    answers = [await api.post("/services", provider, json=service(), key="one") for _ in range(2)]
    created = answers[0].json()
    seen = [await api.get(f"/services/{created['id']}", person) for person in (customer, provider, supporter)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json() == seen[0].json() == seen[1].json() == seen[2].json()
    assert (created["provider_id"], created["provider_name"]) == (provider.party_id, "Printworks")
    assert (created["revisions_included"], created["active"]) == (2, True)
    assert created["milestones"] == plan(3000, 7000)
    assert len(await world.rows(ServiceRow)) == 1


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"milestones": plan(3000, 6000)}, "milestone_shares", "make up 9000 basis points"),
    ({"milestones": plan(5000, 5001)}, "milestone_shares", "10001"),
    ({"milestones": []}, "parameter_invalid", "milestones"),
    ({"milestones": plan(*[500] * 20, 1)}, "parameter_invalid", "milestones"),
    ({"milestones": plan(10_000, 0)}, "parameter_invalid", "milestones"),
    ({"milestones": [*plan(5000), {**plan(5000)[0], "days": 1}]}, "days_out_of_order", "in their order"),
    ({"price": {"amount_minor": 0, "currency": "eur"}}, "price_not_chargeable", "positive"),
    ({"price": {"amount_minor": 1001, "currency": "kwd"}}, "price_not_chargeable", "multiple of 10"),
    ({"price": {"amount_minor": 1, "currency": "eur"}}, "milestone_without_amount", "nothing"),
    ({"revisions_included": 21}, "parameter_invalid", "revisions_included"),
    ({"checklist": ["A", "A"]}, "criterion_twice", "twice"),
    ({"description": "bell\x07"}, "parameter_invalid", "control"),
]


async def test_a_service_that_can_not_be_kept_is_refused(api: Api, world: World, provider: Person) -> None:
    for changed, code, said in REFUSED:
        answer = await api.post("/services", provider, json=service(**changed))
        assert (answer.status_code, answer.json()["code"]) == (422, code), changed
        assert said in answer.json()["detail"]
    assert not await world.rows(ServiceRow)


async def test_services_are_listed_by_provider_and_only_hers_are_shown_when_they_can_not_be_ordered(
    api: Api, provider: Person, rival: Person, customer: Person
) -> None:
    mine = [(await api.post("/services", provider, json=service())).json()["id"] for _ in range(2)]
    hers = (await api.post("/services", rival, json=service())).json()["id"]
    switched = await api.request("PUT", f"/services/{mine[0]}/active", provider, json={"active": False})

    async def ids(person: Person, query: str = "") -> list[str]:
        return [one["id"] for one in (await api.get(f"/services{query}", person)).json()["data"]]

    assert switched.json()["active"] is False
    assert await ids(customer) == [hers, mine[1]]
    assert await ids(provider) == [hers, mine[1], mine[0]]
    assert await ids(customer, f"?provider_id={provider.party_id}") == [mine[1]]
    assert await ids(customer, f"?limit=1&starting_after={hers}") == [mine[1]]
    assert (await api.get(f"/services/{mine[0]}", customer)).status_code == 404
    assert (await api.get(f"/services/{mine[0]}", provider)).status_code == 200


async def test_a_changed_service_leaves_running_orders_as_they_are(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    delivery = await add_delivery(api, world, customer, provider)
    before = await delivery.look()
    changed = await api.request(
        "PUT", f"/services/{delivery.service_id}", provider, json=service(title="Other", milestones=plan(10_000))
    )
    assert (changed.status_code, changed.json()["title"], len(changed.json()["milestones"])) == (200, "Other", 1)
    assert await delivery.look() == before


async def test_a_suspended_provider_offers_nothing(api: Api, world: World, provider: Person, customer: Person) -> None:
    known = (await api.post("/services", provider, json=service())).json()["id"]
    async with world.begin() as session:
        await session.execute(update(ProviderRow).values(suspended_at=utc_now()))
    answers = [
        await api.post("/services", provider, json=service()),
        await api.request("PUT", f"/services/{known}", provider, json=service()),
        await api.request("PUT", f"/services/{known}/active", provider, json={"active": True}),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "provider_suspended")}
    assert (await api.get(f"/services/{known}", customer)).status_code == 404
