"""An embedded stack for a while: in a temporary folder, gone afterwards unless something went wrong."""

import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fulfil.cli.exits import CommandError
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.deploy.foreground import KNOWN_ERRORS
from fulfil.deploy.ports import PortChoice
from fulfil.deploy.supervisor import Report
from fulfil.kit.settings import Settings


@asynccontextmanager
async def passing_stack(report: Report, ports: PortChoice = PortChoice.AUTO) -> AsyncGenerator[EmbeddedStack]:
    """Run one while the block runs; its logs are kept, and named, when the command fails inside.

    Raises `CommandError` when it can't be started.
    """
    folder = Path(tempfile.mkdtemp(prefix="fulfil-"))
    try:
        async with EmbeddedStack(folder, Settings(data_dir=folder), ports=ports, report=report) as stack:
            yield stack
    except (CommandError, *KNOWN_ERRORS) as error:
        raise CommandError(f"{error} The logs are in {folder / 'logs'}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def only_simulated(stack: EmbeddedStack) -> None:
    """Refuse to run against anything real: orders by the hundred are for the simulator, on servers of our own."""
    plan = stack.plan
    foreign = [
        name
        for name, own in (
            ("STRIPE_API_KEY", plan.stripe_url),
            ("FULFIL_DATABASE_URL", plan.postgres),
            ("TEMPORAL_ADDRESS or TEMPORAL_PROFILE", plan.temporal),
        )
        if not own
    ]
    if foreign:
        raise CommandError(f"This runs on the embedded stack alone: unset {' and '.join(foreign)}.")
