"""A provider's payout account: completed on the payment provider's pages, looked at here."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from fulfil.api.access import Principal, Scope
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, IdempotencyKey, allowed
from fulfil.api.documentation import API, PROVIDERS, problems
from fulfil.api.errors import conflict, not_found
from fulfil.api.intentions import intend
from fulfil.api.outages import stripe_outages
from fulfil.api.readers.payout_accounts import find_payout_account_id, read_payable, read_receivable
from fulfil.api.readers.providers import find_provider
from fulfil.api.schemas.payout_accounts import NewOnboarding, Onboarding, PayoutAccount
from fulfil.api.writers.idempotency import claim
from fulfil.models.ids import ProviderId
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/providers/{{provider_id}}/payout-account", tags=[PROVIDERS])

Owner = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_WRITE, Role.PROVIDER))]
Reader = Annotated[Principal, Depends(allowed(Scope.PROVIDERS_READ, Role.PROVIDER, Role.ADMIN, Role.SUPPORT))]


@router.get("", responses=problems(401, 403, 404))
async def get_payout_account(context: Context, caller: Reader, provider_id: ProviderId) -> PayoutAccount:
    """Whether she can be paid, and what stands open; a provider sees herself."""
    account_id = await _own_account(context, caller, provider_id)
    async with context.begin() as session:
        owed, owes = await read_payable(session, provider_id), await read_receivable(session, provider_id)
    if account_id is None:
        return PayoutAccount(
            provider_id=provider_id, can_receive_transfers=False, status="none", due=[], payable=owed, receivable=owes
        )
    with stripe_outages():
        facts = await context.stripe.retrieve_recipient_account(account_id)
    return PayoutAccount(
        provider_id=provider_id,
        can_receive_transfers=facts.can_receive_transfers,
        status=facts.transfers_status,
        due=list(facts.due),
        payable=owed,
        receivable=owes,
    )


@router.post("/onboarding", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 404, 409))
async def create_onboarding(
    context: Context, caller: Owner, provider_id: ProviderId, new: NewOnboarding, key: IdempotencyKey = None
) -> Onboarding:
    """A link, good for one visit, to where she completes her account; take a new key for each visit."""
    account_id = await _own_account(context, caller, provider_id)
    if account_id is None:
        raise conflict("no_payout_account", "Administration has to give you an account first.", state="none")
    intention = intend(caller, key, f"create_onboarding:{provider_id}", new)
    async with context.begin() as session:
        claimed = await claim(session, intention, intention.derive_id("onb"), context.clock())
    with stripe_outages():
        link = await context.stripe.create_onboarding_link(
            account_id,
            refresh_url=new.refresh_url,
            return_url=new.return_url,
            idempotency_key=f"{provider_id}:onboarding:{claimed.resource_id}",
        )
    return Onboarding(url=link.url, expires_at=link.expires_at)


async def _own_account(context: ApiContext, caller: Principal, provider_id: str) -> str | None:
    if caller.role is Role.PROVIDER and caller.party_id != provider_id:
        raise not_found("provider")
    async with context.begin() as session:
        if await find_provider(session, provider_id) is None:
            raise not_found("provider")
        return await find_payout_account_id(session, provider_id)
