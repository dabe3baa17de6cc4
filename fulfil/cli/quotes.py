"""`fulfil quote FILE`: what making a file costs, and why."""

from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.schemas.quotes import Quote
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.playing.people import Customer
from fulfil.cli.rendering import console, money, show_facts, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat

app = typer.Typer()


@app.command()
def quote(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="An STL file.")],
    material: Annotated[str, typer.Option(help="PLA, ABS, PETG, TPU, …")] = "PLA",
    quantity: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Upload a file and show its explained price; order it with `fulfil order place QUOTE`."""

    async def question(api: ApiClient) -> Quote:
        customer = Customer(api)
        stored = await customer.upload(file.name, file.read_bytes())
        return await customer.quote(stored.id, material, quantity)

    with console().status("Measuring and pricing…"):
        priced = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(priced)
    else:
        show_quote(priced)


def show_quote(quote: Quote) -> None:
    """What was measured, and the price line by line."""
    geometry, currency = quote.geometry, quote.total.currency
    size = " x ".join(f"{side:.1f}" for side in geometry.size_mm)
    closed = "closed" if geometry.watertight else "open"
    show_facts(
        {
            "quote": quote.id,
            "part": f"{size} mm, {geometry.volume_mm3 / 1000:.2f} cm3, {geometry.triangles} triangles, {closed}",
            "made of": f"{quote.quantity} in {quote.material}, {quote.material_g} g, in {quote.lead_time_days} days",
            "valid until": quote.expires_at,
        }
    )
    rows = [(line.title, money(line.amount_minor, currency), line.explanation) for line in quote.lines]
    show_table(["price line", "amount", "because"], [*rows, ("Total", quote.total, " ")], empty="no lines")
