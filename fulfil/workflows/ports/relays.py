"""The followers: one long-running standalone activity each, resumed elsewhere when its worker dies."""

from abc import ABC, abstractmethod

from temporalio import activity


class StripeEventRelay(ABC):
    """Runs on task queue `payments`."""

    @activity.defn
    @abstractmethod
    async def relay_stripe_events(self) -> None:
        """Take stored webhook events, re-read the object from Stripe, signal the order; for ever."""


class JobReportRelay(ABC):
    """Runs on task queue `integrations`."""

    @activity.defn
    @abstractmethod
    async def relay_job_reports(self) -> None:
        """Take recorded reports that move a clock and signal the job workflow; for ever."""


class DeliverableReportRelay(ABC):
    """Runs on task queue `integrations`."""

    @activity.defn
    @abstractmethod
    async def relay_deliverable_reports(self) -> None:
        """Take recorded reports of deliverables and signal their workflows; for ever."""
