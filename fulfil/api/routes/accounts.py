"""Accounts: customers register themselves, administrators register everybody."""

from http import HTTPStatus

from fastapi import APIRouter

from fulfil.api.access import Principal, Scope
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, IdempotencyKey, OptionalCaller
from fulfil.api.documentation import API, AUTH, problems
from fulfil.api.errors import ProblemError, forbidden, invalid, not_found, unauthenticated
from fulfil.api.intentions import intend
from fulfil.api.readers.accounts import find_account, represent_account
from fulfil.api.readers.providers import find_provider
from fulfil.api.schemas.accounts import Account, NewAccount
from fulfil.api.writers.accounts import AccountOpening, EmailTakenError, open_account
from fulfil.api.writers.idempotency import claim
from fulfil.models.ids import derived_id, new_id
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=API, tags=[AUTH])


@router.post("/accounts", status_code=HTTPStatus.CREATED, responses=problems(401, 403, 409))
async def create_account(
    context: Context, caller: OptionalCaller, new: NewAccount, key: IdempotencyKey = None
) -> Account:
    """Register a customer; with an administrator's token, an account of any role.

    With a guest's token her files and quotes become the new account's.
    """
    _check_may_create(caller, new)
    subject = caller or Principal(derived_id("ano", new.email), Role.CUSTOMER, None)
    intention = intend(subject, key, "create_account", new.model_dump_json(exclude={"password"}))
    opening = await _opening(context, caller, new)
    try:
        async with context.begin() as session:
            if new.provider_id is not None and await find_provider(session, new.provider_id) is None:
                raise invalid("provider_unknown", "There is no such provider: create it first.", "provider_id")
            claimed = await claim(session, intention, new_id("acc"), context.clock())
            if not claimed.repeated:
                row = await open_account(session, opening, context.clock(), claimed.resource_id)
                return represent_account(row)
            account = await find_account(session, claimed.resource_id)
    except EmailTakenError:
        raise ProblemError(
            HTTPStatus.CONFLICT, "email_taken", "An account with this e-mail exists: sign in.", param="email"
        ) from None
    if account is None:
        raise not_found("account")
    return account


def _check_may_create(caller: Principal | None, new: NewAccount) -> None:
    if (new.role is Role.PROVIDER) != (new.provider_id is not None):
        raise invalid(
            "provider_id_mismatch", "provider_id goes with the role provider, and only with it.", "provider_id"
        )
    if new.password is None and new.oidc is None:
        raise invalid("parameter_missing", "password is missing: choose one of at least 10 characters.", "password")
    if new.role is Role.CUSTOMER and new.oidc is None:
        return
    if caller is None:
        raise unauthenticated("not_authenticated", "Only administrators create such accounts: sign in.")
    if caller.role is not Role.ADMIN or not caller.has(Scope.ACCOUNTS_WRITE):
        raise forbidden("role_not_allowed", "Only administrators create such accounts.")


async def _opening(context: ApiContext, caller: Principal | None, new: NewAccount) -> AccountOpening:
    return AccountOpening(
        email=new.email,
        name=new.name,
        role=new.role,
        password_hash=await context.passwords.hash(new.password) if new.password else None,
        provider_id=new.provider_id,
        guest_party_id=caller.party_id if caller is not None and caller.is_guest else None,
        oidc_subject=f"{new.oidc.issuer}|{new.oidc.subject}" if new.oidc else None,
    )
