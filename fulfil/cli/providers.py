"""`fulfil provider …`: who makes things, whether she can be offered work, how she does; applying and being taken in."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from fulfil.api.schemas.accounts import Account
from fulfil.api.schemas.base import Page
from fulfil.api.schemas.provider_answers import ProviderRanking, ProviderScore, ProviderStatistics
from fulfil.api.schemas.provider_onboarding import ProviderApplied
from fulfil.api.schemas.providers import Provider, ProviderSwitched
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask, ask_as_guest
from fulfil.cli.exits import WrongUsageError
from fulfil.cli.provider_views import (
    ProviderReport,
    print_provider,
    print_ranking,
    print_score,
    print_statistics,
    print_switched,
    standing_of,
)
from fulfil.cli.rendering import console, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.providers import BusinessType, Verification

app = typer.Typer(no_args_is_help=True, help="Providers: standing, score, figures, onboarding, what they work with.")

ProviderId = Annotated[str, typer.Argument(metavar="PROVIDER")]
WhoseId = Annotated[str, typer.Argument(metavar="[PROVIDER]", help="You yourself unless given.", show_default=False)]
Days = Annotated[int, typer.Option(min=1, max=366, help="How many days back.")]
Limit = Annotated[int, typer.Option(min=1, max=100)]


async def whose(api: ApiClient, provider_id: str) -> str:
    """The path of the provider named, or of the one who is signed in."""
    if not provider_id:
        provider_id = (await api.get(Account, "/me")).party_id or ""
        if not provider_id.startswith("prv_"):
            raise WrongUsageError("Name a PROVIDER: you are none yourself.")
    return f"/providers/{provider_id}"


@app.command("list")
def list_providers(
    limit: Limit = 100, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """The newest providers, and what blocks them."""

    async def question(api: ApiClient) -> Page[Provider]:
        return await api.get(Page[Provider], "/providers", limit=limit)

    found = ask(question, data_dir, act_as).data
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [
        (
            *(each.id, each.name, standing_of(each), each.score),
            f"{each.open_jobs}/{each.capacity_jobs}",
            ", ".join(block.code for block in each.blocks),
        )
        for each in found
    ]
    show_table(["provider", "name", "standing", "score", "jobs", "blocked by"], rows, empty="No providers.")


@app.command()
def show(
    provider_id: WhoseId = "",
    days: Days = 30,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Her standing, her score with its parts, and her figures."""

    async def question(api: ApiClient) -> ProviderReport:
        path = await whose(api, provider_id)
        return ProviderReport(
            provider=await api.get(Provider, path),
            score=await api.get(ProviderScore, f"{path}/score"),
            statistics=await api.get(ProviderStatistics, f"{path}/statistics", days=days),
        )

    report = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(report)
        return
    print_provider(report.provider)
    print_score(report.score)
    print_statistics(report.statistics)


@app.command()
def score(
    provider_id: WhoseId = "", data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """Her score as it is now, and what it is made of."""

    async def question(api: ApiClient) -> ProviderScore:
        return await api.get(ProviderScore, f"{await whose(api, provider_id)}/score")

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
    else:
        print_score(found)


@app.command()
def ranking(
    days: Days = 30,
    limit: Limit = 20,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Providers side by side, the best score first."""

    async def question(api: ApiClient) -> ProviderRanking:
        return await api.get(ProviderRanking, "/providers/statistics", days=days, limit=limit)

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
    else:
        print_ranking(found.data)


@app.command()
def apply(  # noqa: PLR0913, PLR0917 (options of a command)
    email: Annotated[str, typer.Option(help="What you will sign in with.")],
    contact: Annotated[str, typer.Option(help="Your name.")],
    business: Annotated[str, typer.Option(help="The business's name.")],
    country: Annotated[str, typer.Option(help="Two letters, such as DE.")],
    postal_code: Annotated[str, typer.Option()],
    city: Annotated[str, typer.Option()],
    line: Annotated[list[str], typer.Option(help="Street and number; again for more lines.")],
    can: Annotated[list[str], typer.Option(help="What you make in what: fdm=PLA,PETG; again for more.")],
    business_type: Annotated[BusinessType, typer.Option("--type")] = BusinessType.COMPANY,
    time_zone: Annotated[str, typer.Option()] = "UTC",
    data_dir: DataDir = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Apply as a provider, with a sign-in of your own; the password is asked for, or taken from FULFIL_PASSWORD."""
    body = {
        "email": email,
        "password": os.environ.get("FULFIL_PASSWORD") or typer.prompt("Password", hide_input=True),
        "contact_name": contact,
        "business_name": business,
        "business_type": business_type,
        "address": {"country": country, "postal_code": postal_code, "city": city, "lines": line},
        "capabilities": capabilities_of(can),
        "time_zone": time_zone,
    }

    async def question(api: ApiClient) -> ProviderApplied:
        return await api.post(ProviderApplied, "/providers/applications", body)

    filed = ask_as_guest(question, data_dir)
    if output is OutputFormat.JSON:
        show_json(filed)
        return
    print_provider(filed.provider)
    console().print(f"Next: `fulfil login {filed.account.email}`, then `fulfil provider certificates --hand-in FILE`.")


@app.command()
def verify(
    provider_id: ProviderId,
    reject: Annotated[bool, typer.Option("--reject", help="Do not take her in; needs a note.")] = False,
    note: Annotated[str, typer.Option(help="What she is told.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Take an applicant in once her documents are verified, or reject her."""
    body = {"verification": Verification.REJECTED if reject else Verification.VERIFIED, "note": note}

    async def question(api: ApiClient) -> Provider:
        return await api.put(Provider, f"/providers/{provider_id}/verification", body)

    _show(ask(question, data_dir, act_as), output)


@app.command()
def terms(
    provider_id: ProviderId,
    commission_bp: Annotated[int | None, typer.Option(help="Basis points: 1500 is 15 %.")] = None,
    tier: Annotated[str | None, typer.Option(help="One of the price list's tiers.")] = None,
    capacity: Annotated[int | None, typer.Option(help="Jobs at a time.")] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Change commission, tier or capacity; what is left out stays."""
    wanted = {"commission_bp": commission_bp, "tier": tier, "capacity_jobs": capacity}
    body = {name: value for name, value in wanted.items() if value is not None}

    async def question(api: ApiClient) -> Provider:
        return await api.patch(Provider, f"/providers/{provider_id}/terms", body)

    _show(ask(question, data_dir, act_as), output)


@app.command()
def suspend(
    provider_id: ProviderId,
    reason: Annotated[str, typer.Option(help="Why; she reads it.")],
    lift: Annotated[bool, typer.Option("--lift", help="Let her work again.")] = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Keep her from all new work; what she has not started is given back."""
    body = {"suspended": not lift, "reason": reason}

    async def question(api: ApiClient) -> ProviderSwitched:
        return await api.put(ProviderSwitched, f"/providers/{provider_id}/suspension", body)

    _show_switched(ask(question, data_dir, act_as), output)


@app.command()
def online(
    provider_id: WhoseId = "",
    off: Annotated[bool, typer.Option("--off", help="Take a break instead.")] = False,
    keep_jobs: Annotated[bool, typer.Option("--keep-jobs", help="Keep what is accepted and not started.")] = False,
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Take new jobs; with --off take a break, and give back what is not started unless --keep-jobs."""
    body = {"online": not off, "keep_jobs": keep_jobs}

    async def question(api: ApiClient) -> ProviderSwitched:
        return await api.put(ProviderSwitched, f"{await whose(api, provider_id)}/online", body)

    _show_switched(ask(question, data_dir, act_as), output)


def capabilities_of(can: Sequence[str]) -> dict[str, list[str]]:
    """`fdm=PLA,PETG` as the API takes it; raises `WrongUsageError`."""
    found: dict[str, list[str]] = {}
    for each in can:
        process, separator, materials = each.partition("=")
        if not (process and separator and materials):
            raise WrongUsageError(f"--can {each} names no process and materials: write fdm=PLA,PETG.")
        found.setdefault(process, []).extend(material for material in materials.split(",") if material)
    return found


def _show(provider: Provider, output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        show_json(provider)
    else:
        print_provider(provider)


def _show_switched(provider: ProviderSwitched, output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        show_json(provider)
    else:
        print_switched(provider)
