"""The turnstile before a job's acceptance."""

import asyncio

from fulfil.api.turnstile import AT_A_TIME, LONGEST_WAIT_S, Turnstile


async def test_a_few_at_a_time_and_who_waited_knows() -> None:
    turnstile, leave = Turnstile(), asyncio.Event()
    inside, most, waited = 0, 0, 0

    async def pass_through() -> None:
        nonlocal inside, most, waited
        async with turnstile.turn("job_1") as had_to_wait:
            inside += 1
            most, waited = max(most, inside), waited + had_to_wait
            await leave.wait()
            inside -= 1

    crowd = [asyncio.create_task(pass_through()) for _ in range(20)]
    await asyncio.sleep(0)
    async with turnstile.turn("job_2") as had_to_wait:
        assert not had_to_wait
    assert inside == AT_A_TIME
    leave.set()
    await asyncio.gather(*crowd)
    assert (most, waited) == (AT_A_TIME, 20 - AT_A_TIME)


async def test_nobody_waits_longer_than_a_second_and_nothing_stays_behind() -> None:
    turnstile, leave = Turnstile(), asyncio.Event()

    async def stay() -> None:
        async with turnstile.turn("job_1"):
            await leave.wait()

    crowd = [asyncio.create_task(stay()) for _ in range(AT_A_TIME)]
    await asyncio.sleep(0)
    began = asyncio.get_running_loop().time()
    async with turnstile.turn("job_1") as waited:
        assert waited
        assert asyncio.get_running_loop().time() - began >= LONGEST_WAIT_S * 0.9
    leave.set()
    await asyncio.gather(*crowd)
    async with turnstile.turn("job_1") as waited:
        assert not waited
