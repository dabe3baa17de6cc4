"""Saved cards of a customer: no card number ever reaches this API."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from fulfil.api.access import Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, allowed
from fulfil.api.documentation import API, ORDERS, problems
from fulfil.api.intentions import intend
from fulfil.api.saving_cards import begin_saving, forget_card, saved_cards
from fulfil.api.schemas.payment_methods import CardSetup, SavedPaymentCards
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/payment-methods", tags=[ORDERS])

Customer = Annotated[Principal, Depends(allowed(Scope.ORDERS_WRITE, Role.CUSTOMER))]
Reader = Annotated[Principal, Depends(allowed(Scope.ORDERS_READ, Role.CUSTOMER))]
PaymentMethodId = Annotated[str, Path(pattern=r"^pm_\w{1,100}$", examples=["pm_1Q2w3E4r5T6y7U8i"])]


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(401, 403))
async def create_payment_method_setup(context: Context, caller: Customer, key: IdempotencyKey = None) -> CardSetup:
    """Begin to save a card: its field (in the browser) finishes with the client secret, 3-D Secure included."""
    return await begin_saving(context, caller, intend(caller, key, "create_payment_method_setup"))


@router.get("", responses=problems(401, 403, takes_input=False))
async def list_payment_methods(context: Context, caller: Reader) -> SavedPaymentCards:
    """Your saved cards, newest first."""
    return SavedPaymentCards(data=await saved_cards(context, caller))


@router.delete("/{payment_method_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(401, 403, 404))
async def delete_payment_method(context: Context, caller: Customer, payment_method_id: PaymentMethodId) -> None:
    """Forget a card for good."""
    await forget_card(context, caller, payment_method_id)
