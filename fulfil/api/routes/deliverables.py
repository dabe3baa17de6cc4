"""Deliverables: the provider shows and submits work, the customer answers, either plans the open milestones anew."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fulfil.api.access import Principal, Scope
from fulfil.api.deliverable_commands import command, look
from fulfil.api.dependencies import Context, IdempotencyKey, Paging, allowed
from fulfil.api.documentation import API, DELIVERABLES, problems
from fulfil.api.intentions import intend
from fulfil.api.readers.deliverables import list_deliverables as read_deliverables
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.deliverables import (
    Approval,
    Deliverable,
    DeliverableFeedback,
    LinePlan,
    MilestoneCheck,
    NewPlan,
    PlanAnswer,
    PlanRefusal,
    Rejection,
    RevisionWish,
    Work,
)
from fulfil.api.writers.milestones import begin_revision as write_begun
from fulfil.api.writers.milestones import write_check, write_draft, write_submission
from fulfil.api.writers.plans import accept_plan as write_acceptance
from fulfil.api.writers.plans import decline_plan as write_refusal
from fulfil.api.writers.plans import deliverable_of_line, propose_plan
from fulfil.api.writers.plans import withdraw_plan as write_withdrawal
from fulfil.api.writers.reviews import (
    write_approval,
    write_completion,
    write_feedback,
    write_rejection,
    write_revision,
)
from fulfil.models.ids import DeliverableId, OrderId, RevisionRequestId
from fulfil.models.messages.deliverables import DeliverableState
from fulfil.models.messages.parties import Role

router = APIRouter(prefix=f"{API}/deliverables", tags=[DELIVERABLES])

READERS = (Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN)
Reader = Annotated[Principal, Depends(allowed(Scope.JOBS_READ, *READERS))]
Provider = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.PROVIDER))]
Customer = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.CUSTOMER))]
Party = Annotated[Principal, Depends(allowed(Scope.JOBS_WRITE, Role.CUSTOMER, Role.PROVIDER))]
ERRORS = problems(401, 403, 404, 409)


@router.post("", status_code=HTTPStatus.CREATED, responses=ERRORS)
async def propose_deliverable(
    context: Context, caller: Provider, plan: LinePlan, key: IdempotencyKey = None
) -> Deliverable:
    """Propose the plan of a service line of yours.

    The deliverable itself begins when the order is paid, with the plan that was ordered; the customer agrees to yours.
    """
    intention = intend(caller, key, "propose_deliverable", plan)
    async with context.begin() as session:
        deliverable_id = await deliverable_of_line(session, caller, plan.line_id)
    return await command(
        context, caller, deliverable_id, intention, lambda held: propose_plan(held, plan.milestones, plan.note)
    )


@router.get("", responses=problems(401, 403))
async def list_deliverables(
    context: Context,
    caller: Reader,
    page: Paging,
    order_id: Annotated[OrderId | None, Query(description="Only of this order.")] = None,
    state: Annotated[DeliverableState | None, Query(description="Only deliverables in this state.")] = None,
) -> Page[Deliverable]:
    """A provider's deliverables, a customer's, or all for support; newest first."""
    async with context.begin() as session:
        return await read_deliverables(
            session,
            caller,
            order_id=order_id,
            state=state,
            limit=page.limit,
            starting_after=page.starting_after,
        )


@router.get("/{deliverable_id}", responses=problems(401, 403, 404))
async def get_deliverable(context: Context, caller: Reader, deliverable_id: DeliverableId) -> Deliverable:
    """One deliverable: its milestones, what was submitted, what is asked to be changed, and what you may do."""
    return await look(context, caller, deliverable_id)


@router.post("/{deliverable_id}/draft", responses=ERRORS)
async def draft_milestone(
    context: Context, caller: Provider, deliverable_id: DeliverableId, work: Work, key: IdempotencyKey = None
) -> Deliverable:
    """Show a draft of a milestone; the customer's time to answer does not begin."""
    intention = intend(caller, key, f"draft_milestone:{deliverable_id}", work)
    return await command(context, caller, deliverable_id, intention, lambda held: write_draft(held, work))


@router.post("/{deliverable_id}/submit", responses=ERRORS)
async def submit_milestone(
    context: Context, caller: Provider, deliverable_id: DeliverableId, work: Work, key: IdempotencyKey = None
) -> Deliverable:
    """Submit a milestone, or its revision, for approval; silence approves it at `review_due_at`."""
    intention = intend(caller, key, f"submit_milestone:{deliverable_id}", work)
    return await command(context, caller, deliverable_id, intention, lambda held: write_submission(held, work))


@router.post("/{deliverable_id}/revisions", responses=ERRORS)
async def request_revision(
    context: Context, caller: Customer, deliverable_id: DeliverableId, wish: RevisionWish, key: IdempotencyKey = None
) -> Deliverable:
    """Ask for a change of what is in review; stops the clock of silence."""
    intention = intend(caller, key, f"request_revision:{deliverable_id}", wish)
    return await command(context, caller, deliverable_id, intention, lambda held: write_revision(held, wish))


@router.post("/{deliverable_id}/revisions/{revision_id}/begin", responses=ERRORS)
async def begin_revision(
    context: Context,
    caller: Provider,
    deliverable_id: DeliverableId,
    revision_id: RevisionRequestId,
    key: IdempotencyKey = None,
) -> Deliverable:
    """Say that you are working on a revision."""
    intention = intend(caller, key, f"begin_revision:{deliverable_id}:{revision_id}")
    return await command(context, caller, deliverable_id, intention, lambda held: write_begun(held, revision_id))


@router.put("/{deliverable_id}/approve", responses=ERRORS)
async def approve_milestone(
    context: Context, caller: Customer, deliverable_id: DeliverableId, approval: Approval | None = None
) -> Deliverable:
    """Accept a milestone in review, or all that are; the provider is paid for it."""
    milestone_id = None if approval is None else approval.milestone_id
    intention = intend(caller, None, f"approve_milestone:{deliverable_id}")
    return await command(context, caller, deliverable_id, intention, lambda held: write_approval(held, milestone_id))


@router.put("/{deliverable_id}/reject", responses=ERRORS)
async def reject_milestone(
    context: Context, caller: Customer, deliverable_id: DeliverableId, rejection: Rejection
) -> Deliverable:
    """Refuse what is in review; not submitted again in time, it is called off and its money goes back."""
    intention = intend(caller, None, f"reject_milestone:{deliverable_id}")
    return await command(context, caller, deliverable_id, intention, lambda held: write_rejection(held, rejection))


@router.post("/{deliverable_id}/complete", responses=ERRORS)
async def complete_deliverable(
    context: Context, caller: Party, deliverable_id: DeliverableId, key: IdempotencyKey = None
) -> Deliverable:
    """Say that all is done: 409 unless every milestone is; it ends by itself once the last one is paid."""
    intention = intend(caller, key, f"complete_deliverable:{deliverable_id}")
    return await command(context, caller, deliverable_id, intention, write_completion)


@router.post("/{deliverable_id}/feedback", responses=ERRORS)
async def give_feedback(
    context: Context,
    caller: Customer,
    deliverable_id: DeliverableId,
    feedback: DeliverableFeedback,
    key: IdempotencyKey = None,
) -> Deliverable:
    """Rate quality, communication and timeliness, once, when all is done."""
    intention = intend(caller, key, f"give_feedback:{deliverable_id}", feedback)
    return await command(context, caller, deliverable_id, intention, lambda held: write_feedback(held, feedback))


@router.post("/{deliverable_id}/checklist", responses=ERRORS)
async def check_milestone(
    context: Context, caller: Provider, deliverable_id: DeliverableId, check: MilestoneCheck, key: IdempotencyKey = None
) -> Deliverable:
    """Answer the quality checklist of a milestone; it must be passed before the milestone is submitted."""
    intention = intend(caller, key, f"check_milestone:{deliverable_id}", check)
    return await command(context, caller, deliverable_id, intention, lambda held: write_check(held, check))


@router.post("/{deliverable_id}/plan", responses=ERRORS)
async def propose_milestones(
    context: Context, caller: Party, deliverable_id: DeliverableId, plan: NewPlan, key: IdempotencyKey = None
) -> Deliverable:
    """Propose the open milestones anew: titles, dates, shares; in force once the other side accepts."""
    intention = intend(caller, key, f"propose_milestones:{deliverable_id}", plan)
    return await command(
        context, caller, deliverable_id, intention, lambda held: propose_plan(held, plan.milestones, plan.note)
    )


@router.post("/{deliverable_id}/plan/accept", responses=ERRORS)
async def accept_plan(
    context: Context, caller: Party, deliverable_id: DeliverableId, answer: PlanAnswer, key: IdempotencyKey = None
) -> Deliverable:
    """Agree to the other side's plan; it is in force a moment later."""
    intention = intend(caller, key, f"accept_plan:{deliverable_id}", answer)
    return await command(
        context, caller, deliverable_id, intention, lambda held: write_acceptance(held, answer.proposal_id)
    )


@router.post("/{deliverable_id}/plan/decline", responses=ERRORS)
async def decline_plan(
    context: Context, caller: Party, deliverable_id: DeliverableId, answer: PlanRefusal, key: IdempotencyKey = None
) -> Deliverable:
    """Say no to the other side's plan; the one in force goes on."""
    intention = intend(caller, key, f"decline_plan:{deliverable_id}", answer)
    return await command(
        context, caller, deliverable_id, intention, lambda held: write_refusal(held, answer.proposal_id, answer.reason)
    )


@router.post("/{deliverable_id}/plan/withdraw", responses=ERRORS)
async def withdraw_plan(
    context: Context, caller: Party, deliverable_id: DeliverableId, answer: PlanAnswer, key: IdempotencyKey = None
) -> Deliverable:
    """Take your own proposal back."""
    intention = intend(caller, key, f"withdraw_plan:{deliverable_id}", answer)
    return await command(
        context, caller, deliverable_id, intention, lambda held: write_withdrawal(held, answer.proposal_id)
    )
