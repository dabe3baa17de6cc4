"""Jobs: the provider's reports in one transaction each, the customer's approval."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.ids import new_id
from fulfil.models.messages.chargebacks import ChargebackLoss, ChargebackState
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundAllocation, RefundState
from fulfil.models.tables.jobs import JobReportRow, JobRow, ProductionRow
from fulfil.models.tables.payments import ChargebackRow, RefundRow
from fulfil.models.tables.timeline import EventRow, TimelineRow
from tests.api.fakes import ENDED
from tests.api.listening import heard
from tests.api.making import CHECKED, PARCEL, checks, job_in_hand
from tests.api.refunds_kept import add_refund
from tests.api.running import Api
from tests.api.world import Person, Sale, World


async def test_a_provider_reports_from_start_to_delivery(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    policies = OrderPolicies(approval_due_s=3600)
    sale = await job_in_hand(world, customer, provider, JobState.ACCEPTED, policies)
    photo = await world.file(provider, file_format="jpeg")
    steps: list[tuple[str, dict[str, Any] | None, str]] = [
        ("start", None, "in_production"),
        ("progress", {"percent": 60, "note": "First half", "photo_file_ids": [photo]}, "in_production"),
        ("quality", CHECKED, "ready"),
        ("ship", PARCEL, "shipped"),
        ("deliver", {"proof_note": "Signed"}, "delivered"),
    ]
    for action, body, state in steps:
        response = await api.post(f"/jobs/{sale.job_id}/{action}", provider, json=body)
        assert (response.status_code, response.json()["state"]) == (200, state), response.text

    job = (await api.get(f"/jobs/{sale.job_id}", customer)).json()
    reports = await world.rows(JobReportRow)
    events = sorted(await world.rows(EventRow), key=lambda event: event.sequence)
    [head] = await world.rows(TimelineRow)

    assert job["production"]["tracking_number"] == PARCEL["tracking_number"]
    assert job["allowed_actions"] == ["approve"]
    assert [(row.kind, row.signal_due) for row in sorted(reports, key=lambda row: row.created_at)] == [
        ("started", True),
        ("progress", False),
        ("quality", False),
        ("shipped", False),
        ("delivered", True),
    ]
    assert [event.type for event in events[1:]] == [
        "job.started",
        "job.progressed",
        "job.quality_passed",
        "job.shipped",
        "job.delivered",
    ]
    assert {(event.actor_kind, event.actor_id) for event in events[1:]} == {("provider", provider.party_id)}
    assert events[2].data["photo_file_ids"] == [photo]
    assert (head.next_who, head.next_what) == ("customer", "approve the delivery")
    assert abs(head.next_by - utc_now() - timedelta(hours=1)) < timedelta(minutes=1)


@pytest.mark.parametrize("action", ["start", "progress", "quality", "ship", "deliver"])
@pytest.mark.parametrize(
    "state", [JobState.ACCEPTED, JobState.IN_PRODUCTION, JobState.READY, JobState.SHIPPED, JobState.DELIVERED]
)
async def test_a_report_out_of_turn_is_a_conflict_with_state_and_allowed_actions(
    api: Api, world: World, customer: Person, provider: Person, state: JobState, action: str
) -> None:
    sale = await job_in_hand(world, customer, provider, state)
    allowed = (await api.get(f"/jobs/{sale.job_id}", provider)).json()["allowed_actions"]
    bodies: dict[str, Any] = {"progress": {"percent": 50}, "quality": CHECKED, "ship": PARCEL, "deliver": {}}

    response = await api.post(f"/jobs/{sale.job_id}/{action}", provider, json=bodies.get(action))

    if action in allowed:
        assert response.status_code == 200
        return
    assert response.status_code == 409
    assert (response.json()["state"], response.json()["allowed_actions"]) == (state.value, allowed)
    assert not await world.rows(JobReportRow)


async def test_progress_never_goes_backwards(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    await api.post(f"/jobs/{sale.job_id}/progress", provider, json={"percent": 60})
    back = await api.post(f"/jobs/{sale.job_id}/progress", provider, json={"percent": 59})
    same = await api.post(f"/jobs/{sale.job_id}/progress", provider, json={"percent": 60})
    assert (back.status_code, back.json()["code"]) == (409, "progress_backwards")
    assert same.status_code == 200


async def test_a_failed_quality_check_stays_in_production(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    response = await api.post(f"/jobs/{sale.job_id}/quality", provider, json=checks("dimensions", passed=False))
    assert (response.status_code, response.json()["state"]) == (200, "in_production")
    events = [row.type for row in await world.rows(EventRow)]
    assert "job.quality_failed" in events


async def test_a_repeated_report_changes_nothing(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.ACCEPTED)
    answers = [await api.post(f"/jobs/{sale.job_id}/start", provider, key="s1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(await world.rows(JobReportRow)) == 1


async def test_simultaneous_starts_are_one_start(api: Api, world: World, customer: Person, provider: Person) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.ACCEPTED)
    answers = await asyncio.gather(*(api.post(f"/jobs/{sale.job_id}/start", provider) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(await world.rows(JobReportRow)) == 1


async def test_a_start_waits_for_whoever_takes_the_job_back_and_then_comes_too_late(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.ACCEPTED)
    async with world.begin() as session:
        await session.execute(update(ProductionRow).values(state=JobState.CANCELLED, closed_at=utc_now()))
        starting = asyncio.create_task(api.post(f"/jobs/{sale.job_id}/start", provider))
        await asyncio.wait([starting], timeout=0.3)
        assert not starting.done()
        await session.execute(update(JobRow).values(state=JobState.OFFERED, provider_id=None, offer_id=None))
    response = await starting
    assert (response.status_code, response.json()["code"]) == (409, "job_taken_back")
    assert not await world.rows(JobReportRow)


async def test_a_stranger_cannot_report(
    api: Api, world: World, customer: Person, provider: Person, rival: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    response = await api.post(f"/jobs/{sale.job_id}/progress", rival, json={"percent": 90})
    assert response.status_code == 404
    [production] = await world.rows(ProductionRow)
    assert production.percent == 0


async def test_photos_must_be_images_of_the_provider(
    api: Api, world: World, customer: Person, provider: Person, rival: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    for photo in (await world.file(provider), await world.file(rival, file_format="png"), "fil_" + "f" * 32):
        body = {"percent": 10, "photo_file_ids": [photo]}
        response = await api.post(f"/jobs/{sale.job_id}/progress", provider, json=body)
        assert (response.status_code, response.json()["param"]) == (422, "photo_file_ids")
    assert not await world.rows(JobReportRow)


@pytest.mark.parametrize(
    ("action", "body", "param"),
    [
        ("progress", {"percent": 101}, "percent"),
        ("progress", {"percent": "50"}, "percent"),
        ("progress", {}, "percent"),
        ("progress", {"percent": 5, "state": "delivered"}, "state"),
        ("progress", {"percent": 5, "note": "x\x00"}, "note"),
        ("quality", {"passed": "yes", "checks": [{"name": "x", "passed": True}]}, "passed"),
        ("quality", {"passed": True, "checks": []}, "checks"),
        ("quality", {"passed": True, "checks": [{"name": "", "passed": True}]}, "checks.0.name"),
        ("quality", {"passed": True, "checks": [{"passed": True}]}, "checks.0"),
        ("ship", {"carrier": "DHL"}, "tracking_number"),
        ("ship", {"carrier": "DHL", "tracking_number": "<script>"}, "tracking_number"),
        ("deliver", {"proof_note": 5}, "proof_note"),
    ],
)
async def test_a_bad_report_names_the_field(
    api: Api, world: World, customer: Person, provider: Person, action: str, body: dict[str, Any], param: str
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.IN_PRODUCTION)
    response = await api.post(f"/jobs/{sale.job_id}/{action}", provider, json=body)
    assert (response.status_code, response.json()["param"]) == (422, param)


async def test_a_report_that_moves_a_clock_wakes_the_relay(
    api: Api, world: World, customer: Person, provider: Person, owner_database: Database
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.ACCEPTED)
    async with heard(owner_database, "fulfil_reports") as payloads:
        await api.post(f"/jobs/{sale.job_id}/start", provider)
        assert await asyncio.wait_for(payloads.get(), 5) == ""


async def test_lists_show_each_her_own(
    api: Api, world: World, customer: Person, provider: Person, rival: Person, supporter: Person
) -> None:
    made = await job_in_hand(world, customer, provider, JobState.SHIPPED)
    offered = await world.sale(customer, provider)

    def ids(response: Any) -> set[str]:
        return {job["id"] for job in response.json()["data"]}

    assert ids(await api.get("/jobs", provider)) == {made.job_id}
    assert ids(await api.get("/jobs", rival)) == set()
    assert ids(await api.get("/jobs", customer)) == {made.job_id, offered.job_id}
    assert ids(await api.get("/jobs", supporter, params={"state": "shipped"})) == {made.job_id}
    assert ids(await api.get("/jobs", supporter, params={"state": "offered"})) == {offered.job_id}
    hers = (await api.get(f"/jobs/{made.job_id}", provider)).json()
    his = (await api.get(f"/jobs/{made.job_id}", customer)).json()
    assert (hers["amount"], hers["payout"]["amount_minor"]) == (None, 1104)
    assert (his["payout"], his["amount"]["amount_minor"]) == (None, 1299)


async def test_a_payout_is_her_share_of_what_refunds_and_lost_chargebacks_left(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.DELIVERED)
    other = await job_in_hand(world, customer, provider, JobState.DELIVERED)

    async def payout() -> int:
        shown = (await api.get(f"/jobs/{sale.job_id}", provider)).json()["payout"]["amount_minor"]
        [listed] = [job for job in (await api.get("/jobs", provider)).json()["data"] if job["id"] == sale.job_id]
        assert listed["payout"]["amount_minor"] == shown
        return int(shown)

    refund_id = await add_refund(world, sale.order_id, amount_minor=299)
    assert await payout() == 1104
    async with world.begin() as session:
        booked = update(RefundRow).where(RefundRow.id == refund_id)
        await session.execute(booked.values(state=RefundState.SENT, sent_at=utc_now()))
    assert await payout() == 850
    await world.add(lost_chargeback(sale, RefundAllocation(line_id=sale.line_id, held_minor=1000)))
    assert await payout() == 0
    assert (await api.get(f"/jobs/{other.job_id}", provider)).json()["payout"]["amount_minor"] == 1104


async def test_the_payout_of_a_released_job_is_what_was_not_taken_back(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.DELIVERED)
    released = {"released_minor": 1299, "payout_minor": 1104, "commission_minor": 195, "commission_tax_minor": 31}
    async with world.begin() as session:
        await session.execute(update(JobRow).where(JobRow.id == sale.job_id).values(**released))
    part = RefundAllocation(
        line_id=sale.line_id, released_minor=400, provider_share_minor=340, commission_minor=60, job_id=sale.job_id
    )
    await world.add(lost_chargeback(sale, part))

    assert (await api.get(f"/jobs/{sale.job_id}", provider)).json()["payout"]["amount_minor"] == 764


def lost_chargeback(sale: Sale, part: RefundAllocation) -> ChargebackRow:
    """A chargeback that took this of the line."""
    now = utc_now()
    return ChargebackRow(
        id=new_id("chb"),
        order_id=sale.order_id,
        stripe_dispute_id=new_id("du"),
        state=ChargebackState.LOST,
        stripe_status="lost",
        reason="fraudulent",
        amount_minor=part.held_minor + part.released_minor,
        currency="eur",
        is_inquiry=False,
        evidence={},
        loss=ChargebackLoss(allocations=(part,)).model_dump(mode="json"),
        opened_at=now,
        updated_at=now,
        closed_at=now,
    )


async def test_approving_carries_the_recorded_delivery(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.DELIVERED)
    response = await api.post(f"/jobs/{sale.job_id}/approve", customer)
    [production] = await world.rows(ProductionRow)
    assert response.status_code == 200
    assert isinstance(production.delivered_at, datetime)
    assert api.processes.said[0].message.delivered_at == production.delivered_at


async def test_what_is_not_delivered_can_not_be_approved(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.SHIPPED)
    response = await api.post(f"/jobs/{sale.job_id}/approve", customer)
    assert (response.status_code, response.json()["code"]) == (409, "not_delivered")
    assert (response.json()["state"], response.json()["allowed_actions"]) == ("shipped", [])
    assert not api.processes.said


async def test_approving_after_silence_did_changes_nothing(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    sale = await job_in_hand(world, customer, provider, JobState.DELIVERED)

    async def settle(_: object) -> None:
        async with world.begin() as session:
            await session.execute(update(JobRow).values(state=JobState.CLOSED))
        raise ENDED

    api.processes.effects["approve"] = settle
    for _ in range(2):
        response = await api.post(f"/jobs/{sale.job_id}/approve", customer)
        assert (response.status_code, response.json()["state"]) == (200, "closed")
    assert len(api.processes.said) == 1
