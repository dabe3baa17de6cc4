"""Machines, calendar, closures, terms: kept by the provider, or agreed with administration."""

from datetime import timedelta
from typing import Any

import pytest

from fulfil.kit.clock import utc_now
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.providers import MachineRow
from tests.api.running import Api
from tests.api.world import Person, World

MACHINE: dict[str, Any] = {"name": "MK4", "process": "fdm", "materials": ["pla"], "volume_mm": [250, 210, 220.5]}
WEEK: dict[str, Any] = {"time_zone": "Europe/Berlin", "working_hours": {"mon": ["09:00", "17:00"]}}


async def test_machines_are_entered_changed_listed_and_removed(api: Api, world: World, provider: Person) -> None:
    path = f"/providers/{provider.party_id}/machines"
    first = await api.post(path, provider, json=MACHINE, key="m1")
    again = await api.post(path, provider, json=MACHINE, key="m1")
    second = (await api.post(path, provider, json={**MACHINE, "name": "Bed", "volume_mm": [600, 400]})).json()
    broken = await api.request("PUT", f"{path}/{second['id']}", provider, json={**MACHINE, "online": False})
    listed = (await api.get(path, provider)).json()["data"]
    removed = await api.request("DELETE", f"{path}/{second['id']}", provider)
    gone = await api.request("DELETE", f"{path}/{second['id']}", provider)

    assert (first.status_code, again.json()) == (201, first.json())
    assert (first.json()["materials"], first.json()["volume_mm"]) == (["PLA"], [250, 210, 220.5])
    assert (broken.json()["online"], broken.json()["name"]) == (False, "MK4")
    assert [each["id"] for each in listed] == [first.json()["id"], second["id"]]
    assert (removed.status_code, gone.status_code) == (204, 404)
    assert len(await world.rows(MachineRow)) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"process": "laser"}, "process_not_declared"),
        ({"materials": ["PLA", "PETG"]}, "material_not_declared"),
        ({"volume_mm": [250]}, "parameter_invalid"),
        ({"volume_mm": [250, 210, 0]}, "parameter_invalid"),
        ({"volume_mm": [250, 210, 1e9]}, "parameter_invalid"),
    ],
)
async def test_a_machine_does_what_its_provider_can_and_has_a_size(
    api: Api, provider: Person, change: dict[str, Any], code: str
) -> None:
    refused = await api.post(f"/providers/{provider.party_id}/machines", provider, json={**MACHINE, **change})
    assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_a_machine_of_another_provider_is_not_found(api: Api, provider: Person, rival: Person) -> None:
    machine = (await api.post(f"/providers/{rival.party_id}/machines", rival, json=MACHINE)).json()
    path = f"/providers/{provider.party_id}/machines/{machine['id']}"
    changed = await api.request("PUT", path, provider, json={**MACHINE, "name": "mine"})
    removed = await api.request("DELETE", path, provider)
    assert (changed.status_code, removed.status_code) == (404, 404)
    assert (await api.get(f"/providers/{rival.party_id}/machines", rival)).json()["data"] == [machine]


async def test_a_calendar_has_hours_per_weekday_in_her_time_zone(api: Api, provider: Person, admin: Person) -> None:
    path = f"/providers/{provider.party_id}/calendar"
    always = (await api.get(path, provider)).json()
    hours = {"mon": ["09:00", "17:00"], "sat": ["10:00", "24:00"]}
    week = (await api.request("PUT", path, provider, json={**WEEK, "working_hours": hours})).json()

    assert (always["time_zone"], always["working_hours"]) == ("UTC", None)
    assert (week["time_zone"], week["working_hours"]) == ("Europe/Berlin", hours)
    assert (await api.get(path, admin)).json() == week


@pytest.mark.parametrize(
    ("calendar", "param"),
    [
        ({**WEEK, "time_zone": "Europe/Atlantis"}, "time_zone"),
        ({**WEEK, "working_hours": {"mon": ["17:00", "09:00"]}}, "working_hours.mon"),
        ({**WEEK, "working_hours": {"mon": ["22:00", "06:00"]}}, "working_hours.mon"),
        ({**WEEK, "working_hours": {"mon": ["09:00", "09:00"]}}, "working_hours.mon"),
        ({**WEEK, "working_hours": {"mon": ["9", "17:00"]}}, "working_hours.mon.0"),
        ({**WEEK, "working_hours": {"mon": ["09:00", "25:00"]}}, "working_hours.mon.1"),
        ({**WEEK, "working_hours": {"someday": ["09:00", "17:00"]}}, "working_hours.someday.[key]"),
        ({**WEEK, "working_hours": {}}, "working_hours"),
    ],
)
async def test_a_calendar_that_can_not_be_names_the_field(
    api: Api, world: World, provider: Person, calendar: dict[str, Any], param: str
) -> None:
    refused = await api.request("PUT", f"/providers/{provider.party_id}/calendar", provider, json=calendar)
    assert (refused.status_code, refused.json()["param"]) == (422, param)
    assert [row.working_hours for row in await world.rows(ProviderRow)] == [None]


def closure(begins_days: float, ends_days: float) -> dict[str, str]:
    now = utc_now()
    return {
        "starts_at": (now + timedelta(days=begins_days)).isoformat(),
        "ends_at": (now + timedelta(days=ends_days)).isoformat(),
        "reason": "holidays",
    }


async def test_closures_are_planned_listed_and_taken_back(api: Api, provider: Person, rival: Person) -> None:
    path = f"/providers/{provider.party_id}/closures"
    later = (await api.post(path, provider, json=closure(30, 40), key="c1")).json()
    again = (await api.post(path, provider, json=closure(30, 40), key="c2")).json()
    begun = (await api.post(path, provider, json=closure(-1, 1))).json()
    anothers = f"/providers/{rival.party_id}/closures/{later['id']}"
    not_hers = await api.request("DELETE", anothers, rival)
    await api.request("DELETE", f"{path}/{again['id']}", provider)
    listed = (await api.get(path, provider)).json()["data"]
    calendar = (await api.get(f"/providers/{provider.party_id}/calendar", provider)).json()

    assert not_hers.status_code == 404
    assert [each["id"] for each in listed] == [begun["id"], later["id"]]
    assert calendar["closures"] == listed


async def test_a_closure_lies_ahead_and_goes_forwards(api: Api, provider: Person) -> None:
    path = f"/providers/{provider.party_id}/closures"
    over = await api.post(path, provider, json=closure(-3, -1))
    backwards = await api.post(path, provider, json=closure(3, 2))
    assert (over.status_code, over.json()["code"]) == (422, "closure_over")
    assert (backwards.status_code, "after starts_at" in backwards.json()["detail"]) == (422, True)


async def test_administration_agrees_on_terms_and_she_says_what_she_can(
    api: Api, provider: Person, admin: Person
) -> None:
    path = f"/providers/{provider.party_id}"
    terms = {"commission_bp": 1200, "tier": "premium", "capacity_jobs": 3}
    agreed = (await api.request("PATCH", f"{path}/terms", admin, json=terms)).json()
    unknown = await api.request("PATCH", f"{path}/terms", admin, json={"tier": "golden"})
    address = {"country": "AT", "postal_code": "1010", "city": "Wien", "lines": ["Graben 1"], "latitude": 48.2}
    halfway = await api.request("PATCH", path, provider, json={"address": address})
    moved = await api.request(
        "PATCH", path, provider, json={"address": {**address, "longitude": 16.4}, "capabilities": {"laser": ["MDF"]}}
    )

    assert {name: agreed[name] for name in terms} == terms
    assert agreed["capabilities"] == {"fdm": ["PLA"]}
    assert (unknown.json()["code"], "premium" in unknown.json()["detail"]) == ("tier_unknown", True)
    assert (halfway.status_code, halfway.json()["param"]) == (422, "address")
    assert moved.json()["address"] == {**address, "longitude": 16.4}
    assert (moved.json()["capabilities"], moved.json()["commission_bp"]) == ({"laser": ["MDF"]}, 1200)
