"""The simulator's own clock: what becomes due happens by itself, at once when the clock is moved on."""

import asyncio
import logging
from collections.abc import Callable

from fulfil.simulators.stripe import (
    balances,
    captures,
    charges,
    disputed,
    disputes,
    early_warnings,
    payouts,
    refunds,
    topups,
)
from fulfil.simulators.stripe.store import Store
from fulfil.simulators.stripe.transaction import Timer, Transaction

# How much is done before other requests get their turn.
AT_ONCE = 200

log = logging.getLogger(__name__)

Deed = Callable[[Transaction, str], object]
DEEDS: dict[str, Deed] = {
    captures.EXPIRE: captures.expire,
    charges.DISPUTE: disputes.open_by_card,
    charges.WARN: early_warnings.warn_by_card,
    disputed.DECIDE: disputes.decide_by_evidence,
    disputed.DUE: disputes.pass_due,
    payouts.ARRIVE: payouts.arrive,
    payouts.SEND: payouts.send,
    payouts.PAY_OUT: payouts.pay_out_automatically,
    refunds.FAIL: refunds.fail_by_card,
    refunds.SUCCEED: refunds.succeed_by_card,
    topups.ARRIVE: topups.arrive,
}


class Clock:
    """Does what is due; `wake` tells that events wait to be delivered."""

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake
        self._news = asyncio.Event()
        store.before_commit = refunds.send_waiting
        store.after_timers = self._news.set

    def advance(self, seconds: float) -> float:
        """Move the clock on and do all that became due on the way, in order; answers the new time."""
        with self._store.advancing(seconds) as tx:
            do_due(tx)
            reached = tx.now
        self._news.set()
        if tx.scheduled:
            self._wake()
        return reached

    async def run(self) -> None:
        """Do what becomes due as time goes by, for ever."""
        while True:
            self._news.clear()
            due = self._store.next_timer_at()
            if due is None or due > self._store.now:
                await self._wait(due)
                continue
            try:
                with self._store.transaction() as tx:
                    do_due(tx, AT_ONCE)
            except Exception:
                log.exception("what was due could not be done: nothing happens by itself any more")
                raise
            if tx.scheduled:
                self._wake()
            await asyncio.sleep(0)

    async def _wait(self, due: float | None) -> None:
        """Until a timer is set, the clock is moved, or the next timer is due."""
        try:
            async with asyncio.timeout(None if due is None else due - self._store.now):
                await self._news.wait()
        except TimeoutError:
            return


def do_due(tx: Transaction, limit: int | None = None) -> None:
    """Do what is due by `tx.now`, each thing at its own time; what settles at one time is announced together."""
    until, done = tx.now, 0
    settled: set[str] = set()
    settled_at = until
    while limit is None or done < limit:
        tx.now = until
        timer = tx.take_due()
        if settled and (timer is None or timer.deed != balances.SETTLE or timer.due != settled_at):
            tx.now = settled_at
            _announce(tx, settled)
        if timer is None:
            break
        done += 1
        tx.now = timer.due
        if timer.deed == balances.SETTLE:
            settled_at = timer.due
            with tx.within(timer.account):
                balances.settle(tx, timer.subject)
            settled.add(timer.account)
        else:
            _do(tx, timer)
    else:
        tx.now = settled_at
        _announce(tx, settled)
    tx.now = until


def _announce(tx: Transaction, accounts: set[str]) -> None:
    """Tell of the money that has become available, and send the refunds that waited for it."""
    refunds.send_waiting(tx)
    for account in sorted(accounts):
        with tx.within(account):
            balances.announce(tx)
    accounts.clear()


def _do(tx: Transaction, timer: Timer) -> None:
    with tx.within(timer.account):
        DEEDS[timer.deed](tx, timer.subject)
    refunds.send_waiting(tx)
