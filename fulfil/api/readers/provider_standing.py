"""The facts a provider's standing is judged by, for one or many providers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.providers import REQUIRED_CERTIFICATES, BusinessType, Verification
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow, ProductionRow
from fulfil.models.tables.providers import CertificateRow
from fulfil.ranking.standing import (
    Block,
    CertificateFact,
    ProviderStanding,
    missing_kinds,
    standing_blocks,
    unproven_kinds,
)


@dataclass(frozen=True)
class Standing:
    """A provider's standing, and the kinds of documents her kind of business needs."""

    facts: ProviderStanding
    required: tuple[str, ...]

    def blocks(self, at: datetime) -> tuple[Block, ...]:
        """What keeps her from being offered anything."""
        return standing_blocks(self.facts, at)

    def unproven(self, at: datetime) -> tuple[str, ...]:
        """Required kinds of which no document is verified and in force."""
        return unproven_kinds(self.required, self.facts.certificates, at)

    def missing(self, at: datetime) -> tuple[str, ...]:
        """What she has to upload; whom administration took in without documents need not."""
        kinds = missing_kinds(self.required, self.facts.certificates, at)
        if self.facts.verification == Verification.VERIFIED:
            asked = {fact.kind for fact in self.facts.certificates if fact.required}
            return tuple(kind for kind in kinds if kind in asked)
        return kinds


async def read_standing(session: AsyncSession, row: ProviderRow) -> Standing:
    """Of one provider."""
    return (await read_standings(session, [row]))[row.id]


async def read_standings(session: AsyncSession, rows: Sequence[ProviderRow]) -> dict[str, Standing]:
    """Of these providers, by id."""
    found = await session.scalars(
        select(CertificateRow).where(CertificateRow.provider_id.in_([row.id for row in rows]))
    )
    certificates = list(found)
    return {row.id: standing_of(row, (each for each in certificates if each.provider_id == row.id)) for row in rows}


def standing_of(row: ProviderRow, certificates: Iterable[CertificateRow]) -> Standing:
    """The rows as facts."""
    facts = ProviderStanding(
        verification=row.verification,
        online=row.online,
        suspended=row.suspended_at is not None,
        suspension_reason=row.suspension_reason,
        payouts_status=row.payouts_status,
        certificates=tuple(
            CertificateFact(each.kind, each.state, each.required, each.expires_at) for each in certificates
        ),
    )
    return Standing(facts, tuple(REQUIRED_CERTIFICATES[BusinessType(row.business_type)]))


async def list_being_secured(session: AsyncSession, provider_id: str) -> Sequence[str]:
    """Jobs she has accepted whose payment is not captured yet: they have no production that could be given back."""
    found = await session.scalars(
        select(JobRow.id)
        .outerjoin(ProductionRow, ProductionRow.offer_id == JobRow.offer_id)
        .where(
            JobRow.provider_id == provider_id,
            JobRow.closed_at.is_(None),
            JobRow.state == JobState.ACCEPTED,
            JobRow.milestone_id.is_(None),
            ProductionRow.offer_id.is_(None),
        )
        .order_by(JobRow.id)
    )
    return found.all()
