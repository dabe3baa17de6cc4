"""Dispatch as support sees and steers it: why whom was asked, and asking somebody else."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.choosing_provider import offer_by_choice
from fulfil.api.dependencies import Context, IdempotencyKey, allowed
from fulfil.api.documentation import API, JOBS, SUPPORT, problems
from fulfil.api.errors import invalid, not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.dispatch import find_dispatch
from fulfil.api.schemas.dispatch import Dispatch, OfferByChoice, ProviderChoice
from fulfil.models.ids import JobId
from fulfil.ranking.rankings import Ranking, UnknownRankingError, ranking_named

router = APIRouter(prefix=API)

Reader = Annotated[Principal, Depends(allowed(Scope.SUPPORT_READ, *STAFF))]
Support = Annotated[Principal, Depends(allowed(Scope.SUPPORT_WRITE, *STAFF))]


@router.get("/jobs/{job_id}/dispatch", tags=[JOBS], responses=problems(401, 403, 404))
async def explain_dispatch(
    context: Context,
    caller: Reader,
    job_id: JobId,
    ranking: Annotated[
        str | None,
        Query(
            max_length=40,
            description="Play this ranking on the same facts, beside what was decided.",
            examples=["nearest"],
        ),
    ] = None,
) -> Dispatch:
    """Every decision: who was asked in which order and why, what each answered and when, who was left out and why."""
    del caller
    played = None if ranking is None else _named(ranking)
    async with context.begin() as session:
        found = await find_dispatch(session, job_id, played)
    if found is None:
        raise not_found("job")
    return found


@router.post("/support/jobs/{job_id}/offer", status_code=201, tags=[SUPPORT], responses=problems(401, 403, 404, 409))
async def offer_job(
    context: Context, caller: Support, job_id: JobId, choice: ProviderChoice, key: IdempotencyKey = None
) -> OfferByChoice:
    """Ask a provider of your choice, beside those who are asked already.

    She may be busy, a newcomer, or have been asked before; whether she can make it at all, and may work, still counts.
    """
    return await offer_by_choice(context, caller, job_id, choice, intend(caller, key, f"offer_job:{job_id}", choice))


def _named(name: str) -> Ranking:
    try:
        return ranking_named(name)
    except UnknownRankingError as error:
        raise invalid("ranking_unknown", str(error), "ranking") from None
