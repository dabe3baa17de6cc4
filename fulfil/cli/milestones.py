"""`fulfil milestone …`: how far a provider is with a milestone."""

from typing import Annotated

import typer

from fulfil.api.schemas.deliverables import Deliverable
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.deliverable_views import show_deliverable
from fulfil.cli.playing.people import Provider
from fulfil.cli.running import DataDir, Output, OutputFormat

app = typer.Typer(no_args_is_help=True, help="Milestones: report progress, submit without files.")

MilestoneId = Annotated[str, typer.Argument(metavar="MILESTONE")]
Note = Annotated[str, typer.Option()]


@app.command()
def progress(
    milestone_id: MilestoneId,
    percent: Annotated[int, typer.Argument(min=0, max=100)],
    note: Note = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """How far the work is; never less than before."""

    async def question(api: ApiClient) -> Deliverable:
        return await Provider(api).report_milestone_progress(milestone_id, percent, note)

    show_deliverable(ask(question, data_dir, act_as), output)


@app.command()
def complete(
    milestone_id: MilestoneId,
    note: Note = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Submit a milestone without files; the customer approves it like any other."""

    async def question(api: ApiClient) -> Deliverable:
        return await Provider(api).complete_milestone(milestone_id, note)

    show_deliverable(ask(question, data_dir, act_as), output)
