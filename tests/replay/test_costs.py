"""What each process costs by its recorded histories, in history events and billable actions."""

import pytest
from temporalio.client import WorkflowHistory

from fulfil.kit.temporal_cost import TemporalCost, cost_of
from tests.replay.test_replay import FOLDER

MOST = {
    "order/happy": TemporalCost(25, 8),
    "order/unpaid": TemporalCost(25, 6),
    "order/cancelled": TemporalCost(40, 12),
    "order/saved_card": TemporalCost(51, 13),
    "job/happy": TemporalCost(42, 11),
    "job/captured_early": TemporalCost(34, 9),
    "job/frozen": TemporalCost(45, 12),
    "refund/succeeded": TemporalCost(19, 4),
    "refund/approved": TemporalCost(44, 11),
    "refund/failed_then_rerouted": TemporalCost(38, 9),
    "chargeback/submitted_by_itself": TemporalCost(45, 11),
    "chargeback/submitted_by_support": TemporalCost(55, 13),
    "chargeback/accepted": TemporalCost(31, 7),
    "reconciliation/agreed": TemporalCost(47, 8),
}


@pytest.mark.parametrize("scenario", MOST)
def test_a_process_costs_no_more_than_its_document_says(scenario: str) -> None:
    history = WorkflowHistory.from_json(scenario, (FOLDER / f"{scenario}@1.json").read_text())
    cost, most = cost_of(history.events), MOST[scenario]
    print(f"{scenario}: {cost}")  # noqa: T201 (the figure)
    assert (cost.events <= most.events, cost.actions <= most.actions) == (True, True)
