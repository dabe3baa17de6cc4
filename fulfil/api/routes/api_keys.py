"""API keys: made, listed and revoked by the person they act for."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from fulfil.api.access import SCOPES_OF_ROLE
from fulfil.api.dependencies import Context, IdempotencyKey, SignedIn
from fulfil.api.documentation import API, AUTH, problems
from fulfil.api.errors import invalid, not_found
from fulfil.api.intentions import intend
from fulfil.api.readers.accounts import list_api_keys as read_api_keys
from fulfil.api.readers.accounts import represent_api_key
from fulfil.api.schemas.accounts import ApiKeyCreated, ApiKeys, NewApiKey
from fulfil.api.security import new_api_secret
from fulfil.api.writers.accounts import create_api_key as write_api_key
from fulfil.api.writers.accounts import revoke_api_key as write_revocation
from fulfil.api.writers.idempotency import claim
from fulfil.models.ids import ApiKeyId, new_id

router = APIRouter(prefix=f"{API}/api-keys", tags=[AUTH])


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(401, 403))
async def create_api_key(
    context: Context, caller: SignedIn, new: NewApiKey, key: IdempotencyKey = None
) -> ApiKeyCreated:
    """Make a key with some of your role's scopes; its secret is shown this once."""
    beyond = sorted(scope.value for scope in set(new.scopes) - SCOPES_OF_ROLE[caller.role])
    if beyond:
        raise invalid("scope_not_yours", f"A {caller.role.value} has no {beyond[0]}: leave it out.", "scopes")
    intention = intend(caller, key, "create_api_key", new)
    secret = new_api_secret()
    async with context.begin() as session:
        claimed = await claim(session, intention, new_id("key"), context.clock())
        if not claimed.repeated:
            row = await write_api_key(
                session,
                key_id=claimed.resource_id,
                account_id=caller.account_id,
                name=new.name,
                scopes=sorted({scope.value for scope in new.scopes}),
                secret=secret,
                at=context.clock(),
            )
            return ApiKeyCreated(**represent_api_key(row).model_dump(), secret=secret.secret)
        before = [each for each in await read_api_keys(session, caller.account_id) if each.id == claimed.resource_id]
    if not before:
        raise not_found("API key in use")
    return ApiKeyCreated(**before[0].model_dump(), secret=None)


@router.get("", responses=problems(401, 403))
async def list_api_keys(context: Context, caller: SignedIn) -> ApiKeys:
    """Your keys in use, without their secrets."""
    async with context.begin() as session:
        return ApiKeys(data=await read_api_keys(session, caller.account_id))


@router.delete("/{key_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(401, 403, 404))
async def revoke_api_key(context: Context, caller: SignedIn, key_id: Annotated[ApiKeyId, Path()]) -> None:
    """From the answer on, the key opens nothing."""
    async with context.begin() as session:
        revoked = await write_revocation(session, key_id=key_id, account_id=caller.account_id, at=context.clock())
    if not revoked:
        raise not_found("API key in use")
