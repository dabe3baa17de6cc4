"""Fifty providers accept one job at the same moment: one may win, and everybody wants to know at once."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from temporalio.client import Client

from fulfil.api.placing import REVISION
from fulfil.api.processes import Processes
from fulfil.api.schemas.quotes import Quote
from fulfil.cli.benches.figures import Figure
from fulfil.cli.benches.samples import Samples
from fulfil.cli.client import ProblemError
from fulfil.cli.exits import CommandError
from fulfil.cli.passing_stack import only_simulated, passing_stack
from fulfil.cli.playing.cast import Cast, ProviderMember
from fulfil.cli.playing.following import LiveTimeline
from fulfil.cli.playing.orders import quote_bracket
from fulfil.cli.playing.people import Customer
from fulfil.cli.playing.scenes import pay_in_full
from fulfil.cli.saying import Progress
from fulfil.kit.database import Database, DatabaseRole
from fulfil.kit.temporal import connect_temporal
from fulfil.models.ids import new_id
from fulfil.models.messages.events import EventType
from fulfil.models.messages.orders import StartOrder
from fulfil.models.messages.parties import Actor, ActorKind
from fulfil.models.messages.policies import OrderPolicies

TOP_SCORE = 100
OFFERED_WITHIN_S = 30
CONFLICT = 409
ANSWER_P95_MS = 1000
TOLD_EVERY = 10


@dataclass
class Races:
    """What came of them: winners of each round, how long each answer took, and what the losers were told."""

    winners: list[int] = field(default_factory=list[int])
    answers: Samples = field(default_factory=Samples)
    told: Counter[str] = field(default_factory=Counter[str])
    odd_answers: list[str] = field(default_factory=list[str])

    def figures(self, racers: int) -> list[Figure]:
        """One winner each, and everybody told in time."""
        rounds = len(self.winners)
        single = self.winners.count(1)
        odd = f"; {len(self.odd_answers)} not 200/409: {self.odd_answers[0]}" if self.odd_answers else ""
        told = ", ".join(f"{code} {times}" for code, times in sorted(self.told.items()))
        in_time = self.answers.p95_ms < ANSWER_P95_MS and not self.odd_answers
        return [
            Figure(f"rounds with one winner among {racers} at once", f"{single} of {rounds}", "all", single == rounds),
            Figure(f"answer to each of {racers}", f"{self.answers}{odd}", f"p95 < {ANSWER_P95_MS} ms", in_time),
            Figure("what the losers were told", told),
        ]


@dataclass(frozen=True)
class Track:
    """Where the races are held: everybody who runs, and who orders."""

    database: Database
    processes: Processes
    customer: Customer
    quote: Quote
    racers: Sequence[ProviderMember]

    async def race(self, races: Races) -> None:
        """One job, offered to all of them in its first wave; all accept at once; then the order is called off."""
        order_id, job_id = await self._offered()
        offers = await self._offers(job_id)
        if len(offers) != len(self.racers):
            raise CommandError(f"only {len(offers)} of {len(self.racers)} providers were offered {job_id}")
        await self._run(offers, races)
        await self.customer.cancel(order_id, "only a race")

    async def _run(self, offers: dict[str, str], races: Races) -> None:
        won = 0

        async def accept(member: ProviderMember) -> None:
            nonlocal won
            began = time.perf_counter()
            try:
                await member.person.accept(offers[member.id])
                won += 1
            except ProblemError as refused:
                if refused.problem.status == CONFLICT:
                    races.told[refused.problem.code] += 1
                else:
                    races.odd_answers.append(str(refused))
            races.answers.seconds.append(time.perf_counter() - began)

        await asyncio.gather(*(accept(member) for member in self.racers))
        races.winners.append(won)

    async def _offered(self) -> tuple[str, str]:
        """A paid order and its job; its first wave is as wide as the field."""
        account = await self.customer.me()
        customer_id = account.party_id or ""
        start = StartOrder(
            order_id=new_id("ord"),
            customer_id=customer_id,
            placed_by=Actor(kind=ActorKind.CUSTOMER, id=customer_id),
            quote_ids=(self.quote.id,),
            revision=REVISION,
            policies=OrderPolicies(offers_per_wave=len(self.racers)),
        )
        due_at = datetime.now(UTC) + timedelta(seconds=start.policies.payment_due_s)
        await self.processes.place_order(start, total=self.quote.total, due_at=due_at, update_id=new_id("upd"))
        async with LiveTimeline(self.customer, start.order_id) as live:
            await pay_in_full(self.customer, start.order_id)
            offered = await live.until(EventType.JOB_OFFERED, within_s=OFFERED_WITHIN_S)
        return start.order_id, offered.subject

    async def _offers(self, job_id: str) -> dict[str, str]:
        async with self.database.begin() as session:
            rows = await session.execute(
                text("SELECT provider_id, id FROM offers WHERE job_id = :job AND state = 'open'"), {"job": job_id}
            )
            return {row.provider_id: row.id for row in rows}


async def race_of_many(
    cast: Cast,
    temporal: Client,
    customer: Customer,
    quote: Quote,
    *,
    racers: int,
    rounds: int,
    say: Callable[[str], None],
) -> Races:
    """Hold so many rounds among so many providers, who are out of the market again afterwards."""
    members = await cast.providers(racers)
    database = Database(cast.stack.database_url, DatabaseRole.OWNER, pool_size=1)
    races = Races()
    try:
        await _rank(database, members, TOP_SCORE)
        track = Track(database, Processes(temporal), customer, quote, members)
        for number in range(1, rounds + 1):
            await track.race(races)
            if number % TOLD_EVERY == 0:
                say(f"{number} of {rounds} races, answers so far: {races.answers}")
        await _rank(database, members, 0)
    finally:
        await database.close()
    return races


async def measure_races(progress: Progress, *, racers: int, rounds: int) -> list[Figure]:
    """The races alone, on an embedded stack of their own."""
    async with passing_stack(progress.report) as stack:
        only_simulated(stack)
        temporal = await connect_temporal(address=stack.temporal_address)
        async with Cast(stack, patience_s=10) as cast:
            customer = await cast.customer()
            quote = await quote_bracket(customer)
            progress.say(f"{racers} providers accept at once, {rounds} rounds")
            races = await race_of_many(cast, temporal, customer, quote, racers=racers, rounds=rounds, say=progress.say)
            return races.figures(racers)


async def _rank(database: Database, members: Sequence[ProviderMember], score: int) -> None:
    """Scores are given by the platform: who has a high one is asked first; who has none takes no jobs any more."""
    async with database.begin() as session:
        await session.execute(
            text("UPDATE providers SET score = :score, online = :score > 0 WHERE id = ANY(:ids)"),
            {"score": score, "ids": [member.id for member in members]},
        )
