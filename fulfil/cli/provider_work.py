"""`fulfil provider machines|calendar|certificates`: what she works with, when, and what proves who she is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.purposes import FilePurpose
from fulfil.api.schemas.files import File
from fulfil.api.schemas.provider_onboarding import Certificate, Certificates
from fulfil.api.schemas.provider_work import Calendar, Closure, Machine, Machines
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.exits import WrongUsageError
from fulfil.cli.provider_views import print_calendar
from fulfil.cli.providers import WhoseId, whose
from fulfil.cli.rendering import console, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.providers import CertificateKind, CertificateState

app = typer.Typer()


@app.command()
def machines(  # noqa: PLR0913, PLR0917 (options of a command)
    provider_id: WhoseId = "",
    add: Annotated[str, typer.Option(metavar="NAME", help="Enter a machine of this name.")] = "",
    process: Annotated[str, typer.Option(help="Of the machine to enter.")] = "fdm",
    material: Annotated[list[str] | None, typer.Option(help="What it takes; again for more.")] = None,
    volume: Annotated[
        str, typer.Option(metavar="WxDxH", help="What it can make, in mm: 250x210x220, or 600x400.")
    ] = "",
    remove: Annotated[str, typer.Option(metavar="MACHINE", help="She has it no more.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Her machines; with --add or --remove, after the change."""
    new = {"name": add, "process": process, "materials": material or [], "volume_mm": sides_of(volume) if add else []}

    async def question(api: ApiClient) -> Machines:
        path = f"{await whose(api, provider_id)}/machines"
        if add:
            await api.post(Machine, path, new)
        if remove:
            await api.delete(f"{path}/{remove}")
        return await api.get(Machines, path)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (
            *(each.id, each.name, each.process, ", ".join(each.materials)),
            " x ".join(f"{side:g}" for side in each.volume_mm),
            "yes" if each.online else "no",
        )
        for each in found.data
    ]
    show_table(["machine", "name", "process", "materials", "mm", "running"], rows, empty="No machines on record.")


@app.command()
def calendar(  # noqa: PLR0913, PLR0917 (options of a command)
    provider_id: WhoseId = "",
    hours: Annotated[list[str] | None, typer.Option(help="mon=09:00-17:00; again for each day worked.")] = None,
    always: Annotated[bool, typer.Option("--always", help="Work at all times.")] = False,
    time_zone: Annotated[str, typer.Option(help="Such as Europe/Berlin; stays unless given.")] = "",
    close: Annotated[str, typer.Option(metavar="FROM/TO", help="Do not work in this time.")] = "",
    because: Annotated[str, typer.Option(help="Why not.")] = "closed",
    reopen: Annotated[str, typer.Option(metavar="CLOSURE", help="Work then after all.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """When she works; with options, after the change."""
    week = None if always else week_of(hours or [])
    closure = (
        dict(zip(("starts_at", "ends_at"), _span(close, "/"), strict=True)) | {"reason": because} if close else None
    )

    async def question(api: ApiClient) -> Calendar:
        path = await whose(api, provider_id)
        if hours or always or time_zone:
            now = await api.get(Calendar, f"{path}/calendar")
            kept = now.model_dump(mode="json")["working_hours"]
            body = {"time_zone": time_zone or now.time_zone, "working_hours": week if hours or always else kept}
            await api.put(Calendar, f"{path}/calendar", body)
        if closure:
            await api.post(Closure, f"{path}/closures", closure)
        if reopen:
            await api.delete(f"{path}/closures/{reopen}")
        return await api.get(Calendar, f"{path}/calendar")

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
    else:
        print_calendar(found)


@app.command()
def certificates(  # noqa: PLR0913, PLR0917 (options of a command)
    provider_id: WhoseId = "",
    hand_in: Annotated[Path | None, typer.Option(metavar="FILE", help="A PDF or an image to hand in.")] = None,
    kind: Annotated[CertificateKind, typer.Option(help="What it proves.")] = CertificateKind.OTHER,
    title: Annotated[str, typer.Option(help="What it is; the file's name unless given.")] = "",
    expires_at: Annotated[str | None, typer.Option(help="2027-12-31T00:00:00Z; never unless given.")] = None,
    decide: Annotated[str, typer.Option(metavar="CERTIFICATE", help="Say whether it proves what it should.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="It does not; needs a note.")] = False,
    note: Annotated[str, typer.Option(help="What she is told.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Her documents; a provider hands in, administration decides."""
    content = _content(hand_in) if hand_in else b""
    decision = {"state": CertificateState.REJECTED if reject else CertificateState.VERIFIED, "note": note}

    async def question(api: ApiClient) -> Certificates:
        path = f"{await whose(api, provider_id)}/certificates"
        if hand_in:
            file = await api.upload(File, "/files", hand_in.name, content, purpose=FilePurpose.DOCUMENT)
            body = {"kind": kind, "title": title or hand_in.name, "file_id": file.id, "expires_at": expires_at}
            await api.post(Certificate, path, body)
        if decide:
            await api.put(Certificate, f"{path}/{decide}", decision)
        return await api.get(Certificates, path)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (
            *(each.id, each.kind, each.title, "expired" if each.expired else each.state, each.expires_at),
            *("yes" if each.required else "no", each.file_id, each.note),
        )
        for each in found.data
    ]
    columns = ["certificate", "kind", "title", "state", "expires", "required", "file", "note"]
    show_table(columns, rows, empty="No documents handed in.")
    if found.missing:
        console().print(f"Still missing: {', '.join(found.missing)}.")


def sides_of(volume: str) -> list[float]:
    """`250x210x220` as millimetres; raises `WrongUsageError`."""
    try:
        return [float(side) for side in volume.split("x")]
    except ValueError:
        raise WrongUsageError(f"--volume {volume or 'is missing'}: write millimetres as 250x210x220.") from None


def week_of(hours: Sequence[str]) -> dict[str, list[str]]:
    """`mon=09:00-17:00` as the API takes it; raises `WrongUsageError`."""
    week: dict[str, list[str]] = {}
    for each in hours:
        day, separator, span = each.partition("=")
        if not separator:
            raise WrongUsageError(f"--hours {each}: write mon=09:00-17:00.")
        week[day] = _span(span, "-")
    return week


def _span(text: str, separator: str) -> list[str]:
    begins, found, ends = text.partition(separator)
    if not (begins and found and ends):
        raise WrongUsageError(f"{text} has no beginning and end: write them with {separator} between them.")
    return [begins, ends]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUsageError(f"{path} can't be read: {error.strerror}.") from error
