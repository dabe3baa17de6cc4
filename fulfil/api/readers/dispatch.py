"""Why whom was asked: the decisions as they were kept, and the same facts ranked by another ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.schemas.dispatch import (
    ChosenProvider,
    Decision,
    Dispatch,
    LeftOut,
    RankedCandidate,
    Replayed,
    ScorePart,
)
from fulfil.models.messages.events import EventType
from fulfil.models.messages.jobs import JobState, OfferState, Stage
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.dispatch import DispatchDecisionRow
from fulfil.models.tables.jobs import JobRow, OfferRow
from fulfil.models.tables.timeline import EventRow
from fulfil.ranking.deciding import rank, read_provider, read_work
from fulfil.ranking.facts import ProviderFacts, WorkFacts
from fulfil.ranking.rankings import PartOfScore, Ranking, ranking_named

Names = Mapping[str, str]


@dataclass(frozen=True)
class Answers:
    """The offers of a job by round and provider, and when those that were declined were."""

    offers: Mapping[tuple[int, str], OfferRow]
    declined: Mapping[str, datetime]


async def find_state(session: AsyncSession, job_id: str) -> JobState | None:
    """Where a job stands as far as its workflow says; None without such a job."""
    state = await session.scalar(select(JobRow.state).where(JobRow.id == job_id, JobRow.milestone_id.is_(None)))
    return None if state is None else JobState(state)


async def find_dispatch(session: AsyncSession, job_id: str, ranking: Ranking | None) -> Dispatch | None:
    """Every decision about a job, oldest first; `ranking` is played on the same facts. None without such a job."""
    if await find_state(session, job_id) is None:
        return None
    in_order = (DispatchDecisionRow.round, DispatchDecisionRow.wave)
    rows = (
        await session.scalars(
            select(DispatchDecisionRow).where(DispatchDecisionRow.job_id == job_id).order_by(*in_order)
        )
    ).all()
    offers = (await session.scalars(select(OfferRow).where(OfferRow.job_id == job_id).order_by(OfferRow.id))).all()
    names = await _names(session, rows, offers)
    answers = Answers({(offer.round, offer.provider_id): offer for offer in offers}, await _declined(session, job_id))
    return Dispatch(
        job_id=job_id,
        replayed_with=ranking.key if ranking else None,
        decisions=[_decision(row, answers, names, ranking) for row in rows],
        chosen_by_support=[_chosen(offer, names) for offer in offers if offer.stage == Stage.OPERATOR],
    )


async def _names(
    session: AsyncSession, rows: Sequence[DispatchDecisionRow], offers: Sequence[OfferRow]
) -> dict[str, str]:
    ids = {offer.provider_id for offer in offers}
    for row in rows:
        ids |= {candidate["facts"]["id"] for candidate in row.candidates}
        ids |= {out["provider_id"] for out in row.excluded}
    found = await session.execute(select(ProviderRow.id, ProviderRow.name).where(ProviderRow.id.in_(ids)))
    return {row.id: row.name for row in found}


def _decision(row: DispatchDecisionRow, answers: Answers, names: Names, ranking: Ranking | None) -> Decision:
    work, taken_with = read_work(row.work), ranking_named(row.ranking)
    facts = [read_provider(candidate["facts"]) for candidate in row.candidates]
    replayed = {} if ranking is None else _replayed(work, facts, ranking, row.asked)
    return Decision(
        round=row.round,
        wave=row.wave,
        stage=Stage(row.stage),
        ranking=row.ranking,
        decided_at=row.decided_at,
        asked=row.asked,
        candidates=[
            RankedCandidate(
                position=position,
                provider_id=provider.id,
                provider_name=names.get(provider.id, provider.id),
                points=candidate["points"],
                parts=_parts(taken_with.explain(work, provider)),
                asked=position <= row.asked,
                **_answer(row, provider.id, answers, asked=position <= row.asked),
                replayed=replayed.get(provider.id),
            )
            for position, (candidate, provider) in enumerate(zip(row.candidates, facts, strict=True), start=1)
        ],
        left_out=[
            LeftOut(
                provider_id=out["provider_id"],
                provider_name=names.get(out["provider_id"], out["provider_id"]),
                code=out["code"],
                detail=out["detail"],
            )
            for out in row.excluded
        ],
        left_out_count=row.excluded_count,
    )


def _replayed(work: WorkFacts, facts: Sequence[ProviderFacts], ranking: Ranking, asked: int) -> dict[str, Replayed]:
    before = {provider.id: position for position, provider in enumerate(facts, start=1)}
    return {
        one.provider.id: Replayed(
            position=position,
            moved=before[one.provider.id] - position,
            points=one.points,
            would_be_asked=position <= asked,
            parts=_parts(ranking.explain(work, one.provider)),
        )
        for position, one in enumerate(rank(work, facts, ranking), start=1)
    }


def _parts(parts: Sequence[PartOfScore]) -> list[ScorePart]:
    return [
        ScorePart(name=part.name, points=part.points, most=part.most, sentence=part.sentence)
        for part in sorted(parts, key=lambda part: -part.most)
    ]


def _answer(row: DispatchDecisionRow, provider_id: str, answers: Answers, *, asked: bool) -> dict[str, Any]:
    """What became of her offer in this wave; one that was opened again later had expired, or been declined."""
    offer = answers.offers.get((row.round, provider_id))
    if offer is None or not asked:
        return {"offer_id": None, "answer": None, "answered_at": None, "close_reason": None}
    if (offer.stage, offer.wave) == (row.stage, row.wave):
        answer, at, why = OfferState(offer.state), offer.closed_at, offer.close_reason
    else:
        at, why = answers.declined.get(offer.id), None
        answer = OfferState.EXPIRED if at is None else OfferState.DECLINED
    return {"offer_id": offer.id, "answer": answer, "answered_at": at, "close_reason": why}


async def _declined(session: AsyncSession, job_id: str) -> dict[str, datetime]:
    query = select(EventRow.data["offer_id"].astext.label("offer_id"), EventRow.at).where(
        EventRow.order_id == select(JobRow.order_id).where(JobRow.id == job_id).scalar_subquery(),
        EventRow.subject == job_id,
        EventRow.type == EventType.OFFER_DECLINED,
    )
    return {row.offer_id: row.at for row in await session.execute(query)}


def _chosen(offer: OfferRow, names: Names) -> ChosenProvider:
    return ChosenProvider(
        round=offer.round,
        provider_id=offer.provider_id,
        provider_name=names.get(offer.provider_id, offer.provider_id),
        offer_id=offer.id,
        answer=OfferState(offer.state),
        offered_at=offer.offered_at,
        answered_at=offer.closed_at,
        close_reason=offer.close_reason,
    )
