"""The month, day after day: moves in the order of time, and between them time passes as the timers want it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import text

from fulfil.cli.benches.month.agenda import Move
from fulfil.cli.benches.month.board import Board, News, Newsreader, Reaction
from fulfil.cli.benches.month.buying import Buying
from fulfil.cli.benches.month.characters import DAY
from fulfil.cli.benches.month.clock import StandstillError
from fulfil.cli.benches.month.delivering import Delivering
from fulfil.cli.benches.month.making import Making
from fulfil.cli.benches.month.supporting import Supporting
from fulfil.models.messages.events import EventType
from fulfil.models.messages.upkeep import StartUpkeep
from fulfil.workflows.ids import ORDERS, UPKEEP_WORKFLOW_ID

LONGEST_SLEEP = timedelta(hours=6)
A_MOMENT = timedelta(seconds=1)
SETTLES_WITHIN_S = 30.0
LOOK_EVERY_S = 0.005
ORDERS_FOR_DAYS = 30
MOST_DAYS_MORE = 60
UPKEEP_EVERY = 2 * DAY
RECONCILED_EVERY_DAYS = 7
DAYS_OF_REST = 8
RECONCILED_WITHIN_S = 20
OPEN_ORDERS = text("SELECT count(*) FROM orders WHERE state NOT IN ('closed', 'cancelled', 'expired')")


class Player(Protocol):
    """Some of the people."""

    def reactions(self) -> Mapping[EventType, Reaction]:
        """What they do when they hear of something."""
        ...


@dataclass
class Days:
    """Plays all of it."""

    board: Board
    say: Callable[[str], None]
    newsreader: Newsreader = field(default_factory=Newsreader)
    began: datetime | None = None
    moves: int = 0
    reconciled_on: int = 0

    def __post_init__(self) -> None:
        self.buying, self.making = Buying(self.board), Making(self.board)
        players: list[Player] = [self.buying, self.making, Delivering(self.board), Supporting(self.board)]
        self._reactions: dict[EventType, list[Reaction]] = {}
        for player in players:
            self._learn(player.reactions())

    def _learn(self, reactions: Mapping[EventType, Reaction]) -> None:
        for kind, reaction in reactions.items():
            self._reactions.setdefault(kind, []).append(reaction)

    async def play(self, orders: int) -> None:
        """Place so many orders within thirty days and go on until none is open, at most sixty days more."""
        await self._until_monday()
        begin = self.began = self.board.now
        self.buying.plan(orders, begin=begin, days=ORDERS_FOR_DAYS)
        self.making.plan()
        self.board.later(UPKEEP_EVERY, "upkeep", self._keep_up, keeps_open=False)
        last = begin + DAY * (ORDERS_FOR_DAYS + MOST_DAYS_MORE)
        day = 0
        while self.board.now < last:
            await self.settle()
            await self._hear()
            if self.board.now >= begin + DAY * day:
                await self._tell(day)
                day += 5
            moves = self.board.agenda.take(self.board.now)
            if moves:
                self.moves += len(moves)
                await asyncio.gather(*(self._make(move) for move in moves))
            elif not self.board.agenda.busy and not await self._open_orders():
                break
            else:
                await self._pass_time(last)

    async def _make(self, move: Move) -> None:
        try:
            await move.deed()
        except StandstillError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it was, it is a finding, and the others go on)
            self.board.given_up.append(f"{move.label} at {self.board.now}: {error!r}"[:400])

    async def rest(self) -> None:
        """Some days more: funds become available, the last webhooks arrive."""
        for _ in range(DAYS_OF_REST):
            await self.board.servers.time.sleep(DAY)
            await self.settle()

    async def _until_monday(self) -> None:
        """So that the same seed finds the same weekdays."""
        now = self.board.now
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        await self.board.servers.time.sleep(midnight + DAY * (7 - now.weekday()) - now)

    async def _pass_time(self, last: datetime) -> None:
        """Until the next move; not so long that nobody would look what timers did."""
        now = self.board.now
        until = min(self.board.agenda.next_at or last, now + LONGEST_SLEEP, last)
        await self.board.servers.time.sleep(until - now)

    async def settle(self) -> None:
        """Let everything that was set going come to rest: webhooks arrive, relays tell, workflows act on it."""
        servers, patience = self.board.servers, time.monotonic() + SETTLES_WITHIN_S
        while time.monotonic() < patience:
            if await servers.relay():
                await servers.time.sleep(A_MOMENT)
            elif await servers.webhooks_waiting():
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                return
        self.board.given_up.append(f"webhooks and reports do not come to rest at {self.board.now}")

    async def _hear(self) -> None:
        """Everybody hears what concerns her."""
        async with self.board.servers.owner.begin() as session:
            news = await self.newsreader.read(session)
        for each in news:
            self.board.events[each.type] += 1
            for reaction in self._reactions.get(each.type, []):
                self._react(reaction, each)
        await self.making.look_at_offers()

    def _react(self, reaction: Reaction, news: News) -> None:
        if news.order_id in self.board.purchases:
            reaction(news)

    async def _open_orders(self) -> int:
        async with self.board.servers.owner.begin() as session:
            return int(await session.scalar(OPEN_ORDERS) or 0)

    async def _keep_up(self) -> None:
        """What schedules do, which this server does not have."""
        servers, day = self.board.servers, (self.board.now - (self.began or self.board.now)).days
        await servers.client.execute_workflow(
            "Upkeep", StartUpkeep(), id=f"{UPKEEP_WORKFLOW_ID}/{day}", task_queue=ORDERS
        )
        if day >= self.reconciled_on + RECONCILED_EVERY_DAYS:
            self.reconciled_on = day
            await self.board.people.admin.post("/support/reconciliations", wait=RECONCILED_WITHIN_S)
        self.board.later(UPKEEP_EVERY, "upkeep", self._keep_up, keeps_open=False)

    async def _tell(self, day: int) -> None:
        placed, still = len(self.board.purchases), await self._open_orders()
        spent = f"{self.moves} moves, {time.process_time():.0f} s CPU"
        self.say(f"day {day}: {placed} orders placed, {still} open, {spent}")
