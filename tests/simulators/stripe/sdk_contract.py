"""What an object must look like, read off the annotations of the official SDK's classes."""

import inspect
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ForwardRef, Literal, Union, cast, get_args, get_origin

from stripe._list_object import ListObject
from stripe._object_classes import get_object_class
from stripe._stripe_object import StripeObject, UntypedStripeObject
from stripe.events._event_classes import get_v2_event_class

SCALARS: dict[object, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    bool: (bool,),
    float: (int, float),
    Decimal: (str,),
}


def violations(entity: Mapping[str, Any]) -> list[str]:
    """What is wrong with an object of Stripe's, as `customer.address.city: …` sentences."""
    kind = str(entity["object"])
    form = get_v2_event_class(str(entity["type"])) if kind == "v2.core.event" else _class_of(kind)
    return [f"{kind}{problem}" for problem in _object(entity, form, "")]


def kinds_within(value: object) -> Iterator[Mapping[str, Any]]:
    """The object and all objects inside it that have a kind of their own."""
    if isinstance(value, dict):
        body = cast("dict[str, Any]", value)
        if (
            "object" in body
            and body["object"] not in ("list", "search_result")
            and not isinstance(body["object"], dict)
        ):
            yield body
        # An account's individual says that it is a person, yet has fewer fields: the account's class checks it.
        for name, inner in body.items():
            yield from kinds_within(inner) if name != "individual" else ()
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from kinds_within(inner)


def _class_of(kind: str) -> type[StripeObject]:
    return get_object_class("V2" if kind.startswith("v2.") else "V1", kind)


def _object(entity: Mapping[str, Any], form: type[StripeObject], path: str) -> Iterator[str]:
    fields = _fields(form)
    for name in entity:
        if name not in fields:
            yield f"{path}.{name}: Stripe has no such field"
    for name, annotation in fields.items():
        if name not in entity:
            if type(None) not in get_args(annotation):
                yield f"{path}.{name}: missing"
        else:
            yield from _value(entity[name], annotation, f"{path}.{name}")


def _fields(form: type[StripeObject]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for base in reversed(form.__mro__):
        if issubclass(base, StripeObject) and base not in (StripeObject, UntypedStripeObject):
            fields |= inspect.get_annotations(base)
    return {name: kind for name, kind in fields.items() if get_origin(kind) is not typing.ClassVar and name[0] != "_"}


def _value(value: object, annotation: Any, path: str) -> Iterator[str]:
    origin = get_origin(annotation)
    if origin is Union:
        yield from _union(value, get_args(annotation), path)
    elif origin is Literal:
        if value not in get_args(annotation):
            yield f"{path}: {value!r} is none of {get_args(annotation)}"
    elif origin is list:
        yield from _items(value, get_args(annotation)[0], path)
    elif origin is ListObject:
        yield from _list(value, path)
    elif isinstance(annotation, ForwardRef):
        yield from _referenced(value, path)
    elif isinstance(origin or annotation, type) and issubclass(origin or annotation, StripeObject):
        yield from _hash(value, origin or annotation, path)
    elif annotation in SCALARS and (not isinstance(value, SCALARS[annotation]) or _confused(value, annotation)):
        yield f"{path}: {value!r} is no {annotation}"


def _items(value: object, annotation: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    for index, item in enumerate(cast("list[object]", value)):
        yield from _value(item, annotation, f"{path}[{index}]")


def _hash(value: object, form: type[StripeObject], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {form.__name__}"
    elif form is not UntypedStripeObject:
        yield from _object(cast("dict[str, Any]", value), form, path)


def _confused(value: object, annotation: Any) -> bool:
    """A bool is an int in Python, not in JSON."""
    return isinstance(value, bool) and annotation is not bool


def _union(value: object, options: tuple[Any, ...], path: str) -> Iterator[str]:
    if value is None:
        if type(None) not in options:
            yield f"{path}: is never null"
        return
    literals = [option for option in options if get_origin(option) is Literal]
    rest = [option for option in options if option is not type(None) and not (literals and option is str)]
    problems = [list(_value(value, option, path)) for option in rest]
    if all(problems):
        yield from min(problems, key=len)


def _list(value: object, path: str) -> Iterator[str]:
    body = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if body.get("object") != "list" or not {"data", "has_more", "url"} <= set(body):
        yield f"{path}: {value!r} is no list object"
    for index, item in enumerate(body.get("data", [])):
        yield from _referenced(item, f"{path}.data[{index}]")


def _referenced(value: object, path: str) -> Iterator[str]:
    if not isinstance(value, dict) or "object" not in value:
        yield f"{path}: {value!r} is no object"
        return
    body = cast("dict[str, Any]", value)
    form = _class_of(str(body["object"]))
    if form is StripeObject:
        yield f"{path}: the SDK knows no {body['object']}"
    yield from _object(body, form, path)
