"""Step 4: sign a test URL, fetch it from here and from there, and read why it was answered so.

The URL never enters a trait: the kernel keeps it, the screen shows it masked, and Copy and the
browser's probe get it by custom message, which no notebook saves. The browser keeps neither the URL
nor the object: the URL asks S3 for ``no-store``, the object is loaded past the cache, and the
page's list of loaded resources is cleared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from ..base import html as markup
from ..base.clock import utc_now
from ..base.errors import AccessDenied, InvalidInput
from ..base.html import Markup, output as cell_output
from ..base.network import Source, contains
from ..base.optional import install_command
from ..base.text import Json
from ..presign.sign import SignWith
from .background import Action, in_background, start_thread
from .base import Link, Step, error_markup, field, spoken, text_field
from .probe_view import Tried, browser_answer, place_label, tried_markup, tried_text, try_url
from .thread_safe import Html, ThreadSafe, Widgets, columns, row, stack

if TYPE_CHECKING:
    from ..base.network import IPNetwork, ProbeOrigin
    from ..connection import Connection
    from ..presign import TestUrl

_SIGNERS: tuple[tuple[str, SignWith], ...] = (
    ("a session with the condition of the URL lock", "session"),
    ("my own keys: tests the bucket guard, not the URL lock", "own-keys"),
    ("Ground Truth (RenderUiTemplate): a real URL, but without the URL lock", "ground-truth"),
)
_LIFETIMES = (("1 minute", 60), ("10 minutes", 600), ("1 hour", 3600))
_EVERYWHERE, _ENTERED = "everywhere", "entered"
_OTHER = "Under other locks than those as read"
_OLD = '<div class="gts-old" role="status"><h3 class="gts-h">'
_LOCK_OFF = "The URL lock is off, so a worker's URL is not bound."


class TestUrlStep(Step):
    """Sign a test URL for one object and probe it.

    Parameters
    ----------
    connection : Connection, optional
        From :func:`gt_secure.connect`.
    bucket, key : str, optional
        The object.

    Examples
    --------
    >>> step = TestUrlStep(bucket="gt-images", key="scans/0001.png")  # doctest: +SKIP
    >>> step.sign()  # doctest: +SKIP
    >>> step.probe()  # doctest: +SKIP
    """

    __test__ = False
    shown_as = "test URL"
    title = "Test URL"

    bucket = traitlets.Unicode("")
    """The bucket of the object."""

    prefix = traitlets.Unicode("")
    """Where objects to choose from are listed."""

    key = traitlets.Unicode("")
    """The object."""

    bound_to = traitlets.Unicode("")
    """The source that the URL is bound to, as the URL lock would bind it; empty: not bound."""

    tried = traitlets.Tuple()
    """The answers to the last probe, while they are of the locks as they are."""

    allowed = traitlets.Tuple()
    """Allowed networks: where the URL lock is on, the URL is bound to the first address in them,
    unless a person binds it to another one."""

    policy = traitlets.Unicode(None, allow_none=True)
    """The policy of the bucket, as read; None without a reading."""

    url_lock = traitlets.Any(None)
    """The team's :class:`~gt_secure.engine.policies.url_lock.UrlLock`, as read;
    None without one or a reading.
    """

    def __init__(
        self, connection: Link | Connection | None = None, *, bucket: str = "", key: str = ""
    ) -> None:
        self._url: TestUrl | None = None
        self._shown_keys: dict[str, str] = {}
        self.origins: tuple[ProbeOrigin, ...] = ()
        """Places that a probe can be sent from, once they are read."""
        self._bound_here = ""
        self._keys_of: tuple[str, str] | None = None
        self._cleared = threading.Event()
        self.browser_markers: list[str] = []
        super().__init__(connection)
        self.observe(self._leave_bucket, "bucket")
        self.observe(lambda _: self.guard(self._place_changed), ["bucket", "prefix"])
        locks = ["policy", "url_lock"]
        self.observe(
            lambda at: None if None in (at["old"], at["new"]) else self.outdate(_OTHER), locks
        )
        self.observe(lambda _: self._show_key(), "key")
        self.observe(lambda _: self._bind(), ["allowed", "url_lock"])
        self.key_input.observe(lambda change: self._take_key(change["new"]), "value")
        traitlets.link((self, "bound_to"), (self.bound_input, "value"))
        self.bucket, self.key = bucket, key

    def build(self) -> Widgets:
        """Make the fields, the buttons and the place for answers."""
        self.key_input = text_field(ipywidgets.Combobox, "Object", "key of an object")
        self.lifetime = field(ipywidgets.Dropdown, "Lifetime", options=_LIFETIMES, value=600)
        self.bound_input = text_field(ipywidgets.Combobox, "Bind to address", "not bound")
        self.bound_hint = Html()
        self.role_input = text_field(ipywidgets.Combobox, "Signing role", "my own")
        self.sign_with = field(ipywidgets.Dropdown, "Sign with", options=_SIGNERS, value="session")
        bound = stack(self.bound_input, self.bound_hint)
        options = columns(bound, self.lifetime, self.role_input)
        self.more_box = stack(options, self.sign_with, classes="gts-more")
        self.more_button = self.opener("More options", self.more_box)
        self.sign_button = self.button(
            "Sign test URL", self.sign, when=lambda: bool(self.bucket and self.key)
        )
        self.clear_button = self.button("Clear", self.clear, when=lambda: self._url is not None)
        sign_row = row(self.sign_button, self.clear_button, self.more_button)
        self.url_line = Html()
        self.origin = field(
            ipywidgets.Dropdown, "Probe from", options=[("this kernel", 0)], value=0
        )
        self.probe_button = self.button("Probe", self.probe, when=lambda: self._url is not None)
        self.browser = browser_part(self._reveal, self._browser_answered)
        probe_row = row(self.origin, self.probe_button, self.browser, classes="gts-bottom")
        self.answers = Html()
        return [self.key_input, sign_row, self.more_box, self.url_line, probe_row, self.answers]

    # actions

    def sign(self, *, then: Action = lambda: None) -> None:
        """Sign the URL; a former one is cleared first."""
        self.clear()
        bucket, key = self.bucket, self.key.strip()
        if not bucket or not key:
            raise InvalidInput(
                "No object is chosen.",
                next_step='Choose a bucket in "Allow", and an object here.',
                field="key",
            )
        typed = self.bound_to.strip()
        way: SignWith = self.sign_with.value
        bound = Source.parse(typed.split(" (", 1)[0]) if typed and way == "session" else None
        seconds = None if way == "ground-truth" else int(self.lifetime.value)
        role = self.role_input.value.strip() or None
        self.run(
            "Signing…",
            lambda: self.link.get().sign(
                bucket, key, expires_in=seconds, bound_to=bound, role_arn=role, sign_with=way
            ),
            partial(self._got_url, then=then),
            timeout_s=45,
        )

    def probe(self) -> None:
        """Fetch the URL from the chosen place, or from everywhere."""
        url = self._signed()
        choice = self.origin.value
        places = (
            self.origins
            if choice == _EVERYWHERE
            else self._entered()
            if choice == _ENTERED
            else self.origins[int(choice) : int(choice) + 1]
        )
        self.run(
            "Fetching…",
            lambda: tuple(try_url(self.link.get(), url, place) for place in places or (None,)),
            self._got_tried,
            timeout_s=20 + 15 * len(places),
        )

    def static_form(self) -> dict[str, str]:
        """Return the answers to the last probe; the URL is not in them."""
        if not self.tried:
            return {}
        table = cell_output(tried_markup(self.tried, many_places=len(self.origins) > 1))
        return {"text/plain": tried_text(self.key, self.tried), "text/html": table}

    def outdate(self, why: str) -> None:
        """Show the answers as those of former locks: nothing of them is current any more."""
        shown = self.answers.value
        if shown and not shown.startswith(_OLD):
            self.tried = ()
            self.answers.value = (
                f"{_OLD}{why} {utc_now():%H:%M} UTC. Probe again.</h3>{shown}</div>"
            )

    def clear(self) -> None:
        """Forget the URL, here and in the browser."""
        self._cleared.set()
        if self._url is not None:
            self._url.forget()
            self._url = None
            self.browser.send({"kind": "forget"})
        self.url_line.value = ""
        self.set_summary("No test URL.")
        self.enable()

    def close(self) -> None:
        """Forget the URL and close."""
        if hasattr(self, "answers"):
            # first: a URL that is being signed would come after the others are forgotten
            self.worker.cancel()
            self.clear()
        super().close()

    def enable(self) -> None:
        """Bring the buttons in line, also those in the browser."""
        super().enable()
        self.browser.ready = self._url is not None and not self.worker.busy

    def offer_roles(self, roles: Sequence[str]) -> None:
        """Offer roles to sign with, for example those of the team's labeling jobs."""
        self.role_input.options = tuple(dict.fromkeys(role for role in roles if role))

    # the object: the input shows it without control and direction characters, the trait is the key
    # itself

    def _show_key(self) -> None:
        self.key_input.value = markup.plain(self.key, 1100)
        self.enable()

    def _take_key(self, shown: str) -> None:
        if shown != markup.plain(self.key, 1100):
            self.key = self._shown_keys.get(shown, shown)

    def _bind(self) -> None:
        """Bind the next URL as the URL lock does now: to an allowed address,
        if possible one to probe from.
        """
        lock = self.url_lock
        self.bound_hint.value = markup.hint(_LOCK_OFF) if lock is not None and not lock.on else ""
        if self.bound_to != self._bound_here:
            return  # a person has chosen
        networks = self.allowed if lock is not None and lock.mode == "SourceIp" else ()
        inside = [
            str(each)
            for each in self.origins
            if each.source and not each.source.is_endpoint and _is_in(each, networks)
        ]
        first = [str(network.network_address) for network in networks[:1]]
        self._bound_here = next(iter([*inside, *first]), "")
        self.bound_to = self._bound_here

    def _entered(self) -> Sequence[ProbeOrigin]:
        """Return the places that are allowed, and one that is not; all where none is allowed."""
        inside = [each for each in self.origins if _is_in(each, self.allowed)]
        outside = [each for each in self.origins if each not in inside]
        return [*inside, *outside[:1]] if inside else self.origins

    # results

    def _leave_bucket(self, change: Any) -> None:
        if change["old"]:  # the object, the URL and the answers are of that bucket
            self.worker.cancel()
            self.clear()
            self.key, self.answers.value, self.tried, self._keys_of = "", "", (), None

    def _place_changed(self) -> None:
        self.enable()
        place = (self.bucket, self.prefix)
        if not self.bucket or place == self._keys_of:
            return
        self._keys_of = place

        def work() -> tuple[list[str] | AccessDenied, tuple[ProbeOrigin, ...]]:
            places = self.link.get().probe_origins()
            try:
                return self.link.get().keys(*place), places
            except AccessDenied as denied:
                return denied, places  # a list to choose from is a comfort: a key can be typed

        self.run("Listing objects…", work, self._got_place, timeout_s=30, after_s=0.3)

    def _got_place(self, answer: tuple[list[str] | AccessDenied, tuple[ProbeOrigin, ...]]) -> None:
        listed, self.origins = answer
        keys = [] if isinstance(listed, AccessDenied) else listed
        self._shown_keys = {markup.plain(key, 1100): key for key in keys}
        self.key_input.options = tuple(self._shown_keys)
        if keys and self.key not in keys:
            self.key = next(
                (key for key in keys if key.lower().endswith((".png", ".jpg", ".jpeg"))), keys[0]
            )
        options: list[tuple[str, Any]] = [
            (place_label(place), i) for i, place in enumerate(self.origins)
        ]
        if len(self.origins) > 1:
            options.append((f"all {len(self.origins)} sources", _EVERYWHERE))
            options.append(("your addresses, and one outside", _ENTERED))
        self.origin.options = options
        self.origin.value = options[-1][1]
        self.bound_input.options = tuple(
            str(place) for place in self.origins if place.source is not None
        )
        self._bind()
        if isinstance(listed, AccessDenied):
            self.show_result(
                error_markup(listed, "warn", "The objects cannot be listed; type the key of one.")
            )
        else:
            self.show_result() if keys else self.show_result(
                markup.notice("warn", "No object found there.", "Type the key of one.")
            )
        self.enable()

    def _got_url(self, url: TestUrl, then: Action) -> None:
        self._url = url
        self.answers.value = ""
        self.tried = ()
        self._show_url()
        self.enable()
        if in_background():
            cleared = self._cleared = threading.Event()
            start_thread(lambda: self._count_down(cleared))
        then()

    def _show_url(self) -> None:
        url = self._url
        if url is None:
            return
        left = int(url.seconds_left)
        if left <= 0:
            self.clear()
            self.url_line.value = markup.hint("The test URL has expired and was cleared.")
            return
        bound = (
            f"bound to {url.bound_to}"
            if url.bound_to
            else "not bound: the bucket guard alone decides"
        )
        clock = f"{left // 60}:{left % 60:02d}"
        self.set_summary(
            url.key, f"bound to {url.bound_to}" if url.bound_to else "not bound", f"{clock} left"
        )
        self.url_line.value = markup.join(
            markup.facts(
                [
                    ("URL", markup.code(url.masked, 200)),
                    ("Expires in", Markup(f'<span class="gts-mono">{clock}</span>')),
                    ("Bound", markup.text(bound)),
                    ("Signed by", markup.code(url.signer, 120)),
                ]
            ),
        )

    def _count_down(self, cleared: threading.Event) -> None:
        while not cleared.wait(self._next_look_s()):
            self.worker.call_back(lambda: None if cleared.is_set() else self._show_url())

    def _next_look_s(self) -> float:
        url = self._url
        return 1.0 if url is None or url.seconds_left < 61 else 5.0

    def _got_tried(self, tried: tuple[Tried, ...]) -> None:
        self.tried = tried
        self.answers.value = spoken(tried_markup(tried, many_places=len(self.origins) > 1))

    # the browser

    def _reveal(self) -> str:
        return self._signed().reveal()

    def _signed(self) -> TestUrl:
        if self._url is None:
            raise InvalidInput(
                "There is no test URL.", next_step='Press "Sign test URL" first.', field="url"
            )
        return self._url

    def _browser_answered(self, answer: Json) -> None:
        self.answers.value = f"{spoken(browser_answer(answer))}{self.answers.value}"
        if self._url is not None:
            self.browser_markers.append(self._url.marker)
            self.link.get().journal.test_urls.record_use(self._url.marker)


def _is_in(place: ProbeOrigin, networks: Sequence[IPNetwork]) -> bool:
    """Return whether a place sends from one of some networks."""
    source = place.source
    return bool(source and source.address and contains(networks, source.address))


def browser_part(reveal: Callable[[], str], answered: Callable[[Json], None]) -> Any:
    """The browser part, or the sentence that says what is missing;
    custom messages have no effect there.
    """
    try:
        kind = _kind()
    except ImportError:
        missing = (
            'Copy and "Probe from this browser" need anywidget. Run'
            f' "{install_command("anywidget")}", then '
        )
        return Html(markup.hint(f"{missing}reload this page."))
    return kind(reveal, answered)


@cache
def _kind() -> type:
    import anywidget

    class BrowserPart(ThreadSafe, anywidget.AnyWidget):
        """Buttons that act in the browser; they ask the kernel for the URL when pressed."""

        _esm = (resources.files(__package__) / "browser.js").read_text(encoding="utf-8")

        ready = traitlets.Bool(False).tag(sync=True)
        """Return whether there is a URL to act on."""

        def __init__(self, reveal: Callable[[], str], answered: Callable[[Json], None]) -> None:
            self._reveal, self._answered = reveal, answered
            super().__init__()
            self.on_msg(self._on_message)

        def __repr__(self) -> str:
            return "<gt_secure browser part>"

        def _on_message(self, _: Any, content: Any, __: Any) -> None:
            if not isinstance(content, dict):
                return
            kind = content.get("kind")
            if kind in ("copy", "probe"):
                try:
                    self.send({"kind": "url", "id": content.get("id"), "url": self._reveal()})
                except ValueError as error:
                    self.send({"kind": "error", "id": content.get("id"), "text": str(error)})
            elif kind == "seen":
                self._answered({key: content.get(key) for key in ("image", "status", "code", "ms")})

    return BrowserPart
