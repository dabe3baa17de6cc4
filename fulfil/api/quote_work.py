"""What the API has the geometry worker do: analyses, quotes and second looks at them, as standalone activities."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from temporalio.client import (
    ActivityExecutionDescription,
    ActivityExecutionStatus,
    ActivityFailureError,
    ActivityHandle,
    Client,
    PendingActivityState,
)
from temporalio.common import ActivityIDConflictPolicy, RetryPolicy
from temporalio.service import RPCError, RPCStatusCode

from fulfil.api.errors import ProblemError, unavailable
from fulfil.api.outages import still_working, temporal_outages
from fulfil.models.messages.quotes import (
    AnalyseFile,
    AnalysisProgress,
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
from fulfil.workflows.ids import (
    GEOMETRY,
    analysis_activity_id,
    confirmation_activity_id,
    quote_activity_id,
    replay_activity_id,
)
from fulfil.workflows.ports.quotes import QuoteActivities

Answer = TypeVar("Answer")

# Whoever waits longer than this is told that it goes on, and joins by repeating the request.
ANSWER_WITHIN_S = 25.0
# A look at running work that takes longer tells that Temporal is away.
LOOK_WITHIN_S = 3.0
RPC_WITHIN = timedelta(seconds=2)
# One file takes half a minute at most; a worker that says nothing for so long is gone.
HEARTBEAT = timedelta(seconds=15)
# A worker measures few files at a time: what waits for its turn there has begun.
ANALYSIS_TAKES, ANALYSIS_LASTS = timedelta(minutes=10), timedelta(minutes=30)
QUOTE_TAKES, QUOTE_LASTS = timedelta(minutes=12), timedelta(minutes=40)
REPLAY_TAKES, REPLAY_LASTS = timedelta(minutes=20), timedelta(minutes=30)
RETRY = RetryPolicy(maximum_attempts=3)
WAITING = AnalysisProgress(stage="waiting", percent=0)


class WorkState(StrEnum):
    """Where a piece of work stands; `unknown` was never begun, or so long ago that nobody remembers."""

    UNKNOWN = "unknown"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Look:
    """A look at a piece of work."""

    state: WorkState
    progress: AnalysisProgress = WAITING


class QuoteWork:
    """The geometry queue, seen from outside; the same work asked for twice at a time is done once.

    Raises problems: 503 when Temporal is down, when the work failed, and `still_working` when it takes long.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start_analysis(self, analysis_id: str, request: AnalyseFile) -> None:
        """Have a file measured, without waiting for it."""
        with temporal_outages():
            await self._client.start_activity_method(
                QuoteActivities.analyse_file,
                request,
                id=analysis_activity_id(analysis_id),
                task_queue=GEOMETRY,
                start_to_close_timeout=ANALYSIS_TAKES,
                schedule_to_close_timeout=ANALYSIS_LASTS,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
                summary=f"file {request.file_sha256[:12]}",
            )

    async def look_at_analysis(self, analysis_id: str, wait_s: float) -> Look:
        """How far an analysis is, at its end or after `wait_s`."""
        return await self._look(analysis_activity_id(analysis_id), wait_s)

    async def analysed(self, analysis_id: str) -> FileAnalysed | None:
        """What an analysis that is done answered; None when nobody remembers."""
        handle = self._client.get_activity_handle(analysis_activity_id(analysis_id), result_type=FileAnalysed)
        with temporal_outages():
            try:
                async with asyncio.timeout(LOOK_WITHIN_S):
                    return await handle.result(rpc_timeout=RPC_WITHIN)
            except ActivityFailureError:
                return None
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise

    async def prepare_quote(self, request: PrepareQuote, wait_s: float) -> PreparedQuote | None:
        """Have files measured and priced; None when that takes longer than `wait_s`, and goes on."""
        with temporal_outages():
            handle = await self._client.start_activity_method(
                QuoteActivities.prepare_quote,
                request,
                id=quote_activity_id(request.quote_id),
                task_queue=GEOMETRY,
                start_to_close_timeout=QUOTE_TAKES,
                schedule_to_close_timeout=QUOTE_LASTS,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
                summary=f"{len(request.items)} file(s)",
            )
            return await _result_within(handle, wait_s)

    async def look_at_quote(self, quote_id: str, wait_s: float) -> Look:
        """How far a quote is, at its end or after `wait_s`."""
        return await self._look(quote_activity_id(quote_id), wait_s)

    async def reprice_quote(self, request: RepriceQuote, *, activity_id: str) -> RepricedQuote:
        """Price a stored quote again."""
        return await self._answer(
            self._client.start_activity_method(
                QuoteActivities.reprice_quote,
                request,
                id=activity_id,
                task_queue=GEOMETRY,
                start_to_close_timeout=QUOTE_TAKES,
                schedule_to_close_timeout=QUOTE_LASTS,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
                summary=f"{request.pricing.value} prices",
            )
        )

    async def replay_quotes(self, request: ReplayQuotes, *, replay_id: str) -> ReplayedQuotes:
        """Price stored quotes by another price list."""
        return await self._answer(
            self._client.start_activity_method(
                QuoteActivities.replay_quotes,
                request,
                id=replay_activity_id(replay_id),
                task_queue=GEOMETRY,
                start_to_close_timeout=REPLAY_TAKES,
                schedule_to_close_timeout=REPLAY_LASTS,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
                summary=f"up to {request.limit} quotes",
            )
        )

    async def confirm_estimate(self, request: ConfirmEstimate) -> EstimateConfirmed:
        """Have an item sliced."""
        return await self._answer(
            self._client.start_activity_method(
                QuoteActivities.confirm_estimate,
                request,
                id=confirmation_activity_id(request.quote_id, request.position),
                task_queue=GEOMETRY,
                start_to_close_timeout=QUOTE_TAKES,
                schedule_to_close_timeout=QUOTE_LASTS,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
                summary=f"item {request.position}",
            )
        )

    async def _answer(self, starting: Awaitable[ActivityHandle[Answer]]) -> Answer:
        with temporal_outages():
            answer = await _result_within(await starting, ANSWER_WITHIN_S)
        if answer is None:
            raise still_working()
        return answer

    async def _look(self, activity_id: str, wait_s: float) -> Look:
        handle: ActivityHandle[Any] = self._client.get_activity_handle(activity_id)
        with temporal_outages():
            async with asyncio.timeout(LOOK_WITHIN_S):
                described = await _described(handle)
            if described is None:
                return Look(WorkState.UNKNOWN)
            if described.status is ActivityExecutionStatus.RUNNING and wait_s > 0:
                await _end_within(handle, wait_s)
                async with asyncio.timeout(LOOK_WITHIN_S):
                    described = await _described(handle) or described
            return await _seen(described)


async def _described(handle: ActivityHandle[Any]) -> ActivityExecutionDescription | None:
    try:
        return await handle.describe(include_heartbeat_details=True, rpc_timeout=RPC_WITHIN)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _seen(described: ActivityExecutionDescription) -> Look:
    if described.status is ActivityExecutionStatus.COMPLETED:
        return Look(WorkState.DONE, AnalysisProgress(stage="done", percent=100))
    if described.status is not ActivityExecutionStatus.RUNNING:
        return Look(WorkState.FAILED)
    details = await described.heartbeat_details([AnalysisProgress])
    begun = described.run_state is not PendingActivityState.SCHEDULED
    if details and isinstance(details[0], AnalysisProgress):
        return Look(WorkState.RUNNING, details[0])
    return Look(WorkState.RUNNING, AnalysisProgress(stage="reading", percent=0)) if begun else Look(WorkState.WAITING)


async def _end_within(handle: ActivityHandle[Any], wait_s: float) -> None:
    try:
        async with asyncio.timeout(wait_s):
            await handle.result()
    except (TimeoutError, ActivityFailureError):
        return


async def _result_within(handle: ActivityHandle[Answer], wait_s: float) -> Answer | None:
    try:
        async with asyncio.timeout(wait_s):
            return await handle.result()
    except TimeoutError:
        return None
    except ActivityFailureError as error:
        raise not_prepared() from error


def not_prepared() -> ProblemError:
    """The work failed for good; nothing was stored."""
    return unavailable(
        "quote_not_prepared",
        "The files could not be analysed right now. Send the POST again with the same Idempotency-Key.",
        retry_after_s=5,
    )
