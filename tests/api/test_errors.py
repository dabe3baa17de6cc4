"""What a bug answers, and how it is found again."""

import httpx
from fastapi import FastAPI
from structlog.testing import capture_logs

from fulfil.api.errors import install_error_handlers
from fulfil.api.middleware import RequestMiddleware


async def test_a_bug_is_logged_under_the_request_id_that_was_answered() -> None:
    app = FastAPI()
    install_error_handlers(app)
    app.add_middleware(RequestMiddleware)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        with capture_logs() as lines:
            answer = await client.get("/broken")

    (line,) = [line for line in lines if line["event"] == "unhandled error"]
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert line["request_id"] == answer.json()["request_id"]
    assert "RuntimeError" not in answer.text
