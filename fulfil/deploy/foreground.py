"""`fulfil up`: the embedded stack in the foreground, saying what happens, until Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import sys
import time

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from fulfil.deploy.data_folder import DataFolderError
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.deploy.plan import PlanError
from fulfil.deploy.ports import PortChoice
from fulfil.deploy.postgres import PostgresError
from fulfil.deploy.seed import Login, SeedError, seed_stack
from fulfil.deploy.supervisor import StartError
from fulfil.deploy.temporal_server import TemporalBinaryError
from fulfil.kit.settings import Settings

KNOWN_ERRORS = (DataFolderError, PlanError, PostgresError, SeedError, StartError, TemporalBinaryError)


class StackFailedError(RuntimeError):
    """The stack could not be started or kept running; the message says why and what to do."""


class Screen(Console):
    """A console that outlives its reader: `fulfil up | head` must not stop the stack in the middle of a step."""

    def on_broken_pipe(self) -> None:
        """Say no more."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


async def run_in_foreground(settings: Settings, ports: PortChoice, *, seed: bool) -> None:
    """Run until SIGINT or SIGTERM, telling on the terminal; raises `StackFailedError`."""
    out = Screen(highlight=False)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    running = asyncio.create_task(_run(settings, ports, out, seed=seed))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait([running, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if stopping.is_set():
        out.print("Stopping…")
        running.cancel()
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await running
    except KNOWN_ERRORS as error:
        raise StackFailedError(str(error)) from error
    if stopping.is_set():
        out.print(f"Stopped. The state stays in {escape(str(settings.data_dir.absolute()))}.")


async def _run(settings: Settings, ports: PortChoice, out: Console, *, seed: bool) -> None:
    began = time.monotonic()

    def say(name: str, what: str) -> None:
        out.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  [bold]{name:9}[/] {escape(what)}")

    async with EmbeddedStack(settings.data_dir, settings, ports=ports, report=say) as stack:
        logins = await seed_stack(stack.plan, report=say) if seed else []
        out.print(_addresses(stack), "")
        if logins:
            out.print(_logins(logins), "")
        out.print(f"Everything is ready after {time.monotonic() - began:.1f} s. Ctrl-C stops it.")
        await stack.failed()


def _addresses(stack: EmbeddedStack) -> Table:
    plan = stack.plan
    rows = {
        "API": f"{plan.api_url}/api/v1",
        "API documentation": f"{plan.api_url}/docs",
        "Temporal Web UI": plan.temporal.ui_url if plan.temporal else "",
        "Temporal": plan.temporal_address,
        "PostgreSQL": plan.database_url if plan.postgres else "by FULFIL_DATABASE_URL",
        "Storage": plan.storage_url,
        "Stripe": plan.stripe_url or "the real one, by STRIPE_API_KEY",
        "Malware scan": plan.settings.clamav_url or "off: uploads are stored unscanned (FULFIL_CLAMAV_URL)",
        **{f"Metrics, {name}": url for name, url in plan.metrics_urls.items()},
        "Logs": str(stack.data_dir / "logs"),
    }
    table = Table("", Column(overflow="fold"), box=None, pad_edge=False, show_header=False)
    for name, address in rows.items():
        if address:
            table.add_row(f"[bold]{name}[/]", escape(address))
    return table


def _logins(logins: list[Login]) -> Table:
    table = Table("role", "e-mail", "password", box=None, pad_edge=False, header_style="bold")
    for login in logins:
        table.add_row(login.role, login.email, login.password)
    return table
