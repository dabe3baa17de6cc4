"""A simulator process that a test may kill."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.conftest import free_port, wait_until_answers

API_KEY = "sk_test_simulator"
PUBLISHABLE_KEY = "pk_test_simulator"
WEBHOOK_SECRET = "whsec_simulator"


class SimulatorProcess:
    """A simulator over its own database file; the same port and file after a restart."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start and wait until it answers."""
        arguments = ["--port", str(self.port), "--database", str(self.database), "--webhook-secret", WEBHOOK_SECRET]
        self.process = subprocess.Popen([sys.executable, "-m", "fulfil.simulators.stripe", *arguments, *options])
        wait_until_answers(f"{self.url}/_simulator/health", self.process)

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


async def until(check: Callable[[], Awaitable[bool]], timeout_s: float = 20) -> None:
    """Wait for something in another process, which has no event to wait for."""
    async with asyncio.timeout(timeout_s):
        while not await check():  # noqa: ASYNC110 (see above)
            await asyncio.sleep(0.02)
