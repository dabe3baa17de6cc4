"""How a provider looks on the command line: her standing, her score with its parts, her figures."""

from collections.abc import Sequence

from pydantic import BaseModel
from rich.markup import escape

from fulfil.api.schemas.provider_answers import ProviderScore, ProviderStatistics
from fulfil.api.schemas.provider_work import Calendar
from fulfil.api.schemas.providers import Provider, ProviderSwitched
from fulfil.cli.rendering import console, show_facts, show_table


class ProviderReport(BaseModel):
    """Everything `fulfil provider show` says."""

    provider: Provider
    score: ProviderScore
    statistics: ProviderStatistics


def standing_of(provider: Provider) -> str:
    """Her state in a word or two."""
    if provider.suspended_at is not None:
        return "suspended"
    if provider.dispatchable:
        return "online"
    return provider.verification if provider.verification != "verified" else "blocked"


def print_provider(provider: Provider) -> None:
    """Who she is, on which terms, and what keeps her from being offered work."""
    address = provider.address
    newcomer = provider.newcomer
    show_facts(
        {
            "provider": provider.id,
            "name": f"{provider.name} ({provider.business_type})",
            "address": address
            and ", ".join([*address.lines, f"{address.country}-{address.postal_code} {address.city}"]),
            "makes": "; ".join(f"{process}: {', '.join(can)}" for process, can in provider.capabilities.items()),
            "terms": f"{provider.tier}, {provider.commission_bp / 100:g} % commission",
            "jobs": f"{provider.open_jobs} of {provider.capacity_jobs} in hand, {provider.completed_jobs} completed",
            "newcomer": newcomer and f"{newcomer.jobs_left} more jobs, {newcomer.jobs_at_a_time} at a time",
            "verification": provider.verification,
            "note": provider.verification_note,
            "missing": ", ".join(provider.missing_certificates) or None,
            "suspended": provider.suspended_at,
            "because": provider.suspension_reason,
            "payouts": provider.payouts.status or "not looked at yet",
            "next": provider.payouts.next,
        }
    )
    if provider.dispatchable:
        console().print("[green]Can be offered work.[/]")
    for block in provider.blocks:
        console().print(
            f"[red]{escape(block.code)}[/]  {escape(block.detail)} [dim]{escape(block.remedy)}[/]", soft_wrap=True
        )


def print_score(score: ProviderScore) -> None:
    """The score and where it comes from."""
    stored = (
        "not scored yet" if score.stored_at is None else f"{score.stored_score} at {score.stored_at:%Y-%m-%d %H:%M}"
    )
    console().print(
        f"\n[bold]Score {score.score}[/] of 100 over {score.days} days ({score.version}); dispatch ranks by {stored}."
    )
    show_table(
        ["part", "value", "weight", "seen", "from"],
        [(part.name, f"{part.value:.2f}", part.weight, part.observations, part.evidence) for part in score.parts],
        empty="",
    )


def print_statistics(figures: ProviderStatistics) -> None:
    """The figures of a span of days."""
    console().print(f"\n[bold]Last {figures.days} days[/]")
    answered = None
    if figures.response_median_s is not None:
        answered = f"median {figures.response_median_s} s, 90 % within {figures.response_p90_s} s"
    show_facts(
        {
            "answers": answered,
            "answered in time": _percent(figures.answered_in_time_rate),
            "completed": f"{figures.completed}, lost {figures.lost} ({_percent(figures.completion_rate) or '-'})",
            "on time": _percent(figures.on_time_rate),
            "passed at first": _percent(figures.first_pass_rate),
            "stars": figures.stars,
            "jobs": ", ".join(f"{count} {state}" for state, count in figures.jobs_by_state.items()) or None,
        }
    )
    for earned in figures.earnings:
        console().print(
            f"{earned.jobs} jobs released {earned.revenue}: {earned.payout} to her, {earned.commission} commission."
        )


def print_ranking(figures: Sequence[ProviderStatistics]) -> None:
    """Providers side by side."""
    show_table(
        ["provider", "name", "score", "answers", "on time", "first pass", "completed", "lost", "revenue"],
        [
            (
                *(each.provider_id, each.name, each.score),
                None if each.response_median_s is None else f"{each.response_median_s} s",
                *(_percent(each.on_time_rate), _percent(each.first_pass_rate), each.completed, each.lost),
                ", ".join(str(earned.revenue) for earned in each.earnings),
            )
            for each in figures
        ],
        empty="No providers.",
    )


def print_switched(provider: ProviderSwitched) -> None:
    """What she is now, and what was given back because of it."""
    print_provider(provider)
    for job_id in provider.given_back:
        console().print(f"Given back: {job_id}")
    for job_id in provider.being_secured:
        console().print(f"Being captured at this moment, repeat to give it back: {job_id}")


def print_calendar(calendar: Calendar) -> None:
    """When she works, and when not."""
    hours = calendar.working_hours
    always = {"hours": "at all times"} if hours is None else {}
    days = {str(day): f"{opens} to {closes}" for day, (opens, closes) in (hours or {}).items()}
    show_facts({"time zone": calendar.time_zone, **always, **days})
    show_table(
        ["closure", "from", "to", "because"],
        [(each.id, each.starts_at, each.ends_at, each.reason) for each in calendar.closures],
        empty="No closures ahead.",
    )


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"
