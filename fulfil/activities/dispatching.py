"""Offers of a job: waves, the open board and the operator's turn, each written once with its timeline event."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.ranking import Candidate, best_of, decide_wave, keep_decision
from fulfil.models.ids import derived_id
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.jobs import JobState, OfferedTo, OfferState, OfferWave, Stage
from fulfil.models.messages.parties import SYSTEM, WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.tables.jobs import JobRow, OfferRow
from fulfil.models.tables.orders import OrderLineRow
from fulfil.models.tables.timeline import EventRow, append_event
from fulfil.ranking.rankings import DEFAULT, Ranking


@dataclass(frozen=True)
class WaveKey:
    """One stage of one round of one job; its event is the stored result a retry finds."""

    round: int
    stage: Stage
    number: int

    def business_key(self, job: JobRow) -> str:
        """Names the event of this wave."""
        what = {Stage.WAVE: "offered", Stage.OPEN_BOARD: "put_on_board", Stage.OPERATOR: "escalated"}[self.stage]
        return f"{job.id}:{what}:{self.round}:{self.number}"


def first_wave(of_round: int) -> WaveKey:
    """What every round begins with."""
    return WaveKey(of_round, Stage.WAVE, 1)


async def open_offers(
    session: AsyncSession,
    job: JobRow,
    line: OrderLineRow,
    wave: WaveKey,
    policies: OrderPolicies,
    at: datetime,
    *,
    ranking: Ranking = DEFAULT,
) -> OfferWave:
    """Expire what is open and offer to the next; without a capable provider `offers` is empty and it ends now.

    Whom support asked has her own time: her offer stays open and counts to this wave, too. The caller holds the
    job's lock.
    """
    stored = await read_wave(session, job, wave)
    if stored is not None:
        return stored
    kept = await _close_wave(session, job, at)
    asked: list[OfferedTo] = []
    if wave.stage is Stage.OPERATOR:
        ends_at = at + timedelta(seconds=policies.operator_decides_s)
    else:
        asked, ends_at = await _ask_next(session, job, line, wave, policies, at, ranking=ranking)
        if not asked and not kept:
            return OfferWave(stage=wave.stage, number=wave.number, offers=[], ends_at=at)
        job.state = JobState.OFFERED
    await _tell(session, job, wave, asked, kept, ends_at, at)
    return OfferWave(stage=wave.stage, number=wave.number, offers=[*asked, *kept], ends_at=ends_at)


async def _ask_next(
    session: AsyncSession,
    job: JobRow,
    line: OrderLineRow,
    wave: WaveKey,
    policies: OrderPolicies,
    at: datetime,
    *,
    ranking: Ranking,
) -> tuple[list[OfferedTo], datetime]:
    on_board = wave.stage is Stage.OPEN_BOARD
    decision = await decide_wave(session, job, line, policies, at, ranking=ranking, on_board=on_board)
    candidates = best_of(decision, None if on_board else policies.offers_per_wave)
    await keep_decision(session, job, decision, stage=wave.stage, wave=wave.number, asked=len(candidates))
    ends_at = at + timedelta(seconds=policies.open_board_s if on_board else policies.offer_wave_s)
    return await _write_offers(session, job, wave, candidates, ends_at, at), ends_at


async def read_wave(session: AsyncSession, job: JobRow, wave: WaveKey) -> OfferWave | None:
    """The wave as it was opened, if it was."""
    data = await session.scalar(select(EventRow.data).where(EventRow.business_key == wave.business_key(job)))
    if data is None:
        return None
    named: ColumnElement[bool] = OfferRow.id.in_([*data["offer_ids"], *data.get("kept_ids", ())])
    if wave.stage is Stage.OPEN_BOARD:
        on_board = (OfferRow.round == wave.round) & (OfferRow.stage == wave.stage) & (OfferRow.wave == wave.number)
        named = or_(named, on_board)
    # Whom support asked stands behind the wave's own, as when it was opened.
    chosen_last = (OfferRow.stage == Stage.OPERATOR, OfferRow.rank, OfferRow.id)
    rows = select(OfferRow.id, OfferRow.provider_id).where(OfferRow.job_id == job.id, named).order_by(*chosen_last)
    return OfferWave(
        stage=wave.stage,
        number=wave.number,
        offers=[
            OfferedTo(offer_id=offer_id, provider_id=provider_id)
            for offer_id, provider_id in await session.execute(rows)
        ],
        ends_at=datetime.fromisoformat(data["ends_at"]),
    )


async def close_open_offers(session: AsyncSession, job_id: str, state: OfferState, reason: str, at: datetime) -> None:
    """Move every open offer of a job to one closed state."""
    await session.execute(
        update(OfferRow)
        .where(OfferRow.job_id == job_id, OfferRow.state == OfferState.OPEN)
        .values(state=state, close_reason=reason, closed_at=at)
    )


async def _close_wave(session: AsyncSession, job: JobRow, at: datetime) -> list[OfferedTo]:
    """Expire what is open; returns the offers that stay open because support made them and their time is not over."""
    stays = (OfferRow.stage == Stage.OPERATOR) & (OfferRow.expires_at > at) & (OfferRow.round == job.round)
    still_open = (OfferRow.job_id == job.id) & (OfferRow.state == OfferState.OPEN)
    await session.execute(
        update(OfferRow)
        .where(still_open, ~stays)
        .values(state=OfferState.EXPIRED, close_reason="the time to answer is over", closed_at=at)
    )
    rows = await session.execute(
        select(OfferRow.id, OfferRow.provider_id).where(still_open, stays).order_by(OfferRow.rank, OfferRow.id)
    )
    return [OfferedTo(offer_id=offer_id, provider_id=provider_id) for offer_id, provider_id in rows]


async def _write_offers(
    session: AsyncSession,
    job: JobRow,
    wave: WaveKey,
    candidates: list[Candidate],
    ends_at: datetime,
    at: datetime,
) -> list[OfferedTo]:
    if not candidates:
        return []
    rows = [
        {
            "id": derived_id("off", job.id, str(wave.round), candidate.provider_id),
            "job_id": job.id,
            "provider_id": candidate.provider_id,
            "round": wave.round,
            "stage": wave.stage,
            "wave": wave.number,
            "rank": rank,
            "reasons": candidate.reasons,
            "state": OfferState.OPEN,
            "offered_at": at,
            "expires_at": ends_at,
        }
        for rank, candidate in enumerate(candidates, start=1)
    ]
    offers = insert(OfferRow).values(rows)
    # The open board asks those again whose offer of this round expired: the same offer, open once more.
    fresh = {name: offers.excluded[name] for name in ("stage", "wave", "rank", "reasons", "state", "expires_at")}
    await session.execute(
        offers.on_conflict_do_update(
            index_elements=["job_id", "round", "provider_id"],
            set_={**fresh, "offered_at": at, "close_reason": None, "closed_at": None},
            where=OfferRow.state == OfferState.EXPIRED,
        )
    )
    return [OfferedTo(offer_id=str(row["id"]), provider_id=str(row["provider_id"])) for row in rows]


async def _tell(
    session: AsyncSession,
    job: JobRow,
    wave: WaveKey,
    offers: list[OfferedTo],
    kept: list[OfferedTo],
    ends_at: datetime,
    at: datetime,
) -> None:
    kind, who, what = {
        Stage.WAVE: (EventType.JOB_OFFERED, WaitingOn.PROVIDER, "accept the job"),
        Stage.OPEN_BOARD: (EventType.JOB_PUT_ON_BOARD, WaitingOn.PROVIDER, "accept the job from the open board"),
        Stage.OPERATOR: (EventType.JOB_ESCALATED, WaitingOn.SUPPORT, "find a provider, or the order is cancelled"),
    }[wave.stage]
    # A wave's offers are named, because the board may open them again under another stage; a board's are found by it.
    named = [offer.offer_id for offer in offers] if wave.stage is Stage.WAVE else []
    await append_event(
        session,
        order_id=job.order_id,
        business_key=wave.business_key(job),
        kind=kind,
        at=at,
        actor=SYSTEM,
        subject=job.id,
        data={
            "round": wave.round,
            "number": wave.number,
            "offers": len(offers),
            "offer_ids": named,
            **({"kept_ids": [offer.offer_id for offer in kept]} if kept else {}),
            "ends_at": ends_at.isoformat(),
        },
        next_step=NextStep(who=who, what=what, by=ends_at),
    )
