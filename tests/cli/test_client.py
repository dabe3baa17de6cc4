"""The client: what it retries, what it refuses, and where a live stream goes on."""

import pytest
from pydantic import BaseModel

from fulfil.cli.client import ApiClient, ProblemError, UnreachableError
from fulfil.cli.exits import CommandError, ExitCode
from tests.cli.scripted import Answer, problem, scripted_api


class Seen(BaseModel):
    """What the scripted API answers."""

    n: int = 0


async def test_a_lost_answer_is_asked_for_again_under_the_same_key() -> None:
    answers = [Answer(0), problem(503, "unavailable"), Answer(201, b'{"n": 7}')]
    async with scripted_api(*answers) as api, ApiClient(api.url, token="secret", patience_s=10) as client:
        seen = await client.post(Seen, "/orders", {"quote_id": "quo_1"}, key="mine")
    assert seen.n == 7
    assert [asked.headers["idempotency-key"] for asked in api.asked] == ["mine"] * 3
    assert {asked.body for asked in api.asked} == {b'{"quote_id":"quo_1"}'}
    assert api.asked[0].headers["authorization"] == "Bearer secret"


async def test_every_post_carries_a_key_of_its_own() -> None:
    async with scripted_api(Answer()) as api, ApiClient(api.url) as client:
        await client.post(Seen, "/orders")
        await client.post(Seen, "/orders")
    first, second = (asked.headers["idempotency-key"] for asked in api.asked)
    assert first != second


async def test_a_refusal_is_not_tried_again_and_says_what_is_possible() -> None:
    refusal = problem(409, "production_started", detail="Too late.", state="started", allowed_actions=["dispute"])
    async with scripted_api(refusal) as api, ApiClient(api.url, patience_s=10) as client:
        with pytest.raises(ProblemError) as refused:
            await client.post(Seen, "/orders/ord_1/cancel")
    assert len(api.asked) == 1
    assert str(refused.value) == "Too late. It is started. Possible now: dispute. [production_started]"
    assert refused.value.exit_code is ExitCode.FAILED


@pytest.mark.parametrize(("status", "code"), [(404, ExitCode.NOT_FOUND), (422, ExitCode.USAGE), (403, ExitCode.FAILED)])
async def test_the_exit_code_tells_what_kind_of_refusal_it_was(status: int, code: ExitCode) -> None:
    async with scripted_api(problem(status, "no")) as api, ApiClient(api.url) as client:
        with pytest.raises(ProblemError) as refused:
            await client.get(Seen, "/orders/ord_1")
    assert refused.value.exit_code is code


async def test_an_answer_that_is_no_problem_document_is_still_told() -> None:
    async with scripted_api(Answer(502, b"<html>bad gateway", "text/html")) as api, ApiClient(api.url) as client:
        with pytest.raises(ProblemError, match="bad gateway"):
            await client.get(Seen, "/me")


async def test_an_answer_of_another_shape_is_an_error_and_not_a_traceback() -> None:
    async with scripted_api(Answer(200, b'{"n": "many"}')) as api, ApiClient(api.url) as client:
        with pytest.raises(CommandError, match="n: "):
            await client.get(Seen, "/me")


async def test_an_api_that_is_away_is_named_with_the_remedy() -> None:
    async with scripted_api(Answer()) as api:
        pass
    async with ApiClient(api.url) as client:
        with pytest.raises(UnreachableError, match="fulfil up"):
            await client.get(Seen, "/me")


async def test_a_stream_goes_on_behind_the_last_event_it_gave() -> None:
    first = b'retry: 1000\n\n: hello\n\nid: 3\ndata: {"n": 3}\n\nid: 5\ndata: {"n": 5}\n\n'
    rest = b'id: 8\ndata: {"n": 8}\n\n'
    stream = "text/event-stream"
    answers = [Answer(200, first, stream, cut=True), Answer(0), Answer(200, rest, stream), Answer(204, b"")]
    async with scripted_api(*answers) as api, ApiClient(api.url, patience_s=10) as client:
        seen = [event.n async for event in client.stream(Seen, "/orders/ord_1/events")]
    assert seen == [3, 5, 8]
    assert [asked.headers.get("last-event-id") for asked in api.asked] == [None, "5", "5", "8"]


async def test_a_refused_stream_is_not_opened_again() -> None:
    async with scripted_api(problem(404, "not_found")) as api, ApiClient(api.url, patience_s=10) as client:
        with pytest.raises(ProblemError):
            await anext(client.stream(Seen, "/orders/ord_1/events"))
    assert len(api.asked) == 1
