"""Rules about the bucket guard of a plan, what it covers, and the bucket policy that holds it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ...account.key_listing import listing_of
from ...account.state import State
from ...aws.teams import folder_of
from ...base.text import printable, some
from ...engine.policies.bucket_guard import MAX_BUCKET_POLICY, Guard
from ...restriction.messages import Notice, notice
from ..case import Case, on_change
from ..diff import existing_guard


@on_change()
def of_restriction(case: Case) -> Iterator[Notice]:
    """Yield the notices of the restriction itself;
    that about a whole bucket names the folder of the team's jobs.
    """
    restriction = case.restriction
    folder = folder_of(case.state.jobs.if_read or (), restriction.bucket or "")
    for each in restriction.notices:
        known = f" The manifests and labels of the team's jobs are under {printable(folder)}."
        yield (
            replace(each, fix=each.fix + known) if folder and each.code == "whole-bucket" else each
        )


@on_change()
def region(case: Case) -> Iterator[Notice]:
    """Yield what the region of the bucket leaves open."""
    return region_notices(case.state)


def region_notices(state: State) -> Iterator[Notice]:
    """Yield that the bucket is in another region, what is not known of its teams,
    and that a team is not where its bucket is.
    """
    if state.elsewhere:
        yield notice("bucket-elsewhere", regions=state.elsewhere)
    unread = [
        f"{part.what} ({part.text})" for name, part in state.unread() if name in ("teams", "jobs")
    ]
    if unread:
        yield notice("bucket-teams-unread", unread="; ".join(unread))
    if state.elsewhere and (team := state.team.if_read) is not None:
        yield notice("team-elsewhere", team=team.name, region=state.region)


@on_change("bucket-guard")
def guard(case: Case) -> Iterator[Notice]:
    """Yield what becomes of the current guard."""
    current = existing_guard(case.restriction, case.state)
    if current is not None and current.drifted:
        yield notice("guard-edited")
    if current is not None and case.restriction.guard is False:
        yield notice("guard-off")


@on_change("bucket-guard")
def overlaps(case: Case) -> Iterator[Notice]:
    """Yield who can open the objects that the guard of a prefix and others cover:
    a request must satisfy all lists.
    """
    guards = case.planned.guards if case.restriction.guard else ()
    for inner in nested((each.prefix for each in guards), case.restriction.prefix):
        covering = [each for each in guards if inner.startswith(each.prefix)]
        if len({replace(each, prefix="", age_limit_s=None) for each in covering}) == 1:
            continue
        *_, last = covering
        both = _shared(covering)
        spared = " and ".join(each.objects for each in covering if each.reads)
        off = f"gt-secure plan s3://{shlex.quote(f'{last.bucket}/{inner}')} --guard off"
        yield notice(
            "guards-overlap/nobody" if both == "nobody" else "guards-overlap",
            fix=(
                "Add the sources to each list, or remove one of these guards, such as with"
                f" '{off}'."
            ),
            objects=f"Objects under {inner}",
            folder=f"objects under {inner}",
            guards=some([each.objects for each in covering]),
            lists=", and ".join(some(each.allowed.names(), 2) for each in covering),
            both=both,
            uploads=f" The guard of {spared} spares uploads." if spared else "",
        )


def _shared(guards: Sequence[Guard]) -> str:
    """Return the sources that each of some guards lists, in words."""
    if any(each.drifted for each in guards):
        return "unknown sources, because one guard was edited by hand"
    if any(each.allowed.vpcs for each in guards) and any(each.allowed.endpoints for each in guards):
        return "unknown sources, because the lists name endpoints and VPCs"
    shared = guards[0].allowed
    for each in guards:
        shared = shared.minus(shared.minus(each.allowed))
    return ", ".join(shared.names()) or "nobody"


@on_change("bucket-guard")
def room(case: Case) -> Iterator[Notice]:
    """Yield how many guards more fit, and what is shorter as one statement;
    nothing of the only guard.
    """
    policy = case.planned
    guards, guard = policy.guards, policy.guard_of(case.restriction.prefix)
    if not case.restriction.guard or guard is None or len(guards) < 2:
        return
    size, merged = policy.size, policy.joined().size
    own = len(json.dumps(guard.statement, separators=(",", ":"))) + 1
    yield notice(
        "guards-room/joined" if merged < size else "guards-room",
        guards=len(guards),
        size=f"{size:,}",
        most=f"{MAX_BUCKET_POLICY:,}",
        more=policy.size_left // own,
        saved=f"{size - merged:,}",
    )


@on_change("bucket-guard")
def folder(case: Case) -> Iterator[Notice]:
    """Yield what a prefix without a slash covers beside a folder;
    it asks where a guard covers that folder.
    """
    restriction = case.restriction
    if restriction.guard and restriction.prefix[-1:].isalnum():
        within = f"{restriction.prefix}/"
        has_guard = any(each.prefix.startswith(within) for each in case.planned.guards)
        yield notice(
            "prefix-without-slash",
            severity="warning" if has_guard else None,
            fix=f"Did you mean s3://{restriction.bucket}/{within}?",
            prefix=restriction.prefix,
        )


@on_change("bucket-guard")
def deleted_principals(case: Case) -> Iterator[Notice]:
    """Yield the blocker of a policy that names deleted principals:
    S3 refuses such a policy as a whole.
    """
    gone = case.planned.deleted_principals
    if gone:
        yield notice("principal-deleted", principals="; ".join(gone))


@on_change("bucket-guard")
def objects(case: Case) -> Iterator[Notice]:
    """Yield that no object is under the prefix of a guard, or that this is unknown."""
    bucket, prefix = case.restriction.bucket, case.restriction.prefix
    if case.given or not (case.restriction.guard and bucket and prefix):
        return
    listing = listing_of(case.aws, bucket)(prefix)
    if listing is None:
        yield notice("prefix-not-listed", bucket=bucket, prefix=prefix)
    elif not listing.keys:
        yield notice("prefix-has-no-object", bucket=bucket, prefix=prefix)


def nested(prefixes: Iterable[str], prefix: str) -> list[str]:
    """Return the prefixes that begin with another one, of which one is this prefix;
    the longest last.
    """
    others = {each for each in prefixes if each != prefix}
    inner = {
        max(each, prefix, key=len)
        for each in others
        if each.startswith(prefix) or prefix.startswith(each)
    }
    return sorted(inner, key=lambda each: (len(each), each))
