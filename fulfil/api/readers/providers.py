"""Providers as administration and they themselves see them, with what blocks them and what is missing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.readers.paging import newest_first
from fulfil.api.readers.provider_standing import Standing, read_standings
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.providers import DispatchBlock, NewcomerLimits, Payouts, Provider, ProviderAddress
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.providers import BusinessType, CertificateKind, Verification
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow
from fulfil.ranking.standing import NOT_PAYABLE

LIMITS = OrderPolicies()
PAYABLE = "active"


@dataclass(frozen=True)
class KnownProvider:
    """What decisions about a provider are made on."""

    id: str
    name: str
    business_type: BusinessType
    verification: Verification
    suspended: bool
    stripe_account_id: str | None
    payouts_status: str | None
    capabilities: dict[str, list[str]]
    country: str | None

    @property
    def restricted_account_id(self) -> str | None:
        """Her account at the payment provider, if it paid her nothing when it was last looked at."""
        return self.stripe_account_id if self.payouts_status in NOT_PAYABLE else None


async def find_provider(session: AsyncSession, provider_id: str) -> KnownProvider | None:
    """A provider, if there is one of this id."""
    row = await session.get(ProviderRow, provider_id, populate_existing=True)
    if row is None:
        return None
    return KnownProvider(
        id=row.id,
        name=row.name,
        business_type=BusinessType(row.business_type),
        verification=Verification(row.verification),
        suspended=row.suspended_at is not None,
        stripe_account_id=row.stripe_account_id,
        payouts_status=row.payouts_status,
        capabilities=row.capabilities,
        country=row.country,
    )


async def show_provider(session: AsyncSession, provider_id: str, at: datetime) -> Provider | None:
    """One provider as the API shows her at this time."""
    row = await session.get(ProviderRow, provider_id, populate_existing=True)
    return None if row is None else (await _represent(session, [row], at))[0]


async def list_providers(
    session: AsyncSession, *, limit: int, starting_after: str | None, at: datetime
) -> Page[Provider]:
    """All providers, newest first."""
    rows, has_more = await newest_first(
        session,
        select(ProviderRow),
        moment=ProviderRow.created_at,
        identity=ProviderRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=await _represent(session, [row for (row,) in rows], at), has_more=has_more)


async def _represent(session: AsyncSession, rows: Sequence[ProviderRow], at: datetime) -> list[Provider]:
    standings = await read_standings(session, rows)
    in_hand = await _open_jobs(session, [row.id for row in rows])
    return [represent_provider(row, standings[row.id], in_hand.get(row.id, 0), at) for row in rows]


async def _open_jobs(session: AsyncSession, provider_ids: Sequence[str]) -> dict[str, int]:
    counted = await session.execute(
        select(JobRow.provider_id, func.count())
        .where(JobRow.provider_id.in_(provider_ids), JobRow.closed_at.is_(None))
        .group_by(JobRow.provider_id)
    )
    return {provider_id: count for provider_id, count in counted if provider_id is not None}


def represent_provider(row: ProviderRow, standing: Standing, open_jobs: int, at: datetime) -> Provider:
    """The row as the API shows it."""
    blocks = standing.blocks(at)
    return Provider(
        id=row.id,
        name=row.name,
        business_type=BusinessType(row.business_type),
        capabilities=row.capabilities,
        address=_address(row),
        time_zone=row.time_zone,
        commission_bp=row.commission_bp,
        tier=row.tier,
        capacity_jobs=row.capacity_jobs,
        open_jobs=open_jobs,
        score=row.score,
        online=row.online,
        online_at=row.online_at,
        verification=Verification(row.verification),
        verification_note=row.verification_note,
        verified_at=row.verified_at,
        missing_certificates=[CertificateKind(kind) for kind in standing.missing(at)],
        suspended_at=row.suspended_at,
        suspension_reason=row.suspension_reason,
        dispatchable=not blocks,
        blocks=[DispatchBlock(**asdict(block)) for block in blocks],
        newcomer=_newcomer(row),
        payouts=_payouts(row),
        completed_jobs=row.completed_jobs,
        stripe_account_id=row.stripe_account_id,
        created_at=row.created_at,
    )


def _address(row: ProviderRow) -> ProviderAddress | None:
    if row.country is None:
        return None
    return ProviderAddress(
        country=row.country,
        postal_code=row.postal_code or "",
        city=row.city or "",
        lines=row.address_lines or [],
        latitude=row.latitude,
        longitude=row.longitude,
    )


def _newcomer(row: ProviderRow) -> NewcomerLimits | None:
    left = LIMITS.newcomer_jobs - row.completed_jobs
    if left <= 0:
        return None
    return NewcomerLimits(jobs_left=left, jobs_at_a_time=1, job_value_minor=LIMITS.newcomer_limit_minor)


def _payouts(row: ProviderRow) -> Payouts:
    return Payouts(account_id=row.stripe_account_id, status=row.payouts_status, next=_next_of_payouts(row))


def _next_of_payouts(row: ProviderRow) -> str | None:
    if row.payouts_status == PAYABLE:
        return None
    if row.stripe_account_id is None:
        if row.verification == Verification.VERIFIED:
            return "Administration has to name the account she is paid to."
        return "The account is made when she is verified; then she completes it."
    link = f"POST /api/v1/providers/{row.id}/payout-account/onboarding gives the link"
    if row.payouts_status in NOT_PAYABLE:
        return f"The payment provider pays nothing to this account: complete it, {link}, or ask administration."
    return f"Complete the account at the payment provider: {link}."
