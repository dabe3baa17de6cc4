"""The JSON bodies of the simulator's own switches."""

import json
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

T = TypeVar("T")


async def read_body(request: Request, form: TypeAdapter[T]) -> T | Response:
    """The body in its form, or the 422 that says what is wrong."""
    try:
        return form.validate_json(await request.body())
    except ValidationError as error:
        return JSONResponse({"error": json.loads(error.json(include_url=False, include_context=False))}, 422)
