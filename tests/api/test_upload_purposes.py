"""What a file is uploaded for decides what is taken, and a scanner has the last word."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fulfil.gateways.clamav import ScannerUrlError
from fulfil.kit.settings import Settings
from fulfil.models.tables.quotes import FileRow
from tests.api.containers import docx, encrypted, mp4, webm, zipped
from tests.api.running import Api, api_of
from tests.api.test_files import PNG, STL
from tests.api.world import Person, World
from tests.conftest import free_port
from tests.gateways.clamd import EICAR, FakeClamd, clamd

PDF = b"%PDF-1.7\n" + bytes(60)
FILES = {
    "stl": STL,
    "png": PNG,
    "pdf": PDF,
    "zip": zipped({"a.txt": b"x"}),
    "docx": docx(),
    "text": b"It fits.",
    "mp4": mp4(),
    "webm": webm(),
}


async def upload(
    api: Api, person: Person, content: bytes, purpose: str | None = None, name: str = "x"
) -> httpx.Response:
    """A multipart upload for a purpose."""
    params: dict[str, Any] = {} if purpose is None else {"purpose": purpose}
    return await api.post("/files", person, params=params, files={"file": (name, content)})


@pytest.mark.parametrize(
    ("purpose", "taken"),
    [
        (None, {"stl", "png", "pdf"}),
        ("model", {"stl"}),
        ("photo", {"png"}),
        ("document", {"png", "pdf"}),
        ("submission", set(FILES)),
    ],
)
async def test_each_purpose_takes_its_formats(
    api: Api, world: World, provider: Person, purpose: str | None, taken: set[str]
) -> None:
    answers = {name: await upload(api, provider, content, purpose) for name, content in FILES.items()}
    assert {name for name, answer in answers.items() if answer.status_code == 201} == taken
    assert {answers[name].json()["format"] for name in taken} == taken
    refused = [answer for name, answer in answers.items() if name not in taken]
    assert {(answer.status_code, answer.json()["param"]) for answer in refused} <= {(415, "file")}
    assert len(await world.rows(FileRow)) == len(taken)


async def test_a_refusal_says_what_the_purpose_takes(api: Api, provider: Person) -> None:
    photo = (await upload(api, provider, STL, "photo")).json()
    archive = (await upload(api, provider, encrypted(FILES["zip"]), "submission")).json()
    unknown = (await upload(api, provider, STL, "fun")).json()
    assert (photo["code"], "JPEG, PNG" in photo["detail"]) == ("file_format_not_allowed", True)
    assert (archive["status"], archive["code"]) == (422, "archive_encrypted")
    assert (unknown["status"], unknown["param"]) == (422, "purpose")


async def test_a_photo_is_smaller_than_a_film(api: Api, provider: Person) -> None:
    large = PNG + bytes(25_000_000)
    photo = await upload(api, provider, large, "photo")
    assert (photo.status_code, photo.json()["code"]) == (413, "file_too_large")
    assert "25,000,000" in photo.json()["detail"]


async def test_a_markdown_is_called_so_by_its_name(api: Api, provider: Person) -> None:
    assert (await upload(api, provider, b"# It fits", "submission", "notes.md")).json()["format"] == "markdown"


async def test_guests_submit_nothing(api: Api) -> None:
    guest = (await api.post("/guests")).json()
    headers = {"Authorization": f"Bearer {guest['access_token']}"}
    answer = await api.post("/files?purpose=submission", headers=headers, files={"file": ("x", STL)})
    assert (answer.status_code, answer.json()["code"]) == (403, "guest_not_allowed")


@pytest.fixture
async def daemon() -> AsyncIterator[FakeClamd]:
    """A clamd that takes two megabytes."""
    async with clamd(most_bytes=2_000_000) as fake:
        yield fake


@pytest.fixture
async def scanned(settings: Settings, daemon: FakeClamd, world: World) -> AsyncIterator[Api]:
    """An API with a scanner."""
    del world
    async with api_of(settings.model_copy(update={"clamav_url": daemon.url})) as api:
        yield api


def objects(settings: Settings) -> set[Path]:
    """What is stored."""
    return {path for path in (Path(settings.data_dir) / "objects").rglob("*") if path.is_file()}


async def test_clean_files_are_stored_and_infected_ones_named_and_forgotten(
    scanned: Api, daemon: FakeClamd, world: World, provider: Person, settings: Settings
) -> None:
    clean = await upload(scanned, provider, STL)
    before = objects(settings)
    infected = await upload(scanned, provider, PNG + EICAR)
    problem = infected.json()
    assert (clean.status_code, sum(daemon.chunks)) == (201, len(STL) + len(PNG + EICAR))
    assert (infected.status_code, problem["code"], problem["param"]) == (422, "file_infected", "file")
    assert ("Eicar-Signature" in problem["detail"], problem["retryable"]) == (True, False)
    assert (objects(settings), len(await world.rows(FileRow))) == (before, 1)


async def test_what_the_scanner_does_not_take_is_not_stored(scanned: Api, world: World, provider: Person) -> None:
    answer = await upload(scanned, provider, PNG + bytes(3_000_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large_to_scan")
    assert not await world.rows(FileRow)


async def test_without_a_clear_answer_nothing_is_stored(
    scanned: Api, daemon: FakeClamd, world: World, provider: Person, settings: Settings
) -> None:
    before = objects(settings)
    for manner in ("drops", "errs", "stammers"):
        daemon.manner = manner
        answer = await upload(scanned, provider, STL)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "scan_unavailable", True), manner
        assert answer.headers["retry-after"] == "10"
    assert (objects(settings), await world.rows(FileRow)) == (before, [])
    daemon.manner = "well"
    assert (await upload(scanned, provider, STL)).status_code == 201


async def test_a_scanner_that_is_not_there_stops_uploads_but_nothing_else(
    settings: Settings, world: World, provider: Person
) -> None:
    url = f"tcp://127.0.0.1:{free_port()}"
    async with api_of(settings.model_copy(update={"clamav_url": url})) as api:
        assert (await upload(api, provider, STL)).json()["code"] == "scan_unavailable"
        assert (await api.get("/me", provider)).status_code == 200
    assert not await world.rows(FileRow)


async def test_a_wrong_address_is_noticed_at_the_start(settings: Settings) -> None:
    with pytest.raises(ScannerUrlError):
        async with api_of(settings.model_copy(update={"clamav_url": "clamd:3310"})):
            pass
