"""The books measured on a real PostgreSQL: checking ten thousand orders, posting one fact, proving one order."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import text

from fulfil.cli.benches.figures import Figure
from fulfil.cli.benches.ledger_books import BEGAN, CURRENCY, Books, sold, write
from fulfil.cli.benches.passing_database import passing_database
from fulfil.cli.benches.samples import Samples, timed
from fulfil.kit.database import Database, DatabaseRole
from fulfil.ledger import entries
from fulfil.ledger.anchors import anchor
from fulfil.ledger.checks import check_books, check_order
from fulfil.ledger.posting import post
from fulfil.ledger.proof import verify_proof, write_proof
from fulfil.ledger.proving import prove_order

NOW = BEGAN + timedelta(days=300)
LOCK = text("SELECT order_id FROM payments WHERE order_id = :order_id FOR NO KEY UPDATE")
POSTS = 2_000
CHECKS = 3
ONE_ORDER = 10
CHECK_TARGET_S = 10.0
POST_TARGET_MS = 3.0


async def measure_ledger(say: Callable[[str], None], *, orders: int) -> list[Figure]:
    """Make the books of so many orders in a passing database and measure; raises `RuntimeError` if they are unsound."""
    async with passing_database() as url:
        owner = Database(url, DatabaseRole.OWNER)
        worker = Database(url, DatabaseRole.WORKER)
        try:
            say(f"making the books of {orders} orders")
            books = await asyncio.to_thread(sold, orders)
            await write(owner.engine, books)
            return [
                *await _checking(worker, books, orders, say),
                *await _proving(worker, books, say),
                *await _posting(worker, books, say),
            ]
        finally:
            await owner.close()
            await worker.close()


async def _checking(worker: Database, books: Books, orders: int, say: Callable[[str], None]) -> list[Figure]:
    say(f"checking {books.transactions} transactions")
    anchoring = time.perf_counter()
    async with worker.begin() as session:
        await anchor(session, NOW)
    anchored_s = time.perf_counter() - anchoring
    taken: list[float] = []
    for _ in range(CHECKS):
        began = time.perf_counter()
        async with worker.begin() as session:
            found = await check_books(session, NOW)
        taken.append(time.perf_counter() - began)
        if found:
            raise RuntimeError(f"the bench's own books are not sound: {found[0]}")
    what = f"ledger verify, {orders} orders, {books.transactions} transactions"
    best = min(taken)
    return [
        Figure(what, f"{best:.1f} s", f"<= {CHECK_TARGET_S:.0f} s", best <= CHECK_TARGET_S),
        Figure("anchoring all chains", f"{anchored_s * 1000:.0f} ms"),
    ]


async def _proving(worker: Database, books: Books, say: Callable[[str], None]) -> list[Figure]:
    say("checking and proving single orders")
    order_ids = [str(row[0]) for row in books.rows["orders"][:ONE_ORDER]]

    async def check_one(number: int) -> None:
        async with worker.begin() as session:
            await check_order(session, order_ids[number], NOW)

    async def prove_one(number: int) -> None:
        async with worker.begin() as session:
            proof = write_proof(await prove_order(session, order_ids[number], NOW))
        if verify_proof(proof):
            raise RuntimeError(f"the proof of {order_ids[number]} does not hold")

    checked = await timed(check_one, times=len(order_ids), at_once=1)
    proved = await timed(prove_one, times=len(order_ids), at_once=1)
    return [Figure("ledger verify ORDER", str(checked)), Figure("ledger prove ORDER and check it", str(proved))]


async def _posting(worker: Database, books: Books, say: Callable[[str], None]) -> list[Figure]:
    say(f"posting {POSTS} facts")
    order_ids = [str(row[0]) for row in books.rows["orders"]]
    posting = Samples()

    async def post_one(number: int) -> None:
        order_id = order_ids[number % len(order_ids)]
        async with worker.begin() as session:
            await session.execute(LOCK, {"order_id": order_id})
            began = time.perf_counter()
            await post(
                session,
                entries.goodwill(order_id, 100),
                business_key=f"bench:{number}",
                order_id=order_id,
                effective_at=NOW,
                currency=CURRENCY,
            )
            posting.seconds.append(time.perf_counter() - began)

    whole = await timed(post_one, times=POSTS, at_once=1)
    reached = posting.p95_ms <= POST_TARGET_MS
    told = f"p50 {posting.p50_ms:.2f} ms, p95 {posting.p95_ms:.2f} ms"
    return [
        Figure("a posting", told, f"p95 <= {POST_TARGET_MS:.0f} ms", reached),
        Figure("its transaction, with lock and commit", f"p50 {whole.p50_ms:.2f} ms, p95 {whole.p95_ms:.2f} ms"),
    ]
