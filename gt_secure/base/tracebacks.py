"""Tracebacks without secrets: ``%xmode Verbose`` and ``pytest --showlocals`` show the
variables of every frame.
"""

from __future__ import annotations

import contextlib
import linecache
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from typing import Any

from .mask import redact, redact_data

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def masked_traceback(error: BaseException) -> list[str]:
    """Render a traceback as the running IPython would, in its mode, with the secrets masked."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None:
        chunks = traceback.format_exception(error)
    else:
        chunks = shell.InteractiveTB.structured_traceback(
            type(error), error, error.__traceback__, tb_offset=1
        )
    return [mask_rendered(chunk) for chunk in chunks]


def mask_rendered(text: str) -> str:
    """Mask the secrets in rendered text. Colours could split a secret,
    so text that holds one loses its colours.
    """
    plain = _COLOURS.sub("", text)
    masked = redact(plain)
    return text if masked == plain else masked


def mask_causes(error: BaseException | None, stop: type[BaseException]) -> None:
    """Mask the texts of an exception and of those that led to it, up to one of a class that masks
    itself.

    A traceback shows them above the error that they led to. They belong to other packages, so
    whatever refuses a new text keeps its own.
    """
    seen = set()
    while error is not None and id(error) not in seen and not isinstance(error, stop):
        seen.add(id(error))
        with contextlib.suppress(Exception):
            error.args = tuple(redact_data(error.args))
        for name in ("filename", "filename2", "object", "doc"):
            with contextlib.suppress(Exception):
                value = getattr(error, name, None)
                if isinstance(value, (str, bytes)):
                    setattr(error, name, redact_data(value))
        error = error.__cause__ or error.__context__


def mask_report(report: Any) -> None:
    """Mask the secrets in a report of pytest: traceback, variables of its frames, captured text,
    properties, reason.

    A text that cannot be masked is left out: an error here would end the run, and show the text.
    """
    try:
        report.longrepr = _masked(report.longrepr, set())
        report.sections = [(name, mask_rendered(text)) for name, text in report.sections]
        if getattr(report, "wasxfail", None):
            report.wasxfail = mask_rendered(report.wasxfail)
        if getattr(report, "user_properties", None):
            report.user_properties = mask_properties(report.user_properties)
    except Exception as error:
        said = f"Left out: its secrets could not be masked ({type(error).__name__})."
        path, line = getattr(report, "location", ("", 0, ""))[:2]
        report.longrepr = (
            (path, line, said) if report.outcome == "skipped" else report.longrepr and said
        )
        report.sections = []
        report.user_properties = []
        if getattr(report, "wasxfail", None):
            report.wasxfail = said


def mask_properties(properties: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Mask the secrets in names and values for JUnit XML."""
    return [next(iter(redact_data({name: value}).items())) for name, value in properties]


def mask_warning(warning: Any) -> None:
    """Mask the secrets in a recorded warning: in its text,
    and in the line of source that is shown with it.
    """
    line = (
        linecache.getline(warning.filename, warning.lineno)
        if warning.line is None
        else warning.line
    )
    if (text := mask_rendered(str(warning.message))) != str(warning.message):
        warning.message = Warning(text)
    warning.line = mask_rendered(line)


class MaskedFormatter(logging.Formatter):
    """Masks the secrets in the lines that another formatter writes;
    the records stay as tests see them.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without secrets."""
        return mask_rendered(self._inner.format(record))


def _masked(value: Any, seen: set[int]) -> Any:
    if isinstance(value, str):
        return mask_rendered(value)
    if isinstance(value, (list, tuple)):
        return type(value)([_masked(item, seen) for item in value])
    if type(value).__module__.startswith("_pytest.") and id(value) not in seen:
        seen.add(id(value))
        for name, member in vars(value).items():
            with contextlib.suppress(AttributeError):  # of a frozen class
                object.__setattr__(value, name, _masked(member, seen))
    return value
