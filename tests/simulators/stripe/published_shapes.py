"""What Stripe publishes of each object: which fields are always there, which may be null, and what they hold.

`published_shapes.json` holds these facts as Stripe's official TypeScript library (23.1.0, API 2026-10-28.endive) states
them, for the objects the simulator serves: a field's name ends in `?` where Stripe may leave it out, and only a field
whose types name `null` is ever null; `/v2` answers null for what is not included. Hashes of payment methods other than
cards are left out, and what is `any` is not judged.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

Shape = Mapping[str, list[Any]]
LIST_FIELDS = {"object", "data", "has_more", "url"}


@cache
def _facts() -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", json.loads(Path(__file__).with_suffix(".json").read_text()))


def deviations(entity: Mapping[str, Any]) -> list[str]:
    """Where an object differs from what Stripe publishes, as `charge.outcome.type: …` sentences."""
    kind = _kind(entity)
    if kind not in _facts()["shapes"]:
        return [f"{kind}: not published"]
    return list(_hash(entity, kind, kind))


def _kind(entity: Mapping[str, Any]) -> str:
    return f"{entity['object']}!deleted" if entity.get("deleted") is True else str(entity["object"])


def _hash(entity: Mapping[str, Any], name: str, path: str) -> Iterator[str]:
    shape = cast("Shape", _facts()["shapes"][name])
    for field in entity:
        if field not in shape and f"{field}?" not in shape:
            yield f"{path}.{field}: Stripe has no such field"
    for field, types in shape.items():
        bare = field.removesuffix("?")
        if bare in entity:
            yield from _value(entity[bare], types, f"{path}.{bare}")
        elif field == bare:
            yield f"{path}.{field}: missing"


def _value(value: object, types: list[Any], path: str) -> Iterator[str]:
    problems = [list(_one(value, kind, path)) for kind in types if kind != "open"]
    if problems and all(problems):
        fitting = [found for found in problems if not found[0].startswith(f"{path}: ")]
        yield from min(fitting, key=len) if fitting else [f"{path}: {value!r} is none of {types}"]


def _one(value: object, kind: Any, path: str) -> Iterator[str]:
    if isinstance(kind, dict):
        yield from _composed(value, cast("dict[str, Any]", kind), path)
    elif kind in _SCALARS:
        if not _SCALARS[kind](value):
            yield f"{path}: {value!r} is no {kind}"
    elif not isinstance(value, dict):
        yield f"{path}: {value!r} is no {kind}"
    else:
        entity = cast("dict[str, Any]", value)
        if not kind.startswith("#") and ("object" not in entity or _kind(entity) != kind):
            yield f"{path}: is no {kind}"
        elif kind not in _facts()["shapes"]:
            yield f"{path}: {kind} is not published here"
        else:
            yield from _hash(entity, kind, path)


def _composed(value: object, kind: dict[str, Any], path: str) -> Iterator[str]:
    if "enum" in kind:
        if value not in _facts()["enums"][kind["enum"]]:
            yield f"{path}: {value!r} is none of {_facts()['enums'][kind['enum']]}"
        return
    (form, inner), body = next(iter(kind.items())), value
    if form == "list":
        if not isinstance(value, dict) or set(cast("dict[str, Any]", value)) != LIST_FIELDS:
            yield f"{path}: {value!r} is no list object"
            return
        body = cast("dict[str, Any]", value)["data"]
    if not isinstance(body, dict if form == "map" else list):
        yield f"{path}: {value!r} is no {form}"
        return
    entries = cast("dict[str, Any]", body).items() if form == "map" else enumerate(cast("list[Any]", body))
    for name, item in entries:
        yield from _value(item, inner, f"{path}[{name}]")


_SCALARS: Mapping[str, Callable[[object], bool]] = {
    "any": lambda _: True,
    "null": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "decimal": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
}
