"""What the timeline of an order is made of."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from fulfil.models.messages.base import Message
from fulfil.models.messages.parties import Actor, WaitingOn


class EventType(StrEnum):
    """Every fact a timeline can hold, as `subject.past_participle`."""

    ORDER_PLACED = "order.placed"
    ORDER_EXPIRED = "order.expired"
    ORDER_CANCELLING = "order.cancelling"
    ORDER_CANCELLED = "order.cancelled"
    ORDER_COMPLETED = "order.completed"
    ORDER_CLOSED = "order.closed"
    PAYMENT_REQUESTED = "payment.requested"
    PAYMENT_ACTION_REQUIRED = "payment.action_required"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_AUTHORIZED = "payment.authorized"
    PAYMENT_CAPTURED = "payment.captured"
    PAYMENT_VOIDED = "payment.voided"
    PAYMENT_REFUND_SENT = "payment.refund_sent"
    PAYMENT_REFUNDED = "payment.refunded"
    PAYMENT_RELEASED = "payment.released"
    PAYMENT_TRANSFERRED = "payment.transferred"
    PAYMENT_TRANSFER_REVERSED = "payment.transfer_reversed"
    PAYMENT_REVERSAL_REFUSED = "payment.reversal_refused"
    PAYMENT_RETRY_SCHEDULED = "payment.retry_scheduled"
    PAYMENT_FROZEN = "payment.frozen"
    PAYMENT_UNFROZEN = "payment.unfrozen"
    PAYMENT_FRAUD_WARNED = "payment.fraud_warned"
    PAYMENT_HELD_LONG = "payment.held_long"
    REFUND_REQUESTED = "refund.requested"
    REFUND_APPROVED = "refund.approved"
    REFUND_REJECTED = "refund.rejected"
    REFUND_FAILED = "refund.failed"
    REFUND_REROUTED = "refund.rerouted"
    CHARGEBACK_OPENED = "chargeback.opened"
    CHARGEBACK_EVIDENCE_DUE = "chargeback.evidence_due"
    CHARGEBACK_EVIDENCE_SUBMITTED = "chargeback.evidence_submitted"
    CHARGEBACK_WON = "chargeback.won"
    CHARGEBACK_LOST = "chargeback.lost"
    CHARGEBACK_CLOSED = "chargeback.closed"
    DOCUMENT_ISSUED = "document.issued"
    JOB_OPENED = "job.opened"
    JOB_OFFERED = "job.offered"
    JOB_PUT_ON_BOARD = "job.put_on_board"
    JOB_ESCALATED = "job.escalated"
    JOB_ACCEPTED = "job.accepted"
    JOB_ACCEPTANCE_REFUSED = "job.acceptance_refused"
    JOB_DECLINED_BY_ALL = "job.declined_by_all"
    JOB_REDISPATCHED = "job.redispatched"
    JOB_CANCELLED = "job.cancelled"
    JOB_STARTED = "job.started"
    JOB_PROGRESSED = "job.progressed"
    JOB_QUALITY_PASSED = "job.quality_passed"
    JOB_QUALITY_FAILED = "job.quality_failed"
    JOB_SHIPPED = "job.shipped"
    JOB_DELIVERED = "job.delivered"
    JOB_APPROVED = "job.approved"
    JOB_OFFERED_BY_SUPPORT = "job.offered_by_support"
    JOB_COUNTERED = "job.countered"
    JOB_COUNTER_TAKEN = "job.counter_taken"
    JOB_COUNTER_DECLINED = "job.counter_declined"
    JOB_COUNTER_WITHDRAWN = "job.counter_withdrawn"
    JOB_GIVEN_UP = "job.given_up"
    JOB_DELAY_ANNOUNCED = "job.delay_announced"
    JOB_AT_RISK = "job.at_risk"
    JOB_DEADLINE_MISSED = "job.deadline_missed"
    JOB_PROMISE_MOVED = "job.promise_moved"
    JOB_REMAKE_BEGUN = "job.remake_begun"
    JOB_MATERIAL_REPORTED = "job.material_reported"
    JOB_READY_FOR_PICKUP = "job.ready_for_pickup"
    JOB_CALLED_OFF = "job.called_off"
    OFFER_DECLINED = "offer.declined"
    SHIPMENT_CREATED = "shipment.created"
    SHIPMENT_PICKED_UP = "shipment.picked_up"
    SHIPMENT_MOVED = "shipment.moved"
    SHIPMENT_DELIVERED = "shipment.delivered"
    SHIPMENT_LOST = "shipment.lost"
    SHIPMENT_RETURNED = "shipment.returned"
    LINE_CANCELLED = "line.cancelled"
    DELIVERABLE_OPENED = "deliverable.opened"
    DELIVERABLE_COMPLETED = "deliverable.completed"
    DELIVERABLE_CANCELLED = "deliverable.cancelled"
    DELIVERABLE_RATED = "deliverable.rated"
    MILESTONE_PROGRESSED = "milestone.progressed"
    MILESTONE_DRAFTED = "milestone.drafted"
    MILESTONE_SUBMITTED = "milestone.submitted"
    MILESTONE_REVISION_REQUESTED = "milestone.revision_requested"
    MILESTONE_REVISION_BEGUN = "milestone.revision_begun"
    MILESTONE_CHECKED = "milestone.checked"
    MILESTONE_APPROVED = "milestone.approved"
    MILESTONE_REJECTED = "milestone.rejected"
    MILESTONE_DELAYED = "milestone.delayed"
    MILESTONE_CALLED_OFF = "milestone.called_off"
    PLAN_PROPOSED = "plan.proposed"
    PLAN_ACCEPTED = "plan.accepted"
    PLAN_DECLINED = "plan.declined"
    PLAN_APPLIED = "plan.applied"
    PLAN_WITHDRAWN = "plan.withdrawn"
    REMINDER_SENT = "reminder.sent"
    STEP_PARKED = "step.parked"
    STEP_RESOLVED = "step.resolved"
    SUPPORT_RESET = "support.reset"


class NextStep(Message):
    """Who has to do what, and by when."""

    who: WaitingOn
    what: str
    by: datetime | None = None


class TimelineEvent(Message):
    """One event as the API shows it; `id` is the global offset and the SSE id."""

    id: int
    order_id: str
    sequence: int
    type: EventType
    at: datetime
    actor: Actor
    subject: str
    data: dict[str, Any]
    next: NextStep | None
