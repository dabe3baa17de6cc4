"""`fulfil simulate month`: a month of orders on virtual time, and what came of it."""

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from fulfil.cli.benches.findings import SHOWN_EXAMPLES
from fulfil.cli.exits import CommandError
from fulfil.cli.rendering import show_facts, show_json, show_table
from fulfil.cli.running import Output, OutputFormat
from fulfil.cli.saying import Progress
from fulfil.kit.logging import configure_logging
from fulfil.kit.runtime import run_main

if TYPE_CHECKING:
    from fulfil.cli.benches.month.run import MonthRun


def month(
    orders: Annotated[int, typer.Option(min=1, max=5_000, help="How many are placed within thirty days.")] = 500,
    providers: Annotated[int, typer.Option(min=2, max=200, help="How many compete, each with a character.")] = 40,
    seed: Annotated[int | None, typer.Option(help="Play the people of an earlier run.")] = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Play a month of orders on virtual time: providers answer, stall, fail, recover; then examine every cent and gram.

    API, workers and PostgreSQL are real, Temporal is its time-skipping test server. Ends with exit code 1 when a
    promise was broken, or when too few of the orders that were wanted were completed.
    """
    from fulfil.cli.benches.month.run import COMPLETED_TARGET, play_month  # noqa: PLC0415 (loads API and workers)

    configure_logging(service="fulfil-month", level="CRITICAL", log_format="auto")
    progress = Progress(output)
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    progress.say(f"seed {chosen}: {orders} orders, {providers} providers")
    run = run_main(play_month(progress.say, orders=orders, makers=providers, seed=chosen))
    if output is OutputFormat.JSON:
        show_json(run.summary())
    else:
        _show(progress, run)
    if not run.kept:
        broken = [finding.promise for finding in run.findings if not finding.kept]
        if run.endings.completed_share <= COMPLETED_TARGET:
            broken.append("too few orders completed")
        again = f"--orders {orders} --providers {providers} --seed {chosen}"
        raise CommandError(f"Broken: {', '.join(broken)}. Repeat with {again}.")


def _show(progress: Progress, run: "MonthRun") -> None:
    progress.out.print()
    rows = [
        (finding.promise, len(finding.broken_by), "; ".join(finding.broken_by[:SHOWN_EXAMPLES]))
        for finding in run.findings
    ]
    show_table(["broken promises", "count", "by"], rows, empty="Nothing was examined.")
    progress.out.print()
    show_facts({name: value for name, value in run.summary().items() if name != "findings"})
