"""Reconciliations: our books next to the payment provider's, by the clock or on demand."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, SUPPORT, problems
from fulfil.api.errors import not_found
from fulfil.api.readers.reconciliations import find_reconciliation
from fulfil.api.readers.reconciliations import list_reconciliations as read_reconciliations
from fulfil.api.reconciling import reconcile
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.reconciliations import NewReconciliation, PendingReconciliation, Reconciliation
from fulfil.models.ids import ReconciliationId
from fulfil.models.messages.reconciliation import StartReconciliation
from fulfil.workflows.ids import RECONCILIATION_WORKFLOW_ID

router = APIRouter(prefix=f"{API}/support/reconciliations", tags=[SUPPORT])

Reader = Annotated[Principal, Depends(allowed(Scope.SUPPORT_READ, *STAFF))]
Support = Annotated[Principal, Depends(allowed(Scope.SUPPORT_WRITE, *STAFF))]
LONGEST_WAIT_S = 20
Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="Wait up to so many seconds for the report.")]
PENDING: dict[int | str, dict[str, Any]] = {
    HTTPStatus.ACCEPTED.value: {
        "model": PendingReconciliation,
        "description": "Still comparing.",
    }
}


@router.post("", status_code=HTTPStatus.CREATED, responses={**problems(401, 403), **PENDING})
async def create_reconciliation(
    context: Context,
    caller: Support,
    new: NewReconciliation,
    response: Response,
    wait: Wait = LONGEST_WAIT_S,
    key: IdempotencyKey = None,
) -> Reconciliation | PendingReconciliation:
    """Compare the books now: missed events are fetched, what is missing is booked, everything is checked.

    Runs by itself every hour. 202 when it takes longer than `wait`; asking again joins the one that runs.
    """
    del caller, key  # one comparison at a time, and repeating it changes nothing
    report = await reconcile(context.temporal, StartReconciliation(since=new.since), wait)
    if report is None:
        response.status_code = HTTPStatus.ACCEPTED
        return PendingReconciliation(workflow_id=RECONCILIATION_WORKFLOW_ID)
    return await _find(context, report.reconciliation_id)


@router.get("", responses=problems(401, 403))
async def list_reconciliations(context: Context, caller: Reader, page: Paging) -> Page[Reconciliation]:
    """The comparisons so far, newest first."""
    del caller
    async with context.begin() as session:
        return await read_reconciliations(session, limit=page.limit, starting_after=page.starting_after)


@router.get("/{reconciliation_id}", responses=problems(401, 403, 404))
async def get_reconciliation(context: Context, caller: Reader, reconciliation_id: ReconciliationId) -> Reconciliation:
    """One comparison."""
    del caller
    return await _find(context, reconciliation_id)


async def _find(context: Context, reconciliation_id: str) -> Reconciliation:
    async with context.begin() as session:
        found = await find_reconciliation(session, reconciliation_id)
    if found is None:
        raise not_found("reconciliation")
    return found
