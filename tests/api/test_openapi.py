"""The OpenAPI document: version, examples, errors, idempotency."""

from typing import Any

import pytest
from pydantic import SecretStr

from fulfil.api.app import create_app
from fulfil.api.security import WeakSecretError
from fulfil.kit.settings import Settings
from tests.api.world import SECRET


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings(jwt_secret=SecretStr(SECRET))).openapi()


def routes(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


def test_the_document_is_openapi_3_1_and_every_route_explains_itself(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for _, path, described in routes(document):
        assert described["description"], path
        assert described["tags"], path


def test_the_document_is_where_the_readme_says() -> None:
    assert create_app(Settings(jwt_secret=SecretStr(SECRET))).openapi_url == "/api/v1/openapi.json"


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for _, path, described in routes(document):
        for status, answer in described["responses"].items():
            if status.startswith(("4", "5")) and path.startswith("/api"):
                assert list(answer["content"]) == ["application/problem+json"], (path, status)


def test_every_post_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    without = {
        path
        for method, path, described in routes(document)
        if method == "post" and "Idempotency-Key" not in {each["name"] for each in described.get("parameters", [])}
    }
    assert without == {"/api/v1/auth/login", "/api/v1/guests", "/api/v1/webhooks/stripe"}


def test_bodies_refuse_unknown_fields(document: dict[str, Any]) -> None:
    for _, path, described in routes(document):
        content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
        reference = content.get("schema", {}).get("$ref", "")
        if reference:
            schema = document["components"]["schemas"][reference.rpartition("/")[2]]
            assert schema["additionalProperties"] is False, path


def test_a_guessable_signing_secret_stops_the_start() -> None:
    for secret in ("", "secret"):
        with pytest.raises(WeakSecretError, match="FULFIL_JWT_SECRET"):
            create_app(Settings(jwt_secret=SecretStr(secret)))
