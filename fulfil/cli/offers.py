"""`fulfil offer …`: what a provider was offered, and her answer."""

from typing import Annotated

import typer

from fulfil.api.schemas.jobs import Acceptance, Offer
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.playing.people import Provider
from fulfil.cli.rendering import show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.jobs import OfferState

app = typer.Typer(no_args_is_help=True, help="Offers to a provider: list, accept, decline.")

OfferId = Annotated[str, typer.Argument(metavar="OFFER")]


@app.command("list")
def list_offers(
    state: Annotated[OfferState | None, typer.Option(help="All states unless given.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The newest offers."""

    async def question(api: ApiClient) -> list[Offer]:
        return await Provider(api).offers(state)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (offer.id, offer.state, offer.work.title, offer.work.material, offer.payout, offer.expires_at)
        for offer in found
    ]
    show_table(["offer", "state", "work", "material", "payout", "open until"], rows, empty="No offers.")


@app.command()
def accept(
    offer_id: OfferId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """Take the job; the first provider wins."""

    async def question(api: ApiClient) -> Acceptance:
        return await Provider(api).accept(offer_id)

    won = ask(question, data_dir, act_as)
    show(output, won, {"job": won.job_id, "state": won.state, "start production until": won.start_due_at})


@app.command()
def decline(
    offer_id: OfferId,
    reason: Annotated[str, typer.Option(help="Why not; the ranking may learn from it.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Say no; the next providers are asked."""

    async def question(api: ApiClient) -> Offer:
        return await Provider(api).decline(offer_id, reason)

    offer = ask(question, data_dir, act_as)
    show(output, offer, {"offer": offer.id, "state": offer.state, "because": offer.close_reason})
