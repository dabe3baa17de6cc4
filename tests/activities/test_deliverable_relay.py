"""The relay of deliverables: every report arrives, in order, and an ended workflow stops nobody."""

from datetime import datetime
from typing import Any

import pytest
from temporalio.client import Client

from fulfil.activities.deliverable_relay import DeliverableReportRelayActivity
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database
from tests.activities.shop import Shop, until
from tests.activities.studio import Commission, Studio
from tests.activities.test_relays import running
from tests.conftest import free_port

SIGNALLED = "SELECT coalesce(last_error, '-') AS note FROM deliverable_reports WHERE signalled_at IS NOT NULL"


@pytest.fixture
async def studio(shop: Shop, api_database: Database) -> Studio:
    """A studio in real time: leases and backoff are short enough."""
    shop.clock.now = utc_now()
    return Studio(shop, api_database)


@pytest.fixture
async def made(studio: Studio) -> Commission:
    """An ordered service."""
    return await studio.commission()


def relay(studio: Studio, client: Client | None = None) -> DeliverableReportRelayActivity:
    return DeliverableReportRelayActivity(studio.shop.worker, client or studio.shop.client, utc_now)


async def collecting(studio: Studio, made: Commission) -> str:
    """A deliverable's workflow nobody works on."""
    workflow_id = f"deliverable/{made.deliverable_id}"
    await studio.shop.client.start_workflow("Deliverable", id=workflow_id, task_queue="nobody")
    return workflow_id


async def signalled(studio: Studio, count: int) -> list[str]:
    """Wait until so many reports are; their notes."""

    async def enough() -> Any:
        rows = await studio.shop.sql(SIGNALLED)
        return rows if len(rows) == count else None

    return [row.note for row in await until(enough)]


async def test_what_people_do_is_signalled_in_its_order(studio: Studio, made: Commission) -> None:
    workflow_id = await collecting(studio, made)
    await studio.submit(made)
    studio.shop.clock.advance(seconds=1)
    await studio.revise(made)
    async with running(relay(studio).relay_deliverable_reports):
        await signalled(studio, 2)
        studio.shop.clock.advance(seconds=1)
        await studio.submit(made)
        await signalled(studio, 3)
    signals = await studio.shop.signals(workflow_id)
    assert [(name, report["kind"]) for name, report in signals] == [
        *(("reported", "submitted"), ("reported", "revision_requested"), ("reported", "submitted")),
    ]
    first = signals[0][1]
    assert (first["milestone_id"], first["by"] is not None) == (made.milestones[0], True)


async def test_what_was_done_later_is_later_whatever_the_hosts_clock_says(studio: Studio, made: Commission) -> None:
    workflow_id = await collecting(studio, made)
    await studio.submit(made)
    studio.shop.clock.advance(seconds=-2)
    await studio.reject(made)
    async with running(relay(studio).relay_deliverable_reports):
        await signalled(studio, 2)
    submitted, rejected = [report for _, report in await studio.shop.signals(workflow_id)]
    assert (submitted["kind"], rejected["kind"]) == ("submitted", "rejected")
    assert datetime.fromisoformat(submitted["at"]) < datetime.fromisoformat(rejected["at"])


async def test_a_report_to_an_ended_deliverable_is_noted(studio: Studio, made: Commission) -> None:
    workflow_id = await collecting(studio, made)
    await studio.submit(made)
    await studio.shop.client.get_workflow_handle(workflow_id).terminate("ended")
    await studio.shop.sql("UPDATE deliverables SET closed_at = now()")
    async with running(relay(studio).relay_deliverable_reports):
        assert await signalled(studio, 1) == ["the deliverable's workflow has ended"]


async def test_a_report_waits_for_a_workflow_that_is_not_started_yet(studio: Studio, made: Commission) -> None:
    await studio.submit(made)
    waits = "SELECT last_error FROM deliverable_reports WHERE last_error IS NOT NULL"
    async with running(relay(studio).relay_deliverable_reports):
        ((cause,),) = await until(lambda: studio.shop.sql(waits))
        workflow_id = await collecting(studio, made)
        await studio.shop.sql("UPDATE deliverable_reports SET not_before = NULL")
        await signalled(studio, 1)
    assert "does not run yet" in cause
    assert len(await studio.shop.signals(workflow_id)) == 1


async def test_a_temporal_that_is_away_postpones_and_loses_nothing(studio: Studio, made: Commission) -> None:
    workflow_id = await collecting(studio, made)
    await studio.submit(made)
    nobody = await Client.connect(
        f"127.0.0.1:{free_port()}", lazy=True, data_converter=studio.shop.client.data_converter
    )
    failed = "SELECT last_error FROM deliverable_reports WHERE last_error IS NOT NULL AND signalled_at IS NULL"
    async with running(relay(studio, nobody).relay_deliverable_reports):
        await until(lambda: studio.shop.sql(failed))
    await studio.shop.sql("UPDATE deliverable_reports SET not_before = NULL")
    async with running(relay(studio).relay_deliverable_reports):
        await signalled(studio, 1)
    assert len(await studio.shop.signals(workflow_id)) == 1
