"""`fulfil deliverable …`: what was delivered by milestones, and each side's next step."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.purposes import FilePurpose
from fulfil.api.schemas.deliverables import Deliverable
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.deliverable_views import milestone_of, show_deliverable
from fulfil.cli.exits import WrongUsageError
from fulfil.cli.offered_services import basis_points, split_part
from fulfil.cli.playing.people import Customer, Provider
from fulfil.cli.rendering import show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.deliverables import DeliverableState

app = typer.Typer(no_args_is_help=True, help="Deliverables: draft, submit, revise, approve, plan anew.")

DeliverableId = Annotated[str, typer.Argument(metavar="DELIVERABLE")]
MilestoneName = Annotated[str, typer.Argument(metavar="MILESTONE", help="Its id, or its number.")]
OneMilestone = Annotated[
    str, typer.Option("--milestone", metavar="MILESTONE", help="Its id or number, when more than one is in review.")
]
LongNote = Annotated[str, typer.Option("--note")]
Attached = Annotated[
    list[Path] | None, typer.Option("--file", exists=True, dir_okay=False, help="May be repeated, up to 50 times.")
]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC.")]
Stars = Annotated[int, typer.Option(min=1, max=5)]
Proposal = Annotated[str, typer.Option(metavar="PROPOSAL")]


@app.command("list")
def list_deliverables(
    order: Annotated[str | None, typer.Option(metavar="ORDER", help="Only of this order.")] = None,
    state: Annotated[DeliverableState | None, typer.Option(help="All states unless given.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The newest deliverables you may see."""

    async def question(api: ApiClient) -> list[Deliverable]:
        return await Customer(api).deliverables(order, state, limit)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (
            one.id,
            one.state,
            one.title,
            one.provider_name,
            f"{sum(part.completed_at is not None for part in one.milestones)} of {len(one.milestones)}",
            one.next and one.next.what,
        )
        for one in found
    ]
    show_table(["deliverable", "state", "title", "provider", "completed", "next"], rows, empty="No deliverables.")


@app.command("show")
def show_one(
    deliverable_id: DeliverableId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """Milestones, submissions, revisions, the plan that waits, and what you may do."""
    _as_customer(lambda person: person.deliverable(deliverable_id), data_dir, act_as, output)


@app.command()
def draft(
    deliverable_id: DeliverableId,
    milestone: MilestoneName,
    note: LongNote = "",
    file: Attached = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Show the customer a draft; her time to answer does not begin."""

    async def act(provider: Provider) -> Deliverable:
        milestone_id = milestone_of(await provider.deliverable(deliverable_id), milestone)
        return await provider.draft_milestone(deliverable_id, milestone_id, note, await _uploaded(provider, file))

    _as_provider(act, data_dir, act_as, output)


@app.command()
def submit(
    deliverable_id: DeliverableId,
    milestone: MilestoneName,
    note: LongNote = "",
    file: Attached = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Submit a milestone, or its revision, for approval."""

    async def act(provider: Provider) -> Deliverable:
        milestone_id = milestone_of(await provider.deliverable(deliverable_id), milestone)
        return await provider.submit_milestone(deliverable_id, milestone_id, note, await _uploaded(provider, file))

    _as_provider(act, data_dir, act_as, output)


@app.command()
def check(
    deliverable_id: DeliverableId,
    milestone: MilestoneName,
    failed: Annotated[
        list[str] | None, typer.Option(help="A criterion that did not pass; all others did. May be repeated.")
    ] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Answer the quality checklist of a milestone."""

    async def act(provider: Provider) -> Deliverable:
        milestone_id = milestone_of(await provider.deliverable(deliverable_id), milestone)
        return await provider.check_milestone(deliverable_id, milestone_id, failed or [])

    _as_provider(act, data_dir, act_as, output)


@app.command()
def begin(
    deliverable_id: DeliverableId,
    revision_id: Annotated[str, typer.Argument(metavar="REVISION")],
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Say that you are working on a revision."""
    _as_provider(lambda provider: provider.begin_revision(deliverable_id, revision_id), data_dir, act_as, output)


@app.command()
def revise(
    deliverable_id: DeliverableId,
    text: Annotated[str, typer.Argument(help="What should be different.")],
    milestone: OneMilestone = "",
    due: Day = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Ask for a change of what is in review."""
    due_at = None if due is None else due.replace(tzinfo=UTC).isoformat()

    async def act(customer: Customer) -> Deliverable:
        named = await _named(customer, deliverable_id, milestone)
        return await customer.request_revision(deliverable_id, text, named, due_at)

    _as_customer(act, data_dir, act_as, output)


@app.command()
def approve(
    deliverable_id: DeliverableId,
    milestone: OneMilestone = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Accept a milestone in review, or all that are; the provider is paid."""

    async def act(customer: Customer) -> Deliverable:
        return await customer.approve_milestone(deliverable_id, await _named(customer, deliverable_id, milestone))

    _as_customer(act, data_dir, act_as, output)


@app.command()
def reject(
    deliverable_id: DeliverableId,
    reason: Annotated[str, typer.Option(help="What is not as agreed; the provider reads it.")],
    milestone: OneMilestone = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Refuse what is in review; not submitted again in time, it is paid back."""

    async def act(customer: Customer) -> Deliverable:
        named = await _named(customer, deliverable_id, milestone)
        return await customer.reject_milestone(deliverable_id, reason, named)

    _as_customer(act, data_dir, act_as, output)


@app.command()
def complete(
    deliverable_id: DeliverableId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """Say that all is done."""
    _as_customer(lambda person: person.complete_deliverable(deliverable_id), data_dir, act_as, output)


@app.command()
def feedback(
    deliverable_id: DeliverableId,
    quality: Stars,
    communication: Stars,
    timeliness: Stars,
    comment: Annotated[str, typer.Option()] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Rate what was delivered, from 1 to 5."""

    async def act(customer: Customer) -> Deliverable:
        return await customer.give_feedback(
            deliverable_id, quality=quality, communication=communication, timeliness=timeliness, comment=comment
        )

    _as_customer(act, data_dir, act_as, output)


@app.command()
def plan(  # noqa: PLR0913, PLR0917 (options of a command)
    deliverable_id: DeliverableId,
    milestone: Annotated[
        list[str] | None,
        typer.Option(help="[NUMBER=]TITLE:DUE:PERCENT, every milestone that is to be open; new ones have no number."),
    ] = None,
    note: LongNote = "",
    accept: Proposal = "",
    decline: Proposal = "",
    withdraw: Proposal = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Propose the open milestones anew, or answer the plan that waits."""
    if sum(map(bool, (milestone, accept, decline, withdraw))) != 1:
        raise WrongUsageError("Name one of --milestone (for each of them), --accept, --decline, --withdraw.")

    async def act(person: Customer) -> Deliverable:
        if accept:
            return await person.accept_plan(deliverable_id, accept)
        if decline:
            return await person.decline_plan(deliverable_id, decline, note)
        if withdraw:
            return await person.withdraw_plan(deliverable_id, withdraw)
        current = await person.deliverable(deliverable_id)
        return await person.propose_plan(deliverable_id, [_entry(current, text) for text in milestone or ()], note)

    _as_customer(act, data_dir, act_as, output)


def _entry(current: Deliverable, text: str) -> dict[str, object]:
    """`2=Finished model:2027-02-01:70` as an entry of a plan."""
    title, day, percent = split_part(text)
    number, equals, rest = title.partition("=")
    known = milestone_of(current, number.strip()) if equals and number.strip().isdecimal() else None
    try:
        due = datetime.fromisoformat(day)
    except ValueError as error:
        raise WrongUsageError(f"{day!r} is no date; write it like 2027-02-01.") from error
    return {
        "milestone_id": known,
        "title": rest.strip() if known else title,
        "due_at": due.replace(tzinfo=due.tzinfo or UTC).isoformat(),
        "share_bp": basis_points(percent),
    }


async def _named(customer: Customer, deliverable_id: str, milestone: str) -> str | None:
    return milestone_of(await customer.deliverable(deliverable_id), milestone) if milestone else None


async def _uploaded(provider: Provider, paths: list[Path] | None) -> list[str]:
    return [(await provider.upload(path.name, path.read_bytes(), FilePurpose.SUBMISSION)).id for path in paths or ()]


def _as_provider(
    act: Callable[[Provider], Awaitable[Deliverable]], data_dir: Path | None, act_as: str, output: OutputFormat
) -> None:
    async def question(api: ApiClient) -> Deliverable:
        return await act(Provider(api))

    show_deliverable(ask(question, data_dir, act_as), output)


def _as_customer(
    act: Callable[[Customer], Awaitable[Deliverable]], data_dir: Path | None, act_as: str, output: OutputFormat
) -> None:
    async def question(api: ApiClient) -> Deliverable:
        return await act(Customer(api))

    show_deliverable(ask(question, data_dir, act_as), output)
