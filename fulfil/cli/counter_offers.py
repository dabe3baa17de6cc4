"""`fulfil counter-offer …`: what providers would do instead, and the customer's answer."""

from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.schemas.dispatch import CounterOffer
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.jobs import JobId
from fulfil.cli.playing.dispatching import Dispatching
from fulfil.cli.rendering import show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat

app = typer.Typer(no_args_is_help=True, help="Counter-offers: another date or a lower price; list, accept, decline.")

CounterId = Annotated[str, typer.Argument(metavar="COUNTER-OFFER")]


@app.command("list")
def list_counter_offers(
    job_id: JobId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """What providers would do instead for one job, newest first."""

    async def question(api: ApiClient) -> list[CounterOffer]:
        return await Dispatching(api).counter_offers(job_id)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (
            *(each.id, each.state, f"{each.provider_name} ({each.provider_score})", each.lead_time_days),
            *(each.due_at, each.amount, each.note, each.expires_at),
        )
        for each in found
    ]
    columns = ["counter-offer", "state", "provider (score)", "days", "on its way by", "price", "note", "open until"]
    show_table(columns, rows, empty="No counter-offers.")


@app.command()
def accept(
    counter_id: CounterId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """Take it: its provider has the job, and what it is cheaper by is paid back."""
    _answer(counter_id, "accept", data_dir, act_as, output)


@app.command()
def decline(
    counter_id: CounterId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """Not on these terms; the others are still asked."""
    _answer(counter_id, "decline", data_dir, act_as, output)


@app.command()
def withdraw(
    counter_id: CounterId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """Take back what you offered, while nobody has taken it."""
    _answer(counter_id, "withdraw", data_dir, act_as, output)


def show_counter(counter: CounterOffer, output: OutputFormat) -> None:
    """One counter-offer with its terms."""
    facts: dict[str, object] = {
        "counter-offer": counter.id,
        "state": counter.state,
        "provider": f"{counter.provider_name} (score {counter.provider_score})",
        "days": counter.lead_time_days,
        "on its way by": counter.due_at,
        "price": counter.amount,
        "saving": counter.saving if counter.saving.amount_minor else None,
        "payout": counter.payout,
        "note": counter.note or None,
        "open until": counter.expires_at,
        "you may": ", ".join(counter.allowed_actions) or None,
    }
    show(output, counter, facts)


def _answer(counter_id: str, action: str, data_dir: Path | None, act_as: str, output: OutputFormat) -> None:
    async def question(api: ApiClient) -> CounterOffer:
        return await Dispatching(api).answer_counter(counter_id, action)

    show_counter(ask(question, data_dir, act_as), output)
