"""What the benchmark computes from what it saw."""

import asyncio
import zlib

import pytest

from fulfil.cli.benches.processes import spent_between
from fulfil.cli.benches.samples import Samples, timed
from fulfil.cli.benches.storm import lossy_stripe
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


def test_the_photo_is_a_png_of_its_size() -> None:
    photo = photo_of_bracket(50)
    assert photo.startswith(b"\x89PNG\r\n\x1a\n")
    data = photo[photo.index(b"IDAT") + 4 : photo.index(b"IEND") - 8]
    assert len(zlib.decompress(data)) == 120 * (1 + 3 * 160)
    assert photo_of_bracket(10) != photo
