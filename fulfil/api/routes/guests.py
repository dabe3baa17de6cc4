"""Guests: prices without an account."""

from http import HTTPStatus

from fastapi import APIRouter, Request

from fulfil.api.dependencies import Context
from fulfil.api.documentation import API, AUTH, problems
from fulfil.api.guest_limits import GuestAct
from fulfil.api.schemas.accounts import AccessToken
from fulfil.api.security import TokenClaims
from fulfil.models.ids import new_id
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=API, tags=[AUTH])

GUEST_LASTS_S = 24 * 3600


@router.post("/guests", status_code=HTTPStatus.CREATED, responses=problems(429, takes_input=False))
async def create_guest(context: Context, request: Request) -> AccessToken:
    """A token to upload files and ask for quotes without an account, for a day.

    Register with it (`POST /accounts`, this token as bearer) to order: the files and quotes come along.
    """
    context.guest_limits.count(GuestAct.SESSION, request, None)
    claims = TokenClaims(new_id("gst"), Role.CUSTOMER, new_id("cus"), is_guest=True)
    token = context.tokens.issue(claims, context.clock(), GUEST_LASTS_S)
    return AccessToken(access_token=token, expires_in=GUEST_LASTS_S)
