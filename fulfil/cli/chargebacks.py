"""`fulfil chargeback …`: what card networks took back, the evidence, and answering them; for support."""

from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.schemas.base import Page
from fulfil.api.schemas.chargebacks import Chargeback, ChargebackSummary
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, DryRun, Reason, ask
from fulfil.cli.exits import CommandError
from fulfil.cli.rendering import console, show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.chargebacks import ChargebackState
from fulfil.models.messages.events import NextStep
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.money import format_money

PATH = "/support/chargebacks"
LONGEST_LIST = 100

app = typer.Typer(no_args_is_help=True, help="Chargebacks and inquiries of card networks, and answering them.")
ChargebackId = Annotated[str, typer.Argument(metavar="CHARGEBACK")]


@app.command("list")
def list_chargebacks(
    state: Annotated[ChargebackState | None, typer.Option(help="Only those in this state.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The newest hundred, and whose move each is."""

    async def question(api: ApiClient) -> Page[ChargebackSummary]:
        return await api.get(Page[ChargebackSummary], PATH, limit=LONGEST_LIST, state=state.value if state else None)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    show_table(
        ("chargeback", "order", "state", "amount", "reason", "due", "next"),
        [
            (one.id, one.order_id, one.state, one.amount, one.reason, one.evidence_due_at, one.next and one.next.what)
            for one in found.data
        ],
        empty="No card network has taken anything back.",
    )


@app.command("show")
def show_chargeback(
    chargeback_id: ChargebackId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """One chargeback with its evidence."""
    _show(_read(chargeback_id, data_dir, act_as), output)


@app.command()
def submit(
    chargeback_id: ChargebackId,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Send what is staged to the customer's bank, which accepts one answer."""
    _answer(chargeback_id, "submit", {"reason": reason}, data_dir, act_as, output, dry_run=dry_run)


@app.command()
def accept(
    chargeback_id: ChargebackId,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Give the chargeback up: the money is the customer's, for good."""
    _answer(chargeback_id, "accept", {"reason": reason}, data_dir, act_as, output, dry_run=dry_run)


@app.command()
def evidence(
    chargeback_id: ChargebackId,
    text: Annotated[str, typer.Argument(help="What the customer's bank should know.")],
    *,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Add a statement to the evidence, and stage it."""
    _answer(chargeback_id, "evidence", {"text": text}, data_dir, act_as, output, dry_run=dry_run)


def _answer(
    chargeback_id: str,
    action: str,
    body: dict[str, str],
    data_dir: Path | None,
    act_as: str,
    output: OutputFormat,
    *,
    dry_run: bool,
) -> None:
    if dry_run:
        found = _read(chargeback_id, data_dir, act_as)
        if action not in found.allowed_actions:
            possible = ", ".join(found.allowed_actions) or "nothing"
            raise CommandError(f"{chargeback_id} is {found.state} and does not allow {action}; possible: {possible}.")
        console().print(f"Would {action} {chargeback_id} ({found.amount}, {found.reason}). Nothing was changed.")
        return

    async def question(api: ApiClient) -> Chargeback:
        return await api.post(Chargeback, f"{PATH}/{chargeback_id}/{action}", body)

    _show(ask(question, data_dir, act_as), output)


def _read(chargeback_id: str, data_dir: Path | None, act_as: str) -> Chargeback:
    async def question(api: ApiClient) -> Chargeback:
        return await api.get(Chargeback, f"{PATH}/{chargeback_id}")

    return ask(question, data_dir, act_as)


def _move(step: NextStep) -> str:
    who = "" if step.who is WaitingOn.NOBODY else f"{step.who.value}: "
    return f"{who}{step.what}{f', until {step.by:%Y-%m-%d %H:%M} UTC' if step.by else ''}"


def _loss(chargeback: Chargeback) -> str | None:
    """Who pays for a lost one: what was held, what is taken back, and ourselves."""
    loss = chargeback.loss
    if loss is None:
        return None
    parts = {
        "held for the order": loss.held_minor,
        "providers": sum(share.provider_minor for share in loss.shares),
        "our commission": sum(share.commission_minor + share.tax_minor for share in loss.shares),
        "our loss": loss.loss_minor,
    }
    currency = chargeback.amount.currency
    return ", ".join(f"{who} {format_money(minor, currency)}" for who, minor in parts.items() if minor) or None


def _show(chargeback: Chargeback, output: OutputFormat) -> None:
    facts: dict[str, object] = {
        "chargeback": chargeback.id,
        "order": chargeback.order_id,
        "dispute": chargeback.stripe_dispute_id,
        "state": chargeback.state,
        "amount": f"{chargeback.amount}, fee {chargeback.fee}",
        "reason": chargeback.reason,
        "evidence due": chargeback.evidence_due_at,
        "staged": chargeback.staged_at,
        "submitted": chargeback.submitted_at,
        "closed": chargeback.closed_at,
        "next": _move(chargeback.next) if chargeback.next else None,
        "possible now": ", ".join(chargeback.allowed_actions) or None,
        "who paid": _loss(chargeback),
        "statements": "\n".join(one.text for one in chargeback.statements) or None,
        **{name.replace("_", " "): text for name, text in chargeback.evidence.items()},
    }
    show(output, chargeback, facts)
