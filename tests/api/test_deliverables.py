"""Deliverables from the first draft to the feedback: rows, timeline, reports, and what each side sees."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.ids import new_id
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundReason, RefundState
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import (
    DeliverableReportRow,
    DeliverableRow,
    FeedbackRow,
    MilestoneRow,
    RevisionRequestRow,
    SubmissionRow,
)
from fulfil.models.tables.orders import OrderRow
from fulfil.models.tables.payments import RefundRow
from fulfil.models.tables.timeline import EventRow, TimelineRow
from tests.api.deliveries import Delivery, add_delivery
from tests.api.listening import heard
from tests.api.refunds_kept import CLERK
from tests.api.running import Api
from tests.api.world import Person, World

RATING = {"quality": 5, "communication": 4, "timeliness": 3, "comment": "Quick and exact."}


@pytest.fixture
async def delivery(api: Api, world: World, customer: Person, provider: Person) -> Delivery:
    """Two milestones, 30 % and 70 % of 500 EUR."""
    return await add_delivery(api, world, customer, provider)


async def reported(world: World) -> list[dict[str, Any]]:
    """What the workflow will be told, in order."""
    rows = sorted(await world.rows(DeliverableReportRow), key=lambda row: row.created_at)
    return [row.message for row in rows]


async def test_a_milestone_goes_from_draft_through_a_revision_to_its_approval(
    delivery: Delivery, world: World, owner_database: Database
) -> None:
    first, _ = delivery.milestone_ids
    async with heard(owner_database, "fulfil_deliverable_reports") as notified:
        answers = [
            await delivery.draft(note="A first look"),
            await delivery.submit(note="Both concepts"),
            await delivery.revise(),
        ]
        revision_id = answers[-1].json()["revisions"][0]["id"]
        answers += [
            await delivery.act(delivery.provider, "POST", f"revisions/{revision_id}/begin"),
            await delivery.submit(note="Higher now"),
            await delivery.approve(milestone_id=first),
        ]
        for _ in range(4):
            await notified.get()

    assert [answer.status_code for answer in answers] == [200] * 6, [answer.text for answer in answers]
    assert [answer.json()["state"] for answer in answers] == [
        *("draft", "in_review", "revision_requested", "revision_requested", "in_review", "accepted")
    ]
    shown = await delivery.look()
    assert [(one["kind"], one["state"], one["number"]) for one in shown["submissions"]] == [
        ("draft", "draft", 1),
        ("final", "revision_requested", 2),
        ("revision", "approved", 3),
    ]
    assert [(one["number"], one["state"]) for one in shown["revisions"]] == [(1, "completed")]
    assert [(one["state"], one["percent"]) for one in shown["milestones"]] == [("completed", 100), ("pending", 0)]
    assert shown["revisions_left"] == 1
    reports = await reported(world)
    assert [report["kind"] for report in reports] == ["submitted", "revision_requested", "submitted", "approved"]
    assert {report["milestone_id"] for report in reports} == {first}


async def test_every_clock_has_its_date_in_row_report_and_timeline(delivery: Delivery, world: World) -> None:
    await delivery.submit()
    [milestone, _] = sorted(await world.rows(MilestoneRow), key=lambda row: row.position)
    [report] = await reported(world)
    [head] = await world.rows(TimelineRow)
    assert abs(milestone.review_due_at - utc_now() - timedelta(days=3)) < timedelta(minutes=1)
    assert datetime.fromisoformat(report["by"]) == milestone.review_due_at == head.next_by
    assert datetime.fromisoformat(report["at"]) == milestone.submitted_at
    assert (head.next_who, head.next_what) == ("customer", "approve milestone 1 (Two concepts), or ask for a revision")

    due_at = utc_now() + timedelta(days=9)
    await delivery.revise(due_at=due_at.isoformat())
    [revision] = await world.rows(RevisionRequestRow)
    [milestone, _] = sorted(await world.rows(MilestoneRow), key=lambda row: row.position)
    [head] = await world.rows(TimelineRow)
    assert revision.due_at == due_at == datetime.fromisoformat((await reported(world))[-1]["by"]) == head.next_by
    assert milestone.review_due_at is None
    assert (head.next_who, head.next_what) == ("provider", "submit milestone 1 (Two concepts)")

    await delivery.submit()
    await delivery.reject()
    [milestone, _] = sorted(await world.rows(MilestoneRow), key=lambda row: row.position)
    [head] = await world.rows(TimelineRow)
    rejected = (await reported(world))[-1]
    assert datetime.fromisoformat(rejected["at"]) == milestone.rejected_at
    assert datetime.fromisoformat(rejected["by"]) == milestone.rejected_at + timedelta(days=7) == head.next_by
    assert head.next_what == "submit milestone 1 (Two concepts) again"


async def test_whose_move_it_is_is_told_of_this_deliverable_alone(delivery: Delivery, world: World) -> None:
    async def turn() -> tuple[str, str]:
        async with world.begin() as session:
            await session.execute(update(TimelineRow).values(next_who="provider", next_what="ship another line"))
        told = (await delivery.look())["next"]
        return told["who"], told["what"].partition(" (")[0]

    turns = [await turn()]
    await delivery.submit(1)
    turns.append(await turn())
    await delivery.revise()
    turns.append(await turn())
    await delivery.plan(delivery.customer, (0, "All of it", 30, 10_000))
    turns.append(await turn())
    assert turns == [
        ("provider", "submit milestone 1"),
        ("customer", "approve milestone 2"),
        ("provider", "submit milestone 1"),
        ("provider", "accept or decline the proposed plan"),
    ]


async def test_a_rejected_milestone_is_submitted_again_as_a_revision(delivery: Delivery) -> None:
    await delivery.submit()
    rejected = (await delivery.reject()).json()
    again = (await delivery.submit()).json()
    assert (rejected["milestones"][0]["stands"], rejected["submissions"][0]["reason"]) == (
        "rejected",
        "Not what we agreed.",
    )
    assert (again["milestones"][0]["stands"], again["milestones"][0]["rejected_at"]) == ("in_review", None)
    assert again["submissions"][-1]["kind"] == "revision"


async def test_everything_in_review_is_approved_when_nothing_is_named_and_twice_is_once(
    delivery: Delivery, world: World
) -> None:
    await delivery.submit(0)
    await delivery.submit(1)
    approved = await delivery.approve()
    again = [await delivery.approve(), await delivery.approve(milestone_id=delivery.milestone_ids[0])]
    assert [approved.status_code, *(answer.status_code for answer in again)] == [200] * 3
    assert approved.json()["state"] == again[-1].json()["state"] == "accepted"
    kinds = [report["kind"] for report in await reported(world)]
    assert kinds.count("approved") == 2
    events = [row.type for row in await world.rows(EventRow)]
    assert events.count("milestone.approved") == 2
    [head] = await world.rows(TimelineRow)
    assert (head.next_who, head.next_what) == ("system", "pay the provider and close the deliverable")


async def test_feedback_is_given_once_and_not_before_all_is_done(delivery: Delivery, world: World) -> None:
    customer = delivery.customer
    await delivery.submit(0)
    await delivery.approve()
    early = await delivery.act(customer, "POST", "feedback", **RATING)
    unfinished = await delivery.act(delivery.provider, "POST", "complete")
    await delivery.submit(1)
    await delivery.approve()
    completed = await delivery.act(delivery.provider, "POST", "complete")
    async with world.begin() as session:
        await session.execute(update(DeliverableRow).values(state="completed", closed_at=utc_now()))
        await session.execute(update(TimelineRow).values(next_who="nobody", next_what="closed"))
    given = await delivery.act(customer, "POST", "feedback", **RATING, key="f1")
    repeated = await delivery.act(customer, "POST", "feedback", **RATING, key="f1")
    second = await delivery.act(customer, "POST", "feedback", **RATING, key="f2")

    assert [(early.status_code, early.json()["code"]), (unfinished.status_code, unfinished.json()["code"])] == [
        (409, "milestones_open")
    ] * 2
    assert (completed.status_code, completed.json()["allowed_actions"]) == (200, ["complete"])
    assert (given.status_code, repeated.status_code) == (200, 200)
    assert [head.next_what for head in await world.rows(TimelineRow)] == ["closed"]
    assert given.json()["feedback"]["communication"] == 4
    assert (second.status_code, second.json()["code"]) == (409, "feedback_given")
    assert [(row.quality, row.provider_id) for row in await world.rows(FeedbackRow)] == [
        (5, delivery.provider.party_id)
    ]


async def test_a_repeated_submission_is_one_and_another_body_under_its_key_is_refused(
    delivery: Delivery, world: World
) -> None:
    answers = [await delivery.submit(note="done", key="s1") for _ in range(2)]
    other = await delivery.submit(note="something else", key="s1")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert len(await world.rows(SubmissionRow)) == 1


async def test_the_quality_checklist_is_passed_before_a_submission_and_again_after_a_revision(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    delivery = await add_delivery(api, world, customer, provider, checklist=["Closed surface", "Walls"])
    photo = await world.file(provider, file_format="png")

    async def check(**found: bool) -> str:
        checks = [{"name": name.replace("_", " "), "passed": passed} for name, passed in found.items()]
        checks[0]["photo_file_id"] = photo
        body = {"milestone_id": delivery.milestone_ids[0], "checks": checks}
        answer = await delivery.act(provider, "POST", "checklist", **body)
        return str(answer.json().get("code") or answer.json()["milestones"][0]["checklist"]["state"])

    unchecked = await delivery.submit()
    found = [
        await check(Closed_surface=True),
        await check(Closed_surface=True, Walls=True, Colour=True),
        await check(Closed_surface=True, Walls=False),
    ]
    failed = await delivery.submit()
    found.append(await check(Closed_surface=True, Walls=True))
    passed = await delivery.submit()
    await delivery.revise()
    unchecked_again = await delivery.submit()

    assert found == ["criterion_missing", "criterion_unknown", "failed", "passed"]
    assert [answer.json().get("code") for answer in (unchecked, failed, passed, unchecked_again)] == [
        *("check_missing", "check_missing", None, "check_missing")
    ]
    assert unchecked.json()["allowed_actions"] == ["progress", "draft", "check", "submit", "propose_plan"]
    assert (await api.get(f"/files/{photo}", customer)).status_code == 200


async def test_revisions_beyond_what_is_included_are_refused_with_what_is_left(
    api: Api, world: World, customer: Person, provider: Person
) -> None:
    delivery = await add_delivery(api, world, customer, provider, revisions_included=1)
    await delivery.submit()
    await delivery.revise()
    await delivery.submit()
    second = await delivery.revise()
    assert (second.status_code, second.json()["code"]) == (409, "revisions_used_up")
    assert (second.json()["state"], second.json()["allowed_actions"]) == ("in_review", ["approve", "reject"])
    assert len(await world.rows(RevisionRequestRow)) == 1


async def test_a_revision_is_due_neither_at_once_nor_in_a_far_future(delivery: Delivery) -> None:
    await delivery.submit()
    for days in (-1, 0, 61):
        answer = await delivery.revise(due_at=(utc_now() + timedelta(days=days)).isoformat())
        assert (answer.status_code, answer.json()["code"]) == (422, "due_date_out_of_bounds"), days


async def test_what_is_in_review_must_be_named_when_there_is_more_of_it(delivery: Delivery) -> None:
    await delivery.submit(0)
    await delivery.submit(1)
    assert [(await delivery.revise()).json()["code"], (await delivery.reject()).json()["code"]] == [
        "milestone_ambiguous"
    ] * 2
    assert (await delivery.revise(milestone_id=delivery.milestone_ids[1])).status_code == 200


async def test_what_is_out_of_turn_is_a_conflict_that_changes_nothing(delivery: Delivery, world: World) -> None:
    answers = {
        "approve": await delivery.approve(),
        "revise": await delivery.revise(),
        "reject": await delivery.reject(milestone_id=delivery.milestone_ids[0]),
    }
    assert {(answer.status_code, answer.json()["code"]) for answer in answers.values()} == {(409, "not_in_review")}
    assert answers["reject"].json()["state"] == "open"
    await delivery.submit()
    in_review = await delivery.draft()
    await delivery.approve()
    completed = await delivery.submit()
    assert (in_review.json()["code"], in_review.json()["state"]) == ("milestone_in_review", "in_review")
    assert (completed.status_code, completed.json()["code"]) == (409, "milestone_completed")
    assert completed.json()["allowed_actions"] == []
    assert len(await world.rows(SubmissionRow)) == 1


async def test_a_suspended_provider_submits_nothing_and_is_still_answered(delivery: Delivery, world: World) -> None:
    await delivery.submit(0)
    async with world.begin() as session:
        await session.execute(update(ProviderRow).values(suspended_at=utc_now()))
    refused = await delivery.submit(1)
    assert (refused.status_code, refused.json()["code"]) == (409, "provider_suspended")
    assert (await delivery.approve()).status_code == 200


async def test_nothing_of_a_cancelled_order_is_delivered(delivery: Delivery, world: World) -> None:
    await delivery.submit(0)
    async with world.begin() as session:
        await session.execute(update(OrderRow).values(state=OrderState.CANCELLING))
    answers = [await delivery.submit(1), await delivery.approve(), await delivery.revise(), await delivery.reject()]
    assert {(answer.status_code, answer.json()["code"], answer.json()["state"]) for answer in answers} == {
        (409, "order_cancelled", "cancelling")
    }
    assert len(await reported(world)) == 1


async def test_the_customer_sees_prices_and_the_provider_her_payout(delivery: Delivery, supporter: Person) -> None:
    hers, his = await delivery.look(delivery.provider), await delivery.look()
    both = await delivery.look(supporter)

    def money(shown: dict[str, Any], name: str) -> list[int | None]:
        return [one[name] and one[name]["amount_minor"] for one in shown["milestones"]]

    assert (money(his, "amount"), money(his, "payout")) == ([15_000, 35_000], [None, None])
    assert (money(hers, "amount"), money(hers, "payout")) == ([None, None], [12_750, 29_750])
    assert (money(both, "amount"), money(both, "payout")) == ([15_000, 35_000], [12_750, 29_750])
    assert (hers["customer_id"], his["customer_id"]) == (None, delivery.customer.party_id)
    assert both["allowed_actions"] == []


async def test_what_was_refunded_of_a_milestone_is_not_her_payout(delivery: Delivery, world: World) -> None:
    job_id = next(row.job_id for row in await world.rows(MilestoneRow) if row.id == delivery.milestone_ids[1])
    part = RefundAllocation(line_id=delivery.line_id, job_id=job_id, held_minor=1000)
    plan = RefundPlan(order_id=delivery.order_id, amount_minor=1000, allocations=(part,))
    now = utc_now()
    await world.add(
        RefundRow(
            id=new_id("ref"),
            order_id=delivery.order_id,
            amount_minor=1000,
            currency="eur",
            state=RefundState.SUCCEEDED,
            reason=RefundReason.QUALITY,
            note="a part of it",
            plan=plan.model_dump(mode="json"),
            requested_by=CLERK.model_dump(mode="json"),
            requested_at=now,
            updated_at=now,
            sent_at=now,
        )
    )
    shown = await delivery.look(delivery.provider)
    assert [one["payout"]["amount_minor"] for one in shown["milestones"]] == [12_750, 28_900]


async def test_deliverables_are_listed_by_order_and_state(
    delivery: Delivery, api: Api, world: World, customer: Person, rival: Person, supporter: Person
) -> None:
    other = await add_delivery(api, world, customer, rival)
    await other.submit()

    async def ids(person: Person, query: str = "") -> list[str]:
        return [one["id"] for one in (await api.get(f"/deliverables{query}", person)).json()["data"]]

    assert await ids(customer) == await ids(supporter) == [other.deliverable_id, delivery.deliverable_id]
    assert await ids(rival) == [other.deliverable_id]
    assert await ids(customer, f"?order_id={delivery.order_id}") == [delivery.deliverable_id]
    assert await ids(customer, "?state=in_review") == [other.deliverable_id]
    assert await ids(customer, f"?limit=1&starting_after={other.deliverable_id}") == [delivery.deliverable_id]


async def test_each_side_does_its_part_and_nobody_else_anything(
    delivery: Delivery, stranger: Person, rival: Person, supporter: Person
) -> None:
    people = (delivery.customer, delivery.provider, supporter, stranger, rival)
    work = {"milestone_id": delivery.milestone_ids[0]}
    steps: list[tuple[str, str, dict[str, Any], list[int]]] = [
        ("POST", "submit", work, [403, 200, 403, 403, 404]),
        ("POST", "revisions", {"text": "Higher."}, [200, 403, 403, 404, 403]),
        ("POST", "submit", work, [403, 200, 403, 403, 404]),
        ("PUT", "reject", {"reason": "Not this."}, [200, 403, 403, 404, 403]),
        ("POST", "submit", work, [403, 200, 403, 403, 404]),
        ("PUT", "approve", {}, [200, 403, 403, 404, 403]),
    ]
    for method, action, body, expected in steps:
        # Who is refused tries first, so that nothing but the caller can be the reason.
        order = sorted(range(len(people)), key=lambda place: expected[place] == 200)
        found = {place: (await delivery.act(people[place], method, action, **body)).status_code for place in order}
        assert [found[place] for place in range(len(people))] == expected, action
    seen = [(await delivery.api.get(f"/deliverables/{delivery.deliverable_id}", one)).status_code for one in people]
    assert seen == [200, 200, 200, 404, 404]
