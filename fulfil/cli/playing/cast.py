"""Casting a play: accounts, providers and stock for as many people as it takes, on a running embedded stack."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.api.security import TokenClaims, Tokens
from fulfil.api.writers.accounts import AccountOpening, open_account
from fulfil.cli.client import ApiClient
from fulfil.cli.playing.people import Administrator, Customer, Provider, Support
from fulfil.deploy.embedded import EmbeddedStack
from fulfil.kit.database import Database, DatabaseRole
from fulfil.models.messages.parties import Role

ISSUER = "https://sign-in.example"
TOKEN_LIFETIME_S = 6 * 3600
PLENTY_G = 10_000_000
PLENTY_OF_JOBS = 10_000
# Beyond a newcomer's five jobs; only the owner of the database can give somebody a past.
PAST_JOBS = 100


@dataclass(frozen=True)
class ProviderMember:
    """A provider and who acts for her."""

    id: str
    person: Provider


@dataclass
class Cast:
    """Everybody speaks HTTP to the stack; only their sign-in is made up: tokens signed with the stack's own secret."""

    stack: EmbeddedStack
    patience_s: float = 0
    clients: list[ApiClient] = field(default_factory=list[ApiClient])
    _closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        """Open an administrator's account, which only the owner of the database can."""
        who = secrets.token_hex(6)
        opening = AccountOpening(
            email=f"casting-{who}@example.com", name="Casting", role=Role.ADMIN, oidc_subject=f"{ISSUER}|{who}"
        )
        async with self._owner() as session:
            row = await open_account(session, opening, datetime.now(UTC))
        self.admin = Administrator(self._client(self._token(TokenClaims(row.id, Role.ADMIN, None))))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def customer(self) -> Customer:
        """Somebody who orders."""
        return Customer(self._client(await self._account(Role.CUSTOMER)))

    async def support(self) -> Support:
        """Somebody who helps."""
        return Support(self._client(await self._account(Role.SUPPORT)))

    async def provider(self, capacity_jobs: int = PLENTY_OF_JOBS, stock_g: int = PLENTY_G) -> ProviderMember:
        """A newcomer who prints PLA and has plenty of it."""
        name = f"Printworks {secrets.token_hex(3)}"
        registered = await self.admin.register_provider(name, capacity_jobs)
        if stock_g:
            await self.admin.receive_stock(registered.id, "PLA", stock_g)
        return ProviderMember(registered.id, Provider(self._client(await self._account(Role.PROVIDER, registered.id))))

    async def providers(self, number: int, *, experienced: bool = True) -> list[ProviderMember]:
        """Several; the experienced may have more than one job at a time."""
        members = [await self.provider() for _ in range(number)]
        if experienced:
            await self.give_experience(members)
        return members

    async def give_experience(self, members: Sequence[ProviderMember]) -> None:
        """Let them have completed many jobs before."""
        async with self._owner() as session:
            await session.execute(
                text("UPDATE providers SET completed_jobs = :jobs WHERE id = ANY(:ids)"),
                {"jobs": PAST_JOBS, "ids": [member.id for member in members]},
            )

    @asynccontextmanager
    async def _owner(self) -> AsyncGenerator[AsyncSession]:
        database = Database(self.stack.database_url, DatabaseRole.OWNER, pool_size=1)
        try:
            async with database.begin() as session:
                yield session
        finally:
            await database.close()

    async def _account(self, role: Role, provider_id: str | None = None) -> str:
        """The token of a new account."""
        who = secrets.token_hex(6)
        account = await self.admin.open_account(
            f"{role}-{who}@example.com", f"A {role}", role, provider_id, oidc=(ISSUER, who)
        )
        return self._token(TokenClaims(account.id, account.role, account.party_id))

    def _token(self, claims: TokenClaims) -> str:
        secret = self.stack.plan.environment()["FULFIL_JWT_SECRET"]
        return Tokens(secret, TOKEN_LIFETIME_S).issue(claims, datetime.now(UTC))

    def _client(self, token: str) -> ApiClient:
        client = ApiClient(self.stack.api_url, token=token, patience_s=self.patience_s)
        self._closing.push_async_callback(client.close)
        self.clients.append(client)
        return client
