"""Who is asked to make a job, in which order and why: facts read at once, a pure decision, kept with its facts."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.candidates import read_candidates, read_work
from fulfil.activities.locking import hold_provider
from fulfil.models.ids import derived_id
from fulfil.models.messages.jobs import Stage
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import format_money
from fulfil.models.tables.dispatch import DispatchDecisionRow
from fulfil.models.tables.jobs import JobRow, OfferRow
from fulfil.models.tables.orders import OrderLineRow
from fulfil.ranking.deciding import Decision, decide, stored_candidates, stored_excluded, stored_work
from fulfil.ranking.facts import Refusal, WorkFacts
from fulfil.ranking.filters import ACCEPTING, ACCEPTING_BY_SUPPORT, BY_SUPPORT, refusal_of
from fulfil.ranking.rankings import Ranking

UNKNOWN = Refusal("provider_unknown", "This provider does not exist (any more).")


@dataclass(frozen=True)
class Candidate:
    """A provider who may be asked, and why she stands where she stands."""

    provider_id: str
    reasons: list[str]


async def decide_wave(
    session: AsyncSession,
    job: JobRow,
    line: OrderLineRow,
    policies: OrderPolicies,
    at: datetime,
    *,
    ranking: Ranking,
    on_board: bool,
) -> Decision:
    """Rank everybody who can be asked now; `on_board` asks those again whose offer of this round expired."""
    work = await read_work(session, job, line, policies, at)
    return decide(work, await read_candidates(session, job, work, on_board=on_board), ranking)


def best_of(decision: Decision, limit: int | None) -> list[Candidate]:
    """The first so many (everybody without a limit), each with the sentences that say why."""
    return [
        Candidate(one.provider.id, [part.sentence for part in decision.ranking.explain(decision.work, one.provider)])
        for one in decision.ranked[:limit]
    ]


async def keep_decision(
    session: AsyncSession, job: JobRow, decision: Decision, *, stage: Stage, wave: int, asked: int
) -> None:
    """Write the decision once per wave, with the facts it was taken from."""
    await session.execute(
        insert(DispatchDecisionRow)
        .values(
            id=derived_id("dec", job.id, str(job.round), str(wave)),
            job_id=job.id,
            round=job.round,
            wave=wave,
            stage=stage,
            ranking=decision.ranking.key,
            work=stored_work(decision.work),
            candidates=stored_candidates(decision),
            excluded=stored_excluded(decision),
            excluded_count=len(decision.excluded),
            asked=asked,
            decided_at=decision.work.asked_at,
        )
        .on_conflict_do_nothing()
    )


async def refusal_by_support(
    session: AsyncSession, provider_id: str, job: JobRow, line: OrderLineRow, policies: OrderPolicies, at: datetime
) -> Refusal | None:
    """Why even support can't offer her the job: she may be busy, new, or have been asked before, and nothing else."""
    work = await read_work(session, job, line, policies, at)
    found = await read_candidates(session, job, work, only=provider_id)
    return refusal_of(work, found[0], BY_SUPPORT) if found else UNKNOWN


async def refusal_of_provider(
    session: AsyncSession, offer: OfferRow, job: JobRow, line: OrderLineRow, policies: OrderPolicies, at: datetime
) -> Refusal | None:
    """Why this provider can't take one more job now; None when she can.

    Locks the provider, so that two jobs accepted at the same moment are counted one after the other. Whom support
    chose may be busy or new.
    """
    if not await hold_provider(session, offer.provider_id):
        return UNKNOWN
    work = await read_work(session, job, line, policies, at)
    (provider,) = await read_candidates(session, job, work, only=offer.provider_id)
    refusal = refusal_of(work, provider, ACCEPTING_BY_SUPPORT if offer.stage == Stage.OPERATOR else ACCEPTING)
    return None if refusal is None else told(refusal, work)


def told(refusal: Refusal, work: WorkFacts) -> Refusal:
    """The refusal in words for the provider herself, with what would help; the code stays."""
    limit = format_money(work.newcomer_limit_minor, work.currency)
    words = {
        "provider_applied": "Your application is not decided yet.",
        "provider_rejected": "Your application was rejected: ask administration what is missing.",
        "provider_suspended": "You are suspended: settle the reason with administration.",
        "certificate_missing": "A required certificate of yours is not verified: upload one that is in force.",
        "certificate_expired": "A required certificate of yours has expired: upload one that is in force.",
        "payouts_restricted": "You can't be paid at present: complete your payout account first.",
        "provider_full": f"{refusal.detail} Finish one first.",
        "newcomer_limit": f"Until {work.newcomer_jobs} jobs are completed: one at a time, worth up to {limit}.",
    }
    return replace(refusal, detail=words.get(refusal.code, refusal.detail))
