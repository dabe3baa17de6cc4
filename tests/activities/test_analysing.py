"""A file is measured once, however many ask; what it did to its reader is told; progress is heard."""

import asyncio

import pytest
from sqlalchemy import text

from fulfil.gateways.storage import object_key
from fulfil.models.messages.geometry import Operation
from fulfil.models.messages.quotes import AnalyseFile, AnalysisProgress, ReadingOptions
from fulfil.quoting.analysis import ANALYSER_VERSION, Analysis
from fulfil.quoting.artefacts import ArtefactKind
from tests.activities.quoting_desk import BRACKET, PLATE, QuotingDesk, run


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


async def test_what_a_colour_means_can_be_changed(desk: QuotingDesk) -> None:
    sha256 = (await desk.upload(PLATE, "plate.svg"))["file_sha256"]
    scored = ReadingOptions(operations={"#ff0000": Operation.SCORE})
    for options in (ReadingOptions(), scored):
        await run(desk.activities.analyse_file, AnalyseFile(file_sha256=sha256, options=options))
    drawings = [Analysis.model_validate(row.analysis, strict=False).drawing for row in await desk.analyses()]
    lengths = {(drawing.cut_length_mm > 0, drawing.score_length_mm > 0) for drawing in drawings if drawing}
    assert lengths == {(True, False), (False, True)}


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
