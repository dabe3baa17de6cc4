"""Creates the demo data: the administrator by hand, everything else through the API."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
from sqlalchemy import update

from fulfil.api.security import Passwords
from fulfil.api.writers.accounts import AccountOpening, EmailTakenError, open_account
from fulfil.deploy.plan import StackPlan
from fulfil.deploy.seed import ADMIN, PEOPLE, PROVIDERS, DemoPerson, DemoProvider, SeedError, email_of
from fulfil.kit.clock import utc_now
from fulfil.kit.database import Database, DatabaseRole
from fulfil.models.messages.parties import Role
from fulfil.models.tables.accounts import AccountRow

REQUEST_WITHIN_S = 20


async def create_demo_data(plan: StackPlan) -> None:
    """Create what is missing; every request carries its key, so doing it again changes nothing. Raises `SeedError`."""
    await _open_administrator(plan)
    async with httpx.AsyncClient(base_url=f"{plan.api_url}/api/v1", timeout=REQUEST_WITHIN_S) as http:
        seeding = Seeding(http, plan.secrets.demo_password.get_secret_value())
        await seeding.sign_in(plan.secrets.admin_password.get_secret_value())
        people = [seeding.create_person(person) for person in PEOPLE]
        await asyncio.gather(*people, *(seeding.create_provider(provider) for provider in PROVIDERS))


@dataclass
class Seeding:
    """What was created, and with which rights."""

    http: httpx.AsyncClient
    password: str
    headers: dict[str, str] = field(default_factory=dict[str, str])

    async def sign_in(self, password: str) -> None:
        """Get the administrator's token."""
        token = await self.post("/auth/login", {"email": ADMIN, "password": password})
        self.headers["Authorization"] = f"Bearer {token['access_token']}"

    async def create_person(self, person: DemoPerson) -> None:
        """An account of a customer or of staff."""
        await self.create_account(person.email, {"name": person.name, "role": person.role.value})

    async def create_provider(self, demo: DemoProvider) -> None:
        """The business with its account at Stripe, its sign-in and its stock."""
        body = {
            "name": demo.name,
            "capabilities": {"fdm": list(demo.stock)},
            "capacity_jobs": demo.capacity_jobs,
            "commission_bp": demo.commission_bp,
        }
        provider = await self.post("/providers", body, key=f"demo:provider:{demo.account}")
        extra = {"name": demo.name, "role": Role.PROVIDER.value, "provider_id": provider["id"]}
        await self.create_account(email_of(demo), extra)
        for material, grams in demo.stock.items():
            receipt = {"material": material, "quantity": grams, "reason": "demo stock"}
            key = f"demo:stock:{demo.account}:{material}"
            # An older release said the same in other words: what it recorded counts.
            await self.post(f"/providers/{provider['id']}/stock", receipt, key=key, tolerated="idempotency_mismatch")

    async def create_account(self, email: str, body: Mapping[str, str]) -> None:
        """Created unless it is there."""
        whole = {"email": email, "password": self.password, **body}
        await self.post("/accounts", whole, key=f"demo:account:{email}", tolerated="email_taken")

    async def post(self, path: str, body: Mapping[str, Any], *, key: str = "", tolerated: str = "") -> dict[str, Any]:
        """The answer's body; raises `SeedError` with what the API says."""
        headers = {**self.headers, "Idempotency-Key": key} if key else self.headers
        try:
            answer = await self.http.post(path, json=body, headers=headers)
        except httpx.TransportError as error:
            raise SeedError(f"POST {path}: {error!r}") from error
        content: dict[str, Any] = answer.json()
        if answer.status_code >= HTTPStatus.BAD_REQUEST and content.get("code") != tolerated:
            raise SeedError(f"POST {path}: {answer.status_code} {content.get('code')}: {content.get('detail')}")
        return content


async def _open_administrator(plan: StackPlan) -> None:
    """Write the account nobody else could create, as the schema's owner.

    In a cluster of our own its password is always the one in the data folder.
    """
    hashed = await Passwords().hash(plan.secrets.admin_password.get_secret_value())
    opening = AccountOpening(email=ADMIN, name="Administrator", role=Role.ADMIN, password_hash=hashed)
    database = Database(plan.database_url, DatabaseRole.OWNER, pool_size=1)
    try:
        async with database.begin() as session:
            await open_account(session, opening, utc_now())
    except EmailTakenError:
        if plan.postgres is None:
            return
        async with database.begin() as session:
            await session.execute(update(AccountRow).where(AccountRow.email == ADMIN).values(password_hash=hashed))
    finally:
        await database.close()
