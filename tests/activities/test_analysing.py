"""A file is measured once, however many ask; what it did to its reader is told; progress is heard."""

import asyncio
from io import StringIO

import pytest
from ezdxf.filemanagement import new
from sqlalchemy import text

from fulfil.activities import analysing
from fulfil.gateways.storage import object_key
from fulfil.models.messages.geometry import Operation
from fulfil.models.messages.quotes import AnalyseFile, AnalysisProgress, ReadingOptions
from fulfil.quoting.analysis import ANALYSER_VERSION, Analysis
from fulfil.quoting.artefacts import ArtefactKind
from tests.activities.quoting_desk import BRACKET, PLATE, QuotingDesk, run
from tests.kit import isolation_subjects as subjects


def drawing_on_layer(name: str) -> bytes:
    """A DXF of one square."""
    document = new("R2000", units=4)
    document.layers.add("PLACE")
    square = [(0, 0), (50, 0), (50, 40), (0, 40)]
    document.modelspace().add_lwpolyline(square, close=True, dxfattribs={"layer": "PLACE"})
    written = StringIO()
    document.write(written)
    return written.getvalue().replace("PLACE", name).encode()


async def test_an_analysis_is_stored_with_its_artefacts(desk: QuotingDesk) -> None:
    sha256 = (await desk.upload())["file_sha256"]
    analysed = await run(desk.activities.analyse_file, AnalyseFile(file_sha256=sha256))
    (row,) = await desk.analyses()
    assert (row.id, analysed.refusal) == (analysed.analysis_id, None)
    assert (row.file_sha256, row.analyser_version) == (sha256, ANALYSER_VERSION)
    analysis = Analysis.model_validate(row.analysis, strict=False)
    assert analysis.solid is not None
    assert analysis.solid.volume_mm3 > 36_000
    picture = await desk.storage.get(row.artefacts[ArtefactKind.PREVIEW_PNG])
    assert picture.startswith(b"\x89PNG")
    assert await desk.storage.get(row.artefacts[ArtefactKind.VIEWER_MESH])


async def test_a_refused_file_is_refused_from_memory_the_next_time(desk: QuotingDesk) -> None:
    upload = await desk.upload(BRACKET[:-70])
    request = AnalyseFile(file_sha256=upload["file_sha256"])
    first = await run(desk.activities.analyse_file, request)
    (desk.folder / object_key(upload["file_sha256"])).unlink()
    again = await run(desk.another_worker().analyse_file, request)
    assert first == again
    assert first.refusal is not None
    assert first.refusal.code == "file_truncated"


async def test_the_same_file_is_analysed_once_for_every_material(desk: QuotingDesk) -> None:
    wish = await desk.wish()
    await desk.prepare(wish)
    (desk.folder / object_key(wish["file_sha256"])).unlink()
    other = {**wish, "wish": {"process": "fdm", "material": "TPU", "quantity": 5}}
    assert (await desk.prepare(other)).refusals == [None]
    assert len(await desk.analyses()) == 1


async def test_many_who_ask_at_once_share_one_run(desk: QuotingDesk) -> None:
    upload = await desk.upload()
    request = AnalyseFile(file_sha256=upload["file_sha256"])
    asked = [asyncio.create_task(run(desk.activities.analyse_file, request)) for _ in range(8)]
    asked[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    answers = await asyncio.gather(*asked[1:])
    assert len({answer.analysis_id for answer in answers}) == 1
    assert len(await desk.analyses()) == 1


async def test_a_run_nobody_waits_for_ends_and_the_next_one_begins_anew(desk: QuotingDesk) -> None:
    request = AnalyseFile(file_sha256=(await desk.upload())["file_sha256"])
    asked = asyncio.create_task(run(desk.activities.analyse_file, request))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert (await run(desk.activities.analyse_file, request)).refusal is None


async def test_progress_and_a_first_price_are_heard_before_the_quote(desk: QuotingDesk) -> None:
    beats = list[AnalysisProgress]()
    await run(desk.activities.prepare_quote, desk.request(await desk.wish()), beats)
    stages = [beat.stage for beat in beats]
    assert [stage for stage in dict.fromkeys(stages) if stage != "waiting"] == [
        *("reading", "measuring", "slicing", "looking", "drawing"),
    ]
    percents = [beat.percent for beat in beats]
    assert percents == sorted(percents)
    early = next(beat for beat in beats if beat.stage == "measuring")
    assert early.first_price is not None
    assert "EUR (±" in early.first_price


async def test_who_joins_a_run_is_told_in_its_own_beats_and_hears_no_other_price(desk: QuotingDesk) -> None:
    wish = await desk.wish()
    beats = {name: list[AnalysisProgress]() for name in ("analysis", "quote")}
    request = AnalyseFile(file_sha256=wish["file_sha256"])
    analysing_it = asyncio.create_task(run(desk.activities.analyse_file, request, beats["analysis"]))
    quoting_it = asyncio.create_task(run(desk.activities.prepare_quote, desk.request(wish), beats["quote"]))
    await asyncio.gather(analysing_it, quoting_it)
    assert {beat.first_price for beat in beats["analysis"]} == {None}
    for heard in beats.values():
        assert {"reading", "measuring", "slicing", "looking", "drawing"} <= {beat.stage for beat in heard}


async def test_what_a_colour_means_can_be_changed(desk: QuotingDesk) -> None:
    sha256 = (await desk.upload(PLATE, "plate.svg"))["file_sha256"]
    scored = ReadingOptions(operations={"#ff0000": Operation.SCORE})
    for options in (ReadingOptions(), scored):
        await run(desk.activities.analyse_file, AnalyseFile(file_sha256=sha256, options=options))
    drawings = [Analysis.model_validate(row.analysis, strict=False).drawing for row in await desk.analyses()]
    lengths = {(drawing.cut_length_mm > 0, drawing.score_length_mm > 0) for drawing in drawings if drawing}
    assert lengths == {(True, False), (False, True)}


async def test_a_name_the_database_can_not_hold_is_refused_and_the_other_files_are_priced(desk: QuotingDesk) -> None:
    odd = await desk.wish(drawing_on_layer("A\0B"), process="laser", material="WOOD", thickness_mm=3.0)
    spelt = await desk.wish(drawing_on_layer("A\\u0000B"), process="laser", material="WOOD", thickness_mm=3.0)
    prepared = await desk.prepare(odd, spelt, await desk.wish())
    assert prepared.refusals == ["file_unreadable", None, None]


async def test_a_reader_that_raises_refuses_its_file_alone_and_tells_no_traceback(
    desk: QuotingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = await desk.wish(), await desk.wish(BRACKET[:-70])
    await desk.prepare(whole)
    monkeypatch.setattr(analysing, "analyse_file", subjects.fail)
    prepared = await desk.prepare(broken, whole)
    assert prepared.refusals == ["file_crashes_reader", None]
    assert "Traceback" not in str(prepared.items[0].refusal)
    assert len(await desk.analyses()) == 1


async def test_an_analysis_can_not_be_changed(desk: QuotingDesk) -> None:
    await run(desk.activities.analyse_file, AnalyseFile(file_sha256=(await desk.upload())["file_sha256"]))
    refused = None
    try:
        async with desk.owner.begin() as session:
            await session.execute(text("UPDATE file_analyses SET calculation_time_ms = 0"))
    except Exception as error:  # noqa: BLE001 (whatever the driver calls it)
        refused = str(error)
    assert refused is not None
    assert "append-only" in refused
