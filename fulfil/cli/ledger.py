"""`fulfil ledger …`: what was booked for an order and why, whether the books are right, and a proof of it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from fulfil.api.schemas.ledger import LedgerCheck, OrderLedger
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.exits import CommandError, WrongUsageError
from fulfil.cli.orders import OrderId
from fulfil.cli.playing.people import Support
from fulfil.cli.rendering import cell, console, money, short, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.ledger.proof import verify_proof
from fulfil.models.messages.reconciliation import Finding

app = typer.Typer(no_args_is_help=True, help="The double-entry ledger: explain, verify and prove what was booked.")

ProofFile = Annotated[Path, typer.Argument(help="A file that `fulfil ledger prove` wrote.", show_default=False)]
Root = Annotated[str | None, typer.Option(help="A published root that the proof's anchor must have.")]


@app.command("show")
def show_ledger(
    order_id: OrderId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """What was booked for an order, oldest first and why, and what became of it; debit positive, credit negative."""
    ledger = ask(lambda api: Support(api).ledger(order_id), data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(ledger)
    else:
        print_ledger(ledger)
        print_story(ledger)


@app.command()
def verify(
    order_id: Annotated[str | None, typer.Argument(help="One order; all books unless given.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Check every invariant and the match with the payment provider; exit code 1 when something is wrong."""
    checked = ask(lambda api: Support(api).check_ledger(order_id), data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(checked)
    else:
        print_findings(checked)
    if checked.findings:
        raise CommandError(f"{len(checked.findings)} finding(s) in the books{f' of {order_id}' if order_id else ''}.")


@app.command()
def prove(
    order_id: OrderId,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Where to; ORDER.proof.json unless given.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
) -> None:
    """Write a file that proves an order's money to anybody: hash chain, postings, the payment provider's entries."""
    content = ask(lambda api: Support(api).proof(order_id), data_dir, act_as)
    target = file or Path(f"{order_id}.proof.json")
    try:
        target.write_bytes(content)
    except OSError as error:
        raise WrongUsageError(f"{target} can't be written: {error.strerror}.") from error
    console().print(f"Wrote {escape(str(target))}; check it with `fulfil ledger check-proof {escape(str(target))}`.")


@app.command("check-proof")
def check_proof(file: ProofFile, root: Root = None) -> None:
    """Check a proof without any server; exit code 1 when something in it does not hold."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WrongUsageError(f"{file} can't be read: {error.strerror}.") from error
    problems = verify_proof(content, root=root)
    for problem in problems:
        console().print(f"[red]wrong[/]  {escape(problem)}", soft_wrap=True)
    if problems:
        raise CommandError(f"{file} proves nothing: {len(problems)} thing(s) in it do not hold.")
    console().print(f"[green]Everything in {escape(str(file))} holds.[/]")


@app.command()
def reconcile(
    since: Annotated[str | None, typer.Option(help="Go back to this moment, such as 2026-11-01T00:00:00Z.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Compare the books with the payment provider's now: mend what was missed; exit code 1 when something is wrong."""
    report = ask(lambda api: Support(api).reconcile(since), data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(report)
    else:
        show_table(
            ["step", "looked at", "mended"],
            [(name, step.looked_at, step.repaired) for name, step in report.steps.items()],
            empty="",
        )
        show_findings(report.findings)
    if report.findings:
        raise CommandError(f"{len(report.findings)} finding(s) in the books.")


@app.command()
def balances(data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """The trial balance: what is left on the accounts of each kind, per currency."""
    trial = ask(lambda api: Support(api).trial_balance(), data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(trial)
        return
    show_table(
        ["account", "meaning", "accounts", "debit", "credit", "balance"],
        [
            (
                *(row.account, row.meaning, row.accounts),
                *(money(row.debit_minor, row.currency), money(row.credit_minor, row.currency), row.balance),
            )
            for row in trial.data
        ],
        empty="Nothing was booked yet.",
    )


def imbalances(ledger: OrderLedger) -> list[str]:
    """Transactions that do not sum to zero per currency, or have fewer than two legs; none in a sound ledger."""
    wrong: list[str] = []
    for transaction in ledger.transactions:
        sums: Counter[str] = Counter()
        for posting in transaction.postings:
            sums[posting.currency] += posting.amount_minor
        off = [money(total, currency) for currency, total in sums.items() if total]
        if off or len(transaction.postings) < 2:  # noqa: PLR2004 (double entry)
            wrong.append(f"{transaction.kind} {transaction.id} by {', '.join(off) or 'a missing leg'}")
    return wrong


def print_ledger(ledger: OrderLedger) -> None:
    """The postings grouped by transaction, each with its reason, and what is left on each account."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("transaction", "mirrors", "account"):
        table.add_column(name, no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("why")
    for transaction in ledger.transactions:
        names = (transaction.kind, transaction.stripe_object_id)
        for posting in transaction.postings:
            shown = (cell(name) if name else "" for name in names)
            table.add_row(*shown, cell(short(posting.account)), posting.amount, cell(posting.why))
            names = ("", "")
    for place, balance in enumerate(ledger.balances):
        table.add_row("[bold]balances[/]" if place == 0 else "", "", cell(short(balance.account)), balance.amount)
    console().print(table)


def print_story(ledger: OrderLedger) -> None:
    """What became of the money, a sentence each."""
    console().print()
    for sentence in ledger.story or ["Nothing was booked for this order yet."]:
        console().print(escape(sentence), soft_wrap=True)


def print_findings(checked: LedgerCheck) -> None:
    """That all is well and how much that is, or what is wrong."""
    if checked.findings:
        show_findings(checked.findings)
        return
    whole = f"{checked.transactions} transactions of {checked.orders} order(s)"
    console().print(f"[green]{whole}: every cent is where it must be.[/]")


def show_findings(findings: Sequence[Finding]) -> None:
    """What is wrong, where, by how much, and what helps; nothing when all is well."""
    if not findings:
        return
    show_table(
        ["what", "where", "by", "details", "remedy"],
        [
            (
                *(found.kind.value, short(found.subject)),
                money(found.amount_minor, found.currency) if found.amount_minor and found.currency else "",
                *(found.detail, found.remedy),
            )
            for found in findings
        ],
        empty="",
    )
