"""Where providers are paid: their accounts at the payment provider, made and looked up."""

from http import HTTPStatus

from fulfil.api.context import ApiContext
from fulfil.api.errors import ProblemError, invalid
from fulfil.api.outages import stripe_outages
from fulfil.gateways.stripe.errors import StripeRefusedError


async def open_account(context: ApiContext, provider_id: str, name: str, country: str | None) -> str:
    """Make her account, once per provider; its id. Without a country it is made in Germany."""
    with stripe_outages():
        return await context.stripe.create_recipient_account(
            provider_id=provider_id,
            name=name,
            country=(country or "DE").lower(),
            idempotency_key=f"{provider_id}:account",
        )


async def read_payouts_status(context: ApiContext, stripe_account_id: str) -> str:
    """How the payment provider sees the account now, as `payouts_status` keeps it."""
    with stripe_outages():
        facts = await context.stripe.retrieve_recipient_account(stripe_account_id)
    return "closed" if facts.closed else facts.transfers_status


async def check_account(context: ApiContext, stripe_account_id: str) -> None:
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


def check_free(*, free: bool) -> None:
    """Raise 409 unless the account is nobody else's."""
    if not free:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            "account_taken",
            "Another provider is paid to this account: name one of her own.",
            param="stripe_account_id",
        )
