"""What the order workflow needs from the database."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.orders import (
    CloseOrder,
    JobOpened,
    LinesOpened,
    LinesWithdrawal,
    OpenJob,
    OpenLines,
    WithdrawLines,
)


class OrderActivities(ABC):
    """Runs on task queue `orders`; database only, then the sibling workflows are started or told."""

    @activity.defn
    @abstractmethod
    async def open_job(self, request: OpenJob) -> JobOpened:
        """Record the authorised payment, open the job with its first wave, start its workflow."""

    @activity.defn
    @abstractmethod
    async def open_lines(self, request: OpenLines) -> LinesOpened:
        """Record the payment, open a job or a deliverable for each line, start their workflows."""

    @activity.defn
    @abstractmethod
    async def withdraw_lines(self, request: WithdrawLines) -> LinesWithdrawal:
        """Take every open job and deliverable back, or none when one has begun; then tell their workflows."""

    @activity.defn
    @abstractmethod
    async def close_order(self, request: CloseOrder) -> None:
        """Write that the order expired, was cancelled, or has no open line any more."""
