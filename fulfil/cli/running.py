"""The commands that run things: the whole stack, single processes, migrations, the doctor."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from fulfil.cli.exits import CommandError, WrongUsageError
from fulfil.deploy.ports import PortChoice
from fulfil.kit.logging import configure_logging
from fulfil.kit.runtime import run_main
from fulfil.kit.settings import Settings

app = typer.Typer()


class OutputFormat(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"


DataDir = Annotated[
    Path | None,
    typer.Option(help="Where the state lives; FULFIL_DATA_DIR, else ./fulfil-data.", show_default=False),
]
Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="A table for people, JSON for machines.")]


@app.command()
def up(
    data_dir: DataDir = None,
    ports: Annotated[PortChoice, typer.Option(help="`auto` takes any free ports.")] = PortChoice.FIXED,
    *,
    seed: Annotated[bool, typer.Option(help="Create the demo accounts, providers and stock.")] = True,
) -> None:
    """Start the whole system on this machine and keep it running until Ctrl-C."""
    from fulfil.deploy.foreground import StackFailedError, run_in_foreground  # noqa: PLC0415 (loads the servers' clients)

    configure_logging(service="fulfil-up", level="WARNING", log_format="auto")
    try:
        run_main(run_in_foreground(settings_for(data_dir), ports, seed=seed))
    except StackFailedError as error:
        raise CommandError(str(error)) from error


@app.command()
def api(
    host: Annotated[str | None, typer.Option(help="FULFIL_API_HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="FULFIL_API_PORT, else 8800.")] = None,
) -> None:
    """Serve the HTTP API."""
    from fulfil.deploy.serving import ServingError, serve_api  # noqa: PLC0415 (loads FastAPI)

    settings = Settings()
    configure_logging(service="fulfil-api", level=settings.log_level, log_format=settings.log_format)
    try:
        run_main(serve_api(settings, host or settings.api_host, port or settings.api_port))
    except ServingError as error:
        raise CommandError(str(error)) from error


@app.command()
def worker(queues: Annotated[list[str], typer.Argument(metavar="QUEUE...", help="orders, payments, …")]) -> None:
    """Work on task queues: orders, payments, integrations, geometry."""
    from fulfil.workers.running import UnknownQueueError, run_workers  # noqa: PLC0415 (loads the Temporal SDK)

    settings = Settings()
    configure_logging(service="fulfil-worker", level=settings.log_level, log_format=settings.log_format)
    try:
        run_main(run_workers(queues, settings))
    except UnknownQueueError as error:
        raise WrongUsageError(str(error)) from error


@app.command()
def migrate(
    data_dir: DataDir = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail when migrations and declared tables differ.")
    ] = False,
    search_attributes: Annotated[
        bool, typer.Option("--search-attributes", help="Register Temporal's search attributes as well.")
    ] = False,
) -> None:
    """Bring the database to this release's revision."""
    from fulfil.deploy import migrating  # noqa: PLC0415 (loads Alembic)

    out = Console(highlight=False)
    settings = settings_for(data_dir)
    if check:
        found = migrating.differences(settings)
        for sentence in found:
            out.print(sentence)
        if found:
            raise CommandError(f"{len(found)} difference(s) between the migrations and the declared tables")
        out.print("Migrations and declared tables agree.")
        return
    try:
        url = migrating.bring_up_to_date(settings)
        out.print(f"The database at {url} is current.")
        if search_attributes:
            registered = run_main(migrating.register_attributes(settings))
            out.print(f"Search attributes registered: {', '.join(registered) or 'all were there'}.")
    except migrating.MigrationError as error:
        raise CommandError(str(error)) from error


@app.command()
def doctor(data_dir: DataDir = None, output: Output = OutputFormat.TABLE) -> None:
    """Examine each piece of the installation and say what to do; exit code 1 when something is broken."""
    from fulfil.deploy.doctor import examine  # noqa: PLC0415 (loads every client)
    from fulfil.deploy.findings import Patient, State  # noqa: PLC0415

    configure_logging(service="fulfil-doctor", level="ERROR", log_format="auto")
    findings = run_main(examine(Patient.of(settings_for(data_dir))))
    if output is OutputFormat.JSON:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        colours = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red", State.SKIPPED: "dim"}
        table = Table("", "", Column(overflow="fold"), box=None, pad_edge=False, show_header=False)
        for finding in findings:
            remedy = f"\n[bold]→ {escape(finding.remedy)}[/]" if finding.remedy else ""
            state = f"[{colours[finding.state]}]{finding.state}[/]"
            table.add_row(state, finding.piece, f"{escape(finding.detail)}{remedy}")
        Console(highlight=False).print(table)
    broken = [finding.piece for finding in findings if finding.state is State.FAILED]
    if broken:
        raise CommandError(f"{len(broken)} broken: {', '.join(dict.fromkeys(broken))}")


def settings_for(data_dir: Path | None) -> Settings:
    """The environment's settings, with the folder given on the command line."""
    return Settings(data_dir=data_dir.absolute()) if data_dir else Settings()


if __name__ == "__main__":
    app()
