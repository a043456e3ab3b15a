"""HTML for notebooks and the panel: the only way into HTML.

Text from outside is hostile. It enters only through :func:`text`, :func:`code`, :func:`cell` and
:func:`pre`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from .text import count as count, printable, truncate

Tone: TypeAlias = Literal["ok", "no", "warn", "plain"]

ICONS: Mapping[Tone, str] = {"ok": "✓", "no": "✕", "warn": "!", "plain": ""}
"""Never colour alone: each tone has its sign."""

_FEW = 4
"""Columns that fit beside each other in most outputs."""

# Joiners that emoji and several scripts need; everything else that is not printable is made
# visible.
_KEPT = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


class Chip(NamedTuple):
    """A word on a quiet colour with a sign."""

    tone: Tone
    words: str


def plain(value: object, most: int = 160) -> str:
    """Text for a place that shows no HTML: control and direction characters made visible,
    cut in the middle.
    """
    return truncate(printable(value, keep=_KEPT), most)


def text(value: object, most: int = 160) -> Markup:
    """Text from anywhere as HTML, isolated so that right-to-left letters do not turn
    what follows around.
    """
    return Markup(f"<bdi>{html.escape(plain(value, most))}</bdi>")


def code(value: object, most: int = 160) -> Markup:
    """An address, id or key in tabular type, read from left to right as paths are,
    whatever letters it begins with.
    """
    return Markup(f'<bdi class="gts-mono" dir="ltr">{html.escape(plain(value, most))}</bdi>')


def chip(tone: Tone, words: object) -> Markup:
    """A status chip: sign and words on a quiet colour."""
    sign = f'<span aria-hidden="true">{ICONS[tone]} </span>' if ICONS[tone] else ""
    short = " gts-short" if len(str(words)) < 28 else ""
    return Markup(f'<span class="gts-chip gts-{tone}{short}">{sign}{text(words, 400)}</span>')


def cell(value: object) -> Markup:
    """Whatever a table holds: markup stays, chips are drawn, the rest is text."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, Chip):
        return chip(value.tone, value.words)
    return text(value, 400)


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str | Markup = "",
    classes: str = "",
) -> Markup:
    """A table with column headers, in a box that scrolls where the page is narrow."""
    labels = [html.escape(_label(name), quote=True) for name in head]
    top = "".join(f'<th scope="col">{cell(name)}</th>' for name in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{cell(value)}</th>'
            if i == 0
            else f'<td data-label="{labels[i]}"><div>{cell(value)}</div></td>'
            for i, value in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    said = f"<caption><b>{cell(caption)}</b></caption>" if caption else ""
    classes += " gts-wide" if len(head) > _FEW else ""
    return Markup(
        '<div class="gts-scroll" tabindex="0" role="group"'
        f' aria-label="{html.escape(_label(caption), quote=True)}"><table class="gts-table'
        f' {classes}">{said}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _label(caption: str | Markup) -> str:
    if isinstance(caption, Markup):
        return (
            plain(
                html.unescape(
                    re.sub(r'<div class="gts-hint">.*?</div>|<[^>]*>', "", caption)
                ).strip()
            )
            or "Table"
        )
    return plain(caption) or "Table"


def notice(tone: Tone, title: object, body: object = "", *, more: Markup | str = "") -> Markup:
    """A sentence that the person should read, with a sign, a bold beginning and, if any, a fold."""
    rest = f" {cell(body)}" if body else ""
    return Markup(
        f'<div class="gts-notice gts-{tone}"><b><span'
        f' aria-hidden="true">{ICONS[tone] or "i"} </span>{cell(title)}</b>{rest}{more}</div>'
    )


def fold(summary: str, body: Markup) -> Markup:
    """Details that open by mouse or keyboard."""
    return Markup(
        f'<details class="gts-fold"><summary class="gts-hint">{text(summary)}</summary>'
        f"{body}</details>"
    )


def pre(data: object) -> Markup:
    """JSON or plain text in a box, lines kept."""
    shown = (
        data
        if isinstance(data, str)
        else json.dumps(data, indent=2, ensure_ascii=False, default=str)
    )
    lines = "\n".join(plain(line, 2000) for line in shown[:20_000].split("\n"))
    return Markup(f'<pre class="gts-pre" tabindex="0">{html.escape(lines)}</pre>')


def hint(*parts: object) -> Markup:
    """Small quiet text; several parts are joined by a middle dot."""
    return Markup(
        '<div class="gts-hint">' + " · ".join(cell(part) for part in parts if part) + "</div>"
    )


def facts(pairs: Iterable[tuple[str, object]]) -> Markup:
    """A list of names and values."""
    rows = "".join(
        f'<dt class="gts-hint">{text(name)}</dt><dd>{cell(value)}</dd>' for name, value in pairs
    )
    return Markup(f'<dl class="gts-facts">{rows}</dl>')


def join(*parts: str) -> Markup:
    """Put fragments after each other."""
    return Markup("".join(parts))


def output(*parts: str) -> str:
    """Return the output of a notebook's cell: fragments with the style that they need,
    which follows the theme.
    """
    body = join(*parts)
    return f'<style>{_style("gts-out", body)}</style><div class="gts-out">{body}</div>'


def style_sheet(root: str = "gts-out") -> str:
    """Return all rules, nested in the class of a box."""
    return _style(root, str(_parts()))


def _style(root: str, body: str) -> str:
    """Return the rules of the words in a body, nested in the class of its box."""
    used = set(re.findall(r"[\w-]+", body))
    rules = [each for names, each in _parts() if not used.isdisjoint(names)]
    style = f".{root}{{{''.join(rules)}}}"
    return style.replace("30rem", "44rem") if "gts-wide" in used else style


@cache
def _parts() -> list[tuple[list[str], str]]:
    """Return the rules of :file:`html.css` without blanks, each part with the names of what needs
    it.
    """
    sheet = " ".join(Path(__file__).with_name("html.css").read_text(encoding="utf-8").split())
    tight = re.sub(r" ?([{};,<]) ?", r"\1", sheet).replace(": ", ":").replace(";}", "}")
    _, *parts = re.split(r" ?/\* ([\w -]+) \*/ ?", tight)
    return [(names.split(), rules) for names, rules in zip(parts[::2], parts[1::2], strict=True)]


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body class="gts-page"><main><h1>{title}</h1><p class="gts-hint">{made}</p>
{body}</main></body></html>
"""


def page(title: str, made: str, body: str) -> str:
    """Return a page that needs no other file and runs no script, also for paper.

    ``made`` is a line below the title; ``body`` is markup.
    """
    own = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return _PAGE.format(
        title=html.escape(plain(title, 400)),
        style=style_sheet("gts-page") + own,
        made=html.escape(plain(made, 600)),
        body=body,
    )
