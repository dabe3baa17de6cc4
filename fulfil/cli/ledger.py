"""`fulfil ledger show ORDER`: every posting of an order, and proof that they balance."""

from collections import Counter

import typer
from rich.table import Table

from fulfil.api.schemas.support import OrderLedger
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.exits import CommandError
from fulfil.cli.orders import OrderId
from fulfil.cli.playing.people import Support
from fulfil.cli.rendering import cell, console, money, short, show_json
from fulfil.cli.running import DataDir, Output, OutputFormat

app = typer.Typer(no_args_is_help=True, help="The double-entry ledger: show what was booked, verify that it balances.")


@app.command("show")
def show_ledger(
    order_id: OrderId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """What was booked for an order, oldest first; debit positive, credit negative."""
    ledger = ask(lambda api: Support(api).ledger(order_id), data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(ledger)
    else:
        print_ledger(ledger)


@app.command()
def verify(order_id: OrderId, data_dir: DataDir = None, act_as: ActAs = "") -> None:
    """Fail unless every transaction of an order sums to zero per currency."""
    ledger = ask(lambda api: Support(api).ledger(order_id), data_dir, act_as)
    wrong = imbalances(ledger)
    if wrong:
        raise CommandError(f"Out of balance: {'; '.join(wrong)}.")
    console().print(f"[green]{len(ledger.transactions)} transactions of {order_id}, each sums to zero.[/]")


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
    """The postings grouped by transaction, and what is left on each account."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("transaction", "mirrors", "account"):
        table.add_column(name, no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    for transaction in ledger.transactions:
        names = (transaction.kind, transaction.stripe_object_id)
        for posting in transaction.postings:
            table.add_row(*(cell(name) if name else "" for name in names), cell(short(posting.account)), posting.amount)
            names = ("", "")
    for place, balance in enumerate(ledger.balances):
        table.add_row("[bold]balances[/]" if place == 0 else "", "", cell(short(balance.account)), balance.amount)
    console().print(table)
