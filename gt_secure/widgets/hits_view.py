"""Result of a log query, made ready off the event loop: plots, tables, leaks,
and what it does not prove.
"""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..base import html as markup
from ..base.allowed import Allowed
from ..base.columns import lay_out
from ..base.errors import GtSecureError
from ..base.html import Chip, Markup, count
from ..base.text import Json, Texts, printable
from ..check.logs import urls_are_consistent
from ..engine.access.answer import Answer, tone
from ..logs import plots
from .page_assets import page_width_px

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..aws.teams import Workteam
    from ..base.outcome import CheckResult
    from ..connection import Connection
    from ..logs import Hits
    from ..logs.leaks import Leak, Leaks
    from ..logs.named_networks import Networks
    from ..logs.plots import Mark

Ask = Callable[[str, str], Answer]
"""Takes a key and a source, gives the answer to a presigned request from there."""

Which: TypeAlias = Literal["others", "presigned", "all"]

_serial = itertools.count(1)
_IDS = re.compile(r'(\bid="|url\(#|href="#)')
_TOP = 12
_AROUND_PX, _MOST_PX = 98, 1060
"""Room beside a plot in a panel, and its greatest width."""
_WIDTH_IN, _WRAPPED_IN = 5.4, 0.45
"""Width of a plot in a panel beside a notebook, so that its words stay legible,
and room for a note of more lines.
"""


@dataclass(frozen=True)
class HitsResult:
    """A reading of the log, ready to be shown."""

    hits: Hits
    plot: Markup
    sources: tuple[Json, ...]
    leaks: Markup
    leaked: int | None
    """Number of leaked URLs; None where none was found in what was read, and not all was."""
    leak: Leak | None
    total: int
    addresses: int
    span: str
    foot: Markup
    left_out: int = 0
    """Number of requests of own tests that are not shown."""
    figure: Figure | None = field(default=None, repr=False)
    browser: Texts = ()
    marks: tuple[Mark, ...] = ()
    empty: Mapping[Any, str] = field(default_factory=dict)
    """Why a plot would be empty, by its kind."""
    reading: tuple[Hits, str] | None = None
    """All requests that were read, and since when."""


def read_result(
    hits: Hits,
    kind: plots.PlotKind,
    allowed: Allowed,
    which: Which,
    markers: Sequence[str] = (),
    team: Workteam | GtSecureError | None = None,
) -> HitsResult:
    """Count, draw and look for leaks.

    ``which`` leaves out the person's own tests where there are other presigned requests, or all
    that are not presigned; ``markers`` are those of test URLs that the browser has fetched.

    ``team`` has the URL lock that should bind the URLs, or is the error of reading it.
    """
    rows = hits if which == "all" else hits.filter(presigned=True)
    left_out = len(rows.filter(test=True)) if which == "others" else 0
    if left_out == len(rows):
        left_out = 0  # where there is nothing else, the tests are shown
    rows = rows.filter(test=False) if left_out else rows
    light, dark = (_draw(rows, kind, allowed, theme) for theme in ("light", "dark"))
    placed = rows.with_restriction(allowed)
    sources = tuple(placed.count(["remote_ip", "endpoint", "allowlist", "refused"]).to_dicts())
    leaks = hits.leaks()
    unread = team if isinstance(team, GtSecureError) else None
    lock = None if isinstance(team, GtSecureError) else team
    # a panel leaves no record of a check
    consistent = urls_are_consistent.__wrapped__(hits, team=lock)
    coverage = hits.coverage
    plot = both_themes(light, dark)
    span = ""
    if coverage.first_hit and coverage.last_hit:
        span = f"{coverage.first_hit:%d %b %H:%M} to {coverage.last_hit:%d %b %H:%M} UTC"
    return HitsResult(
        hits=rows,
        plot=plot,
        sources=by_source(sources, hits.networks),
        leaks=markup.join(leaks_markup(leaks), consistent_markup(consistent, unread)),
        leaked=leaked_number(leaks),
        leak=next((leak for leak in leaks if leak.kind == "leak" and leak.bucket), None),
        total=sum(int(row["hits"]) for row in sources),
        addresses=len({row["remote_ip"] for row in sources}),
        span=span,
        left_out=left_out,
        foot=foot(coverage),
        figure=light,
        browser=browser_addresses(hits, markers),
        marks=plots.marks_of(light),  # their places are known now that the plot is drawn
        empty=plots.empty_kinds(rows),
    )


def leaked_number(leaks: Leaks) -> int | None:
    """Return how many URLs leaked; None where that is unknown."""
    return leaks.leaked or (None if leaks.unread or leaks.left_out else 0)


def leaked_words(number: int | None) -> str:
    """Return a number of leaked URLs in words."""
    return "leaked URLs unknown" if number is None else f"{count(number, 'URL')} leaked"


def static_form(bucket: str, result: HitsResult) -> dict[str, str]:
    """Return a reading as text and picture, for places without widgets."""
    head = ("source", "endpoint", "not refused", "refused", "side")
    rows = []
    for each in result.sources:
        chip = SIDES.get(str(each["allowlist"]))
        side = "-" if chip is None else chip.words
        rows.append(
            (each["address"] or "-", each["endpoint"] or "-", each["other"], each["refused"], side)
        )
    coverage = result.hits.coverage
    is_known = result.total or not coverage.doubts
    requests = count(result.total, "request") if is_known else "An unknown number of requests"
    said = f"{requests} of {printable(bucket or 'the log')}, {leaked_words(result.leaked)}"
    text = "\n".join(
        (f"{said}. {coverage.summary} {' '.join(coverage.doubts)}".rstrip(), *lay_out(head, rows))
    )
    if result.figure is None:
        return {"text/plain": text}
    return {
        "text/plain": text,
        "image/png": b64encode(plots.png(result.figure, ground="#ffffff")).decode(),
    }


def browser_addresses(hits: Hits, markers: Sequence[str]) -> Texts:
    """From where the person's browser fetched a test URL: its marker is in the log,
    and the kernel names itself.
    """
    if not markers:
        return ()
    rows = (
        hits.filter(test=True)
        .rows(columns=["remote_ip", "request_uri", "user_agent"], limit=5000)
        .to_dicts()
    )
    found = [
        str(row["remote_ip"])
        for row in rows
        if row["remote_ip"]
        and not str(row["user_agent"] or "").startswith("gt_secure")
        and any(marker in str(row["request_uri"] or "") for marker in markers)
    ]
    return tuple(dict.fromkeys(found))


def _draw(
    hits: Hits, kind: plots.PlotKind, allowed: Allowed, theme: Literal["light", "dark"]
) -> Figure:
    figure = plots.draw(hits, kind, allowed=allowed, top=_TOP, theme=theme)
    # as wide as the page, if that is known
    width = max(_WIDTH_IN, min(page_width_px() - _AROUND_PX, _MOST_PX) / 96)
    figure.set_size_inches(width, figure.get_figheight() + _WRAPPED_IN)
    return figure


def both_themes(light: Figure, dark: Figure) -> Markup:
    """Both figures as SVG in the page; the style sheet shows the one that fits the theme."""
    shown = "".join(
        f'<div class="gts-plot-{name}">{own_ids(plots.svg(figure))}</div>'
        for name, figure in (("light", light), ("dark", dark))
    )
    return Markup(
        '<div class="gts-plot gts-scroll" tabindex="0" role="group"'
        f' aria-label="Plot">{shown}</div>'
    )


def own_ids(svg: str) -> str:
    """Give the ids in an SVG a prefix of their own:
    a hidden twin with the same ids would take its patterns away.
    """
    return _IDS.sub(rf"\g<1>gts{next(_serial)}-", svg)


def by_source(rows: Sequence[Json], networks: Networks | None = None) -> tuple[Json, ...]:
    """One entry a source: opened or otherwise answered, and refused; the busiest first."""
    found: dict[tuple[Any, Any], Json] = {}
    for row in rows:
        key = (row["remote_ip"], row["endpoint"])
        one = found.setdefault(
            key,
            {
                "address": row["remote_ip"] or "",
                "endpoint": row["endpoint"] or "",
                "name": "" if networks is None else networks.about(row["remote_ip"]).name,
                "allowlist": "unnamed"
                if row["allowlist"] == "endpoint" and not row["endpoint"]
                else row["allowlist"],
                "other": 0,
                "refused": 0,
            },
        )
        one["refused" if str(row["refused"]).lower() == "true" else "other"] += int(row["hits"])
    return tuple(sorted(found.values(), key=lambda one: -(one["other"] + one["refused"])))


SIDES: dict[str, Chip] = {
    "inside": Chip("ok", "in the list"),
    "outside": Chip("warn", "outside the list"),
    "endpoint": Chip("ok", "allowed endpoint"),
    "unnamed": Chip("warn", "a VPC endpoint that the log does not name"),
    "unknown": Chip("plain", "AWS or no address"),
}


def _source_label(source: Json) -> str:
    return f"{source['address'] or 'no address'}" + (
        f" via {source['endpoint']}" if source["endpoint"] else ""
    )


def named_label(source: Json) -> str:
    """A source in words, after the name of its network."""
    plain = _source_label(source)
    return f"{source['name']} · {plain}" if source.get("name") else plain


def sources_table(sources: Sequence[Json]) -> Markup:
    """Return the table of the busiest sources with their share."""
    total = sum(each["other"] + each["refused"] for each in sources) or 1
    rows = [
        (
            markup.code(named_label(each), 70),
            f"{each['other']:,}",
            f"{each['refused']:,}",
            f"{(each['other'] + each['refused']) / total:.0%}",
            SIDES.get(str(each["allowlist"]), Chip("plain", "")),
        )
        for each in sources[:50]
    ]
    table = markup.table(
        ("Source", "Opened or other", "Refused", "Share", "Allowed?"),
        rows,
        caption="Requests by source",
        classes="gts-numbers gts-sorts",
    )
    more = (
        markup.hint(f"and {len(sources) - 50:,} more sources: export the CSV")
        if len(sources) > 50
        else ""
    )
    return markup.fold("As a table", markup.join(table, more))


def leaks_markup(leaks: Any) -> Markup:
    """Leaked URLs as sentences that name the cause."""
    parts = []
    titles = {
        "leak": "One URL was used from several networks.",
        "person": "Two networks opened one person's URLs.",
        "refused": "One URL was tried from another network and refused.",
    }
    for leak in list(leaks)[:5]:
        title = titles.get(leak.kind, "One URL was looked at by what says it is a link preview.")
        tones: dict[str, markup.Tone] = {"likely": "no", "possible": "warn"}
        tone = tones.get(leak.rank, "warn" if leak.kind == "refused" else "plain")
        parts.append(markup.notice(tone, title, markup.text(leak.sentence, 700)))
    rest = len(leaks) - 5
    parts.append(
        markup.hint(leaks.summary + (f" {rest:,} more are in the export." if rest > 0 else ""))
    )
    return Markup("".join(parts))


def workteam_or_error(gt: Connection, team: str) -> Workteam | GtSecureError:
    """Read a workteam; without the workteam, the log is still shown."""
    try:
        return gt.workteam(team)
    except GtSecureError as error:
        return error


def consistent_markup(result: CheckResult, unread: GtSecureError | None = None) -> Markup:
    """Return whether one address opened each URL: a notice if not, else a line.

    ``unread`` is the error of reading the URL lock.
    """
    if unread is not None:
        rest = markup.hint(markup.text(f"The URL lock was not read: {unread.message}", 400))
        return markup.join(consistent_markup(result), rest)
    if result.passed is False:
        return markup.notice(
            "no", "One URL was opened from several addresses.", markup.text(result.message, 900)
        )
    asked = "Did one address open each URL? " if result.passed is None else ""
    return markup.hint(markup.text(asked + result.message, 600))


def foot(coverage: Any) -> Markup:
    """Return what was read, and what it does not prove: always in sight."""
    limits = coverage.limits()
    said = markup.hint(
        markup.text(f"{coverage.summary} {limits[0]}" if limits else coverage.summary, 600)
    )
    if len(limits) > 1:
        lines = "".join(f"<li>{markup.text(limit, 500)}</li>" for limit in limits[1:])
        said = markup.join(
            said, markup.fold("What this does not prove", Markup(f"<ul>{lines}</ul>"))
        )
    return said


_COLUMNS = ("time", "http_status", "error_code", "operation", "key", "viewer", "user_agent")
_MOST_ROWS = 40


def rows_of(hits: Hits, source: Json, ask: Ask | None = None) -> Markup:
    """The requests of one source, the last ones first, and what today's locks say to it."""
    address = source["address"]
    picked = hits.filter(address=address, endpoint=source["endpoint"] or None) if address else hits
    rows = picked.rows(columns=list(_COLUMNS), limit=5000).to_dicts()
    table = _requests(
        rows, f"Requests from {_source_label(source)}", _STRANGER.get(str(source["allowlist"]))
    )
    today = _today(ask, source, rows) if ask is not None else Markup("")
    return markup.join(today, table)


def rows_of_mark(hits: Hits, mark: Mark) -> Markup:
    """The requests behind one bar of the plot, the last ones first, each with its source."""
    rows = (
        plots.hits_of_mark(hits, mark).rows(columns=["remote_ip", *_COLUMNS], limit=5000).to_dicts()
    )
    return _requests(rows, f"Requests behind {mark.label}", None, sources=True)


def _requests(
    rows: Sequence[Json], caption: str, stranger: bool | None, *, sources: bool = False
) -> Markup:
    shown = [
        (
            markup.code(row["time"], 30),
            *([markup.code(row["remote_ip"] or "none", 50)] if sources else []),
            _status(row["http_status"], stranger),
            markup.text(row["error_code"] or "", 40),
            markup.text(row["operation"] or "", 40),
            markup.code(row["key"] or "", 80),
            markup.text(row["viewer"] or "", 60),
            markup.text(row["user_agent"] or "", 60),
        )
        for row in reversed(rows[-_MOST_ROWS:])
    ]
    head = (
        "Time (UTC)",
        *(["Source"] if sources else []),
        "Status",
        "Error",
        "Operation",
        "Key",
        "Viewer",
        "User agent",
    )
    table = markup.table(head, shown, caption=caption, classes="gts-sorts")
    if len(rows) <= len(shown):
        return table
    return markup.join(
        table, markup.hint(f"{count(len(rows), 'request')}; the last {len(shown)} are shown")
    )


def _today(ask: Ask, source: Json, rows: Sequence[Json]) -> Markup:
    """Return the present answer for the last key from there: a prediction,
    so never an error of this step.
    """
    key = next((str(row["key"]) for row in reversed(rows) if row["key"]), "")
    hidden = source["allowlist"] == "unnamed"  # only CloudTrail names the endpoint
    if not key or not source["address"] or hidden:
        return Markup("")
    try:
        answer = ask(key, _source_label(source))
    except GtSecureError as error:
        return markup.hint(markup.text(f"Today's answer is unknown: {error.message}", 400))
    chip = Chip(tone(answer.answer, None), answer.answer)
    by = f" by the {answer.lock}" if answer.lock else ""
    said = markup.join(
        "Today a presigned URL from there: ", markup.cell(chip), markup.text(by) if by else ""
    )
    return markup.join(markup.hint(said), '<div style="height:8px"></div>')


_STRANGER = {"inside": False, "outside": True}


def _status(status: Any, stranger: bool | None) -> Chip:
    try:
        number = int(status)
    except (TypeError, ValueError):
        return Chip("plain", "none")
    if number < 400 or number in (401, 403):
        mark = tone("opened" if number < 400 else "refused", stranger)
        return Chip(mark, f"{number} as expected" if mark == "ok" else str(number))
    return Chip("warn" if number >= 500 else "plain", str(number))
