"""Documents on the command line: listed, shown, downloaded."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fulfil.cli.main import app
from fulfil.models.messages.documents import DocumentKind
from tests.cli.scripted import Answer, ScriptedApi, problem, scripted_api
from tests.documents import snapshots

CONTENT = snapshots.document(DocumentKind.CREDIT_NOTE, lines=snapshots.credit_note().lines, refers_to="INV-2026-000123")
DOCUMENT = {
    "id": CONTENT.document_id,
    "kind": "credit_note",
    "number": "CRN-2026-000011",
    "order_id": CONTENT.order_id,
    "party_id": "cus_" + "0" * 32,
    "refers_to": "INV-2026-000123",
    "total": {"amount_minor": CONTENT.total_minor, "currency": "eur"},
    "issued_at": "2026-11-21T09:30:00Z",
    "sha256": "a" * 64,
    "pdf": f"/api/v1/documents/{CONTENT.document_id}/pdf",
}
DETAIL = DOCUMENT | {"content": CONTENT.model_dump(mode="json")}


def answer(body: object) -> Answer:
    """An answer in JSON."""
    return Answer(body=json.dumps(body).encode())


async def run(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, *arguments: str) -> Result:
    """The command, against this API."""
    monkeypatch.setenv("FULFIL_API_URL", api.url)
    monkeypatch.setenv("FULFIL_TOKEN", "token")
    return await asyncio.to_thread(CliRunner().invoke, app, ["document", *arguments])


async def test_the_documents_of_an_order_are_listed_with_what_they_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer({"data": [DOCUMENT]})) as api:
        result = await run(monkeypatch, api, "list", CONTENT.order_id)

    assert result.exit_code == 0, result.output
    assert api.asked[0].path == f"/api/v1/orders/{CONTENT.order_id}/documents"
    for shown in (CONTENT.document_id, "CRN-2026-000011", "-89.35 EUR", "INV-2026-000123"):
        assert shown in result.output


async def test_a_document_is_shown_with_its_lines_and_its_tax(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_api(answer(DETAIL)) as api:
        table = await run(monkeypatch, api, "show", CONTENT.document_id)
        machine = await run(monkeypatch, api, "show", CONTENT.document_id, "--output", "json")

    assert "12 of 60 refused" in table.output
    assert "-13.76 EUR" in table.output  # 13.41 of 84.00 at 19 %, 0.35 of 5.35 at 7 %
    assert json.loads(machine.output)["content"]["refers_to"] == "INV-2026-000123"


async def test_a_page_is_written_where_it_is_wanted_or_by_its_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    pdf = Answer(body=b"%PDF-1.7 page", kind="application/pdf")
    for options, name in ((["-f", "credit.pdf"], "credit.pdf"), ([], "CRN-2026-000011.pdf")):
        async with scripted_api(answer(DOCUMENT), pdf) as api:
            result = await run(monkeypatch, api, "download", CONTENT.document_id, *options)
        assert result.exit_code == 0, result.output
        assert (tmp_path / name).read_bytes() == b"%PDF-1.7 page"
        assert name in result.output


async def test_an_unknown_document_and_an_unwritable_file_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with scripted_api(problem(404, "not_found", detail="There is no such document: check the id.")) as api:
        unknown = await run(monkeypatch, api, "download", CONTENT.document_id)
    async with scripted_api(answer(DOCUMENT), Answer(body=b"%PDF")) as api:
        unwritable = await run(monkeypatch, api, "download", CONTENT.document_id, "-f", str(tmp_path / "no" / "x.pdf"))

    assert "no such document" in str(unknown.exception)
    assert "can't be written" in str(unwritable.exception)
