"""Offers of a provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.actions import offer_actions
from fulfil.api.readers.jobs import payout_left, represent_work
from fulfil.api.readers.paging import newest_first
from fulfil.api.readers.work_files import files_of_line
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.jobs import Acceptance, Offer
from fulfil.ledger.refundable import taken_of_lines
from fulfil.models.messages.jobs import OfferState, Stage
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow, OfferRow, ProductionRow
from fulfil.models.tables.orders import OrderLineRow

OfferQuery = Select[OfferRow, JobRow, OrderLineRow, list[dict[str, Any]], int]
OfferParts = tuple[OfferRow, JobRow, OrderLineRow, list[dict[str, Any]], int]


@dataclass(frozen=True)
class OfferFilter:
    """Which offers; None means all."""

    state: OfferState | None = None
    stage: Stage | None = None


@dataclass(frozen=True)
class OfferHead:
    """What answering an offer takes, without what it is about: fifty may answer at once."""

    id: str
    job_id: str
    provider_id: str
    state: OfferState


async def find_head(session: AsyncSession, caller: Principal, offer_id: str) -> OfferHead | None:
    """An offer to the caller."""
    query = select(OfferRow.id, OfferRow.job_id, OfferRow.provider_id, OfferRow.state).where(
        OfferRow.id == offer_id, OfferRow.provider_id == caller.owner_id
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else OfferHead(row.id, row.job_id, row.provider_id, OfferState(row.state))


async def find_acceptance(session: AsyncSession, offer_id: str) -> Acceptance | None:
    """What was promised when the offer was accepted; None while that is being secured, or when it came to nothing."""
    query = select(ProductionRow.job_id, ProductionRow.start_due_at, ProductionRow.due_at).where(
        ProductionRow.offer_id == offer_id
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    return Acceptance(job_id=row.job_id, offer_id=offer_id, start_due_at=row.start_due_at, due_at=row.due_at)


def _select_offers(caller: Principal) -> OfferQuery:
    query = (
        select(OfferRow, JobRow, OrderLineRow, files_of_line(), ProviderRow.commission_bp)
        .join(JobRow, JobRow.id == OfferRow.job_id)
        .join(OrderLineRow, OrderLineRow.id == JobRow.line_id)
        .join(ProviderRow, ProviderRow.id == OfferRow.provider_id)
    )
    return query if caller.is_staff else query.where(OfferRow.provider_id == caller.owner_id)


async def find_offer(session: AsyncSession, caller: Principal, offer_id: str) -> Offer | None:
    """An offer to the caller; staff see all."""
    row = (await session.execute(_select_offers(caller).where(OfferRow.id == offer_id))).one_or_none()
    return None if row is None else (await _represent(session, [row], caller))[0]


async def list_offers(
    session: AsyncSession, caller: Principal, wanted: OfferFilter, limit: int, starting_after: str | None
) -> Page[Offer]:
    """Hers, newest first; staff see all."""
    query = _select_offers(caller)
    if wanted.state is not None:
        query = query.where(OfferRow.state == wanted.state)
    if wanted.stage is not None:
        query = query.where(OfferRow.stage == wanted.stage)
    rows, has_more = await newest_first(
        session,
        query,
        moment=OfferRow.offered_at,
        identity=OfferRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=await _represent(session, rows, caller), has_more=has_more)


async def _represent(session: AsyncSession, rows: Sequence[OfferParts], caller: Principal) -> list[Offer]:
    """With what is left of each job's price, less her commission, as the payout."""
    taken = await taken_of_lines(session, *{row[1].order_id for row in rows}) if rows else []
    return [_represent_one(row, caller, taken) for row in rows]


def _represent_one(parts: OfferParts, caller: Principal, taken: Sequence[RefundAllocation]) -> Offer:
    offer, job, line, files, commission_bp = parts
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
        payout=payout_left(job, line, commission_bp, taken),
        offered_at=offer.offered_at,
        expires_at=offer.expires_at,
        allowed_actions=offer_actions(caller.role, state),
    )
