"""The embedded stack, started once, and the people who play on it."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from fulfil.cli.benches.audit import audit
from fulfil.cli.benches.stripe_dump import SimulatorSwitches, StripeDump
from fulfil.cli.exits import CommandError
from fulfil.cli.main import app
from fulfil.cli.playing.cast import Cast, ProviderMember
from fulfil.cli.playing.following import Market
from fulfil.cli.playing.orders import Shop, quote_bracket
from fulfil.cli.playing.people import Person, Support
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.deploy.ports import PortChoice
from fulfil.kit.database import Database, DatabaseRole
from fulfil.kit.settings import Settings


@dataclass(frozen=True)
class World:
    """A running system and who uses it."""

    stack: EmbeddedStack
    cast: Cast
    shop: Shop
    members: list[ProviderMember]
    support: Support
    switches: SimulatorSwitches
    owner: Database

    async def stripe(self) -> StripeDump:
        """What the simulator did."""
        return await self.switches.dump()

    async def broken_promises(self, *order_ids: str) -> list[str]:
        """What an auditor finds; other tests' open orders are theirs."""
        findings = await audit(self.owner, await self.stripe(), order_ids)
        return [str(finding) for finding in findings if not finding.kept and finding.promise not in OF_OPEN_ORDERS]


OF_OPEN_ORDERS = ("orders without an end", "steps left parked", "webhooks not acted on", "reports no job heard of")


@pytest.fixture(scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Everything started, a customer with a quote, two experienced providers, somebody of support."""
    folder = tmp_path_factory.mktemp("stack")
    settings = Settings(data_dir=folder)
    async with (
        EmbeddedStack(folder, settings, ports=PortChoice.AUTO) as stack,
        Cast(stack, patience_s=15) as cast,
    ):
        customer = await cast.customer()
        members = await cast.providers(2)
        market = Market([member.person for member in members])
        shop = Shop(customer, await quote_bracket(customer), market, patience_s=30)
        switches = SimulatorSwitches(stack.stripe_url)
        owner = Database(stack.database_url, DatabaseRole.OWNER, pool_size=2)
        yield World(stack, cast, shop, members, await cast.support(), switches, owner)
        await owner.close()
        await switches.close()


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str


async def fulfil(*arguments: str, as_person: Person | None = None, environment: Mapping[str, str] | None = None) -> Ran:
    """Run `fulfil …` in a thread of this process, as a person when one is given."""
    given = {"FULFIL_API_URL": as_person.api.api_url, "FULFIL_TOKEN": as_person.api.token} if as_person else {}
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    ended = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=given | dict(environment or {}))
    root.handlers, root.level = handlers, level  # a command sets up the logs of its process, which is not this one
    structlog.reset_defaults()
    if isinstance(ended.exception, CommandError):
        return Ran(ended.exception.exit_code, ended.stdout, str(ended.exception))
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ran(ended.exit_code, ended.stdout, ended.stderr)


async def fulfil_process(*arguments: str, environment: Mapping[str, str]) -> Ran:
    """The same as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fulfil.cli.main", *arguments),
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder of this test's own."""
    return tmp_path / "data"
