"""Children really die, for every reason there is, and the next call is served."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import psutil
import pytest

from fulfil.kit.isolation import Isolation, IsolationError, IsolationReason, Limits, Subject
from tests.kit import isolation_subjects as subjects


@pytest.fixture(scope="module")
async def isolation() -> AsyncIterator[Isolation]:
    preload = ("fulfil.quoting.refusals", "tests.kit.isolation_subjects")
    async with Isolation(preload=preload, limits=Limits(wall_s=20)) as running:
        yield running


async def run(isolation: Isolation, function: Subject, content: bytes, *, limits: Limits | None = None) -> bytes:
    """The frames of a call, joined."""
    with TemporaryFile() as file:
        file.write(content)
        file.flush()
        return b"".join([frame async for frame in isolation.frames(function, file, limits=limits)])


def server_of(isolation: Isolation) -> psutil.Process:
    assert isolation.server_pid is not None
    return psutil.Process(isolation.server_pid)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something another process does."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (another process gives no event)
            await asyncio.sleep(0.01)
    assert condition(), what


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def describe(isolation: Isolation) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(await run(isolation, subjects.describe, b""))
    return described


async def test_an_answer_comes_back(isolation: Isolation) -> None:
    assert await run(isolation, subjects.shout, b"hello") == b"HELLO"
    assert await run(isolation, subjects.shout, b"") == b""


async def test_large_content_and_answers_pass(isolation: Isolation) -> None:
    content = b"x" * (30 << 20)
    assert await run(isolation, subjects.shout, content, limits=Limits(answer_bytes=30 << 20)) == content.upper()


DEATHS: dict[str, tuple[Subject, bytes, Limits, IsolationReason]] = {
    "an endless loop": (subjects.loop_forever, b"", Limits(wall_s=0.3), IsolationReason.WALL_TIME),
    "an endless loop with time": (subjects.loop_forever, b"", Limits(cpu_s=1), IsolationReason.CPU_TIME),
    "sleep": (subjects.nap, b"60", Limits(wall_s=0.3), IsolationReason.WALL_TIME),
    "much memory": (subjects.hog_memory, b"", Limits(memory_bytes=512 << 20), IsolationReason.MEMORY),
    "one huge piece": (subjects.hog_memory_in_one_piece, b"", Limits(), IsolationReason.MEMORY),
    "a segmentation fault": (subjects.die_by_segmentation_fault, b"", Limits(), IsolationReason.CRASHED),
    "SIGSEGV": (subjects.die_by_signal, b"%d" % signal.SIGSEGV, Limits(), IsolationReason.CRASHED),
    "SIGABRT": (subjects.die_by_signal, b"%d" % signal.SIGABRT, Limits(), IsolationReason.CRASHED),
    "SIGKILL": (subjects.die_by_signal, b"%d" % signal.SIGKILL, Limits(), IsolationReason.KILLED),
    "an exit": (subjects.leave, b"", Limits(), IsolationReason.CRASHED),
    "an exception": (subjects.fail, b"", Limits(), IsolationReason.RAISED),
    "a huge file": (subjects.fill_the_disk, b"", Limits(file_bytes=1 << 20), IsolationReason.RAISED),
    "a long answer": (subjects.return_many, b"5000", Limits(answer_bytes=4999), IsolationReason.ANSWER_TOO_LARGE),
    "an endless answer": (
        subjects.return_many,
        b"%d" % (64 << 20),
        Limits(answer_bytes=1 << 20),
        IsolationReason.ANSWER_TOO_LARGE,
    ),
}


@pytest.mark.parametrize(("function", "content", "limits", "reason"), DEATHS.values(), ids=DEATHS.keys())
async def test_a_childs_death_is_told_and_the_next_call_is_served(
    isolation: Isolation, function: Subject, content: bytes, limits: Limits, reason: IsolationReason
) -> None:
    server = server_of(isolation)
    with pytest.raises(IsolationError) as death:
        await run(isolation, function, content, limits=limits)
    assert death.value.reason is reason
    assert await run(isolation, subjects.shout, b"next") == b"NEXT"
    assert server_of(isolation) == server, "the server itself survived"
    await until(lambda: not server.children(), "no zombie is left")


async def test_only_what_the_content_did_is_blamed_on_it(isolation: Isolation) -> None:
    blame = {reason: IsolationError(reason, "").caused_by_content for reason in IsolationReason}
    assert {reason for reason, blamed in blame.items() if not blamed} == {"raised", "killed", "unavailable"}
    with pytest.raises(IsolationError, match="ValueError: a bug in the function"):
        await run(isolation, subjects.fail, b"")


async def test_a_child_sees_an_empty_folder_and_no_secret(
    isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_secret")
    async with Isolation(preload=["fulfil.quoting.refusals"]) as fresh:
        seen = await describe(fresh)
    assert "sk_test_secret" not in json.dumps(seen["environment"])
    assert seen["environment"]["OPENBLAS_NUM_THREADS"] == "1"
    assert seen["files"] == []
    assert seen["core_bytes"] == 0
    assert seen["preloaded"] is True
    assert seen["threads"] == 1
    assert seen["pid"] not in {os.getpid(), server_of(isolation).pid}
    await until(lambda: not Path(seen["folder"]).exists(), "the folder goes with its child")


async def test_a_child_holds_no_descriptor_of_the_calls_beside_it(isolation: Isolation) -> None:
    alone = (await describe(isolation))["descriptors"]
    neighbours = [asyncio.create_task(run(isolation, subjects.nap, b"0.5")) for _ in range(5)]
    await until(lambda: len(server_of(isolation).children()) == 5, "the neighbours run")
    assert (await describe(isolation))["descriptors"] == alone
    assert await asyncio.gather(*neighbours) == [b"rested"] * 5


async def test_calls_run_side_by_side_without_blocking_the_loop(isolation: Isolation) -> None:
    started = time.perf_counter()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert await asyncio.gather(*[run(isolation, subjects.nap, b"0.5") for _ in range(8)]) == [b"rested"] * 8
    ticking.cancel()
    assert time.perf_counter() - started < 2
    assert ticks > 20


async def test_cancelling_a_call_kills_its_child(isolation: Isolation, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    call = asyncio.create_task(run(isolation, subjects.wait_forever, str(marker).encode()))
    await until(lambda: marker.exists() and marker.read_text() != "", "the child runs")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: not psutil.pid_exists(int(marker.read_text())), "killed and buried")
    assert await run(isolation, subjects.shout, b"next") == b"NEXT"


async def test_what_a_child_started_dies_with_it(isolation: Isolation) -> None:
    descendant = int(await run(isolation, subjects.leave_a_process_behind, b""))
    await until(lambda: is_gone(descendant), "nothing outlives its call")


async def test_a_dead_server_is_replaced(tmp_path: Path) -> None:
    async with Isolation(preload=["tests.kit.isolation_subjects"]) as isolation:
        server, marker = server_of(isolation), tmp_path / "pid"
        folder = Path((await describe(isolation))["folder"]).parent
        call = asyncio.create_task(run(isolation, subjects.wait_forever, str(marker).encode()))
        await until(lambda: marker.exists() and marker.read_text() != "", "the child runs")
        server.kill()
        os.kill(int(marker.read_text()), signal.SIGKILL)
        with pytest.raises(IsolationError) as death:
            await call
        assert death.value.reason is IsolationReason.UNAVAILABLE
        await until(lambda: is_gone(server.pid), "the server is dead")
        assert await run(isolation, subjects.shout, b"next") == b"NEXT"
        assert server_of(isolation) != server
        assert not psutil.pid_exists(server.pid), "no zombie of the old server"
        await until(lambda: not folder.exists(), "nor its children's folders")


async def test_closing_ends_server_and_children(tmp_path: Path) -> None:
    isolation, marker = Isolation(), tmp_path / "pid"
    call = asyncio.create_task(run(isolation, subjects.wait_forever, str(marker).encode()))
    await until(lambda: marker.exists() and marker.read_text() != "", "the child runs")
    server = server_of(isolation)
    await isolation.close()
    with pytest.raises(IsolationError):
        await call
    assert not server.is_running()
    await until(lambda: is_gone(int(marker.read_text())), "the child is gone")


async def test_the_server_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(
        "import asyncio\n"
        "from fulfil.kit.isolation import Isolation\n"
        "async def main():\n"
        "    isolation = Isolation()\n"
        "    await isolation.start()\n"
        "    print(isolation.server_pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    owner = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    server = int(await owner.stdout.readline())
    assert psutil.pid_exists(server)
    owner.kill()
    await owner.wait()
    await until(lambda: is_gone(server), "the server has noticed")


async def test_a_module_that_cannot_be_loaded_is_told_at_the_start() -> None:
    with pytest.raises(IsolationError) as death:
        await Isolation(preload=["no.such.module"]).start()
    assert death.value.reason is IsolationReason.UNAVAILABLE


async def test_only_module_level_functions_are_taken(isolation: Isolation) -> None:
    def nested(file: BinaryIO, _: bytes) -> list[bytes]:
        return [file.read()]

    with pytest.raises(TypeError, match="no module-level function"):
        await run(isolation, nested, b"")


async def test_a_warm_call_costs_less_than_30_ms(isolation: Isolation) -> None:
    taken = list[float]()
    for _ in range(20):
        before = time.perf_counter()
        await run(isolation, subjects.shout, b"hello")
        taken.append(time.perf_counter() - before)
    assert min(taken) < 0.030


async def test_a_child_reaches_no_network_and_starts_no_program(isolation: Isolation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert await run(isolation, subjects.reach_out, str(port).encode()) == b"PermissionError PermissionError"


async def test_frames_arrive_while_the_child_still_works(isolation: Isolation) -> None:
    arrivals = list[tuple[bytes, float]]()
    with TemporaryFile() as file:
        file.write(b"one\ntwo\n")
        file.flush()
        async for frame in isolation.frames(subjects.count_slowly, file, b"line "):
            arrivals.append((frame, time.perf_counter()))
    assert [frame for frame, _ in arrivals] == [b"line one", b"line two", b"end"]
    assert arrivals[2][1] - arrivals[1][1] > 0.3


async def test_frames_before_a_death_count_and_the_death_is_told(isolation: Isolation) -> None:
    with TemporaryFile() as file:
        frames = isolation.frames(subjects.die_half_way, file, b"so far")
        assert await anext(frames) == b"so far"
        with pytest.raises(IsolationError) as death:
            await anext(frames)
    assert death.value.reason is IsolationReason.CRASHED


async def test_leaving_the_frames_kills_the_child(isolation: Isolation) -> None:
    with TemporaryFile() as file:
        file.write(b"one\n" * 3)
        file.flush()
        frames = isolation.frames(subjects.count_slowly, file)
        assert await anext(frames) == b"one"
        await frames.aclose()
    server = server_of(isolation)
    await until(lambda: not server.children(), "killed and buried")
