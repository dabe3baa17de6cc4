"""The facts of a decision, read in two queries: the work with where it goes, and every provider who could make it."""

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, Integer, Row, String, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderAddressRow, OrderLineRow
from fulfil.ranking.facts import WEEK, Closure, Lot, Machine, Place, ProviderFacts, WorkFacts
from fulfil.ranking.standing import CertificateFact, ProviderStanding

CANDIDATES = text("""
WITH able AS (
    SELECT * FROM providers
    WHERE CASE WHEN CAST(:only AS text) IS NULL
        THEN jsonb_exists_any(capabilities -> CAST(:process AS text), CAST(:materials AS text[]))
        ELSE id = :only END
), in_hand AS (
    SELECT provider_id, count(*) AS jobs FROM jobs
    WHERE closed_at IS NULL AND provider_id IS NOT NULL AND milestone_id IS NULL AND id <> :job_id
    GROUP BY provider_id
), lapsed AS (
    SELECT item_id, sum(quantity) AS quantity FROM stock_reservations
    WHERE ended_at IS NULL AND expires_at <= :at GROUP BY item_id
), lots AS (
    SELECT i.provider_id,
           json_agg(json_build_array(i.colour, i.unit, i.available_quantity + coalesce(l.quantity, 0))) AS found
    FROM stock_items i LEFT JOIN lapsed l ON l.item_id = i.id
    WHERE i.material = :material AND (CAST(:only AS text) IS NULL OR i.provider_id = :only)
    GROUP BY i.provider_id
), machines AS (
    SELECT provider_id, json_agg(json_build_array(volume_mm, materials, online) ORDER BY id) AS found
    FROM provider_machines WHERE process = :process GROUP BY provider_id
), closures AS (
    SELECT provider_id,
           json_agg(json_build_array(extract(epoch FROM starts_at), extract(epoch FROM ends_at))) AS found
    FROM provider_closures WHERE ends_at > :at AND starts_at < :until GROUP BY provider_id
), certificates AS (
    SELECT provider_id, json_agg(json_build_array(kind, state, extract(epoch FROM expires_at))) AS found
    FROM provider_certificates WHERE required GROUP BY provider_id
), history AS (
    SELECT provider_id,
           bool_or(round = :round AND NOT (:on_board AND state = 'expired')) AS asked,
           bool_or(state = 'declined') AS declined,
           bool_or(accepted_at IS NOT NULL AND round < :round) AS had_it
    FROM offers WHERE job_id = :job_id GROUP BY provider_id
)
SELECT p.id, p.verification, p.online, p.suspended_at IS NOT NULL AS suspended, p.suspension_reason,
       p.payouts_status, p.score, p.completed_jobs, p.capacity_jobs, p.time_zone,
       CAST(p.capabilities -> :process AS text) AS materials,
       CAST(p.working_hours AS text) AS working_hours, p.latitude, p.longitude,
       coalesce(in_hand.jobs, 0) AS open_jobs,
       CAST(scores.inputs ->> 'median_answer_s' AS double precision) AS answer_s,
       CAST(lots.found AS text) AS lots, CAST(machines.found AS text) AS machines,
       CAST(closures.found AS text) AS closures,
       CAST(certificates.found AS text) AS certificates, coalesce(history.asked, false) AS asked,
       coalesce(history.declined, false) AS declined, coalesce(history.had_it, false) AS had_it
FROM able p
LEFT JOIN in_hand ON in_hand.provider_id = p.id
LEFT JOIN provider_scores scores ON scores.provider_id = p.id
LEFT JOIN lots ON lots.provider_id = p.id
LEFT JOIN machines ON machines.provider_id = p.id
LEFT JOIN closures ON closures.provider_id = p.id
LEFT JOIN certificates ON certificates.provider_id = p.id
LEFT JOIN history ON history.provider_id = p.id
""")
BOUND = CANDIDATES.bindparams(
    bindparam("only", type_=String), bindparam("on_board", type_=Boolean), bindparam("round", type_=Integer)
)
# What is on record of a provider changes seldom: of so many texts is remembered what they mean.
REMEMBERED = 8192


async def read_work(
    session: AsyncSession, job: JobRow, line: OrderLineRow, policies: OrderPolicies, at: datetime
) -> WorkFacts:
    """The job as a decision sees it at this time."""
    place = (
        await session.execute(
            select(OrderAddressRow.latitude, OrderAddressRow.longitude).where(OrderAddressRow.order_id == job.order_id)
        )
    ).one_or_none()
    return WorkFacts(
        process=line.process,
        material=line.material,
        grams=line.material_g,
        quantity=line.quantity,
        amount_minor=job.amount_minor,
        currency=line.currency,
        lead_time_days=line.lead_time_days,
        asked_at=at,
        needed_by=at + timedelta(days=max(1, line.lead_time_days)),
        start_by=at + timedelta(seconds=policies.start_due_s),
        newcomer_jobs=policies.newcomer_jobs,
        newcomer_limit_minor=policies.newcomer_limit_minor,
        colour=line.colour.lower() if line.colour else None,
        sheets=line.material_sheets,
        box_mm=_longest_first(line.box_mm) if line.box_mm else None,
        place=None if place is None else _place(place.latitude, place.longitude),
    )


async def read_candidates(
    session: AsyncSession, job: JobRow, work: WorkFacts, *, on_board: bool = False, only: str | None = None
) -> list[ProviderFacts]:
    """Everybody who can do process and material; `only` reads one provider, whatever she can do.

    `on_board` does not count as asked whose offer of this round expired.
    """
    rows = await session.execute(
        BOUND,
        {
            "job_id": job.id,
            "round": job.round,
            "process": work.process,
            "material": work.material,
            "materials": list(work.materials),
            "at": work.asked_at,
            "until": max(work.needed_by, work.start_by),
            "on_board": on_board,
            "only": only,
        },
    )
    return [_facts(row) for row in rows]


def _facts(row: Row[*tuple[Any, ...]]) -> ProviderFacts:
    """A row as facts; JSON comes as text, and is understood once."""
    return ProviderFacts(
        id=row.id,
        standing=ProviderStanding(
            verification=row.verification,
            online=row.online,
            suspended=row.suspended,
            suspension_reason=row.suspension_reason,
            payouts_status=row.payouts_status,
            certificates=_certificates(row.certificates),
        ),
        score=row.score,
        completed_jobs=row.completed_jobs,
        open_jobs=row.open_jobs,
        capacity_jobs=row.capacity_jobs,
        materials=_names(row.materials),
        answer_s=None if row.answer_s is None else round(row.answer_s),
        lots=_lots(row.lots),
        machines=_machines(row.machines),
        time_zone=row.time_zone,
        hours=_hours(row.working_hours),
        closures=_closures(row.closures),
        place=_place(row.latitude, row.longitude),
        asked=row.asked,
        declined=row.declined,
        had_it=row.had_it,
    )


@lru_cache(REMEMBERED)
def _names(text: str | None) -> tuple[str, ...]:
    return tuple(_read(text))


@lru_cache(REMEMBERED)
def _lots(text: str | None) -> tuple[Lot, ...]:
    return tuple(Lot(colour, unit, int(free)) for colour, unit, free in _read(text))


@lru_cache(REMEMBERED)
def _machines(text: str | None) -> tuple[Machine, ...]:
    return tuple(Machine(_longest_first(volume), tuple(names), online) for volume, names, online in _read(text))


@lru_cache(REMEMBERED)
def _closures(text: str | None) -> tuple[Closure, ...]:
    return tuple(Closure(_moment(begins), _moment(ends)) for begins, ends in _read(text))


@lru_cache(REMEMBERED)
def _certificates(text: str | None) -> tuple[CertificateFact, ...]:
    return tuple(
        CertificateFact(kind, state, required=True, expires_at=None if expires is None else _moment(expires))
        for kind, state, expires in _read(text)
    )


@lru_cache(REMEMBERED)
def _hours(text: str | None) -> tuple[tuple[int, int] | None, ...] | None:
    """Monday first; a day without hours is free, a week without any record has no calendar."""
    stored: dict[str, list[str]] | None = None if text is None else json.loads(text)
    if stored is None:
        return None
    return tuple((_minutes(stored[day][0]), _minutes(stored[day][1])) if stored.get(day) else None for day in WEEK)


def _read(text: str | None) -> list[Any]:
    found: list[Any] = [] if text is None else json.loads(text) or []
    return found


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(float(epoch), tz=UTC)


def _longest_first(sides: list[Any]) -> tuple[float, ...]:
    return tuple(sorted((float(side) for side in sides), reverse=True))


def _place(latitude: float | None, longitude: float | None) -> Place | None:
    """Somewhere within some kilometres: decisions are kept for ever, and nobody's door belongs in them."""
    return None if latitude is None or longitude is None else Place(round(latitude, 1), round(longitude, 1))
