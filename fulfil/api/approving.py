"""A customer's approval of a delivered job."""

from fulfil.api.access import Principal
from fulfil.api.actions import job_actions
from fulfil.api.context import ApiContext
from fulfil.api.errors import conflict, not_found
from fulfil.api.intentions import Intention
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.jobs import Delivered, find_delivered
from fulfil.api.writers.idempotency import claim
from fulfil.models.messages.jobs import ApproveJob, JobState
from fulfil.models.messages.parties import Role

APPROVED = (JobState.APPROVED, JobState.CLOSED)


async def approve(context: ApiContext, caller: Principal, job_id: str, intention: Intention) -> None:
    """Approve what the projection says was delivered; approving twice, or after silence did, changes nothing."""
    job = await _look(context, caller, job_id)
    if job.state in APPROVED:
        return
    if job.state is not JobState.DELIVERED or job.delivered_at is None:
        raise conflict(
            "not_delivered",
            f"The job is {job.state.value}: it can be approved once it is delivered.",
            state=job.state,
            allowed_actions=job_actions(Role.CUSTOMER, job.state),
        )
    async with context.begin() as session:
        claimed = await claim(session, intention, intention.derive_id("upd"), context.clock())
    approval = ApproveJob(actor=caller.actor, delivered_at=job.delivered_at)
    try:
        await context.processes.approve_job(job_id, approval, update_id=claimed.resource_id)
    except ProcessEndedError:
        job = await _look(context, caller, job_id)
        if job.state not in APPROVED:
            raise conflict("job_ended", f"The job is {job.state.value}.", state=job.state) from None


async def _look(context: ApiContext, caller: Principal, job_id: str) -> Delivered:
    async with context.begin() as session:
        job = await find_delivered(session, caller, job_id)
    if job is None:
        raise not_found("job")
    return job
