"""What quoting needs: standalone activities, no workflow around them."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.quotes import (
    AnalyseFile,
    ConfirmEstimate,
    EstimateConfirmed,
    FileAnalysed,
    PreparedQuote,
    PrepareQuote,
    ReplayedQuotes,
    ReplayQuotes,
    RepricedQuote,
    RepriceQuote,
)


class QuoteActivities(ABC):
    """Run on task queue `geometry`, in a process of its own; all heartbeat."""

    @activity.defn
    @abstractmethod
    async def analyse_file(self, request: AnalyseFile) -> FileAnalysed:
        """Measure a file in a child process and store what was found; heartbeats `AnalysisProgress`."""

    @activity.defn
    @abstractmethod
    async def prepare_quote(self, request: PrepareQuote) -> PreparedQuote:
        """Measure what is not measured yet, price every file, store the quote; heartbeats `AnalysisProgress`."""

    @activity.defn
    @abstractmethod
    async def reprice_quote(self, request: RepriceQuote) -> RepricedQuote:
        """Price a stored quote by another price list, or prove it by its own; changes nothing."""

    @activity.defn
    @abstractmethod
    async def replay_quotes(self, request: ReplayQuotes) -> ReplayedQuotes:
        """Price the newest stored quotes by another price list; changes nothing."""

    @activity.defn
    @abstractmethod
    async def confirm_estimate(self, request: ConfirmEstimate) -> EstimateConfirmed:
        """Slice an item for real and store both numbers."""
