"""The demo's stage: a passing stack, or one that runs already, with the demo accounts on it."""

from contextlib import AsyncExitStack
from pathlib import Path

from fulfil.cli.exits import CommandError
from fulfil.cli.passing_stack import passing_stack
from fulfil.cli.playing.story import Players, Scenery, SignIn, Story
from fulfil.cli.rendering import console, show_facts
from fulfil.cli.saying import Progress
from fulfil.deploy.data_folder import StackFile, StackSecrets
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.deploy.ports import PortChoice
from fulfil.deploy.seed import logins_of, seed_stack
from fulfil.kit.temporal import connect_temporal
from fulfil.models.messages.parties import Role

RACING_PROVIDERS = 2


async def perform(*, keep: bool) -> None:
    """Start a stack, play on it, stop it; with `keep` only when it is interrupted."""
    progress = Progress()
    out = progress.out
    out.print("[bold]Starting Temporal, PostgreSQL, the Stripe simulator, the API and the workers.[/]")
    async with AsyncExitStack() as closing:
        stack = await closing.enter_async_context(passing_stack(progress.report, PortChoice.FIXED))
        await seed_stack(stack.plan, progress.report)
        started_s = progress.elapsed_s
        _show_addresses(stack)
        ui = stack.plan.temporal.ui_url if stack.plan.temporal else ""
        await _tell(Scenery(stack.api_url, stack.temporal_address, ui), stack.secrets)
        out.print(f"\n[green]Done[/] in {progress.elapsed_s:.1f} s, {started_s:.1f} s of it for starting everything.")
        if not keep:
            out.print("Stopping. [bold]fulfil demo --keep[/] leaves it running, [bold]fulfil up[/] keeps the state.")
            return
        password = stack.secrets.demo_password.get_secret_value()
        out.print(f"Everything keeps running; the password of the demo accounts is {password}")
        out.print(f"From another terminal: [bold]export FULFIL_API_URL={stack.api_url}[/]. Ctrl-C stops it.")
        await stack.failed()


async def perform_at(api_url: str, folder: Path) -> None:
    """Play on the stack that runs on the folder; raises `CommandError` when that is not at `api_url`."""
    stack = StackFile.of_running(folder)
    if stack is None or stack.api_url != api_url.rstrip("/"):
        runs = f"runs at {stack.api_url}" if stack else "does not run"
        raise CommandError(
            f"The stack of {folder} {runs}. Name the folder of the one at {api_url} with --data-dir: "
            "the demo accounts' passwords are there."
        )
    scenery = Scenery(stack.api_url, stack.temporal_address, stack.temporal_ui_url, stack.temporal_namespace)
    await _tell(scenery, StackSecrets.of(folder))


async def _tell(scenery: Scenery, secrets: StackSecrets) -> None:
    logins: dict[str, list[SignIn]] = {}
    for login in logins_of(secrets):
        logins.setdefault(login.role, []).append(SignIn(login.email, login.password))
    players = Players(
        customer=logins[Role.CUSTOMER][0],
        providers=logins[Role.PROVIDER][:RACING_PROVIDERS],
        support=logins[Role.SUPPORT][0],
    )
    temporal = await connect_temporal(address=scenery.temporal_address)
    await Story(console(), scenery, players, temporal).tell()


def _show_addresses(stack: EmbeddedStack) -> None:
    plan = stack.plan
    show_facts(
        {
            "API": f"{plan.api_url}/docs",
            "Temporal Web UI": plan.temporal.ui_url if plan.temporal else None,
            "Stripe simulator": plan.stripe_url or "the real Stripe, by STRIPE_API_KEY",
            "Data folder": stack.data_dir,
        }
    )
