"""What the deliverable workflow needs from the database."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.deliverables import (
    ApplyPlan,
    ApproveSilently,
    CallOffRejected,
    CloseDeliverable,
    DeliverableClosed,
    DeliverableWithdrawal,
    MarkDelayed,
    MilestoneApproval,
    MilestoneCalledOff,
    PlanApplied,
    RemindOfReview,
    WithdrawDeliverable,
)


class DeliverableActivities(ABC):
    """Runs on task queue `orders`; database only, under the deliverable's lock, signals after the commit."""

    @activity.defn
    @abstractmethod
    async def approve_silently(self, request: ApproveSilently) -> MilestoneApproval:
        """Approve a submission nobody answered in time, unless somebody has answered meanwhile."""

    @activity.defn
    @abstractmethod
    async def remind_of_review(self, request: RemindOfReview) -> None:
        """Remind the customer of a submission, unless she has answered."""

    @activity.defn
    @abstractmethod
    async def mark_delayed(self, request: MarkDelayed) -> None:
        """Write that a milestone's date passed without a submission, and what the customer may do."""

    @activity.defn
    @abstractmethod
    async def apply_plan(self, request: ApplyPlan) -> PlanApplied:
        """Put the agreed plan of the open milestones into force: jobs and amounts follow, what is paid stays."""

    @activity.defn
    @abstractmethod
    async def call_off_rejected(self, request: CallOffRejected) -> MilestoneCalledOff:
        """Call off a milestone that was rejected and not submitted again, unless it was."""

    @activity.defn
    @abstractmethod
    async def withdraw_deliverable(self, request: WithdrawDeliverable) -> DeliverableWithdrawal:
        """Call off what is open, unless work waits for the customer's answer; then tell the deliverable workflow."""

    @activity.defn
    @abstractmethod
    async def close_deliverable(self, request: CloseDeliverable) -> DeliverableClosed:
        """Write the end, by what became of the milestones, and tell the order workflow."""
