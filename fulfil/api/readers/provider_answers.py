"""How providers do: scores as they are now, and figures over a span of days, in two queries for any number of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.provider_answers import Earnings, ProviderScore, ProviderStatistics, ScorePart
from fulfil.api.schemas.provider_answers import ScoreInputs as ShownInputs
from fulfil.models.messages.jobs import JobState
from fulfil.models.money import Money
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.provider_records import count_jobs, count_records
from fulfil.models.tables.providers import ProviderScoreRow
from fulfil.ranking.scores import WINDOW_DAYS, ScoreInputs, score_of, share, stars_of

DIGITS = 3
RELEASED = ("released_jobs", "released_minor", "payout_minor")


async def find_score(session: AsyncSession, provider_id: str, at: datetime) -> ProviderScore | None:
    """A provider's score as it is now, and the one dispatch ranks by."""
    provider = await session.get(ProviderRow, provider_id, populate_existing=True)
    if provider is None:
        return None
    stored = await session.get(ProviderScoreRow, provider_id, populate_existing=True)
    [row] = await count_records(session, [provider_id], since=at - timedelta(days=WINDOW_DAYS), until=at)
    inputs = _inputs(row)
    score = score_of(inputs)
    return ProviderScore(
        provider_id=provider_id,
        score=score.score,
        version=score.version,
        days=WINDOW_DAYS,
        parts=[ScorePart(**asdict(replace(part, value=round(part.value, DIGITS)))) for part in score.parts],
        inputs=ShownInputs(**asdict(inputs)),
        computed_at=at,
        stored_score=provider.score,
        stored_at=None if stored is None else stored.computed_at,
    )


async def find_statistics(
    session: AsyncSession, provider_id: str, days: int, at: datetime
) -> ProviderStatistics | None:
    """Figures of one provider."""
    provider = await session.get(ProviderRow, provider_id, populate_existing=True)
    return None if provider is None else (await _statistics(session, [provider], days, at))[0]


async def rank_statistics(session: AsyncSession, *, days: int, limit: int, at: datetime) -> list[ProviderStatistics]:
    """Figures of the providers with the best scores."""
    best = select(ProviderRow).order_by(ProviderRow.score.desc(), ProviderRow.id).limit(limit)
    return await _statistics(session, (await session.scalars(best)).all(), days, at)


async def _statistics(
    session: AsyncSession, providers: Sequence[ProviderRow], days: int, at: datetime
) -> list[ProviderStatistics]:
    since, ids = at - timedelta(days=days), [provider.id for provider in providers]
    records = {row["provider_id"]: _inputs(row) for row in await count_records(session, ids, since=since, until=at)}
    jobs = await count_jobs(session, ids, since=since)
    return [
        _represent(provider, days, records[provider.id], [row for row in jobs if row["provider_id"] == provider.id])
        for provider in providers
    ]


def _represent(provider: ProviderRow, days: int, inputs: ScoreInputs, jobs: Sequence[RowMapping]) -> ProviderStatistics:
    by_state: dict[JobState, int] = {}
    for row in jobs:
        state = JobState(row["state"])
        by_state[state] = by_state.get(state, 0) + row["jobs"]
    return ProviderStatistics(
        provider_id=provider.id,
        name=provider.name,
        days=days,
        score=provider.score,
        response_median_s=inputs.median_answer_s,
        response_p90_s=inputs.p90_answer_s,
        answered_in_time_rate=_rate(inputs.in_time, inputs.asked),
        completion_rate=_rate(inputs.completed, inputs.completed + inputs.lost),
        on_time_rate=_rate(inputs.kept, inputs.promised),
        first_pass_rate=_rate(inputs.first_passed, inputs.checks),
        stars=_rounded(stars_of(inputs)),
        completed=inputs.completed,
        lost=inputs.lost,
        earnings=_earnings(jobs),
        jobs_by_state=by_state,
    )


def _earnings(jobs: Sequence[RowMapping]) -> list[Earnings]:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in jobs:
        if row["released_jobs"]:
            sums[row["currency"]].update({name: row[name] for name in RELEASED})
    return [
        Earnings(
            jobs=total["released_jobs"],
            revenue=Money(amount_minor=total["released_minor"], currency=currency),
            payout=Money(amount_minor=total["payout_minor"], currency=currency),
            commission=Money(amount_minor=total["released_minor"] - total["payout_minor"], currency=currency),
        )
        for currency, total in sorted(sums.items())
    ]


def _inputs(row: RowMapping) -> ScoreInputs:
    counts: dict[str, Any] = {name: count for name, count in row.items() if name != "provider_id"}
    return ScoreInputs(**counts)


def _rate(part: int, whole: int) -> float | None:
    return _rounded(share(part, whole))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
