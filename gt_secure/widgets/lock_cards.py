"""The three locks: on top what is protected now, what will be, and who changed it last;
and the choices for each.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import ipywidgets

from ..base import html as markup
from ..base.clock import utc_now
from ..base.html import Chip, Markup, Tone, count
from ..base.network import parse_stored_cidrs
from ..base.text import Json, JsonLike, Texts, duration, some
from ..changes import KIND_CALLS
from ..changes.change import find_change
from ..changes.targets import BucketGuard, TeamUrlLock, WorkforcePortal
from ..engine.access.access_words import anyone
from ..engine.access.address_classes import is_anyone, spans_of
from ..engine.policies.age_limit import age_text
from .base import Box, field
from .thread_safe import set_class

if TYPE_CHECKING:
    from ..account.bucket_access import BucketAccess
    from ..aws.teams import Workforce, Workteam
    from ..changes.change import Change
    from ..changes.history import HistoryEntry
    from ..changes.plan import Plan
    from ..changes.targets import Target
    from ..engine.policies.bucket_guard import Guard
    from ..engine.policies.url_lock import UrlLock

V = TypeVar("V")
_Card: TypeAlias = tuple[str, Chip, str]
"""Name, state and sentence of a card."""


@dataclass(frozen=True)
class LocksView:
    """State of the three locks; a part that is not ``known`` is never shown as on or off."""

    team: Workteam | None = None
    teams: tuple[Workteam, ...] = ()
    teams_at: dt.datetime | None = None
    """Time of the reading of the workteams, in UTC;
    None too if a later call showed that it says nothing of now.
    """
    no_private_team: bool = False
    workforce: Workforce | None = None
    workforce_known: bool = False
    bucket: str = ""
    access: BucketAccess | None = None
    """The answer to who can open the objects of the bucket;
    None until the account has been read.
    """
    guard: Guard | None = None
    guard_known: bool = False
    guard_refused: bool = False
    guards: tuple[Guard, ...] = ()
    """The guards of the bucket, that of the prefix among them."""
    revocations: Texts = ()
    """Sentences on what revocations of the bucket refuse."""
    read_at: dt.datetime | None = None
    """Time of the reading of the bucket, in UTC."""
    is_old: bool = False
    """True if the oldest reading is so old that nothing good is said of it any more."""
    plan: Plan | None = None
    changes: Mapping[str, HistoryEntry] = dataclasses.field(default_factory=dict)
    """The last change for each kind of lock, where it is known."""

    @property
    def as_read(self) -> dt.datetime | None:
        """Return the time of the oldest reading that is shown; None without one."""
        times = (
            self.teams_at if self.team is not None else None,
            self.read_at if self.bucket else None,
        )
        return min(filter(None, times), default=None)

    def change(self, target: type[Target[V]]) -> Change[V] | None:
        """Return the planned change of a kind of target; None without one."""
        return find_change(() if self.plan is None else self.plan.changes, target)


def locks_markup(view: LocksView) -> Markup:
    """The three locks as HTML."""
    parts = "".join(
        f'<div class="gts-lock"><h3>{name} {markup.cell(chip)}</h3><p>{said}</p>'
        f"{changed_markup(kind, view.changes)}</div>"
        for kind, (name, chip, said) in _cards(view).items()
    )
    revoked = markup.hint(some(view.revocations, 3, between=" ")) if view.revocations else ""
    mine = (
        f"The prefix belongs to the guard of {view.guard.objects}."
        if view.guard
        else "No guard covers the prefix."
    )
    lines = [
        f"Another guard of the bucket: {each.words()}."
        for each in view.guards
        if each != view.guard
    ]
    others = [markup.hint(each) for each in (mine, *lines)] if lines else []
    return markup.join(Markup(f'<div class="gts-locks">{parts}</div>'), *others, revoked)


def worth_reading(view: LocksView) -> frozenset[str]:
    """Return why the locks should be open to read: what the sentence on top does not name."""
    lock = view.team.url_lock if view.team is not None else None
    reasons = {
        "revoked": view.revocations,
        "impossible": lock is not None and lock.impossible,
        "drifted": view.guard is not None and view.guard.drifted,
        "refused": view.guard_refused,
    }
    return frozenset(reason for reason, is_so in reasons.items() if is_so)


def _cards(view: LocksView) -> dict[str, _Card]:
    """Return the locks that there are: without a workteam a bucket has two."""
    cards = {"bucket-guard": _guard(view), "age-limit": _age_limit(view)}
    if view.team is not None or not (view.bucket or view.no_private_team):
        cards = {"portal-lock": _portal(view), "url-lock": _url(view), "bucket-guard": _guard(view)}
    return {
        kind: (name, Chip(_aged(view, chip.tone), chip.words), text)
        for kind, (name, chip, text) in cards.items()
    }


def _aged(view: LocksView, tone: Tone) -> Tone:
    """Return a colour, without the green of an old reading."""
    return "plain" if view.is_old and tone == "ok" else tone


def headline(view: LocksView) -> Markup:
    """Return how things are in one sentence, with its tone; without a choice,
    what the panel is about.
    """
    lock = view.team.url_lock if view.team is not None else None
    if view.bucket and view.access is not None:
        tone, text = view.access.chip.tone, view.access.text
    elif (
        view.bucket or view.team is None or view.teams_at is None or lock is None or lock.impossible
    ):
        return markup.join(Markup("<h2>Who can open the objects</h2>"), _read_line(view))
    elif lock.on:
        name = markup.plain(view.team.name, 60)
        tone, text = "ok", f"A URL of a worker of {name} works only from the worker's own address."
    else:
        tone, text = "no", anyone(f"the images of {markup.plain(view.team.name, 60)}")
    shown = Markup(
        f'<h2 class="gts-headline gts-says-{_aged(view, tone)}">{markup.text(text, 400)}</h2>'
    )
    return markup.join(shown, _read_line(view))


def _read_line(view: LocksView) -> Markup:
    """Return when what is shown was read; empty where nothing was."""
    if view.as_read is None:
        return Markup("")
    again = ". Press Refresh." if view.is_old else ""
    age = "" if view.is_old else '<span class="gts-age" aria-hidden="true"></span>'
    return Markup(
        f'<small class="gts-read">checked at {view.as_read:%H:%M:%S} UTC{again}{age}</small>'
    )


def lock_states(view: LocksView) -> Json:
    """State of the three locks as data, for JupyterLab's status bar;
    the words of the last one end with the age.
    """
    locks = [
        {"name": name, "tone": chip.tone, "words": chip.words}
        for name, chip, _ in _cards(view).values()
    ]
    locks[-1]["words"] += f", as read {view.as_read:%H:%M:%S} UTC" if view.as_read else ""
    return {
        "team": "" if view.team is None else markup.plain(view.team.name, 60),
        "bucket": view.bucket,
        "locks": locks,
    }


def _portal(view: LocksView) -> _Card:
    name = "Portal lock"
    text = f"Who may open the worker portal. {_shared(view)}"
    if view.team is not None and view.team.kind != "private":
        return (
            name,
            Chip("plain", "not offered"),
            f"A {view.team.kind} team uses a separate portal.",
        )
    if not view.workforce_known:
        return name, Chip("plain", "not read yet"), text
    if view.workforce is None:
        return name, Chip("plain", "no workforce"), "There is no private workforce in this region."
    if view.workforce.in_vpc:
        text += " The portal in the VPC is not covered."
    now = view.workforce.cidrs
    change = view.change(WorkforcePortal)
    if change is not None:
        after, is_open = len(change.after), is_anyone(spans_of(parse_stored_cidrs(change.after)))
        words = (
            f"{count(len(now), 'range')}, will be {after}"
            if after and now
            else f"will be {count(after, 'range')}"
            if after
            else "will be open"
        )
        return name, Chip("warn" if after and not is_open else "no", words), text
    if not view.workforce.is_open:
        return name, Chip("ok", count(len(now), "range")), text
    return name, Chip("no", "open to everybody"), text


def _shared(view: LocksView) -> str:
    private = [team for team in view.teams if team.kind == "private"]
    if not private:
        return "Shared by all private workteams of the region."
    names = some([markup.plain(team.name, 40) for team in private])
    teams = count(len(private), "private workteam")
    return f"Shared by <b>all</b> {teams} of the region: {markup.text(names, 300)}."


def _url(view: LocksView) -> _Card:
    name, said = (
        "URL lock",
        "Each URL works only from its worker's own address. Your address list does not apply.",
    )
    if view.team is None:
        return name, Chip("plain", "no workteam"), "It belongs to a Ground Truth workteam."
    lock = view.team.url_lock
    if view.teams_at is None:
        return name, Chip("plain", "not read yet"), said
    if lock is None:
        return name, Chip("plain", "not offered"), f"AWS offers none for a {view.team.kind} team."
    change = view.change(TeamUrlLock)
    if change is not None:
        now, after = lock.mode, _after(change)
        words = (
            f"{now}, will be {after}"
            if lock.on and after != "off"
            else f"{_mode(now)}, will be {_mode(after)}"
        )
        return name, Chip("warn", words), said if lock.on else f"After Apply each{said[4:]}"
    if lock.impossible:
        return (
            name,
            Chip("no", "both on"),
            (
                "The settings of both portals are on, so no URL can ever work (SourceIp and"
                " VpcSourceIp)."
            ),
        )
    return (
        name,
        Chip("ok" if lock.on else "no", _mode(lock.mode)),
        said if lock.on else "A URL works from any address.",
    )


def _mode(mode: str) -> str:
    return {"SourceIp": "on", "VpcSourceIp": "on (VPC)"}.get(mode, mode)


def _after(change: Change[UrlLock]) -> str:
    return "SourceIp" if change.after.source_ip else change.after.mode


def _guard(view: LocksView) -> _Card:
    name, text = "Bucket guard", "Refuses presigned requests from other addresses."
    if not view.bucket:
        return name, Chip("plain", "no bucket chosen"), text
    if not view.guard_known or view.access is None:
        text = "It cannot be read: s3:GetBucketPolicy was denied." if view.guard_refused else text
        return name, Chip("plain", "not readable" if view.guard_refused else "not read yet"), text
    now = view.guard
    wanted = view.plan.restriction.guard if view.plan is not None else None
    if wanted is not None and view.change(BucketGuard) is not None:
        words = (
            ("on, will change" if now else "off, will be on") if wanted else "on, will be removed"
        )
        text = text if now else "After Apply it refuses presigned requests from other addresses."
        return name, Chip("warn", words), text
    if view.access.tone != "good":
        text = str(markup.text(view.access.text, 400))
    if now is None and not view.guards:
        return name, Chip("plain" if view.access.tone == "good" else "no", "off"), text
    return name, view.access.chip, text


def _age_limit(view: LocksView) -> _Card:
    name, said = "Age limit", "Refuses presigned URLs that were signed longer ago."
    if not view.guard_known:
        return name, Chip("plain", "not read yet" if view.bucket else "no bucket chosen"), said
    seconds = view.guard.age_limit_s if view.guard is not None else None
    if seconds is None or view.guard is None:
        return name, Chip("plain", "no limit"), said
    return name, Chip("warn" if view.guard.drifted else "ok", age_text(seconds)), said


_RESOURCES = {"portal-lock": "Workforce", "url-lock": "Workteam", "bucket-guard": "Bucket policy"}
"""The resource that holds each lock: the events name it, and not the part that changed."""


def last_changes(history: Iterable[HistoryEntry]) -> dict[str, HistoryEntry]:
    """Return the newest successful change for each kind of lock."""
    made = sorted((entry for entry in history if not entry.error), key=lambda each: each.at)
    return {
        kind: entry
        for entry in made
        for kind, calls in KIND_CALLS.items()
        if entry.operation in calls
    }


def changed_markup(
    kind: str, changes: Mapping[str, HistoryEntry], now: dt.datetime | None = None
) -> Markup:
    """Return the line of one lock; empty where no change is known."""
    entry = changes.get(kind)
    if entry is None:
        return Markup("")
    seconds = int(((now or utc_now()) - entry.at).total_seconds())
    said = (
        f"{_RESOURCES[kind]} last changed {duration(max(0, seconds))} ago by"
        f" {markup.plain(_who(entry.who), 80)}"
    )
    moment = f"{entry.at:%Y-%m-%d %H:%M} UTC"
    return Markup(f'<p class="gts-changed" title="{moment}">{markup.text(said, 200)}</p>')


def _who(arn: str) -> str:
    """Return the caller without account and session: ``role/alice``, ``user/bob``."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return arn
    kind, _, rest = parts[5].partition("/")
    if kind == "assumed-role":
        return f"role/{rest.partition('/')[0]}"
    return f"{kind}/{rest.rpartition('/')[2]}" if rest else kind


SWITCHES: Mapping[str, str] = {
    "portal_lock": "Portal lock",
    "url_lock": "URL lock",
    "guard_lock": "Bucket guard",
}
"""Traits of the editor, and their labels, in the order of the panel."""

# A drop-down reads None as "nothing chosen", so the values are words.
_CHOICES = (("No change", "leave"), ("On", "on"), ("Off", "off"))
_VALUES: Mapping[str, bool | None] = {"leave": None, "on": True, "off": False}


class Switches(Box):
    """One choice for each lock."""

    shown_as = "locks"

    def __init__(self, changed: Callable[[str, bool | None], None]) -> None:
        self.choices: dict[str, ipywidgets.Dropdown] = {}
        for trait, label in SWITCHES.items():
            choice = field(ipywidgets.Dropdown, label, options=_CHOICES, value="leave")
            choice.observe(
                lambda change, trait=trait: changed(trait, _VALUES[change["new"]]), "value"
            )
            self.choices[trait] = choice
        super().__init__(list(self.choices.values()))
        self.add_class("gts-three")

    def set(self, values: JsonLike, *, private: bool) -> None:
        """Show values; only a private team has a URL lock and a portal lock."""
        for trait, choice in self.choices.items():
            wanted = values[trait] if private or trait == "guard_lock" else None
            choice.value = next(word for word, value in _VALUES.items() if value is wanted)
            set_class(choice, "gts-hidden", not private and trait != "guard_lock")
