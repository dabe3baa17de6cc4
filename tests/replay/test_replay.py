"""Histories of running orders must replay on today's code; a change that breaks them would wedge live orders."""

from collections import Counter
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from fulfil.models.messages.jobs import JobClosed
from fulfil.models.messages.orders import OrderOutcome, OrderPlaced, StartOrder
from fulfil.workflows.chargeback import ChargebackWorkflow
from fulfil.workflows.deliverable import DeliverableWorkflow
from fulfil.workflows.job import JobWorkflow
from fulfil.workflows.order import OrderWorkflow
from fulfil.workflows.reconciliation import ReconciliationWorkflow
from fulfil.workflows.refund import RefundWorkflow

WORKFLOWS = [
    OrderWorkflow,
    JobWorkflow,
    DeliverableWorkflow,
    RefundWorkflow,
    ChargebackWorkflow,
    ReconciliationWorkflow,
]
FOLDER = Path(__file__).parent.parent / "histories"
HISTORIES = sorted(FOLDER.glob("*/*.json"))


@workflow.defn(name="Order")
class ChangedOrderWorkflow:
    """A deliberate break: the order no longer asks for the payment."""

    @workflow.init
    def __init__(self, order: StartOrder) -> None:
        self.order_id = order.order_id

    @workflow.run
    async def run(self, order: StartOrder) -> OrderOutcome:
        await workflow.wait_condition(lambda: False, timeout=1)
        return OrderOutcome(order_id=order.order_id, state=None)

    @workflow.update
    async def place(self) -> OrderPlaced:
        return OrderPlaced(order_id=self.order_id)

    @workflow.signal
    def payment_changed(self, change: dict[str, str]) -> None:
        del change

    @workflow.signal
    def job_closed(self, closed: JobClosed) -> None:
        del closed


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_a_stored_history_replays(path: Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history(path))


def test_every_workflow_and_every_ending_are_stored() -> None:
    stored = Counter(path.parent.name for path in HISTORIES)
    assert stored == {"order": 25, "job": 23, "deliverable": 7, "refund": 7, "chargeback": 5, "reconciliation": 2}


def test_histories_name_no_folder_of_the_machine_that_recorded_them() -> None:
    assert [path.name for path in HISTORIES if f"{FOLDER.parent.parent}/" in path.read_text()] == []


async def test_a_change_that_breaks_running_orders_is_seen() -> None:
    replayer = Replayer(workflows=[ChangedOrderWorkflow], data_converter=pydantic_data_converter)
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history(FOLDER / "order" / "happy@1.json"))
