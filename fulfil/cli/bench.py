"""`fulfil bench`: the figures of this release on this machine, each beside its target."""

from typing import Annotated

import typer

from fulfil.cli.rendering import show_json, show_table
from fulfil.cli.running import Output, OutputFormat
from fulfil.cli.saying import Progress
from fulfil.kit.logging import configure_logging
from fulfil.kit.runtime import run_main

app = typer.Typer()

VERDICTS = {True: "yes", False: "no", None: ""}


@app.command()
def bench(
    seconds: Annotated[float, typer.Option(min=1, help="How long complete orders are counted.")] = 15,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Measure throughput, latencies, races, live streams, cost per order and memory on an embedded stack."""
    from fulfil.cli.benches.measuring import measure  # noqa: PLC0415 (loads every server's client)

    configure_logging(service="fulfil-bench", level="ERROR", log_format="auto")
    progress = Progress(output)
    figures = run_main(measure(progress, seconds=seconds))
    if output is OutputFormat.JSON:
        show_json({"seconds": round(progress.elapsed_s, 1), "figures": [figure.as_json() for figure in figures]})
        return
    progress.out.print()
    rows = [(figure.what, figure.value, figure.target, VERDICTS[figure.reached]) for figure in figures]
    show_table(["what", "figure", "target", "reached"], rows, empty="Nothing was measured.")
