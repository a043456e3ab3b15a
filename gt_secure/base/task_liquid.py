"""Liquid with the filters of Ground Truth, and the input of a task. A template is text from
outside: evaluate it only by ``budget.call``.

Ground Truth escapes every value unless ``skip_autoescape`` asks for the value itself, and adds
``grant_read_access``, ``skip_autoescape`` and ``to_json`` (Developer Guide, *Adding automation with
Liquid*). A template cannot include another one. As in all Liquid, a field that is missing renders
as nothing; that Ground Truth does the same is inferred.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial, wraps
from math import prod
from typing import Any

MAX_ITERATIONS, MAX_BYTES = 100_000, 10_000_000
MAX_VALUE, MAX_PRODUCT = 1_000_000, 100_000_000
"""Characters, items or digits of a value that a filter gets, and the product of those of all: a
filter such as ``replace`` or ``join`` makes as much of them.
"""
_S3 = re.compile(r"s3://[^/]+/.+", re.DOTALL)


def task_input(line: Mapping[str, Any], labels: Iterable[str] = ()) -> dict[str, Any]:
    """Return the input of the task for a line of a manifest: its members, and what AWS's own
    functions add to them, as the templates of the Developer Guide name it.

    A header comes from the line alone.
    """
    source = line.get("source-ref", line.get("source"))
    added = {"taskObject": source, "labels": [*labels], "header": "", "manifestLine": line}
    return {**added, **line}


def strings_in(value: object) -> Iterator[str]:
    """Yield the texts in an input, wherever they are in it, in their order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings_in(each)


def labels_in(text: str) -> list[str]:
    """Return the labels of a file of label categories, none if it is not one."""
    try:
        return [each["label"] for each in json.loads(text)["labels"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def environment(grant: Callable[[str], str]) -> Any:
    """Return Ground Truth's Liquid, which escapes."""
    from liquid import Environment, Mode
    from liquid.exceptions import FilterError
    from markupsafe import Markup

    class GroundTruth(Environment):
        loop_iteration_limit = MAX_ITERATIONS
        output_stream_limit = local_namespace_limit = MAX_BYTES

    class InvalidS3Uri(FilterError):
        """Error of ``grant_read_access`` for a value that is not an s3:// URI."""

    def grant_read_access(value: Any) -> str:
        if not isinstance(value, str) or not _S3.fullmatch(value):
            raise InvalidS3Uri("grant_read_access needs an s3:// URI", token=None)
        return grant(str(value))

    result = GroundTruth(autoescape=True, tolerance=Mode.STRICT)
    result.filters |= {
        "grant_read_access": grant_read_access,
        "skip_autoescape": partial(Markup),
        "to_json": partial(json.dumps, default=lambda _: None),
    }
    result.filters = {name: _bounded(each) for name, each in result.filters.items()}
    return result


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that refuses values of which it could make one that is too large."""
    from liquid.exceptions import FilterError

    @wraps(function)  # its attributes ask for the context
    def run(*values: Any, **others: Any) -> Any:
        sizes = [*map(_size, values)]
        if max(sizes, default=0) > MAX_VALUE or prod(sizes) > MAX_PRODUCT:
            raise FilterError("a filter gets values that are too large", token=None)
        return function(*values, **others)

    return run


def _size(value: Any) -> int:
    """Return how many characters, items or digits a value of a template has, at least 1."""
    if isinstance(value, int):
        return value.bit_length() // 3 + 1
    try:
        return len(value) + 1
    except OverflowError:  # a range
        return MAX_VALUE + 1
    except TypeError:  # another number
        return 1


def reason(error: Exception) -> str:
    """Return why a template cannot be rendered, without the types of Python that filters name."""
    from liquid.exceptions import FilterArgumentError, LiquidError, LiquidTypeError

    of_values = isinstance(error, (FilterArgumentError, LiquidTypeError))
    if of_values or not isinstance(error, LiquidError):
        return "a filter or comparison cannot use a value that it gets"
    return str(error.message).partition(", found ")[0]
