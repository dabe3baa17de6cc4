"""Where the API is and as whom we speak to it: the environment, else the running stack and the stored logins."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from fulfil.api.schemas.accounts import AccessToken
from fulfil.cli.client import ApiClient
from fulfil.cli.exits import CommandError
from fulfil.cli.running import settings_for
from fulfil.deploy.data_folder import StackFile, write_private

T = TypeVar("T")
Question = Callable[[ApiClient], Awaitable[T]]

ActAs = Annotated[
    str, typer.Option("--as", metavar="EMAIL", help="Which stored login to use; the latest one unless given.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the timeline beside your name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")]

# An API that is being restarted should not fail a command.
PATIENCE_S = 5.0


class NotSignedInError(CommandError):
    """There is no login to use."""


class StoredLogin(BaseModel):
    """A token and how long it lasts."""

    token: str
    expires_at: datetime


class Logins(BaseModel):
    """`logins.json` in the data folder, readable by its owner alone: by API address and e-mail, the latest last."""

    by_api: dict[str, dict[str, StoredLogin]] = {}

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Those of the folder; none when there is no file or an unreadable one."""
        try:
            return cls.model_validate_json((folder / "logins.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return cls()

    def keep(self, folder: Path, api_url: str, email: str, login: StoredLogin) -> None:
        """Store one as the latest."""
        known = self.by_api.setdefault(api_url, {})
        known.pop(email, None)
        known[email] = login
        write_private(folder / "logins.json", self.model_dump_json(indent=2))

    def drop(self, folder: Path, api_url: str, email: str) -> bool:
        """Forget one; False when it was not there."""
        found = self.by_api.get(api_url, {}).pop(email, None)
        write_private(folder / "logins.json", self.model_dump_json(indent=2))
        return found is not None

    def token(self, api_url: str, email: str, now: datetime) -> str:
        """The token of `email`, or of the latest login; raises `NotSignedInError`."""
        known = self.by_api.get(api_url, {})
        chosen = email or next(reversed(known), "")
        if chosen not in known:
            whom = f" as {email}" if email else ""
            raise NotSignedInError(f"Not signed in{whom} at {api_url}: run `fulfil login {email or 'EMAIL'}`.")
        if known[chosen].expires_at <= now:
            raise NotSignedInError(f"The login of {chosen} has expired: run `fulfil login {chosen}`.")
        return known[chosen].token


def find_api(data_dir: Path | None) -> str:
    """FULFIL_API_URL, else the address of the stack that runs on the data folder, else the usual one."""
    settings = settings_for(data_dir)
    if "api_url" in settings.model_fields_set:
        return settings.api_url.rstrip("/")
    stack = StackFile.of_running(settings.data_dir)
    return (stack.api_url if stack else settings.api_url).rstrip("/")


def find_token(data_dir: Path | None, api_url: str, act_as: str) -> str:
    """FULFIL_TOKEN or FULFIL_API_KEY unless a login is asked for by name, else a stored login."""
    given = os.environ.get("FULFIL_TOKEN") or os.environ.get("FULFIL_API_KEY")
    if given and not act_as:
        return given
    return Logins.of(settings_for(data_dir).data_dir).token(api_url, act_as, datetime.now(UTC))


def ask(question: Question[T], data_dir: Path | None, act_as: str = "") -> T:
    """Let a command talk to the API as somebody; raises `CommandError` in all its kinds."""

    async def connected() -> T:
        api_url = find_api(data_dir)
        token = find_token(data_dir, api_url, act_as)
        async with ApiClient(api_url, token=token, patience_s=PATIENCE_S) as api:
            return await question(api)

    return asyncio.run(connected())


def ask_as_guest(question: Question[T], data_dir: Path | None) -> T:
    """Let a command talk to the API as somebody without an account; raises like `ask`."""

    async def connected() -> T:
        async with ApiClient(find_api(data_dir), patience_s=PATIENCE_S) as api:
            api.use_token((await api.post(AccessToken, "/guests")).access_token)
            return await question(api)

    return asyncio.run(connected())
