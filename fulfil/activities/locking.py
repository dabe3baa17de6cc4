"""Locks rows in one order: production, job, (counter-)offers, provider, stock, payment, order, timeline."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow, OfferRow, ProductionRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow


@dataclass(frozen=True)
class HeldJob:
    """A job, its line and its open production (if any), locked until the transaction ends."""

    job: JobRow
    line: OrderLineRow
    production: ProductionRow | None

    @property
    def started(self) -> bool:
        """Whether the provider has begun: the production's row lock makes this the final word."""
        return self.production is not None and self.production.started_at is not None

    @property
    def delivered(self) -> bool:
        """Whether the work has arrived: it is judged now, and nobody else makes it."""
        return self.production is not None and self.production.delivered_at is not None

    @property
    def shipped(self) -> bool:
        """Whether the work is on its way, waits to be picked up, or has arrived."""
        production = self.production
        return production is not None and any(
            (production.shipped_at, production.pickup_ready_at, production.delivered_at)
        )


def missing(what: str, identifier: str) -> ApplicationError:
    """A row the workflow is sure of is not there: nothing a retry could change."""
    return ApplicationError(f"{what} {identifier} does not exist", type="row_missing", non_retryable=True)


async def hold_job(session: AsyncSession, job_id: str) -> HeldJob:
    """Lock the open production first (the API locks it for each report), then the job.

    The weak lock (`FOR NO KEY UPDATE`) leaves foreign keys of reports that arrive meanwhile alone.
    """
    production = await session.scalar(_open_production(job_id))
    job = await session.get(JobRow, job_id, with_for_update={"key_share": True})
    if job is None:
        raise missing("job", job_id)
    if production is None:
        # It may have been born while this transaction waited for the job.
        production = await session.scalar(_open_production(job_id))
    return HeldJob(job, await read_line(session, job.line_id), production)


async def read_line(session: AsyncSession, line_id: str) -> OrderLineRow:
    """The order line; lines never change."""
    line = await session.get(OrderLineRow, line_id)
    if line is None:
        raise missing("order line", line_id)
    return line


async def hold_offer(session: AsyncSession, offer_id: str) -> OfferRow:
    """Lock one offer."""
    offer = await session.get(OfferRow, offer_id, with_for_update={"key_share": True})
    if offer is None:
        raise missing("offer", offer_id)
    return offer


async def hold_provider(session: AsyncSession, provider_id: str) -> bool:
    """Lock one provider; False when she does not exist."""
    return await session.get(ProviderRow, provider_id, with_for_update={"key_share": True}) is not None


async def hold_providers(session: AsyncSession, provider_ids: Iterable[str]) -> None:
    """Lock providers, always in the same order."""
    for provider_id in sorted(set(provider_ids)):
        await session.get_one(ProviderRow, provider_id, with_for_update={"key_share": True})


async def hold_payment(session: AsyncSession, order_id: str) -> PaymentRow:
    """Lock the payment of an order."""
    payment = await session.get(PaymentRow, order_id, with_for_update={"key_share": True})
    if payment is None:
        raise missing("payment of order", order_id)
    return payment


async def hold_order(session: AsyncSession, order_id: str) -> OrderRow:
    """Lock the order; the last lock before the timeline's, so it comes before the first event."""
    order = await session.get(OrderRow, order_id, with_for_update={"key_share": True})
    if order is None:
        raise missing("order", order_id)
    return order


def _open_production(job_id: str) -> Select[ProductionRow]:
    return (
        select(ProductionRow)
        .where(ProductionRow.job_id == job_id, ProductionRow.closed_at.is_(None))
        .with_for_update(key_share=True)
    )
