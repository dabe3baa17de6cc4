"""The commands as people type them: a whole order, and what is said when something is wrong."""

import json
import secrets
from pathlib import Path

import pytest

from fulfil.api.schemas.accounts import Account
from fulfil.cli.client import ApiClient
from fulfil.cli.exits import ExitCode
from fulfil.cli.playing.following import LiveTimeline, Market
from fulfil.cli.playing.orders import BRACKET
from fulfil.cli.playing.people import Customer, Person
from fulfil.cli.playing.photo import photo_of_bracket
from fulfil.models.messages.events import EventType
from tests.e2e.conftest import Ran, World, fulfil, fulfil_process

PASSWORD = "correct horse battery staple"


class Terminal:
    """A person's terminal: signed in, with a data folder of her own."""

    def __init__(self, world: World, folder: Path, email: str) -> None:
        self.api_url = world.stack.api_url
        self.folder = folder
        self.email = email

    async def run(self, *arguments: str, **environment: str) -> Ran:
        """Whatever comes of the command."""
        given = {"FULFIL_API_URL": self.api_url, "FULFIL_DATA_DIR": str(self.folder)}
        return await fulfil(*arguments, environment=given | environment)

    async def json(self, *arguments: str) -> dict[str, str]:
        """What a successful command answers."""
        ran = await self.run(*arguments, "-o", "json")
        assert ran.code == ExitCode.DONE, ran.err
        answer: dict[str, str] = json.loads(ran.out)
        return answer


@pytest.fixture
async def terminal(world: World, folder: Path) -> Terminal:
    """A new customer has signed in by password."""
    email = f"ada-{secrets.token_hex(4)}@example.com"
    async with ApiClient(world.stack.api_url) as api:
        await api.post(Account, "/accounts", {"email": email, "name": "Ada", "password": PASSWORD})
    terminal = Terminal(world, folder, email)
    signed_in = await terminal.run("login", email, FULFIL_PASSWORD=PASSWORD)
    assert (signed_in.code, email in signed_in.out) == (ExitCode.DONE, True)
    return terminal


async def provider_says(provider: Person, *arguments: str) -> dict[str, str]:
    """A provider's command, with her token in the environment."""
    ran = await fulfil(*arguments, "-o", "json", as_person=provider)
    assert ran.code == ExitCode.DONE, ran.err
    answer: dict[str, str] = json.loads(ran.out)
    return answer


async def test_a_whole_order_by_commands(world: World, terminal: Terminal, tmp_path: Path) -> None:
    assert (await terminal.json("whoami"))["email"] == terminal.email
    assert ((terminal.folder / "logins.json").stat().st_mode & 0o777) == 0o600
    quote = await terminal.json("quote", str(BRACKET), "--material", "pla", "--quantity", "2")
    order = await terminal.json("order", "place", quote["id"], "--key", "k1")
    assert (await terminal.json("order", "place", quote["id"], "--key", "k1"))["id"] == order["id"]
    assert (await terminal.json("order", "pay", order["id"]))["status"] == "requires_capture"

    async with LiveTimeline(world.support, order["id"]) as live:
        job_id = (await live.until(EventType.JOB_OPENED)).subject
        (chance, *_) = await Market([member.person for member in world.members]).chances(job_id)
        provider = chance.provider
        listed = await fulfil("offer", "list", "--state", "open", as_person=provider)
        assert chance.offer.id in listed.out
        assert (await provider_says(provider, "offer", "accept", chance.offer.id))["state"] == "accepted"
        photo = tmp_path / "photo.png"
        photo.write_bytes(photo_of_bracket(50))
        await provider_says(provider, "job", "start", job_id)
        await provider_says(provider, "job", "progress", job_id, "50", "--note", "half", "--photo", str(photo))
        await provider_says(provider, "job", "quality", job_id, "--passed")
        await provider_says(provider, "job", "ship", job_id, "--carrier", "DHL", "--tracking-number", "42")
        assert (await provider_says(provider, "job", "deliver", job_id))["state"] == "delivered"
        await terminal.json("job", "approve", job_id)
        await live.until(EventType.ORDER_CLOSED)

    watched = await terminal.run("order", "watch", order["id"])
    assert watched.code == ExitCode.DONE
    assert "shipped with DHL, tracking number 42" in watched.out
    assert "order closed" in watched.out.splitlines()[-1]
    shown = await terminal.run("order", "show", order["id"])
    assert "closed" in shown.out
    assert order["id"] in (await terminal.run("order", "list")).out
    assert (await fulfil("ledger", "verify", order["id"], as_person=world.support)).code == ExitCode.DONE


async def test_what_is_wrong_is_said_and_coded(terminal: Terminal, tmp_path: Path) -> None:
    broken = tmp_path / "broken.stl"
    broken.write_bytes(b"this is no solid")
    unknown = "ord_" + "0" * 32
    wrong = {
        ("order", "show", unknown): (ExitCode.NOT_FOUND, "no such order"),
        ("order", "cancel", unknown): (ExitCode.USAGE, "--reason"),
        ("order", "cancel", unknown, "--reason", "testing"): (ExitCode.NOT_FOUND, "no such order"),
        ("quote", str(tmp_path / "missing.stl")): (ExitCode.USAGE, "does not exist"),
        ("quote", str(broken)): (ExitCode.USAGE, "["),
        ("stuck",): (ExitCode.FAILED, "role_not_allowed"),
        ("whoami", "--as", "stranger@example.com"): (ExitCode.FAILED, "fulfil login stranger@example.com"),
    }
    for arguments, (code, words) in wrong.items():
        ran = await terminal.run(*arguments)
        assert (ran.code, words in ran.err) == (code, True), f"{arguments}: {ran.code} {ran.err}"
        assert "Traceback" not in ran.err


async def test_a_process_ends_with_the_code_and_one_line_that_says_why(world: World, folder: Path) -> None:
    environment = {"FULFIL_DATA_DIR": str(folder), "FULFIL_TOKEN": world.support.api.token}
    away = await fulfil_process("whoami", environment=environment | {"FULFIL_API_URL": "http://127.0.0.1:9"})
    assert (away.code, "fulfil up" in away.err, len(away.err.splitlines())) == (ExitCode.FAILED, True, 1)
    there = environment | {"FULFIL_API_URL": world.stack.api_url}
    unknown = await fulfil_process("order", "show", "ord_" + "0" * 32, environment=there)
    assert (unknown.code, unknown.err.splitlines()) == (
        ExitCode.NOT_FOUND,
        ["fulfil: There is no such order: check the id. [not_found]"],
    )


async def test_a_cancellation_can_be_rehearsed(world: World) -> None:
    customer: Customer = world.shop.customer
    order = await customer.place(world.shop.quote)
    cancel = ("order", "cancel", order.id, "--reason", "changed my mind")
    rehearsed = await fulfil(*cancel, "--dry-run", as_person=customer)
    assert (rehearsed.code, "Nothing was changed" in rehearsed.out) == (ExitCode.DONE, True)
    assert (await customer.order(order.id)).state == "awaiting_payment"
    assert (await fulfil(*cancel, as_person=customer)).code == ExitCode.DONE
    async with LiveTimeline(customer, order.id) as live:
        await live.until(EventType.ORDER_CANCELLED)
    again = await fulfil(*cancel, "--dry-run", as_person=customer)
    assert (again.code, "can't be cancelled" in again.err) == (ExitCode.FAILED, True)
