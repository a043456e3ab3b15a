"""The workteams of a bucket: what a plan takes from the workers of each, whom it asks about,
and the restriction that takes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..account.people import listed_in, people_at, share
from ..account.state import OtherTeam, State
from ..account.whereabouts import Whereabouts
from ..base.allowed import Allowed
from ..base.errors import InvalidInput
from ..base.network import scope
from ..base.text import printable, some
from ..engine.access.difference import moved
from ..engine.access.exposure import Exposure
from ..engine.access.exposure_text import places
from ..engine.access.source_sets import SourceSet, unsure
from ..restriction.messages import Notice, notice
from ..restriction.model import Restriction
from .case import Case, on_change
from .change import find_change
from .diff import policy_of
from .targets import BucketGuard

if TYPE_CHECKING:
    from ..engine.access.locks import EffectiveLocks
    from ..engine.access.source_sets import Row


@dataclass(frozen=True)
class Effect:
    """The effect of a plan on the workers of a workteam that uses the bucket of a state.

    ``jobs`` are the names of its labeling jobs in progress. ``lost`` are the sources that the
    workers lose, in words. ``refused`` are those of the lost sources at which the access log shows
    a person. ``all_lost`` is empty unless another team loses every source that it has, or a source
    that its restriction lists: then it has these sources, in words.
    """

    user: OtherTeam
    is_own: bool
    seen: Whereabouts
    jobs: str
    lost: list[str]
    refused: list[str]
    all_lost: list[str]

    @property
    def asks(self) -> bool:
        """True if the access log shows people of the team at a source that the plan closes, or if a
        labeling job is in progress and the log does not show where its workers are.

        The log must show all people of another team. It must show one source of the plan's own
        team: the restriction lists what that team needs.
        """
        is_shown = self.seen.complete or (self.is_own and self.seen.sources)
        return bool(self.refused or (self.jobs and self.lost and not is_shown))

    def question(self, bucket: str, fix: str | None) -> Notice:
        """Return the question about the team, which is confirmed by its name."""
        team = self.user.team.arn.rpartition("/")[2]  # the name of a vendor's team is a title
        seen = "loses-access/seen/jobs" if self.jobs else "loses-access/seen"
        return notice(
            seen if self.refused else "loses-access",
            fix=fix,
            about=[self.user.team.name],
            team=team,
            share=share(self.seen, self.refused) if self.refused else "",
            jobs=self.jobs,
            bucket=bucket,
            lost=", and through ".join(self.lost).replace("; ", ", and through "),
            missing=self.seen.missing,
        )


def effects_of(state: State, before: Exposure, after: Exposure) -> list[Effect]:
    """Return the effect of a plan on each workteam of the bucket; none where no lock changes."""
    users = () if before is after else state.of_bucket
    return [_effect(each, state, before, after) for each in users]


def _effect(user: OtherTeam, state: State, before: Exposure, after: Exposure) -> Effect:
    is_own, shown = user.team == state.team.if_read, state.whereabouts(user.team)
    bucket, prefix = before.locks.bucket, user.prefix_on(before.locks.bucket)
    now, then = (each.locks.others.get(user.team.name, each.locks) for each in (before, after))
    longest = max(prefix, before.key, key=len)
    is_covered = longest.startswith(prefix) and longest.startswith(before.key)
    keys = before.keys_beside(after, longest) if is_covered else ()
    pairs = [(_row(now, key), _row(then, key)) for key in keys]
    lost = [(moved(*pair, "unknown", "refused"), pair[0].labels | pair[1].labels) for pair in pairs]
    listing = None if shown.complete else user.wish
    stops = [
        (
            each
            if moved(*pair, "unknown", "unknown").is_empty
            else listed_in(each, labels, listing),
            labels,
        )
        for pair, (each, labels) in zip(pairs, lost, strict=True)
    ]
    people = people_at(shown, before.locks.endpoints, lost)
    # a lock of a team or portal holds in every bucket
    everywhere = (now.url_lock, now.cidrs) != (then.url_lock, then.cidrs)
    jobs = user.jobs.if_read or () if everywhere else user.jobs_on(bucket)
    return Effect(
        user,
        is_own,
        shown,
        ", ".join(printable(job.name) for job in jobs if job.in_progress),
        _words(lost),
        people,
        # of a team whose people are all known, nobody is where a way closes
        [] if is_own or (shown.complete and not people) else _words(stops),
    )


def _row(locks: EffectiveLocks, key: str) -> Row:
    """Return the sources at which workers open a key, or may open it: a plan that closes such a
    source takes it from them.
    """
    return unsure(Exposure(locks, key).row("worker"), [""])


def _words(sets: Iterable[tuple[SourceSet, frozenset[str]]]) -> list[str]:
    return list(dict.fromkeys(places(each, labels) for each, labels in sets if not each.is_empty))


@on_change()
def teams(case: Case) -> Iterator[Notice]:
    """Yield the blocker that names each other team that would lose all that it has, a question
    about each that may lose a part, and one about what the guard of today gives.
    """
    restriction, state, bucket = case.restriction, case.state, case.before.locks.bucket
    effects, fix = effects_of(state, *case.exposures), None
    wider = keeping(restriction, state, effects)
    if wider is not None:
        more = some(wider.allowed.lacking(restriction.allowed))
        fix = f"'Keep what the teams need' (--keep-teams, plan.keeping) also allows {more}."
    taken = _taken(restriction, state) if find_change(case.changes, BucketGuard) else []
    stopped = [each for each in effects if each.all_lost]
    if stopped:
        losses = "; ".join(f"{_uses([each], bucket)} ({each.all_lost[0]})" for each in stopped)
        names = [each.user.team.name for each in stopped]
        yield notice("refuses-team", fix=fix, about=names, losses=losses)
    for each in effects:
        # the question about what the guard gives names the plan's own team
        is_named = each.all_lost or (each.is_own and taken and not each.refused)
        if each.asks and not is_named:
            yield each.question(bucket or "every bucket", fix)
    if taken:
        used = _uses([each for each in effects if each.lost], bucket)
        code = "guard-drops"
        key = f"{code}/used" if used else code
        yield notice(key, fix=fix, sources=", ".join(taken), users=used)


def _uses(effects: Iterable[Effect], bucket: str) -> str:
    return "; ".join(printable(", ".join(each.user.uses_of(bucket))) for each in effects)


def _taken(restriction: Restriction, state: State) -> list[str]:
    """Return the sources on the lists of today's guards that a restriction does not allow.

    Its own guard, if there is one, narrows those around it already.
    """
    policy = policy_of(state)
    own = policy.guard_of(restriction.prefix)
    guards = [each for each in policy.guards if _overlap(each.prefix, restriction.prefix)]
    lists = [each.allowed.lacking(restriction.allowed) for each in ([own] if own else guards)]
    names = dict.fromkeys(name for each in lists for name in each)
    return list(names) if restriction.guard else []


def _overlap(prefix: str, other: str) -> bool:
    return prefix.startswith(other) or other.startswith(prefix)


def keeping(
    restriction: Restriction, state: State, effects: Sequence[Effect]
) -> Restriction | None:
    """Return the restriction that also admits what the teams of a bucket have and use; None if it
    does so already, or if no guard can list all of that.

    The journal's restrictions of the other teams, the lists of today's guards where another team
    loses a part of them, and the sources at which the access log shows people who would lose them.
    """
    if not restriction.guard:
        return None
    others = [
        each.wish
        for each in state.others
        # the guard of another prefix admits its teams itself
        if each.wish is not None and _overlap(each.wish.prefix, restriction.prefix)
    ]
    names = [name for each in effects for name in each.refused]
    if any(each.lost and not each.is_own for each in effects):
        names += _taken(restriction, state)
    if not others and not names:
        return None
    try:
        joined = restriction.including(others)
        data, more = joined.to_dict(), Allowed.of(Allowed.of(names).lacking(joined.allowed))
        # S3 sees no private address outside of endpoints
        data["addresses"] += [str(each) for each in more.networks if scope(each) != "private"]
        data["endpoints"] += more.ids
        return None if data == restriction.to_dict() else Restriction.from_dict(data)
    except InvalidInput:
        return None
