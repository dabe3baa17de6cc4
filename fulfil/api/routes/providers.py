"""Providers: administration enters them and agrees on terms; they say what they can make and whether they work."""

from http import HTTPStatus

import structlog
from fastapi import APIRouter

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, IdempotencyKey, Paging
from fulfil.api.documentation import API, PROVIDERS, problems
from fulfil.api.errors import invalid
from fulfil.api.intentions import intend
from fulfil.api.provider_access import Administrator, Keeper, Reader, Staff, known_provider, shown_provider
from fulfil.api.readers.providers import list_providers as read_providers
from fulfil.api.readers.providers import show_provider
from fulfil.api.recipient_accounts import check_account, check_free, open_account, read_payouts_status
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.providers import (
    NewProvider,
    OnlineSwitch,
    Provider,
    ProviderChange,
    ProviderSwitched,
    ProviderTerms,
    StripeAccount,
    SuspensionSwitch,
)
from fulfil.api.standing_down import StoodDown, give_back_unstarted
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.providers import (
    change_provider_row,
    change_stripe_account,
    hold_stripe_account,
    lift_suspension,
    note_payouts_status,
    suspend_provider,
    switch_online,
    write_provider,
)
from fulfil.models.ids import ProviderId, new_id
from fulfil.quoting.prices.tariffs import load_tariff

router = APIRouter(prefix=f"{API}/providers", tags=[PROVIDERS])
log = structlog.stdlib.get_logger(__name__)

WENT_OFFLINE = "the provider went offline"
SUSPENDED = "the provider was suspended"


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 409))
async def create_provider(
    context: Context, caller: Administrator, new: NewProvider, key: IdempotencyKey = None
) -> Provider:
    """Enter a provider, verified unless said otherwise, with an account at the payment provider unless she has one."""
    intention = intend(caller, key, "create_provider", new)
    async with context.begin() as session:
        claimed = await claim(session, intention, new_id("prv"), context.clock())
        found = await show_provider(session, claimed.resource_id, context.clock()) if claimed.repeated else None
    if found is not None:
        return found
    if new.stripe_account_id is not None:
        await check_account(context, new.stripe_account_id)
    account_id = new.stripe_account_id
    if account_id is None and new.verified:
        country = new.address.country if new.address else None
        account_id = await open_account(context, claimed.resource_id, new.name, country)
    async with context.begin() as session:
        if account_id is not None:
            check_free(free=await hold_stripe_account(session, account_id, claimed.resource_id))
        await write_provider(session, claimed.resource_id, new, account_id, context.clock())
        return await shown_provider(session, claimed.resource_id, context.clock())


@router.get("", responses=problems(401, 403))
async def list_providers(context: Context, caller: Staff, page: Paging) -> Page[Provider]:
    """All providers, newest first."""
    del caller
    async with context.begin() as session:
        return await read_providers(session, limit=page.limit, starting_after=page.starting_after, at=context.clock())


@router.get("/{provider_id}", responses=problems(401, 403, 404))
async def get_provider(context: Context, caller: Reader, provider_id: ProviderId) -> Provider:
    """One provider, whether she can be offered work, and what keeps her from it; a provider sees herself."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        return await shown_provider(session, provider_id, context.clock())


@router.patch("/{provider_id}", responses=problems(401, 403, 404))
async def change_provider(
    context: Context, caller: Keeper, provider_id: ProviderId, change: ProviderChange
) -> Provider:
    """What she can make and where she works; what is left out stays."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        await change_provider_row(session, provider_id, change)
        return await shown_provider(session, provider_id, context.clock())


@router.patch("/{provider_id}/terms", responses=problems(401, 403, 404))
async def change_provider_terms(
    context: Context, caller: Administrator, provider_id: ProviderId, terms: ProviderTerms
) -> Provider:
    """Her name, commission, tier and capacity; what is left out stays."""
    if terms.tier is not None and terms.tier not in (tiers := load_tariff().tiers):
        raise invalid("tier_unknown", f"The price list has the tiers {', '.join(tiers)}.", "tier")
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        await change_provider_row(session, provider_id, terms)
        shown = await shown_provider(session, provider_id, context.clock())
    _note(caller, provider_id, "terms changed", **terms.model_dump(exclude_none=True))
    return shown


@router.put("/{provider_id}/online", responses=problems(401, 403, 404, 409))
async def set_provider_online(
    context: Context, caller: Keeper, provider_id: ProviderId, switch: OnlineSwitch
) -> ProviderSwitched:
    """Take new jobs, or take a break: what is accepted and not started goes back unless `keep_jobs` is set."""
    async with context.begin() as session:
        known = await known_provider(session, caller, provider_id)
    seen = None
    if switch.online and known.restricted_account_id is not None:
        # She may have completed it, and the payment provider's event may have been lost.
        seen = await read_payouts_status(context, known.restricted_account_id)
    async with context.begin() as session:
        if seen is not None:
            await note_payouts_status(session, provider_id, seen)
        await switch_online(session, provider_id, online=switch.online, at=context.clock())
    gives_back = not switch.online and not switch.keep_jobs
    done = await give_back_unstarted(context, provider_id, WENT_OFFLINE) if gives_back else StoodDown()
    return await _switched(context, provider_id, done)


@router.put("/{provider_id}/suspension", responses=problems(401, 403, 404))
async def set_provider_suspension(
    context: Context, caller: Administrator, provider_id: ProviderId, switch: SuspensionSwitch
) -> ProviderSwitched:
    """Keep her from all new work and give back what she has not started, or let her work again."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
        if switch.suspended:
            await suspend_provider(session, provider_id, switch.reason, context.clock())
        else:
            await lift_suspension(session, provider_id)
    done = await give_back_unstarted(context, provider_id, SUSPENDED) if switch.suspended else StoodDown()
    _note(caller, provider_id, "suspended" if switch.suspended else "suspension lifted", reason=switch.reason)
    return await _switched(context, provider_id, done)


@router.put("/{provider_id}/stripe-account", responses=problems(401, 403, 404, 409))
async def set_provider_stripe_account(
    context: Context, caller: Administrator, provider_id: ProviderId, account: StripeAccount
) -> Provider:
    """Name the connected account she is paid to; then support can retry a payout that parked for want of one."""
    async with context.begin() as session:
        await known_provider(session, caller, provider_id)
    await check_account(context, account.stripe_account_id)
    async with context.begin() as session:
        check_free(free=await hold_stripe_account(session, account.stripe_account_id, provider_id))
        await change_stripe_account(session, provider_id, account.stripe_account_id)
        return await shown_provider(session, provider_id, context.clock())


async def _switched(context: ApiContext, provider_id: str, done: StoodDown) -> ProviderSwitched:
    async with context.begin() as session:
        shown = await shown_provider(session, provider_id, context.clock())
    return ProviderSwitched(**dict(shown), given_back=list(done.given_back), being_secured=list(done.being_secured))


def _note(caller: Principal, provider_id: str, what: str, **details: object) -> None:
    log.info("provider changed", provider_id=provider_id, what=what, by=caller.account_id, **details)
