"""`fulfil simulate faults`: the kill test, and a table of what survived it."""

import secrets
from typing import Annotated

import typer

from fulfil.cli.exits import CommandError
from fulfil.cli.rendering import show_facts, show_json, show_table
from fulfil.cli.running import Output, OutputFormat
from fulfil.cli.saying import Progress
from fulfil.kit.logging import configure_logging
from fulfil.kit.runtime import run_main

app = typer.Typer(no_args_is_help=True, help="Exercises on an embedded stack of their own.")

SHOWN_EXAMPLES = 3


@app.callback()
def simulate() -> None:
    """Exercises on an embedded stack of their own."""


@app.command()
def faults(
    orders: Annotated[int, typer.Option(min=1, max=200, help="How many are in flight all the time.")] = 30,
    seconds: Annotated[float, typer.Option(min=1, help="How long the storm lasts.")] = 60,
    seed: Annotated[int | None, typer.Option(help="Repeat the kills and faults of an earlier run.")] = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Kill -9 worker, API, Temporal and PostgreSQL while orders run and Stripe's answers get lost; then examine all."""
    from fulfil.cli.benches.fault_run import shake_passing_stack  # noqa: PLC0415 (loads every server's client)

    configure_logging(service="fulfil-faults", level="CRITICAL", log_format="auto")
    progress = Progress(output)
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    run = run_main(shake_passing_stack(progress, orders=orders, seconds=seconds, seed=chosen))
    if output is OutputFormat.JSON:
        show_json(run.summary())
    else:
        progress.out.print()
        rows = [
            (finding.promise, len(finding.broken_by), "; ".join(finding.broken_by[:SHOWN_EXAMPLES]))
            for finding in run.findings
        ]
        show_table(["broken promises", "count", "by"], rows, empty="Nothing was examined.")
        progress.out.print()
        show_facts({name: value for name, value in run.summary().items() if name != "findings"})
    if not run.kept:
        broken = [finding.promise for finding in run.findings if not finding.kept]
        raise CommandError(f"Broken: {', '.join(broken)}. Repeat with --seed {run.seed}.")
