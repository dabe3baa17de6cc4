"""Workflow ids and task queues."""

ORDERS = "orders"
GEOMETRY = "geometry"
PAYMENTS = "payments"
INTEGRATIONS = "integrations"
TASK_QUEUES = (ORDERS, GEOMETRY, PAYMENTS, INTEGRATIONS)

STRIPE_EVENT_RELAY = "relay/stripe_events"
JOB_REPORT_RELAY = "relay/job_reports"


def order_workflow_id(order_id: str) -> str:
    """One workflow per order."""
    return f"order/{order_id}"


def job_workflow_id(job_id: str) -> str:
    """One workflow per job, through all its rounds."""
    return f"job/{job_id}"


def quote_activity_id(quote_id: str) -> str:
    """One standalone activity per quote."""
    return f"quote/{quote_id}"
