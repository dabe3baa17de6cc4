"""Saving cards for later orders: begun here, finished in the payment provider's card field, listed and forgotten."""

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.errors import not_found
from fulfil.api.intentions import Intention
from fulfil.api.outages import stripe_outages
from fulfil.api.readers.payment_methods import find_stripe_customer
from fulfil.api.schemas.payment_methods import CardSetup, SavedPaymentCard
from fulfil.api.writers.idempotency import claim
from fulfil.api.writers.payment_methods import write_stripe_customer
from fulfil.gateways.stripe.errors import StripeRefusedError


async def begin_saving(context: ApiContext, caller: Principal, intention: Intention) -> CardSetup:
    """What the card field needs; a repeated request gets the same."""
    async with context.begin() as session:
        claimed = await claim(session, intention, intention.derive_id("set"), context.clock())
        stripe_customer_id = await find_stripe_customer(session, caller.owner_id)
    with stripe_outages():
        if stripe_customer_id is None:
            stripe_customer_id = await context.stripe.create_customer(
                customer_id=caller.owner_id, idempotency_key=f"{caller.owner_id}:stripe_customer"
            )
            async with context.begin() as session:
                await write_stripe_customer(session, caller.owner_id, stripe_customer_id, context.clock())
        setup = await context.stripe.create_setup_intent(
            stripe_customer_id=stripe_customer_id, idempotency_key=f"{caller.owner_id}:setup:{claimed.resource_id}"
        )
    return CardSetup(
        id=setup.id,
        client_secret=setup.client_secret,
        publishable_key=context.settings.stripe_publishable_key,
        status=setup.status,
    )


async def saved_cards(context: ApiContext, caller: Principal) -> list[SavedPaymentCard]:
    """Her cards as the payment provider knows them now."""
    async with context.begin() as session:
        stripe_customer_id = await find_stripe_customer(session, caller.owner_id)
    if stripe_customer_id is None:
        return []
    with stripe_outages():
        cards = await context.stripe.list_saved_cards(stripe_customer_id)
    return [
        SavedPaymentCard(
            id=card.id, brand=card.brand, last4=card.last4, exp_month=card.exp_month, exp_year=card.exp_year
        )
        for card in cards
    ]


async def forget_card(context: ApiContext, caller: Principal, payment_method_id: str) -> None:
    """Detach a card for good; raises 404 for one that is not hers (any more)."""
    async with context.begin() as session:
        stripe_customer_id = await find_stripe_customer(session, caller.owner_id)
    if stripe_customer_id is None:
        raise not_found("payment method")
    with stripe_outages():
        try:
            if await context.stripe.retrieve_card_owner(payment_method_id) != stripe_customer_id:
                raise not_found("payment method")
            await context.stripe.detach_card(payment_method_id, idempotency_key=f"{payment_method_id}:detach")
        except StripeRefusedError as error:
            raise not_found("payment method") from error
