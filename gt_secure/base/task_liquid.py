"""Liquid with the filters of Ground Truth. A template is text from outside: evaluate it only by
``budget.call``.

Ground Truth escapes every value unless ``skip_autoescape`` asks for the value itself, and adds
``grant_read_access``, ``skip_autoescape`` and ``to_json`` (Developer Guide, *Adding automation with
Liquid*). A template cannot include another one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

MAX_ITERATIONS, MAX_BYTES = 100_000, 10_000_000
_S3 = re.compile(r"s3://[^/]+/.+", re.DOTALL)


def environment(grant: Callable[[str], str]) -> Any:
    """Return Ground Truth's Liquid: escaping,
    strict about missing fields except in conditions and ``default``.
    """
    from liquid import Environment, FalsyStrictUndefined, Mode
    from liquid.exceptions import FilterArgumentError
    from markupsafe import Markup

    class GroundTruth(Environment):
        loop_iteration_limit = MAX_ITERATIONS
        output_stream_limit = local_namespace_limit = MAX_BYTES

    def grant_read_access(value: Any) -> str:
        if not isinstance(value, str) or not _S3.fullmatch(value):
            raise FilterArgumentError("grant_read_access needs an s3:// URI", token=None)
        return grant(str(value))

    result = GroundTruth(autoescape=True, tolerance=Mode.STRICT, undefined=FalsyStrictUndefined)
    result.filters |= {
        "grant_read_access": grant_read_access,
        "skip_autoescape": Markup,
        "to_json": json.dumps,
    }
    return result
