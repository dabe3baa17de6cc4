"""Jobs: the provider reports, the customer approves."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fulfil.api.access import Principal, Scope
from fulfil.api.approving import approve
from fulfil.api.context import ApiContext
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, JOBS, problems
from fulfil.api.errors import not_found
from fulfil.api.intentions import Intention, intend
from fulfil.api.readers.jobs import find_job
from fulfil.api.readers.jobs import list_jobs as read_jobs
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.jobs import Delivery, Job, Progress, Quality, Shipping
from fulfil.api.writers.production import write_report
from fulfil.api.writers.reports import Report, delivered, progressed, quality_checked, shipped, started
from fulfil.models.ids import JobId
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/jobs", tags=[JOBS])

Provider = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.PROVIDER))]
Customer = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.CUSTOMER))]
READERS = (Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN)
Reader = Annotated[Principal, Depends(allowed(Scope.JOBS_READ, *READERS))]


@router.get("", responses=problems(401, 403))
async def list_jobs(
    context: Context,
    caller: Reader,
    page: Paging,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
) -> Page[Job]:
    """A provider's jobs, a customer's, or all for support; newest first."""
    async with context.begin() as session:
        return await read_jobs(session, caller, state=state, limit=page.limit, starting_after=page.starting_after)


@router.get("/{job_id}", responses=problems(401, 403, 404))
async def get_job(context: Context, caller: Reader, job_id: JobId) -> Job:
    """One job: where it stands and what you may do."""
    return await _read(context, caller, job_id)


@router.post("/{job_id}/start", responses=problems(401, 403, 404, 409))
async def start_job(context: Context, caller: Provider, job_id: JobId, key: IdempotencyKey = None) -> Job:
    """Production begins; from now on the order can't be cancelled."""
    intention = intend(caller, key, f"start_job:{job_id}")
    return await _report(context, caller, job_id, started(context.clock()), intention)


@router.post("/{job_id}/progress", responses=problems(401, 403, 404, 409))
async def report_progress(
    context: Context, caller: Provider, job_id: JobId, progress: Progress, key: IdempotencyKey = None
) -> Job:
    """How far the work is, with photos if you like."""
    intention = intend(caller, key, f"report_progress:{job_id}", progress)
    return await _report(context, caller, job_id, progressed(progress), intention)


@router.post("/{job_id}/quality", responses=problems(401, 403, 404, 409))
async def report_quality(
    context: Context, caller: Provider, job_id: JobId, quality: Quality, key: IdempotencyKey = None
) -> Job:
    """The quality check: passed makes the job ready to ship, failed leaves it in production."""
    intention = intend(caller, key, f"report_quality:{job_id}", quality)
    return await _report(context, caller, job_id, quality_checked(quality, context.clock()), intention)


@router.post("/{job_id}/ship", responses=problems(401, 403, 404, 409))
async def ship_job(
    context: Context, caller: Provider, job_id: JobId, shipping: Shipping, key: IdempotencyKey = None
) -> Job:
    """Handed to the carrier."""
    intention = intend(caller, key, f"ship_job:{job_id}", shipping)
    return await _report(context, caller, job_id, shipped(shipping, context.clock()), intention)


@router.post("/{job_id}/deliver", responses=problems(401, 403, 404, 409))
async def deliver_job(
    context: Context, caller: Provider, job_id: JobId, delivery: Delivery, key: IdempotencyKey = None
) -> Job:
    """Delivered; the customer has time to approve, then silence approves."""
    intention = intend(caller, key, f"deliver_job:{job_id}", delivery)
    return await _report(context, caller, job_id, delivered(delivery, context.clock()), intention)


@router.post("/{job_id}/approve", responses=problems(401, 403, 404, 409))
async def approve_job(context: Context, caller: Customer, job_id: JobId, key: IdempotencyKey = None) -> Job:
    """Accept what was delivered; the held money goes to the provider."""
    await approve(context, caller, job_id, intend(caller, key, f"approve_job:{job_id}"))
    return await _read(context, caller, job_id)


async def _report(context: ApiContext, caller: Principal, job_id: str, report: Report, intention: Intention) -> Job:
    async with context.begin() as session:
        await write_report(session, caller, job_id, report, intention, context.clock())
    return await _read(context, caller, job_id)


async def _read(context: ApiContext, caller: Principal, job_id: str) -> Job:
    async with context.begin() as session:
        job = await find_job(session, caller, job_id)
    if job is None:
        raise not_found("job")
    return job
