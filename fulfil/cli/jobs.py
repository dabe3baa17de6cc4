"""`fulfil job …`: the provider's reports, and the customer's approval."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.schemas.jobs import Job, WorkFile
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.playing.people import Customer, Provider
from fulfil.cli.rendering import show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.cli.timeline import next_line

app = typer.Typer(no_args_is_help=True, help="Jobs: list, and what their providers and customers report.")

JobId = Annotated[str, typer.Argument(metavar="JOB")]
Photo = Annotated[
    list[Path] | None, typer.Option("--photo", exists=True, dir_okay=False, help="A picture; may be repeated.")
]


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


@app.command()
def start(job_id: JobId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """Production started; from now on the order can't be cancelled."""
    _report(lambda provider: provider.start(job_id), data_dir, act_as, output)


@app.command()
def progress(
    job_id: JobId,
    percent: Annotated[int, typer.Argument(min=0, max=100)],
    note: Annotated[str, typer.Option()] = "",
    photo: Photo = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """How far the work is."""

    async def report(provider: Provider) -> Job:
        photos = [(await provider.upload(path.name, path.read_bytes())).id for path in photo or []]
        return await provider.progress(job_id, percent, note, photos)

    _report(report, data_dir, act_as, output)


@app.command()
def quality(
    job_id: JobId,
    *,
    passed: Annotated[bool, typer.Option("--passed/--failed", help="A failed check leaves the job in production.")],
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """What the quality check found."""
    _report(lambda provider: provider.check_quality(job_id, passed=passed), data_dir, act_as, output)


@app.command()
def ship(
    job_id: JobId,
    carrier: Annotated[str, typer.Option(help="DHL, …")],
    tracking_number: Annotated[str, typer.Option()],
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The parcel is on its way."""
    _report(lambda provider: provider.ship(job_id, carrier, tracking_number), data_dir, act_as, output)


@app.command()
def deliver(
    job_id: JobId,
    note: Annotated[str, typer.Option(help="To whom, where.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The parcel was handed over."""
    _report(lambda provider: provider.deliver(job_id, note), data_dir, act_as, output)


@app.command()
def approve(job_id: JobId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """The customer accepts what was delivered; the provider is paid."""

    async def question(api: ApiClient) -> Job:
        return await Customer(api).approve(job_id)

    _show(ask(question, data_dir, act_as), output)


def _report(
    report: Callable[[Provider], Awaitable[Job]], data_dir: Path | None, act_as: str, output: OutputFormat
) -> None:
    async def question(api: ApiClient) -> Job:
        return await report(Provider(api))

    _show(ask(question, data_dir, act_as), output)


def as_understood(file: WorkFile) -> str:
    """`2 x bracket.stl: 64 x 46 x 52 mm (in inch), 80 % infill, thin_wall accepted`."""
    size = " x ".join(f"{side:g}" for side in file.size_mm or ())
    operations = (file.operations or {}).items()
    told = (
        f"{size} mm (in {file.unit})" if size else "",
        f"{file.infill_percent} % infill" if file.infill_percent is not None else "",
        f"{file.thickness_mm:g} mm thick" if file.thickness_mm is not None else "",
        *(f"{key} {operation}" for key, operation in operations),
        *(f"{risk} accepted" for risk in file.accepted_risks),
    )
    return f"{file.quantity} x {file.name}: {', '.join(part for part in told if part)}".rstrip(": ")


def _show(job: Job, output: OutputFormat) -> None:
    production = job.production
    facts: dict[str, object] = {
        "job": job.id,
        "order": job.order_id,
        "state": job.state,
        "work": f"{job.work.title}: {job.work.process} in {job.work.material}",
        **{f"file {number}": as_understood(file) for number, file in enumerate(job.work.files, start=1)},
        "provider": job.provider_name,
        "done": f"{production.percent} %" if production else None,
        "tracking": production.tracking_number if production else None,
        "next": next_line(job.next) if job.next else None,
        "you may": ", ".join(job.allowed_actions) or None,
    }
    show(output, job, facts)
