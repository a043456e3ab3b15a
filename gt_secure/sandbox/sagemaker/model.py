"""Requests are checked and answers are shaped with botocore's own description of the service.

botocore checks types and required members only; the service also checks enums, patterns, lengths
and ranges.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from typing import Any

from ...base.text import Json


class ApiError(Exception):
    """An error answer: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


validation = functools.partial(ApiError, "ValidationException")
conflict = functools.partial(ApiError, "ConflictException")
in_use = functools.partial(ApiError, "ResourceInUse")
limit = functools.partial(ApiError, "ResourceLimitExceeded")
not_found = functools.partial(ApiError, "ResourceNotFound")

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "structure": ((dict,), "a structure"),
    "map": ((dict,), "a map"),
    "list": ((list,), "a collection"),
    "string": ((str,), "a String"),
    "boolean": ((bool,), "a Boolean"),
    "timestamp": ((int, float), "a Timestamp"),
    "integer": ((int,), "a Integer"),
    "long": ((int,), "a Long"),
}
_GIVEN = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    type(None): "NULL_VALUE",
}


@functools.cache
def service_model() -> Any:
    """Return botocore's description of the SageMaker API."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


def operation_names() -> frozenset[str]:
    """Return the names of all operations of SageMaker."""
    return frozenset(service_model().operation_names)


def check(operation: str, value: Any) -> Json:
    """Return the members that the operation has,
    or raise the error of the service for a request that is not valid.
    """
    shape = service_model().operation_model(operation).input_shape
    if not isinstance(value, dict):
        raise ApiError(
            "SerializationException", "Start of structure or map found where not expected."
        )
    found = list(_violations(shape, value, ""))
    if found:
        plural = "error" if len(found) == 1 else "errors"
        raise validation(f"{len(found)} validation {plural} detected: {'; '.join(found)}")
    return _known(shape, value)


def shape_answer(operation: str, value: Json) -> Json:
    """Return an answer with the members that the API documents."""
    shape = service_model().operation_model(operation).output_shape
    return _known(shape, value) if shape is not None else {}


def _known(shape: Any, value: Json) -> Json:
    return {
        name: _known_value(member, value[name])
        for name, member in shape.members.items()
        if value.get(name) is not None
    }


def _known_value(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        return _known(shape, value)
    if shape.type_name == "list":
        return [_known_value(shape.member, item) for item in value]
    return value


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    _check_type(shape, value, path)
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield (
                    f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must"
                    " not be null"
                )
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _violations(member, value[name], _join(path, name))
    elif shape.type_name == "list":
        yield from _bounds(shape, value, path)
        for index, item in enumerate(value, 1):
            yield from _violations(shape.member, item, f"{path}.{index}.member")
    elif shape.type_name == "map":
        yield from _bounds(shape, value, path)
        for key, item in value.items():
            yield from _violations(shape.key, key, f"{path}.key")
            yield from _violations(shape.value, item, f"{path}.{key}.member")
    elif shape.type_name == "string":
        yield from _string(shape, value, path)
    elif shape.type_name in ("integer", "long"):
        yield from _bounds(shape, value, path, "value")


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _check_type(shape: Any, value: Any, path: str) -> None:
    types, kind = _TYPES.get(shape.type_name, ((int,), f"a {shape.type_name}"))
    if isinstance(value, bool):
        fits, given = bool in types, "TRUE_VALUE" if value else "FALSE_VALUE"
    else:
        fits = isinstance(value, types) and not (
            isinstance(value, float) and not math.isfinite(value)
        )
        given = _GIVEN.get(type(value), "")
    if not fits:
        problem = (
            f"{given} can not be converted to {kind}" if given else f"Unexpected value for {kind}"
        )
        raise ApiError("SerializationException", f"{problem} at '{path}'")


def _fail(value: Any, path: str, rule: str) -> str:
    return f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: Member must {rule}"


def _shown(value: Any) -> str:
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
    return text if len(text) <= 256 else text[:253] + "..."


def _bounds(shape: Any, value: Any, path: str, what: str = "length") -> Iterator[str]:
    number = len(value) if what == "length" else value
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and number < low:
        yield _fail(value, path, f"have {what} greater than or equal to {low}")
    if high is not None and number > high:
        yield _fail(value, path, f"have {what} less than or equal to {high}")


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield _fail(value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")
        return
    yield from _bounds(shape, value, path)
    pattern = shape.metadata.get("pattern")
    # Java names Unicode categories: here each is any text but blanks, and Z is the blanks
    known = re.sub(r"\\p\{([A-Z])\}", lambda at: r"\s" if at[1] == "Z" else r"\S", pattern or "")
    if pattern and not re.fullmatch(known, value):
        yield _fail(value, path, f"satisfy regular expression pattern: {pattern}")
