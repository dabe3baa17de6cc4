"""`fulfil refund …` and `fulfil order refund`: preview, ask for, list, show, approve, reject, send another way."""

from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.schemas.refunds import Refund, RefundPreview
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, DryRun, Reason, ask
from fulfil.cli.exits import CommandError, WrongUsageError
from fulfil.cli.playing.people import Person, Support
from fulfil.cli.rendering import console, show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.refunds import RefundReason, RefundRoute, RefundState
from fulfil.models.money import AmountTextError, format_money, parse_amount

MOST_MINOR = 99_999_999_999

app = typer.Typer(no_args_is_help=True, help="Refunds: preview, create, show, list, approve, reject, reroute.")

OrderId = Annotated[str, typer.Argument(metavar="ORDER")]
RefundId = Annotated[str, typer.Argument(metavar="REFUND")]
Amount = Annotated[
    str | None, typer.Option(help="How much, such as 12.50 in the order's currency; all that is left unless given.")
]
Lines = Annotated[
    list[str] | None, typer.Option("--line", metavar="LINE[=AMOUNT]", help="A line, or a part of it; may be repeated.")
]
Shipping = Annotated[bool, typer.Option("--shipping", help="The shipping.")]
Why = Annotated[RefundReason, typer.Option("--why", help="`goodwill` is the platform's own money.")]
Key = Annotated[str | None, typer.Option(help="Idempotency-Key; repeat the command with it after a failure.")]


@app.command()
def preview(
    order_id: OrderId,
    amount: Amount = None,
    line: Lines = None,
    *,
    shipping: Shipping = False,
    why: Why = RefundReason.REQUESTED_BY_CUSTOMER,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """What a refund would do, and out of whose money; changes nothing."""

    async def question(api: ApiClient) -> RefundPreview:
        return await _preview(api, order_id, amount, line, shipping=shipping, why=why)

    _show_preview(ask(question, data_dir, act_as), output)


@app.command()
def create(  # noqa: PLR0913 (each is an option of the command)
    order_id: OrderId,
    reason: Reason,
    amount: Amount = None,
    line: Lines = None,
    *,
    shipping: Shipping = False,
    why: Why = RefundReason.REQUESTED_BY_CUSTOMER,
    key: Key = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Pay an order back, wholly or in part; what is above the limit or was released waits for a second person."""

    async def question(api: ApiClient) -> Refund | RefundPreview:
        if dry_run:
            return await _preview(api, order_id, amount, line, shipping=shipping, why=why)
        body = await _body(api, order_id, amount, line, shipping=shipping, why=why)
        return await Support(api).create_refund(order_id, {**body, "note": reason}, key)

    answer = ask(question, data_dir, act_as)
    if isinstance(answer, Refund):
        _show(answer, output)
    else:
        _show_preview(answer, output)


@app.command("show")
def show_refund(
    refund_id: RefundId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """One refund: where it stands, and out of whose money it is paid."""
    _show(ask(lambda api: Person(api).refund(refund_id), data_dir, act_as), output)


@app.command("list")
def list_refunds(
    order_id: Annotated[str | None, typer.Option("--order", metavar="ORDER", help="Only of this order.")] = None,
    state: Annotated[RefundState | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The newest refunds you may see."""
    found = ask(lambda api: Person(api).refunds(order_id, state, limit), data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (refund.id, refund.order_id, refund.state, refund.amount, refund.reason, refund.route, refund.requested_at)
        for refund in found
    ]
    show_table(["refund", "order", "state", "amount", "why", "route", "requested"], rows, empty="No refunds.")


@app.command()
def approve(
    refund_id: RefundId,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Let a refund be sent, as a second person."""
    _decide(refund_id, "approve", reason, data_dir, act_as, output, dry_run=dry_run)


@app.command()
def reject(
    refund_id: RefundId,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Refuse a refund as a second person, or give up one that failed."""
    _decide(refund_id, "reject", reason, data_dir, act_as, output, dry_run=dry_run)


@app.command()
def reroute(
    refund_id: RefundId,
    reason: Reason,
    route: Annotated[RefundRoute, typer.Option(help="card again, bank, or credit for later orders.")],
    reference: Annotated[str | None, typer.Option(help="The bank transfer that paid it.")] = None,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Send a refund that failed another way."""

    async def question(api: ApiClient) -> Refund:
        if dry_run:
            return await _possible(api, refund_id, "reroute")
        return await Support(api).reroute_refund(refund_id, route, reason, reference)

    refund = ask(question, data_dir, act_as)
    if dry_run:
        _rehearse(refund, f"send by {route.value}")
    else:
        _show(refund, output)


def _decide(
    refund_id: str,
    action: str,
    reason: str,
    data_dir: Path | None,
    act_as: str,
    output: OutputFormat,
    *,
    dry_run: bool,
) -> None:
    async def question(api: ApiClient) -> Refund:
        if dry_run:
            return await _possible(api, refund_id, action)
        return await Support(api).decide_refund(refund_id, action, reason)

    refund = ask(question, data_dir, act_as)
    if dry_run:
        _rehearse(refund, action)
    else:
        _show(refund, output)


async def _possible(api: ApiClient, refund_id: str, action: str) -> Refund:
    refund = await Person(api).refund(refund_id)
    if action not in refund.allowed_actions:
        possible = ", ".join(refund.allowed_actions) or "nothing"
        raise CommandError(f"{refund_id} is {refund.state}; possible now: {possible}.")
    return refund


def _rehearse(refund: Refund, what: str) -> None:
    console().print(f"Would {what} {refund.id} ({refund.amount}, {refund.state}). Nothing was changed.")


async def _preview(
    api: ApiClient, order_id: str, amount: str | None, lines: list[str] | None, *, shipping: bool, why: RefundReason
) -> RefundPreview:
    body = await _body(api, order_id, amount, lines, shipping=shipping, why=why)
    return await Support(api).preview_refund(order_id, body)


async def _body(
    api: ApiClient, order_id: str, amount: str | None, lines: list[str] | None, *, shipping: bool, why: RefundReason
) -> dict[str, object]:
    """The question as the API takes it; amounts are in the order's currency, so the order is read for it."""
    parts = [part.partition("=") for part in lines or ()]
    named = amount is not None or any(equals for _, equals, _ in parts)
    currency = (await Person(api).order(order_id)).total.currency if named else ""
    body: dict[str, object] = {"reason": why.value, "shipping": shipping}
    if amount is not None:
        body["amount"] = money_of(amount, currency)
    if parts:
        body["lines"] = [
            {"line_id": name} | ({"amount": money_of(part, currency)} if equals else {}) for name, equals, part in parts
        ]
    return body


def money_of(text: str, currency: str) -> dict[str, object]:
    """`12.50` as the API's amount; raises `WrongUsageError` for what is no amount of the currency."""
    try:
        minor = parse_amount(text, currency)
    except AmountTextError as error:
        raise WrongUsageError(f"No amount of {currency.upper()}: {error}.") from None
    if not 0 < minor <= MOST_MINOR:
        most = format_money(MOST_MINOR, currency)
        raise WrongUsageError(f"{text} is no amount here: it must be above zero, and at most {most}.")
    return {"amount_minor": minor, "currency": currency}


def _show_preview(preview: RefundPreview, output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        show_json(preview)
    elif not preview.possible:
        console().print(f"Not possible: {preview.refusal_detail} [{preview.refusal}]", markup=False)
    else:
        second = f"a second person ({', '.join(preview.approval_reasons)})" if preview.needs_approval else "nobody"
        facts = {
            "order": preview.order_id,
            "would pay back": preview.amount,
            "of at most": preview.refundable,
            "held": _sum(preview, "held"),
            "from the provider": _sum(preview, "provider_share"),
            "from our commission": _sum(preview, "commission"),
            "given by us": preview.goodwill if preview.goodwill.amount_minor else None,
            "approval by": second,
        }
        show(output, preview, facts)
        console().print("[dim]Nothing was changed.[/]")


def _sum(preview: RefundPreview, name: str) -> str | None:
    amounts = [getattr(part, name) for part in preview.parts]
    total = sum(amount.amount_minor for amount in amounts)
    return str(amounts[0].model_copy(update={"amount_minor": total})) if total else None


def _show(refund: Refund, output: OutputFormat) -> None:
    show(
        output,
        refund,
        {
            "refund": refund.id,
            "order": refund.order_id,
            "state": refund.state,
            "amount": refund.amount,
            "why": refund.reason,
            "note": refund.note,
            "route": refund.route,
            "reference": refund.reference,
            "needs a second person": ", ".join(refund.approval_reasons) or None,
            "did not arrive": refund.failure,
            "requested by": refund.requested_by.id if refund.requested_by else None,
            "decided by": refund.decided_by.id if refund.decided_by else None,
            "you may": ", ".join(refund.allowed_actions) or None,
            "requested": refund.requested_at,
            "arrived": refund.succeeded_at,
        },
    )
