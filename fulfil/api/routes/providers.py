"""Providers: administration creates them, they keep their stock and say whether they take jobs."""

from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends

from fulfil.api.access import Principal, Scope
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, PROVIDERS, problems
from fulfil.api.errors import ProblemError, invalid, not_found
from fulfil.api.intentions import intend
from fulfil.api.outages import stripe_outages
from fulfil.api.readers.providers import find_provider, find_stock
from fulfil.api.readers.providers import list_providers as read_providers
from fulfil.api.readers.providers import list_stock as read_stock
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.providers import (
    NewProvider,
    OnlineSwitch,
    Provider,
    Stock,
    StockReceipt,
    Stocks,
    StripeAccount,
)
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.providers import (
    change_stripe_account,
    hold_stripe_account,
    switch_online,
    write_provider,
)
from fulfil.api.writers.providers import receive_stock as write_receipt
from fulfil.gateways.stripe.errors import StripeRefusedError
from fulfil.models.ids import ProviderId, new_id
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/providers", tags=[PROVIDERS])
log = structlog.stdlib.get_logger(__name__)

Administrator = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_WRITE, Role.ADMIN))]
Staff = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_READ, Role.ADMIN, Role.SUPPORT))]
Reader = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_READ, Role.PROVIDER, Role.ADMIN, Role.SUPPORT))]
Keeper = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_WRITE, Role.PROVIDER, Role.ADMIN))]


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 409))
async def create_provider(
    context: Context, caller: Administrator, new: NewProvider, key: IdempotencyKey = None
) -> Provider:
    """Create a provider, and her connected account at the payment provider unless she has one."""
    intention = intend(caller, key, "create_provider", new)
    async with context.begin() as session:
        claimed = await claim(session, intention, new_id("prv"), context.clock())
        found = await find_provider(session, claimed.resource_id) if claimed.repeated else None
    if found is not None:
        return found
    if new.stripe_account_id is not None:
        await _check_account(context, new.stripe_account_id)
    stripe_account_id = new.stripe_account_id or await _create_account(context, claimed.resource_id, new.name)
    async with context.begin() as session:
        _check_free(free=await hold_stripe_account(session, stripe_account_id, claimed.resource_id))
        await write_provider(session, claimed.resource_id, new, stripe_account_id, context.clock())
        return _existing(await find_provider(session, claimed.resource_id))


@router.get("", responses=problems(401, 403))
async def list_providers(context: Context, caller: Staff, page: Paging) -> Page[Provider]:
    """All providers, newest first."""
    del caller
    async with context.begin() as session:
        return await read_providers(session, limit=page.limit, starting_after=page.starting_after)


@router.get("/{provider_id}", responses=problems(401, 403, 404))
async def get_provider(context: Context, caller: Reader, provider_id: ProviderId) -> Provider:
    """One provider; a provider sees herself."""
    _check_own(caller, provider_id)
    async with context.begin() as session:
        return _existing(await find_provider(session, provider_id))


@router.put("/{provider_id}/online", responses=problems(401, 403, 404))
async def set_provider_online(
    context: Context, caller: Keeper, provider_id: ProviderId, switch: OnlineSwitch
) -> Provider:
    """Take new jobs, or take a break; jobs in hand are not touched."""
    _check_own(caller, provider_id)
    async with context.begin() as session:
        await switch_online(session, provider_id, online=switch.online)
        return _existing(await find_provider(session, provider_id))


@router.put("/{provider_id}/stripe-account", responses=problems(401, 403, 404, 409))
async def set_provider_stripe_account(
    context: Context, caller: Administrator, provider_id: ProviderId, account: StripeAccount
) -> Provider:
    """Name the connected account she is paid to; then support can retry a payout that parked for want of one."""
    del caller
    async with context.begin() as session:
        _existing(await find_provider(session, provider_id))
    await _check_account(context, account.stripe_account_id)
    async with context.begin() as session:
        _check_free(free=await hold_stripe_account(session, account.stripe_account_id, provider_id))
        await change_stripe_account(session, provider_id, account.stripe_account_id)
        return _existing(await find_provider(session, provider_id))


@router.post("/{provider_id}/stock", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 404))
async def receive_stock(
    context: Context, caller: Keeper, provider_id: ProviderId, receipt: StockReceipt, key: IdempotencyKey = None
) -> Stock:
    """Record material that came in."""
    _check_own(caller, provider_id)
    intention = intend(caller, key, f"receive_stock:{provider_id}", receipt)
    async with context.begin() as session:
        _existing(await find_provider(session, provider_id))
        claimed = await claim(session, intention, new_id("mov"), context.clock())
        await write_receipt(
            session,
            movement_id=claimed.resource_id,
            provider_id=provider_id,
            material=receipt.material,
            quantity_g=receipt.quantity_g,
            at=context.clock(),
        )
        stock = await find_stock(session, provider_id, receipt.material)
    log.info(
        "stock received",
        provider_id=provider_id,
        material=receipt.material,
        quantity_g=receipt.quantity_g,
        by=caller.account_id,
        reason=receipt.reason,
    )
    if stock is None:
        raise not_found("stock")
    return stock


@router.get("/{provider_id}/stock", responses=problems(401, 403, 404))
async def list_stock(context: Context, caller: Reader, provider_id: ProviderId) -> Stocks:
    """What she has, free and reserved, by material."""
    _check_own(caller, provider_id)
    async with context.begin() as session:
        _existing(await find_provider(session, provider_id))
        return Stocks(data=await read_stock(session, provider_id))


def _check_own(caller: Principal, provider_id: str) -> None:
    if caller.role is Role.PROVIDER and caller.party_id != provider_id:
        raise not_found("provider")


def _existing(provider: Provider | None) -> Provider:
    if provider is None:
        raise not_found("provider")
    return provider


async def _check_account(context: ApiContext, stripe_account_id: str) -> None:
    """Nothing could be paid to an account that the payment provider does not know."""
    with stripe_outages():
        try:
            await context.stripe.retrieve_recipient_account(stripe_account_id)
        except StripeRefusedError as error:
            raise invalid(
                "no_such_account",
                "There is no such account at the payment provider: check the id.",
                "stripe_account_id",
            ) from error


def _check_free(*, free: bool) -> None:
    if not free:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            "account_taken",
            "Another provider is paid to this account: name one of her own.",
            param="stripe_account_id",
        )


async def _create_account(context: ApiContext, provider_id: str, name: str) -> str:
    with stripe_outages():
        return await context.stripe.create_recipient_account(
            provider_id=provider_id, name=name, idempotency_key=f"{provider_id}:account"
        )
