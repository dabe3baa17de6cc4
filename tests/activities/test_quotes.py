"""Quotes are prepared from real files in real children, and stored once in a real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from fulfil.activities.quotes import PRELOAD, AnalysisCache, GeometryQuoteActivities
from fulfil.gateways.storage import ObjectStorage, StorageUnavailableError, object_key
from fulfil.kit.database import Database
from fulfil.kit.isolation import Isolation, IsolationError, Limits
from fulfil.models.ids import derived_id, new_id
from fulfil.models.messages.quotes import Geometry, PreparedQuote, PrepareQuote, QuoteLine, QuoteStatus
from fulfil.models.tables.quotes import FileRow, QuoteRow
from fulfil.quoting.analysis import Analysis
from fulfil.quoting.geometry import ANALYSER_VERSION
from fulfil.quoting.tariffs import TARIFF_VERSION
from tests.quoting.solids import binary_stl, box

BRACKET = (Path(__file__).parents[2] / "docs/examples/bracket.stl").read_bytes()
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
async def isolation() -> AsyncIterator[Isolation]:
    async with Isolation(preload=PRELOAD) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def storage(folder: Path) -> ObjectStorage:
    return ObjectStorage.from_url(folder.as_uri())


@pytest.fixture
def activities(worker_database: Database, storage: ObjectStorage, isolation: Isolation) -> GeometryQuoteActivities:
    return GeometryQuoteActivities(database=worker_database, storage=storage, isolation=isolation, clock=lambda: NOW)


async def uploaded(owner: Database, storage: ObjectStorage, content: bytes = BRACKET, **wishes: Any) -> PrepareQuote:
    """Store a file as the API does, and ask for its price."""
    sha256 = await storage.put(content)
    file_id, customer_id = new_id("fil"), new_id("cus")
    async with owner.begin() as session:
        session.add(
            FileRow(
                id=file_id,
                owner_id=customer_id,
                sha256=sha256,
                name="part.stl",
                format="stl",
                size_bytes=len(content),
                created_at=NOW,
            )
        )
    request = {
        "quote_id": new_id("quo"),
        "customer_id": customer_id,
        "file_id": file_id,
        "file_sha256": sha256,
        "process": "fdm",
        "material": "PLA",
        "quantity": 1,
        "currency": "eur",
    }
    return PrepareQuote.model_validate(request | wishes)


async def stored_quotes(database: Database) -> list[QuoteRow]:
    async with database.begin() as session:
        return list(await session.scalars(select(QuoteRow)))


async def prepare(activities: GeometryQuoteActivities, request: PrepareQuote) -> PreparedQuote:
    return await ActivityEnvironment().run(activities.prepare_quote, request)


async def test_a_good_file_gets_a_firm_quote(
    activities: GeometryQuoteActivities, owner_database: Database, storage: ObjectStorage
) -> None:
    request = await uploaded(owner_database, storage, quantity=2, material="petg")
    prepared = await prepare(activities, request)
    (row,) = await stored_quotes(owner_database)
    assert prepared == PreparedQuote(
        quote_id=request.quote_id,
        status=QuoteStatus.FIRM,
        total_minor=row.total_minor,
        currency="eur",
        expires_at=NOW + timedelta(days=7),
    )
    assert (row.process, row.material, row.quantity, row.currency) == ("fdm", "PETG", 2, "eur")
    assert (row.customer_id, row.file_id, row.file_sha256) == (
        request.customer_id,
        request.file_id,
        request.file_sha256,
    )
    lines = [QuoteLine.model_validate(line) for line in row.lines]
    assert sum(line.amount_minor for line in lines) == row.total_minor > 0
    assert Geometry.model_validate_json(json.dumps(row.geometry)).watertight
    assert (row.analyser_version, row.tariff_version) == (ANALYSER_VERSION, TARIFF_VERSION)
    assert row.material_g == 92
    assert row.calculation_time_ms > 0
    assert row.created_at == NOW


async def test_a_retry_finds_the_stored_quote_even_when_the_file_is_gone(
    activities: GeometryQuoteActivities,
    owner_database: Database,
    worker_database: Database,
    storage: ObjectStorage,
    folder: Path,
) -> None:
    request = await uploaded(owner_database, storage)
    first = await prepare(activities, request)
    (folder / object_key(request.file_sha256)).unlink()
    another_worker = GeometryQuoteActivities(
        database=worker_database, storage=storage, isolation=Isolation(), clock=lambda: NOW + timedelta(days=1)
    )
    assert await prepare(another_worker, request) == first
    assert len(await stored_quotes(owner_database)) == 1


async def test_attempts_at_the_same_moment_store_one_quote(
    activities: GeometryQuoteActivities, owner_database: Database, storage: ObjectStorage
) -> None:
    request = await uploaded(owner_database, storage)
    answers = await asyncio.gather(*[prepare(activities, request) for _ in range(6)])
    assert len(set(answers)) == 1
    assert len(await stored_quotes(owner_database)) == 1


async def test_the_same_file_is_analysed_once_for_every_material(
    activities: GeometryQuoteActivities, owner_database: Database, storage: ObjectStorage, folder: Path
) -> None:
    request = await uploaded(owner_database, storage)
    await prepare(activities, request)
    (folder / object_key(request.file_sha256)).unlink()
    other = request.model_copy(update={"quote_id": new_id("quo"), "material": "TPU"})
    assert (await prepare(activities, other)).status is QuoteStatus.FIRM


@pytest.mark.parametrize(
    ("content", "wishes", "code", "param"),
    [
        (b"this is no part" * 20, {}, "file_not_stl", "file_id"),
        (b"", {}, "file_empty", "file_id"),
        (BRACKET[:-70], {}, "file_truncated", "file_id"),
        (binary_stl(box(10, 10, 10)[1:]), {}, "mesh_open", "file_id"),
        (binary_stl(np.full((12, 3, 3), np.nan, np.float32)), {}, "mesh_not_finite", "file_id"),
        (binary_stl(box(300, 10, 10)), {}, "part_too_big", "file_id"),
        (BRACKET, {"material": "Oak"}, "material_unknown", "material"),
        (BRACKET, {"process": "laser"}, "process_unknown", "process"),
        (BRACKET, {"quantity": 0}, "quantity_out_of_range", "quantity"),
        (BRACKET, {"quantity": 1000}, "order_too_large", "quantity"),
        (BRACKET, {"currency": "jpy"}, "currency_unknown", "currency"),
    ],
)
async def test_a_refusal_names_field_and_remedy_and_stores_nothing(
    activities: GeometryQuoteActivities,
    owner_database: Database,
    storage: ObjectStorage,
    content: bytes,
    wishes: dict[str, Any],
    code: str,
    param: str,
) -> None:
    request = await uploaded(owner_database, storage, content, **wishes)
    prepared = await prepare(activities, request)
    assert (prepared.status, prepared.refusal_code, prepared.param) == (QuoteStatus.REFUSED, code, param)
    assert prepared.refusal_detail
    assert (prepared.total_minor, prepared.expires_at) == (0, None)
    assert await stored_quotes(owner_database) == []


async def test_a_file_that_breaks_the_analysis_is_refused(
    owner_database: Database, worker_database: Database, storage: ObjectStorage
) -> None:
    request = await uploaded(owner_database, storage)
    async with Isolation(preload=PRELOAD, limits=Limits(wall_s=0.0001)) as impatient:
        activities = GeometryQuoteActivities(database=worker_database, storage=storage, isolation=impatient)
        assert (await prepare(activities, request)).refusal_code == "file_too_complex"
    assert await stored_quotes(owner_database) == []


async def test_a_file_that_is_no_longer_stored_is_asked_for_again(
    activities: GeometryQuoteActivities, owner_database: Database, storage: ObjectStorage, folder: Path
) -> None:
    request = await uploaded(owner_database, storage)
    (folder / object_key(request.file_sha256)).unlink()
    prepared = await prepare(activities, request)
    assert (prepared.refusal_code, prepared.param) == ("file_missing", "file_id")
    assert "Upload the file again" in str(prepared.refusal_detail)


async def test_damaged_storage_raises_until_it_is_mended(
    activities: GeometryQuoteActivities, owner_database: Database, storage: ObjectStorage, folder: Path
) -> None:
    request = await uploaded(owner_database, storage)
    (folder / object_key(request.file_sha256)).write_bytes(BRACKET[:100])
    with pytest.raises(StorageUnavailableError):
        await prepare(activities, request)
    assert await stored_quotes(owner_database) == []
    await storage.put(BRACKET)
    assert (await prepare(activities, request)).status is QuoteStatus.FIRM


async def test_an_isolation_that_cannot_start_raises_and_blames_no_file(
    owner_database: Database, worker_database: Database, storage: ObjectStorage
) -> None:
    request = await uploaded(owner_database, storage)
    broken = GeometryQuoteActivities(
        database=worker_database, storage=storage, isolation=Isolation(preload=["no.such.module"])
    )
    with pytest.raises(IsolationError, match="unavailable"):
        await prepare(broken, request)


async def test_a_database_that_refuses_raises_and_stores_nothing(
    activities: GeometryQuoteActivities, owner_database: Database, storage: ObjectStorage
) -> None:
    request = await uploaded(owner_database, storage)
    unknown_file = request.model_copy(update={"file_id": derived_id("fil", "never uploaded")})
    with pytest.raises(SQLAlchemyError):
        await prepare(activities, unknown_file)
    assert await stored_quotes(owner_database) == []


async def test_a_worker_prepares_quotes_as_standalone_activities(
    activities: GeometryQuoteActivities, owner_database: Database, storage: ObjectStorage, temporal_client: Client
) -> None:
    requests = [await uploaded(owner_database, storage, quantity=quantity) for quantity in (1, 2, 3)]
    async with Worker(temporal_client, task_queue="geometry-test", activities=[activities.prepare_quote]):
        prepared = await asyncio.gather(
            *[
                temporal_client.execute_activity(
                    activities.prepare_quote,
                    request,
                    id=f"quote/{request.quote_id}",
                    task_queue="geometry-test",
                    schedule_to_close_timeout=timedelta(seconds=30),
                )
                for request in requests
            ]
        )
    assert [quote.status for quote in prepared] == [QuoteStatus.FIRM] * 3
    totals = [quote.total_minor for quote in prepared]
    assert totals == sorted(totals)
    assert len(await stored_quotes(owner_database)) == 3


def test_the_cache_forgets_what_was_used_least_recently() -> None:
    cache = AnalysisCache(capacity=2)
    kept = Analysis(geometry=Geometry(volume_mm3=1, area_mm2=6, size_mm=(1, 1, 1), triangles=12, watertight=True))
    cache.keep("a", kept)
    cache.keep("b", kept)
    assert cache.find("a") is kept
    cache.keep("c", kept)
    assert (cache.find("a"), cache.find("b"), cache.find("c")) == (kept, None, kept)
