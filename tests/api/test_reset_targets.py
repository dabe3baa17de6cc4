"""Which workflow a reset goes to, when an order has several."""

from typing import Any

import pytest

from fulfil.api.errors import ProblemError
from fulfil.api.readers.support import OrderProcess
from fulfil.api.resetting import workflow_of
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.orders import OrderState


def process(**traits: Any) -> OrderProcess:
    """An order with nothing parked."""
    facts: dict[str, Any] = {
        "order_id": "ord_1",
        "customer_id": "cus_1",
        "state": OrderState.IN_FULFILMENT,
        "job_id": None,
        "job_state": None,
        "deliverable_id": None,
        "stuck_step": None,
        "stuck_workflow_id": None,
        "stuck_allowed": (),
    }
    return OrderProcess(**facts | traits)


@pytest.mark.parametrize(
    ("traits", "step", "workflow_id"),
    [
        ({"job_id": "job_1", "deliverable_id": "del_1"}, "settle_job", "job/job_1"),
        ({"deliverable_id": "del_1"}, "settle_job", "deliverable/del_1"),
        ({"job_id": "job_1", "deliverable_id": "del_1"}, "close_deliverable", "deliverable/del_1"),
        ({"job_id": "job_1"}, "place_order", "order/ord_1"),
        (
            {"job_id": "job_1", "stuck_step": "settle_job", "stuck_workflow_id": "deliverable/del_2"},
            "settle_job",
            "deliverable/del_2",
        ),
    ],
)
def test_a_reset_goes_to_the_workflow_that_has_the_step(traits: dict[str, Any], step: str, workflow_id: str) -> None:
    assert workflow_of(process(**traits), step) == workflow_id


def test_a_step_nobody_has_is_refused() -> None:
    with pytest.raises(ProblemError) as refused:
        workflow_of(process(job_id="job_1"), "apply_plan")
    assert refused.value.code == "no_job"


def test_of_several_jobs_the_one_that_is_meant_has_to_be_named() -> None:
    two = process(
        job_id="job_1",
        open_jobs={"job_1": JobState.ACCEPTED, "job_2": JobState.ACCEPTED},
        deliverable_ids=("del_1",),
    )
    with pytest.raises(ProblemError) as refused:
        workflow_of(two, "settle_job")
    assert refused.value.code == "job_ambiguous"
    assert all(name in (refused.value.detail or "") for name in ("job_1", "job_2", "del_1"))
    assert workflow_of(two, "settle_job", "job_2") == "job/job_2"
    assert workflow_of(two, "settle_job", "del_1") == "deliverable/del_1"
    with pytest.raises(ProblemError) as unknown:
        workflow_of(two, "settle_job", "job_3")
    assert unknown.value.code == "not_found"
