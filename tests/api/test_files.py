"""Files: what they are is told by their content, and who may read them by what they belong to."""

import base64
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fulfil.kit.clock import utc_now
from fulfil.kit.settings import Settings
from fulfil.models.ids import new_id
from fulfil.models.messages.jobs import JobState, OfferState
from fulfil.models.tables.jobs import JobReportRow
from fulfil.models.tables.quotes import FileRow
from tests.api.running import Api, api_of, until
from tests.api.world import Person, World

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
STL = bytes(80) + struct.pack("<I", 2) + bytes(100)


async def upload(api: Api, person: Person, content: bytes, name: str = "part.stl", key: str = "") -> httpx.Response:
    """A multipart upload."""
    return await api.post("/files", person, key=key, files={"file": (name, content, "text/html")})


async def test_an_upload_is_stored_under_its_hash_and_comes_back_safely(api: Api, customer: Person) -> None:
    stored = await upload(api, customer, STL, name="../../my “part”.stl")
    file = stored.json()
    content = await api.get(f"/files/{file['id']}/content", customer)

    assert stored.status_code == 201
    assert (file["format"], file["size_bytes"], file["name"]) == ("stl", len(STL), "my “part”.stl")
    assert content.content == STL
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["content-disposition"].startswith("attachment; filename*=UTF-8''my%20")
    assert content.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in content.headers["content-security-policy"]
    assert (await api.get(f"/files/{file['id']}", customer)).json() == file


async def test_an_upload_in_json_is_the_same(api: Api, customer: Person) -> None:
    body = {"name": "part.stl", "content_base64": base64.b64encode(STL).decode()}
    inline = await api.post("/files", customer, json=body)
    multipart = await upload(api, customer, STL)
    assert inline.status_code == 201
    assert inline.json()["sha256"] == multipart.json()["sha256"]


async def test_the_content_decides_not_the_name(api: Api, customer: Person) -> None:
    photo = (await upload(api, customer, PNG, name="part.stl")).json()
    assert (photo["format"], photo["analysis"]) == ("png", None)
    assert not api.quote_work.said


async def test_a_repeated_upload_is_one_file(api: Api, world: World, customer: Person) -> None:
    answers = [await upload(api, customer, STL, key="u1") for _ in range(2)]
    other = await upload(api, customer, PNG, key="u1")
    assert answers[0].json() == answers[1].json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert len(await world.rows(FileRow)) == 1


@pytest.mark.parametrize(
    ("content", "code", "remedy"),
    [
        (b"hello, this is no model", "file_format_unknown", "STL, OBJ, 3MF or STEP"),
        (b"PK\x03\x04" + bytes(90), "file_format_not_quoted", "Unpack it"),
        (b"AC1032\x00" + bytes(90), "file_format_not_quoted", "Save it as DXF"),
        (b"%PDF-1.5\n%AIPrivateData1", "file_format_not_quoted", "In Illustrator choose"),
    ],
)
async def test_what_can_be_neither_priced_nor_attached_is_refused_with_the_remedy(
    api: Api, world: World, customer: Person, content: bytes, code: str, remedy: str
) -> None:
    response = await upload(api, customer, content)
    assert (response.status_code, response.json()["code"], response.json()["param"]) == (415, code, "file")
    assert remedy in response.json()["detail"]
    assert not await world.rows(FileRow)


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"  0\nSECTION\n  2\nHEADER\n", "dxf"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "obj"),
        (b"ISO-10303-21;\nHEADER;\n", "step"),
        (b"PK\x03\x04" + bytes(26) + b"3D/3dmodel.model" + bytes(60), "3mf"),
    ],
)
async def test_every_format_that_can_be_priced_is_accepted_and_measured_at_once(
    api: Api, customer: Person, content: bytes, known: str
) -> None:
    file = (await upload(api, customer, content, name="part.bin")).json()
    await until(lambda: bool(api.quote_work.said))
    [said] = api.quote_work.said
    assert (file["format"], file["analysis"]["status"]) == (known, "waiting")
    assert (said.what, said.message.file_sha256) == ("analyse", file["sha256"])


async def test_an_empty_file_is_refused(api: Api, customer: Person) -> None:
    response = await upload(api, customer, b"")
    assert (response.status_code, response.json()["code"], response.json()["param"]) == (422, "file_empty", "file")


async def test_bad_uploads_name_what_is_wrong(api: Api, customer: Person) -> None:
    no_base64 = await api.post("/files", customer, json={"name": "x", "content_base64": "§§§"})
    no_content = await api.post("/files", customer, json={"name": "x"})
    no_file = await api.post("/files", customer, files={"photo": ("x.stl", STL)})
    no_multipart = await api.post(
        "/files", customer, content=b"--x\r\nnonsense", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    no_type = await api.post("/files", customer, content=STL, headers={"Content-Type": "model/stl"})

    assert [answer.status_code for answer in (no_base64, no_content, no_file, no_multipart)] == [422] * 4
    assert [no_base64.json()["param"], no_content.json()["param"]] == ["content_base64"] * 2
    assert [no_file.json()["param"], no_multipart.json()["param"]] == ["file"] * 2
    assert (no_type.status_code, no_type.json()["param"]) == (415, "Content-Type")


@pytest.fixture
async def narrow_api(settings: Settings) -> AsyncIterator[Api]:
    """An application that takes 100 kB at most."""
    async with api_of(settings.model_copy(update={"max_upload_bytes": 100_000})) as api:
        yield api


async def test_a_file_over_the_limit_is_refused(narrow_api: Api, world: World, customer: Person) -> None:
    too_large = await upload(narrow_api, customer, STL + bytes(100_000))
    far_too_large = await upload(narrow_api, customer, STL + bytes(500_000))
    inline = {"name": "x", "content_base64": base64.b64encode(STL + bytes(100_000)).decode()}
    in_json = await narrow_api.post("/files", customer, json=inline)
    for response in (too_large, far_too_large, in_json):
        assert response.status_code == 413
        assert response.json()["param"] in ("file", "body", "content_base64")
    assert not await world.rows(FileRow)


async def test_a_provider_reads_the_model_only_while_it_is_offered_to_her_or_hers(
    api: Api, world: World, customer: Person, provider: Person, rival: Person
) -> None:
    sale = await world.sale(customer, provider)
    await world.offer(sale, rival, OfferState.LOST)
    assert (await api.get(f"/files/{sale.file_id}", provider)).status_code == 200
    assert (await api.get(f"/files/{sale.file_id}", rival)).status_code == 404


async def test_a_customer_reads_the_photos_of_his_order(
    api: Api, world: World, customer: Person, provider: Person, stranger: Person
) -> None:
    sale = await world.sale(
        customer, provider, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED, production=JobState.IN_PRODUCTION
    )
    photo = await world.file(provider, file_format="png")
    assert (await api.get(f"/files/{photo}", customer)).status_code == 404
    await world.add(
        JobReportRow(
            id=new_id("rep"),
            job_id=sale.job_id,
            offer_id=sale.offer_id,
            business_key="k",
            kind="progress",
            data={"photo_file_ids": [photo]},
            created_at=utc_now(),
            signal_due=False,
        )
    )
    assert (await api.get(f"/files/{photo}", customer)).status_code == 200
    assert (await api.get(f"/files/{photo}", stranger)).status_code == 404


async def test_a_lost_content_is_gone_and_a_broken_store_unavailable(
    api: Api, world: World, customer: Person, settings: Settings
) -> None:
    file_id = await world.file(customer)
    assert (await api.get(f"/files/{file_id}/content", customer)).status_code == 410

    objects = Path(settings.data_dir) / "objects"
    objects.rename(objects.with_name("elsewhere"))
    objects.write_bytes(b"a file where the folder was")
    response = await upload(api, customer, STL)
    assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
