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
    "job/happy": TemporalCost(42, 10),
    "job/captured_early": TemporalCost(36, 9),
    "job/frozen": TemporalCost(47, 12),
    "job/called_off": TemporalCost(39, 13),
    "job/late_and_waited_for": TemporalCost(68, 22),
    "job/given_back": TemporalCost(57, 15),
    "job/parcel_lost": TemporalCost(62, 16),
    "job/asked_by_support": TemporalCost(74, 23),
    "deliverable/approved": TemporalCost(32, 12),
    "deliverable/silent": TemporalCost(26, 9),
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
    newest = max(FOLDER.glob(f"{scenario}@*.json"))
    history = WorkflowHistory.from_json(scenario, newest.read_text())
    cost, most = cost_of(history.events), MOST[scenario]
    print(f"{scenario}: {cost}")  # noqa: T201 (the figure)
    assert (cost.events <= most.events, cost.actions <= most.actions) == (True, True)
