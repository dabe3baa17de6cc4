"""Offers of a provider."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import offer_actions
from fulfil.api.readers.jobs import payout_of, represent_work
from fulfil.api.readers.paging import newest_first
from fulfil.api.readers.work_files import files_of_quote
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.jobs import Offer
from fulfil.models.messages.jobs import OfferState, Stage
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow, OfferRow
from fulfil.models.tables.orders import OrderLineRow

OfferQuery = Select[OfferRow, OrderLineRow, list[dict[str, Any]], int]
OfferParts = tuple[OfferRow, OrderLineRow, list[dict[str, Any]], int]


def _select_offers(caller: Principal) -> OfferQuery:
    query = (
        select(OfferRow, OrderLineRow, files_of_quote(OrderLineRow.quote_id), ProviderRow.commission_bp)
        .join(JobRow, JobRow.id == OfferRow.job_id)
        .join(OrderLineRow, OrderLineRow.id == JobRow.line_id)
        .join(ProviderRow, ProviderRow.id == OfferRow.provider_id)
    )
    return query if caller.is_staff else query.where(OfferRow.provider_id == caller.owner_id)


async def find_offer(session: AsyncSession, caller: Principal, offer_id: str) -> Offer | None:
    """An offer to the caller; staff see all."""
    row = (await session.execute(_select_offers(caller).where(OfferRow.id == offer_id))).one_or_none()
    return None if row is None else _represent(row, caller)


async def list_offers(
    session: AsyncSession, caller: Principal, *, state: OfferState | None, limit: int, starting_after: str | None
) -> Page[Offer]:
    """Hers, newest first; staff see all."""
    query = _select_offers(caller)
    if state is not None:
        query = query.where(OfferRow.state == state)
    rows, has_more = await newest_first(
        session,
        query,
        moment=OfferRow.offered_at,
        identity=OfferRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[_represent(row, caller) for row in rows], has_more=has_more)


def _represent(parts: OfferParts, caller: Principal) -> Offer:
    offer, line, files, commission_bp = parts
    state = OfferState(offer.state)
    return Offer(
        id=offer.id,
        job_id=offer.job_id,
        provider_id=offer.provider_id,
        state=state,
        stage=Stage(offer.stage),
        wave=offer.wave,
        reasons=offer.reasons,
        close_reason=offer.close_reason,
        work=represent_work(line, files),
        payout=payout_of(line, commission_bp),
        offered_at=offer.offered_at,
        expires_at=offer.expires_at,
        allowed_actions=offer_actions(caller.role, state),
    )
