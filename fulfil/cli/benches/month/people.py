"""The people of the month: accounts, providers with machines, stock, hours and services, customers with cards."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
from sqlalchemy import text

from fulfil.api.security import TokenClaims, Tokens
from fulfil.api.writers.accounts import AccountOpening, open_account
from fulfil.cli.benches.month.calling import Answer, Caller, Minutes
from fulfil.cli.benches.month.characters import CHARACTERS, Character
from fulfil.cli.benches.month.server import MonthServers
from fulfil.cli.benches.month.wares import CURRENCY, RARE
from fulfil.deploy.plan import SIMULATOR_PUBLISHABLE_KEY
from fulfil.models.messages.parties import Role

ISSUER = "https://sign-in.example"
# Virtual time runs ahead; what tokens are checked against does not.
TOKEN_LIFETIME_S = 24 * 3600
PAST_JOBS = 60
NEWCOMER_EVERY = 4
SERVICE_EVERY = 3
SAVED_CARD_EVERY = 5
# Of ten providers the third one, who is picky among the first ten, has the rare material.
TEN, RARE_AT = 10, 2
STOCK_G = (6_000, 20_000)
CAPACITY = (4, 9)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
PLANS = (
    [{"title": "All of it", "days": 6, "share_bp": 10_000}],
    [{"title": "Concept", "days": 4, "share_bp": 3_000}, {"title": "Finished model", "days": 10, "share_bp": 7_000}],
)


class SetUpError(RuntimeError):
    """The month could not begin; the message is the API's answer."""


@dataclass(frozen=True)
class Maker:
    """A provider and how she works."""

    number: int
    caller: Caller
    character: Character
    materials: tuple[str, ...]
    services: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.caller.party_id


@dataclass(frozen=True)
class Buyer:
    """A customer; `saved_card` is a payment method of hers, if she keeps one."""

    number: int
    caller: Caller
    saved_card: str | None


@dataclass
class People:
    """Everybody."""

    support: Caller
    admin: Caller
    makers: dict[str, Maker] = field(default_factory=dict[str, Maker])
    buyers: list[Buyer] = field(default_factory=list[Buyer])


@dataclass(frozen=True)
class Casting:
    """Opens the month's accounts; sign-ins are made up, tokens signed with the API's own secret."""

    servers: MonthServers
    http: httpx.AsyncClient
    minutes: Minutes
    seed: int

    async def people(self, *, makers: int, buyers: int) -> People:
        """So many providers and customers, an administrator and somebody of support."""
        people = People(await self._account(Role.SUPPORT), await self._account(Role.ADMIN))
        for number in range(makers):
            maker = await self._maker(people.admin, number)
            people.makers[maker.id] = maker
        await self._give_past([maker.id for maker in people.makers.values() if maker.number % NEWCOMER_EVERY])
        for number in range(buyers):
            people.buyers.append(await self._buyer(number))
        return people

    async def _maker(self, admin: Caller, number: int) -> Maker:
        dice = Random(f"{self.seed}:provider:{number}")
        materials = ("PLA", *(material for material in ("PETG", "ABS") if dice.random() < 0.6))  # noqa: PLR2004
        if number % TEN == RARE_AT:
            materials = (*materials, RARE)
        body = {
            "name": f"Printworks {number}",
            "capabilities": {"fdm": list(materials)},
            "capacity_jobs": dice.randint(*CAPACITY),
        }
        provider_id = _done(await admin.post("/providers", body))["id"]
        caller = await self._account(Role.PROVIDER, provider_id)
        for material in materials:
            receipt = {"material": material, "quantity": dice.randint(*STOCK_G), "reason": "opening stock"}
            _done(await caller.post(f"/providers/{provider_id}/stock", receipt))
        machine = {"name": "Printer", "process": "fdm", "materials": list(materials), "volume_mm": [250, 210, 220]}
        _done(await caller.post(f"/providers/{provider_id}/machines", machine))
        if number % 2:
            hours = dict.fromkeys(WEEKDAYS, ("08:00", "18:00"))
            calendar = {"time_zone": "Europe/Berlin", "working_hours": hours}
            _done(await caller.put(f"/providers/{provider_id}/calendar", calendar))
        services = [await self._service(caller, number)] if number % SERVICE_EVERY == 0 else []
        return Maker(number, caller, CHARACTERS[number % len(CHARACTERS)], materials, tuple(services))

    async def _service(self, caller: Caller, number: int) -> str:
        body = {
            "title": f"Modelling by {number}",
            "description": "From a sketch to a printable model.",
            "price": {"amount_minor": 20_000 + 500 * number, "currency": CURRENCY},
            "milestones": PLANS[number % len(PLANS)],
        }
        return str(_done(await caller.post("/services", body))["id"])

    async def _buyer(self, number: int) -> Buyer:
        caller = await self._account(Role.CUSTOMER)
        return Buyer(number, caller, await self._save_card(caller) if number % SAVED_CARD_EVERY == 0 else None)

    async def _save_card(self, caller: Caller) -> str:
        """What the card field of the payment provider does in a browser."""
        setup = _done(await caller.post("/payment-methods"))
        answer = await self.http.post(
            f"{self.servers.stripe_url}/v1/setup_intents/{setup['id']}/confirm",
            data={"payment_method": "pm_card_visa", "client_secret": setup["client_secret"]},
            headers={"Authorization": f"Bearer {SIMULATOR_PUBLISHABLE_KEY}"},
        )
        return str(answer.raise_for_status().json()["payment_method"])

    async def _give_past(self, provider_ids: list[str]) -> None:
        """Only the owner of the database can give somebody completed jobs."""
        async with self.servers.owner.begin() as session:
            await session.execute(
                text("UPDATE providers SET completed_jobs = :jobs WHERE id = ANY(:ids)"),
                {"jobs": PAST_JOBS, "ids": provider_ids},
            )

    async def _account(self, role: Role, provider_id: str | None = None) -> Caller:
        who = secrets.token_hex(6)
        opening = AccountOpening(
            email=f"{role.value}-{who}@example.com",
            name=f"A {role.value}",
            role=role,
            provider_id=provider_id,
            oidc_subject=f"{ISSUER}|{who}",
        )
        async with self.servers.owner.begin() as session:
            row = await open_account(session, opening, self.servers.time.clock())
        claims = TokenClaims(row.id, role, row.party_id)
        tokens = Tokens(self.servers.settings.jwt_secret.get_secret_value(), TOKEN_LIFETIME_S)
        token = tokens.issue(claims, datetime.now(UTC) - timedelta(seconds=1))
        return Caller(self.http, self.minutes, token, row.party_id or row.id)


def _done(answer: Answer) -> Mapping[str, Any]:
    if not answer.good:
        raise SetUpError(f"{answer.status}: {answer.body}")
    return answer.body
