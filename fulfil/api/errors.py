"""Errors as RFC 9457 problem details: what is wrong, which field, what to do about it; never a stack trace."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import cast

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

log = structlog.stdlib.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
REQUEST_ID = "X-Request-Id"
# How the validation shows what a literal may be: only the value concerns the client.
ENUM_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")
CODES = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
}


class Problem(BaseModel):
    """The body of every error; `code` is for machines, `detail` for people, `param` names the field."""

    type: str = Field(examples=["urn:fulfil:problem:quote_expired"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["This quote has expired: ask for a new one."])
    code: str = Field(examples=["quote_expired"])
    param: str | None = Field(None, examples=["quote_id"])
    request_id: str = Field(examples=["req_01a1fd64aa6677a18c33bf20b84fe1e2"])
    retryable: bool = Field(examples=[False])
    state: str | None = None
    allowed_actions: list[str] | None = None
    decline_code: str | None = None


class ProblemError(HTTPException):
    """Ends a request with a problem; an `HTTPException`, so that FastAPI lets it pass while it reads a body."""

    def __init__(  # noqa: PLR0913 (a problem has these parts)
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        param: str | None = None,
        state: str | None = None,
        allowed_actions: Sequence[str] | None = None,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
        decline_code: str | None = None,
    ) -> None:
        wait = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        super().__init__(status.value, detail, {**(headers or {}), **wait})
        self.code = code
        self.param = param
        self.state = state
        self.allowed_actions = None if allowed_actions is None else list(allowed_actions)
        self.retryable = retry_after_s is not None
        self.decline_code = decline_code


def not_found(what: str, param: str | None = None) -> ProblemError:
    """There is no such object, or it is somebody else's: the answer is the same."""
    return ProblemError(HTTPStatus.NOT_FOUND, "not_found", f"There is no such {what}: check the id.", param=param)


def invalid(code: str, detail: str, param: str) -> ProblemError:
    """The request is well formed but one field can't be accepted."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, code, detail, param=param)


def conflict(code: str, detail: str, *, state: str, allowed_actions: Sequence[str] = ()) -> ProblemError:
    """The object is in a state that does not allow this; `allowed_actions` are what it does allow the caller."""
    return ProblemError(HTTPStatus.CONFLICT, code, detail, state=state, allowed_actions=allowed_actions)


def forbidden(code: str, detail: str) -> ProblemError:
    """The caller is known and may not."""
    return ProblemError(HTTPStatus.FORBIDDEN, code, detail)


def unauthenticated(code: str, detail: str) -> ProblemError:
    """Nobody known is calling."""
    return ProblemError(HTTPStatus.UNAUTHORIZED, code, detail, headers={"WWW-Authenticate": "Bearer"})


def unavailable(code: str, detail: str, *, retry_after_s: int = 2) -> ProblemError:
    """A dependency is down or slow; nothing is lost by trying again."""
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, code, detail, retry_after_s=retry_after_s)


def problem_response(error: ProblemError, request_id: str) -> Response:
    """The error as an HTTP answer."""
    status = HTTPStatus(error.status_code)
    problem = Problem(
        type=f"urn:fulfil:problem:{error.code}",
        title=status.phrase,
        status=status.value,
        detail=error.detail,
        code=error.code,
        param=error.param,
        request_id=request_id,
        retryable=error.retryable,
        state=error.state,
        allowed_actions=error.allowed_actions,
        decline_code=error.decline_code,
    )
    return Response(problem.model_dump_json(exclude_none=True), status.value, error.headers, media_type=PROBLEM_JSON)


def request_id_of(request: Request) -> str:
    """The id the middleware gave this request."""
    return str(request.scope.get("request_id", ""))


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(ProblemError, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(Exception, _answer_bug)


async def _answer_problem(request: Request, error: Exception) -> Response:
    return problem_response(cast("ProblemError", error), request_id_of(request))


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    raised = cast("HTTPException", error)
    status = HTTPStatus(raised.status_code)
    details = {
        HTTPStatus.NOT_FOUND: f"There is nothing at {request.url.path}: see /docs.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible here: see the Allow header.",
        HTTPStatus.BAD_REQUEST: "The body can't be read: send well-formed JSON in UTF-8.",
    }
    problem = ProblemError(
        status, CODES.get(status, "http_error"), details.get(status, str(raised.detail)), headers=raised.headers
    )
    return problem_response(problem, request_id_of(request))


async def _answer_validation_error(request: Request, error: Exception) -> Response:
    problem = _validation_problem(request, cast("RequestValidationError", error))
    return problem_response(problem, request_id_of(request))


async def _answer_bug(request: Request, error: Exception) -> Response:
    # The middleware that binds the id to every line has ended when this runs.
    log.error("unhandled error", path=request.url.path, request_id=request_id_of(request), exc_info=error)
    problem = ProblemError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something is wrong on our side. Quote the request id to support.",
    )
    response = problem_response(problem, request_id_of(request))
    response.headers[REQUEST_ID] = request_id_of(request)
    return response


def _validation_problem(request: Request, error: RequestValidationError) -> ProblemError:
    errors = cast("Sequence[Mapping[str, object]]", error.errors())
    first = errors[0]
    location = cast("Sequence[str | int]", first["loc"])
    where, *path = location
    kind, message = str(first["type"]), ENUM_MEMBER.sub(r"\1", str(first["msg"]).removeprefix("Value error, "))
    if where == "path":
        return not_found(str(path[0]).removesuffix("_id").replace("_", " "))
    if kind == "json_invalid":
        return ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "malformed_json", "The body is not well-formed JSON.", param="body"
        )
    if where == "body" and not path and kind != "missing":
        media_type = request.headers.get("content-type", "")
        if "json" not in media_type:
            return ProblemError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                f"The body is {media_type or 'of no declared type'}: send Content-Type: application/json.",
                param="Content-Type",
            )
    param = ".".join(str(part) for part in path) or str(where)
    code = {"missing": "parameter_missing", "extra_forbidden": "parameter_unknown"}.get(kind, "parameter_invalid")
    remedies = {
        "missing": f"{param} is missing: send it.",
        "extra_forbidden": f"{param} is not a field of this request: leave it out.",
        "model_attributes_type": f"{param}: Input should be an object.",
        "too_short": f"{param} has too few items: leave it out, or name some.",
    }
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return invalid(code, remedies.get(kind, f"{param}: {message}.") + more, param)
