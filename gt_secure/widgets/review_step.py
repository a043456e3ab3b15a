"""Step 3: read the change, apply it, undo it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from ..base import html as markup
from ..base.errors import GtSecureError, InvalidInput, refuse_url
from ..base.html import Markup, count
from ..base.text import truncate
from ..changes.applied import applied_notice
from ..changes.case import exposures_of
from ..changes.change import find_change
from ..changes.engine import StoppableWait
from ..changes.journal import scrub
from ..changes.plan import Plan, UndoPlan
from ..changes.render import parts
from ..changes.render.summary import summary_html
from ..changes.targets import TeamUrlLock, WorkforcePortal
from ..changes.undo import overtaken, plan_undo, undoable
from ..connection import with_facts
from ..engine.iam.facts import Values, check_facts
from ..engine.iam.request_keys import is_multivalued, key_facts
from ..logs.activity import Activity
from ..restriction.messages import notice
from .background import Action
from .base import PANEL, Box, Link, Step, check, field, replace_children, spoken
from .thread_safe import LOCK, Html, row, set_class, stack

if TYPE_CHECKING:
    from ..changes.applied import Applied
    from ..changes.change import Change
    from ..connection import Connection
    from ..restriction.model import Restriction

_LASTS = "It cannot be interrupted while it writes: about {}, and at most 12 minutes."
"""The deadline of a change, and of a rollback after it."""

_WAITS = "Press Cancel to stop the change, and to roll back what it has written."

_PAUSE_S = 0.35
"""A plan is made when the input has been quiet for so long."""


class ReviewStep(Step):
    """Show a restriction as a change, apply it, and undo it.

    Parameters
    ----------
    connection : Connection, optional
        From :func:`gt_secure.connect`.
    restriction : Restriction, optional
        What is wanted.

    Examples
    --------
    >>> wanted = Restriction("radiology-team", url_lock=True)
    >>> review = ReviewStep(restriction=wanted)  # doctest: +SKIP
    >>> review.apply()  # doctest: +SKIP
    """

    shown_as = "review"
    title = "Review & apply"

    restriction = traitlets.Any(None)
    """The :class:`~gt_secure.restriction.Restriction` that is wanted; setting it makes a plan."""

    plan = traitlets.Any(None)
    """The :class:`~gt_secure.restriction.Plan`, once it is made; else None."""

    applied = traitlets.Any(None)
    """The last :class:`~gt_secure.restriction.Applied` of this widget; else None."""

    hits = traitlets.Any(None)
    """Requests of the access log, if read:
    a plan that would refuse a worker seen there is stopped.
    """

    def __init__(
        self, connection: Link | Connection | None = None, *, restriction: Restriction | None = None
    ) -> None:
        self._confirmed: set[str] = set()
        self._asked: frozenset[str] = frozenset()
        self._done = ""
        self._beside: Sequence[str] = ()
        self._undoable = self._name = ""
        super().__init__(connection)
        self.set_summary("Nothing to review yet.")
        self.observe(self._on_restriction, "restriction")
        self.observe(self._on_plan, "plan")
        if restriction is not None:
            self.restriction = restriction

    def build(self) -> list[ipywidgets.Widget]:
        """Make the tables' places and the buttons."""
        self.shown = Html(
            markup.hint(
                'List the allowed addresses in "Allow"; the change is shown here before anything is'
                " written."
            )
        )
        self.facts = FactFields(lambda: self.make_plan(after_s=_PAUSE_S), self.guard)
        self.confirms = stack()
        self.rest = Html()
        hint = "optional: a ticket, or why; kept in the journal"
        self.reason = field(
            ipywidgets.Text, "Reason", "gts-hidden", placeholder=hint, continuous_update=False
        )
        self.reason.observe(
            lambda change: setattr(self.reason, "value", scrub(change["new"])), "value"
        )
        self.apply_button = self.button("Apply", self.apply, primary=True, when=self._may_apply)
        said = "Shows what the undo does, and asks. Later edits by others stay."
        self.undo_button = self.button(
            "Undo", self.undo, tooltip=said, when=lambda: self._undoable != ""
        )
        self.undo_box = row(self.undo_button, classes="gts-apart gts-hidden")
        """The undo, which a panel shows under its steps."""
        self.name_input = field(ipywidgets.Text, "", "gts-hidden", placeholder="the same name")
        self.name_input.observe(lambda _: self.enable(), "value")
        self.test_button = self.button("Test it", lambda: self.on_test(), primary=True)
        self.hits_button = self.button("See who opened what", lambda: self.on_hits())
        self.on_test: Action = lambda: None
        self.on_hits: Action = lambda: None
        self.next = row(self.test_button, self.hits_button, classes="gts-hidden")
        self.plan_button = self.button("Do not undo", self.make_plan)
        self.keep_button = self.button("Keep what the teams need", self.keep, link=True)
        self.on_keep: Callable[[Restriction], object] = partial(setattr, self, "restriction")
        self.details = Html()
        details = stack(self.reason, self.details)
        self.details_button = self.opener("Details", details)
        buttons = row(self.apply_button, self.plan_button, self.details_button)
        self.after = Html()
        for each in (self.keep_button, self.details_button, self.plan_button):
            each.add_class("gts-hidden")  # until there is a plan
        asks = [self.confirms, self.keep_button, self.rest, self.name_input]
        done = [self.after, self.next]
        return [*done, self.shown, self.facts, *asks, buttons, details, self.undo_box]

    # actions

    def make_plan(self, *, after_s: float = 0.0) -> None:
        """Compare what is with what is wanted; nothing is written."""
        wish, hits, context, applied = self.restriction, self.hits, self.facts.context, self.applied
        if wish is None:
            raise InvalidInput(
                "There is nothing to review.",
                next_step='List the allowed addresses in "Allow".',
                field="restriction",
            )

        def work() -> tuple[Plan, Sequence[str], str | None]:
            gt = self.link.get()
            since = overtaken(gt.aws, applied, journal=gt.journal)
            return *self._with_undo(with_facts(gt, context).plan(wish, logs=hits)), since

        if self.plan is None:
            self.shown.value = ""  # what is missing is not: it is being compared
        self.run(
            "Comparing with what is there…",
            work,
            lambda answer: self._got_plan(*answer),
            after_s=after_s,
        )

    def review(self, make: Callable[[], Plan], said: str = "Planning…") -> None:
        """Show a plan of another kind, such as a revocation;
        applying and undoing it works as for a restriction.
        """
        self.lead_here()
        self.after.value = ""
        self.next.add_class("gts-hidden")
        self.run(
            said,
            lambda: self._with_undo(make()),
            lambda answer: self._got_plan(*answer),
        )

    def apply(self) -> None:
        """Carry out the plan. It can be stopped while it waits for others, and not while it writes:
        a failed step is rolled back with all before it.
        """
        plan = self.plan
        if plan is None:
            raise InvalidInput(
                "There is no plan yet.", next_step="Wait until the change is shown.", field="plan"
            )
        activity = Activity()
        plan = replace(plan, reason=self.reason.value)
        confirm = sorted(self._confirmed)
        lasts = _LASTS.format(count(plan.seconds_typical, "second"))
        stopped = Event()

        def stop() -> None:
            with LOCK:
                if self._may_cancel:  # else it writes
                    stopped.set()

        def tell(text: str) -> None:
            with LOCK:  # a press is seen here, or is not accepted any more
                self._may_cancel = isinstance(text, StoppableWait)
                if stopped.is_set():
                    raise GtSecureError("The change was stopped while it waited.")
            activity.tell(f"{text} {_WAITS if self._may_cancel else lasts}")

        self.run(
            f"Applying… {lasts}",
            lambda: self.link.get().apply(plan, confirm=confirm, progress=tell),
            self._got_applied,
            timeout_s=780,
            stop=stop,
            activity=activity,
        )

    def keep(self) -> None:
        """Admit what the teams of the bucket have and use, too."""
        if self.plan is not None and self.plan.keeping is not None:
            self.on_keep(self.plan.keeping)

    def undo(self) -> None:
        """Show the undo of the last change of the bucket and team shown;
        :meth:`apply` then carries it out.
        """
        plan, change = self.plan, self._undoable
        self.review(
            lambda: _undo_plan(plan, self.link.get().plan_undo(change)),
            "Reading what an undo does…",
        )

    def clear(self, why: str, error: GtSecureError | None = None) -> None:
        """Show that there is nothing to review, and why."""
        self.worker.cancel()
        self.restriction = self.plan = None
        self.message.value = ""
        if error is None:
            self.shown.value = markup.hint(why)
        else:
            error = PANEL.translate(error)
            self.shown.value = markup.notice(
                "warn", markup.text(error.message, 600), markup.text(error.next_step, 600)
            )
        self.set_summary(why)

    def show_error(self, error: GtSecureError) -> None:
        """Show an error; without a plan there is nothing else to show here."""
        super().show_error(error)
        if self.plan is None and self.restriction is not None:
            self.shown.value = ""
            self.set_summary("The change cannot be shown.")

    def forget(self) -> None:
        """Take away what was applied before: it was for another team or bucket."""
        self.after.value = self._done = ""
        self.next.add_class("gts-hidden")
        self.applied = None

    # results

    def _with_undo(self, plan: Plan) -> tuple[Plan, Sequence[str]]:
        """Return a plan, and the id of the last change of its bucket and team with the name of its
        undo; empty if there is none to undo.
        """
        gt = self.link.get()
        for one in undoable(gt.aws, journal=gt.journal, shown=plan.state)[-1:]:
            with suppress(GtSecureError):  # its press shows why
                if removes(plan_undo(gt.aws, one.id, journal=gt.journal).changes):
                    return plan, (one.id, "Remove this protection")
            return plan, (one.id, "Undo the last change")
        return plan, ()

    def _got_plan(self, plan: Plan, offer: Sequence[str], since: str | None = None) -> None:
        if since is not None:
            self.after.value = spoken(since)
        self._show_undo(*offer)
        self.plan = plan

    def _show_undo(self, change: str = "", name: str = "Undo this change") -> None:
        """Offer the undo of a change; pressed, it shows what comes back."""
        self._undoable = change
        set_class(self.undo_box, "gts-hidden", not change)
        self.undo_button.description = name

    def _on_plan(self, _: Any) -> None:
        plan: Plan | None = self.plan
        self._show_questions(plan)
        set_class(self.details_button, "gts-hidden", plan is None)
        set_class(self.plan_button, "gts-hidden", plan is None or not plan.undoes)
        if plan is None:
            self._show_undo()
            self.details.value = ""
            self.enable()
            return
        self._name = _subject(plan) if removes(plan.changes) else ""
        # that nothing is known stands in the question, and folds away here
        known = (parts.evidence,) if any(each.sources for each in plan.state.seen.values()) else ()
        changes = (parts.changes_table,)
        self.shown.value = _parts(
            plan,
            *(() if plan.empty and self.after.value else (partial(summary_html, signs="+-N"),)),
            *(changes if self._name else ()),
            _cases,
            parts.lists,
            *known,
            parts.dry_run,
            parts.expectations,
        )
        self.details.value = _parts(
            plan,
            *(() if self._name else changes),
            *(() if known else (parts.evidence,)),
            parts.folds,
        )
        self.facts.show(plan.unknown_keys)
        self.name_input.value = ""
        self.name_input.description = f"Type {self._name} to remove its protection"
        set_class(self.name_input, "gts-hidden", not self._name)
        self._beside = (
            self._done,
            count(len(plan.changes), "change") if plan.changes else "nothing to change",
        )
        self._done = ""
        self.enable()

    def _show_questions(self, plan: Plan | None) -> None:
        """Show one list of what to know before Apply;
        a person agrees to each part that locks somebody out.
        """
        self._confirmed = set()
        asks = () if plan is None else plan.asks
        self._asked = frozenset(each.code for each in asks)
        set_class(self.keep_button, "gts-hidden", plan is None or plan.keeping is None)
        shown: list[ipywidgets.Widget] = []
        for asked in asks:
            box = check(asked.consent, False, partial(self._confirm, asked.code))
            shown.append(stack(Html(parts.notice_html(asked, asks=True)), box, classes="gts-ask"))
        rest = (
            Markup("")
            if plan is None
            else parts.before_apply(plan, self._asked, loud=("critical", "high"))
        )
        replace_children(self.confirms, shown)
        self.rest.value = rest
        set_class(self.reason, "gts-hidden", plan is None or plan.empty or plan.undoes)

    def enable(self) -> None:
        """Bring the buttons in line, and name on Apply what it waits for."""
        super().enable()
        plan: Plan | None = self.plan
        waits = [] if plan is None else [each for each in plan.blockers if not each.confirmable]
        asks = self._asked - self._confirmed
        if plan is not None:
            left = f"{len(waits) + len(asks)} to confirm"
            self.set_summary(*self._beside, markup.chip("no", left) if waits or asks else "")
        set_class(self.apply_button, "gts-hidden", plan is None or (plan.empty and not plan.undoes))
        if plan is None or plan.empty:
            self.apply_button.description = "Apply"
            return
        words = (
            f"resolve {count(len(waits), 'blocker')}"
            if waits
            else f"confirm {count(len(asks), 'warning')}"
        )
        change = f"{count(len(plan.changes), 'change')} to {_whom(plan)}"
        self.apply_button.description = (
            f"Apply ({words} above)"
            if waits or asks
            else f"{'Undo' if plan.undoes else 'Apply'} {change}"
        )

    def _confirm(self, code: str, on: bool) -> None:
        (self._confirmed.add if on else self._confirmed.discard)(code)
        self.enable()

    def _may_apply(self) -> bool:
        plan: Plan | None = self.plan
        if plan is None or (plan.empty and not plan.undoes) or not self._asked <= self._confirmed:
            return False
        named = self.name_input.value.strip() == self._name
        return named and all(notice.confirmable for notice in plan.blockers)

    def _got_applied(self, applied: Applied) -> None:
        self.after.value = spoken(applied_notice(applied))
        self._show_undo(applied.id if applied.outcome == "applied" else "")
        set_class(self.next, "gts-hidden", applied.outcome != "applied")
        self.applied = applied
        self.reason.value = ""
        self._done = applied.outcome
        if self.restriction is not None:
            self.make_plan()  # what is left to do, seen from what is there now

    def _on_restriction(self, change: Any) -> None:
        self.plan = None
        if change["new"] is not None:
            self.guard(lambda: self.make_plan(after_s=_PAUSE_S))


def removes(changes: Iterable[Change[Any]]) -> bool:
    """Return whether one of some changes leaves a lock that restricts nothing."""
    return any(not each.protects for each in changes)


def _subject(plan: Plan) -> str:
    """Return the name of what a plan is about: the bucket, or the team."""
    return plan.restriction.bucket or plan.restriction.team or ""


def _parts(plan: Plan, *shown: Callable[[Plan], Markup]) -> str:
    """Return parts of a plan as HTML, one below the other."""
    return "".join(f'<div class="gts-part">{part(plan)}</div>' for part in shown)


def _undo_plan(plan: Plan, undo: UndoPlan) -> Plan:
    """Return an undo as a plan, with who can open the bucket of another plan
    now and after the undo.
    """
    state = plan.state
    for change in undo.changes:
        state = change.target.put(change.before, state)  # as it was just read
    exposures = exposures_of(None, plan.restriction, state, undo.changes)
    portal = (each for each in undo.changes if each.kind == "portal-lock")
    notices = (
        *undo.notices,
        *(notice("portal-undo", words=each.after_text) for each in portal),
    )
    return Plan(plan.restriction, state, undo.changes, *exposures, notices, undoes=undo.record.id)


def _cases(plan: Plan) -> Markup:
    """Return the matrix of who can open, in a fold that opens by itself where
    an answer is unknown.
    """
    table = parts.exposure_table(plan)
    shown = markup.fold("Every case, now and after", table) if table else table
    return Markup(shown.replace("<details", "<details open", 1)) if plan.unknown_keys else shown


def _whom(plan: Plan) -> str:
    """Return those whom the changes of a plan touch."""
    if find_change(plan.changes, WorkforcePortal) is None:
        lock = find_change(plan.changes, TeamUrlLock)
        return truncate((lock or plan.changes[0]).name, 40) if plan.changes else ""
    teams = plan.state.teams.if_read
    return (
        "all teams"
        if teams is None
        else count(sum(team.kind == "private" for team in teams), "team")
    )


class FactFields(Box):
    """One field for each unknown key, below the answers that depend on it.

    A key whose value was typed keeps its field, so that the value can be corrected or taken out.
    """

    shown_as = "facts"

    def __init__(
        self, changed: Callable[[], object], check: Callable[[Callable[[], object]], None]
    ) -> None:
        self._changed = changed
        self._check = check
        self._values: dict[str, Values] = {}
        self.inputs: dict[str, ipywidgets.Text] = {}
        super().__init__()
        self.add_class("gts-stack")

    @property
    def context(self) -> Mapping[str, Sequence[str]]:
        """The typed facts, for ``context=`` of a plan."""
        return dict(self._values)

    def show(self, unknown: Iterable[str]) -> None:
        """Show a field for each unknown key, and for each key that has a value."""
        keys = list(dict.fromkeys([*self._values, *unknown]))
        if keys == list(self.inputs):
            return
        for key in self.inputs.keys() - set(keys):
            self.inputs.pop(key).close()
        self.inputs = {key: self.inputs.get(key) or self._input(key) for key in keys}
        hint = markup.hint(
            "Some answers are unknown. Type the values that you know; the change is planned again."
        )
        replace_children(self, (Html(hint), *self.inputs.values()) if keys else ())

    def _input(self, key: str) -> ipywidgets.Text:
        facts = key_facts(key.lower(), key)
        example = " or ".join(facts.values) or {"o-?*": "o-abc123", "?" * 12: "111122223333"}.get(
            facts.like, "value"
        )
        several = is_multivalued(key.lower())
        made = field(
            ipywidgets.Text,
            key[:300],
            placeholder="values, separated by commas" if several else example,
            continuous_update=False,
        )
        made.observe(
            lambda change: self._check(lambda: self._set(key, change["new"], made)), "value"
        )
        return made

    def _set(self, key: str, text: str, shown: ipywidgets.Text) -> None:
        """Keep the value of a key; raises :class:`InvalidInput` for one that
        the key cannot have.
        """
        try:
            refuse_url(text, "facts", f"a value of {key}")
        except Exception:
            shown.value = ""  # a presigned URL never stays in the state of a widget
            raise
        parts = text.split(",") if is_multivalued(key.lower()) else [text]
        values = [part.strip() for part in parts if part.strip()]
        before = self._values.pop(key, ())
        if values:
            [(name, checked)] = check_facts({key: values}).items()
            self._values[name] = checked
        if self._values.get(key, ()) != before:
            self._changed()
