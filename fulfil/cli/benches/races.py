"""Fifty providers accept one job at the same moment: one may win, and everybody wants to know at once."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from fulfil.api.schemas.quotes import Quote
from fulfil.cli.benches.samples import Samples
from fulfil.cli.client import ProblemError
from fulfil.cli.exits import CommandError
from fulfil.cli.playing.cast import Cast, ProviderMember
from fulfil.cli.playing.following import Chance, LiveTimeline, Market
from fulfil.cli.playing.people import Customer
from fulfil.cli.playing.scenes import pay_in_full
from fulfil.kit.database import Database, DatabaseRole
from fulfil.models.messages.events import EventType
from fulfil.models.messages.policies import OrderPolicies

TOP_SCORE, LOW_SCORE = 100, 10
OFFERED_WITHIN_S = 30
CONFLICT = 409


@dataclass
class Races:
    """What came of them."""

    winners: list[int] = field(default_factory=list[int])
    answers: Samples = field(default_factory=Samples)
    odd_answers: list[str] = field(default_factory=list[str])


async def race_of_many(cast: Cast, customer: Customer, quote: Quote, *, racers: int, rounds: int) -> Races:
    """Bring jobs to the open board, where every racer has an offer, and let all accept at once."""
    policies = OrderPolicies()
    decliners = await cast.providers(policies.offers_per_wave * policies.offer_waves)
    field_of_racers = await cast.providers(racers)
    await _rank(cast, decliners, TOP_SCORE)
    await _rank(cast, field_of_racers, LOW_SCORE)
    races = Races()
    for _ in range(rounds):
        job_id, order_id = await _offered_on_board(customer, quote, decliners)
        market = Market([member.person for member in field_of_racers])
        chances = await market.chances(job_id, OFFERED_WITHIN_S)
        if len(chances) != racers:
            raise CommandError(f"only {len(chances)} of {racers} providers were offered {job_id}")
        await _run(chances, races)
        await customer.cancel(order_id, "only a race")
    await _rank(cast, [*decliners, *field_of_racers], 0)
    return races


async def _run(chances: Sequence[Chance], races: Races) -> None:
    """Everybody presses the button."""
    won = 0

    async def accept(chance: Chance) -> None:
        nonlocal won
        began = time.perf_counter()
        try:
            await chance.provider.accept(chance.offer.id)
            won += 1
        except ProblemError as refused:
            if refused.problem.status != CONFLICT:
                races.odd_answers.append(str(refused))
        races.answers.seconds.append(time.perf_counter() - began)

    await asyncio.gather(*(accept(chance) for chance in chances))
    races.winners.append(won)


async def _offered_on_board(customer: Customer, quote: Quote, decliners: Sequence[ProviderMember]) -> tuple[str, str]:
    """A paid order whose waves all said no; its job and itself."""
    order = await customer.place(quote)
    market = Market([member.person for member in decliners])
    async with LiveTimeline(customer, order.id) as live:
        await pay_in_full(customer, order.id)
        job_id = (await live.until(EventType.JOB_OPENED)).subject
        answered: set[str] = set()
        while len(answered) < len(decliners):
            chances = await market.chances(job_id, OFFERED_WITHIN_S)
            fresh = [chance for chance in chances if chance.offer.id not in answered]
            await asyncio.gather(*(chance.provider.decline(chance.offer.id, "only a race") for chance in fresh))
            answered |= {chance.offer.id for chance in fresh}
            await asyncio.sleep(market.every_s)
        await live.until(EventType.JOB_PUT_ON_BOARD, within_s=OFFERED_WITHIN_S)
    return job_id, order.id


async def _rank(cast: Cast, members: Sequence[ProviderMember], score: int) -> None:
    """Scores are given by the platform: who has a high one is asked first; who has none is asked last."""
    database = Database(cast.stack.database_url, DatabaseRole.OWNER, pool_size=1)
    try:
        async with database.begin() as session:
            await session.execute(
                text("UPDATE providers SET score = :score, online = :score > 0 WHERE id = ANY(:ids)"),
                {"score": score, "ids": [member.id for member in members]},
            )
    finally:
        await database.close()
