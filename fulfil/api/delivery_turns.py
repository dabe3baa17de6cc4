"""Whose move it is with a deliverable, by how its milestones stand: the timeline and every reader say the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fulfil.models.messages.events import NextStep
from fulfil.models.messages.parties import Role, WaitingOn
from fulfil.models.milestones import PROVIDERS_MOVE, Standing
from fulfil.models.tables.deliverables import MilestoneRow

NAMED = 120


@dataclass(frozen=True)
class Turn:
    """How one milestone stands; `revision_due_at` is when the revision that is awaited has to come."""

    milestone: MilestoneRow
    stands: Standing
    revision_due_at: datetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """When it is to be submitted; None once that has passed."""
        if self.revision_due_at is not None:
            return self.revision_due_at
        return None if self.milestone.delayed_at is not None else self.milestone.due_at

    @property
    def name(self) -> str:
        """How people are told which one is meant."""
        return f"milestone {self.milestone.position} ({self.milestone.title[:NAMED]})"


def whose_turn(turns: Sequence[Turn], proposed_by: Role | None, rejection_due_s: int) -> NextStep:
    """The customer's while work is in review, else whoever has to answer the proposed plan, or the provider's."""
    reviewed = [turn for turn in turns if turn.stands is Standing.IN_REVIEW]
    if reviewed:
        first = min(reviewed, key=lambda turn: turn.milestone.review_due_at or turn.milestone.due_at)
        what = f"approve {first.name}, or ask for a revision"
        return NextStep(who=WaitingOn.CUSTOMER, what=what, by=first.milestone.review_due_at)
    if proposed_by is not None:
        who = WaitingOn.CUSTOMER if proposed_by is Role.PROVIDER else WaitingOn.PROVIDER
        return NextStep(who=who, what="accept or decline the proposed plan")
    for turn in turns:
        if turn.stands is Standing.REJECTED and turn.milestone.rejected_at is not None:
            by = turn.milestone.rejected_at + timedelta(seconds=rejection_due_s)
            return NextStep(who=WaitingOn.PROVIDER, what=f"submit {turn.name} again", by=by)
    for turn in turns:
        if turn.stands in PROVIDERS_MOVE:
            return NextStep(who=WaitingOn.PROVIDER, what=f"submit {turn.name}", by=turn.due_at)
    return NextStep(who=WaitingOn.SYSTEM, what="pay the provider and close the deliverable")
