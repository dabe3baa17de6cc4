"""The deliverable process over real rows: the API's writers, the relay, the workflow and its activities together."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from fulfil.activities.deliverable_relay import DeliverableReportRelayActivity
from fulfil.activities.telling import start_deliverable
from fulfil.api.schemas.deliverables import PlanEntry
from fulfil.api.writers.plans import accept_plan, propose_plan
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from fulfil.models.messages.deliverables import (
    DeliverableClosed,
    DeliverableOutcome,
    MilestoneClock,
    StartDeliverable,
)
from fulfil.models.messages.policies import OrderPolicies
from fulfil.workers.registration import activities_of
from fulfil.workflows.deliverable import DeliverableWorkflow
from fulfil.workflows.ids import ORDERS, PAYMENTS, deliverable_workflow_id
from tests.activities.shop import Shop, until
from tests.activities.studio import Commission, Studio
from tests.activities.test_relays import running
from tests.conftest import temporal_server
from tests.workflows.delivering import QuietPayments
from tests.workflows.fakes import World

IMPATIENT = OrderPolicies(review_reminder_s=1, review_due_s=1)


@pytest.fixture
async def studio(owner_database: Database, worker_database: Database, api_database: Database) -> AsyncIterator[Studio]:
    """A studio in real time, with a Temporal server of its own: workers poll queues by name."""
    with temporal_server() as address:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        shop = Shop(owner_database, worker_database, client, policies=IMPATIENT)
        shop.clock.now = utc_now()
        yield Studio(shop, api_database)


async def begin(studio: Studio, made: Commission) -> None:
    """What the order does once it is paid, twice: a retry starts nothing anew."""
    dues = await studio.shop.sql("SELECT id, job_id, due_at FROM milestones ORDER BY position")
    start = StartDeliverable(
        deliverable_id=made.deliverable_id,
        order_id=made.order_id,
        line_id=made.line_id,
        provider_id=made.provider.owner_id,
        milestones=tuple(MilestoneClock(milestone_id=row.id, job_id=row.job_id, due_at=row.due_at) for row in dues),
        policies=IMPATIENT,
    )
    for _ in range(2):
        await start_deliverable(studio.shop.client, start)


async def replan(studio: Studio, made: Commission) -> str:
    """The provider proposes to deliver what is left in one piece, the customer agrees; the new milestone's id."""
    due_at = studio.shop.clock.now.replace(year=studio.shop.clock.now.year + 1)
    entry = PlanEntry(title="All of the rest", due_at=due_at, share_bp=7000)
    async with studio.hand(made.provider, made) as held:
        await propose_plan(held, [entry], "")
    async with studio.hand(made.customer, made) as held:
        assert held.proposal is not None
        await accept_plan(held, held.proposal.id)
    added = await until(lambda: studio.shop.sql("SELECT id FROM milestones WHERE title = 'All of the rest'"))
    return str(added[0].id)


async def test_a_deliverable_is_planned_anew_approved_and_approved_by_silence(studio: Studio) -> None:
    made, world = await studio.commission(), World(client=studio.shop.client)
    client = studio.shop.client
    relay = DeliverableReportRelayActivity(studio.shop.worker, client, utc_now)
    orders = Worker(
        client, task_queue=ORDERS, workflows=[DeliverableWorkflow], activities=activities_of(studio.activities)
    )
    payments = Worker(client, task_queue=PAYMENTS, activities=[QuietPayments(world).settle_job])
    async with orders, payments, running(relay.relay_deliverable_reports):
        await begin(studio, made)
        await studio.submit(made, 0)
        studio.shop.clock.advance(seconds=1)
        await studio.approve(made, 0)
        rest = await replan(studio, made)
        await studio.submit_milestone(made, rest)
        handle = client.get_workflow_handle(deliverable_workflow_id(made.deliverable_id), result_type=DeliverableClosed)
        closed = await handle.result()
    assert (closed.outcome, closed.unpaid_minor) == (DeliverableOutcome.COMPLETED, 0)
    assert [settled.approved_by_silence for settled in world.settlements] == [False, True]
    assert await studio.deliverable(made) == ("completed", True)
    states = [(state, amount) for _, state, amount in await studio.milestones(made)]
    assert sorted(states) == [("cancelled", 0), ("cancelled", 0), ("completed", 3000), ("completed", 7000)]
