"""How answers look: plain tables for people, JSON for machines, one line per event of a timeline."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from fulfil.cli.running import OutputFormat
from fulfil.models.money import format_money

ID = re.compile(r"\b([a-z]{3}_)[0-9a-f]{26}([0-9a-f]{6})\b")
WIDTH_OF_A_PIPE = 160
STATE_COLOURS = {
    **dict.fromkeys(["closed", "completed", "captured", "approved", "accepted", "ok"], "green"),
    **dict.fromkeys(["cancelled", "expired", "failed", "lost", "withdrawn", "declined", "declined_by_all"], "red"),
    **dict.fromkeys(["cancelling", "awaiting_payment", "requires_payment", "requires_action", "open"], "yellow"),
}


def console() -> Console:
    """Where results go; honours NO_COLOR, and without a terminal nothing is cut to its width."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=WIDTH_OF_A_PIPE)


def show_json(value: BaseModel | Sequence[BaseModel] | Mapping[str, object]) -> None:
    """Print for a machine, exactly as the API names things."""
    if isinstance(value, BaseModel):
        typer.echo(value.model_dump_json(indent=2))
    elif isinstance(value, Mapping):
        typer.echo(json.dumps(value, indent=2, default=str))
    else:
        typer.echo(json.dumps([item.model_dump(mode="json") for item in value], indent=2))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under their columns, or the sentence for none; the first column, an id to copy, is never cut."""
    first, *rest = columns
    table = Table(Column(first, no_wrap=True), *rest, box=None, pad_edge=False, header_style="bold")
    table.columns[0].overflow = "ignore"
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    console().print(table if table.row_count else f"[dim]{escape(empty)}[/]")


def show_facts(facts: Mapping[str, object]) -> None:
    """Print what is known about one thing, a line each; what is None is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in facts.items():
        if value is not None:
            table.add_row(f"[bold]{escape(name)}[/]", cell(value))
    console().print(table)


def show(output: OutputFormat, value: BaseModel, facts: Mapping[str, object]) -> None:
    """Print one thing in the way asked for."""
    if output is OutputFormat.JSON:
        show_json(value)
    else:
        show_facts(facts)


def cell(value: object) -> str:
    """A value as text: times in UTC to the second, states in colour, nothing as a dash."""
    if value is None or value == "":
        return "[dim]-[/]"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    text = escape(str(value))
    colour = STATE_COLOURS.get(str(value))
    return f"[{colour}]{text}[/]" if colour else text


def short(text: str) -> str:
    """A text with our ids cut to their beginning and end, where the whole id is known from elsewhere."""
    return ID.sub(r"\1..\2", text)


def money(amount_minor: int, currency: str) -> str:
    """An amount for people."""
    return format_money(amount_minor, currency)
