"""Who may do what to a provider: she herself to her own, administration to all, support only looks."""

from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.dependencies import allowed
from fulfil.api.errors import not_found
from fulfil.api.readers.providers import KnownProvider, find_provider, show_provider
from fulfil.api.schemas.providers import Provider
from fulfil.models.messages.parties import Role

Found = TypeVar("Found")

Administrator = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_WRITE, Role.ADMIN))]
Owner = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_WRITE, Role.PROVIDER))]
Keeper = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_WRITE, Role.PROVIDER, Role.ADMIN))]
Reader = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_READ, Role.PROVIDER, *STAFF))]
Staff = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_READ, *STAFF))]


def check_own(caller: Principal, provider_id: str) -> None:
    """Raise 404 when a provider asks for another one."""
    if caller.role is Role.PROVIDER and caller.party_id != provider_id:
        raise not_found("provider")


async def known_provider(session: AsyncSession, caller: Principal, provider_id: str) -> KnownProvider:
    """The provider; 404 when there is none, or when she is not the caller's to see."""
    check_own(caller, provider_id)
    return existing(await find_provider(session, provider_id), "provider")


async def shown_provider(session: AsyncSession, provider_id: str, at: datetime) -> Provider:
    """The provider as this transaction leaves her; 404 when there is none."""
    await session.flush()
    return existing(await show_provider(session, provider_id, at), "provider")


def existing(found: Found | None, what: str) -> Found:
    """What was found; 404 when nothing was."""
    if found is None:
        raise not_found(what)
    return found
