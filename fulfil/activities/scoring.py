"""Scores: what providers did in the last days, counted and written beside them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from operator import itemgetter

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.provider_records import count_records
from fulfil.models.tables.providers import ProviderScoreRow
from fulfil.ranking.scores import WINDOW_DAYS, ScoreInputs, score_of


async def next_providers(session: AsyncSession, after: str, limit: int) -> Sequence[str]:
    """The ids of the next providers, in their order."""
    ids = select(ProviderRow.id).where(ProviderRow.id > after).order_by(ProviderRow.id).limit(limit)
    return (await session.scalars(ids)).all()


async def score_providers(session: AsyncSession, provider_ids: Sequence[str], at: datetime) -> int:
    """Score these by the days before `at`; how many scores changed. Locks the providers it changes, by id."""
    since = at - timedelta(days=WINDOW_DAYS)
    changed = 0
    for row in sorted(await count_records(session, provider_ids, since=since, until=at), key=itemgetter("provider_id")):
        inputs = ScoreInputs(**{name: count for name, count in row.items() if name != "provider_id"})
        score = score_of(inputs)
        written = insert(ProviderScoreRow).values(
            provider_id=row["provider_id"],
            score=score.score,
            version=score.version,
            inputs=asdict(inputs),
            computed_at=at,
        )
        fresh = {name: written.excluded[name] for name in ("score", "version", "inputs", "computed_at")}
        await session.execute(written.on_conflict_do_update(index_elements=["provider_id"], set_=fresh))
        moved = await session.scalar(
            update(ProviderRow)
            .where(ProviderRow.id == row["provider_id"], ProviderRow.score != score.score)
            .values(score=score.score)
            .returning(ProviderRow.id)
        )
        changed += moved is not None
    return changed
