"""`fulfil stock …`: what there is, what came in, what changed it, what is low, and whether it adds up."""

from typing import Annotated

import typer

from fulfil.api.schemas.accounts import Account
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.stock import StockItem, StockMovement, StockProof
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.exits import CommandError, WrongUsageError
from fulfil.cli.rendering import console, show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.inventory import StockUnit

app = typer.Typer(no_args_is_help=True, help="Stock by material, colour and lot: list, receive, adjust, verify.")

ItemId = Annotated[str, typer.Argument(metavar="ITEM")]
OfProvider = Annotated[str, typer.Option("--provider", metavar="PROVIDER", help="Whose stock; your own unless given.")]
Limit = Annotated[int, typer.Option(min=1, max=100)]


@app.command("list")
def list_stock(
    low: Annotated[bool | None, typer.Option("--low/--enough", help="Only what is low, or what is not.")] = None,
    material: Annotated[str | None, typer.Option(help="Only lots of this material.")] = None,
    provider: OfProvider = "",
    limit: Limit = 100,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Lots of a provider; staff see all providers' unless one is named."""
    path = f"/providers/{provider}/stock" if provider else "/stock"
    wanted = None if low is None else str(low).lower()

    async def question(api: ApiClient) -> Page[StockItem]:
        return await api.get(Page[StockItem], path, low=wanted, material=material, limit=limit)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found.data)
        return
    rows = [
        (
            item.id,
            item.material,
            item.colour,
            item.lot,
            f"{item.available_quantity} {item.unit}",
            f"{item.reserved_quantity} {item.unit}",
            item.low_since,
            item.reorder_url if item.low_since else None,
        )
        for item in found.data
    ]
    columns = ["item", "material", "colour", "lot", "free", "reserved", "low since", "reorder"]
    show_table(columns, rows, empty="No stock.")
    if found.has_more:
        console().print("[dim]There is more: raise --limit, or name a --material.[/]")


@app.command()
def receive(  # noqa: PLR0913, PLR0917 (options of a command)
    material: Annotated[str, typer.Argument()],
    quantity: Annotated[int, typer.Argument(min=1)],
    unit: Annotated[StockUnit, typer.Option(help="What the quantity counts.")] = StockUnit.GRAM,
    colour: Annotated[str, typer.Option()] = "",
    lot: Annotated[str, typer.Option(help="The maker's batch.")] = "",
    low_at: Annotated[int | None, typer.Option(min=0, help="At or below this it is low.")] = None,
    reorder_url: Annotated[str | None, typer.Option(help="Where more of it is ordered.")] = None,
    reason: Annotated[str, typer.Option(help="Delivery note, …")] = "",
    provider: OfProvider = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Record material that came in."""
    body = {
        "material": material,
        "quantity": quantity,
        "unit": unit,
        "colour": colour,
        "lot": lot,
        "low_at_quantity": low_at,
        "reorder_url": reorder_url,
        "reason": reason,
    }

    async def question(api: ApiClient) -> StockItem:
        return await api.post(StockItem, f"/providers/{await _whose(api, provider)}/stock", body)

    _show_item(ask(question, data_dir, act_as), output)


@app.command()
def adjust(
    item_id: ItemId,
    reason: Annotated[str, typer.Option(help="Why; it stands in the movement beside your name.")],
    by: Annotated[int | None, typer.Option(help="How much more, or (negative) less.")] = None,
    counted: Annotated[int | None, typer.Option(min=0, help="How much was counted, with what is reserved.")] = None,
    provider: OfProvider = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Correct what is there, by a change or by what was counted."""
    if (by is None) == (counted is None):
        raise WrongUsageError("Say either --by or --counted.")
    body = {"reason": reason} | ({"change": by} if counted is None else {"counted": counted})

    async def question(api: ApiClient) -> StockItem:
        path = f"/providers/{await _whose(api, provider)}/stock/{item_id}/adjustments"
        return await api.post(StockItem, path, body)

    _show_item(ask(question, data_dir, act_as), output)


@app.command()
def movements(
    item_id: ItemId,
    provider: OfProvider = "",
    limit: Limit = 20,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """What changed a lot, newest first."""

    async def question(api: ApiClient) -> Page[StockMovement]:
        path = f"/providers/{await _whose(api, provider)}/stock/{item_id}/movements"
        return await api.get(Page[StockMovement], path, limit=limit)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found.data)
        return
    rows = [
        (
            each.created_at,
            each.kind,
            f"{each.available_delta:+}",
            f"{each.reserved_delta:+}",
            each.job_id,
            each.actor and each.actor.kind,
            each.reason,
        )
        for each in found.data
    ]
    show_table(["when", "what", "free", "reserved", "job", "by", "reason"], rows, empty="Nothing moved.")


@app.command()
def verify(data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """Check that balances follow from movements and reservations from leases; exit code 1 when they do not."""

    async def question(api: ApiClient) -> StockProof:
        return await api.get(StockProof, "/stock/verification")

    proof = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(proof)
    else:
        rows = [(finding.item_id, finding.code, finding.detail) for finding in proof.findings]
        everything = f"{proof.items} lot(s) and {proof.movements} movement(s): everything adds up."
        show_table(["item", "what", "detail"], rows, empty=everything)
    if proof.findings:
        raise CommandError(f"{len(proof.findings)} finding(s) in the books of stock.")


async def _whose(api: ApiClient, provider_id: str) -> str:
    """The provider named, or the caller herself."""
    if provider_id:
        return provider_id
    caller = await api.get(Account, "/me")
    if caller.party_id is None:
        raise WrongUsageError("Name the provider with --provider: you have no stock of your own.")
    return caller.party_id


def _show_item(item: StockItem, output: OutputFormat) -> None:
    facts = {
        "item": item.id,
        "material": item.material,
        "colour": item.colour,
        "lot": item.lot,
        "free": f"{item.available_quantity} {item.unit}",
        "reserved": f"{item.reserved_quantity} {item.unit}",
        "low since": item.low_since,
        "reorder": item.reorder_url,
    }
    show(output, item, facts)
