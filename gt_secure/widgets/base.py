"""Common base of all parts of the panel: the style sheet, a connection made late,
and the frame of one step.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets
import traitlets

from ..base import html as markup
from ..base.errors import AccessDenied, GtSecureError
from ..base.html import Markup
from ..base.wording import Wording
from ..connection import connect
from ..logs.activity import Activity
from ..logs.named_networks import Networks
from .allow_fields import FIELDS
from .background import Action, Worker, as_error, is_testing
from .page_assets import page_parts, shared_parts
from .thread_safe import Html, ThreadSafe, Widgets, make, set_class

if TYPE_CHECKING:
    from ..connection import Connection

T = TypeVar("T")
W = TypeVar("W", bound=ipywidgets.Widget)


CROSSING_S = 1.0
"""How long a press may be on its way while the panel itself opens a step."""

PANEL = Wording(
    {
        "addresses": 'the field "Allowed addresses"',
        "bound_to": 'the field "Bind to address"',
        "endpoints": 'the field "VPC endpoints"',
        "expires_in": 'the list "Lifetime"',
        "guard": 'the list "Bucket guard"',
        "logs": 'the field "Log location"',
        "portal_lock": 'the list "Portal lock"',
        "role_arn": 'the field "Signing role"',
        "since": 'the list "Time"',
        "team": 'the list "Workteam"',
        "url_lock": 'the list "URL lock"',
        "vpcs": 'the field "VPC endpoints"',
        **{each.name: f'the field "{each.label}"' for each in FIELDS},
    }.get,
    values={
        "guard=None": 'Bucket guard: "No change"',
        "guard=True": 'Bucket guard: "On"',
        "portal_lock=None": 'Portal lock: "No change"',
        "portal_lock=True": 'Portal lock: "On"',
        **{f"{each.name}=None": f'"{each.label}" empty' for each in FIELDS},
    },
    calls={"workteams": 'the list "Workteam"'},
    keeps_values=False,
)
"""Words of the panel for arguments and calls:
``the field "VPC endpoints"`` for the library's ``endpoints=``.
"""


class Link:
    """A connection that is made when it is first needed, off the event loop,
    since making it loads boto3.
    """

    def __init__(
        self,
        connection: Connection | None = None,
        *,
        profile: str | None = None,
        region: str | None = None,
    ) -> None:
        self._connection = connection
        self._profile, self._region = profile, region
        self._lock = threading.Lock()

    @property
    def networks(self) -> Networks:
        """Names of networks of the connection; a connection that is made later has none."""
        given = None if self._connection is None else self._connection.networks
        return Networks() if given is None else given

    def get(self) -> Connection:
        """Return the connection; raises what :func:`gt_secure.connect` raises."""
        with self._lock:
            if self._connection is None:
                self._connection = connect(profile=self._profile, region=self._region)
            return self._connection


class Box(ThreadSafe, ipywidgets.VBox):  # type: ignore[misc]
    """A box whose ``repr`` names it and holds no values: notebooks save it beside the widget."""

    shown_as = "part"

    def __repr__(self) -> str:
        return f"<gt_secure {self.shown_as}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if isinstance(bundle, dict):
            bundle["text/plain"] = self.text_form()
        return bundle

    def close(self) -> None:
        """Close this widget and all that it is made of: ipywidgets keeps every open one,
        here and in the browser.
        """
        for widget in parts_of(self):
            if widget is not self:
                ipywidgets.Widget.close(widget)
        super().close()

    def text_form(self) -> str:
        """Return text for places without widgets: the part, and how to do the same without it."""
        return (
            f"gt_secure {self.shown_as}: an interactive widget. Here it is not shown; run the cell"
            " in JupyterLab, or do the same from Python (help(gt_secure)) or the command line"
            " (gt-secure --help)."
        )


def parts_of(root: ipywidgets.Widget) -> Widgets:
    """Return a widget and those that only it holds: as children, layout and style,
    or to show them later.
    """
    shared = {id(each) for each in shared_parts()}
    parts: dict[int, ipywidgets.Widget] = {}
    left: list[object] = [root]
    while left:
        each = left.pop()
        if isinstance(each, Mapping):
            left += each.values()
        elif isinstance(each, list | tuple):
            left += each
        elif (
            isinstance(each, ipywidgets.Widget) and id(each) not in parts and id(each) not in shared
        ):
            parts[id(each)] = each
            left += [*each._trait_values.values(), *vars(each).values()]
    return list(parts.values())


def replace_children(box: ipywidgets.Box, children: Iterable[ipywidgets.Widget]) -> None:
    """Show other widgets in a box, and close those that it has no more."""
    former, box.children = box.children, tuple(children)
    kept = {id(part) for each in box.children for part in parts_of(each)}
    for part in (part for each in former for part in parts_of(each) if id(part) not in kept):
        part.close()


class Step(Box):
    """One step: a heading with a one-line summary that stays, a body that opens and closes, and a
    status line.

    A step can be shown alone; inside a panel the panel numbers it.
    """

    title = "Step"

    opened = traitlets.Bool(True)
    """Return whether the body is shown."""

    failed = traitlets.Any(None)
    """The last error that was shown; else None."""

    def __init__(self, link: Link | Connection | None = None) -> None:
        super().__init__()
        self.link = link if isinstance(link, Link) else Link(link)
        self.worker = Worker(
            on_busy=self._show_busy, on_error=self.show_error, on_progress=self._show_progress
        )
        self._busy_words = ""
        self._quiet = False
        self._left_text = ""
        self._buttons: list[tuple[ipywidgets.Button, Callable[[], bool]]] = []
        self._may_cancel = True
        self._stop: Action | None = None
        self._number = Html(classes="gts-num-box")
        self.toggle = make(ipywidgets.Button, description=self.title, classes="gts-opens")
        self.toggle.add_class("gts-toggle")
        self._led_at = 0.0
        self.toggle.on_click(lambda _: self._toggle())
        self._summary = Html(classes="gts-head-sum")
        self.head = make(
            ipywidgets.HBox, [self._number, self.toggle, self._summary], classes="gts-head"
        )
        self.status = Html(classes="gts-status")
        self.cancel_button = self._pressed("Cancel", self.cancel, "gts-link")
        self.cancel_button.add_class("gts-hidden")
        self._announced = Html(classes="gts-unseen")
        status = [self.status, self._announced, self.cancel_button]
        status_row = make(ipywidgets.HBox, status, classes="gts-status-row")
        self.message = Html()
        self.body = make(
            ipywidgets.VBox, [*self.build(), status_row, self.message], classes="gts-body"
        )
        for name in ("gts", "gts-alone", "gts-step"):
            self.add_class(name)
        self.children = (*page_parts(self), self.head, self.body)
        self.observe(self._show_opened, "opened")
        self.number(None)
        self._show_opened()
        self.set_status("")
        self.set_summary("")
        self.enable()

    # for subclasses

    def build(self) -> Widgets:
        """Make the widgets of the body."""
        return []

    def button(
        self,
        words: str,
        action: Action,
        *,
        when: Callable[[], bool] = lambda: True,
        primary: bool = False,
        link: bool = False,
        tooltip: str = "",
    ) -> ipywidgets.Button:
        """A button with words, usable ``when`` so and while nothing is under way;
        its errors are shown in this step.
        """
        classes = "gts-link" if link else "gts-btn gts-primary" if primary else "gts-btn"
        made = self._pressed(words, action, classes, tooltip)
        self._buttons.append((made, when))
        return made

    def _pressed(
        self, words: str, action: Action, classes: str, tooltip: str = ""
    ) -> ipywidgets.Button:
        """Make a button that can be used at all times, also while the others wait."""
        made = make(ipywidgets.Button, description=words, tooltip=tooltip or None, classes=classes)
        made.on_click(lambda _: self.guard(action))
        return made

    def opener(
        self, words: str, box: ipywidgets.Widget, on_open: Action = lambda: None
    ) -> ipywidgets.Button:
        """A button that shows a part which not everybody needs, and hides it again."""

        def toggle() -> None:
            if "gts-opened" not in made._dom_classes:
                on_open()
            show_part(made, box, "gts-opened" not in made._dom_classes)

        made = self._pressed(words, toggle, "gts-link gts-opens")
        show_part(made, box, False)
        return made

    def enable(self) -> None:
        """Bring the buttons in line with what is possible now."""
        for made, when in self._buttons:
            made.disabled = self.worker.busy or not when()

    def guard(self, action: Action) -> None:
        """Call an action; whatever it raises is shown here, since ipywidgets would only log it."""
        try:
            action()
        except Exception as error:
            self.show_error(as_error(error))
            if is_testing():
                raise

    def run(
        self,
        words: str,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        timeout_s: float = 60.0,
        after_s: float = 0.0,
        stop: Action | None = None,
        hours: bool = False,
        quiet: bool = False,
        activity: Activity | None = None,
    ) -> None:
        """Do slow work off the event loop; the buttons of this step are disabled meanwhile.

        After a second the status line shows the work's own words, if it has any. With ``quiet``, it
        shows nothing before: for work that rarely takes so long. ``stop`` is what Cancel does where
        the work cannot be dropped; ``_may_cancel`` offers it.
        """
        self._busy_words, self._quiet = words, quiet
        self._may_cancel, self._stop = stop is None, stop
        self.message.value = ""
        self.worker.start(
            work, done, timeout_s=timeout_s, after_s=after_s, hours=hours, activity=activity
        )

    def set_summary(self, *parts: object) -> None:
        """Set the line that stays when the step is closed."""
        shown = " · ".join(markup.cell(part) for part in parts if part)
        self._summary.value = f'<div class="gts-summary">{shown}</div>'

    def set_status(self, words: str | Markup, *, busy: bool = False) -> None:
        """Announce something in the status line."""
        shown = (
            f'<div class="{"gts-busy" if busy else "gts-hint"}">{markup.cell(words)}</div>'
            if words
            else ""
        )
        set_class(self.status, "gts-turning", words and busy)
        self.status.value = spoken(shown)
        self._announced.value = ""

    def show_result(self, *parts: Markup | str) -> None:
        """Show a result under the status line, announced to screen readers."""
        shown = "".join(parts)
        self.message.value = spoken(shown) if shown else ""

    def show_error(self, error: GtSecureError) -> None:
        """Show an error in this step: what is wrong, what to do, and the details in a fold."""
        self.set_status("")
        self.message.value = f'<div role="alert">{error_markup(error)}</div>'
        self.failed = error

    def cancel(self) -> None:
        """Stop waiting for the work under way, or stop it where it cannot be dropped."""
        if self._stop is not None and self.worker.busy:
            self._stop()
            return
        self.worker.cancel()
        self.set_status("Cancelled.")

    async def wait_idle(self) -> None:
        """Wait until this step is quiet; raises the error it shows, if any.

        A new result stays in the output of the cell that waits, as text and picture: a notebook
        that runs without a page, as in nbclient, shows no widget.
        """
        await self.worker.wait_idle()
        shown = self.static_form()
        if shown and shown["text/plain"] != self._left_text:
            self._left_text = shown["text/plain"]
            leave_output(shown)

    def static_form(self) -> dict[str, str]:
        """Return the last result by MIME type, for places without widgets;
        empty before there is one.
        """
        return {}

    def text_form(self) -> str:
        """Return the last result as text, or how to get one without widgets."""
        return self.static_form().get("text/plain") or super().text_form()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        return {**self.static_form(), **bundle} if isinstance(bundle, dict) else bundle

    def number(self, value: int | None) -> None:
        """Number the step inside a panel; None for a step shown alone."""
        shown = "" if value is None else f'<div class="gts-num" aria-hidden="true">{value}</div>'
        self._number.value = shown
        set_class(self, "gts-alone", value is None)

    def close(self) -> None:
        """Close the step and drop its work."""
        # Also called on a widget whose making failed half-way.
        if hasattr(self, "worker"):
            self.worker.cancel()
        super().close()

    # looks

    def lead_here(self) -> None:
        """Open this step without a press: a press of its heading that was on its way meant to."""
        self._led_at = time.monotonic()
        self.opened = True

    def _toggle(self) -> None:
        if time.monotonic() - self._led_at > CROSSING_S:
            self.opened = not self.opened

    def _show_opened(self, _: object = None) -> None:
        set_class(self, "gts-open", self.opened)
        set_class(self.body, "gts-shut", not self.opened)
        set_class(self.toggle, "gts-opened", self.opened)
        self.toggle.tooltip = (
            f"{self.title}: open, press to close"
            if self.opened
            else f"{self.title}: closed, press to open"
        )

    def _show_busy(self, busy: bool) -> None:
        quiet = busy and self._quiet
        if quiet:
            self.add_class("gts-quiet")
        self._offer_cancel(busy and not quiet)
        self.set_status("" if quiet or not busy else self._busy_words, busy=busy)
        self.enable()
        if not quiet:
            # last: before, the buttons would look disabled for a moment
            self.remove_class("gts-quiet")

    def _offer_cancel(self, busy: bool) -> None:
        set_class(self.cancel_button, "gts-hidden", not (busy and self._may_cancel))

    def _show_progress(self, activity: Activity) -> None:
        """Show what the work does. Its numbers change all the time:
        only a new step is announced.
        """
        # the step says it itself, as while a change is applied
        if not activity.sentence and not self._quiet:
            return
        self.remove_class("gts-quiet")
        self._offer_cancel(True)
        self.status.add_class("gts-turning")
        self.status.value = (
            f'<div class="gts-busy">{markup.cell(activity.sentence or self._busy_words)}</div>'
        )
        topic = activity.topic or self._busy_words
        is_news = self._quiet or not self._busy_words.startswith(topic)
        self._announced.value = spoken(f"<span>{markup.cell(topic if is_news else '')}</span>")


def leave_output(shown: dict[str, str]) -> None:
    """Show something in the output of the cell that runs; outside of a notebook nothing happens."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        display(shown, raw=True)  # type: ignore[no-untyped-call]


def spoken(shown: str) -> str:
    """Return HTML that screen readers announce when it changes."""
    return f'<div role="status" aria-live="polite">{shown}</div>'


def error_markup(error: GtSecureError, tone: markup.Tone = "no", first: str = "") -> Markup:
    """An error for people: the sentence, the next step,
    and a fold with what an administrator or a report needs.
    """
    error = PANEL.translate(error)
    folds = ""
    details = {k: v for k, v in error.details.items() if k != "policy" and v not in ("", None)}
    if isinstance(error, AccessDenied) and error.policy:
        folds += markup.fold("Policy for the administrator", markup.pre(error.policy))
    if details:
        folds += markup.fold("Details", markup.pre({"error": type(error).__name__, **details}))
    title, rest = (
        (first, f"{error.message} {error.next_step}") if first else (error.message, error.next_step)
    )
    return markup.notice(tone, markup.text(title, 600), markup.text(rest, 900), more=Markup(folds))


def bad(words: str) -> Markup:
    """Return what is wrong with an entry, for the place under its field."""
    return Markup(
        '<div class="gts-hint gts-bad"><span aria-hidden="true">✕</span>'
        f" {markup.text(words, 500)}</div>"
    )


def show_part(button: ipywidgets.Button, box: ipywidgets.Widget, opened: bool) -> None:
    """Show or hide what a button opens, and mark the button."""
    set_class(button, "gts-opened", opened)
    set_class(box, "gts-hidden", not opened)


def field(kind: type[W], label: str, classes: str = "", **values: Any) -> W:
    """Make a widget with its label above it."""
    return make(kind, description=label, classes=f"gts-field {classes}", **values)


def text_field(kind: type[W], label: str, placeholder: str, classes: str = "") -> W:
    """Make a field for addresses, names and the like, whose text is sent when it is complete."""
    return field(
        kind, label, f"gts-mono-in {classes}", placeholder=placeholder, continuous_update=False
    )


def check(
    words: str, value: bool, on_change: Callable[[bool], None], tooltip: str = ""
) -> ipywidgets.Checkbox:
    """A labelled check box."""
    made = make(
        ipywidgets.Checkbox,
        value=value,
        description=words,
        indent=False,
        tooltip=tooltip or None,
        classes="gts-check",
    )
    made.observe(lambda change: on_change(bool(change["new"])), "value")
    return made
