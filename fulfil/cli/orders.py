"""`fulfil order …`: place, pay, list, show, watch live, cancel, refund, recalculate."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated

import typer
from rich.console import Console

from fulfil.api.schemas.documents import Documents
from fulfil.api.schemas.orders import Order, OrderLine, PaymentAttempt
from fulfil.api.schemas.quotes import OrderRecalculation, Quote
from fulfil.cli.client import ApiClient, ProblemError
from fulfil.cli.connection import ActAs, DryRun, Reason, ask, find_api, find_token
from fulfil.cli.exits import CommandError
from fulfil.cli.playing.people import Customer, Person
from fulfil.cli.quote_views import show_repriced
from fulfil.cli.refunds import create as refund_order
from fulfil.cli.rendering import console, show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.cli.timeline import document_name, next_line, timeline_line
from fulfil.models.messages.payments import PaymentState

app = typer.Typer(no_args_is_help=True, help="Orders: place, pay, list, show, watch, cancel, refund, recalculate.")

app.command("refund")(refund_order)

OrderId = Annotated[str, typer.Argument(metavar="ORDER")]
# A watcher outlives a restart of everything.
WATCH_PATIENCE_S = 600
WORDS_OF_PAYMENT: Mapping[PaymentState, str] = {
    PaymentState.REQUIRES_PAYMENT: "not yet",
    PaymentState.REQUIRES_ACTION: "not yet: the bank asks the customer to confirm (3-D Secure)",
    PaymentState.AUTHORIZED: "reserved by the bank, not taken yet",
    PaymentState.CAPTURED: "yes",
    PaymentState.FAILED: "no: the last attempt failed",
    PaymentState.CANCELLED: "no, and nothing was taken",
}
FROZEN = "a chargeback or inquiry is open: nothing is released or refunded"


@app.command()
def place(
    quotes: Annotated[list[str] | None, typer.Argument(metavar="QUOTE...")] = None,
    service: Annotated[list[str] | None, typer.Option("--service", help="A service; may be repeated.")] = None,
    *,
    pickup: Annotated[bool, typer.Option("--pickup", help="You pick the goods up.")] = False,
    key: Annotated[
        str | None, typer.Option(help="Idempotency-Key; repeat the command with it after a failure.")
    ] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Order quotes and services together, at the prices they show."""
    named, services = quotes or [], service or []
    if not named and not services:
        raise CommandError("Name a quote, or a service by --service.")

    async def question(api: ApiClient) -> Order:
        if len(named) == 1 and not services and not pickup:
            quote = await api.get(Quote, f"/quotes/{named[0]}")
            return await Customer(api).place(quote, key)
        lines = [{"quote_id": quote_id} for quote_id in named] + [{"service_id": one} for one in services]
        return await Customer(api).place_lines(lines, key, pickup=pickup)

    _show(ask(question, data_dir, act_as), output)


@app.command()
def pay(
    order_id: OrderId,
    payment_method: Annotated[str, typer.Option(help="A card's token; card numbers are refused.")] = "pm_card_visa",
    return_url: Annotated[str | None, typer.Option(help="Where the bank sends the customer after 3-D Secure.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Confirm the payment with a tokenised card."""

    async def question(api: ApiClient) -> PaymentAttempt:
        return await Customer(api).pay(order_id, payment_method, return_url)

    attempt = ask(question, data_dir, act_as)
    show(output, attempt, {"status": attempt.status, "confirm with the bank at": attempt.next_action_url})


@app.command("list")
def list_orders(
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The newest orders you may see."""

    async def question(api: ApiClient) -> list[Order]:
        return await Person(api).orders(limit)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (order.id, order.state, order.payment_state, order.total, order.placed_at, order.next and order.next.what)
        for order in found
    ]
    show_table(["order", "state", "payment", "total", "placed", "next"], rows, empty="No orders.")


@app.command("show")
def show_order(
    order_id: OrderId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """One order with its line, job, money and documents."""

    async def question(api: ApiClient) -> tuple[Order, dict[str, object]]:
        order = await Person(api).order(order_id)
        return order, {} if output is OutputFormat.JSON else await _papers(api, order_id)

    order, papers = ask(question, data_dir, act_as)
    _show(order, output, papers)


@app.command()
def watch(order_id: OrderId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """The order's timeline as it happens, until the order ends; a lost connection goes on where it was."""
    api_url = find_api(data_dir)
    api = ApiClient(api_url, token=find_token(data_dir, api_url, act_as), patience_s=WATCH_PATIENCE_S)
    try:
        asyncio.run(_watch(api, order_id, output))
    except KeyboardInterrupt:
        console().print("[dim]Stopped watching; the order goes on.[/]")


@app.command()
def cancel(
    order_id: OrderId,
    reason: Reason,
    *,
    line: Annotated[str | None, typer.Option("--line", help="Only this line; the others go on.")] = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Call an order off, or one line of it, until its production starts; the money goes back."""

    async def question(api: ApiClient) -> Order:
        person = Person(api)
        if dry_run:
            return await person.order(order_id)
        return await person.cancel(order_id, reason, line_id=line)

    order = ask(question, data_dir, act_as)
    if dry_run and line is not None:
        _rehearse_line(order, line)
        return
    if dry_run:
        if "cancel" not in order.allowed_actions:
            possible = ", ".join(order.allowed_actions) or "nothing"
            raise CommandError(f"{order_id} is {order.state} and can't be cancelled; possible now: {possible}.")
        console().print(f"Would cancel {order_id} ({order.state}, payment {order.payment_state}). Nothing was changed.")
        return
    _show(order, output)


@app.command()
def recalculate(
    order_id: OrderId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """What the same order would cost by today's price list; the order keeps its price."""

    async def question(api: ApiClient) -> OrderRecalculation:
        return await Person(api).recalculate(order_id)

    with Console(stderr=True).status("pricing again"):
        recalculated = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(recalculated)
    else:
        show_repriced(recalculated)


async def _watch(api: ApiClient, order_id: str, output: OutputFormat) -> None:
    out = console()
    async with api, aclosing(Person(api).watch(order_id)) as events:
        if output is OutputFormat.JSON:
            async for event in events:
                typer.echo(event.model_dump_json())
            return
        with out.status("waiting for the first event") as status:
            async for event in events:
                out.print(timeline_line(event))
                if event.next is not None:
                    status.update(next_line(event.next))


async def _papers(api: ApiClient, order_id: str) -> dict[str, object]:
    """Refunds and documents, a line each; documents that an API key may not read are left out."""
    refunds = await Person(api).refunds(order_id)
    told = [f"{one.id} {one.amount} {one.state.replace('_', ' ')}" for one in refunds]
    try:
        documents = (await api.get(Documents, f"/orders/{order_id}/documents")).data
    except ProblemError as error:
        if error.problem.status != HTTPStatus.FORBIDDEN:
            raise
        documents = []
    named = [f"{one.number} {document_name(one.kind)}" for one in documents]
    return {"refunds": "\n".join(told) or None, "documents": "\n".join(named) or None}


def _paid(order: Order) -> str:
    """What became of the customer's money, as far as the payment tells."""
    payment = order.payment
    if payment is None or payment.captured_at is None:
        return WORDS_OF_PAYMENT[order.payment_state]
    paid = f"{payment.amount} on {payment.captured_at:%Y-%m-%d}"
    if order.closed_at is not None or order.refund_state == "refunded":
        return paid
    return f"{paid}, held" if order.payment_frozen else f"{paid}, held until the work is approved"


def _rehearse_line(order: Order, line_id: str) -> None:
    found = next((line for line in order.lines or () if line.id == line_id), None)
    if found is None or "cancel" not in found.allowed_actions:
        stands = f"is {found.state}" if found else "is no line of the order"
        raise CommandError(f"{line_id} {stands} and can't be cancelled.")
    console().print(f"Would cancel {line_id} ({found.title}, {found.amount}). Nothing was changed.")


def _line_told(line: OrderLine) -> str:
    """`1 x box.stl: fdm in PLA, 12.99 EUR, offered (lin_…)`."""
    made = f": {line.process} in {line.material}" if line.process else ""
    due = f", due {line.due_at:%Y-%m-%d}" if line.due_at else ""
    back = f", {line.refunded} paid back" if line.refunded.amount_minor else ""
    return f"{line.title}{made}, {line.amount}, {line.state.replace('_', ' ')}{due}{back} ({line.id})"


def _what(lines: Sequence[OrderLine]) -> str | None:
    """One line shortly, several each on a line of its own."""
    if len(lines) != 1:
        return "\n".join(_line_told(line) for line in lines) or None
    [line] = lines
    return f"{line.title}: {line.process} in {line.material}" if line.process else line.title


def _show(order: Order, output: OutputFormat, papers: Mapping[str, object] | None = None) -> None:
    job = order.job
    lines = order.lines or []
    facts: dict[str, object] = {
        "order": order.id,
        "state": order.state,
        "what": _what(lines),
        "total": order.total,
        "paid": _paid(order),
        "declined": order.payment.decline_code if order.payment else None,
        "paid back": order.refunded if order.refunded.amount_minor else None,
        "frozen": FROZEN if order.payment_frozen else None,
        "job": f"{job.id} {job.state}" if job else None,
        "provider": job.provider_name if job else None,
        "deliverable": ", ".join(line.deliverable_id for line in lines if line.deliverable_id) or None,
        "tracking": job.production.tracking_number if job and job.production else None,
        "why cancelled": order.cancel_reason,
        "next": next_line(order.next) if order.next else None,
        "you may": ", ".join(order.allowed_actions) or None,
        "placed": order.placed_at,
        "closed": order.closed_at,
        **(papers or {}),
    }
    show(output, order, facts)
