"""What may be done next, by whom, in which state: what `allowed_actions` says and what 409s name."""

from collections.abc import Mapping

from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.parties import Role
from fulfil.models.messages.payments import PaymentState
from fulfil.models.messages.refunds import RefundState

ENDED = (OrderState.CLOSED, OrderState.CANCELLED, OrderState.EXPIRED)
NOT_STARTED = (None, JobState.PENDING, JobState.OFFERED, JobState.ACCEPTED)
PAYABLE = (PaymentState.REQUIRES_PAYMENT, PaymentState.REQUIRES_ACTION, PaymentState.FAILED)

_REPORTS: Mapping[JobState, tuple[str, ...]] = {
    JobState.ACCEPTED: ("start",),
    JobState.IN_PRODUCTION: ("progress", "quality"),
    JobState.READY: ("ship",),
    JobState.SHIPPED: ("deliver",),
}


def order_actions(role: Role, order: OrderState, payment: PaymentState | None, job: JobState | None) -> list[str]:
    """For an order, as its customer or as support."""
    actions: list[str] = []
    if role is Role.CUSTOMER and order is OrderState.AWAITING_PAYMENT and payment in PAYABLE:
        actions.append("pay")
    if order in (OrderState.AWAITING_PAYMENT, OrderState.PAID, OrderState.IN_FULFILMENT) and job in NOT_STARTED:
        actions.append("cancel")
    if role is Role.CUSTOMER and job is JobState.DELIVERED:
        actions.append("approve")
    return actions


def job_actions(role: Role, job: JobState) -> list[str]:
    """For a job, as its provider, its customer or support."""
    if role is Role.PROVIDER:
        return list(_REPORTS.get(job, ()))
    if role is Role.CUSTOMER:
        return ["approve"] if job is JobState.DELIVERED else []
    delivered = (JobState.DELIVERED, JobState.APPROVED, JobState.CLOSED, JobState.CANCELLED)
    return [] if job in delivered else ["redispatch"]


def refund_actions(role: Role, refund: RefundState, *, by_herself: bool) -> list[str]:
    """For a refund, as staff; who asked for it does not decide on it."""
    if role not in (Role.SUPPORT, Role.ADMIN):
        return []
    if refund is RefundState.AWAITING_APPROVAL:
        return [] if by_herself else ["approve", "reject"]
    return ["reroute", "reject"] if refund is RefundState.FAILED else []


def offer_actions(role: Role, offer: OfferState) -> list[str]:
    """For an offer, as its provider."""
    return ["accept", "decline"] if role is Role.PROVIDER and offer is OfferState.OPEN else []
