"""What the routes work with: one of each per process, opened when it starts and closed when it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from fulfil.api.authentication import Authenticator
from fulfil.api.background import Background
from fulfil.api.feed import EventFeed
from fulfil.api.guest_limits import GuestLimits
from fulfil.api.login_limit import LoginLimit
from fulfil.api.outages import database_outages
from fulfil.api.processes import Processes
from fulfil.api.quote_work import QuoteWork
from fulfil.api.security import Passwords, Tokens
from fulfil.api.turnstile import Turnstile
from fulfil.gateways.clamav import ClamAv
from fulfil.gateways.storage import ObjectStorage
from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.database import Database
from fulfil.kit.settings import Settings


@dataclass(frozen=True)
class ApiContext:
    """The process's parts."""

    settings: Settings
    clock: Callable[[], datetime]
    database: Database
    feed: EventFeed
    temporal: Client
    processes: Processes
    quote_work: QuoteWork
    background: Background
    stripe: StripeGateway
    storage: ObjectStorage
    tokens: Tokens
    passwords: Passwords
    login_limit: LoginLimit
    guest_limits: GuestLimits
    authenticator: Authenticator
    uploads: asyncio.Semaphore
    turnstile: Turnstile
    scanner: ClamAv | None

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[AsyncSession]:
        """One transaction, committed at the end of the block; 503 when PostgreSQL can't serve."""
        with database_outages():
            async with self.database.begin() as session:
                yield session
