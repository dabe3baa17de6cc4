"""Workflow ids, activity ids and task queues."""

ORDERS = "orders"
GEOMETRY = "geometry"
PAYMENTS = "payments"
INTEGRATIONS = "integrations"
TASK_QUEUES = (ORDERS, GEOMETRY, PAYMENTS, INTEGRATIONS)

STRIPE_EVENT_RELAY = "relay/stripe_events"
JOB_REPORT_RELAY = "relay/job_reports"
DELIVERABLE_REPORT_RELAY = "relay/deliverable_reports"


def order_workflow_id(order_id: str) -> str:
    """One workflow per order."""
    return f"order/{order_id}"


def job_workflow_id(job_id: str) -> str:
    """One workflow per job, through all its rounds."""
    return f"job/{job_id}"


def deliverable_workflow_id(deliverable_id: str) -> str:
    """One workflow per deliverable."""
    return f"deliverable/{deliverable_id}"


def refund_workflow_id(refund_id: str) -> str:
    """One workflow per refund; a second run begins when it fails after it had succeeded."""
    return f"refund/{refund_id}"


def chargeback_workflow_id(chargeback_id: str) -> str:
    """One workflow per chargeback."""
    return f"chargeback/{chargeback_id}"


UPKEEP_WORKFLOW_ID = "upkeep"
UPKEEP_SCHEDULE_ID = "providers/upkeep"
RECONCILIATION_WORKFLOW_ID = "reconciliation"
RECONCILIATION_SCHEDULE_ID = "money/reconciliation"


def quote_activity_id(quote_id: str) -> str:
    """One standalone activity per quote."""
    return f"quote/{quote_id}"


def analysis_activity_id(analysis_id: str) -> str:
    """One analysis at a time of a content read in one way, whoever uploaded it."""
    return f"analysis/{analysis_id}"


def proof_activity_id(quote_id: str) -> str:
    """One proof of a quote at a time."""
    return f"proof/{quote_id}"


def recalculation_activity_id(order_id: str) -> str:
    """One recalculation of an order at a time."""
    return f"recalculation/{order_id}"


def replay_activity_id(replay_id: str) -> str:
    """One replay of stored quotes per request."""
    return f"replay/{replay_id}"


def confirmation_activity_id(quote_id: str, position: int) -> str:
    """One confirmation of an item's estimate at a time."""
    return f"confirmation/{quote_id}/{position}"
