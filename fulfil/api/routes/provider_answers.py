"""How providers do: score, figures, and all of them side by side."""

from typing import Annotated

from fastapi import APIRouter, Query

from fulfil.api.dependencies import Context
from fulfil.api.documentation import API, PROVIDERS, problems
from fulfil.api.provider_access import Reader, Staff, existing, known_provider
from fulfil.api.readers.provider_answers import find_score, find_statistics, rank_statistics
from fulfil.api.schemas.provider_answers import ProviderRanking, ProviderScore, ProviderStatistics
from fulfil.models.ids import ProviderId

router = APIRouter(prefix=f"{API}/providers", tags=[PROVIDERS])

Days = Annotated[int, Query(ge=1, le=366, description="How many days back.", examples=[30])]
Most = Annotated[int, Query(ge=1, le=100, description="How many at most.")]


@router.get("/statistics", responses=problems(401, 403))
async def rank_providers(context: Context, caller: Staff, days: Days = 30, limit: Most = 20) -> ProviderRanking:
    """Providers side by side, the best score first."""
    del caller
    async with context.begin() as session:
        return ProviderRanking(
            days=days, data=await rank_statistics(session, days=days, limit=limit, at=context.clock())
        )


@router.get("/{provider_id}/score", responses=problems(401, 403, 404))
async def get_provider_score(context: Context, caller: Reader, provider_id: ProviderId) -> ProviderScore:
    """Her score of the last 30 days, computed now: its parts, and the counts they are made of."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        return existing(await find_score(session, provider_id, context.clock()), "provider")


@router.get("/{provider_id}/statistics", responses=problems(401, 403, 404))
async def get_provider_statistics(
    context: Context, caller: Reader, provider_id: ProviderId, days: Days = 30
) -> ProviderStatistics:
    """Response time, completion, punctuality, quality and earnings of the last days; a provider sees her own."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        return existing(await find_statistics(session, provider_id, days, context.clock()), "provider")
