"""Planning the open milestones anew: proposed by one side, agreed to by the other."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import MilestoneState
from fulfil.models.messages.orders import OrderState
from fulfil.models.tables.deliverables import DeliverableReportRow, MilestoneRow, PlanProposalRow
from fulfil.models.tables.timeline import EventRow, TimelineRow
from tests.api.deliveries import Delivery, add_delivery
from tests.api.running import Api
from tests.api.world import Person, World


@pytest.fixture
async def delivery(api: Api, world: World, customer: Person, provider: Person) -> Delivery:
    """Three milestones of 20, 30 and 50 %."""
    return await add_delivery(api, world, customer, provider, shares=(2000, 3000, 5000))


def proposal_of(answer: Any) -> dict[str, Any]:
    """The proposal that waits."""
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json()["plan_proposal"])


async def test_a_plan_is_agreed_to_by_the_other_side_and_told_to_the_workflow(delivery: Delivery, world: World) -> None:
    proposed = await delivery.plan(
        delivery.provider, (0, "Concepts", 10, 1000), (2, "Model", 30, 6000), (None, "Drawing", 40, 3000), note="Later"
    )
    proposal = proposal_of(proposed)
    own = await delivery.act(delivery.provider, "POST", "plan/accept", proposal_id=proposal["id"])
    [head] = await world.rows(TimelineRow)
    accepted = [
        await delivery.act(delivery.customer, "POST", "plan/accept", proposal_id=proposal["id"]) for _ in range(2)
    ]

    assert (own.status_code, own.json()["code"]) == (409, "wrong_side")
    assert proposed.json()["allowed_actions"] == ["progress", "draft", "check", "submit", "withdraw_plan"]
    assert (head.next_who, head.next_what) == ("customer", "accept or decline the proposed plan")
    assert [answer.status_code for answer in accepted] == [200, 200]
    assert accepted[0].json()["plan_proposal"] is None
    [report] = await world.rows(DeliverableReportRow)
    assert (report.message["kind"], report.message["proposal_id"]) == ("replanned", proposal["id"])
    assert [row.type for row in sorted(await world.rows(EventRow), key=lambda row: row.sequence)][1:] == [
        *("plan.proposed", "plan.accepted")
    ]
    # It is the workflow that puts it into force.
    assert sorted(row.share_bp for row in await world.rows(MilestoneRow)) == [2000, 3000, 5000]


async def test_a_plan_is_declined_by_the_other_side_or_withdrawn_by_its_own(delivery: Delivery, world: World) -> None:
    entries = (0, "Concepts", 10, 4000), (1, "Model", 30, 6000)
    first = proposal_of(await delivery.plan(delivery.customer, *entries))["id"]
    not_hers = await delivery.act(delivery.provider, "POST", "plan/withdraw", proposal_id=first)
    declined = await delivery.act(delivery.provider, "POST", "plan/decline", proposal_id=first, reason="Too soon")
    too_late = await delivery.act(delivery.provider, "POST", "plan/accept", proposal_id=first)
    second = proposal_of(await delivery.plan(delivery.customer, *entries))["id"]
    withdrawn = await delivery.act(delivery.customer, "POST", "plan/withdraw", proposal_id=second)

    assert (not_hers.status_code, not_hers.json()["code"]) == (409, "wrong_side")
    assert (declined.status_code, withdrawn.status_code) == (200, 200)
    assert (too_late.status_code, too_late.json()["code"]) == (409, "plan_state")
    assert sorted(row.state for row in await world.rows(PlanProposalRow)) == ["declined", "withdrawn"]
    assert not await world.rows(DeliverableReportRow)


async def test_plans_that_do_not_fit_what_is_open_are_refused(delivery: Delivery, world: World) -> None:
    await delivery.submit(0)
    stranger = {**delivery.planned((1, "Model", 30, 8000))[0], "milestone_id": new_id("mil")}
    bodies: dict[str, list[dict[str, Any]]] = {
        "milestone_shares": delivery.planned((1, "Model", 30, 3000), (2, "Drawing", 40, 4999)),
        "milestone_not_open": delivery.planned((0, "Concepts", 10, 3000), (1, "Model", 30, 5000)),
        "milestone_twice": delivery.planned((1, "Model", 30, 3000), (1, "Model", 30, 5000)),
        "due_date_out_of_bounds": delivery.planned((1, "Model", -1, 8000)),
    }
    for code, milestones in bodies.items():
        answer = await delivery.act(delivery.provider, "POST", "plan", milestones=milestones)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    answer = await delivery.act(delivery.provider, "POST", "plan", milestones=[stranger])
    assert (answer.status_code, answer.json()["code"]) == (422, "milestone_not_open")
    assert not await world.rows(PlanProposalRow)


async def test_one_plan_at_a_time_and_the_same_again_is_the_same(delivery: Delivery, world: World) -> None:
    same = delivery.planned((1, "Model", 30, 10_000))
    answers = [await delivery.act(delivery.provider, "POST", "plan", milestones=same) for _ in range(2)]
    other = await delivery.plan(delivery.customer, (1, "Model", 31, 10_000))
    assert answers[0].json()["plan_proposal"] == answers[1].json()["plan_proposal"]
    assert (other.status_code, other.json()["code"]) == (409, "plan_open")
    assert {"accept_plan", "decline_plan"} <= set(other.json()["allowed_actions"])
    assert len(await world.rows(PlanProposalRow)) == 1


async def test_a_submission_ends_the_plan_that_waits(delivery: Delivery, world: World) -> None:
    plan = (0, "Concepts", 10, 2000), (1, "Model", 30, 8000)
    proposal = proposal_of(await delivery.plan(delivery.customer, *plan))
    submitted = await delivery.submit(0)
    answer = await delivery.act(delivery.provider, "POST", "plan/accept", proposal_id=proposal["id"])
    assert submitted.json()["plan_proposal"] is None
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_state")
    assert [row.message["kind"] for row in await world.rows(DeliverableReportRow)] == ["submitted"]
    told = [row.type for row in sorted(await world.rows(EventRow), key=lambda row: row.sequence)]
    assert told[-2:] == ["plan.withdrawn", "milestone.submitted"]


async def test_a_plan_of_a_milestone_that_was_called_off_is_outdated(delivery: Delivery, world: World) -> None:
    plan = (0, "Concepts", 10, 2000), (1, "Model", 30, 8000)
    proposal = proposal_of(await delivery.plan(delivery.customer, *plan))
    async with world.begin() as session:
        called_off = update(MilestoneRow).where(MilestoneRow.id == delivery.milestone_ids[2])
        await session.execute(called_off.values(state=MilestoneState.CANCELLED))
    answer = await delivery.act(delivery.provider, "POST", "plan/accept", proposal_id=proposal["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_outdated")
    assert not await world.rows(DeliverableReportRow)


async def test_nothing_is_planned_when_nothing_awaits_a_submission(delivery: Delivery) -> None:
    for number in range(3):
        await delivery.submit(number)
    answer = await delivery.plan(delivery.customer, (0, "Concepts", 10, 2000))
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_plan")


async def test_a_provider_plans_the_service_line_of_a_paid_order(
    api: Api, world: World, customer: Person, provider: Person, rival: Person
) -> None:
    paid = await add_delivery(api, world, customer, provider)
    unpaid = await add_delivery(api, world, customer, provider, order_state=OrderState.AWAITING_PAYMENT, opened=False)
    milestones = paid.planned((0, "All of it", 30, 10_000))
    body = {"line_id": paid.line_id, "milestones": milestones}
    answers = [await api.post("/deliverables", provider, json=body, key="d1") for _ in range(2)]
    too_early = await api.post("/deliverables", provider, json={**body, "line_id": unpaid.line_id})
    not_hers = await api.post("/deliverables", rival, json=body)

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["plan_proposal"]["proposed_by"] == "provider"
    assert (too_early.status_code, too_early.json()["code"], too_early.json()["state"]) == (
        *(409, "not_paid", "awaiting_payment"),
    )
    assert not_hers.status_code == 404
    assert len(await world.rows(PlanProposalRow)) == 1


async def test_a_milestone_more_is_a_plan_that_takes_its_share_from_the_others(delivery: Delivery) -> None:
    new = {
        "deliverable_id": delivery.deliverable_id,
        "title": "Prototype",
        "due_at": (utc_now() + timedelta(days=9)).isoformat(),
        "share_bp": 1000,
    }
    added = await delivery.api.post("/milestones", delivery.customer, json=new)
    planned = proposal_of(added)
    assert added.status_code == 201
    assert [(one["milestone_id"], one["share_bp"]) for one in planned["milestones"]] == [
        *zip(delivery.milestone_ids, (1800, 2700, 4500), strict=True),
        (None, 1000),
    ]


async def test_a_changed_milestone_is_a_plan_that_stays_a_proposal(delivery: Delivery, world: World) -> None:
    _, second, third = delivery.milestone_ids

    async def change(**body: Any) -> Any:
        return await delivery.api.request("PUT", f"/milestones/{second}", delivery.provider, json=body)

    unchanged = await change(share_bp=3000)
    too_much = await change(share_bp=8000, from_milestone_id=third)
    planned = proposal_of(await change(share_bp=3500, title="Model", from_milestone_id=third))
    again = proposal_of(await change(share_bp=3500, title="Model", from_milestone_id=third))

    assert (unchanged.status_code, unchanged.json()["code"]) == (422, "nothing_changed")
    assert (too_much.status_code, too_much.json()["code"]) == (422, "milestone_shares")
    assert [one["share_bp"] for one in planned["milestones"]] == [2000, 3500, 4500]
    assert planned["milestones"][1]["title"] == "Model"
    assert planned["id"] == again["id"]
    assert {row.title for row in await world.rows(MilestoneRow)} == {
        *("Two concepts", "Finished model", "Assembly drawing")
    }
