"""`fulfil bench`: the figures of this release on this machine, each beside its target."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fulfil.cli.benches.figures import Figure
from fulfil.cli.rendering import show_json, show_table
from fulfil.cli.running import Output, OutputFormat
from fulfil.cli.saying import Progress
from fulfil.kit.logging import configure_logging
from fulfil.kit.runtime import run_main

app = typer.Typer()
group = typer.Typer(invoke_without_command=True)
app.add_typer(group, name="bench")

MOST_TIMERS = 1_000
VERDICTS = {True: "yes", False: "no", None: ""}


@group.callback()
def bench(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(min=1, help="How long complete orders are counted.")] = 15,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Measure throughput, latencies, races, live streams, cost per order and memory on an embedded stack."""
    if context.invoked_subcommand is not None:
        return
    from fulfil.cli.benches.measuring import measure  # noqa: PLC0415 (loads every server's client)

    configure_logging(service="fulfil-bench", level="ERROR", log_format="auto")
    progress = Progress(output)
    show_figures(progress, run_main(measure(progress, seconds=seconds)))


@group.command()
def quoting(
    truth: Annotated[
        Path | None,
        typer.Option(
            help="A folder with truth.json and the sliced parts; in a checkout, that of the tests.", show_default=False
        ),
    ] = None,
    output: Output = OutputFormat.TABLE,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Compare with trimesh at 5 M triangles too: 5 GB, 20 s.")
    ] = False,
) -> None:
    """Measure reading, measuring, estimating and drawing of parts, beside the raw read and trimesh."""
    from fulfil.cli.benches.quoting.accuracy import default_truth  # noqa: PLC0415 (loads the geometry libraries)
    from fulfil.cli.benches.quoting.measuring import measure_quoting  # noqa: PLC0415

    configure_logging(service="fulfil-bench", level="ERROR", log_format="auto")
    progress = Progress(output)
    figures = run_main(measure_quoting(progress.say, truth=truth or default_truth(), full=full))
    show_figures(progress, figures)


@group.command()
def ledger(
    orders: Annotated[int, typer.Option(min=1, help="How many orders the books are of.")] = 10_000,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Measure checking all books, posting a fact and proving an order, on a passing PostgreSQL."""
    from fulfil.cli.benches.ledger import measure_ledger  # noqa: PLC0415 (loads the database's client)

    configure_logging(service="fulfil-bench", level="ERROR", log_format="auto")
    progress = Progress(output)
    show_figures(progress, run_main(measure_ledger(progress.say, orders=orders)))


@group.command()
def races(
    rounds: Annotated[int, typer.Option(min=1, help="How many jobs are raced for.")] = 200,
    providers: Annotated[int, typer.Option(min=2, max=200, help="How many accept each at the same moment.")] = 50,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Let many providers accept one job at once, over HTTP on a passing stack: one wins, everybody is told."""
    from fulfil.cli.benches.races import measure_races  # noqa: PLC0415 (loads every server's client)

    configure_logging(service="fulfil-bench", level="ERROR", log_format="auto")
    progress = Progress(output)
    show_figures(progress, run_main(measure_races(progress, racers=providers, rounds=rounds)))


@group.command()
def dispatch(
    jobs: Annotated[int, typer.Option(min=1, help="How many jobs are open.")] = 1_000,
    providers: Annotated[int, typer.Option(min=1, help="How many could make them.")] = 500,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Measure ranking and opening waves for many jobs among many providers, on a passing PostgreSQL."""
    from fulfil.cli.benches.dispatch import measure_dispatch  # noqa: PLC0415 (loads the database's client)

    configure_logging(service="fulfil-bench", level="ERROR", log_format="auto")
    progress = Progress(output)
    show_figures(progress, run_main(measure_dispatch(progress.say, jobs=jobs, providers=providers)))


@group.command("open-orders")
def open_orders(
    orders: Annotated[int, typer.Option(min=20, max=100_000, help="How many wait at once.")] = 10_000,
    seconds: Annotated[float, typer.Option(min=1, help="They are started for at most so long.")] = 900,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Measure many orders that wait with timers: their cost, and how soon a fresh worker serves them."""
    from fulfil.cli.benches.open_orders.measuring import Size, measure_open_orders  # noqa: PLC0415 (loads Temporal)

    configure_logging(service="fulfil-bench", level="ERROR", log_format="auto")
    progress = Progress(output)
    size = Size(orders=orders, seconds=seconds, timers=min(MOST_TIMERS, orders // 2))
    show_figures(progress, run_main(measure_open_orders(progress.say, size)))


def show_figures(progress: Progress, figures: Sequence[Figure]) -> None:
    """Print what was measured, as a table or for machines."""
    if progress.output is OutputFormat.JSON:
        show_json({"seconds": round(progress.elapsed_s, 1), "figures": [figure.as_json() for figure in figures]})
        return
    progress.out.print()
    rows = [(figure.what, figure.value, figure.target, VERDICTS[figure.reached]) for figure in figures]
    show_table(["what", "figure", "target", "reached"], rows, empty="Nothing was measured.")
