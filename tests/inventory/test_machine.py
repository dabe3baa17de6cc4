"""Any sequence of what happens to stock, on PostgreSQL, against shelves and slips of paper."""

import asyncio
import os
import secrets
from collections.abc import Coroutine, Iterator
from copy import deepcopy
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from fulfil.inventory.leases import NothingReservedError
from fulfil.inventory.lots import StockInsufficientError
from fulfil.kit.database import Database, DatabaseRole
from fulfil.models.messages.inventory import StockUnit
from tests.conftest import TEMPLATE, administer, database_named
from tests.inventory.shelf import Shelf, Shelves
from tests.inventory.storeroom import DAY, Storeroom, furnish, needed

T = TypeVar("T")
# A long run: FULFIL_STOCK_EXAMPLES=500 pytest tests/inventory/test_machine.py
USUAL = 12
EXAMPLES = int(os.environ.get("FULFIL_STOCK_EXAMPLES", str(USUAL)))
PROFILE = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    derandomize=EXAMPLES == USUAL,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
KINDS = ((StockUnit.GRAM, "black"), (StockUnit.GRAM, "white"), (StockUnit.GRAM, "black"), (StockUnit.SHEET, "black"))
LOTS = st.integers(0, len(KINDS) - 1)
OFFERS = st.sampled_from(["a", "b", "c"])
QUANTITIES = st.integers(1, 30)


class StockOfAProvider(RuleBasedStateMachine):
    """Receipts, adjustments, leases, time, settlements and corrections, legal and illegal, once and again."""

    def __init__(self, loop: asyncio.Runner, owner: Database, worker: Database) -> None:
        super().__init__()
        self.loop = loop
        self.room: Storeroom = loop.run(furnish(owner, worker))
        self.shelves = Shelves()
        self.lots = [
            self.play(self.room.lot(0, colour=colour, unit=unit, lot=str(number)))
            for number, (unit, colour) in enumerate(KINDS)
        ]
        for lot, (unit, colour) in zip(self.lots, KINDS, strict=True):
            self.shelves.shelves[lot] = Shelf(unit, colour)

    def play(self, step: Coroutine[Any, Any, T]) -> T:
        """A step, to its end."""
        return self.loop.run(step)

    def offer(self, name: str) -> str:
        """An offer of this run."""
        return f"off_{name}_{self.room.provider_id}"

    @rule(number=LOTS, quantity=QUANTITIES)
    def receive(self, number: int, quantity: int) -> None:
        """Material comes in."""
        self.play(self.room.change(self.lots[number], quantity))
        self.shelves.shelves[self.lots[number]].lying += quantity

    @rule(number=LOTS, quantity=QUANTITIES)
    def lose(self, number: int, quantity: int) -> None:
        """Less is found; never less than what is free."""
        lot = self.lots[number]
        if quantity > self.shelves.free(lot):
            with pytest.raises(StockInsufficientError):
                self.play(self.room.change(lot, -quantity))
        else:
            self.play(self.room.change(lot, -quantity))
            self.shelves.shelves[lot].lying -= quantity

    @rule(
        name=OFFERS,
        weighed=QUANTITIES,
        sheets=st.integers(0, 9),
        colour=st.sampled_from([None, "black", "white"]),
        days=st.integers(1, 5),
    )
    def reserve(self, name: str, weighed: int, sheets: int, colour: str | None, days: int) -> None:
        """A provider accepts a job; only once per offer."""
        offer = self.offer(name)
        quantities = {StockUnit.GRAM: weighed} | ({StockUnit.SHEET: sheets} if sheets else {})
        need = needed(quantities, colour)
        answer = self.play(self.room.reserve(offer, need, days))
        slips = self.shelves.slips.get(offer, {})
        self.shelves.lapse_all(self.room.now)
        if any(slip.promised or slip.used is not None for slip in slips.values()):
            assert answer
            return
        lot = self.shelves.suited(need)
        assert answer is (lot is not None)
        if lot is not None:
            for slip in slips.values():
                slip.lapsed = 0
            self.promise(offer, lot, need.quantities[self.shelves.shelves[lot].unit], days)

    @rule(name=OFFERS, quantity=QUANTITIES, days=st.integers(1, 5))
    def reserve_more(self, name: str, quantity: int, days: int) -> None:
        """A remake takes more: of the first lot, or of one alike."""
        offer = self.offer(name)
        slips = self.shelves.slips.get(offer)
        if not slips:
            with pytest.raises(NothingReservedError):
                self.play(self.room.reserve_more(offer, quantity, days))
            return
        answer = self.play(self.room.reserve_more(offer, quantity, days))
        self.shelves.renew(offer, self.room.now + days * DAY, self.room.now)
        self.shelves.lapse_all(self.room.now)
        first = min(slips, key=lambda lot: (slips[lot].written_at, lot))
        shelf = self.shelves.shelves[first]
        lot = first if self.shelves.free(first) >= quantity else None
        lot = lot or self.shelves.suited(needed({shelf.unit: quantity}, shelf.colour))
        assert answer is (lot is not None)
        if lot is not None:
            self.promise(offer, lot, quantity, days)

    def promise(self, offer: str, lot: str, quantity: int, days: int) -> None:
        """Write it on a slip."""
        self.shelves.promise(offer, lot, quantity, self.room.now + days * DAY, self.room.now)

    @rule(name=OFFERS, days=st.integers(1, 9))
    def renew(self, name: str, days: int) -> None:
        """Production begins."""
        self.play(self.room.renew(self.offer(name), days))
        self.shelves.renew(self.offer(name), self.room.now + days * DAY, self.room.now)

    @rule(name=OFFERS)
    def release(self, name: str) -> None:
        """The job is taken back."""
        self.play(self.room.release(self.offer(name)))
        for slip in self.shelves.slips.get(self.offer(name), {}).values():
            slip.promised = 0

    @rule(name=OFFERS)
    def consume(self, name: str) -> None:
        """The job is settled."""
        self.play(self.room.consume(self.offer(name)))
        for lot in self.shelves.slips.get(self.offer(name), {}):
            self.shelves.use_up(self.offer(name), lot, self.room.now)

    @rule(name=OFFERS, used=st.integers(0, 40))
    def correct(self, name: str, used: int) -> None:
        """What was really used is reported; what can't be is refused and changes nothing."""
        offer, then = self.offer(name), deepcopy(self.shelves)
        slips = then.slips.get(offer, {})
        if len(slips) != 1:
            with pytest.raises(NothingReservedError):
                self.play(self.room.correct(offer, used))
            return
        [(lot, slip)] = slips.items()
        then.use_up(offer, lot, self.room.now)
        then.lapse(lot, self.room.now)
        more = used - (slip.used or 0)
        if more > then.free(lot):
            with pytest.raises(StockInsufficientError):
                self.play(self.room.correct(offer, used))
            return
        self.play(self.room.correct(offer, used))
        then.shelves[lot].lying -= more
        slip.used = used
        self.shelves = then

    @rule(days=st.integers(1, 4))
    def wait(self, days: int) -> None:
        """Time passes; nothing changes by that alone."""
        self.room.now += days * DAY

    @rule()
    def sweep(self) -> None:
        """The hourly look."""
        self.play(self.room.sweep())
        self.shelves.lapse_all(self.room.now)

    @invariant()
    def the_books_say_what_lies_there(self) -> None:
        """Every balance, from rows and from movements; nothing below zero."""
        assert self.play(self.room.findings()) == []
        counted = {lot: (self.shelves.free(lot), self.shelves.promised(lot)) for lot in self.lots}
        assert self.play(self.room.balances()) == counted


@pytest.fixture
def storage(postgres_server: str) -> Iterator[tuple[asyncio.Runner, Database, Database]]:
    """A database of its own, on an event loop of its own."""
    name = f"stock_machine_{secrets.token_hex(4)}"
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as loop:
        loop.run(administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
        url = database_named(postgres_server, name)
        databases = [Database(url, role, pool_size=1) for role in (DatabaseRole.OWNER, DatabaseRole.WORKER)]
        yield loop, databases[0], databases[1]
        for database in databases:
            loop.run(database.close())
        loop.run(administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


def test_any_sequence_keeps_the_books_true(storage: tuple[asyncio.Runner, Database, Database]) -> None:
    class InThisStorage(StockOfAProvider):
        """The machine as Hypothesis wants it: without arguments."""

        def __init__(self) -> None:
            super().__init__(*storage)

    run_state_machine_as_test(InThisStorage, settings=PROFILE)
