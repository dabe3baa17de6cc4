"""`fulfil simulate faults`: the kill test, and a table of what survived it."""

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from fulfil.cli.benches.findings import SHOWN_EXAMPLES
from fulfil.cli.exits import CommandError
from fulfil.cli.month import month
from fulfil.cli.rendering import show_facts, show_json, show_table
from fulfil.cli.running import Output, OutputFormat
from fulfil.cli.saying import Progress
from fulfil.kit.logging import configure_logging
from fulfil.kit.runtime import run_main

if TYPE_CHECKING:
    from fulfil.cli.benches.fault_run import FaultRun

app = typer.Typer(no_args_is_help=True, help="Exercises on an embedded stack of their own.")


@app.callback()
def simulate() -> None:
    """Exercises on an embedded stack of their own."""


@app.command()
def faults(
    orders: Annotated[int, typer.Option(min=1, max=2_000, help="How many are played in all.")] = 200,
    at_once: Annotated[int, typer.Option(min=1, max=200, help="How many are in flight all the time.")] = 24,
    seconds: Annotated[float, typer.Option(min=1, max=3_600, help="The storm lasts at most so long.")] = 240,
    seed: Annotated[int | None, typer.Option(help="Repeat the scripts, kills and faults of an earlier run.")] = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Play orders with refunds and chargebacks of every kind while everything breaks; then examine every cent.

    Worker, API, Temporal and PostgreSQL are killed with SIGKILL, Stripe's answers get lost, webhooks are dropped,
    repeated and forged. Ends with exit code 1 when one promise was broken.
    """
    from fulfil.cli.benches.fault_run import Weather, shake_passing_stack  # noqa: PLC0415 (loads every server's client)

    configure_logging(service="fulfil-faults", level="CRITICAL", log_format="auto")
    progress = Progress(output)
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    weather = Weather(at_once=at_once, storm_s=seconds)
    run = run_main(shake_passing_stack(progress, orders=orders, weather=weather, seed=chosen))
    if output is OutputFormat.JSON:
        show_json(run.summary())
    else:
        _show(progress, run)
    if not run.kept:
        broken = [finding.promise for finding in run.findings if not finding.kept]
        raise CommandError(f"Broken: {', '.join(broken)}. Repeat with --orders {orders} --seed {run.seed}.")


app.command()(month)


def _show(progress: Progress, run: "FaultRun") -> None:
    progress.out.print()
    rows = [
        (finding.promise, len(finding.broken_by), "; ".join(finding.broken_by[:SHOWN_EXAMPLES]))
        for finding in run.findings
    ]
    show_table(["broken promises", "count", "by"], rows, empty="Nothing was examined.")
    progress.out.print()
    show_facts({name: value for name, value in run.summary().items() if name != "findings"})
