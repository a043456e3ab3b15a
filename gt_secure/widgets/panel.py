"""The panel: the three locks on top and the five steps in one column, wired to each other."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from ..account import access_under, read_bucket
from ..aws.teams import buckets_of, folder_of, team_reference
from ..base import html as markup
from ..base.allowed import Allowed
from ..base.clock import utc_now
from ..base.errors import AccessDenied, Conflict, CredentialsError, GtSecureError, InvalidInput
from ..base.text import Json
from ..changes.transaction import WATCHERS
from ..check.ledger import kernel_shell
from ..connection import connection_of
from ..doctor import examine
from ..engine.access.locks import READ_POLICY
from ..engine.policies.bucket_policy import guard_around
from . import role_summary as roleline
from .allow_editor import NOBODY, AllowEditor
from .background import Action, Worker, in_background
from .base import Box, Link, Step, show_part
from .hits_step import HitsStep
from .lock_cards import (
    LocksView,
    headline,
    last_changes,
    lock_states,
    locks_markup,
    worth_reading,
)
from .page_assets import page_parts
from .review_step import ReviewStep
from .team_picker import BUCKET_ONLY, TeamDetails, TeamPicker
from .thread_safe import Html, make, set_class
from .url_step import TestUrlStep

if TYPE_CHECKING:
    from ..aws.teams import TeamLike, Workteam
    from ..connection import Connection, ConnectionLike
    from ..doctor import Diagnosis
    from ..engine.access.locks import EffectiveLocks
    from ..engine.policies.url_lock import UrlLock
    from ..logs.hits import Hits
    from ..logs.leaks import Leak
    from ..restriction.model import Restriction

OLD_S = 90.0
"""Seconds after which nothing good is said of a reading any more."""
_NOT_READ: Json = {
    "access": None, "guard": None, "guard_known": False, "guard_refused": False, "read_at": None,
    "revocations": (), "guards": (),
}  # fmt: skip
_WATCHED = frozenset({"bucket.policy"})
"""What a look reads of the bucket."""
_LOST = (CredentialsError, Conflict)
"""Errors of any call after which what was read before says nothing of now."""
_QUIET_S = 1.0
"""The role is looked at when the choices have been quiet for so long."""


class Panel(Box):
    """The whole job in one widget. Use :func:`panel`.

    Attributes
    ----------
    picker, allow, review, test, hits : Step
        The five steps.
    """

    shown_as = "panel"

    locks = traitlets.Dict()
    """State of the locks: ``team``, ``bucket``, ``locks`` with ``name``, ``tone``, ``words``,
    and what is entered.
    """

    diagnosis = traitlets.Any(None)
    """What this role can use: the :class:`~gt_secure.doctor.Diagnosis` of the first line,
    once it is made.
    """

    def __init__(
        self,
        connection: Connection | Link | None = None,
        *,
        team: TeamLike | None = None,
        bucket: str | None = None,
        prefix: str = "",
        addresses: Iterable[str] = (),
        endpoints: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.link = connection if isinstance(connection, Link) else Link(connection)
        self._view = LocksView()
        self._who = self._denied = ""
        self._worker = Worker(on_error=self._not_read)
        self._clock = Worker(on_error=lambda _: None)
        self._identity = Worker(on_error=lambda error: self._got_identity(error.message))
        self._doctor = Worker(on_error=self._no_diagnosis)
        # The history is often not readable, and no lock depends on it.
        self._historian = Worker(on_error=lambda _: self._draw_top(changes={}))
        wanted = team_reference(team) if team is not None else BUCKET_ONLY if bucket else None
        self._is_given, self._is_wired = wanted is not None, False
        # first: the teams are read while the rest is made
        self.picker = TeamPicker(self.link, value=wanted)
        self.heading = Html()
        self.role = Html()
        self.trouble = Html(classes="gts-trouble")
        self.top = Html(classes="gts-top gts-hidden")
        self.top_button = make(
            ipywidgets.Button, description="How it is decided", classes="gts-link gts-opens"
        )
        self.top_button.on_click(
            lambda _: self._show_top(opened="gts-opened" not in self.top_button._dom_classes)
        )
        self._reasons: frozenset[str] = frozenset()
        self.allow = AllowEditor(
            self.link, addresses=addresses, endpoints=endpoints, prefix=prefix, bucket=bucket or ""
        )
        self.review = ReviewStep(self.link)
        self.test = TestUrlStep(self.link)
        self.hits = HitsStep(self.link)
        self.steps = (self.picker, self.allow, self.review, self.test, self.hits)
        for number, step in enumerate(self.steps, 1):
            step.number(number)
            step.opened = number == 1
        _move(self.allow.place, self.allow.body, self.picker.place)
        self.footer = make(ipywidgets.VBox, classes="gts-footer")
        _move(self.review.undo_box, self.review.body, self.footer)
        head = make(ipywidgets.HBox, [self.heading, self.top_button], classes="gts-first")
        parts = [head, self.trouble, self.role, self.top, *self.steps, self.footer]
        region = make(ipywidgets.VBox, parts, classes="gts-panel")
        self.add_class("gts")
        self.children = (*page_parts(self), region)
        self.picker.on_bucket_only = self.allow.bucket_input.focus
        self.hits.on_add = self.allow.add_address
        self.allow.my_addresses = self._my_addresses
        self.hits.on_revoke = self._revoke
        self.allow.on_review = partial(self._go, self.review)
        self.review.on_keep = self.allow.admit
        self.review.on_test = partial(
            self._go, self.test, partial(self.test.sign, then=self.test.probe)
        )
        self.review.on_hits = partial(self._go, self.hits, self.hits.plot_hits)
        # one list: the log tells from where the browser came
        self.hits.markers = self.test.browser_markers
        self._wire()
        WATCHERS.add(self)
        self._draw_top()
        # The teams come first: nothing else can be chosen before them.
        self._identity.start(self._read_identity, self._got_identity, timeout_s=30, after_s=0.4)
        self.allow.find_endpoints(after_s=0.8)
        self._place_changed()
        self._team_changed()
        self._details_changed()
        if wanted is None or wanted == BUCKET_ONLY:
            self._allow_changed()
        self._is_wired = True
        self._go_on()

    def _revoke(self, leak: Leak, hits: Hits) -> None:
        self.review.review(
            # a log may be of many buckets: only a URL of the one on screen is stopped
            lambda: self.link.get().revoke(leak, bucket=self.allow.bucket, logs=hits),
            "Planning how to stop the URL…",
        )

    def _my_addresses(self) -> Iterator[tuple[str, str]]:
        """Yield the addresses of this browser or place, with what showed each;
        nothing is guessed.
        """
        for address in () if self.hits.result is None else self.hits.result.browser:
            yield address, "This browser fetched a test URL from there, says the access log."
        for place in self.test.origins:
            if place.source is not None and place.source.address is not None:
                yield str(place.source), f"The sandbox can send from there: {place.label}."

    def _go(self, step: Step, action: Action = lambda: None) -> None:
        step.lead_here()
        step.guard(action)

    def _fold(self, opened: Step) -> None:
        """Close the other steps: one is open."""
        for step in self.steps:
            if step is not opened and opened.opened:
                step.opened = False

    def _go_on(self) -> None:
        """Go on once it is known what is protected: to the addresses, or where they were given to
        the review. The keyboard goes on there where a person has chosen.
        """
        known = self.picker.team is not None or self.picker.value == BUCKET_ONLY
        if not (known and self._is_wired and self.picker.opened and self.allow.bucket):
            return
        if self._is_given and self.review.restriction is not None and self.allow.addresses:
            self._go(self.review)
        else:
            focus = self.allow.address_input.input.focus
            self._go(self.allow, *([] if self._is_given else [focus]))
        self._is_given = False

    def _wire(self) -> None:
        self.picker.observe(lambda _: self._team_changed(), ["team", "value", "answers"])
        self.picker.observe(lambda _: self._examine_later(), ["team", "answers"])
        for step in self.steps:
            step.observe(lambda change: self._failed(change["owner"], change["new"]), "failed")
            step.observe(lambda change: self._fold(change["owner"]), "opened")
        self.picker.observe(lambda _: self._forget_changes(), "team")
        self.picker.observe(lambda _: self._details_changed(), "details")
        self.allow.observe(lambda _: self._allow_changed(), "revision")
        self.allow.observe(lambda _: self._place_changed(), ["bucket", "prefix"])
        self.allow.observe(lambda _: self._examine_later(), ["bucket", "prefix"])
        self.allow.observe(lambda _: self._forget_changes(), "bucket")
        self.allow.observe(lambda _: self.review.forget(), ["team", "bucket"])
        self.picker.observe(self._choice_changed, "value")
        self.picker.refresh_button.on_click(lambda _: self._read_again())
        self.test.role_input.observe(lambda _: self._examine_later(), "value")
        self.review.observe(lambda _: self._plan_changed(), "plan")
        self.review.observe(lambda _: self._applied(), "applied")
        self.hits.observe(lambda _: self._hits_read(), "result")
        self.test.observe(lambda _: self._show_steps(), "tried")

    async def wait_idle(self) -> None:
        """Wait until no step works any more; raises the error that a step shows."""
        for step in self.steps:
            await step.wait_idle()
        await self._worker.wait_idle()
        for step in self.steps:
            await step.wait_idle()

    def close(self) -> None:
        """Close all steps; a test URL is forgotten."""
        if hasattr(self, "steps"):
            for worker in (
                self._worker,
                self._clock,
                self._identity,
                self._doctor,
                self._historian,
            ):
                worker.cancel()
            for step in self.steps:
                step.close()
        super().close()

    def text_form(self) -> str:
        """Return the team, the bucket and the locks as text, for places without widgets."""
        chosen = (
            self.picker.value or "no workteam",
            f"bucket {self.allow.bucket}" if self.allow.bucket else "",
        )
        states = [f"{each['name']}: {each['words']}" for each in self.locks["locks"]]
        results = [text for step in self.steps if (text := step.static_form().get("text/plain"))]
        first = f"{'. '.join([', '.join(filter(None, chosen)), *states])}. {super().text_form()}"
        return "\n\n".join((first, *results))

    # reactions

    def _team_changed(self) -> None:
        if self.picker.read_at is not None:
            self.trouble.value = ""
        team = self.picker.team
        self.allow.team = (
            None if team is None else team.name if team.kind == "private" else team.arn
        )
        self.hits.team = _private_name(team)
        self.test.url_lock = (
            team.url_lock if team is not None and self.picker.read_at is not None else None
        )
        self._draw_top(
            team=team,
            teams=self.picker.teams,
            teams_at=self.picker.read_at,
            no_private_team=self.picker.no_private_team,
        )
        self._go_on()

    def _choice_changed(self, change: Json) -> None:
        if change["old"] is not None:  # a prefix was for what was chosen before
            self.allow.prefix = ""

    def _details_changed(self) -> None:
        details: TeamDetails | None = self.picker.details
        known = details is not None and not any(
            "workforce" in str(error) for error in details.unseen
        )
        workforce = details.workforce if details else None
        self.allow.show_portals(two=workforce is not None and workforce.in_vpc)
        if details is not None:
            buckets = sorted(
                buckets_of(uri for job in details.jobs for uri in (job.input_uri, job.output_uri))
            )
            self.allow.offer_buckets(buckets)
            self.test.offer_roles([job.role_arn for job in details.jobs])
            if not self.allow.bucket and len(buckets) == 1:
                self.allow.bucket = buckets[0]
        self._draw_top(workforce=workforce, workforce_known=known)

    def _allow_changed(self) -> None:
        asked = self.allow.team or self.allow.bucket or self.allow.addresses or self.allow.endpoints
        restriction, problem = self._wish() if asked else (None, None)
        allowed = Allowed() if restriction is None else restriction.allowed
        self.hits.allowed, self.test.allowed = allowed, allowed.networks
        self._draw_role()
        set_class(self.allow.next, "gts-hidden", restriction is None)
        if restriction is not None:
            self.review.restriction = restriction
        elif problem is not None and problem.message == NOBODY:
            self.review.clear(problem.next_step)
        elif problem is not None:
            self.review.clear('Not ready: see what to correct in "Allow".', problem)
        else:
            self.review.clear("Choose a workteam or a bucket first.")
        self._draw_top()

    def _plan_changed(self) -> None:
        plan = self.review.plan
        if plan is not None and plan.restriction.managed:
            self.hits.allowed = plan.restriction.allowed
        self._draw_top(plan=plan)
        if plan is not None and plan.state.bucket is not None:
            self._got_locks(plan.before.locks)  # read later than what is shown

    def _wish(self) -> tuple[Restriction | None, InvalidInput | None]:
        try:
            return self.allow.restriction(), None
        except InvalidInput as error:
            return None, error

    def _place_changed(self) -> None:
        bucket = self.allow.bucket
        self.allow.show_result()  # an error was of what was chosen before
        self.test.policy, self.test.prefix = None, self.allow.prefix
        self.test.bucket = bucket
        self.hits.bucket = bucket
        self._draw_top(bucket=bucket, **_NOT_READ)
        self._go_on()
        if bucket:
            self._read_bucket(bucket, after_s=0.2)

    def _read_bucket(self, name: str, *, after_s: float = 0) -> None:
        self._worker.start(
            lambda: self.link.get().who_can_open(name).locks,
            self._got_locks,
            timeout_s=30,
            after_s=after_s,
        )

    def _read_again(self) -> None:
        """Read again what is shown beside the teams: the endpoints, the plan,
        and the locks of the bucket.
        """
        self.allow.find_endpoints()
        if self.review.restriction is not None:
            self.review.guard(self.review.make_plan)
        if self.allow.bucket:
            self._read_bucket(self.allow.bucket)

    def look(self) -> None:
        """Look whether what decides most is as it was read, in at most four calls.

        The page asks for it every minute while somebody uses it. Where something has changed, and
        where the last reading is old, everything is read again.
        """
        view, at = self._view, utc_now()
        known = (self.test.policy, self.test.url_lock)
        name = _private_name(self.picker.team)
        if view.access is None or self.picker.worker.busy or self._worker.busy:
            return
        if view.is_old:
            self.picker.refresh_button.click()
            return

        def work() -> tuple[str, UrlLock | None]:
            gt = self.link.get()
            found = read_bucket(gt.aws, view.bucket, _WATCHED)
            lock = gt.workteam(name).url_lock if name is not None else None
            return str(found.policy.if_read or ""), lock

        def done(seen: tuple[str, UrlLock | None]) -> None:
            if seen != known:
                self.changed()
            elif view.bucket == self.allow.bucket:
                self._draw_top(read_at=at, teams_at=view.teams_at and at)

        self._worker.start(work, done, timeout_s=30)

    def changed(self) -> None:
        """Read again what is shown: something was written, here or elsewhere in this kernel."""
        is_seen = in_background() or threading.current_thread() is not threading.main_thread()
        if is_seen and self.comm is not None and not self.review.worker.busy:
            self._worker.call_back(self.picker.refresh_button.click)

    def _not_read(self, error: GtSecureError) -> None:
        """Show that the bucket could not be read:
        what was known of it before says nothing of now.
        """
        self._draw_top(**_NOT_READ)
        self.allow.show_error(error)

    def _failed(self, step: Step, error: GtSecureError | None) -> None:
        self._lost(error)
        if step is self.review:
            self._denied = error.action if isinstance(error, AccessDenied) else ""
            self._draw_role()
        if isinstance(error, CredentialsError):  # it is of all steps: once, on top
            self.trouble.value, step.message.value = step.message.value, ""

    def _lost(self, error: GtSecureError | None) -> None:
        """Show nothing as it was read, if a call of any step showed that this
        says nothing of now.
        """
        if isinstance(error, _LOST):
            self.picker.read_at = self.test.url_lock = None
            self._draw_top(**_NOT_READ, teams_at=None, workforce_known=False, plan=None)

    def _got_locks(self, locks: EffectiveLocks) -> None:
        """Show who can open the bucket, as it was just read."""
        if locks.bucket != self.allow.bucket:
            return
        self.allow.show_result()
        known = READ_POLICY not in locks.not_read
        self.test.policy = str(locks.policy or "") if known else None
        guards = locks.own_policy.guards
        prefix = self.allow.prefix
        guard = guard_around(
            [each for each in guards if prefix.startswith(each.prefix)] if prefix else guards,
            prefix,
        )
        access = access_under(locks, parts=(prefix,))
        revoked = locks.own_policy.revocations_of(locks.bucket, "", is_prefix=True)
        self._draw_top(
            access=access,
            guard=guard,
            guards=guards,
            revocations=tuple(each.sentence for each in revoked),
            guard_known=known,
            guard_refused=not known,
            read_at=locks.at,
        )

    def _applied(self) -> None:
        """Refresh what was changed."""
        if self.review.applied is None:
            return
        self._denied = ""
        if self.review.applied.id:
            self.test.outdate("Before the change of")
        self.picker.refresh()
        if self.review.restriction is None:
            self._read_again()  # else the plan that is made now reads it

    def _hits_read(self) -> None:
        self._show_steps()
        result = self.hits.result
        if result is not None:
            self.review.hits = result.hits

    # the top

    def _read_identity(self) -> str:
        aws = self.link.get().aws
        where = "sandbox" if aws.is_local else aws.endpoint_url or ""
        try:
            account = aws.account_id
        except GtSecureError:
            account = ""
        digits = f"{account[:4]}-{account[4:8]}-{account[8:]}" if len(account) == 12 else account
        return " · ".join(part for part in (aws.region, digits, where) if part)

    def _got_identity(self, who: str) -> None:
        self._who = who
        self._draw_top()

    # the first line

    def examine(self, *, after_s: float = 0) -> None:
        """Look at what this role can use, for the team and bucket chosen;
        the panel does so by itself in a notebook.
        """
        chosen, bucket, prefix = self.picker.team, self.allow.bucket, self.allow.prefix
        # Without a choice any team shows whether teams may be read; the policy then stays one for
        # all of them.
        team = chosen or next((each for each in self.picker.teams if each.kind == "private"), None)
        name = _private_name(team)
        place = f"s3://{bucket}/{prefix}" if bucket else None
        role = self.test.role_input.value.strip() or None

        def work() -> Diagnosis:
            found = examine(
                self.link.get(), team=name, bucket=place, role_arn=role, features=roleline.NEEDED
            )
            return (
                found
                if chosen is not None
                else replace(found, scope=replace(found.scope, team=None))
            )

        self._doctor.start(work, self._got_diagnosis, timeout_s=60, after_s=after_s)

    def _examine_later(self) -> None:
        # Optional, so it waits until the teams are loaded, and its calls never delay those of a
        # step.
        if in_background() and self.picker.answers:
            self.examine(after_s=_QUIET_S)

    def _got_diagnosis(self, found: Diagnosis) -> None:
        if self.picker.value == BUCKET_ONLY:
            # Signing asks for a role, which nobody chooses here.
            own = tuple(
                e
                for e in found.features
                if e.feature.of_bucket() is not None and e.feature.name != "sign"
            )
            found = replace(found, features=own)
        self._draw_role(found)
        self.diagnosis = found  # last: whoever waits for it finds the line there
        self._read_changes_later()

    def _draw_role(self, found: Diagnosis | None = None) -> None:
        known = self.diagnosis if found is None else found
        if known is not None:
            self.role.value = roleline.role_markup(known, self._wish()[0], self._denied)

    def _no_diagnosis(self, error: GtSecureError) -> None:
        self.role.value = ""
        self._lost(error)
        self._read_changes_later()

    def _read_changes_later(self) -> None:
        # CloudTrail answers two calls a second: everything else comes first.
        if in_background():
            self.read_changes()

    # the last changes of the locks

    def read_changes(self) -> None:
        """Read who last changed the locks; the panel does so by itself in a notebook,
        after the first line.
        """
        team, bucket = self.picker.team, self.allow.bucket or None
        name = _private_name(team)
        if name is not None or bucket is not None:
            self._historian.start(
                lambda: last_changes(self.link.get().history(name, bucket)),
                lambda changes: self._draw_top(changes=changes),
                timeout_s=60,
            )

    def _forget_changes(self) -> None:
        # What is under way is of the choice before; the new first line starts it again.
        self._historian.cancel()
        self._draw_top(changes={})

    def _show_top(self, *, opened: bool) -> None:
        show_part(self.top_button, self.top, opened)

    def _draw_top(self, **seen: Any) -> None:
        """Draw the top again; ``seen`` is what has become known of the locks."""
        view = replace(self._view, **seen)
        left = OLD_S if view.as_read is None else OLD_S - (utc_now() - view.as_read).total_seconds()
        if view.as_read != self._view.as_read and left > 0 and in_background():
            self._clock.start(lambda: None, lambda _: self._draw_top(), after_s=left, hours=True)
        details: TeamDetails | None = self.picker.details
        folder = folder_of(details.jobs, view.bucket) if details is not None and view.bucket else ""
        self._view = replace(view, is_old=left <= 0)
        self.allow.offer_folder(folder)
        names = (self.picker.team and self.picker.team.name, self._who)
        who = f'<span class="gts-who">{markup.text(" · ".join(filter(None, names)))}</span>'
        title = f"{headline(self._view)}{who}</div>"
        if not self.heading.value.endswith(title):  # the page counts on from here
            start = f'<div class="gts-title" style="--gts-age:{OLD_S - left:.0f}s">'
            self.heading.value = start + title
        self._show_steps()
        self.top.value = locks_markup(self._view)
        reasons = worth_reading(self._view)
        if reasons - self._reasons:  # once for each: a person may close them again
            self._show_top(opened=True)
        self._reasons = reasons
        self.locks = lock_states(self._view) | {
            "entries": json.dumps({"team": self.picker.value, **self.allow.good()})
        }

    def _show_steps(self) -> None:
        """Show what follows the choice once there is one, and a tick at each step that is done."""
        self.picker.bucket = self.allow.bucket
        self.picker.say_choice()
        is_chosen = bool(self.picker.value or self.allow.bucket)
        plan = self.review.plan
        done = (
            is_chosen,
            self.review.restriction is not None and bool(self.allow.good()["addresses"]),
            plan is not None and plan.empty,
            bool(self.test.tried),
            self.hits.result is not None,
        )
        for step, is_done in zip(self.steps, done, strict=True):
            set_class(step, "gts-done", is_done)
            set_class(step, "gts-hidden", not is_chosen and step is not self.picker)
        set_class(self.top_button, "gts-hidden", not is_chosen)


def _move(part: ipywidgets.Widget, place: ipywidgets.Box, target: ipywidgets.Box) -> None:
    """Show a part of a box in another one."""
    place.children = [each for each in place.children if each is not part]
    target.children = [*target.children, part]


def _private_name(team: Workteam | None) -> str | None:
    """Return the name of a team that can have a URL lock."""
    return team.name if team is not None and team.kind == "private" else None


def panel(
    connection: ConnectionLike | None = None,
    *,
    team: TeamLike | None = None,
    bucket: str | None = None,
    prefix: str = "",
    addresses: Iterable[str] = (),
    endpoints: Iterable[str] = (),
    sagemaker_session: ConnectionLike | None = None,
) -> Panel:
    """Show the panel: choose a workteam, list the allowed addresses, apply it, test it, and see the
    hits.

    Parameters
    ----------
    connection : Connection or sagemaker.core Session, optional
        From :func:`gt_secure.connect`, with its journal, accepted findings ("Review" folds them)
        and names of networks (to choose from in "Allow"); by default the current credentials and
        region.
    team : str or Workteam, optional
        The workteam to start with; one of ``sagemaker.core`` will do.
    bucket, prefix : str, optional
        The data to guard. A bucket without a team is bucket mode, for any tool that hands out
        presigned URLs.
    addresses, endpoints : iterable of str
        Allowed addresses and endpoints to start with.
    sagemaker_session : Session, optional
        In place of a connection, as for :func:`gt_secure.connect`.

    Returns
    -------
    Panel
        Nothing is written to AWS before "Apply" is pressed.
    """
    if connection is not None and sagemaker_session is not None:
        raise InvalidInput(
            "A connection and a session are given.",
            next_step="Pass one of them.",
            field="sagemaker_session",
        )
    given = sagemaker_session if connection is None else connection
    made = Panel(
        None if given is None else connection_of(given),
        team=team,
        bucket=bucket,
        prefix=prefix,
        addresses=addresses,
        endpoints=endpoints,
    )
    _close_former(made)
    return made


_former: dict[str, list[tuple[str, weakref.ref[Panel]]]] = {}


def _close_former(panel: Panel) -> None:
    """Close the panels that an earlier run of this cell made: its output is replaced,
    and nobody sees them.
    """
    shell = kernel_shell()
    message = {} if shell is None else shell.get_parent() or {}
    cell, run = (
        (message.get("metadata") or {}).get("cellId"),
        str((message.get("header") or {}).get("msg_id")),
    )
    if cell is None:  # not every front end names the cell
        return
    known = _former.get(cell, [])
    for each, reference in known:
        if each != run and (earlier := reference()) is not None:
            earlier.close()
    _former[cell] = [*(pair for pair in known if pair[0] == run), (run, weakref.ref(panel))]
