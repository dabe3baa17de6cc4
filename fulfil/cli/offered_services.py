"""`fulfil service …`: what providers offer for delivery by milestones."""

import re
from typing import Annotated

import typer

from fulfil.api.schemas.offered_services import Service
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.exits import WrongUsageError
from fulfil.cli.playing.people import Customer, Provider
from fulfil.cli.rendering import show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.money import AmountTextError, UnknownCurrencyError, parse_amount

app = typer.Typer(no_args_is_help=True, help="Services delivered by milestones: list, show, offer one.")

ServiceId = Annotated[str, typer.Argument(metavar="SERVICE")]
PERCENT = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?", re.ASCII)


@app.command("list")
def list_services(
    provider: Annotated[str | None, typer.Option(metavar="PROVIDER", help="Only this provider's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """What can be ordered, the newest first."""

    async def question(api: ApiClient) -> list[Service]:
        return await Customer(api).services(provider, limit)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (one.id, one.title, one.provider_name, one.price, len(one.milestones), "yes" if one.active else "no")
        for one in found
    ]
    show_table(["service", "title", "provider", "price", "milestones", "offered"], rows, empty="No services.")


@app.command("show")
def show_service(
    service_id: ServiceId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """One service with its milestones."""

    async def question(api: ApiClient) -> Service:
        return await Customer(api).service(service_id)

    _show(ask(question, data_dir, act_as), output)


@app.command("create")
def create_service(  # noqa: PLR0913, PLR0917 (options of a command)
    title: Annotated[str, typer.Argument()],
    price: Annotated[str, typer.Option(help="With its decimals: 500.00")],
    milestone: Annotated[
        list[str], typer.Option(help="TITLE:DAYS:PERCENT, in the order of delivery; the percentages make up 100.")
    ],
    description: Annotated[str, typer.Option()] = "",
    currency: Annotated[str, typer.Option()] = "eur",
    revisions: Annotated[int, typer.Option(min=0, max=20, help="How many are included.")] = 2,
    check: Annotated[list[str] | None, typer.Option(help="A line of the quality checklist; may be repeated.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Offer a service."""
    try:
        amount = {"amount_minor": parse_amount(price, currency), "currency": currency}
    except (AmountTextError, UnknownCurrencyError) as error:
        raise WrongUsageError(str(error)) from error
    new = {
        "title": title,
        "description": description or title,
        "price": amount,
        "milestones": [planned_part(text) for text in milestone],
        "revisions_included": revisions,
        "checklist": check or [],
    }

    async def question(api: ApiClient) -> Service:
        return await Provider(api).create_service(new)

    _show(ask(question, data_dir, act_as), output)


def planned_part(text: str) -> dict[str, object]:
    """`Two concepts:5:30` as a milestone of five days worth 30 %; raises `WrongUsageError`."""
    title, days, percent = split_part(text)
    if not days.isdecimal():
        raise WrongUsageError(f"{days!r} is no number of days; write --milestone 'Two concepts:5:30'.")
    return {"title": title, "days": int(days), "share_bp": basis_points(percent)}


def split_part(text: str) -> tuple[str, str, str]:
    """Title, when, and percentage; a title may have colons of its own."""
    parts = [part.strip() for part in text.rsplit(":", 2)]
    if len(parts) != 3 or not all(parts):  # noqa: PLR2004 (title, when, share)
        raise WrongUsageError(f"{text!r} is no milestone; write TITLE:WHEN:PERCENT.")
    return parts[0], parts[1], parts[2]


def basis_points(percent: str) -> int:
    """3000 for "30", 1250 for "12.5"; raises `WrongUsageError`."""
    found = PERCENT.fullmatch(percent.strip().removesuffix("%").strip())
    if found is None:
        raise WrongUsageError(f"{percent!r} is no percentage; write it like 12.5.")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def percentage(share_bp: int) -> str:
    """`12.5 %` for 1250."""
    return f"{share_bp / 100:g} %"


def _show(service: Service, output: OutputFormat) -> None:
    parts = {
        f"milestone {number}": f"{part.title}: {part.days} day(s), {percentage(part.share_bp)}"
        for number, part in enumerate(service.milestones, start=1)
    }
    facts: dict[str, object] = {
        "service": service.id,
        "title": service.title,
        "provider": f"{service.provider_name} ({service.provider_id})",
        "price": service.price,
        **parts,
        "revisions": service.revisions_included,
        "checklist": ", ".join(service.checklist) or None,
        "offered": "yes" if service.active else "no",
        "description": service.description,
    }
    show(output, service, facts)
