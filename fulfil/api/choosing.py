"""How a job that is late or lost goes on: the customer, or support for her, says so to its workflow."""

from fulfil.api.access import Principal
from fulfil.api.context import ApiContext
from fulfil.api.errors import conflict, not_found
from fulfil.api.intentions import Intention
from fulfil.api.processes import ProcessEndedError
from fulfil.api.readers.jobs import find_job
from fulfil.api.schemas.jobs import Job
from fulfil.api.schemas.production import ChoiceForJob
from fulfil.api.writers.idempotency import claim, find_claim
from fulfil.models.messages.promises import ChooseForJob


async def read_job(context: ApiContext, caller: Principal, job_id: str) -> Job:
    """A job with its making, as the caller may see it; 404 when she may not."""
    secret = context.settings.jwt_secret.get_secret_value()
    async with context.begin() as session:
        job = await find_job(session, caller, job_id, context.clock(), secret)
    if job is None:
        raise not_found("job")
    return job


async def choose(
    context: ApiContext, caller: Principal, job_id: str, chosen: ChoiceForJob, intention: Intention
) -> None:
    """Tell the job's workflow; 409 when nobody has to choose. A repeated request joins the first."""
    job = await read_job(context, caller, job_id)
    async with context.begin() as session:
        joined = await find_claim(session, intention)
        trouble = job.trouble
        if trouble is None:
            if joined is not None:
                return
            raise conflict(
                "no_trouble",
                "The job is neither late nor lost: there is nothing to choose.",
                state=job.state,
                allowed_actions=job.allowed_actions,
            )
        claimed = joined or await claim(session, intention, intention.derive_id("upd"), context.clock())
    message = ChooseForJob(
        choice=chosen.choice,
        actor=caller.actor,
        trouble=trouble.kind,
        proposed_due_at=trouble.proposed_due_at,
        reason=chosen.reason,
    )
    try:
        await context.processes.choose_for_job(job_id, message, update_id=claimed.resource_id)
    except ProcessEndedError:
        job = await read_job(context, caller, job_id)
        raise conflict("job_ended", f"The job is {job.state.value}.", state=job.state) from None
