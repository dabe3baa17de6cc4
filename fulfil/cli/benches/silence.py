"""Webhooks that never come: what happens at Stripe in silence is found by one reconciliation."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fulfil.cli.benches.stripe_dump import SimulatorSwitches
from fulfil.cli.playing.money_scripts import dispute
from fulfil.cli.playing.people import Support
from fulfil.cli.playing.scenes import pay_in_full
from fulfil.cli.playing.scripts import Played, Plot, Script, play
from fulfil.cli.playing.turns import Stage, Turn, exists
from fulfil.models.ids import derived_id
from fulfil.models.messages.events import EventType
from fulfil.models.messages.orders import OrderState
from fulfil.models.messages.refunds import RefundRoute, RefundState

PREPARED_WITHIN_S = 240
FOUND_WITHIN_S = 30


@dataclass
class Silence:
    """Everybody prepares, then the webhooks stop; everybody acts, then one reconciliation, and everybody must know."""

    stage: Stage
    switches: SimulatorSwitches
    support: Support
    played: list[Played] = field(default_factory=list[Played])
    unheard: list[str] = field(default_factory=list[str])
    acts: int = 0

    async def keep(self, each: int) -> None:
        """Let `each` payments, chargebacks and returned refunds go unheard; `unheard` tells what was not found."""
        plots = [self._payment, self._chargeback, self._returned_refund] * each
        self.acts = len(plots)
        moment = asyncio.Barrier(len(plots) + 1)
        players = [asyncio.create_task(self._play(plot, moment)) for plot in plots]
        try:
            await self._conduct(moment)
        except (asyncio.BrokenBarrierError, TimeoutError):
            await moment.abort()
        await asyncio.gather(*players)

    async def _conduct(self, moment: asyncio.Barrier) -> None:
        await asyncio.wait_for(moment.wait(), PREPARED_WITHIN_S)
        await self.switches.disturb_webhooks({"drop": 1})
        await moment.wait()
        await asyncio.wait_for(moment.wait(), PREPARED_WITHIN_S)
        await self.switches.disturb_webhooks({})
        await self.support.reconcile()
        await moment.wait()

    async def _play(self, plot: Callable[[Turn, asyncio.Barrier], Awaitable[None]], moment: asyncio.Barrier) -> None:
        async def whole(turn: Turn) -> None:
            await plot(turn, moment)

        told: Plot = whole
        try:
            self.played.append(await play(self.stage, Script.PAYS, told))
        except Exception as error:  # noqa: BLE001 (whatever it was, it was not found)
            self.unheard.append(f"{plot.__name__.strip('_')}: {type(error).__name__}: {error}")
            await moment.abort()

    async def _payment(self, turn: Turn, moment: asyncio.Barrier) -> None:
        """Paid, and nobody says so."""
        turn.ending.state = OrderState.CANCELLED
        await _all_at(moment, 2)
        await pay_in_full(self.stage.shop.customer, turn.order.id)
        await _all_at(moment, 2)
        await turn.live.until(EventType.JOB_OPENED, within_s=FOUND_WITHIN_S)
        await self.stage.shop.customer.cancel(turn.order.id, "was heard of in the end")

    async def _chargeback(self, turn: Turn, moment: asyncio.Barrier) -> None:
        """Charged back after it was paid out, and nobody says so."""
        await turn.be_accepted()
        await turn.be_closed()
        await _all_at(moment, 2)
        chargeback_id = derived_id("chb", await dispute(turn))
        await _all_at(moment, 2)
        async with asyncio.timeout(FOUND_WITHIN_S):
            await turn.chargeback(chargeback_id, exists)
        await turn.answer(chargeback_id, "accept")
        await turn.chargeback(chargeback_id, lambda found: found.closed_at)
        turn.ending.lost = turn.total

    async def _returned_refund(self, turn: Turn, moment: asyncio.Barrier) -> None:
        """A refund had arrived, and comes back, and nobody says so."""
        await turn.be_accepted()
        await turn.be_closed()
        refund = await turn.refund(turn.part(50))
        if refund.stripe_refund_id is None:
            raise RuntimeError(f"{refund.id} was never sent")
        await _all_at(moment, 2)
        await self.stage.bank.settle_refund(refund.stripe_refund_id, "failed")
        await _all_at(moment, 2)
        async with asyncio.timeout(FOUND_WITHIN_S):
            await turn.refund_in(refund.id, RefundState.FAILED)
        await turn.see_through(refund.id, RefundRoute.CREDIT)
        turn.ending.refunded, turn.ending.paid_otherwise = 0, turn.part(50)


async def _all_at(moment: asyncio.Barrier, times: int) -> None:
    """Wait until all have come so far, and until the conductor has done his part."""
    for _ in range(times):
        await moment.wait()
