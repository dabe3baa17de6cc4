"""Logs: one JSON object a line, ids from the context, never a secret."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from fulfil.kit.logging import HIDDEN, bound, configure_logging, hide_secrets


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    output = io.StringIO()
    configure_logging(service="fulfil-test", stream=output)
    yield output
    root.handlers, root.level = before, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_kinds_of_loggers_write_one_json_object_a_line(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("ours").info("order placed", amount_minor=1299)
    logging.getLogger("theirs").warning("slow query: %s s", 3)
    ours, theirs = lines(stream)
    assert ours["event"] == "order placed"
    assert ours["amount_minor"] == 1299
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("slow query: 3 s", "warning", "theirs")
    assert ours["service"] == theirs["service"] == "fulfil-test"
    assert ours["at"].endswith("Z")


async def test_ids_bound_in_one_task_do_not_show_in_another(stream: io.StringIO) -> None:
    async def request(name: str) -> None:
        with bound(request_id=name):
            await asyncio.sleep(0)
            logging.getLogger("handler").info("handled")

    await asyncio.gather(request("req_1"), request("req_2"))
    logging.getLogger("handler").info("idle")
    assert [line.get("request_id") for line in lines(stream)] == ["req_1", "req_2", None]


def test_an_exception_is_one_line_with_its_trace(stream: io.StringIO) -> None:
    try:
        int("bad mesh, key sk_test_4242abc")
    except ValueError:
        logging.getLogger("worker").exception("failed")
    (line,) = lines(stream)
    assert "bad mesh" in line["exception"]
    assert "sk_test_" not in stream.getvalue()


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_51Habc",
        "rk_test_abcdef",
        "whsec_9f8e7d6c",
        "ful_test_0123456789",
        "pi_3Nabc_secret_XYZ",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjdXNfMSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ",
        "4242424242424242",
        "4242 4242 4242 4242",
        "5555-5555-5555-4444",
        "postgres://owner:hunter2@db",
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(stream: io.StringIO, secret: str) -> None:
    logger = logging.getLogger("leaky")
    logger.info("it is %s.", secret)
    logger.info("nested", extra={"body": {"items": [f"x {secret}"]}})
    assert secret not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert HIDDEN in stream.getvalue()


@pytest.mark.parametrize("name", ["password", "client_secret", "Authorization", "access_token", "api_key", "cookie"])
def test_a_field_named_like_a_secret_is_hidden_whatever_it_holds(name: str) -> None:
    assert hide_secrets({"deep": [{name: "plain"}]}) == {"deep": [{name: HIDDEN}]}


@pytest.mark.parametrize("harmless", ["ord_01a1fd64aa6677a18c33bf20b84fe1e2", "12.99 EUR", "4242424242424241", "a:b@c"])
def test_what_only_resembles_a_secret_stays(harmless: str) -> None:
    assert hide_secrets(harmless) == harmless


@given(
    st.recursive(
        st.text() | st.integers() | st.none() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_can_be_cleaned_and_written_as_json(value: object) -> None:
    json.dumps(hide_secrets(value))


def test_pretty_is_not_json(capsys: pytest.CaptureFixture[str]) -> None:
    output = io.StringIO()
    configure_logging(service="fulfil-test", log_format="pretty", stream=output)
    structlog.stdlib.get_logger("ours").info("hello", password="hunter2")
    structlog.reset_defaults()
    logging.getLogger().handlers = []
    assert "hello" in output.getvalue()
    assert not output.getvalue().startswith("{")
    assert "hunter2" not in output.getvalue()
    assert capsys.readouterr().err == ""
