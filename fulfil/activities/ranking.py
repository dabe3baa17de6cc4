"""Who is asked to make a job, in which order and why: one query over providers, stock and their open jobs."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.money import format_money
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderLineRow

# As `providers.payouts_status` says them: her account can't be paid until she has done something about it.
NOT_PAYABLE = ("restricted", "unsupported", "rejected", "closed")

# Payable, capable, in stock, with room, within a newcomer's limits, not asked in this round (or, on the open board,
# asked in vain), and neither declined in an earlier round nor ever had the job taken from her.
CANDIDATES = text("""
SELECT p.id, p.score, p.capacity_jobs, p.completed_jobs, s.available_g, load.open_jobs
FROM providers p
JOIN stock s ON s.provider_id = p.id AND s.material = :material AND s.available_g >= :material_g
CROSS JOIN LATERAL (
    SELECT count(*) AS open_jobs FROM jobs j WHERE j.provider_id = p.id AND j.closed_at IS NULL
) AS load
WHERE p.online
  AND (p.payouts_status IS NULL OR p.payouts_status <> ALL (:not_payable))
  AND p.capabilities @> jsonb_build_object(CAST(:process AS text), jsonb_build_array(CAST(:material AS text)))
  AND load.open_jobs < p.capacity_jobs
  AND (p.completed_jobs >= :newcomer_jobs OR (load.open_jobs = 0 AND :within_newcomer_limit))
  AND NOT EXISTS (
    SELECT FROM offers o
    WHERE o.job_id = :job_id AND o.provider_id = p.id
      AND CASE WHEN o.round = :round THEN NOT (:on_board AND o.state = 'expired')
               ELSE o.state = 'declined' OR o.accepted_at IS NOT NULL END
  )
ORDER BY p.score DESC, load.open_jobs, p.id
LIMIT :limit
""")


@dataclass(frozen=True)
class Candidate:
    """A provider who may be asked, and why she stands where she stands."""

    provider_id: str
    reasons: list[str]


async def rank_candidates(
    session: AsyncSession,
    job: JobRow,
    line: OrderLineRow,
    policies: OrderPolicies,
    *,
    on_board: bool,
    limit: int | None,
) -> list[Candidate]:
    """The best first; `on_board` asks those again whose offer of this round expired; no limit means everybody."""
    rows = await session.execute(
        CANDIDATES,
        {
            "job_id": job.id,
            "not_payable": list(NOT_PAYABLE),
            "round": job.round,
            "process": line.process,
            "material": line.material,
            "material_g": line.material_g,
            "newcomer_jobs": policies.newcomer_jobs,
            "within_newcomer_limit": line.amount_minor <= policies.newcomer_limit_minor,
            "on_board": on_board,
            "limit": limit,
        },
    )
    candidates: list[Candidate] = []
    for row in rows:
        reasons = [
            f"Can make {line.process} in {line.material}.",
            f"Has {row.available_g} g in stock, {line.material_g} g are needed.",
            f"Score {row.score}.",
            f"{row.open_jobs} of {row.capacity_jobs} jobs in hand.",
        ]
        if row.completed_jobs < policies.newcomer_jobs:
            limit_text = format_money(policies.newcomer_limit_minor, line.currency)
            reasons.append(f"Newcomer: one job at a time, up to {limit_text}.")
        candidates.append(Candidate(row.id, reasons))
    return candidates


async def refusal_of_provider(
    session: AsyncSession, provider_id: str, job: JobRow, line: OrderLineRow, policies: OrderPolicies
) -> tuple[str, str] | None:
    """Why this provider can't take one more job now, as (code, detail); None when she can.

    Locks the provider, so that two jobs accepted at the same moment are counted one after the other.
    """
    provider = await session.get(ProviderRow, provider_id, with_for_update={"key_share": True})
    if provider is None:
        return "provider_unknown", "This provider does not exist (any more)."
    if provider.payouts_status in NOT_PAYABLE:
        return "payouts_restricted", "You can't be paid at present: complete your payout account first."
    open_jobs = await session.scalar(
        select(func.count()).where(JobRow.provider_id == provider_id, JobRow.closed_at.is_(None), JobRow.id != job.id)
    )
    count = open_jobs or 0
    if count >= provider.capacity_jobs:
        return "provider_full", f"You have {count} of {provider.capacity_jobs} jobs in hand: finish one first."
    if provider.completed_jobs >= policies.newcomer_jobs:
        return None
    return _refusal_of_newcomer(count, line, policies)


def _refusal_of_newcomer(open_jobs: int, line: OrderLineRow, policies: OrderPolicies) -> tuple[str, str] | None:
    if open_jobs > 0:
        return "newcomer_limit", f"One job at a time until {policies.newcomer_jobs} are completed: finish it first."
    if line.amount_minor > policies.newcomer_limit_minor:
        limit = format_money(policies.newcomer_limit_minor, line.currency)
        return "newcomer_limit", f"Until {policies.newcomer_jobs} jobs are completed, a job may be worth up to {limit}."
    return None
