"""`fulfil offer …`: what a provider was offered, and her answer: yes, no, or not quite so."""

from typing import Annotated

import typer

from fulfil.api.schemas.dispatch import CounterOffer
from fulfil.api.schemas.jobs import Acceptance, Offer
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.counter_offers import show_counter
from fulfil.cli.job_views import as_understood
from fulfil.cli.playing.dispatching import Dispatching
from fulfil.cli.playing.people import Provider
from fulfil.cli.refunds import money_of
from fulfil.cli.rendering import show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.dispatch import DeclineCode
from fulfil.models.messages.jobs import OfferState, Stage

app = typer.Typer(no_args_is_help=True, help="Offers to a provider: list, show, accept, decline, counter.")

OfferId = Annotated[str, typer.Argument(metavar="OFFER")]


@app.command("list")
def list_offers(
    state: Annotated[OfferState | None, typer.Option(help="All states unless given.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="open_board shows the open board.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The newest offers."""

    async def question(api: ApiClient) -> list[Offer]:
        return await Provider(api).offers(state, stage)

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


@app.command("show")
def show_offer(
    offer_id: OfferId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """What is to be made for how much, and why you were asked."""

    async def question(api: ApiClient) -> Offer:
        return await Dispatching(api).offer(offer_id)

    offer = ask(question, data_dir, act_as)
    facts: dict[str, object] = {
        "offer": offer.id,
        "job": offer.job_id,
        "state": offer.state,
        "because": offer.close_reason,
        "work": f"{offer.work.title}: {offer.work.process} in {offer.work.material}",
        **{f"file {number}": as_understood(file) for number, file in enumerate(offer.work.files, start=1)},
        "payout": offer.payout,
        "days": offer.work.lead_time_days,
        "open until": offer.expires_at,
        "asked because": " ".join(offer.reasons),
        "you may": ", ".join(offer.allowed_actions) or None,
    }
    show(output, offer, facts)


@app.command()
def decline(
    offer_id: OfferId,
    reason: Annotated[str, typer.Option(help="Why not, in your words.")] = "",
    code: Annotated[DeclineCode | None, typer.Option(help="Why not, to be counted.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Say no; the next providers are asked."""

    async def question(api: ApiClient) -> Offer:
        return await Provider(api).decline(offer_id, reason, code)

    offer = ask(question, data_dir, act_as)
    show(output, offer, {"offer": offer.id, "state": offer.state, "because": offer.close_reason})


@app.command()
def counter(
    offer_id: OfferId,
    days: Annotated[int | None, typer.Option(min=1, max=365, help="Days until it is on its way.")] = None,
    price: Annotated[
        str, typer.Option(metavar="AMOUNT", help="What the customer pays, such as 45.00; never more.")
    ] = "",
    note: Annotated[str, typer.Option(help="The customer reads it.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Offer another date, a lower price, or both; the customer may take it."""

    async def question(api: ApiClient) -> CounterOffer:
        people = Dispatching(api)
        terms: dict[str, object] = {"note": note, **({"lead_time_days": days} if days else {})}
        if price:
            currency = (await people.offer(offer_id)).payout.currency
            terms["amount"] = money_of(price, currency)
        return await people.counter(offer_id, terms)

    show_counter(ask(question, data_dir, act_as), output)
