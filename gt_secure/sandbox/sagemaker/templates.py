"""Worker task templates: fills ``{{ task.input.x | grant_read_access }}`` and the like.

The part of Liquid that image templates need: dotted variables and the filters ``grant_read_access``, ``escape``,
``to_json``, ``default`` and ``skip_autoescape`` (Developer Guide, *Adding automation with Liquid*).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

from .errors import ApiError

_VARIABLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FILTER = re.compile(r"\|(?=(?:[^\"']|\"[^\"]*\"|'[^']*')*$)")
_TAG = re.compile(r"\{%-?\s*(\w+)")
_S3 = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)
Grant = Callable[[str, str], str]


def render(template: str, task: dict[str, Any], grant: Grant) -> tuple[str, list[dict[str, str]]]:
    """Fill a template.

    Parameters
    ----------
    template : str
        The template.
    task : dict
        The task input.
    grant : callable
        Turns bucket and key into a presigned URL.

    Returns
    -------
    (str, list of dict)
        The rendered text (empty when there are errors) and the errors, each with ``Code`` and ``Message``.
    """
    errors = [
        _error("UnsupportedTag", f"The sandbox renders no Liquid tags; found {tag[1]}.")
        for tag in _TAG.finditer(template)
    ]

    def fill(found: re.Match[str]) -> str:
        try:
            return _value(found[1], {"task": {"input": task}}, grant)
        except ApiError as error:
            errors.append(_error(error.code, error.message))
            return ""

    text = _VARIABLE.sub(fill, template)
    return ("", errors) if errors else (text, [])


def _error(code: str, message: str) -> dict[str, str]:
    return {"Code": code, "Message": message}


def _value(expression: str, names: dict[str, Any], grant: Grant) -> str:
    path, *filters = (part.strip() for part in _FILTER.split(expression))
    value: Any = names
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    escaping = True
    for item in filters:
        name, _, argument = (part.strip() for part in item.partition(":"))
        if name == "grant_read_access":
            value = _granted(value, path, grant)
        elif name == "default":
            value = argument.strip("\"'") if value in (None, "") else value
        elif name == "to_json":
            value = json.dumps(value)
        elif name == "skip_autoescape":
            escaping = False
        elif name != "escape":
            raise ApiError("UnknownFilter", f"Liquid filter {name} is not known.")
    if value is None:
        raise ApiError("MissingVariable", f"Required field {path} was missing in the task input.")
    text = value if isinstance(value, str) else json.dumps(value)
    return html.escape(text) if escaping else text


def _granted(value: Any, path: str, grant: Grant) -> str:
    found = _S3.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ApiError("InvalidS3Uri", f"grant_read_access needs an s3:// URI in {path}.")
    return grant(found[1], found[2])
