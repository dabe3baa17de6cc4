"""What may be done next, by whom, in which state: what `allowed_actions` says and what 409s name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fulfil.models.messages.deliverables import DeliverableState
from fulfil.models.messages.dispatch import CounterState
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import Role
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.refunds import RefundState
from fulfil.models.milestones import PROVIDERS_MOVE, Standing, milestone_actions

ENDED = (OrderState.CLOSED, OrderState.CANCELLED, OrderState.EXPIRED)
CANCELLABLE = (OrderState.AWAITING_PAYMENT, OrderState.PAID, OrderState.IN_FULFILMENT)
NOT_STARTED = (JobState.PENDING, JobState.OFFERED, JobState.ACCEPTED)
UNMADE = (JobState.DECLINED_BY_ALL, JobState.FAILED, JobState.CANCELLED)
# Work that was submitted is answered first.
TAKEN_BACK_IN = (DeliverableState.DRAFT, DeliverableState.REVISION_REQUESTED, DeliverableState.ACCEPTED)
PAYABLE = (PaymentState.REQUIRES_PAYMENT, PaymentState.REQUIRES_ACTION, PaymentState.FAILED)

_REPORTS: Mapping[JobState, tuple[str, ...]] = {
    JobState.ACCEPTED: ("start", "delay", "give_back"),
    JobState.IN_PRODUCTION: ("progress", "quality", "delay", "material", "give_back"),
    JobState.READY: ("ship", "delay", "material"),
    JobState.SHIPPED: ("deliver", "material"),
    JobState.DELIVERED: ("material",),
}


def order_actions(
    role: Role, order: OrderState, payment: PaymentState | None, jobs: Sequence[JobState], *, begun: bool = False
) -> list[str]:
    """For an order, as its customer or as support; `begun` when a deliverable of it can't be taken back whole."""
    actions: list[str] = []
    if role is Role.CUSTOMER and order is OrderState.AWAITING_PAYMENT and payment in PAYABLE:
        actions.append("pay")
    untouched = all(job in NOT_STARTED or job in UNMADE for job in jobs) and not begun
    if order in CANCELLABLE and untouched:
        actions.append("cancel")
    if role is Role.CUSTOMER and JobState.DELIVERED in jobs:
        actions.append("approve")
    return actions


def line_actions(
    role: Role, order: OrderState, job: JobState | None, deliverable: DeliverableState | None
) -> list[str]:
    """For a line of an order, as its customer or as support."""
    if role is Role.CUSTOMER and job is JobState.DELIVERED:
        return ["approve"]
    is_open = job in (JobState.PENDING, JobState.OFFERED, JobState.ACCEPTED) or deliverable in TAKEN_BACK_IN
    return ["cancel"] if is_open and order in (OrderState.PAID, OrderState.IN_FULFILMENT) else []


@dataclass(frozen=True)
class Handing:
    """How a job's goods reach the customer, and whether they wait to be picked up already."""

    by_pickup: bool = False
    waits_for_pickup: bool = False


def job_actions(role: Role, job: JobState, handing: Handing = Handing(), *, in_trouble: bool = False) -> list[str]:
    """For a job, as its provider, its customer or support; `in_trouble` while the customer may choose."""
    if role is Role.PROVIDER:
        return _handed(_REPORTS.get(job, ()), handing)
    choosing = ["choose"] if in_trouble else []
    if role is Role.CUSTOMER:
        return ["approve"] if job is JobState.DELIVERED else choosing
    delivered = (JobState.DELIVERED, JobState.APPROVED, JobState.CLOSED, JobState.CANCELLED)
    return [] if job in delivered else [*choosing, "redispatch"]


def _handed(actions: Sequence[str], handing: Handing) -> list[str]:
    """What is picked up is not shipped: it is made ready, which keeps its date, then handed over."""
    if not handing.by_pickup or "ship" not in actions:
        return list(actions)
    kept = ("ship", "delay") if handing.waits_for_pickup else ("ship",)
    return ["deliver" if handing.waits_for_pickup else "ready_for_pickup", *(a for a in actions if a not in kept)]


def refund_actions(role: Role, refund: RefundState, *, by_herself: bool) -> list[str]:
    """For a refund, as staff; who asked for it does not decide on it."""
    if role not in (Role.SUPPORT, Role.ADMIN):
        return []
    if refund is RefundState.AWAITING_APPROVAL:
        return [] if by_herself else ["approve", "reject"]
    return ["reroute", "reject"] if refund is RefundState.FAILED else []


def offer_actions(role: Role, offer: OfferState) -> list[str]:
    """For an offer, as its provider."""
    return ["accept", "decline", "counter"] if role is Role.PROVIDER and offer is OfferState.OPEN else []


def counter_actions(role: Role, counter: CounterState) -> list[str]:
    """For a counter-offer, as the customer or the provider who made it."""
    if counter is not CounterState.OPEN:
        return []
    return {Role.CUSTOMER: ["accept", "decline"], Role.PROVIDER: ["withdraw"]}.get(role, [])


def deliverable_actions(
    role: Role, milestones: Sequence[Standing], *, revisions_left: int, proposed_by: Role | None, rated: bool
) -> list[str]:
    """For a deliverable, as its provider or its customer: what may be done with any of its milestones, and the whole.

    `proposed_by` is who proposed the plan that waits for its answer, if any does.
    """
    if role not in (Role.PROVIDER, Role.CUSTOMER):
        return []
    actions = list(
        dict.fromkeys(
            action
            for stands in milestones
            for action in milestone_actions(role, stands, revisions_left=revisions_left)
            if proposed_by is None or action != "propose_plan"
        )
    )
    if proposed_by is not None:
        actions += ["withdraw_plan"] if proposed_by is role else ["accept_plan", "decline_plan"]
    is_open = any(stands is Standing.IN_REVIEW or stands in PROVIDERS_MOVE for stands in milestones)
    if Standing.COMPLETED in milestones and not is_open:
        actions += ["complete", *(["feedback"] if role is Role.CUSTOMER and not rated else [])]
    return actions
