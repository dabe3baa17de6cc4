"""`fulfil job …`: what providers report, and what customers decide."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.purposes import FilePurpose
from fulfil.api.schemas.jobs import Job
from fulfil.api.schemas.production import GivenBack, LateJob, LateJobs
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.job_views import show_job
from fulfil.cli.playing.people import Customer, Provider
from fulfil.cli.rendering import show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.promises import Choice
from fulfil.models.messages.shipments import Correction

app = typer.Typer(no_args_is_help=True, help="Jobs: list, and what their providers and customers report.")

JobId = Annotated[str, typer.Argument(metavar="JOB")]
Photo = Annotated[
    list[Path] | None, typer.Option("--photo", exists=True, dir_okay=False, help="A picture; may be repeated.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the timeline.")]
Date = Annotated[datetime, typer.Option("--until", help="The new date, in UTC.")]


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The newest jobs you may see."""

    async def question(api: ApiClient) -> list[Job]:
        return await Provider(api).jobs(limit)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (job.id, job.state, job.work.title, job.provider_name, job.payout or job.amount, job.next and job.next.what)
        for job in found
    ]
    show_table(["job", "state", "work", "provider", "worth", "next"], rows, empty="No jobs.")


@app.command("late")
def list_late(data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """For support: what missed its date, probably will, or waits for its customer's choice."""

    async def question(api: ApiClient) -> list[LateJob]:
        return (await api.get(LateJobs, "/support/late")).data

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (job.job_id, job.title, job.provider_name, job.due_at, job.forecast_at, job.trouble and job.trouble.kind)
        for job in found
    ]
    show_table(["job", "work", "provider", "due", "forecast", "trouble"], rows, empty="Nothing is late.")


@app.command("show")
def show_one(job_id: JobId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """Where a job stands, when it will be ready, what was checked and sent."""

    async def question(api: ApiClient) -> Job:
        return await api.get(Job, f"/jobs/{job_id}")

    show_job(ask(question, data_dir, act_as), output)


@app.command()
def start(job_id: JobId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """Production started; from now on the order can't be cancelled."""
    _report(lambda provider: provider.start(job_id), data_dir, act_as, output)


@app.command()
def progress(
    job_id: JobId,
    percent: Annotated[int, typer.Argument(min=0, max=100)],
    stage: Annotated[str, typer.Option(help="Printing, post-processing, …")] = "",
    note: Annotated[str, typer.Option()] = "",
    photo: Photo = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """How far the work is."""

    async def report(provider: Provider) -> Job:
        body = {"percent": percent, "note": note, "photo_file_ids": await _uploaded(provider, photo)}
        return await _say(provider, job_id, "progress", body | ({"stage": stage} if stage else {}))

    _report(report, data_dir, act_as, output)


@app.command()
def quality(
    job_id: JobId,
    *,
    passed: Annotated[bool, typer.Option("--passed", help="Every criterion passed.")] = False,
    failed: Annotated[
        list[str] | None, typer.Option("--failed", metavar="CODE", help="A criterion that failed; may be repeated.")
    ] = None,
    correction: Annotated[Correction | None, typer.Option(help="What follows a failed check.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Answer everything the job's checklist requires; `job show` lists its criteria."""
    if passed is bool(failed):
        raise typer.BadParameter("say --passed, or --failed with each criterion that did not pass")
    _report(lambda provider: provider.check_quality(job_id, failed or (), correction), data_dir, act_as, output)


@app.command()
def delay(
    job_id: JobId,
    until: Date,
    reason: Why,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """It will be later than promised; the customer may wait, ask another provider, or call it off."""
    body = {"due_at": f"{until.isoformat()}Z", "reason": reason}
    _report(lambda provider: _say(provider, job_id, "delay", body), data_dir, act_as, output)


@app.command()
def material(
    job_id: JobId,
    used: Annotated[int, typer.Argument(min=0, help="All in all, in the unit of your stock.")],
    note: Annotated[str, typer.Option()] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """What the job really took; your stock is corrected."""
    body = {"used_quantity": used, "note": note}
    _report(lambda provider: _say(provider, job_id, "material", body), data_dir, act_as, output)


@app.command("give-back")
def give_back(
    job_id: JobId, reason: Why, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """You can't make it: the job is offered to others."""

    async def question(api: ApiClient) -> GivenBack:
        return await api.post(GivenBack, f"/jobs/{job_id}/give-back", {"reason": reason})

    given = ask(question, data_dir, act_as)
    show(output, given, {"job": given.job_id, "state": given.state})


@app.command()
def ship(
    job_id: JobId,
    carrier: Annotated[str, typer.Option(help="DHL, …")],
    tracking_number: Annotated[str, typer.Option()],
    pieces: Annotated[
        int | None, typer.Option(min=1, help="How many are in it; all that are left, unless said.")
    ] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """A parcel is on its way."""
    _report(lambda provider: provider.ship(job_id, carrier, tracking_number, pieces), data_dir, act_as, output)


@app.command()
def pickup(
    job_id: JobId,
    address: Annotated[str, typer.Option(help="Where.")],
    note: Annotated[str, typer.Option(help="When, whom to ask.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """It can be picked up; the customer's code proves that she did."""
    body = {"address": address, "note": note}
    _report(lambda provider: _say(provider, job_id, "ready-for-pickup", body), data_dir, act_as, output)


@app.command()
def deliver(
    job_id: JobId,
    note: Annotated[str, typer.Option(help="To whom, where.")] = "",
    code: Annotated[str, typer.Option(help="The customer's six digits, when she picks it up.")] = "",
    photo: Photo = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """It was handed over."""

    async def report(provider: Provider) -> Job:
        body = {"proof_note": note, "photo_file_ids": await _uploaded(provider, photo)}
        return await _say(provider, job_id, "deliver", body | ({"pickup_code": code} if code else {}))

    _report(report, data_dir, act_as, output)


@app.command()
def choose(
    job_id: JobId,
    choice: Annotated[Choice, typer.Argument(help="Wait, let another provider make it, or take the money back.")],
    reason: Why,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """How a job that is late or lost goes on; as its customer, or as support."""

    async def question(api: ApiClient) -> Job:
        return await api.post(Job, f"/jobs/{job_id}/choice", {"choice": choice, "reason": reason})

    show_job(ask(question, data_dir, act_as), output)


@app.command()
def approve(job_id: JobId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """The customer accepts what was delivered; the provider is paid."""

    async def question(api: ApiClient) -> Job:
        return await Customer(api).approve(job_id)

    show_job(ask(question, data_dir, act_as), output)


def _report(
    report: Callable[[Provider], Awaitable[Job]], data_dir: Path | None, act_as: str, output: OutputFormat
) -> None:
    async def question(api: ApiClient) -> Job:
        return await report(Provider(api))

    show_job(ask(question, data_dir, act_as), output)


async def _say(provider: Provider, job_id: str, what: str, body: Mapping[str, object]) -> Job:
    return await provider.api.post(Job, f"/jobs/{job_id}/{what}", body)


async def _uploaded(provider: Provider, photos: list[Path] | None) -> list[str]:
    return [(await provider.upload(path.name, path.read_bytes(), FilePurpose.PHOTO)).id for path in photos or []]
