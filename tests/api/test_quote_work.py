"""What the API has the geometry worker do, with a real Temporal server and a worker whose activities wait for us."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from fulfil.api.errors import ProblemError
from fulfil.api.quote_work import QuoteWork, WorkState
from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.prices import ItemWish
from fulfil.models.messages.quotes import (
    AnalyseFile,
    AnalysisProgress,
    ConfirmEstimate,
    EstimateConfirmed,
    FileAnalysed,
    PreparedQuote,
    PrepareQuote,
    Pricing,
    QuoteItemWish,
    QuoteStatus,
    ReplayedQuotes,
    ReplayQuotes,
    RepricedQuote,
    RepriceQuote,
)
from fulfil.workers.registration import activities_of
from fulfil.workflows.ids import GEOMETRY, proof_activity_id
from fulfil.workflows.ports.quotes import QuoteActivities
from tests.api.running import NOBODY

PROGRESS = AnalysisProgress(stage="slicing", percent=40, first_price="12.00 EUR")


@dataclass
class WaitingActivities(QuoteActivities):
    """Begin, tell how far they are, and end when they are let."""

    begun: list[str] = field(default_factory=list[str])
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def _work(self, what: str) -> None:
        self.begun.append(what)
        activity.heartbeat(PROGRESS)
        await self.may_end.wait()
        if self.fails:
            raise ApplicationError("broken", non_retryable=True)

    @activity.defn
    async def analyse_file(self, request: AnalyseFile) -> FileAnalysed:
        await self._work(request.file_sha256)
        return FileAnalysed(analysis_id="ana_1")

    @activity.defn
    async def prepare_quote(self, request: PrepareQuote) -> PreparedQuote:
        await self._work(request.quote_id)
        return PreparedQuote(
            quote_id=request.quote_id, status=QuoteStatus.FIRM, total_minor=1, currency="eur", expires_at=utc_now()
        )

    @activity.defn
    async def reprice_quote(self, request: RepriceQuote) -> RepricedQuote:
        await self._work(request.quote_id)
        return RepricedQuote(
            quote_id=request.quote_id,
            tariff_version="1",
            before_minor=1,
            after_minor=1,
            difference_minor=0,
            currency="eur",
            items=(),
        )

    @activity.defn
    async def replay_quotes(self, request: ReplayQuotes) -> ReplayedQuotes:
        await self._work(request.tariff)
        return ReplayedQuotes(
            tariff_version="1", quotes=0, unpriceable=0, before_minor={}, after_minor={}, changed_most=()
        )

    @activity.defn
    async def confirm_estimate(self, request: ConfirmEstimate) -> EstimateConfirmed:
        await self._work(request.quote_id)
        return EstimateConfirmed(slicer="s", estimated_g=1, sliced_g=1, estimated_s=1, sliced_s=1)


@asynccontextmanager
async def working(client: Client, activities: QuoteActivities) -> AsyncGenerator[None]:
    """A geometry worker that passes every heartbeat on at once."""
    quickly = timedelta(milliseconds=50)
    async with Worker(
        client,
        task_queue=GEOMETRY,
        activities=activities_of(activities),
        max_heartbeat_throttle_interval=quickly,
        default_heartbeat_throttle_interval=quickly,
    ):
        yield


@pytest.fixture
async def activities(temporal: Client) -> AsyncIterator[WaitingActivities]:
    """A worker with them."""
    waiting = WaitingActivities()
    async with working(temporal, waiting):
        yield waiting
        waiting.may_end.set()


def quote_request() -> PrepareQuote:
    """A quote of one file."""
    wish = ItemWish(process="fdm", material="PLA", quantity=1)
    item = QuoteItemWish(file_id=new_id("fil"), file_sha256="0" * 64, wish=wish)
    return PrepareQuote(quote_id=new_id("quo"), customer_id=new_id("cus"), items=(item,), currency="eur")


async def shows(work: QuoteWork, quote_id: str, state: WorkState) -> AnalysisProgress:
    """Wait until a quote's work is in this state; its progress."""
    async with asyncio.timeout(10):
        while True:
            look = await work.look_at_quote(quote_id, 0)
            if look.state is state and (state is not WorkState.RUNNING or look.progress == PROGRESS):
                return look.progress
            await asyncio.sleep(0.05)


async def test_a_quote_is_begun_once_watched_and_joined(temporal: Client, activities: WaitingActivities) -> None:
    work, request = QuoteWork(temporal), quote_request()
    assert await work.prepare_quote(request, 0) is None
    assert await work.prepare_quote(request, 0.1) is None
    progress = await shows(work, request.quote_id, WorkState.RUNNING)
    watching = asyncio.create_task(work.look_at_quote(request.quote_id, 10))
    joining = asyncio.create_task(work.prepare_quote(request, 10))
    await shows(work, request.quote_id, WorkState.RUNNING)  # by when both have asked
    activities.may_end.set()
    prepared = await joining

    assert progress.first_price == "12.00 EUR"
    assert (await watching).state is WorkState.DONE
    assert prepared is not None
    assert prepared.quote_id == request.quote_id
    assert activities.begun == [request.quote_id]


async def test_a_quote_that_failed_can_be_asked_for_again(temporal: Client, activities: WaitingActivities) -> None:
    work, request = QuoteWork(temporal), quote_request()
    activities.fails = True
    activities.may_end.set()
    with pytest.raises(ProblemError) as failed:
        await work.prepare_quote(request, 10)
    await shows(work, request.quote_id, WorkState.FAILED)
    activities.fails = False
    again = await work.prepare_quote(request, 10)

    assert (failed.value.status_code, failed.value.code) == (503, "quote_not_prepared")
    assert again is not None
    assert len(activities.begun) == 2


async def test_an_analysis_waits_runs_and_answers(temporal: Client) -> None:
    work, identity = QuoteWork(temporal), new_id("ana")
    assert (await work.look_at_analysis(identity, 0)).state is WorkState.UNKNOWN
    assert await work.analysed(identity) is None
    request = AnalyseFile(file_sha256=identity)
    await work.start_analysis(identity, request)
    await work.start_analysis(identity, request)
    waiting = await work.look_at_analysis(identity, 0)
    activities = WaitingActivities()
    activities.may_end.set()
    async with working(temporal, activities):
        done = await work.look_at_analysis(identity, 10)
    answered = await work.analysed(identity)

    assert (waiting.state, done.state) == (WorkState.WAITING, WorkState.DONE)
    assert answered is not None
    assert activities.begun == [identity]


async def test_second_looks_are_answered(temporal: Client, activities: WaitingActivities) -> None:
    work, quote_id = QuoteWork(temporal), new_id("quo")
    activities.may_end.set()
    request = RepriceQuote(quote_id=quote_id, pricing=Pricing.ORIGINAL)
    for _ in range(2):
        assert (await work.reprice_quote(request, activity_id=proof_activity_id(quote_id))).quote_id == quote_id
    replayed = await work.replay_quotes(ReplayQuotes(tariff="{}"), replay_id=new_id("rpl"))
    confirmed = await work.confirm_estimate(ConfirmEstimate(quote_id=quote_id, position=0))
    assert (replayed.quotes, confirmed.slicer) == (0, "s")
    assert activities.begun.count(quote_id) == 3


async def test_without_temporal_it_is_unavailable_soon() -> None:
    work = QuoteWork(await Client.connect(NOBODY, data_converter=pydantic_data_converter, lazy=True))
    began = asyncio.get_running_loop().time()
    for asking in (work.look_at_quote("quo_1", 20), work.prepare_quote(quote_request(), 20)):
        with pytest.raises(ProblemError) as away:
            await asking
        assert away.value.status_code == 503
    assert asyncio.get_running_loop().time() - began < 20
