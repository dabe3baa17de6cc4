"""Billing details: what a customer or provider wants on her documents."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from fulfil.api.access import Principal, Scope
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, allowed
from fulfil.api.documentation import API, DOCUMENTS, problems
from fulfil.api.errors import ProblemError
from fulfil.api.readers.billing import find_billing_details
from fulfil.api.schemas.billing import BillingDetails, NewBillingDetails
from fulfil.api.writers.billing import write_billing_details
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/billing-details", tags=[DOCUMENTS])

Reader = Annotated[Principal, Depends(allowed(Scope.BILLING_READ, Role.CUSTOMER, Role.PROVIDER))]
Writer = Annotated[Principal, Depends(allowed(Scope.BILLING_WRITE, Role.CUSTOMER, Role.PROVIDER))]


@router.get("", responses=problems(401, 403, 404))
async def get_billing_details(context: Context, caller: Reader) -> BillingDetails:
    """What stands on your documents; 404 until you have said so."""
    return await _read(context, caller)


@router.put("", responses=problems(401, 403))
async def set_billing_details(context: Context, caller: Writer, details: NewBillingDetails) -> BillingDetails:
    """Set what stands on your documents from now on; those issued before keep what they say."""
    async with context.begin() as session:
        await write_billing_details(session, caller.owner_id, details, context.clock())
    return await _read(context, caller)


async def _read(context: ApiContext, caller: Principal) -> BillingDetails:
    async with context.begin() as session:
        found = await find_billing_details(session, caller.owner_id)
    if found is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND, "billing_details_missing", "You have given no billing details: PUT them here."
        )
    return found
