"""`fulfil demo`: one real order, from file to payout, played before your eyes."""

from typing import Annotated

import typer

from fulfil.cli.rendering import console
from fulfil.cli.running import DataDir, settings_for
from fulfil.kit.logging import configure_logging
from fulfil.kit.runtime import run_main

app = typer.Typer()


@app.command()
def demo(
    api_url: Annotated[
        str, typer.Option(help="Play on the stack that runs there (see --data-dir) instead of a passing one.")
    ] = "",
    data_dir: DataDir = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
) -> None:
    """Start everything in a temporary folder, play one order from the file to the payout, and stop."""
    from fulfil.cli.playing.performance import perform, perform_at  # noqa: PLC0415 (loads every server's client)

    configure_logging(service="fulfil-demo", level="CRITICAL", log_format="auto")
    try:
        run_main(perform_at(api_url, settings_for(data_dir).data_dir) if api_url else perform(keep=keep))
    except KeyboardInterrupt:
        console().print("\nStopped.")
