"""Signing in."""

from http import HTTPStatus

from fastapi import APIRouter, Request

from fulfil.api.addresses import client_address
from fulfil.api.dependencies import Caller, Context, guest_refused
from fulfil.api.documentation import API, AUTH, problems
from fulfil.api.errors import ProblemError, not_found, unauthenticated
from fulfil.api.readers.accounts import find_account, find_sign_in_by_email
from fulfil.api.schemas.accounts import AccessToken, Account, Login
from fulfil.api.security import TokenClaims

router = APIRouter(prefix=API, tags=[AUTH])


@router.post("/auth/login", responses=problems(401, 429))
async def login(context: Context, request: Request, credentials: Login) -> AccessToken:
    """Exchange e-mail and password for an access token; ten failures a minute, then 429 for a while."""
    address = client_address(request, context.settings.trusted_proxies)
    now = context.clock()
    wait_s = context.login_limit.seconds_to_wait(credentials.email, address, now)
    if wait_s:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_attempts",
            f"Too many wrong passwords: try again in {wait_s} s.",
            retry_after_s=wait_s,
        )
    async with context.begin() as session:
        sign_in = await find_sign_in_by_email(session, credentials.email)
    stored = sign_in.password_hash if sign_in else None
    matches = await context.passwords.verify(stored, credentials.password)
    if sign_in is None or not matches or sign_in.disabled:
        context.login_limit.note_failure(credentials.email, address, now)
        raise unauthenticated("credentials_invalid", "E-mail or password is wrong.")
    claims = TokenClaims(sign_in.account_id, sign_in.role, sign_in.party_id)
    return AccessToken(access_token=context.tokens.issue(claims, now), expires_in=context.tokens.lifetime_s)


@router.get("/me", responses=problems(401, 403))
async def get_me(context: Context, caller: Caller) -> Account:
    """Who you are."""
    if caller.is_guest:
        raise guest_refused()
    async with context.begin() as session:
        account = await find_account(session, caller.account_id)
    if account is None:
        raise not_found("account")
    return account
