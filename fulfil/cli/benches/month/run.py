"""The whole simulated month: servers, people, days, examination, and what came of it in figures."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import text

from fulfil.cli.benches.findings import Finding
from fulfil.cli.benches.month.board import Board
from fulfil.cli.benches.month.calling import TIMEOUT_S, Minutes
from fulfil.cli.benches.month.days import Days
from fulfil.cli.benches.month.examining import Endings, audit_answers, endings, examine
from fulfil.cli.benches.month.people import Casting
from fulfil.cli.benches.month.server import MonthServers, month_servers
from fulfil.cli.benches.passing_database import passing_database
from fulfil.kit.database import Database, DatabaseRole
from fulfil.models.messages.events import EventType

COMPLETED_TARGET = 0.95
ORDERS_PER_BUYER = 6
COUNTED = {
    "re-dispatches": EventType.JOB_REDISPATCHED,
    "given back": EventType.JOB_GIVEN_UP,
    "late flags": EventType.JOB_AT_RISK,
    "dates missed": EventType.JOB_DEADLINE_MISSED,
    "delays announced": EventType.JOB_DELAY_ANNOUNCED,
    "parcels lost": EventType.SHIPMENT_LOST,
    "promises moved": EventType.JOB_PROMISE_MOVED,
    "jobs called off": EventType.JOB_CALLED_OFF,
    "checks failed": EventType.JOB_QUALITY_FAILED,
    "put on the open board": EventType.JOB_PUT_ON_BOARD,
    "escalated to support": EventType.JOB_ESCALATED,
    "offers declined": EventType.OFFER_DECLINED,
    "counter-offers": EventType.JOB_COUNTERED,
    "counter-offers taken": EventType.JOB_COUNTER_TAKEN,
    "reminders": EventType.REMINDER_SENT,
    "milestones approved": EventType.MILESTONE_APPROVED,
    "milestones delayed": EventType.MILESTONE_DELAYED,
    "revisions": EventType.MILESTONE_REVISION_REQUESTED,
    "steps parked": EventType.STEP_PARKED,
}


@dataclass
class MonthRun:
    """What happened, and what was broken."""

    seed: int
    orders: int
    makers: int
    days: float = 0
    wall_s: float = 0
    cpu_s: float = 0
    moves: int = 0
    endings: Endings = field(default_factory=Endings)
    events: Counter[EventType] = field(default_factory=Counter[EventType])
    counts: Counter[str] = field(default_factory=Counter[str])
    minutes: Minutes = field(default_factory=Minutes)
    parked: list[str] = field(default_factory=list[str])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def kept(self) -> bool:
        """Whether no promise was broken, and enough orders were completed."""
        return all(finding.kept for finding in self.findings) and self.endings.completed_share > COMPLETED_TARGET

    def summary(self) -> dict[str, object]:
        """The run in plain values."""
        return {
            "seed": self.seed,
            "orders_placed": self.endings.counts.total(),
            "providers": self.makers,
            "virtual_days": round(self.days, 1),
            "completed_of_those_wanted": f"{100 * self.endings.completed_share:.1f} % of {self.endings.wanted}",
            "orders_ended": dict(self.endings.counts.most_common()),
            **{name: self.events[kind] for name, kind in COUNTED.items()},
            "people": dict(sorted(self.counts.items())),
            "moves": self.moves,
            "refusals": dict(self.minutes.refusals.most_common()),
            "api_answers": {str(status): number for status, number in sorted(self.minutes.statuses.items())},
            "parked": self.parked,
            "wall_s": round(self.wall_s, 1),
            "cpu_s": round(self.cpu_s, 1),
            "findings": {finding.promise: finding.broken_by for finding in self.findings},
        }


async def play_month(say: Callable[[str], None], *, orders: int, makers: int, seed: int) -> MonthRun:
    """A month on a passing PostgreSQL of its own; raises `CommandError` when it can't begin."""
    async with passing_database() as url:
        await _keep_nothing_safe(url)
        with tempfile.TemporaryDirectory(prefix="fulfil-month-") as folder:
            return await play_month_on(url, Path(folder), say, orders=orders, makers=makers, seed=seed)


async def play_month_on(
    database_url: str, folder: Path, say: Callable[[str], None], *, orders: int, makers: int, seed: int
) -> MonthRun:
    """A month on an empty migrated database; `folder` keeps the rest of its state."""
    run = MonthRun(seed, orders, makers)
    began, spent = time.monotonic(), time.process_time()
    async with month_servers(database_url, folder) as servers, AsyncExitStack() as closing:
        http = await closing.enter_async_context(
            httpx.AsyncClient(base_url=servers.api_url, timeout=TIMEOUT_S, trust_env=False)
        )
        board = await _board(servers, http, run)
        days = Days(board, say)
        await days.play(orders)
        await days.rest()
        run.findings = [*await examine(board), audit_answers(run.minutes)]
        run.endings = await endings(board)
        run.days = (board.now - (days.began or board.now)) / timedelta(days=1)
        run.moves, run.events, run.counts, run.parked = days.moves, board.events, board.counts, board.parked
    run.wall_s, run.cpu_s = time.monotonic() - began, time.process_time() - spent
    return run


async def _keep_nothing_safe(database_url: str) -> None:
    """What is written need not survive the machine: PostgreSQL does not wait for the disk."""
    owner = Database(database_url, DatabaseRole.OWNER, pool_size=1)
    async with owner.engine.connect() as pooled:
        connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
            await connection.execute(text(statement))
    await owner.close()


async def _board(servers: MonthServers, http: httpx.AsyncClient, run: MonthRun) -> Board:
    casting = Casting(servers, http, run.minutes, run.seed)
    people = await casting.people(makers=run.makers, buyers=max(2, run.orders // ORDERS_PER_BUYER))
    return Board(servers, people, run.seed)
