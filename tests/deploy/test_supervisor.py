"""The supervisor with tiny real programs: order, restarts, ends, and what is left behind."""

import asyncio
import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from fulfil.deploy.supervisor import LOG_LIMIT_BYTES, Program, StartError, Supervisor

SLEEPER = "import time; time.sleep(60)"


class Reports:
    """What the supervisor said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, name: str, what: str) -> None:
        self.lines.append((name, what))

    def about(self, name: str) -> list[str]:
        return [what for who, what in self.lines if who == name]


def python(name: str, code: str, **options: object) -> Program:
    return Program(name=name, command=[sys.executable, "-c", textwrap.dedent(code)], **options)  # type: ignore[arg-type]


def content(path: Path) -> str:
    """What is written so far."""
    return path.read_text() if path.exists() else ""


def journaled(name: str, journal: Path, *after: str) -> Program:
    """A program that writes its start and its end into one file, and is ready once it wrote the start."""
    code = f"""
        import signal, sys, time
        def write(what):
            with open({str(journal)!r}, "a") as file:
                file.write(f"{{what}} {name}\\n")
        signal.signal(signal.SIGTERM, lambda *_: (write("end"), sys.exit(0)))
        time.sleep(0.2)
        write("start")
        time.sleep(60)
    """

    async def started() -> bool:
        return f"start {name}\n" in content(journal)

    return python(name, code, after=after, ready=started)


async def until_gone(pid: int, within_s: float = 5) -> None:
    """Wait for the end of a process that is not our child."""
    deadline = time.monotonic() + within_s
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"{pid} lives on"
        await asyncio.sleep(0.02)


async def test_programs_start_after_what_they_need_and_stop_before_it(tmp_path: Path) -> None:
    journal, reports = tmp_path / "journal", Reports()
    programs = [
        journaled("api", journal, "database", "broker"),
        journaled("database", journal),
        journaled("broker", journal),
    ]
    supervisor = Supervisor(programs, tmp_path / "logs", reports)
    await supervisor.start()
    assert set(supervisor.processes) == {"api", "database", "broker"}
    await supervisor.stop()
    lines = journal.read_text().splitlines()
    assert set(lines[:2]) == {"start database", "start broker"}
    assert lines[2:4] == ["start api", "end api"]
    assert set(lines[4:]) == {"end database", "end broker"}
    assert supervisor.processes == {}


async def test_a_killed_program_is_started_again_and_said_so(tmp_path: Path) -> None:
    reports = Reports()
    supervisor = Supervisor([python("worker", SLEEPER)], tmp_path, reports)
    await supervisor.start()
    dead = await supervisor.kill("worker")
    alive = await supervisor.wait_ready("worker")
    assert alive != dead
    assert psutil.pid_exists(alive)
    assert any("SIGKILL" in line and "again" in line for line in reports.about("worker"))
    assert reports.about("worker")[-1] == "ready again"
    await supervisor.stop()


async def test_a_program_settles_once_and_prepares_every_time(tmp_path: Path) -> None:
    calls: list[str] = []

    async def prepare() -> None:
        calls.append("prepare")

    async def settle() -> None:
        calls.append("settle")

    supervisor = Supervisor([python("server", SLEEPER, prepare=prepare, settle=settle)], tmp_path, Reports())
    await supervisor.start()
    await supervisor.kill("server")
    await supervisor.wait_ready("server")
    await supervisor.stop()
    assert calls == ["prepare", "settle", "prepare"]


async def test_a_program_that_never_starts_ends_the_start_with_its_log(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    supervisor = Supervisor(
        [python("api", "raise SystemExit('no such database')", ready=never)], tmp_path, Reports(), first_pause_s=0.01
    )
    with pytest.raises(StartError, match=r"exit code 1(.|\n)*no such database"):
        await supervisor.start()
    await supervisor.stop()


async def test_a_program_that_is_never_ready_is_killed(tmp_path: Path) -> None:
    reports = Reports()

    async def never() -> bool:
        return False

    supervisor = Supervisor(
        [python("api", SLEEPER, ready=never, ready_within_s=0.2)], tmp_path, reports, first_pause_s=0.01
    )
    with pytest.raises(StartError, match="was not ready after"):
        await supervisor.start()
    await supervisor.stop()
    assert supervisor.processes == {}


async def test_what_settling_raises_ends_the_start(tmp_path: Path) -> None:
    async def settle() -> None:
        raise ValueError("migration 7 failed")

    supervisor = Supervisor([python("database", SLEEPER, settle=settle)], tmp_path, Reports())
    with pytest.raises(ValueError, match="migration 7"):
        await supervisor.start()
    await supervisor.stop()
    assert supervisor.processes == {}


async def test_a_program_that_ignores_the_signal_is_killed_with_its_children(tmp_path: Path) -> None:
    child_file = tmp_path / "child"
    code = f"""
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
        open({str(child_file)!r}, "w").write(str(child.pid))
        time.sleep(60)
    """

    async def has_child() -> bool:
        return child_file.exists() and bool(child_file.read_text())

    reports = Reports()
    supervisor = Supervisor([python("deaf", code, ready=has_child)], tmp_path, reports, stop_within_s=0.6)
    await supervisor.start()
    began = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - began < 2
    assert "killed" in reports.about("deaf")[-1]
    await until_gone(int(child_file.read_text()))


PARENT = """
import asyncio, sys
from pathlib import Path
from fulfil.deploy.supervisor import Program, Supervisor, silent
async def main():
    program = Program(name="child", command=[sys.executable, "-c", "import time; time.sleep(60)"])
    supervisor = Supervisor([program], Path(sys.argv[1]), silent)
    await supervisor.start()
    print(supervisor.processes["child"], flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_children_die_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    await parent.wait()
    await until_gone(child)


async def test_the_keyboard_interrupt_of_the_terminal_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    supervisor = Supervisor([python("worker", SLEEPER)], tmp_path, Reports())
    await supervisor.start()
    assert os.getpgid(supervisor.processes["worker"]) != os.getpgid(0)
    await supervisor.stop()


async def test_output_goes_to_a_log_that_is_put_aside_when_big(tmp_path: Path) -> None:
    (tmp_path / "talker.log").write_bytes(b"x" * (LOG_LIMIT_BYTES + 1))
    supervisor = Supervisor(
        [python("talker", "print('hello', flush=True); import time; time.sleep(60)")], tmp_path, Reports()
    )
    await supervisor.start()
    deadline = time.monotonic() + 5
    while "hello" not in supervisor.log_tail("talker"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await supervisor.stop()
    assert (tmp_path / "talker.log.1").stat().st_size > LOG_LIMIT_BYTES
    assert supervisor.log_tail("talker").splitlines() == ["hello"]


async def test_a_signal_other_than_kill_can_be_sent(tmp_path: Path) -> None:
    reports = Reports()
    supervisor = Supervisor([python("worker", SLEEPER)], tmp_path, reports)
    await supervisor.start()
    await supervisor.kill("worker", signal.SIGTERM)
    await supervisor.wait_ready("worker")
    await supervisor.stop()
    assert any("SIGTERM" in line for line in reports.about("worker"))
