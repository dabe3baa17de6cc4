"""What providers offer for delivery by milestones; orders keep their own copy of it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import Principal
from fulfil.api.errors import conflict, invalid, not_found
from fulfil.api.schemas.offered_services import NewService
from fulfil.models.messages.deliverables import PlannedMilestone
from fulfil.models.messages.providers import Verification
from fulfil.models.milestones import PlanError, check_plan
from fulfil.models.money import step_minor
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import ServiceRow


async def write_service(
    session: AsyncSession, provider: Principal, service_id: str, new: NewService, at: datetime
) -> None:
    """Offer a service; raises 422 for a plan that can't be kept, 409 when the provider is suspended or not verified."""
    await _check_may_offer(session, provider)
    session.add(ServiceRow(id=service_id, provider_id=provider.owner_id, active=True, created_at=at, **_checked(new)))
    await session.flush()


async def change_service(session: AsyncSession, provider: Principal, service_id: str, new: NewService) -> None:
    """Offer something else from now on; raises like `write_service`, and 404 for another's."""
    row = await _hold(session, provider, service_id)
    await _check_may_offer(session, provider)
    for column, value in _checked(new).items():
        setattr(row, column, value)
    await session.flush()


async def switch_service(session: AsyncSession, provider: Principal, service_id: str, *, active: bool) -> None:
    """Let it be ordered, or not any more; raises 404 for another's."""
    row = await _hold(session, provider, service_id)
    if active:
        await _check_may_offer(session, provider)
    row.active = active
    await session.flush()


async def _hold(session: AsyncSession, provider: Principal, service_id: str) -> ServiceRow:
    row = await session.scalar(
        select(ServiceRow)
        .where(ServiceRow.id == service_id, ServiceRow.provider_id == provider.owner_id)
        .with_for_update(key_share=True)
    )
    if row is None:
        raise not_found("service")
    return row


def _checked(new: NewService) -> dict[str, object]:
    price, currency = new.price.amount_minor, new.price.currency
    if price == 0 or price % step_minor(currency):
        detail = f"{new.price} can't be charged: ask for a positive multiple of {step_minor(currency)} minor units."
        raise invalid("price_not_chargeable", detail, "price")
    planned = [PlannedMilestone.model_validate(milestone.model_dump()) for milestone in new.milestones]
    try:
        check_plan(planned, price, currency)
    except PlanError as error:
        raise invalid(error.code, str(error), "milestones") from error
    if len(set(new.checklist)) != len(new.checklist):
        raise invalid("criterion_twice", "A criterion stands twice on the checklist: name each once.", "checklist")
    return {
        "title": new.title,
        "description": new.description,
        "price_minor": price,
        "currency": currency,
        "milestones": [milestone.model_dump(mode="json") for milestone in planned],
        "revisions_included": new.revisions_included,
        "checklist": new.checklist,
    }


async def _check_may_offer(session: AsyncSession, provider: Principal) -> None:
    row = await session.get(ProviderRow, provider.owner_id)
    if row is not None and row.suspended_at is not None:
        raise conflict("provider_suspended", "You are suspended: write to support before you go on.", state="suspended")
    if row is not None and row.verification != Verification.VERIFIED:
        detail = "You are not verified: hand in the documents that are missing, and wait for administration's decision."
        raise conflict(f"provider_{row.verification}", detail, state=row.verification)
