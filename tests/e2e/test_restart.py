"""`kill -9` of everything, `fulfil up` again: orders in flight go on."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from fulfil.cli.client import ApiClient
from fulfil.cli.playing.following import LiveTimeline, Market
from fulfil.cli.playing.orders import quote_bracket
from fulfil.cli.playing.people import Customer, Provider, sign_in
from fulfil.cli.playing.scenes import confirm_with_bank, make_and_deliver, pay_in_full, race
from fulfil.cli.playing.scripts import AUTHENTICATES
from fulfil.deploy.data_folder import StackFile, StackSecrets
from fulfil.deploy.seed import logins_of
from fulfil.models.messages.events import EventType
from tests.e2e.conftest import fulfil

READY = "Everything is ready"
STARTS_WITHIN_S = 60


@asynccontextmanager
async def fulfil_up(folder: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`fulfil up` as its own process, ready; interrupted afterwards unless it is dead by then."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fulfil.cli.main", "up", "--data-dir", str(folder), "--ports", "auto"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(STARTS_WITHIN_S):
            await until_it_says(process, READY)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await process.communicate()


async def until_it_says(process: asyncio.subprocess.Process, words: str) -> None:
    """Read its output up to these words."""
    if process.stdout is None:
        raise RuntimeError("its output goes elsewhere")
    said: list[str] = []
    async for line in process.stdout:
        said.append(line.decode())
        if words in said[-1]:
            return
    raise AssertionError(f"it ended instead: {''.join(said)}")


def address_of(folder: Path) -> StackFile:
    """Where everything is at the moment."""
    stack = StackFile.of_running(folder)
    if stack is None:
        raise AssertionError(f"nothing runs on {folder}")
    return stack


def kill_everything(folder: Path) -> None:
    """SIGKILL to the supervisor and to every process it named, their children included."""
    stack = address_of(folder)
    doomed: list[psutil.Process] = []
    for record in (stack.supervisor, *stack.processes.values()):
        process = record.alive()
        if process is not None:
            doomed += [process, *process.children(recursive=True)]
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(doomed, 10)


@asynccontextmanager
async def signed_in(folder: Path) -> AsyncGenerator[tuple[Customer, list[Provider]]]:
    """The demo's customer and providers, at wherever the stack is now."""
    api_url = address_of(folder).api_url
    clients: dict[str, list[ApiClient]] = {}
    for login in logins_of(StackSecrets.of(folder)):
        client = ApiClient(api_url, patience_s=15)
        await sign_in(client, login.email, login.password)
        clients.setdefault(login.role, []).append(client)
    try:
        yield Customer(clients["customer"][0]), [Provider(client) for client in clients["provider"]]
    finally:
        for client in (client for group in clients.values() for client in group):
            await client.close()


async def test_orders_in_flight_go_on_after_everything_was_killed(folder: Path) -> None:
    async with fulfil_up(folder):
        async with signed_in(folder) as (customer, providers):
            quote = await quote_bracket(customer)
            unpaid, asked, offered, started = [(await customer.place(quote)).id for _ in range(4)]
            attempt = await customer.pay(asked, AUTHENTICATES, "https://shop.example/back")
            assert attempt.status == "requires_action"
            for order_id in (offered, started):
                await pay_in_full(customer, order_id)
            async with LiveTimeline(customer, started) as live:
                job_id = (await live.until(EventType.JOB_OPENED)).subject
                won = await race(await Market(providers).chances(job_id))
                await won.winner.start(job_id)
                place = providers.index(won.winner)
            before = len(await customer.timeline(started))
        kill_everything(folder)
    async with fulfil_up(folder), signed_in(folder) as (customer, providers):
        assert len(await customer.timeline(started)) == before
        maker = providers[place]
        await maker.check_quality(job_id)
        await maker.ship(job_id, "DHL", "1")
        await maker.deliver(job_id)
        await customer.approve(job_id)
        await pay_in_full(customer, unpaid)
        # The bank's page lives at the simulator's address, which is another one now.
        await confirm_with_bank(address_of(folder).stripe_url + urlsplit(str(attempt.next_action_url)).path)
        for order_id in (unpaid, asked, offered):
            async with LiveTimeline(customer, order_id) as live:
                job_id = (await live.until(EventType.JOB_OPENED)).subject
                won = await race(await Market(providers).chances(job_id))
                await make_and_deliver(won.winner, job_id)
                await customer.approve(job_id)
                await live.until(EventType.ORDER_CLOSED)
        async with LiveTimeline(customer, started) as live:
            await live.until(EventType.ORDER_CLOSED)
        healthy = await fulfil("doctor", "--data-dir", str(folder))
        assert healthy.code == 0, healthy.out
