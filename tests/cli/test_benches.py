"""What the benchmark computes from what it saw."""

import asyncio
import zlib
from datetime import UTC, datetime

import pytest

from fulfil.api.schemas.support import LedgerTransaction, OrderLedger, Posting
from fulfil.cli.benches.processes import spent_between
from fulfil.cli.benches.samples import Samples, timed
from fulfil.cli.benches.storm import lossy_stripe
from fulfil.cli.ledger import imbalances
from fulfil.cli.playing.photo import photo_of_bracket


def test_quantiles_are_samples_that_were_seen() -> None:
    samples = Samples([number / 1000 for number in range(1, 101)])
    assert (samples.p50_ms, samples.p95_ms, samples.max_ms) == (50, 95, 100)
    assert Samples([0.007]).p95_ms == 7
    assert Samples().p95_ms == 0


async def test_every_act_is_done_once_by_so_many_callers() -> None:
    done: list[int] = []
    running, most = 0, 0

    async def act(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        done.append(number)

    samples = await timed(act, times=20, at_once=4)
    assert sorted(done) == list(range(20))
    assert (most, len(samples.seconds)) == (4, 20)
    assert min(samples.seconds) >= 0.001


async def test_what_an_act_raises_is_raised() -> None:
    async def act(number: int) -> None:
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        await timed(act, times=3, at_once=1)


def test_a_process_that_came_or_went_is_left_out_of_what_was_spent() -> None:
    assert spent_between({"api": 100, "gone": 5}, {"api": 160, "new": 7}) == {"api": 60}


def test_one_seed_gives_one_storm() -> None:
    assert lossy_stripe(3) == lossy_stripe(3)
    assert lossy_stripe(3) != lossy_stripe(4)


def ledger(*amounts: int) -> OrderLedger:
    """One transaction of these amounts."""
    postings = [Posting(account="a", meaning="", amount_minor=one, currency="eur", amount=str(one)) for one in amounts]
    transaction = LedgerTransaction(
        id=1, kind="charge", meaning="", stripe_object_id=None, effective_at=datetime.now(UTC), postings=postings
    )
    return OrderLedger(order_id="ord_1", transactions=[transaction], balances=[])


@pytest.mark.parametrize(("amounts", "wrong"), [((5, -5), 0), ((5, -4), 1), ((), 1), ((5, -3, -2), 0)])
def test_a_transaction_out_of_balance_is_named(amounts: tuple[int, ...], wrong: int) -> None:
    assert len(imbalances(ledger(*amounts))) == wrong


def test_the_photo_is_a_png_of_its_size() -> None:
    photo = photo_of_bracket(50)
    assert photo.startswith(b"\x89PNG\r\n\x1a\n")
    data = photo[photo.index(b"IDAT") + 4 : photo.index(b"IEND") - 8]
    assert len(zlib.decompress(data)) == 120 * (1 + 3 * 160)
    assert photo_of_bracket(10) != photo
