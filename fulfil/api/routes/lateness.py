"""What is late, for support."""

from typing import Annotated

from fastapi import APIRouter, Depends

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.dependencies import Context, allowed
from fulfil.api.documentation import API, SUPPORT, problems
from fulfil.api.readers.production import list_late
from fulfil.api.schemas.production import LateJobs

router = APIRouter(prefix=f"{API}/support", tags=[SUPPORT])

Reader = Annotated[Principal, Depends(allowed(Scope.SUPPORT_READ, *STAFF))]


@router.get("/late", responses=problems(401, 403))
async def list_late_jobs(context: Context, caller: Reader) -> LateJobs:
    """Jobs that missed their date, will probably miss it, or wait for their customer's choice; the earliest first."""
    del caller
    async with context.begin() as session:
        return await list_late(session, context.clock())
