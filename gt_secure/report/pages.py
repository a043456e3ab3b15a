"""A report as a file: a page, a table, Markdown, SARIF or JSON, by the end of its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePath

from ..base.errors import InvalidInput
from ..base.html import page
from ..base.text import json_text, printable
from .result import AccountReport

_MOST_IN_MARKDOWN = 50
"""GitHub shows 65,536 characters of a comment."""
_MARKUP = re.compile(r"[\\`*\[\]<>#|~@]|://|www\.|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def _markdown(report: AccountReport) -> str:
    """Return the report for an issue, a pull request or a mail."""
    lines = [f"## {_text(report.headline)}", "", _text(report.about)]
    for title, head, rows in report.sections():
        lines += ["", f"### {_text(title)}", ""]
        if not rows:
            lines.append("unknown" if rows is None else "none")
            continue
        table = [head, ["---"] * len(head), *(map(_text, row) for row in rows[:_MOST_IN_MARKDOWN])]
        lines += [f"| {' | '.join(row)} |" for row in table]
        if len(rows) > _MOST_IN_MARKDOWN:
            lines += ["", f"The JSON has {len(rows) - _MOST_IN_MARKDOWN:,} more rows."]
    for note in report.notes:
        lines += ["", _text(note)]
    return "\n".join(lines) + "\n"


def _text(cell: object) -> str:
    """Return a text in which nothing is markup, a link or a mention: as code, if anything could
    be.
    """
    text = printable(cell)
    if not _MARKUP.search(text):
        return text
    quoted = text.replace("`", "'").replace("|", "\\|")
    return f"`{quoted}`"


FORMATS: Mapping[str, Callable[[AccountReport], str]] = {
    ".html": lambda report: page(
        f"Report: {report.subject}", report.about, f'<div class="gts-out">{report.html()}</div>'
    ),
    ".json": lambda report: json_text(report.to_dict(), indent=2) + "\n",
    ".csv": lambda report: report.table.to_csv(),
    ".md": _markdown,
    ".sarif": lambda report: json_text(report.to_sarif(), indent=2) + "\n",
}


def format_of(path: str) -> Callable[[AccountReport], str]:
    """Return what makes a report for a file of this name.

    Raises
    ------
    InvalidInput
        For a name with another end.
    """
    suffix = PurePath(path).suffix.lower()
    if suffix not in FORMATS:
        raise InvalidInput(
            f"'{suffix or path}' is not a form of a report.",
            next_step=f"Name a file that ends in {', '.join(FORMATS)}.",
            field="output",
        )
    return FORMATS[suffix]
