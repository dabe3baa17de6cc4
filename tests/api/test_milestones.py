"""Milestones: progress, and completion without files."""

from typing import Any

import pytest

from fulfil.models.tables.deliverables import SubmissionRow
from fulfil.models.tables.timeline import EventRow
from tests.api.deliveries import Delivery, add_delivery
from tests.api.running import Api
from tests.api.world import Person, World


@pytest.fixture
async def delivery(api: Api, world: World, customer: Person, provider: Person) -> Delivery:
    """Two milestones."""
    return await add_delivery(api, world, customer, provider)


async def test_progress_never_goes_backwards_and_is_told_once(delivery: Delivery, world: World) -> None:
    path = f"/milestones/{delivery.milestone_ids[0]}/progress"

    async def report(percent: int) -> Any:
        return await delivery.api.request("PUT", path, delivery.provider, json={"percent": percent, "note": "So far"})

    reported, back, same = await report(60), await report(59), await report(60)
    first = reported.json()["milestones"][0]
    assert (reported.status_code, first["percent"], first["state"]) == (200, 60, "in_progress")
    assert (back.status_code, back.json()["code"]) == (409, "progress_backwards")
    assert (back.json()["state"], "submit" in back.json()["allowed_actions"]) == ("open", True)
    assert same.status_code == 200
    told = [row.data for row in await world.rows(EventRow) if row.type == "milestone.progressed"]
    assert [(data["percent"], data["note"]) for data in told] == [(60, "So far")]


async def test_a_milestone_is_completed_without_files_by_submitting_it(delivery: Delivery, world: World) -> None:
    path = f"/milestones/{delivery.milestone_ids[1]}/complete"
    answers = [await delivery.api.post(path, delivery.provider, key="c1") for _ in range(2)]
    again = await delivery.api.post(path, delivery.provider, json={"note": "As agreed by phone."})
    [submission] = await world.rows(SubmissionRow)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["milestones"][1]["stands"] == "in_review"
    assert (submission.kind, submission.file_ids) == ("final", [])
    assert (again.status_code, again.json()["code"]) == (409, "milestone_in_review")
