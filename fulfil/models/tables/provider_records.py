"""What providers did in a span of time, counted by PostgreSQL: the same counts for scores and for statistics."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import String

# A date is kept when the work was on its way (or ready to be picked up, or a milestone submitted) by it and no date
# before was missed. Offers others were faster at say nothing. A job is lost to her when it went to another round, or
# was called off after its date; a customer's change of mind is not. Of chargebacks only those about the goods count.
COUNTS = text("""
SELECT p.id AS provider_id, promises.promised, promises.kept,
       answers.asked, answers.in_time, answers.median_answer_s, answers.p90_answer_s,
       checks.checks, checks.first_passed, ratings.feedbacks, ratings.star_points,
       completions.completed, losses.lost, refunds_of.refunded, chargebacks_of.charged_back
FROM providers p
CROSS JOIN LATERAL (
    SELECT count(*) AS promised, count(*) FILTER (WHERE is_kept) AS kept
    FROM (
        SELECT d.done_at <= d.due_at AND d.missed_at IS NULL AS is_kept
        FROM (
            SELECT r.due_at, r.closed_at,
                   coalesce(r.pickup_ready_at, r.shipped_at, r.delivered_at) AS done_at,
                   (SELECT max(e.at) FROM events e
                    WHERE e.order_id = r.order_id AND e.subject = r.job_id AND e.type = 'job.deadline_missed'
                      AND e.at >= f.accepted_at AND (r.closed_at IS NULL OR e.at <= r.closed_at)) AS missed_at
            FROM productions r
            JOIN offers f ON f.id = r.offer_id
            WHERE r.provider_id = p.id AND r.due_at IS NOT NULL AND (r.closed_at IS NULL OR r.closed_at >= :since)
        ) AS d
        WHERE d.done_at >= :since
           OR d.done_at IS NULL AND (
               d.missed_at >= :since
               OR d.due_at >= :since AND d.due_at < coalesce(d.closed_at, :until)
           )
        UNION ALL
        SELECT m.delayed_at IS NULL
        FROM deliverables v JOIN milestones m ON m.deliverable_id = v.id
        WHERE v.provider_id = p.id AND coalesce(m.submitted_at, m.delayed_at) >= :since
    ) AS dates
) AS promises
CROSS JOIN LATERAL (
    SELECT count(*) AS asked, count(*) FILTER (WHERE a.answered_at <= a.expires_at) AS in_time,
           round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.answered_at - a.offered_at)))::int
               AS median_answer_s,
           round(percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM a.answered_at - a.offered_at)))::int
               AS p90_answer_s
    FROM (
        SELECT f.offered_at, f.expires_at, f.state,
               coalesce(f.accepted_at, CASE f.state WHEN 'declined' THEN f.closed_at END,
                        (SELECT min(c.created_at) FROM counter_offers c
                         WHERE c.job_id = f.job_id AND c.offer_id = f.id)) AS answered_at
        FROM offers f
        WHERE f.provider_id = p.id AND f.stage = 'wave' AND f.offered_at >= :since
    ) AS a
    WHERE a.answered_at IS NOT NULL OR a.state = 'expired'
) AS answers
CROSS JOIN LATERAL (
    SELECT count(*) AS checks, count(*) FILTER (WHERE q.passed) AS first_passed
    FROM productions r JOIN quality_checks q ON q.offer_id = r.offer_id AND q.number = 1
    WHERE r.provider_id = p.id AND q.checked_at >= :since
) AS checks
CROSS JOIN LATERAL (
    SELECT count(*) AS feedbacks, coalesce(sum(b.quality + b.communication + b.timeliness), 0)::int AS star_points
    FROM deliverable_feedback b
    WHERE b.provider_id = p.id AND b.created_at >= :since
) AS ratings
CROSS JOIN LATERAL (
    SELECT count(*) AS completed FROM jobs j WHERE j.provider_id = p.id AND j.approved_at >= :since
) AS completions
CROSS JOIN LATERAL (
    SELECT count(*) AS lost
    FROM offers f
    JOIN productions r ON r.offer_id = f.id
    JOIN jobs j ON j.id = f.job_id
    WHERE f.provider_id = p.id AND f.state = 'withdrawn' AND f.accepted_at IS NOT NULL AND f.closed_at >= :since
      AND (j.round > f.round OR r.due_at < f.closed_at)
) AS losses
CROSS JOIN LATERAL (
    SELECT count(DISTINCT j.id) AS refunded
    FROM jobs j JOIN refunds b ON b.order_id = j.order_id
    WHERE j.provider_id = p.id AND b.reason IN ('quality', 'late') AND b.state NOT IN ('rejected', 'failed')
      AND b.requested_at >= :since
      AND b.plan -> 'allocations' @> jsonb_build_array(jsonb_build_object('line_id', j.line_id))
) AS refunds_of
CROSS JOIN LATERAL (
    SELECT count(DISTINCT j.id) AS charged_back
    FROM jobs j JOIN chargebacks c ON c.order_id = j.order_id
    WHERE j.provider_id = p.id AND c.state = 'lost' AND c.closed_at >= :since
      AND c.reason IN ('product_not_received', 'product_unacceptable')
) AS chargebacks_of
WHERE p.id = ANY (:provider_ids)
""").bindparams(bindparam("provider_ids", type_=ARRAY(String)))

# Jobs in hand and jobs that ended since, by where they stand; money of those approved since, as it was released.
JOBS = text("""
SELECT j.provider_id, l.currency,
       CASE WHEN j.state = 'accepted' AND r.state IS NOT NULL THEN r.state ELSE j.state END AS state,
       count(*) AS jobs,
       count(*) FILTER (WHERE j.approved_at >= :since AND j.released_minor IS NOT NULL) AS released_jobs,
       coalesce(sum(j.released_minor) FILTER (WHERE j.approved_at >= :since), 0)::bigint AS released_minor,
       coalesce(sum(j.payout_minor) FILTER (WHERE j.approved_at >= :since), 0)::bigint AS payout_minor
FROM jobs j
JOIN order_lines l ON l.id = j.line_id
LEFT JOIN productions r ON r.offer_id = j.offer_id
WHERE j.provider_id = ANY (:provider_ids) AND (j.closed_at IS NULL OR j.closed_at >= :since)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
""").bindparams(bindparam("provider_ids", type_=ARRAY(String)))


async def count_records(
    session: AsyncSession, provider_ids: Sequence[str], *, since: datetime, until: datetime
) -> Sequence[RowMapping]:
    """One row per provider with the counts a score is made of, `provider_id` first; `until` is now."""
    values = {"provider_ids": list(provider_ids), "since": since, "until": until}
    return (await session.execute(COUNTS, values)).mappings().all()


async def count_jobs(session: AsyncSession, provider_ids: Sequence[str], *, since: datetime) -> Sequence[RowMapping]:
    """How many jobs of which provider stand where, and what was released of them, by currency."""
    values = {"provider_ids": list(provider_ids), "since": since}
    return (await session.execute(JOBS, values)).mappings().all()
