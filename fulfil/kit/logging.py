"""Logs: one JSON object per line (or colours on a terminal), with the ids of the request or order, and no secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any, TextIO, cast

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
SECRET_NAMES = re.compile(
    r"password|passwd|secret|authorization|cookie|token|api_?key|signature|card_number", re.IGNORECASE
)
SECRET_VALUES = re.compile(
    r"\b(?:sk|rk)_(?:test|live)_\w+"  # Stripe API keys
    r"|\bwhsec_[\w+/=]+"  # webhook secrets
    r"|\bful_(?:test|live)_\w+"  # our own API keys
    r"|\bpi_\w+_secret_\w+"  # client secrets of payment intents
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+"  # JSON web tokens
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user:password in a URL
)
CARD_NUMBER = re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?!\w)")
QUIET = ("httpx", "httpcore", "asyncio", "botocore", "uvicorn.access", "opentelemetry")


def bound(**ids: str) -> AbstractContextManager[None]:
    """Add ids to every line logged inside the block, in this task and the tasks it starts."""
    return structlog.contextvars.bound_contextvars(**ids)


def configure_logging(
    *, service: str, level: str = "INFO", log_format: str = "json", stream: TextIO | None = None
) -> None:
    """Send structlog and the standard library's loggers through one pipeline to `stream` (standard error).

    `log_format` is `json`, `pretty`, or `auto` (pretty on a terminal). Call it once, first thing in a process.
    """
    out = stream or sys.stderr
    pretty = log_format == "pretty" or (log_format == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _name_service(service),
        _add_trace,
    ]
    ending: list[Processor] = (
        [_hide_secrets, structlog.dev.ConsoleRenderer(colors=out.isatty())]
        if pretty
        else [structlog.processors.format_exc_info, _hide_secrets, structlog.processors.JSONRenderer(default=str)]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _flatten_extras],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def hide_secrets(value: object, name: str = "") -> object:
    """`value` without what must not be logged: by its name (`password`), or by its look (`sk_test_…`)."""
    if name and SECRET_NAMES.search(name) and value is not None:
        return HIDDEN
    if isinstance(value, str):
        return CARD_NUMBER.sub(_hide_card, SECRET_VALUES.sub(HIDDEN, value))
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        named = cast("dict[object, object]", value)
        return {key: hide_secrets(item, str(key)) for key, item in named.items()}
    if isinstance(value, (list, tuple)):
        return [hide_secrets(item) for item in cast("list[object]", value)]
    return value


def _hide_card(match: re.Match[str]) -> str:
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return HIDDEN if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else match[0]


def _hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: item if key in {"exc_info", "at"} else hide_secrets(item, key) for key, item in event.items()}


def _name_service(service: str) -> Processor:
    def name_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return name_service


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _flatten_extras(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The SDK's loggers attach a nested dictionary, uvicorn a coloured copy; keep what one searches for."""
    for noise in ("temporal_log", "color_message"):
        event.pop(noise, None)
    for field in ("temporal_workflow", "temporal_activity"):
        details: MutableMapping[str, Any] = event.pop(field, None) or {}
        for key in ("workflow_id", "activity_type", "activity_id", "attempt", "task_queue"):
            if details.get(key):
                event.setdefault(key, details[key])
    return event
