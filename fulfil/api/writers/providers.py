"""Providers' rows, which the API owns: created, changed, switched on and off, suspended."""

from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.errors import ProblemError, conflict, not_found
from fulfil.api.readers.provider_standing import read_standing
from fulfil.api.schemas.providers import NewProvider, ProviderAddress, ProviderChange, ProviderTerms
from fulfil.models.messages.providers import Verification
from fulfil.models.tables.accounts import ProviderRow
from fulfil.ranking.standing import Block

# What keeps her from going online at all; anything else is shown, and blocks by itself while it lasts.
GRAVE = ("provider_applied", "provider_rejected", "provider_suspended")


async def hold_provider(session: AsyncSession, provider_id: str) -> ProviderRow:
    """Lock a provider until the transaction ends; 404 when there is none."""
    row = await session.get(ProviderRow, provider_id, with_for_update={"key_share": True}, populate_existing=True)
    if row is None:
        raise not_found("provider")
    return row


async def hold_stripe_account(session: AsyncSession, stripe_account_id: str, provider_id: str) -> bool:
    """Whether the account is no other provider's; nobody else takes it before this transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(stripe_account_id, 0))))
    others = exists().where(ProviderRow.stripe_account_id == stripe_account_id, ProviderRow.id != provider_id)
    return not await session.scalar(select(others))


async def write_provider(
    session: AsyncSession, provider_id: str, provider: NewProvider, stripe_account_id: str | None, at: datetime
) -> None:
    """Write a provider; nothing when a repeated request was faster."""
    await session.execute(
        insert(ProviderRow)
        .values(
            id=provider_id,
            name=provider.name,
            capabilities=provider.capabilities,
            commission_bp=provider.commission_bp,
            capacity_jobs=provider.capacity_jobs,
            stripe_account_id=stripe_account_id,
            business_type=provider.business_type,
            time_zone=provider.time_zone,
            verification=Verification.VERIFIED if provider.verified else Verification.APPLIED,
            verified_at=at if provider.verified else None,
            online=provider.verified,
            online_at=at if provider.verified else None,
            created_at=at,
            **address_columns(provider.address),
        )
        .on_conflict_do_nothing()
    )


def address_columns(address: ProviderAddress | None) -> dict[str, Any]:
    """The columns an address is kept in; none without one."""
    if address is None:
        return {}
    return {
        "country": address.country,
        "postal_code": address.postal_code,
        "city": address.city,
        "address_lines": address.lines,
        "latitude": address.latitude,
        "longitude": address.longitude,
    }


async def change_provider_row(session: AsyncSession, provider_id: str, change: ProviderChange | ProviderTerms) -> None:
    """Write what the change names; 404 when there is no such provider."""
    row = await hold_provider(session, provider_id)
    values = {name: value for name, value in change if value is not None and name != "address"}
    if isinstance(change, ProviderChange):
        values |= address_columns(change.address)
    for column, value in values.items():
        setattr(row, column, value)


async def switch_online(session: AsyncSession, provider_id: str, *, online: bool, at: datetime) -> None:
    """Whether she takes new jobs; 409 while administration keeps her from all work."""
    row = await hold_provider(session, provider_id)
    if online and not row.online:
        grave = [block for block in (await read_standing(session, row)).blocks(at) if block.code in GRAVE]
        if grave:
            raise _kept_offline(row, grave[0])
        row.online_at = at
    row.online = online


async def suspend_provider(session: AsyncSession, provider_id: str, reason: str, at: datetime) -> None:
    """Keep her from all new work; who is suspended already stays so, with the new reason."""
    row = await hold_provider(session, provider_id)
    row.suspended_at = row.suspended_at or at
    row.suspension_reason = reason


async def lift_suspension(session: AsyncSession, provider_id: str) -> None:
    """Let her work again; nothing when she was not suspended."""
    row = await hold_provider(session, provider_id)
    row.suspended_at = None
    row.suspension_reason = None


async def change_stripe_account(session: AsyncSession, provider_id: str, stripe_account_id: str) -> None:
    """Where she is paid from now on; a parked payout takes it when it is retried."""
    await session.execute(
        update(ProviderRow)
        .where(ProviderRow.id == provider_id, ProviderRow.stripe_account_id.is_distinct_from(stripe_account_id))
        .values(stripe_account_id=stripe_account_id, payouts_status=None)
    )


async def note_payouts_status(session: AsyncSession, provider_id: str, status: str) -> None:
    """What the payment provider says of her account."""
    await session.execute(update(ProviderRow).where(ProviderRow.id == provider_id).values(payouts_status=status))


def _kept_offline(row: ProviderRow, block: Block) -> ProblemError:
    state = "suspended" if row.suspended_at is not None else row.verification
    return conflict(block.code, f"{block.detail} {block.remedy}", state=state)
