"""`fulfil stuck` and `fulfil support …`: what does not move by itself, and how to move it on."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.markup import escape

from fulfil.api.schemas.support import StuckOrder, StuckOrders
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, DryRun, Reason, ask
from fulfil.cli.exits import CommandError, NotFoundError
from fulfil.cli.orders import OrderId
from fulfil.cli.playing.people import Support
from fulfil.cli.rendering import console, show, show_facts, show_json
from fulfil.cli.running import DataDir, Output, OutputFormat

stuck_app = typer.Typer()
app = typer.Typer(no_args_is_help=True, help="Interventions; each needs a reason, which stands in the timeline.")


@stuck_app.command()
def stuck(data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """Orders that do not move by themselves: cause, owner, and the safe next action."""
    found = ask(lambda api: Support(api).stuck(), data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(StuckOrders(data=found))
    elif not found:
        console().print("[green]Nothing is stuck.[/]")
    for order in found if output is OutputFormat.TABLE else []:
        _show_stuck(order)


JobOption = Annotated[str | None, typer.Option("--job", help="Which job or deliverable, of several.")]


@app.command()
def retry(
    order_id: OrderId,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Try the parked step again; what it did before is found, not repeated."""
    _resolve(order_id, "retry", reason, data_dir, act_as, output, dry_run=dry_run)


@app.command()
def skip(
    order_id: OrderId,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Go on without the parked step: what it was for was done another way."""
    _resolve(order_id, "skip", reason, data_dir, act_as, output, dry_run=dry_run)


@app.command("cancel-step")
def cancel_step(
    order_id: OrderId,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Give up what the parked step was for."""
    _resolve(order_id, "cancel-step", reason, data_dir, act_as, output, dry_run=dry_run)


@app.command()
def redispatch(
    order_id: OrderId,
    reason: Reason,
    *,
    job: JobOption = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Take a job from its provider, if there is one, and offer it anew."""
    if dry_run:
        _rehearse(order_id, "offer the job anew", data_dir, act_as)
        return
    _intervene(lambda support: support.redispatch(order_id, reason, job_id=job), data_dir, act_as, output)


@app.command()
def cancel(
    order_id: OrderId,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Call the order off for its customer; the money goes back."""
    if dry_run:
        _rehearse(order_id, "cancel the order", data_dir, act_as)
        return
    _intervene(lambda support: support.cancel_order(order_id, reason), data_dir, act_as, output)


@app.command()
def reset(
    order_id: OrderId,
    reason: Reason,
    step: Annotated[str | None, typer.Option(help="Go back before this step; the parked one unless given.")] = None,
    *,
    job: JobOption = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Run the workflow again from before a step; no effect is repeated."""
    if dry_run:
        _rehearse(order_id, f"run again from before {step or 'the parked step'}", data_dir, act_as)
        return
    _intervene(lambda support: support.reset(order_id, reason, step, job_id=job), data_dir, act_as, output)


def _resolve(
    order_id: str,
    action: str,
    reason: str,
    data_dir: Path | None,
    act_as: str,
    output: OutputFormat,
    *,
    dry_run: bool,
) -> None:
    if not dry_run:
        _intervene(lambda support: support.resolve(order_id, action, reason), data_dir, act_as, output)
        return
    parked = _find(order_id, ask(lambda api: Support(api).stuck(), data_dir, act_as))
    if action not in parked.allowed_actions:
        possible = ", ".join(parked.allowed_actions) or "nothing"
        raise CommandError(f"{parked.step} of {order_id} does not allow {action}; possible now: {possible}.")
    console().print(f"Would {action} {parked.step} of {order_id} ({escape(parked.cause)}). Nothing was changed.")


def _find(order_id: str, found: list[StuckOrder]) -> StuckOrder:
    parked = next((order for order in found if order.order_id == order_id and order.kind == "parked"), None)
    if parked is None:
        raise NotFoundError(f"No step of {order_id} is parked: see `fulfil stuck` and `fulfil order show {order_id}`.")
    return parked


def _rehearse(order_id: str, what: str, data_dir: Path | None, act_as: str) -> None:
    """Say what would happen to an order that exists."""
    order = ask(lambda api: Support(api).order(order_id), data_dir, act_as)
    job = f", job {order.job.state}" if order.job else ""
    console().print(f"Would {what}: {order_id} is {order.state}{job}. Nothing was changed.")


def _intervene(
    act: Callable[[Support], Awaitable[BaseModel]], data_dir: Path | None, act_as: str, output: OutputFormat
) -> None:
    async def question(api: ApiClient) -> BaseModel:
        return await act(Support(api))

    done = ask(question, data_dir, act_as)
    show(output, done, {name: value for name, value in done if not isinstance(value, (BaseModel, list))})


def _show_stuck(order: StuckOrder) -> None:
    show_facts(
        {
            "order": order.order_id,
            "state": f"{order.order_state}, {order.kind} at {order.step}",
            "since": order.since,
            "cause": order.cause,
            "whose move": order.owner,
            "what helps": order.next_action,
            "command": order.command,
            "workflow": order.workflow_id,
        }
    )
    console().print()
