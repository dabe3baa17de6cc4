"""`fulfil dispatch …`: why whom was asked, what another ranking would have done, and asking somebody else."""

from typing import Annotated

import typer
from rich.markup import escape

from fulfil.api.schemas.dispatch import Decision, Dispatch, OfferByChoice, RankedCandidate
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, DryRun, Reason, ask
from fulfil.cli.jobs import JobId
from fulfil.cli.playing.dispatching import Dispatching
from fulfil.cli.rendering import cell, console, show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat

app = typer.Typer(no_args_is_help=True, help="Who is asked to make a job, and why.")

ASKED_OR_NEAR = 10
"""So many candidates of a decision are printed with their reasons; JSON has all that are kept."""


@app.command()
def explain(
    job_id: JobId,
    ranking: Annotated[
        str, typer.Option(help="Rank the same facts by this one as well: balanced, nearest, fairest.")
    ] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Who was asked, in which order and why, what she answered; who was left out; beside another ranking's order."""

    async def question(api: ApiClient) -> Dispatch:
        return await Dispatching(api).dispatch(job_id, ranking or None)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    for decision in found.decisions:
        _show_decision(decision, found.replayed_with)
    for chosen in found.chosen_by_support:
        console().print(f"Support asked {escape(chosen.provider_name)} in round {chosen.round}: {chosen.answer}.")
    if not found.decisions and not found.chosen_by_support:
        console().print("[dim]Nobody has been asked yet.[/]")


@app.command()
def offer(
    job_id: JobId,
    provider_id: Annotated[str, typer.Argument(metavar="PROVIDER")],
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Ask a provider of your choice; she may be busy, a newcomer, or have been asked before."""
    if dry_run:
        console().print(f"Would offer {escape(job_id)} to {escape(provider_id)}, if she can make it: {escape(reason)}")
        return

    async def question(api: ApiClient) -> OfferByChoice:
        return await Dispatching(api).offer_job(job_id, provider_id, reason)

    asked = ask(question, data_dir, act_as)
    show(
        output,
        asked,
        {"job": asked.job_id, "offer": asked.offer_id, "to": asked.provider_id, "open until": asked.expires_at},
    )


def _show_decision(decision: Decision, replayed_with: str | None) -> None:
    out = console()
    where = {"wave": f"wave {decision.wave}", "open_board": "the open board"}.get(decision.stage, decision.stage)
    out.print(
        f"\n[bold]Round {decision.round}, {where}[/], {cell(decision.decided_at)}, ranked by {decision.ranking}: "
        f"{decision.asked} asked, {len(decision.candidates)} ranked, {decision.left_out_count} left out"
    )
    replay = [f"by {replayed_with}"] if replayed_with else []
    shown = _printed(decision)
    rows = [
        (
            *(one.position, one.provider_name, f"{one.points / 1000:.1f}"),
            *([_moved(one)] if replayed_with else []),
            *(one.answer if one.asked else "not asked", one.answered_at),
            " ".join(part.sentence for part in one.parts),
        )
        for one in shown
    ]
    show_table(["", "provider", "points", *replay, "answer", "at", "why"], rows, empty="Nobody could be asked.")
    if len(shown) < len(decision.candidates):
        out.print(f"[dim]and {len(decision.candidates) - len(shown)} more; -o json has all of them[/]")
    for left_out in decision.left_out[:ASKED_OR_NEAR]:
        out.print(f"  [dim]without {escape(left_out.provider_name)}: {escape(left_out.detail)}[/]")
    if decision.left_out_count > ASKED_OR_NEAR:
        out.print(f"  [dim]and without {decision.left_out_count - ASKED_OR_NEAR} more[/]")


def _printed(decision: Decision) -> list[RankedCandidate]:
    """The first, and whoever another ranking would have put among them."""
    return [
        one
        for one in decision.candidates
        if one.position <= ASKED_OR_NEAR or (one.replayed is not None and one.replayed.position <= ASKED_OR_NEAR)
    ]


def _moved(one: RankedCandidate) -> str:
    """`3 (+2)`: third there, two places further up."""
    if one.replayed is None:
        return ""
    return f"{one.replayed.position} ({one.replayed.moved:+d})" if one.replayed.moved else str(one.replayed.position)
