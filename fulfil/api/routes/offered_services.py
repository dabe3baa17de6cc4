"""Services: what providers offer for delivery by milestones."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fulfil.api.access import Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, SERVICES, problems
from fulfil.api.errors import not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.offered_services import find_service
from fulfil.api.readers.offered_services import list_services as read_services
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.offered_services import NewService, Service, ServiceSwitch
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.offered_services import change_service as write_change
from fulfil.api.writers.offered_services import switch_service, write_service
from fulfil.models.ids import ProviderId, ServiceId, new_id
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/services", tags=[SERVICES])

READERS = (Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN)
Provider = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_WRITE, Role.PROVIDER))]
Reader = Annotated[Principal, Depends(allowed(Scope.JOBS_READ, *READERS))]


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 409))
async def create_service(context: Context, caller: Provider, new: NewService, key: IdempotencyKey = None) -> Service:
    """Offer a service: its price, its milestones with their shares, how many revisions are included."""
    intention = intend(caller, key, "create_service", new)
    async with context.begin() as session:
        claimed = await claim(session, intention, new_id("svc"), context.clock())
        if not claimed.repeated:
            await write_service(session, caller, claimed.resource_id, new, context.clock())
        return _existing(await find_service(session, caller, claimed.resource_id))


@router.get("", responses=problems(401, 403))
async def list_services(
    context: Context,
    caller: Reader,
    page: Paging,
    provider_id: Annotated[ProviderId | None, Query(description="Only this provider's.")] = None,
) -> Page[Service]:
    """What can be ordered, newest first; a provider sees all of hers."""
    async with context.begin() as session:
        return await read_services(
            session, caller, provider_id=provider_id, limit=page.limit, starting_after=page.starting_after
        )


@router.get("/{service_id}", responses=problems(401, 403, 404))
async def get_service(context: Context, caller: Reader, service_id: ServiceId) -> Service:
    """One service that can be ordered, or one of yours."""
    async with context.begin() as session:
        return _existing(await find_service(session, caller, service_id))


@router.put("/{service_id}", responses=problems(401, 403, 404, 409))
async def change_service(context: Context, caller: Provider, service_id: ServiceId, changed: NewService) -> Service:
    """Offer it otherwise from now on; orders that were placed before keep what they were placed for."""
    async with context.begin() as session:
        await write_change(session, caller, service_id, changed)
        return _existing(await find_service(session, caller, service_id))


@router.put("/{service_id}/active", responses=problems(401, 403, 404, 409))
async def set_service_active(
    context: Context, caller: Provider, service_id: ServiceId, switch: ServiceSwitch
) -> Service:
    """Let it be ordered, or not any more; running orders go on."""
    async with context.begin() as session:
        await switch_service(session, caller, service_id, active=switch.active)
        return _existing(await find_service(session, caller, service_id))


def _existing(service: Service | None) -> Service:
    if service is None:
        raise not_found("service")
    return service
