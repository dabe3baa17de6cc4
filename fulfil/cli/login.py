"""`fulfil login`, `logout`, `whoami`: as whom the other commands speak to the API."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from fulfil.api.schemas.accounts import AccessToken, Account
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import PATIENCE_S, ActAs, Logins, StoredLogin, ask, find_api
from fulfil.cli.exits import NotFoundError
from fulfil.cli.playing.people import Person, sign_in
from fulfil.cli.rendering import console, show
from fulfil.cli.running import DataDir, Output, OutputFormat, settings_for

app = typer.Typer()

Email = Annotated[str, typer.Argument(metavar="EMAIL")]


@app.command()
def login(email: Email, data_dir: DataDir = None) -> None:
    """Sign in and remember it; the password is asked for, or taken from FULFIL_PASSWORD."""
    password = os.environ.get("FULFIL_PASSWORD") or typer.prompt("Password", hide_input=True)
    api_url = find_api(data_dir)

    async def signed_in() -> AccessToken:
        async with ApiClient(api_url, patience_s=PATIENCE_S) as api:
            return await sign_in(api, email, password)

    token = asyncio.run(signed_in())
    stored = StoredLogin(token=token.access_token, expires_at=datetime.now(UTC) + timedelta(seconds=token.expires_in))
    folder = settings_for(data_dir).data_dir
    Logins.of(folder).keep(folder, api_url, email, stored)
    console().print(f"Signed in at {api_url} as [bold]{email}[/] until {stored.expires_at:%Y-%m-%d %H:%M} UTC.")


@app.command()
def logout(email: Email, data_dir: DataDir = None) -> None:
    """Forget a login."""
    folder, api_url = settings_for(data_dir).data_dir, find_api(data_dir)
    if not Logins.of(folder).drop(folder, api_url, email):
        raise NotFoundError(f"There is no login of {email} at {api_url}.")
    console().print(f"Forgot {email}.")


@app.command()
def whoami(data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE) -> None:
    """Show the account the other commands act for."""

    async def question(api: ApiClient) -> Account:
        return await Person(api).me()

    me = ask(question, data_dir, act_as)
    show(output, me, {"name": me.name, "e-mail": me.email, "role": me.role, "party": me.party_id, "account": me.id})
