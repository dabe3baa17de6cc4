"""`fulfil quote FILE…`: what making files costs, and why; `show`, `prove`, `replay`, `refit` look again."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.markup import escape

from fulfil.api.schemas.quotes import Quote, QuoteProof, QuotesReplayed
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask, ask_as_guest
from fulfil.cli.defaulting import DefaultingGroup
from fulfil.cli.exits import CommandError, ExitCode, NotFoundError, WrongUsageError
from fulfil.cli.playing.people import Administrator, Customer, Person
from fulfil.cli.quote_asking import Asking, Wishes, read_operations
from fulfil.cli.quote_views import show_quote, show_repriced, signed
from fulfil.cli.rendering import console, show_facts, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.quoting.prices.tariffs import CURRENT_TARIFF_VERSION, TariffError, tariff_document

app = typer.Typer(
    cls=DefaultingGroup,
    no_args_is_help=True,
    help="Quotes: `fulfil quote FILE…` makes one; show, prove, replay, refit.",
)

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...", exists=True, dir_okay=False, readable=True, help="STL, OBJ, 3MF, STEP; SVG, DXF."
    ),
]
Accepted = Annotated[list[str] | None, typer.Option(help="Take a risk by its finding's code; repeat for more.")]
Operations = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=cut|score|engrave|ignore", help="What a colour or layer means; repeat for more."),
]
PreviewPlace = Annotated[
    str | None, typer.Option(help="Where the picture goes: a file, or a folder; ./NAME.preview.png unless given.")
]
QuoteId = Annotated[str, typer.Argument(metavar="QUOTE")]
TRUTH_FILE = "truth.json"


@app.command()
def make(  # noqa: PLR0913 (a quote has these choices)
    files: Files,
    *,
    material: Annotated[
        str, typer.Option(help="PLA, ABS, PETG, TPU, RESIN, WOOD, …; the usual one unless given.")
    ] = "",
    process: Annotated[str, typer.Option(help="fdm, resin or laser; by the kind of file unless given.")] = "",
    quantity: Annotated[int, typer.Option(min=1, help="How many of each.")] = 1,
    thickness: Annotated[float | None, typer.Option(help="Of the sheet, in mm.")] = None,
    infill: Annotated[int | None, typer.Option(min=0, max=100, help="In percent.")] = None,
    unit: Annotated[str, typer.Option(help="Confirm what one unit of the files is: mm, cm, inch, …")] = "",
    accept: Accepted = None,
    operation: Operations = None,
    currency: Annotated[str, typer.Option(help="eur, usd, gbp, jpy, kwd.")] = "eur",
    lead_time: Annotated[str, typer.Option(help="economy, standard or express.")] = "standard",
    tier: Annotated[str, typer.Option(help="Class of providers.")] = "standard",
    preview: PreviewPlace = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Have a real slicer check the estimates.")] = False,
    guest: Annotated[bool, typer.Option("--guest", help="Without an account: see the price, order nothing.")] = False,
    no_preview: Annotated[bool, typer.Option("--no-preview", help="Save no picture.")] = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Upload files and show their explained price; order it with `fulfil order place QUOTE`.

    A file that is refused does not keep the others from being priced; the exit code is 2 then.
    """
    wishes = Wishes(
        process, material, quantity, thickness, infill, unit, accept or (), read_operations(operation or ())
    )
    terms = {"currency": currency.lower(), "lead_time": lead_time.lower(), "tier": tier.lower()}
    # Pictures are for people; a machine has to ask for them.
    pictures = not no_preview and (preview is not None or output is OutputFormat.TABLE)
    contents = {path: path.read_bytes() for path in files}
    saved: list[Path] = []
    with Console(stderr=True).status("connecting") as status:

        async def question(api: ApiClient) -> tuple[Quote, Asking]:
            asking = Asking(Customer(api), lambda what: status.update(escape(what)))
            quote = await asking.quote(contents, wishes, terms)
            if confirm:
                quote = await asking.confirm(quote)
            if pictures:
                saved.extend(await asking.save_previews(quote, preview or ""))
            return quote, asking

        quote, asking = ask_as_guest(question, data_dir) if guest else ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(quote)
    else:
        show_quote(quote)
        if saved:
            show_facts({"saved": ", ".join(str(path) for path in saved)})
    _end(quote, asking)


@app.command()
def show(quote_id: QuoteId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """A stored quote, explained; waits while its files are being measured."""
    with Console(stderr=True).status("reading") as status:

        async def question(api: ApiClient) -> Quote:
            return await Person(api).stored_quote(
                quote_id, lambda pending: status.update(f"{pending.progress.stage}, {pending.progress.percent} %")
            )

        quote = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(quote)
    else:
        show_quote(quote)


@app.command()
def prove(quote_id: QuoteId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """Measure and price a quote again by its own versions; exit code 1 when it does not come out the same."""

    async def question(api: ApiClient) -> QuoteProof:
        return await Person(api).prove(quote_id)

    with Console(stderr=True).status("measuring again"):
        proof = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(proof)
    else:
        show_repriced(proof)
        for difference in proof.differences:
            console().print(f"  {escape(difference)}", soft_wrap=True)
    if not proof.same:
        raise CommandError(f"{quote_id} comes out differently: {len(proof.differences)} difference(s).")
    if output is OutputFormat.TABLE:
        console().print("[green]The same to the letter.[/]")


@app.command()
def tariff(version: Annotated[str, typer.Argument(help="Today's unless given.")] = CURRENT_TARIFF_VERSION) -> None:
    """Print a published price list, to change it and try it with `fulfil quote replay`."""
    try:
        document = tariff_document(version)
    except TariffError as error:
        raise NotFoundError(str(error)) from error
    typer.echo(document.decode(), nl=False)


@app.command()
def replay(
    tariff: Annotated[Path, typer.Option(exists=True, dir_okay=False, readable=True, help="The price list to try.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest quotes.")] = 1000,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """What another price list would do to the stored quotes; changes nothing. For administrators."""
    try:
        document: object = json.loads(tariff.read_bytes())
    except ValueError as error:
        raise WrongUsageError(f"{tariff} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise WrongUsageError(f"{tariff} is not a price list: a JSON object is.")

    async def question(api: ApiClient) -> QuotesReplayed:
        return await Administrator(api).replay_quotes(cast("dict[str, object]", document), limit)

    with Console(stderr=True).status("pricing stored quotes"):
        replayed = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(replayed)
        return
    show_facts(
        {"tariff": replayed.tariff_version, "quotes": replayed.quotes, "without a price now": replayed.unpriceable}
    )
    sums = [(each.before.currency, each.before, each.after, signed(each.difference)) for each in replayed.sums]
    show_table(["currency", "before", "after", "difference"], sums, empty="No quotes.")
    changed = [
        (each.quote_id, each.before, each.after, signed(each.difference) if each.difference else None)
        for each in replayed.changed_most
    ]
    show_table(["changed most", "before", "after", "difference"], changed, empty="None changes.")


@app.command()
def refit(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help=f"Sliced STL files, and {TRUTH_FILE} about them.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the new coefficients go.")] = Path(
        "coefficients.json"
    ),
) -> None:
    """Fit the filament coefficients to parts a slicer has sliced; needs no running system."""
    from fulfil.quoting.estimates.refit import refit_folder_content  # noqa: PLC0415 (loads numpy and more)
    from fulfil.quoting.refusals import QuotingRefusalError  # noqa: PLC0415

    truth = folder / TRUTH_FILE
    if not truth.is_file():
        raise WrongUsageError(f"{folder} has no {TRUTH_FILE}.")
    parts = {path.name: path.read_bytes() for path in sorted(folder.rglob("*.stl"))}
    try:
        with Console(stderr=True).status(f"fitting to {len(parts)} parts"):
            today = datetime.now(UTC).date().isoformat()
            fitted = refit_folder_content(parts, truth.read_bytes(), fitted_on=today)
    except (ValueError, QuotingRefusalError) as error:
        raise CommandError(f"Nothing was fitted: {error}") from error
    out.write_bytes(fitted)
    console().print(f"Fitted to {len(parts)} parts: {out}")


def _end(quote: Quote, asking: Asking) -> None:
    """Say what was left out, and end with the code of wrong input when something was."""
    errors = Console(stderr=True, highlight=False)
    for name, error in asking.unconfirmed.items():
        errors.print(f"[yellow]{escape(name)} was not sliced:[/] {escape(str(error))}", soft_wrap=True)
    for path, error in asking.refused.items():
        errors.print(f"[bold red]{escape(path.name)}:[/] {escape(str(error))}", soft_wrap=True)
    if asking.refused or any(item.refusal for item in quote.items):
        raise typer.Exit(ExitCode.USAGE)
