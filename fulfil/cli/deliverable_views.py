"""How a deliverable looks on the command line, and which of its milestones is meant."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fulfil.api.schemas.deliverables import Deliverable, Milestone, PlanProposal, Submission
from fulfil.cli.exits import WrongUsageError
from fulfil.cli.offered_services import percentage
from fulfil.cli.rendering import show
from fulfil.cli.running import OutputFormat
from fulfil.cli.timeline import next_line
from fulfil.models.milestones import Standing


def milestone_of(deliverable: Deliverable, named: str) -> str:
    """The id of a milestone named by its id or its number; raises `WrongUsageError` for neither."""
    for milestone in deliverable.milestones:
        by_number = named == str(milestone.position) and not _is_called_off(milestone)
        if by_number or named == milestone.id:
            return milestone.id
    numbers = ", ".join(str(milestone.position) for milestone in _planned(deliverable))
    raise WrongUsageError(f"There is no milestone {named} of {deliverable.id}: name one of {numbers}.")


def show_deliverable(deliverable: Deliverable, output: OutputFormat) -> None:
    """Print it in the way asked for."""
    show(output, deliverable, facts_of(deliverable))


def facts_of(deliverable: Deliverable) -> Mapping[str, object]:
    """What people read about it, line by line."""
    numbers = {milestone.id: milestone.position for milestone in deliverable.milestones}
    proposal = deliverable.plan_proposal
    return {
        "deliverable": deliverable.id,
        "order": deliverable.order_id,
        "state": deliverable.state,
        "title": deliverable.title,
        "provider": deliverable.provider_name,
        **{f"milestone {each.position}": milestone_line(each) for each in _planned(deliverable)},
        "called off": ", ".join(each.title for each in deliverable.milestones if _is_called_off(each)) or None,
        "revisions": f"{deliverable.revisions_left} of {deliverable.revisions_included} left",
        "checklist": ", ".join(deliverable.checklist) or None,
        **{
            f"submission {numbers.get(each.milestone_id, '?')}.{each.number}": submission_line(each)
            for each in deliverable.submissions or ()
        },
        **{
            f"revision {each.number}": f"{each.id} {_words(each.state)}, until {_day(each.due_at)}: {each.text}"
            for each in deliverable.revisions or ()
        },
        "plan": proposal_line(proposal) if proposal else None,
        "next": next_line(deliverable.next) if deliverable.next else None,
        "you may": ", ".join(deliverable.allowed_actions) or None,
    }


def milestone_line(milestone: Milestone) -> str:
    """`Two concepts: in review until 2027-02-01, 30 %, 150.00 EUR`."""
    until = milestone.review_due_at or (None if milestone.completed_at else milestone.due_at)
    when = f" until {_day(until)}" if until else ""
    late = ", late" if milestone.delayed_at and not milestone.submitted_at else ""
    done = f", {milestone.percent} % done" if milestone.percent > 0 and not milestone.completed_at else ""
    worth = milestone.amount or milestone.payout
    return (
        f"{milestone.title}: {_words(milestone.stands)}{when}{late}{done}, {percentage(milestone.share_bp)}"
        f"{f', {worth}' if worth else ''}"
    )


def submission_line(submission: Submission) -> str:
    """`final, approved, 2 file(s): Both concepts`."""
    files = f", {len(submission.files)} file(s)" if submission.files else ""
    why = f" ({submission.reason})" if submission.reason else ""
    note = f": {submission.note}" if submission.note else ""
    return f"{submission.kind}, {_words(submission.state)}{why}{files}{note}"


def proposal_line(proposal: PlanProposal) -> str:
    """`pln_… by the provider: Concepts by 2027-02-01 (30 %), Model by 2027-03-01 (70 %)`."""
    parts = [f"{part.title} by {_day(part.due_at)} ({percentage(part.share_bp)})" for part in proposal.milestones]
    return f"{proposal.id} by the {proposal.proposed_by}: {', '.join(parts)}"


def _planned(deliverable: Deliverable) -> list[Milestone]:
    """A new plan may give the number of one that was called off to another."""
    return [milestone for milestone in deliverable.milestones if not _is_called_off(milestone)]


def _is_called_off(milestone: Milestone) -> bool:
    return milestone.stands is Standing.CANCELLED


def _words(value: str) -> str:
    return value.replace("_", " ")


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"
