"""What stands between a provider and the platform, from the ledger's guarded balances."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.ledger.accounts import payable, receivable
from fulfil.models.money import Money
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.ledger import LedgerBalanceRow


async def find_payout_account_id(session: AsyncSession, provider_id: str) -> str | None:
    """Her account at the payment provider, if she has one."""
    return await session.scalar(select(ProviderRow.stripe_account_id).where(ProviderRow.id == provider_id))


async def read_payable(session: AsyncSession, provider_id: str) -> list[Money]:
    """What the platform owes her, per currency."""
    return await _balances(session, payable(provider_id))


async def read_receivable(session: AsyncSession, provider_id: str) -> list[Money]:
    """What she owes the platform, per currency."""
    return await _balances(session, receivable(provider_id))


async def _balances(session: AsyncSession, account: str) -> list[Money]:
    rows = await session.scalars(
        select(LedgerBalanceRow)
        .where(LedgerBalanceRow.account == account, LedgerBalanceRow.balance_minor != 0)
        .order_by(LedgerBalanceRow.currency)
    )
    return [Money(amount_minor=abs(row.balance_minor), currency=row.currency) for row in rows]
