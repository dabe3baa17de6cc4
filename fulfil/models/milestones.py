"""The rules of delivering by milestones: plans, shares of the price, and who may do what while a milestone stands how.

Pure, so that the API that writes what people do and the activities that write what time does decide alike.
"""

from collections.abc import Sequence
from enum import StrEnum

from fulfil.models.messages.deliverables import (
    DeliverableState,
    MilestoneState,
    PlannedMilestone,
    ReplannedMilestone,
    SubmissionState,
)
from fulfil.models.messages.parties import Role
from fulfil.models.money import WHOLE_BP, step_minor

MOST_MILESTONES = 20
MOST_REVISIONS = 20
LONGEST_PLAN_DAYS = 730

ENDED = (DeliverableState.COMPLETED, DeliverableState.REJECTED, DeliverableState.CANCELLED)


class PlanError(ValueError):
    """A plan of milestones that can't be kept; `code` names the rule, the text says what to change."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Standing(StrEnum):
    """How a milestone stands, by its state and what was said to its latest submission that is no draft."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    REVISING = "revising"
    REJECTED = "rejected"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


PROVIDERS_MOVE = (Standing.OPEN, Standing.REVISING, Standing.REJECTED)
"""The next submission is awaited; a new plan may replace these, and only these."""

_ANSWERED = {
    SubmissionState.IN_REVIEW: Standing.IN_REVIEW,
    SubmissionState.REVISION_REQUESTED: Standing.REVISING,
    SubmissionState.REJECTED: Standing.REJECTED,
}


def standing(milestone: MilestoneState, submission: SubmissionState | None) -> Standing:
    """How a milestone stands; `submission` is the state of its latest one that is no draft, None without any."""
    if milestone is MilestoneState.COMPLETED:
        return Standing.COMPLETED
    if milestone is MilestoneState.CANCELLED:
        return Standing.CANCELLED
    return Standing.OPEN if submission is None else _ANSWERED.get(submission, Standing.OPEN)


def milestone_actions(role: Role, stands: Standing, *, revisions_left: int) -> list[str]:
    """What may be done with a milestone next, as its provider or its customer."""
    if role is Role.PROVIDER and stands in PROVIDERS_MOVE:
        begin = ["begin_revision"] if stands is Standing.REVISING else []
        return ["progress", "draft", *begin, "check", "submit", "propose_plan"]
    if role is Role.CUSTOMER and stands is Standing.IN_REVIEW:
        revise = ["request_revision"] if revisions_left > 0 else []
        return ["approve", *revise, "reject"]
    return ["propose_plan"] if role is Role.CUSTOMER and stands in PROVIDERS_MOVE else []


def deliverable_state_after(milestones: Sequence[Standing]) -> DeliverableState:
    """Where a deliverable stands by all its milestones, none of which was touched since; ended once none is open."""
    if Standing.IN_REVIEW in milestones:
        return DeliverableState.IN_REVIEW
    if Standing.REVISING in milestones:
        return DeliverableState.REVISION_REQUESTED
    if any(stands in PROVIDERS_MOVE for stands in milestones):
        return DeliverableState.ACCEPTED if Standing.COMPLETED in milestones else DeliverableState.DRAFT
    return DeliverableState.COMPLETED if Standing.COMPLETED in milestones else DeliverableState.CANCELLED


def split_by_share(amount_minor: int, shares_bp: Sequence[int], currency: str) -> list[int]:
    """Split an amount in proportion to the shares, exactly: what rounding leaves goes to the largest remainders.

    Parts are whole steps of the currency (10 fils of a kwd), except that the last takes what is less than a step of
    the amount. Shares need not make up the whole price: the open part of a plan is split by what is left of them.
    """
    if amount_minor < 0:
        raise PlanError("amount_negative", f"{amount_minor} can't be split.")
    if not shares_bp or min(shares_bp) < 1:
        raise PlanError("share_below_one", "Each share must be at least one basis point (0.01 %).")
    step, whole = step_minor(currency), sum(shares_bp)
    steps, odd = divmod(amount_minor, step)
    parts = [steps * share // whole for share in shares_bp]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(steps * shares_bp[i] % whole), i))
    for i in by_remainder[: steps - sum(parts)]:
        parts[i] += 1
    amounts = [part * step for part in parts]
    amounts[-1] += odd
    return amounts


def check_shares(shares: Sequence[int], whole_bp: int = WHOLE_BP) -> None:
    """Raise `PlanError` unless there are 1 to 20 shares, each positive, that make up the whole (10,000) exactly."""
    if not 1 <= len(shares) <= MOST_MILESTONES:
        raise PlanError("milestone_count", f"A plan has 1 to {MOST_MILESTONES} milestones; this one has {len(shares)}.")
    if min(shares) < 1:
        raise PlanError("share_below_one", "Each share must be at least one basis point (0.01 %).")
    if sum(shares) != whole_bp:
        detail = f"The shares make up {sum(shares)} basis points; they must make up exactly {whole_bp}."
        raise PlanError("milestone_shares", detail)


def check_plan(planned: Sequence[PlannedMilestone], amount_minor: int, currency: str) -> None:
    """Raise `PlanError` unless a service's plan can be kept: shares, days in order, and a payable amount for each."""
    check_shares([milestone.share_bp for milestone in planned])
    days = [milestone.days for milestone in planned]
    if days != sorted(days):
        raise PlanError("days_out_of_order", "Milestones are due in their order: days must not decrease.")
    if days[-1] > LONGEST_PLAN_DAYS:
        raise PlanError("plan_too_long", f"The last milestone is due within {LONGEST_PLAN_DAYS} days.")
    _check_payable(split_by_share(amount_minor, [milestone.share_bp for milestone in planned], currency))


def check_replan(
    proposed: Sequence[ReplannedMilestone], open_shares_bp: dict[str, int], open_minor: int, currency: str
) -> None:
    """Raise `PlanError` unless the proposal plans exactly what is open: its shares, its milestones, each once.

    `open_shares_bp` are the shares of the milestones whose next submission is awaited, by id; `open_minor` their sum.
    """
    check_shares([milestone.share_bp for milestone in proposed], sum(open_shares_bp.values()))
    named = [milestone.milestone_id for milestone in proposed if milestone.milestone_id is not None]
    if len(named) != len(set(named)):
        raise PlanError("milestone_twice", "A milestone stands twice in the proposal.")
    if unknown := sorted(set(named) - set(open_shares_bp)):
        raise PlanError("milestone_not_open", f"{unknown[0]} is not open: only what awaits a submission is planned.")
    _check_payable(split_by_share(open_minor, [milestone.share_bp for milestone in proposed], currency))


def _check_payable(amounts: Sequence[int]) -> None:
    if min(amounts) == 0:
        raise PlanError("milestone_without_amount", "A milestone's share of the price rounds to nothing.")
