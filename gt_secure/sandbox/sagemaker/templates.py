"""Worker task templates: Liquid as Ground Truth renders it, with its filters (Developer Guide, *Adding automation with
Liquid*).

python-liquid renders. Ground Truth escapes every value unless ``skip_autoescape`` says otherwise, and adds
``grant_read_access``, ``skip_autoescape`` and ``to_json``. A template cannot include another one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

_S3 = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)
_MISSING = re.compile(r"'?(.+?)'? is undefined")
MAX_ITERATIONS, MAX_OUTPUT_BYTES = 100_000, 10_000_000
ReadGrant = Callable[[str, str], str]


def render(template: str, task: dict[str, Any], grant: ReadGrant) -> tuple[str, list[dict[str, str]]]:
    """Fill a template."""
    from liquid.exceptions import LiquidError

    try:
        return str(_environment(grant).from_string(template).render(task={"input": task})), []
    except LiquidError as error:
        return "", [_error(error)]
    except RecursionError:
        return "", [{"Code": "TemplateTooDeep", "Message": "The template is nested too deeply."}]


def _environment(grant: ReadGrant) -> Any:
    """Return Ground Truth's Liquid: escaping, strict about missing fields except in conditions and ``default``."""
    from liquid import Environment, FalsyStrictUndefined, Mode

    class GroundTruth(Environment):
        loop_iteration_limit = MAX_ITERATIONS
        output_stream_limit = MAX_OUTPUT_BYTES

    environment = GroundTruth(autoescape=True, tolerance=Mode.STRICT, undefined=FalsyStrictUndefined)
    environment.add_filter("grant_read_access", partial(_granted, grant))
    environment.add_filter("skip_autoescape", _unescaped)
    environment.add_filter("to_json", _json)
    return environment


def _granted(grant: ReadGrant, value: Any) -> str:
    from liquid.exceptions import FilterArgumentError

    found = _S3.fullmatch(str(value)) if isinstance(value, str) else None
    if found is None:
        raise FilterArgumentError("grant_read_access needs an s3:// URI", token=None)
    return grant(found[1], found[2])


def _unescaped(value: Any) -> Any:
    from markupsafe import Markup

    return Markup(value)  # noqa: S704 - the template asks for it, as on AWS


def _json(value: Any) -> str:
    return json.dumps(value)


def _error(error: Any) -> dict[str, str]:
    """Return an error in the form of RenderUiTemplate."""
    from liquid import exceptions

    message = str(error).split("\n")[0]
    if isinstance(error, exceptions.UndefinedError) and (found := _MISSING.fullmatch(message)):
        message = f"Required field {found[1]} was missing in the task input."
    codes = {
        exceptions.UndefinedError: "MissingVariable",
        exceptions.UnknownFilterError: "UnknownFilter",
        exceptions.FilterArgumentError: "InvalidS3Uri",
        exceptions.LiquidSyntaxError: "TemplateSyntaxError",
    }
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), "TemplateError")
    if message.startswith("unexpected tag"):
        code = "UnsupportedTag"
    return {"Code": code, "Message": message}
