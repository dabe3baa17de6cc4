"""What of a timeline each party may see: the event table holds everything, its readers don't."""

from collections.abc import Mapping
from dataclasses import dataclass

from fulfil.api.access import Principal
from fulfil.models.messages.events import EventType, NextStep, TimelineEvent
from fulfil.models.messages.parties import Actor, ActorKind, Role, WaitingOn

COMPONENTS = (ActorKind.SYSTEM, ActorKind.STRIPE)
SUPPORT_ACTS = "support is looking into it"
# Banks ask that nobody be told these: whoever tries a stolen card would learn what to change.
CONFIDENTIAL_DECLINES = (
    *("fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "restricted_card"),
    *("security_violation", "stolen_card"),
)
SAID_INSTEAD = "generic_decline"


@dataclass(frozen=True)
class Shown:
    """The fields of an event's data that parties see; None hides the whole event. Staff see all of every event."""

    customer: frozenset[str] | None
    provider: frozenset[str] | None

    def to(self, role: Role) -> frozenset[str] | None:
        """What this role sees; a role that is no party of orders sees nothing."""
        return {Role.CUSTOMER: self.customer, Role.PROVIDER: self.provider}.get(role)


def _customer(*fields: str) -> Shown:
    return Shown(customer=frozenset(fields), provider=frozenset())


def _provider(*fields: str) -> Shown:
    return Shown(customer=frozenset(), provider=frozenset(fields))


def _both(*fields: str) -> Shown:
    return Shown(customer=frozenset(fields), provider=frozenset(fields))


NO_FIELDS = _both()
STAFF_ONLY = Shown(customer=None, provider=None)
AMOUNT = ("amount_minor", "currency")

# A field that is not named here is for staff only, so that what is added later is not told by accident.
SHOWN: Mapping[EventType, Shown] = {
    EventType.ORDER_PLACED: _customer(*AMOUNT, "quote_id", "quote_ids", "service_ids"),
    EventType.ORDER_EXPIRED: _customer("reason"),
    EventType.ORDER_CANCELLING: _both("reason"),
    EventType.ORDER_CANCELLED: _both("reason"),
    EventType.ORDER_COMPLETED: NO_FIELDS,
    EventType.ORDER_CLOSED: NO_FIELDS,
    EventType.PAYMENT_REQUESTED: _customer(*AMOUNT),
    EventType.PAYMENT_ACTION_REQUIRED: _customer("decline_code", "attempt"),
    EventType.PAYMENT_FAILED: _customer("decline_code", "attempt"),
    EventType.PAYMENT_AUTHORIZED: _customer(*AMOUNT),
    EventType.PAYMENT_CAPTURED: _customer(*AMOUNT),
    EventType.PAYMENT_VOIDED: _customer(*AMOUNT),
    EventType.PAYMENT_REFUND_SENT: _customer(*AMOUNT, "refund_id", "reason"),
    EventType.PAYMENT_REFUNDED: _customer(*AMOUNT, "refund_id", "route", "reference"),
    EventType.PAYMENT_RELEASED: _customer(*AMOUNT),
    EventType.PAYMENT_TRANSFERRED: _provider("provider_id", "transfer_id"),
    EventType.PAYMENT_TRANSFER_REVERSED: _provider(*AMOUNT, "transfer_id", "reversal_id", "owed_minor"),
    EventType.PAYMENT_REVERSAL_REFUSED: _provider("provider_id", "owed_minor", "currency"),
    EventType.PAYMENT_RETRY_SCHEDULED: _customer("decline_code", "attempt"),
    EventType.PAYMENT_FROZEN: NO_FIELDS,
    EventType.PAYMENT_UNFROZEN: NO_FIELDS,
    EventType.PAYMENT_FRAUD_WARNED: STAFF_ONLY,
    EventType.PAYMENT_HELD_LONG: _customer("captured_at", "refunded_at"),
    EventType.REFUND_REQUESTED: _customer(*AMOUNT, "reason"),
    EventType.REFUND_APPROVED: _customer(*AMOUNT),
    EventType.REFUND_REJECTED: _customer(*AMOUNT),
    EventType.REFUND_FAILED: _customer(*AMOUNT, "had_succeeded"),
    EventType.REFUND_REROUTED: _customer("route", "reference"),
    EventType.CHARGEBACK_OPENED: _customer(*AMOUNT, "is_inquiry"),
    EventType.CHARGEBACK_EVIDENCE_DUE: STAFF_ONLY,
    EventType.CHARGEBACK_EVIDENCE_SUBMITTED: NO_FIELDS,
    EventType.CHARGEBACK_WON: _customer(*AMOUNT, "is_inquiry"),
    EventType.CHARGEBACK_LOST: _customer(*AMOUNT, "is_inquiry"),
    EventType.CHARGEBACK_CLOSED: _customer(*AMOUNT, "is_inquiry"),
    EventType.DOCUMENT_ISSUED: _both("document_id", "kind", "number"),
    EventType.JOB_OPENED: _both("line_id", "process", "material"),
    EventType.JOB_OFFERED: _both("round", "number", "offers", "ends_at"),
    EventType.JOB_PUT_ON_BOARD: _both("round", "number", "offers", "ends_at"),
    EventType.JOB_ESCALATED: _both("round", "number", "offers", "ends_at"),
    EventType.JOB_ACCEPTED: _both("provider_id", "round", "due_at"),
    EventType.JOB_ACCEPTANCE_REFUSED: NO_FIELDS,
    EventType.JOB_DECLINED_BY_ALL: _both("state", "reason"),
    EventType.JOB_REDISPATCHED: _both("round"),
    EventType.JOB_CANCELLED: _both("state", "reason"),
    EventType.JOB_STARTED: NO_FIELDS,
    EventType.JOB_PROGRESSED: _both("percent", "stage", "note", "photo_file_ids"),
    EventType.JOB_QUALITY_PASSED: _both("number", "passed", "checks", "photo_file_ids"),
    EventType.JOB_QUALITY_FAILED: _both("number", "passed", "checks", "correction", "photo_file_ids"),
    EventType.JOB_SHIPPED: _both("shipment_id", "carrier", "tracking_number", "pieces"),
    EventType.JOB_DELIVERED: _both("proof_note", "photo_file_ids", "signature_file_id", "shipment_id"),
    EventType.JOB_APPROVED: _both("by_silence"),
    EventType.JOB_OFFERED_BY_SUPPORT: NO_FIELDS,
    EventType.JOB_COUNTERED: _both("counter_id", "lead_time_days", "due_at", *AMOUNT, "note"),
    EventType.JOB_COUNTER_TAKEN: _both("counter_id", "due_at", *AMOUNT),
    EventType.JOB_COUNTER_DECLINED: _both("counter_id"),
    EventType.JOB_COUNTER_WITHDRAWN: _both("counter_id"),
    EventType.JOB_GIVEN_UP: NO_FIELDS,
    EventType.JOB_DELAY_ANNOUNCED: _both("due_at", "reason"),
    EventType.JOB_AT_RISK: _both("due_at", "forecast_at"),
    EventType.JOB_DEADLINE_MISSED: _both("due_at", "forecast_at"),
    EventType.JOB_PROMISE_MOVED: _both("due_at", "by_silence", "trouble"),
    EventType.JOB_REMAKE_BEGUN: _both("reason", "remakes"),
    EventType.JOB_MATERIAL_REPORTED: _provider("used", "planned", "unit", "note"),
    EventType.JOB_READY_FOR_PICKUP: _both("address", "note"),
    EventType.JOB_CALLED_OFF: _both("trouble"),
    EventType.OFFER_DECLINED: NO_FIELDS,
    EventType.SHIPMENT_CREATED: _both("shipment_id", "carrier", "tracking_number", "pieces"),
    EventType.SHIPMENT_PICKED_UP: _both("shipment_id", "location"),
    EventType.SHIPMENT_MOVED: _both("shipment_id", "location", "note"),
    EventType.SHIPMENT_DELIVERED: _both("shipment_id", "proof_note"),
    EventType.SHIPMENT_LOST: _both("shipment_id"),
    EventType.SHIPMENT_RETURNED: _both("shipment_id"),
    EventType.LINE_CANCELLED: _both("line_id", "reason"),
    EventType.DELIVERABLE_OPENED: _both("line_id", "milestones"),
    EventType.DELIVERABLE_COMPLETED: NO_FIELDS,
    EventType.DELIVERABLE_CANCELLED: _both("reason"),
    EventType.DELIVERABLE_RATED: _both("quality", "communication", "timeliness"),
    EventType.MILESTONE_PROGRESSED: _both("milestone_id", "percent", "note"),
    EventType.MILESTONE_DRAFTED: _both("milestone_id", "submission_id", "number", "note"),
    EventType.MILESTONE_SUBMITTED: _both("milestone_id", "submission_id", "number", "note"),
    EventType.MILESTONE_REVISION_REQUESTED: _both("milestone_id", "revision_id", "number", "left", "text", "due_at"),
    EventType.MILESTONE_REVISION_BEGUN: _both("milestone_id", "revision_id"),
    EventType.MILESTONE_CHECKED: _both("milestone_id", "passed", "checks"),
    EventType.MILESTONE_APPROVED: _both("milestone_id", "by_silence"),
    EventType.MILESTONE_REJECTED: _both("milestone_id", "submission_id", "reason"),
    EventType.MILESTONE_DELAYED: _both("milestone_id", "due_at"),
    EventType.MILESTONE_CALLED_OFF: _both("milestone_id", "reason"),
    EventType.PLAN_PROPOSED: _both("proposal_id", "milestones", "note"),
    EventType.PLAN_ACCEPTED: _both("proposal_id"),
    EventType.PLAN_DECLINED: _both("proposal_id", "reason"),
    EventType.PLAN_APPLIED: _both("proposal_id"),
    EventType.PLAN_WITHDRAWN: _both("proposal_id"),
    EventType.REMINDER_SENT: _both("who", "what", "by"),
    EventType.STEP_PARKED: NO_FIELDS,
    EventType.STEP_RESOLVED: NO_FIELDS,
    EventType.SUPPORT_RESET: NO_FIELDS,
}


def hidden_from(caller: Principal) -> list[EventType]:
    """The events that she does not see at all."""
    if caller.is_staff:
        return []
    return [kind for kind in EventType if _fields(kind, caller) is None]


def disclose(event: TimelineEvent, caller: Principal) -> TimelineEvent | None:
    """The event as she may see it; None when she may not."""
    if caller.is_staff:
        return event
    fields = _fields(event.type, caller)
    if fields is None:
        return None
    shown = {name: value for name, value in event.data.items() if name in fields}
    if "decline_code" in shown:
        shown["decline_code"] = discreet(shown["decline_code"])
    return event.model_copy(
        update={"actor": _told_actor(event.actor, caller), "data": shown, "next": told_next(event.next, caller)}
    )


def told_next(step: NextStep | None, caller: Principal) -> NextStep | None:
    """Whose move it is; what support has to do is told to staff."""
    if step is None or caller.is_staff or step.who is not WaitingOn.SUPPORT:
        return step
    return step.model_copy(update={"what": SUPPORT_ACTS})


def told_decline(code: str | None, caller: Principal) -> str | None:
    """Why the bank declined: staff see it, others as far as `discreet` goes."""
    return code if caller.is_staff else discreet(code)


def discreet(decline_code: str | None) -> str | None:
    """Why the bank declined, unless a thief could learn from it."""
    return SAID_INSTEAD if decline_code in CONFIDENTIAL_DECLINES else decline_code


def _fields(kind: EventType, caller: Principal) -> frozenset[str] | None:
    shown = SHOWN.get(kind)
    return None if shown is None else shown.to(caller.role)


def _told_actor(actor: Actor, caller: Principal) -> Actor:
    """Persons are named to themselves and to staff; to others it is said which side they are on."""
    known = actor.kind in COMPONENTS or actor.id == caller.owner_id
    return actor if known else actor.model_copy(update={"id": actor.kind.value})
