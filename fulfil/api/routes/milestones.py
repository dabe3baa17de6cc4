"""Milestones: proposed, changed with the other side's consent, worked on, submitted."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from fulfil.api.access import Principal, Scope
from fulfil.api.deliverable_commands import command, command_milestone
from fulfil.api.dependencies import Context, IdempotencyKey, allowed
from fulfil.api.documentation import API, DELIVERABLES, problems
from fulfil.api.intentions import intend
from fulfil.api.schemas.deliverables import (
    Deliverable,
    MilestoneChange,
    MilestoneCompletion,
    MilestoneProgress,
    NewMilestone,
    Work,
)
from fulfil.api.writers.milestones import write_progress, write_submission
from fulfil.api.writers.plans import propose_change, propose_milestone
from fulfil.models.ids import MilestoneId
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/milestones", tags=[DELIVERABLES])

Provider = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.PROVIDER))]
Party = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.CUSTOMER, Role.PROVIDER))]
ERRORS = problems(401, 403, 404, 409)


@router.post("", status_code=HTTPStatus.CREATED, responses=ERRORS)
async def add_milestone(context: Context, caller: Party, new: NewMilestone, key: IdempotencyKey = None) -> Deliverable:
    """Propose one more milestone, its share taken from another or from all that are open."""
    intention = intend(caller, key, "add_milestone", new)
    return await command(context, caller, new.deliverable_id, intention, lambda held: propose_milestone(held, new))


@router.put("/{milestone_id}", responses=ERRORS)
async def change_milestone(
    context: Context, caller: Party, milestone_id: MilestoneId, change: MilestoneChange
) -> Deliverable:
    """Propose another title, date or share of a milestone; it stays as it is until the other side accepts."""
    intention = intend(caller, None, f"change_milestone:{milestone_id}", change)
    return await command_milestone(
        context, caller, milestone_id, intention, lambda held, milestone: propose_change(held, milestone, change)
    )


@router.put("/{milestone_id}/progress", responses=ERRORS)
async def report_milestone_progress(
    context: Context, caller: Provider, milestone_id: MilestoneId, progress: MilestoneProgress
) -> Deliverable:
    """How far the work on a milestone is; never less than before."""
    intention = intend(caller, None, f"report_milestone_progress:{milestone_id}", progress)
    return await command_milestone(
        context, caller, milestone_id, intention, lambda held, milestone: write_progress(held, milestone, progress)
    )


@router.post("/{milestone_id}/complete", responses=ERRORS)
async def complete_milestone(
    context: Context,
    caller: Provider,
    milestone_id: MilestoneId,
    completion: MilestoneCompletion | None = None,
    key: IdempotencyKey = None,
) -> Deliverable:
    """Submit a milestone without files, as done by phone or on the spot; the customer approves it like any other."""
    completion = completion or MilestoneCompletion()
    work = Work(milestone_id=milestone_id, note=completion.note, file_ids=[])
    intention = intend(caller, key, f"complete_milestone:{milestone_id}", completion)
    return await command_milestone(
        context, caller, milestone_id, intention, lambda held, _: write_submission(held, work)
    )
