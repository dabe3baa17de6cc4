"""What a provider reports beside progress: delays, checks, material, giving back."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from fulfil.api.writers.production import give_back, hold_unstarted
from fulfil.inventory.leases import reserve
from fulfil.inventory.needs import Need
from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.inventory import StockUnit
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.inventory import StockItemRow, StockReservationRow
from fulfil.models.tables.jobs import JobReportRow, JobRow, ProductionRow
from fulfil.models.tables.shipments import QualityCheckRow
from fulfil.models.tables.timeline import EventRow, TimelineRow
from tests.api.making import PARCEL, add_parcel, checks, job_in_hand, kinds
from tests.api.running import Api
from tests.api.world import Person, Sale, World

LATER = timedelta(days=9)


def in_days(days: float) -> str:
    """So many days from now."""
    return (utc_now() + timedelta(days=days)).isoformat()


async def stock_for(world: World, sale: Sale, provider: Person, available: int = 100, reserved: int = 20) -> str:
    """A lot of the provider's, a part of it reserved for the job."""
    item_id = new_id("stk")
    now = utc_now()
    async with world.begin() as session:
        session.add(
            StockItemRow(
                id=item_id,
                provider_id=provider.owner_id,
                material="PLA",
                unit=StockUnit.GRAM,
                available_quantity=available,
                reserved_quantity=0,
                created_at=now,
            )
        )
        await session.flush()
        assert await reserve(
            session,
            offer_id=sale.offer_id,
            job_id=sale.job_id,
            provider_id=provider.owner_id,
            need=Need("PLA", None, {StockUnit.GRAM: reserved}),
            expires_at=now + timedelta(days=1),
            at=now,
        )
    return item_id


async def balance(world: World) -> tuple[int, int]:
    """Free and reserved."""
    [lot] = await world.rows(StockItemRow)
    return lot.available_quantity, lot.reserved_quantity


async def test_a_delay_gives_the_customer_a_choice_until_a_date(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    body = {"due_at": in_days(9), "reason": "A nozzle broke."}

    response = await api.post(f"/jobs/{sale.job_id}/delay", provider, json=body)
    seen = (await api.get(f"/jobs/{sale.job_id}", customer)).json()
    [report] = await world.rows(JobReportRow)
    [head] = await world.rows(TimelineRow)

    assert response.status_code == 200
    assert seen["trouble"]["kind"] == "delay_announced"
    assert seen["trouble"]["choices"] == ["wait", "redispatch", "cancel"]
    assert abs(datetime.fromisoformat(seen["trouble"]["proposed_due_at"]) - utc_now() - LATER) < timedelta(minutes=1)
    assert "choose" in seen["allowed_actions"]
    assert (report.kind, report.signal_due, datetime.fromisoformat(report.data["due_at"])) == (
        "delayed",
        True,
        datetime.fromisoformat(body["due_at"]),
    )
    assert head.next_who == "customer"
    assert abs(head.next_by - utc_now() - timedelta(hours=48)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("due_at", "code"),
    [(in_days(-1), "delay_not_later"), (in_days(4), "delay_not_later"), (in_days(61), "delay_too_long")],
    ids=["into the past", "earlier than promised", "more than 60 days away"],
)
async def test_a_delay_is_later_than_promised_and_no_more_than_sixty_days(
    api: Api, world: World, customer: Person, provider: Person, due_at: str, code: str
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    response = await api.post(f"/jobs/{sale.job_id}/delay", provider, json={"due_at": due_at, "reason": "broken"})
    assert (response.status_code, response.json()["code"], response.json()["param"]) == (422, code, "due_at")
    assert not await world.rows(JobReportRow)


async def test_where_no_date_was_promised_none_is_moved(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    async with world.begin() as session:
        await session.execute(update(ProductionRow).values(due_at=None))
    response = await api.post(f"/jobs/{sale.job_id}/delay", provider, json={"due_at": in_days(9), "reason": "broken"})
    assert (response.status_code, response.json()["code"]) == (409, "no_promise")


async def test_every_criterion_is_stored_with_who_checked_it_when(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    photo = await world.file(provider, file_format="jpeg")
    body = checks()
    body["checks"].append({"name": "Packaging", "passed": True, "note": "Foam", "photo_file_ids": [photo]})

    response = await api.post(f"/jobs/{sale.job_id}/quality", provider, json=body)
    [row] = await world.rows(QualityCheckRow)
    his = (await api.get(f"/jobs/{sale.job_id}", customer)).json()["making"]["checks"][0]
    download = await api.get(f"/files/{photo}", customer)

    assert (response.status_code, response.json()["state"]) == (200, "ready"), response.text
    assert (row.passed, row.number, row.correction, row.checked_by) == (True, 1, None, provider.account_id)
    assert [criterion["code"] for criterion in row.criteria] == [
        *("pieces", "dimensions", "surface", "layers", "packaging")
    ]
    assert (his["criteria"][-1]["note"], his["criteria"][-1]["photo_file_ids"]) == ("Foam", [photo])
    assert his["checked_by"] is None
    assert download.status_code == 200


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"checks": [{"code": "dimensions", "passed": True}]}, "quality_criteria_missing", "checks"),
        ({"checks": [{"code": "smell", "passed": True}]}, "quality_criterion_unknown", "checks.0.code"),
        ({"checks": [{"code": "pieces", "passed": True}] * 2}, "quality_criterion_twice", "checks.1"),
        (
            {"checks": [{"code": "packaging", "passed": True}]},
            "quality_photo_missing",
            "checks.0.photo_file_ids",
        ),
        ({"passed": False}, "quality_contradiction", "passed"),
        ({"correction": "remake"}, "quality_contradiction", "correction"),
    ],
    ids=["unanswered", "unknown", "twice", "without its photo", "contradicting itself", "nothing to correct"],
)
async def test_a_check_that_does_not_fit_the_checklist_names_what_is_wrong(
    api: Api, world: World, customer: Person, provider: Person, change: dict[str, Any], code: str, param: str
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    response = await api.post(f"/jobs/{sale.job_id}/quality", provider, json={**checks(), **change})
    assert (response.status_code, response.json()["code"], response.json()["param"]) == (422, code, param)
    if code == "quality_criteria_missing":
        assert response.json()["detail"] == "Not answered: pieces, surface, layers."
    assert not await world.rows(QualityCheckRow)


async def test_a_failed_check_is_reworked_or_made_anew_on_the_same_clock(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    await stock_for(world, sale, provider)
    due = (await api.get(f"/jobs/{sale.job_id}", provider)).json()["production"]["due_at"]
    await api.post(f"/jobs/{sale.job_id}/progress", provider, json={"percent": 90})

    rework = await api.post(f"/jobs/{sale.job_id}/quality", provider, json=checks("surface"))
    after_rework = rework.json()["production"]
    body = checks("dimensions", correction="remake", remake_quantity=30)
    remake = await api.post(f"/jobs/{sale.job_id}/quality", provider, json=body)
    after_remake = remake.json()["production"]
    again = await api.post(f"/jobs/{sale.job_id}/progress", provider, json={"percent": 5})

    assert (after_rework["percent"], after_rework["remakes"]) == (90, 0)
    assert (remake.json()["state"], after_remake["percent"], after_remake["remakes"]) == ("in_production", 0, 1)
    assert after_remake["due_at"] == due
    assert again.status_code == 200
    assert await balance(world) == (50, 50)
    assert [each["correction"] for each in remake.json()["making"]["checks"]] == ["remake", "rework"]
    assert kinds(await world.rows(EventRow))[-4:] == [
        *("job.quality_failed", "job.quality_failed", "job.remake_begun", "job.progressed")
    ]


async def test_a_remake_takes_no_material_that_is_not_there(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    await stock_for(world, sale, provider)
    body = checks("dimensions", correction="remake", remake_quantity=81)
    response = await api.post(f"/jobs/{sale.job_id}/quality", provider, json=body)
    assert (response.status_code, response.json()["code"]) == (409, "material_insufficient")
    assert await balance(world) == (80, 20)
    assert not await world.rows(QualityCheckRow)


async def test_a_start_keeps_the_material_for_as_long_as_the_work_may_take(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.ACCEPTED)
    await stock_for(world, sale, provider)
    await api.post(f"/jobs/{sale.job_id}/start", provider)
    [lease] = await world.rows(StockReservationRow)
    assert abs(lease.expires_at - utc_now() - timedelta(days=35)) < timedelta(minutes=1)


async def test_what_was_really_used_corrects_the_stock_once(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    await stock_for(world, sale, provider)
    body = {"used_quantity": 31, "note": "One part printed twice"}
    answers = [await api.post(f"/jobs/{sale.job_id}/material", provider, json=body, key="m1") for _ in range(2)]
    too_much = await api.post(f"/jobs/{sale.job_id}/material", provider, json={"used_quantity": 101})
    [event] = [row for row in await world.rows(EventRow) if row.type == "job.material_reported"]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert (too_much.status_code, too_much.json()["code"]) == (409, "material_insufficient")
    assert await balance(world) == (69, 0)
    assert (event.data["used"], event.data["planned"], event.data["unit"]) == (31, 20, "g")


async def test_without_a_reservation_there_is_no_stock_to_correct(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    response = await api.post(f"/jobs/{sale.job_id}/material", provider, json={"used_quantity": 1})
    assert (response.status_code, response.json()["code"]) == (409, "nothing_reserved")


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.IN_PRODUCTION])
async def test_a_job_given_back_is_closed_as_failed_and_its_workflow_hears_of_it(
    api: Api, world: World, customer: Person, provider: Person, state: JobState
) -> None:
    sale = await job_in_hand(world, customer, provider, state)
    body = {"reason": "The machine goes to repair."}
    answers = [await api.post(f"/jobs/{sale.job_id}/give-back", provider, json=body, key="g1") for _ in range(2)]
    too_late = await api.post(f"/jobs/{sale.job_id}/progress", provider, json={"percent": 50})
    [report] = await world.rows(JobReportRow)
    [production] = await world.rows(ProductionRow)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert (production.state, production.closed_at is not None) == ("failed", True)
    assert (report.kind, report.signal_due) == ("given_up", True)
    assert (too_late.status_code, too_late.json()["code"]) == (409, "job_given_back")


async def test_what_is_on_its_way_is_not_given_back(api: Api, world: World, customer: Person, provider: Person) -> None:
    made = await job_in_hand(world, customer, provider, JobState.READY)
    sent = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    await add_parcel(world, sent, provider)
    body = {"reason": "I would rather not"}
    refused = [await api.post(f"/jobs/{sale.job_id}/give-back", provider, json=body) for sale in (made, sent)]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (409, "job_state"),
        (409, "parcels_sent"),
    ]
    assert refused[0].json()["allowed_actions"] == ["ship", "delay", "material"]


async def test_everything_not_started_is_given_back_in_one_transaction(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    unstarted = {(await job_in_hand(world, customer, provider, JobState.ACCEPTED)).offer_id for _ in range(2)}
    await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    async with api.context.begin() as session:
        found = await hold_unstarted(session, provider.owner_id)
        for production in found:
            await give_back(session, production, actor=SYSTEM, reason="suspended", at=utc_now())
    closed = {row.offer_id for row in await world.rows(ProductionRow) if row.closed_at}
    assert closed == {production.offer_id for production in found} == unstarted


async def test_of_a_start_and_a_giving_back_at_once_the_order_of_the_lock_decides(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.ACCEPTED)
    started, given = await asyncio.gather(
        api.post(f"/jobs/{sale.job_id}/start", provider),
        api.post(f"/jobs/{sale.job_id}/give-back", provider, json={"reason": "changed my mind"}),
    )
    assert given.status_code == 200
    assert started.status_code in (200, 409)
    reports = sorted(await world.rows(JobReportRow), key=lambda row: row.created_at)
    assert [row.kind for row in reports][-1] == "given_up"
    assert len(reports) == (2 if started.status_code == 200 else 1)


async def test_a_milestone_is_no_job_to_report_on(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await world.sale(customer, provider, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED)
    async with world.begin() as session:
        await session.execute(update(JobRow).values(milestone_id=new_id("mil")))
    read = await api.get(f"/jobs/{sale.job_id}", provider)
    report = await api.post(f"/jobs/{sale.job_id}/start", provider)
    listed = await api.get("/jobs", provider)
    assert (read.status_code, report.status_code, listed.json()["data"]) == (404, 404, [])


async def test_a_job_shows_its_date_and_when_it_will_probably_be_ready(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION, OrderPolicies())
    async with world.begin() as session:
        await session.execute(update(ProductionRow).values(started_at=utc_now() - timedelta(days=2)))
        await session.execute(update(JobRow).values(accepted_at=utc_now() - timedelta(days=2)))
    await api.post(f"/jobs/{sale.job_id}/progress", provider, json={"percent": 20, "stage": "Printing"})
    job = (await api.get(f"/jobs/{sale.job_id}", customer)).json()
    listed = (await api.get("/jobs", customer)).json()["data"][0]

    forecast = datetime.fromisoformat(job["making"]["forecast_at"])
    assert abs(forecast - utc_now() - timedelta(days=8)) < timedelta(minutes=1)
    assert job["production"]["stage"] == "Printing"
    assert job["making"]["pieces_left"] == job["work"]["quantity"]
    assert [criterion["code"] for criterion in job["making"]["checklist"] if not criterion["required"]] == [
        *("supports", "packaging")
    ]
    assert listed["making"] is None


async def test_support_sees_what_is_late_will_be_or_waits_for_a_choice(
    api: Api, world: World, customer: Person, provider: Person, supporter: Person
) -> None:
    names = ("overdue", "at risk", "choosing", "in time", "sent")
    sales = {name: await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION) for name in names}
    changes: dict[str, dict[str, Any]] = {
        "overdue": {"due_at": utc_now() - timedelta(days=1)},
        "at risk": {"at_risk_at": utc_now()},
        "choosing": {"trouble": "delay_announced", "due_at": utc_now() + timedelta(days=1)},
        "sent": {"state": JobState.SHIPPED, "due_at": utc_now() - timedelta(days=1)},
    }
    async with world.begin() as session:
        for name, values in changes.items():
            of_sale = update(ProductionRow).where(ProductionRow.offer_id == sales[name].offer_id)
            await session.execute(of_sale.values(**values))
    late = (await api.get("/support/late", supporter)).json()["data"]
    assert [row["job_id"] for row in late] == [sales[name].job_id for name in ("overdue", "choosing", "at risk")]
    assert late[1]["trouble"]["kind"] == "delay_announced"
    assert all(row["forecast_at"] for row in late)


async def test_a_parcel_before_the_check_is_refused_and_changes_nothing(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    response = await api.post(f"/jobs/{sale.job_id}/ship", provider, json=PARCEL)
    assert (response.status_code, response.json()["code"], response.json()["state"]) == (
        409,
        "job_state",
        "in_production",
    )
    async with world.begin() as session:
        assert await session.scalar(select(ProductionRow.shipped_at)) is None
