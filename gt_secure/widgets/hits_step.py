"""Step 5: hits by source, opened and refused, from the access log."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from .. import logs as access_logs
from ..account import read_bucket
from ..base import html as markup
from ..base.allowed import Allowed
from ..base.errors import GtSecureError, InvalidInput
from ..base.html import Markup, count
from ..base.text import Json, duration
from ..engine.access.part import PartNotReadError
from ..explain import refusal_decider
from ..logs import plots
from ..logs.activity import DRAWING, READING, ROWS, WRITING, Activity
from . import hits_view as hitsview
from .base import Link, Step, error_markup, field, spoken, text_field
from .hits_view import HitsResult
from .linked_plot import LinkedPlot
from .thread_safe import Html, Widgets, columns, row, set_class, stack

if TYPE_CHECKING:
    from ..account.bucket import Bucket
    from ..connection import Connection
    from ..logs.hits import Hits
    from ..logs.leaks import Leak

_RANGES = (
    ("last hour", "1h"),
    ("last 24 hours", "24h"),
    ("last 7 days", "7d"),
    ("last 30 days", "30d"),
    ("everything", ""),
)
_KINDS = (
    ("by source IP", "ip"),
    ("by network", "network"),
    ("over time", "time"),
    ("by age of the URL", "age"),
    ("refused, by lock", "refused"),
)
_WHICH: tuple[tuple[str, hitsview.Which], ...] = (
    ("presigned, without your own tests", "others"),
    ("presigned only", "presigned"),
    ("all", "all"),
)
_BY_SOURCE = ("ip", "network")
"""Plots that name the lock where it refuses an allowed source."""
_FOUND = "found from the bucket's logging configuration"
FOOT = (
    "Access logs arrive hours late and may miss requests. An empty log is not proof that nobody"
    " opened the object."
)
WAIT_S = 3 * 3600
"""Seconds after which waiting for a delivery ends."""
_ASKING = f"{ROWS}…"
"""Status while the requests of one source are read."""


class HitsStep(Step):
    """Plot the access log of a bucket.

    Parameters
    ----------
    connection : Connection, optional
        From :func:`gt_secure.connect`.
    bucket : str, optional
        The bucket whose log is found from its logging configuration.
    logs : str, optional
        Location of the log, instead: a path, folder or ``s3://`` address.

    Examples
    --------
    >>> step = HitsStep(bucket="gt-images")  # doctest: +SKIP
    >>> step.plot_hits()  # doctest: +SKIP
    """

    shown_as = "hits"
    title = "Requests"

    bucket = traitlets.Unicode("")
    """The bucket whose access log is read."""

    logs = traitlets.Unicode("")
    """Location of the log, if the bucket does not name it."""

    team = traitlets.Unicode(None, allow_none=True)
    """The private workteam whose URL lock counts in today's verdict; None for a bucket alone."""

    allowed = traitlets.Instance(Allowed, ())
    """Allowed sources of the restriction, to mark what lies outside."""

    result = traitlets.Any(None)
    """What was read last: :class:`~gt_secure.widgets.hits_view.HitsResult`,
    with the hits themselves; else None.
    """

    def __init__(
        self, connection: Link | Connection | None = None, *, bucket: str = "", logs: str = ""
    ) -> None:
        self.on_add: Callable[[str], object] | None = None
        self.on_revoke: Callable[[Leak, Hits], object] | None = None
        self.markers: list[str] = []
        self.wait_s = WAIT_S
        self._choice = -1
        self._following = False
        self._drawn: tuple[object, ...] = ()
        super().__init__(connection)
        self.observe(lambda _: self.guard(self._place_changed), "bucket")
        self.observe(lambda _: self.enable(), "logs")
        traitlets.link((self, "logs"), (self.logs_input, "value"))
        self.bucket, self.logs = bucket, logs
        self.enable()

    def build(self) -> Widgets:
        """Make the fields, the plot and what hangs on it."""
        self.range = field(ipywidgets.Dropdown, "Time", options=_RANGES, value="7d")
        self.kind = field(ipywidgets.Dropdown, "Plot", options=_KINDS, value="ip")
        self.which = field(ipywidgets.Dropdown, "Requests", options=_WHICH, value=_WHICH[0][1])
        for each in (self.range, self.kind, self.which):
            each.observe(lambda _: self.guard(self._redraw), "value")
        self.logs_input = text_field(ipywidgets.Text, "Log location", _FOUND)
        self.plot_button = self.button(
            "Plot requests", self.plot_hits, when=lambda: bool(self.bucket or self.logs)
        )
        self.export_kind = field(
            ipywidgets.Dropdown, "Export as", options=["PNG", "SVG", "CSV"], value="PNG"
        )
        self.export_button = self.button(
            "Export", self.export, when=lambda: self.result is not None
        )
        self.wait_button = self.button(
            "Wait for delivery",
            self.wait_for_delivery,
            when=lambda: bool(self.bucket or self.logs),
            tooltip="Looks for new log objects until a request is delivered. Cancel ends it.",
        )
        self.plot = LinkedPlot(self.guard)
        self.plot.observe(lambda _: self.guard(self._show_picked), "picked")
        self.table = Html()
        self.leaks = Html()
        self.add_button = self.button(
            "Add to the allowed addresses", self.add_source, when=self._may_add
        )
        self.revoke_button = self.button(
            "Stop the first leaked URL…",
            self.revoke,
            when=lambda: (
                self.on_revoke is not None
                and self.result is not None
                and self.result.leak is not None
            ),
            tooltip="Shows the change in Review first; nothing is written before you apply.",
        )
        self.revoke_button.add_class("gts-hidden")
        self.rows = Html(classes="gts-rows")
        self.saved = Html()
        self.more = stack(self.rows, self.add_button, self.saved, classes="gts-hidden")
        self.foot = Html(markup.hint(FOOT))
        export = row(self.export_kind, self.export_button, self.wait_button, classes="gts-bottom")
        self.options = stack(columns(self.which, self.logs_input), export, classes="gts-more")
        return [
            columns(self.range, self.kind),
            row(self.plot_button, self.opener("More options", self.options)),
            self.options,
            self.plot,
            self.table,
            self.more,
            self.leaks,
            self.revoke_button,
            self.foot,
        ]

    # actions

    def plot_hits(self) -> None:
        """Read the log and plot it."""
        activity = Activity()
        read = self._reading(cancel=activity.cancel, progress=activity.tell)
        self.run(f"{READING}…", read, self._got, timeout_s=600, activity=activity)

    def wait_for_delivery(self) -> None:
        """Wait until a request is delivered that is not in the log yet, then plot the log."""
        activity, presigned = Activity(), self.which.value != "all"
        before = []

        def is_new(hits: Hits) -> bool:
            rows = len(hits.filter(presigned=True) if presigned else hits)
            before.append(rows)
            return rows > before[0]

        def tell(state: object) -> None:
            if isinstance(state, access_logs.Waiting):
                activity.tell(state)

        read = self._reading(
            wait_for=is_new, wait_s=self.wait_s, cancel=activity.cancel, progress=tell
        )
        self.run(
            f"Waiting for delivery… {access_logs.USUALLY}",
            lambda: (read(), before[-1] > before[0]),
            self._waited,
            timeout_s=self.wait_s + 600,
            hours=True,
            activity=activity,
        )

    def static_form(self) -> dict[str, str]:
        """Return the sources of the last reading, with the plot as a picture."""
        result: HitsResult | None = self.result
        return {} if result is None else hitsview.static_form(self.bucket, result)

    def enable(self) -> None:
        """Bring the parts in line with what is possible now:
        another choice must not drop the reading of the log.
        """
        super().enable()
        self.plot.enable(not self.worker.busy or self._is_asking())
        set_class(self.add_button, "gts-hidden", not self._may_add())

    def _is_asking(self) -> bool:
        """Return whether requests of a source are read, which another choice replaces."""
        return self.worker.busy and self._busy_words == _ASKING

    def cancel(self) -> None:
        """Stop the work under way; the plot shows again what the requests below are of."""
        super().cancel()
        self._restore_choice()

    def show_error(self, error: GtSecureError) -> None:
        """Show an error; the plot shows again what the requests below are of."""
        super().show_error(error)
        self._restore_choice()

    def _restore_choice(self) -> None:
        with self._unfollowed():
            self.plot.picked = self._choice
        self.enable()

    def _reading(
        self, known: tuple[Hits, str] | None = None, **waiting: Any
    ) -> Callable[[], HitsResult]:
        """Return the work that reads the log as the fields ask;
        with ``known`` it counts and draws those again.
        """
        bucket, logs = self.bucket, self.logs.strip()
        if not bucket and not logs:
            raise InvalidInput(
                "No log is chosen.",
                next_step='Choose a bucket in "Allow", or enter a log location.',
                field="bucket",
            )
        since, kind, which = self._controls
        allowed, markers = self.allowed, tuple(self.markers)
        team = self.team

        def work() -> HitsResult:
            gt = self.link.get()
            read = known or (
                gt.hits(bucket or None, logs=logs or None, since=since or None, **waiting),
                since,
            )
            hits = read[0] if since == read[1] else read[0].filter(since=since)
            names_locks = kind == "refused" or (kind in _BY_SOURCE and not allowed.is_empty)
            hits = hits.with_refusals(refusal_decider(gt.aws)) if names_locks else hits
            lock = None if team is None else hitsview.workteam_or_error(gt, team)
            result = hitsview.read_result(hits, kind, allowed, which, markers, lock)
            return replace(result, reading=read)

        self._drawn = self._controls
        return work

    @property
    def _controls(self) -> tuple[str, Any, hitsview.Which]:
        """Time, plot and requests as chosen."""
        return self.range.value, self.kind.value, self.which.value

    def _redraw(self) -> None:
        """Draw again after another choice, from what was read;
        only a longer time is read from the log.
        """
        result: HitsResult | None = self.result
        if self._following or result is None or self._controls == self._drawn:
            return
        times, read = [value for _, value in _RANGES], result.reading
        if read is None or times.index(self.range.value) > times.index(read[1]):
            self.plot_hits()
        else:
            self.run(f"{DRAWING}…", self._reading(read), self._got, timeout_s=600, quiet=True)

    def add_source(self) -> None:
        """Add the chosen source to the allowed addresses."""
        source = self._source()
        if source is not None and self.on_add is not None:
            self.on_add(source["address"])
            self.saved.value = markup.hint(
                f'{source["address"]} was added to "Allow"; nothing is written before you apply.'
            )

    def revoke(self) -> None:
        """Hand the first leaked URL to the review step, which shows how to stop it."""
        result: HitsResult | None = self.result
        if result is None or result.leak is None or self.on_revoke is None:
            raise InvalidInput(
                "No leaked URL is shown.", next_step='Press "Plot requests" first.', field="leak"
            )
        self.on_revoke(result.leak, result.hits)

    def export(self) -> None:
        """Write the plot or the rows into the working directory."""
        result: HitsResult | None = self.result
        if result is None:
            raise InvalidInput(
                "There is nothing to export yet.",
                next_step='Press "Plot requests" first.',
                field="export",
            )
        kind = str(self.export_kind.value).lower()
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", self.bucket or "log")[:60]
        path = Path(f"gt-secure-hits-{name}-{dt.datetime.now():%Y%m%d-%H%M%S}.{kind}").absolute()
        self.run(f"{WRITING}…", lambda: _write(result, kind, path), self._wrote, quiet=True)

    # results

    def _got(self, result: HitsResult) -> None:
        self.result = result
        self.plot_button.description = "Read again"
        with self._unfollowed():
            # offer the plots that have something to show
            chosen = self.kind.value
            kinds = [each for each in _KINDS if each[1] not in result.empty or each[1] == chosen]
            if list(self.kind.options) != kinds:
                self.kind.options, self.kind.value = kinds, chosen
            self.plot.show(spoken(result.plot), result.marks)
        self.table.value = hitsview.sources_table(result.sources)
        here = f"Your browser came from {', '.join(result.browser)}." if result.browser else ""
        tests = f"{count(result.left_out, 'request')} of your own tests are not shown."
        self.leaks.value = markup.join(
            markup.hint(tests) if result.left_out else "",
            result.leaks,
            markup.hint(here) if here else "",
        )
        self.foot.value = result.foot
        self._choice, self.rows.value, self.saved.value = -1, "", ""
        set_class(self.revoke_button, "gts-hidden", not result.leak)
        self.enable()
        self.more.remove_class("gts-hidden")
        kind = "request" if self.which.value == "all" else "presigned request"
        self.set_summary(
            ""
            if result.leaked == 0
            else markup.chip(
                "no" if result.leaked else "warn", hitsview.leaked_words(result.leaked)
            ),
            f"{count(result.total, kind)} from {count(result.addresses, 'address', 'addresses')}"
            if result.total
            else "no hit found",
            result.span,
        )
        self._redraw()  # another choice may have been made meanwhile

    def _waited(self, answer: tuple[HitsResult, bool]) -> None:
        self._got(answer[0])
        if answer[1]:
            self.show_result()
        else:
            self.show_result(
                markup.notice(
                    "plain",
                    f"No new request in {duration(round(self.wait_s))}.",
                    access_logs.USUALLY,
                )
            )

    def _source(self) -> Json | None:
        """Return the source of the bar that is chosen; None where a bar has several."""
        result: HitsResult | None = self.result
        mark = self.plot.mark
        if result is None or mark is None:
            return None
        chosen = (mark.address, mark.endpoint or "")
        return next(
            (each for each in result.sources if (each["address"], each["endpoint"]) == chosen), None
        )

    def _may_add(self) -> bool:
        source = self._source()
        return bool(
            source
            and source["address"]
            and not source["endpoint"]
            and self.on_add
            and source["allowlist"] == "outside"
        )

    @contextlib.contextmanager
    def _unfollowed(self) -> Iterator[None]:
        """Let fields and plot change without a reaction."""
        self._following = True
        try:
            yield
        finally:
            self._following = False

    def _show_picked(self) -> None:
        """Show the requests of the bar that was pressed."""
        if self._following:
            return
        result: HitsResult | None = self.result
        mark, source = self.plot.mark, self._source()
        self.enable()
        self.saved.value = ""
        if result is None or mark is None:
            if self._is_asking():
                self.worker.cancel()
            self._choice, self.rows.value = -1, ""
            return
        bucket, team = self.bucket, self.team

        def ask(key: str, place: str) -> Any:
            exposure = self.link.get().who_can_open(bucket, key, team=team)
            return exposure.at(place, exposure.requests[0])

        def read() -> Markup:
            if source is None:
                return hitsview.rows_of_mark(result.hits, mark)
            chip = hitsview.SIDES.get(str(source["allowlist"]))
            side = markup.chip(*chip) if chip else ""
            return markup.join(side, hitsview.rows_of(result.hits, source, ask))

        self.run(_ASKING, read, self._got_rows, quiet=True)

    def _got_rows(self, shown: Markup) -> None:
        self._choice = self.plot.picked
        self.rows.value = spoken(shown)

    def _wrote(self, path: Path) -> None:
        self.saved.value = spoken(markup.hint(markup.join("Written: ", markup.code(path, 300))))

    def _place_changed(self) -> None:
        bucket = self.bucket
        self.worker.cancel()
        self.result = None
        self.plot_button.description, self.logs_input.placeholder = "Plot requests", _FOUND
        self._choice = -1
        with self._unfollowed():
            self.plot.show("")
        self.table.value = self.leaks.value = self.message.value = ""
        self.set_summary()
        self.foot.value = markup.hint(FOOT)
        for each in (self.more, self.revoke_button):
            each.add_class("gts-hidden")
        self.enable()
        if not bucket or self.logs:
            return
        self.run(
            "Looking for the log…",
            lambda: read_bucket(self.link.get().aws, bucket),
            self._got_place,
            timeout_s=30,
            after_s=0.3,
        )

    def _got_place(self, state: Bucket) -> None:
        target, denied = state.logging.if_read, state.logging.missing
        if denied is not None:
            self.set_summary("The log location cannot be read.")
            self.show_result(
                error_markup(
                    denied.error or PartNotReadError(denied),
                    "warn",
                    "The log location cannot be read. Enter it here.",
                )
            )
            return
        if target is None:
            self.set_summary("The bucket writes no access log.")
            self.show_result(
                markup.notice(
                    "warn",
                    "This bucket writes no server access log.",
                    "Turn it on in the S3 console under Properties, Server access logging; rows"
                    " arrive hours later. CloudTrail data events show the same within minutes.",
                )
            )
            return
        self.show_result()
        self.set_summary()
        self.logs_input.placeholder = f"s3://{target.bucket}/{target.prefix}"


def _write(result: HitsResult, kind: str, path: Path) -> Path:
    if kind == "csv":
        result.hits.to_csv(path)
    elif result.figure is not None and kind == "svg":
        path.write_text(plots.svg(result.figure), encoding="utf-8")
    elif result.figure is not None:
        path.write_bytes(plots.png(result.figure, ground="#ffffff"))
    return path
