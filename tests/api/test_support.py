"""Support: what is stuck, and moving it on with a reason."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from fulfil.kit.clock import utc_now
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.support import ResolutionAction
from fulfil.models.tables.timeline import EventRow, TimelineRow
from tests.api.fakes import ENDED
from tests.api.running import Api
from tests.api.world import Person, Sale, World

WHY = {"reason": "the provider's account is complete now"}


async def park(world: World, sale: Sale, allowed: list[str]) -> None:
    """Settling the job is parked."""
    async with world.begin() as session:
        await session.execute(
            update(TimelineRow)
            .where(TimelineRow.order_id == sale.order_id)
            .values(
                stuck_step="settle_job",
                stuck_since=utc_now() - timedelta(hours=1),
                stuck_cause="transfer_refused: no account",
                stuck_workflow_id=f"job/{sale.job_id}",
                stuck_allowed=allowed,
                next_who="support",
                next_what="move on the parked step settle_job",
                next_by=None,
            )
        )


@pytest.fixture
async def sale(world: World, customer: Person, provider: Person) -> Sale:
    """An order whose job is delivered."""
    return await world.sale(
        customer,
        provider,
        order=OrderState.IN_FULFILMENT,
        job=JobState.ACCEPTED,
        offer=OfferState.ACCEPTED,
        production=JobState.DELIVERED,
    )


async def test_parked_and_overdue_orders_are_listed_with_cause_owner_and_command(
    api: Api, world: World, customer: Person, supporter: Person, sale: Sale
) -> None:
    await park(world, sale, ["retry"])
    overdue = await world.order(customer)
    fine = await world.order(customer)
    over = await world.order(customer, state=OrderState.EXPIRED)
    async with world.begin() as session:
        await session.execute(
            update(TimelineRow)
            .where(TimelineRow.order_id.in_([overdue, over]))
            .values(next_by=utc_now() - timedelta(minutes=1))
        )
    stuck = (await api.get("/support/stuck", supporter)).json()["data"]

    assert [each["order_id"] for each in stuck] == [sale.order_id, overdue]
    assert fine not in str(stuck)
    parked, late = stuck
    assert (parked["kind"], parked["step"], parked["owner"]) == ("parked", "settle_job", "support")
    assert parked["cause"] == "transfer_refused: no account"
    assert parked["allowed_actions"] == ["retry", "reset"]
    assert parked["command"] == f"fulfil support retry {sale.order_id} --reason '…'"
    assert (late["kind"], late["owner"], late["order_state"]) == ("overdue", "customer", "awaiting_payment")


async def test_what_support_has_to_do_is_listed_before_it_is_late(
    api: Api, world: World, supporter: Person, sale: Sale
) -> None:
    until = utc_now() + timedelta(hours=72)
    async with world.begin() as session:
        await session.execute(
            update(TimelineRow)
            .where(TimelineRow.order_id == sale.order_id)
            .values(next_who="support", next_what="find a provider", next_by=until)
        )
    [move] = (await api.get("/support/stuck", supporter)).json()["data"]
    assert (move["order_id"], move["kind"], move["owner"]) == (sale.order_id, "support", "support")
    assert move["cause"] == f"support has to find a provider by {until:%Y-%m-%d %H:%M} UTC"
    assert move["allowed_actions"] == ["redispatch", "cancel"]


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("retry", ResolutionAction.RETRY),
        ("skip", ResolutionAction.SKIP),
        ("cancel-step", ResolutionAction.CANCEL),
    ],
)
async def test_a_parked_step_is_resolved_with_actor_and_reason(
    api: Api, world: World, supporter: Person, sale: Sale, path: str, action: ResolutionAction
) -> None:
    await park(world, sale, ["retry", "skip", "cancel"])
    response = await api.post(f"/support/orders/{sale.order_id}/{path}", supporter, json=WHY)
    said = api.processes.said[0]
    assert (response.status_code, response.json()["action"]) == (200, action.value)
    assert (said.what, said.to) == ("resolve", f"job/{sale.job_id}")
    assert (said.message.action, said.message.reason) == (action, WHY["reason"])
    assert (said.message.actor.kind, said.message.actor.id) == ("support", supporter.account_id)


async def test_what_is_not_parked_or_not_allowed_is_a_conflict(
    api: Api, world: World, supporter: Person, sale: Sale
) -> None:
    nothing = await api.post(f"/support/orders/{sale.order_id}/retry", supporter, json=WHY)
    await park(world, sale, ["retry"])
    not_allowed = await api.post(f"/support/orders/{sale.order_id}/skip", supporter, json=WHY)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_parked")
    assert (not_allowed.status_code, not_allowed.json()["allowed_actions"]) == (409, ["retry"])
    assert not api.processes.said


async def test_a_repeated_resolution_answers_what_was_resolved(
    api: Api, world: World, supporter: Person, sale: Sale
) -> None:
    await park(world, sale, ["retry"])
    path = f"/support/orders/{sale.order_id}/retry"
    first = await api.post(path, supporter, key="r1", json=WHY)
    async with world.begin() as session:
        await session.execute(update(TimelineRow).values(stuck_step=None, stuck_workflow_id=None))
    await world.add(resolved_event(sale, supporter))
    again = await api.post(path, supporter, key="r1", json=WHY)
    assert first.json() == again.json()
    assert len(api.processes.said) == 1


def resolved_event(sale: Sale, supporter: Person) -> EventRow:
    """What the workflow's activity writes."""
    return EventRow(
        order_id=sale.order_id,
        sequence=99,
        business_key="resolved",
        type=EventType.STEP_RESOLVED,
        at=utc_now(),
        actor_kind="support",
        actor_id=supporter.account_id,
        subject=sale.job_id,
        data={"workflow_id": f"job/{sale.job_id}", "step": "settle_job", "action": "retry"},
    )


@pytest.mark.parametrize("path", ["retry", "skip", "cancel-step", "redispatch", "cancel", "reset"])
async def test_every_act_needs_a_reason(api: Api, supporter: Person, sale: Sale, path: str) -> None:
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}):
        response = await api.post(f"/support/orders/{sale.order_id}/{path}", supporter, json=body)
        assert (response.status_code, response.json()["param"]) == (422, "reason")
    assert not api.processes.said


async def test_redispatching_asks_the_job(
    api: Api, world: World, customer: Person, supporter: Person, sale: Sale
) -> None:
    response = await api.post(f"/support/orders/{sale.order_id}/redispatch", supporter, json=WHY)
    assert (response.status_code, response.json()["job_id"]) == (200, sale.job_id)
    assert api.processes.said[0].message.reason == WHY["reason"]

    without_job = await world.order(customer)
    refused = await api.post(f"/support/orders/{without_job}/redispatch", supporter, json=WHY)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_job")

    api.processes.troubles["redispatch"] = ENDED
    ended = await api.post(f"/support/orders/{sale.order_id}/redispatch", supporter, json=WHY)
    assert (ended.status_code, ended.json()["code"]) == (409, "job_ended")


async def test_support_cancels_for_the_customer_in_its_own_name(
    api: Api, world: World, customer: Person, supporter: Person
) -> None:
    order_id = await world.order(customer)
    response = await api.post(f"/support/orders/{order_id}/cancel", supporter, json=WHY)
    assert response.status_code == 200
    assert api.processes.said[0].message.actor.id == supporter.account_id
