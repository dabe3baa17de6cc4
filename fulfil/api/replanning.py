"""Plans that follow from one wish: a milestone more, or one that changes; what is open keeps its share of the price."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fulfil.models.messages.deliverables import ReplannedMilestone
from fulfil.models.milestones import PlanError


@dataclass(frozen=True)
class Wanted:
    """What one milestone should be; without an id it is a new one."""

    milestone_id: str | None
    title: str
    due_at: datetime
    share_bp: int


def plan_with(
    open_plan: Sequence[ReplannedMilestone], wanted: Wanted, from_milestone_id: str | None
) -> list[ReplannedMilestone]:
    """The open milestones with the wanted one in its place (a new one at the end), their shares still summing up.

    The difference is taken from `from_milestone_id`, or from all others in proportion. Raises `PlanError` when there
    is nothing, or not enough, to take it from.
    """
    others = [one for one in open_plan if one.milestone_id != wanted.milestone_id]
    had_bp = sum(one.share_bp for one in open_plan) - sum(one.share_bp for one in others)
    shares = _balanced(others, wanted.share_bp - had_bp, from_milestone_id)
    changed = ReplannedMilestone(
        milestone_id=wanted.milestone_id, title=wanted.title, due_at=wanted.due_at, share_bp=wanted.share_bp
    )
    rest = iter(one.model_copy(update={"share_bp": share_bp}) for one, share_bp in zip(others, shares, strict=True))
    placed = [changed if one.milestone_id == wanted.milestone_id else next(rest) for one in open_plan]
    return placed if changed in placed else [*placed, changed]


def _balanced(others: Sequence[ReplannedMilestone], taken_bp: int, from_milestone_id: str | None) -> list[int]:
    shares = [one.share_bp for one in others]
    if from_milestone_id is not None:
        named = [place for place, one in enumerate(others) if one.milestone_id == from_milestone_id]
        if not named:
            detail = f"{from_milestone_id} is not another open milestone: nothing can be taken from it."
            raise PlanError("milestone_not_open", detail)
        shares[named[0]] -= taken_bp
    elif taken_bp:
        shares = _in_proportion(shares, sum(shares) - taken_bp)
    if any(share < 1 for share in shares) or (taken_bp and not shares):
        raise PlanError("milestone_shares", f"The others can't give {taken_bp} basis points: ask for less.")
    return shares


def _in_proportion(shares: Sequence[int], whole: int) -> list[int]:
    """The shares scaled to a whole; what rounding leaves goes to the largest of them."""
    total = sum(shares)
    if not total:
        return []
    scaled = [share * whole // total for share in shares]
    largest = max(range(len(shares)), key=lambda place: shares[place])
    scaled[largest] += whole - sum(scaled)
    return scaled
