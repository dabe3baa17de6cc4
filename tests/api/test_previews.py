"""What was measured in a file, and the pictures made of it."""

from typing import Any

import pytest

from fulfil.api.errors import unavailable
from fulfil.api.quote_work import Look, WorkState
from fulfil.models.messages.geometry import DrawingGeometry, LengthUnit, UnitBasis, UnitDecision
from fulfil.models.messages.quotes import AnalysisProgress, FileAnalysed, ReadingOptions, Refusal
from fulfil.models.tables.quotes import FileAnalysisRow
from tests.api.quoted import analysis_row
from tests.api.running import Api
from tests.api.test_files import STL, upload
from tests.api.world import Person, World

SHA256 = "d" * 64
PNG = b"\x89PNG\r\n\x1a\n picture"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
DRAWING = DrawingGeometry(
    unit=UnitDecision(unit=LengthUnit.MM, mm_per_unit=1, basis=UnitBasis.STATED, reason="the file says so"),
    size_mm=(100, 50),
    groups=(),
    segments=4,
    cut_length_mm=300,
    score_length_mm=0,
    engrave_outline_mm=0,
    engraved_area_mm2=0,
    travel_mm=0,
    pierces=1,
    part_area_mm2=5000,
    parts=1,
    open_paths=0,
)


async def drawn(api: Api, world: World, customer: Person) -> tuple[str, FileAnalysisRow]:
    """A drawing of hers with stored pictures."""
    file_id = await world.file(customer, file_format="svg", sha256=SHA256)
    row = analysis_row(SHA256, drawing=DRAWING)
    hashes = {"preview_png": await api.context.storage.put(PNG), "preview_svg": await api.context.storage.put(SVG)}
    row.artefacts = hashes
    await world.add(row)
    return file_id, row


async def test_a_measured_file_shows_its_analysis_and_links(api: Api, world: World, customer: Person) -> None:
    file_id, row = await drawn(api, world, customer)
    file = (await api.get(f"/files/{file_id}", customer)).json()
    analysis = file["analysis"]
    assert (analysis["status"], analysis["id"], analysis["calculation_time_ms"]) == ("done", row.id, 12)
    assert analysis["drawing"]["cut_length_mm"] == 300
    assert analysis["previews"]["svg"] == f"/api/v1/files/{file_id}/preview.svg?analysis={row.id}"
    assert analysis["previews"]["viewer_mesh"] is None
    assert not api.quote_work.said


async def test_the_same_content_is_not_measured_again(api: Api, world: World, customer: Person) -> None:
    first = (await upload(api, customer, STL)).json()
    await world.add(analysis_row(first["sha256"]))
    second = (await upload(api, customer, STL)).json()
    assert (first["analysis"]["status"], second["analysis"]["status"]) == ("waiting", "done")
    assert second["analysis"]["findings"][0]["code"] == "unit_guessed"


async def test_pictures_are_served_safely_and_kept_for_ever(api: Api, world: World, customer: Person) -> None:
    file_id, row = await drawn(api, world, customer)
    served: dict[str, Any] = {}
    for name, content, kind in (("preview.png", PNG, "image/png"), ("preview.svg", SVG, "image/svg+xml")):
        path = f"/files/{file_id}/{name}?analysis={row.id}"
        served[name] = answer = await api.get(path, customer)
        again = await api.get(path, customer, headers={"If-None-Match": answer.headers["ETag"]})
        latest = await api.get(f"/files/{file_id}/{name}", customer)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, content, kind)
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert (again.status_code, again.content) == (304, b"")
        assert (latest.content, latest.headers["Cache-Control"]) == (content, "private, no-cache")
    assert "script" not in served["preview.svg"].headers["Content-Security-Policy"]


async def test_what_is_not_there_says_whether_it_will_be(
    api: Api, world: World, customer: Person, stranger: Person
) -> None:
    file_id, row = await drawn(api, world, customer)
    unmeasured = await world.file(customer, sha256="e" * 64)
    photo = await world.file(customer, file_format="png", sha256="f" * 64)
    hers = await world.file(stranger, sha256="1" * 64)
    foreign = analysis_row("1" * 64)
    await world.add(foreign)
    codes = {
        path: (answer.status_code, answer.json()["code"])
        for path in (
            f"/files/{file_id}/viewer-mesh",
            f"/files/{unmeasured}/preview.png",
            f"/files/{photo}/preview.png",
            f"/files/{hers}/preview.png",
            f"/files/{file_id}/preview.png?analysis={foreign.id}",
        )
        if (answer := await api.get(path, customer))
    }
    assert list(codes.values()) == [
        (404, "preview_not_made"),
        (404, "preview_not_ready"),
        (404, "preview_not_made"),
        (404, "not_found"),
        (404, "not_found"),
    ]
    odd = await api.get(f"/files/{file_id}/preview.png?analysis=../x", customer)
    assert (odd.status_code, odd.json()["param"]) == (422, "analysis")
    assert row.id != foreign.id


async def test_a_lost_picture_is_gone(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer, sha256=SHA256)
    await world.add(analysis_row(SHA256))
    lost = await api.get(f"/files/{file_id}/preview.png", customer)
    assert (lost.status_code, lost.json()["code"]) == (410, "preview_content_missing")


async def test_a_running_analysis_shows_stage_percent_and_first_price(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer)
    progress = AnalysisProgress(stage="slicing", percent=60, first_price="12.00 EUR ± 30 %")
    api.quote_work.looks = [Look(WorkState.RUNNING, progress)]
    file = (await api.get(f"/files/{file_id}?wait=3", customer)).json()
    assert (file["analysis"]["status"], file["analysis"]["progress"]) == ("running", progress.model_dump())
    assert api.quote_work.said[0].message == 3


async def test_an_analysis_that_never_began_is_begun_by_who_asks(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer)
    api.quote_work.looks = [Look(WorkState.UNKNOWN), Look(WorkState.WAITING)]
    file = (await api.get(f"/files/{file_id}", customer)).json()
    assert file["analysis"]["status"] == "waiting"
    [begun] = [said for said in api.quote_work.said if said.what == "analyse"]
    assert begun.message.options == ReadingOptions()


@pytest.mark.parametrize("refused", [True, False])
async def test_an_analysis_without_a_row_was_refused_or_failed(
    api: Api, world: World, customer: Person, refused: bool
) -> None:
    file_id = await world.file(customer)
    refusal = Refusal(code="file_missing", detail="It is no longer stored. Upload it again.", param="file_id")
    api.quote_work.looks = [Look(WorkState.DONE if refused else WorkState.FAILED)]
    api.quote_work.outcome = FileAnalysed(analysis_id="ana_1", refusal=refusal)
    analysis = (await api.get(f"/files/{file_id}", customer)).json()["analysis"]
    assert analysis["status"] == ("refused" if refused else "failed")
    assert (analysis["refusal"] or {}).get("code") == ("file_missing" if refused else None)


async def test_a_stored_refusal_is_shown(api: Api, world: World, customer: Person) -> None:
    file_id = await world.file(customer, sha256=SHA256)
    refusal = Refusal(code="file_truncated", detail="It ends too early. Export it again.", param="file_id")
    await world.add(analysis_row(SHA256, refusal=refusal))
    analysis = (await api.get(f"/files/{file_id}", customer)).json()["analysis"]
    assert (analysis["status"], analysis["refusal"]["code"]) == ("refused", "file_truncated")


async def test_without_temporal_uploads_succeed_and_wait(api: Api, customer: Person) -> None:
    away = unavailable("temporal_unavailable", "It is away.")
    api.quote_work.troubles = {"analyse": away, "look at analysis": away}
    stored = await upload(api, customer, STL)
    read = await api.get(f"/files/{stored.json()['id']}", customer)
    assert (stored.status_code, read.status_code) == (201, 200)
    assert read.json()["analysis"]["status"] == "waiting"
