"""Files of submissions: whose they must be, who may read them from when on, and what pictures them."""

import pytest

from fulfil.kit.clock import utc_now
from fulfil.models.messages.quotes import ReadingOptions
from fulfil.models.tables.deliverables import SubmissionRow
from fulfil.models.tables.quotes import FileAnalysisRow
from fulfil.quoting.analysis import analysis_id
from tests.api.deliveries import Delivery, add_delivery
from tests.api.running import Api
from tests.api.world import Person, World


@pytest.fixture
async def delivery(api: Api, world: World, customer: Person, provider: Person) -> Delivery:
    """Two milestones."""
    return await add_delivery(api, world, customer, provider)


async def test_a_file_is_the_customers_to_read_from_its_submission_on_and_nobody_elses(
    delivery: Delivery, world: World, stranger: Person, rival: Person, supporter: Person
) -> None:
    drafted, submitted = [await world.file(delivery.provider, file_format="pdf") for _ in range(2)]
    people = {
        "customer": delivery.customer,
        "provider": delivery.provider,
        "support": supporter,
        "stranger": stranger,
        "rival": rival,
    }

    async def readers(file_id: str) -> set[str]:
        answers = {name: await delivery.api.get(f"/files/{file_id}", person) for name, person in people.items()}
        return {name for name, answer in answers.items() if answer.status_code == 200}

    assert await readers(drafted) == {"provider", "support"}
    await delivery.draft(file_ids=[drafted])
    assert await readers(drafted) == {"customer", "provider", "support"}
    assert await readers(submitted) == {"provider", "support"}
    await delivery.submit(file_ids=[submitted])
    assert await readers(submitted) == {"customer", "provider", "support"}


async def test_only_files_of_the_submitter_are_submitted_and_each_once(
    delivery: Delivery, world: World, rival: Person
) -> None:
    own, foreign = await world.file(delivery.provider), await world.file(rival)
    answers = [
        await delivery.submit(file_ids=[own, foreign]),
        await delivery.submit(file_ids=[own, own]),
        await delivery.submit(file_ids=["fil_" + "0" * 32] * 51),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (422, "file_not_usable"),
        (422, "file_twice"),
        (422, "parameter_invalid"),
    ]
    assert not await world.rows(SubmissionRow)


async def test_images_and_measured_models_have_a_preview_and_others_a_name_and_size(
    delivery: Delivery, world: World
) -> None:
    image, document = [await world.file(delivery.provider, file_format=kind) for kind in ("png", "pdf")]
    measured, unmeasured = [await world.file(delivery.provider, sha256=sha256 * 64) for sha256 in "12"]
    analysis = analysis_id("1" * 64, ReadingOptions())
    await world.add(
        FileAnalysisRow(
            id=analysis,
            file_sha256="1" * 64,
            analyser_version="1",
            options={},
            analysis={},
            artefacts={"preview_png": "3" * 64},
            calculation_time_ms=1,
            created_at=utc_now(),
        )
    )
    await delivery.submit(file_ids=[document, image, measured, unmeasured])
    [submission] = (await delivery.look())["submissions"]
    assert [(file["id"], file["preview"]) for file in submission["files"]] == [
        (document, None),
        (image, f"/api/v1/files/{image}/content"),
        (measured, f"/api/v1/files/{measured}/preview.png?analysis={analysis}"),
        (unmeasured, None),
    ]
    assert submission["files"][0] == {
        "id": document,
        "name": "bracket.stl",
        "format": "pdf",
        "size_bytes": 684,
        "content": f"/api/v1/files/{document}/content",
        "preview": None,
    }
