"""`fulfil <noun> <verb>`: the command line, put together from one module per noun."""

import sys

import typer
from rich.console import Console
from rich.markup import escape

from fulfil.cli import (
    bench,
    chargebacks,
    counter_offers,
    deliverables,
    demo,
    dispatch,
    documents,
    faults,
    jobs,
    ledger,
    login,
    milestones,
    offered_services,
    offers,
    orders,
    provider_work,
    providers,
    quotes,
    refunds,
    running,
    shipments,
    stock,
    support,
)
from fulfil.cli.exits import CommandError

app = typer.Typer(
    name="fulfil",
    help="Fulfilment for made-to-order manufacturing and services.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(running.app)
for flat in (login, demo, bench):
    app.add_typer(flat.app)
app.add_typer(quotes.app, name="quote")
app.add_typer(orders.app, name="order")
app.add_typer(refunds.app, name="refund")
app.add_typer(offers.app, name="offer")
app.add_typer(counter_offers.app, name="counter-offer")
app.add_typer(dispatch.app, name="dispatch")
app.add_typer(jobs.app, name="job")
app.add_typer(shipments.app, name="shipment")
providers.app.add_typer(provider_work.app)
app.add_typer(providers.app, name="provider")
app.add_typer(offered_services.app, name="service")
app.add_typer(deliverables.app, name="deliverable")
app.add_typer(milestones.app, name="milestone")
app.add_typer(documents.app, name="document")
app.add_typer(stock.app, name="stock")
app.add_typer(ledger.app, name="ledger")
app.add_typer(chargebacks.app, name="chargeback")
app.add_typer(support.stuck_app)
app.add_typer(support.app, name="support")
app.add_typer(faults.app, name="simulate")


def main() -> None:
    """Run the command; exit code 0 done, 1 failed, 2 wrong usage, 3 not found."""
    try:
        app()
    except CommandError as error:
        Console(stderr=True, highlight=False).print(f"[bold red]fulfil:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
