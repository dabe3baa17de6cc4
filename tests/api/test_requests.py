"""What holds for every request: ids, sizes, media types, problems, metrics."""

import json
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fulfil.models.ids import new_id
from fulfil.models.tables.accounts import AccountRow
from tests.api.running import Api
from tests.api.world import Person, World


async def test_a_request_id_comes_back_and_is_made_up_when_missing_or_odd(api: Api) -> None:
    given = await api.get("/nothing", headers={"X-Request-Id": "abc-1"})
    odd = await api.get("/nothing", headers={"X-Request-Id": "a b\tc" * 50})
    assert given.headers["X-Request-Id"] == given.json()["request_id"] == "abc-1"
    assert odd.json()["request_id"].startswith("req_")


async def test_unknown_paths_and_methods_are_problems(api: Api) -> None:
    unknown = await api.get("/nothing")
    method = await api.request("PATCH", "/orders")
    for response, status, code in ((unknown, 404, "not_found"), (method, 405, "method_not_allowed")):
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert response.headers["content-type"] == "application/problem+json"
        assert set(response.json()) >= {"type", "title", "status", "detail", "code", "request_id", "retryable"}
    assert method.headers["Allow"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 422, "malformed_json"),
        (b'{"email": "\xff"}', 400, "bad_request"),
        (b"[" * 100_000, 400, "bad_request"),
        (b'{"email": ' + b"9" * 5000 + b"}", 400, "bad_request"),
        (b"[]", 422, "parameter_invalid"),
        (b'"x"', 422, "parameter_invalid"),
        (b"null", 422, "parameter_invalid"),
        (b"", 422, "parameter_missing"),
    ],
)
async def test_bodies_that_are_no_json_objects_are_problems(api: Api, content: bytes, status: int, code: str) -> None:
    response = await api.post("/accounts", content=content, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_value_that_can_not_be_is_told_in_words_of_the_api(
    api: Api, supporter: Person, customer: Person
) -> None:
    async def detail(body: dict[str, object]) -> str:
        answer = await api.post(f"/orders/{new_id('ord')}/refunds/preview", supporter, json=body)
        assert answer.status_code == 422
        return str(answer.json()["detail"])

    reason = await detail({"reason": "because"})
    assert reason.startswith("reason: Input should be 'requested_by_customer', ")
    assert "<" not in reason
    assert await detail({"amount": 500}) == "amount: Input should be an object."
    assert await detail({"lines": []}) == "lines has too few items: leave it out, or name some."
    billing = {"name": "Ada", "address_lines": ["Weg 1"], "country": "ZZ"}
    country = await api.request("PUT", "/billing-details", customer, json=billing)
    assert country.json()["detail"].startswith("country: must be a country's ISO 3166-1 code")


async def test_a_body_of_another_type_is_unsupported(api: Api) -> None:
    for media_type in ("text/plain", "application/xml"):
        response = await api.post("/accounts", content=b"<a/>", headers={"Content-Type": media_type})
        assert (response.status_code, response.json()["param"]) == (415, "Content-Type")


async def test_ten_megabytes_of_json_are_refused_before_they_are_read(api: Api, customer: Person) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(160):
            read += 65536
            yield b" " * 65536

    announced = await api.post(
        "/quotes", customer, content=b" " * 10_485_760, headers={"Content-Type": "application/json"}
    )
    streamed = await api.post("/quotes", customer, content=body(), headers={"Content-Type": "application/json"})

    for response in (announced, streamed):
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
        assert response.json()["param"] == "body"
    assert read < 2 * 1024 * 1024


async def test_an_odd_content_length_is_refused(api: Api) -> None:
    response = await api.post("/accounts", content=b"{}", headers={"Content-Length": "many"})
    assert response.status_code == 413


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "ünïcode".encode().decode("latin-1")])
async def test_an_odd_idempotency_key_is_refused(api: Api, world: World, customer: Person, key: str) -> None:
    response = await api.post(
        "/orders",
        customer,
        json={"quote_id": await world.quote(customer)},
        headers={"Idempotency-Key": key.encode("latin-1")},
    )
    assert response.status_code == 422
    assert response.json()["param"].lower() == "idempotency-key"


async def test_a_bug_is_a_500_without_a_trace(api: Api, customer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("fulfil.api.routes.auth.find_account", broken)
    response = await api.get("/me", customer)
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret detail" not in response.text
    assert response.headers["X-Request-Id"] == response.json()["request_id"]


async def test_answers_are_neither_stored_nor_sniffed(api: Api, customer: Person) -> None:
    response = await api.get("/me", customer)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_requests_are_counted_by_route_template(api: Api, customer: Person) -> None:
    for _ in range(3):
        await api.get(f"/orders/{new_id('ord')}", customer)
    metrics = await api.client.get("/metrics")
    samples = {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text)
        for sample in family.samples
        if sample.name == "fulfil_http_requests_total"
    }
    counted = (("method", "GET"), ("route", "/api/v1/orders/{order_id}"), ("status", "404"))
    assert samples[counted] >= 3
    assert not any("ord_" in str(labels) for labels in samples)


async def test_nothing_a_client_sends_reaches_sql_as_code(api: Api, world: World) -> None:
    body = {"email": "x@example.com", "password": "correct horse", "name": "'); DROP TABLE accounts; --"}
    response = await api.post("/accounts", content=json.dumps(body), headers={"Content-Type": "application/json"})
    [row] = await world.rows(AccountRow)
    assert (response.status_code, row.name) == (201, body["name"])
