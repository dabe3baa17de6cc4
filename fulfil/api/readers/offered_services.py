"""Services: those that can be ordered for everybody, a provider's own for her."""

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.readers.paging import newest_first
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.offered_services import Service, ServiceMilestone
from fulfil.models.messages.providers import Verification
from fulfil.models.money import Money
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import ServiceRow


async def find_service(session: AsyncSession, caller: Principal, service_id: str) -> Service | None:
    """A service; one that can't be ordered is shown to its provider and to staff."""
    query = _select_services(caller).where(ServiceRow.id == service_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _represent(*row)


async def list_services(
    session: AsyncSession, caller: Principal, *, provider_id: str | None, limit: int, starting_after: str | None
) -> Page[Service]:
    """The newest services, of all providers or of one."""
    query = _select_services(caller)
    if provider_id is not None:
        query = query.where(ServiceRow.provider_id == provider_id)
    rows, has_more = await newest_first(
        session,
        query,
        moment=ServiceRow.created_at,
        identity=ServiceRow.id,
        limit=limit,
        starting_after=starting_after,
    )
    return Page(data=[_represent(*row) for row in rows], has_more=has_more)


def _select_services(caller: Principal) -> Select[ServiceRow, str]:
    return (
        select(ServiceRow, ProviderRow.name)
        .join(ProviderRow, ProviderRow.id == ServiceRow.provider_id)
        .where(_visible(caller))
    )


def _visible(caller: Principal) -> ColumnElement[bool]:
    if caller.is_staff:
        return true()
    may_offer = ProviderRow.suspended_at.is_(None) & (ProviderRow.verification == Verification.VERIFIED)
    offered = ServiceRow.active & may_offer
    return or_(offered, ServiceRow.provider_id == caller.owner_id)


def _represent(row: ServiceRow, provider_name: str) -> Service:
    return Service(
        id=row.id,
        provider_id=row.provider_id,
        provider_name=provider_name,
        title=row.title,
        description=row.description,
        price=Money(amount_minor=row.price_minor, currency=row.currency),
        milestones=[ServiceMilestone.model_validate(milestone) for milestone in row.milestones],
        revisions_included=row.revisions_included,
        checklist=row.checklist,
        active=row.active,
        created_at=row.created_at,
    )
