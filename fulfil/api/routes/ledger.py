"""The books: what was booked for an order and why, whether it is right, and a proof of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, allowed
from fulfil.api.documentation import API, SUPPORT, problems
from fulfil.api.errors import not_found
from fulfil.api.readers.ledger import read_check, read_ledger, read_trial_balance
from fulfil.api.readers.support import find_process
from fulfil.api.schemas.ledger import LedgerCheck, LedgerProof, OrderLedger, TrialBalance
from fulfil.ledger.proof import write_proof
from fulfil.ledger.proving import prove_order
from fulfil.models.ids import OrderId

router = APIRouter(prefix=f"{API}/support", tags=[SUPPORT])

Reader = Annotated[Principal, Depends(allowed(Scope.SUPPORT_READ, *STAFF))]
OF_ORDER = problems(401, 403, 404)
OF_ALL = problems(401, 403, takes_input=False)
PROOF: dict[int | str, dict[str, Any]] = {
    200: {"model": LedgerProof, "description": "Keep the bytes as they are: every one of them counts."}
}


@router.get("/orders/{order_id}/ledger", responses=OF_ORDER)
async def get_order_ledger(context: Context, caller: Reader, order_id: OrderId) -> OrderLedger:
    """Everything booked for an order, with the reason of every line, and what became of the money in words."""
    del caller
    await _find(context, order_id)
    async with context.begin() as session:
        return await read_ledger(session, order_id)


@router.get("/orders/{order_id}/ledger/check", responses=OF_ORDER)
async def check_order_ledger(context: Context, caller: Reader, order_id: OrderId) -> LedgerCheck:
    """Check the books of an order: sums, chain, balances, the payment provider's entries, rows against postings."""
    del caller
    await _find(context, order_id)
    async with context.begin() as session:
        return await read_check(session, order_id, context.clock())


@router.get("/orders/{order_id}/proof", responses={**OF_ORDER, **PROOF}, response_class=Response)
async def prove_order_ledger(context: Context, caller: Reader, order_id: OrderId) -> Response:
    """A proof file of an order's money that anybody can check offline: chain, postings, provider's entries, anchor."""
    del caller
    await _find(context, order_id)
    async with context.begin() as session:
        proof = await prove_order(session, order_id, context.clock())
    return Response(
        write_proof(proof),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{order_id}.proof.json"'},
    )


@router.get("/ledger/check", responses=OF_ALL)
async def check_ledger(context: Context, caller: Reader) -> LedgerCheck:
    """Check all books: every invariant, every chain, and the match with the payment provider, one entry by one.

    Some seconds for ten thousand orders.
    """
    del caller
    async with context.begin() as session:
        return await read_check(session, None, context.clock())


@router.get("/ledger/balances", responses=OF_ALL)
async def get_trial_balance(context: Context, caller: Reader) -> TrialBalance:
    """What is left on the accounts of each kind, per currency; per currency they sum to zero."""
    del caller
    async with context.begin() as session:
        return await read_trial_balance(session, context.clock())


async def _find(context: ApiContext, order_id: str) -> None:
    async with context.begin() as session:
        if await find_process(session, order_id) is None:
            raise not_found("order")
