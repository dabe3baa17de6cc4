"""The board everybody plays on: the agenda, who bought what, and what is counted."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.cli.benches.month.agenda import Agenda, Deed
from fulfil.cli.benches.month.characters import Wish
from fulfil.cli.benches.month.people import Buyer, People
from fulfil.cli.benches.month.server import MonthServers
from fulfil.models.messages.events import EventType
from fulfil.models.messages.policies import OrderPolicies

NEW_EVENTS = text("""
SELECT "offset", order_id, type, at, actor_kind, subject, data FROM events WHERE "offset" > :after ORDER BY "offset"
""")


# What is about to time out: offers of a wave, and an order nobody paid.
ABOUT_TO_END = text("""
SELECT EXISTS (
    SELECT FROM offers o JOIN jobs j ON j.id = o.job_id
    WHERE j.order_id = :order_id AND o.state = 'open' AND o.expires_at < :soon
) OR EXISTS (
    SELECT FROM orders WHERE id = :order_id AND state = 'awaiting_payment' AND placed_at < :placed
)
""")
TOO_CLOSE = timedelta(seconds=30)
PAYMENT_DUE = timedelta(seconds=OrderPolicies().payment_due_s)


@dataclass(frozen=True)
class Purchase:
    """An order that was placed, and who wanted what."""

    order_id: str
    wish: Wish
    buyer: Buyer


@dataclass(frozen=True)
class News:
    """Something that happened to an order."""

    order_id: str
    type: EventType
    at: datetime
    actor_kind: str
    subject: str
    data: dict[str, Any]


Reaction = Callable[[News], None]


@dataclass
class Board:
    """What all players share."""

    servers: MonthServers
    people: People
    seed: int
    agenda: Agenda = field(default_factory=Agenda)
    purchases: dict[str, Purchase] = field(default_factory=dict[str, Purchase])
    events: Counter[EventType] = field(default_factory=Counter[EventType])
    counts: Counter[str] = field(default_factory=Counter[str])
    given_up: list[str] = field(default_factory=list[str])
    """Moves that people did not get through with."""
    called_off: set[str] = field(default_factory=set[str])
    """Orders that their customers did not want any more."""
    parked: list[str] = field(default_factory=list[str])
    """Steps that parked, whether or not a retry moved them on."""

    @property
    def now(self) -> datetime:
        """The time as it was last heard."""
        return self.servers.time.clock()

    def dice(self, *words: object) -> Random:
        """Dice of their own for one matter: what else is thrown does not change them."""
        return Random(":".join(str(word) for word in (self.seed, *words)))

    async def leave_to_timer(self, order_id: str) -> bool:
        """Whether a timer of the order is about to fire, so that nobody moves on it now.

        The time-skipping server strands a workflow whose task cancels a timer that fires meanwhile.
        """
        now = await self.servers.time.refresh()
        async with self.servers.owner.begin() as session:
            near = {"order_id": order_id, "soon": now + TOO_CLOSE, "placed": now + TOO_CLOSE - PAYMENT_DUE}
            return bool(await session.scalar(ABOUT_TO_END, near))

    def later(
        self, after: timedelta, label: str, deed: Deed, *, keeps_open: bool = True, to_the_second: bool = False
    ) -> None:
        """Somebody moves so long from now."""
        self.agenda.add(self.now + after, label, deed, keeps_open=keeps_open, to_the_second=to_the_second)


@dataclass
class Newsreader:
    """Reads what happened since it last looked; nobody is at work meanwhile."""

    offset: int = 0

    async def read(self, session: AsyncSession) -> list[News]:
        """The new events of all orders, in their order."""
        found: list[News] = []
        for row in await session.execute(NEW_EVENTS, {"after": self.offset}):
            self.offset = row.offset
            found.append(News(row.order_id, EventType(row.type), row.at, row.actor_kind, row.subject, row.data))
        return found
