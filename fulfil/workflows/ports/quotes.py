"""What quoting needs: one standalone activity, no workflow around it."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.quotes import PreparedQuote, PrepareQuote


class QuoteActivities(ABC):
    """Runs on task queue `geometry`, in a process of its own."""

    @activity.defn
    @abstractmethod
    async def prepare_quote(self, request: PrepareQuote) -> PreparedQuote:
        """Read the file in a child process, measure, price, store the quote."""
