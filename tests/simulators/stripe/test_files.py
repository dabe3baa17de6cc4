"""Evidence is uploaded within Stripe's limits and read back as it was."""

import httpx
import pytest

from tests.simulators.stripe.till import Till

PNG = b"\x89PNG\r\n\x1a\n picture"


async def test_a_file_is_uploaded_and_read_back(till: Till) -> None:
    answer = await till.client.post(
        "/v1/files", data={"purpose": "dispute_evidence"}, files={"file": ("label.png", PNG, "image/png")}
    )
    file = answer.json()
    assert (answer.status_code, file["type"], file["size"], file["filename"]) == (200, "png", len(PNG), "label.png")
    assert await till.read(f"/v1/files/{file['id']}") == file
    listed = await till.read("/v1/files", purpose="dispute_evidence")
    assert [one["id"] for one in listed["data"]] == [file["id"]]
    content = await till.client.get(file["url"])
    assert (content.content, content.headers["content-type"]) == (PNG, "image/png")
    assert (await till.client.get("/v1/files/file_nobody/contents")).status_code == 404
    stranger = await till.client.get(file["url"], auth=("sk_test_other", ""))
    assert stranger.status_code == 401
    assert await till.events(file["id"]) == ["file.created"]


@pytest.mark.parametrize(
    ("purpose", "content", "param"),
    [
        ("", PNG, "purpose"),
        ("holiday", PNG, "purpose"),
        ("dispute_evidence", b"MZ a program", "file"),
        ("dispute_evidence", b"", "file"),
        ("dispute_evidence", PNG + bytes(5 * 1024 * 1024), "file"),
    ],
)
async def test_other_files_are_refused(till: Till, purpose: str, content: bytes, param: str) -> None:
    answer = await till.client.post("/v1/files", data={"purpose": purpose}, files={"file": ("a.png", content)})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_form_without_a_file_is_refused(till: Till) -> None:
    answer = await till.client.post("/v1/files", data={"purpose": "dispute_evidence"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "parameter_missing")


async def test_one_key_uploads_one_file(till: Till) -> None:
    async def upload(content: bytes) -> httpx.Response:
        headers, fields = {"Idempotency-Key": "upload"}, {"purpose": "dispute_evidence"}
        return await till.client.post("/v1/files", data=fields, files={"file": ("a.png", content)}, headers=headers)

    assert (await upload(PNG)).json() == (await upload(PNG)).json()
    other = await upload(PNG + b"!")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
