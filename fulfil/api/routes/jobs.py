"""Jobs: what their providers report, what their customers decide."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fulfil.api.access import STAFF, Principal, Scope
from fulfil.api.approving import approve
from fulfil.api.choosing import choose, read_job
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, JOBS, problems
from fulfil.api.intentions import intend
from fulfil.api.readers.jobs import list_jobs as read_jobs
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.jobs import Job
from fulfil.api.schemas.production import (
    ChoiceForJob,
    Delay,
    Delivery,
    GiveBack,
    GivenBack,
    MaterialUse,
    PickupReady,
    Progress,
    Quality,
    Shipping,
)
from fulfil.api.writers.delivering import write_delivery, write_ready_for_pickup
from fulfil.api.writers.making import write_delay, write_give_back, write_material_use, write_start
from fulfil.api.writers.production import write_report
from fulfil.api.writers.quality import write_check
from fulfil.api.writers.reports import progressed
from fulfil.api.writers.shipments import write_shipment
from fulfil.models.ids import JobId
from fulfil.models.messages.jobs import JobState
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/jobs", tags=[JOBS])

Provider = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.PROVIDER))]
Customer = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.CUSTOMER))]
Chooser = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.CUSTOMER, *STAFF))]
READERS = (Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN)
Reader = Annotated[Principal, Depends(allowed(Scope.JOBS_READ, *READERS))]
ERRORS = problems(401, 403, 404, 409)


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
    """One job: where it stands, when it will be ready, what was checked and sent, and what you may do."""
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/start", responses=ERRORS)
async def start_job(context: Context, caller: Provider, job_id: JobId, key: IdempotencyKey = None) -> Job:
    """Production begins; from now on the order can't be cancelled."""
    intention = intend(caller, key, f"start_job:{job_id}")
    async with context.begin() as session:
        await write_start(session, caller, job_id, intention, context.clock())
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/progress", responses=ERRORS)
async def report_progress(
    context: Context, caller: Provider, job_id: JobId, progress: Progress, key: IdempotencyKey = None
) -> Job:
    """How far the work is, with photos if you like."""
    intention = intend(caller, key, f"report_progress:{job_id}", progress)
    async with context.begin() as session:
        await write_report(session, caller, job_id, progressed(progress), intention, context.clock())
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/delay", responses=ERRORS)
async def announce_delay(
    context: Context, caller: Provider, job_id: JobId, delay: Delay, key: IdempotencyKey = None
) -> Job:
    """It will be later than promised: the customer waits, asks another provider, or calls it off."""
    intention = intend(caller, key, f"announce_delay:{job_id}", delay)
    async with context.begin() as session:
        await write_delay(session, caller, job_id, delay, intention, context.clock())
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/quality", responses=ERRORS)
async def report_quality(
    context: Context, caller: Provider, job_id: JobId, quality: Quality, key: IdempotencyKey = None
) -> Job:
    """The quality check by the job's checklist: passed makes it ready, failed has it corrected on the same clock."""
    intention = intend(caller, key, f"report_quality:{job_id}", quality)
    async with context.begin() as session:
        await write_check(session, caller, job_id, quality, intention, context.clock())
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/material", responses=ERRORS)
async def report_material(
    context: Context, caller: Provider, job_id: JobId, use: MaterialUse, key: IdempotencyKey = None
) -> Job:
    """What it really took: your stock gives or gets back the difference."""
    intention = intend(caller, key, f"report_material:{job_id}", use)
    async with context.begin() as session:
        await write_material_use(session, caller, job_id, use, intention, context.clock())
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/give-back", responses=ERRORS)
async def give_job_back(
    context: Context, caller: Provider, job_id: JobId, back: GiveBack, key: IdempotencyKey = None
) -> GivenBack:
    """You can't make it: the job is offered to others."""
    intention = intend(caller, key, f"give_job_back:{job_id}", back)
    async with context.begin() as session:
        await write_give_back(session, caller, job_id, back, intention, context.clock())
    return GivenBack(job_id=job_id)


@router.post("/{job_id}/ship", responses=ERRORS)
async def ship_job(
    context: Context, caller: Provider, job_id: JobId, shipping: Shipping, key: IdempotencyKey = None
) -> Job:
    """A parcel is handed to the carrier; with the last piece the job is shipped."""
    intention = intend(caller, key, f"ship_job:{job_id}", shipping)
    async with context.begin() as session:
        await write_shipment(session, caller, job_id, shipping, intention, context.clock())
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/ready-for-pickup", responses=ERRORS)
async def report_ready_for_pickup(
    context: Context, caller: Provider, job_id: JobId, pickup: PickupReady, key: IdempotencyKey = None
) -> Job:
    """The customer of an order with pickup can fetch it; she is shown a code that you ask for."""
    intention = intend(caller, key, f"report_ready_for_pickup:{job_id}", pickup)
    async with context.begin() as session:
        await write_ready_for_pickup(session, caller, job_id, pickup, intention, context.clock())
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/deliver", responses=ERRORS)
async def deliver_job(
    context: Context, caller: Provider, job_id: JobId, delivery: Delivery, key: IdempotencyKey = None
) -> Job:
    """Delivered, or picked up with the customer's code; she has time to approve, then silence approves."""
    intention = intend(caller, key, f"deliver_job:{job_id}", delivery)
    secret = context.settings.jwt_secret.get_secret_value()
    async with context.begin() as session:
        refused = await write_delivery(session, caller, job_id, delivery, intention, context.clock(), secret)
    if refused is not None:
        raise refused
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/approve", responses=ERRORS)
async def approve_job(context: Context, caller: Customer, job_id: JobId, key: IdempotencyKey = None) -> Job:
    """Accept what was delivered; the held money goes to the provider."""
    await approve(context, caller, job_id, intend(caller, key, f"approve_job:{job_id}"))
    return await read_job(context, caller, job_id)


@router.post("/{job_id}/choice", responses=ERRORS)
async def choose_for_job(
    context: Context, caller: Chooser, job_id: JobId, choice: ChoiceForJob, key: IdempotencyKey = None
) -> Job:
    """A date was missed or moved, or a parcel lost: wait, let another provider make it, or take the money back."""
    await choose(context, caller, job_id, choice, intend(caller, key, f"choose_for_job:{job_id}", choice))
    return await read_job(context, caller, job_id)
