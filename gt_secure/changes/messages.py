"""Notices of a plan: notes, warnings and blockers; those that ask are confirmed by their codes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..account.state import State
from ..aws.managed_lists import ManagedList
from ..aws.teams import folder_of
from ..base.network import IPNetwork, outside, parse_stored_cidrs, scope
from ..base.text import capital, count, did_you_mean, printable, some
from ..engine.policies.age_limit import USUAL_LIMITS_S, age_text
from ..engine.policies.bucket_guard import MAX_BUCKET_POLICY, SIGNERS_SID, Guard
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.signer_limit import is_listed, signer_names
from ..explain.dry_run import DryRun, Usage
from ..restriction.applications import (
    ApplicationProfile,
    SignatureVersion,
    applications,
    bystanders,
)
from ..restriction.messages import MessageSeverity, Notice, notice
from ..restriction.model import Restriction
from .change import Change, find_change
from .diff import changed_prefix, existing_guard, policy_of, wanted_lock
from .targets import BucketGuard, TeamUrlLock, WorkforcePortal

if TYPE_CHECKING:
    from ..logs.hits import Hits


def notices_for(
    restriction: Restriction, state: State, changes: tuple[Change[Any], ...]
) -> tuple[Notice, ...]:
    """Return the notices of a plan: those about lists that AWS keeps, then the others,
    most serious first.
    """
    lists = (of_list for each in restriction.managed for of_list in _list(each, restriction, state))
    guard = find_change(changes, BucketGuard)
    url_lock_changes = find_change(changes, TeamUrlLock) is not None
    notices = [
        *_own(restriction, state),
        *_url_lock(restriction, state, url_lock_changes),
        *_endpoints(restriction, state),
        *region_notices(state),
    ]
    if guard is not None:
        after = BucketPolicy.of(guard.after)
        notices += [
            *_guard(restriction, state, after),
            *_folder(restriction, after),
            *_signers(restriction, state, after),
            *_deleted(after),
        ]
    if find_change(changes, WorkforcePortal) is not None:
        notices += _portal(restriction, state)
    rank = {"blocker": 0, "warning": 1, "info": 2}
    return (*lists, *sorted(notices, key=lambda each: rank[each.severity]))


def _own(wish: Restriction, state: State) -> Iterator[Notice]:
    """Yield the notices of the restriction itself;
    that about a whole bucket names the folder of the team's jobs.
    """
    folder = folder_of(state.jobs.if_read or (), wish.bucket or "")
    for each in wish.notices:
        known = f" The manifests and labels of the team's jobs are under {printable(folder)}."
        yield (
            replace(each, fix=each.fix + known) if folder and each.code == "whole-bucket" else each
        )


def _url_lock(restriction: Restriction, state: State, changing: bool) -> Iterator[Notice]:
    lock, force = wanted_lock(restriction, state), state.workforce.if_read
    if lock is None:
        return
    if force is not None and changing and lock.on:
        if lock.vpc_source_ip and not force.in_vpc:
            yield notice("url-lock-needs-vpc")
        if force.in_vpc:  # it has two portals, and a URL lock serves only one of them
            refused, other, served = (
                ("VPC", "VpcSourceIp", "public")
                if lock.source_ip
                else ("public", "SourceIp", "VPC")
            )
            fix = (
                f"If this team works in the {refused} portal, choose its setting ({other}). If it"
                " works in both, split it into two teams."
            )
            yield notice("url-lock-one-path", fix=fix, refused=refused, served=served)
    if lock.source_ip and force is not None and force.ip_address_type == "dualstack":
        yield notice("dual-stack")


def _folder(wish: Restriction, policy: BucketPolicy) -> Iterator[Notice]:
    """Yield what a prefix without a slash covers beside a folder;
    it asks where a guard covers that folder.
    """
    if wish.guard and wish.prefix[-1:].isalnum():
        folder = f"{wish.prefix}/"
        has_guard = any(each.prefix.startswith(folder) for each in policy.guards)
        fix = f"Did you mean s3://{wish.bucket}/{folder}?"
        yield notice(
            "prefix-without-slash",
            severity="warning" if has_guard else None,
            fix=fix,
            prefix=wish.prefix,
        )


def _nested(prefixes: Iterable[str], prefix: str) -> list[str]:
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


def _overlaps(guards: Sequence[Guard], prefix: str) -> Iterator[Notice]:
    """Yield who can open the objects that the guard of a prefix and others cover:
    a request must satisfy all lists.
    """
    for inner in _nested((each.prefix for each in guards), prefix):
        covering = [each for each in guards if inner.startswith(each.prefix)]
        if len({replace(each, prefix="", age_limit_s=None) for each in covering}) == 1:
            continue
        *_, last = covering
        both = _shared(covering)
        spared = " and ".join(each.objects for each in covering if each.reads)
        off = f"gt-secure plan s3://{shlex.quote(f'{last.bucket}/{inner}')} --guard off"
        yield notice(
            "guards-overlap",
            severity="blocker" if both == "nobody" else None,
            fix=(
                "Add the sources to each list, or remove one of these guards, such as with"
                f" '{off}'."
            ),
            objects=f"objects under {inner}",
            guards=some([each.objects for each in covering]),
            both=both,
            uploads=f" The guard of {spared} spares uploads." if spared else "",
        )


def _shared(guards: Sequence[Guard]) -> str:
    """Return the sources that each of some guards lists, in words."""
    if any(each.drifted for each in guards):
        return "unknown, because one was edited by hand"
    if any(each.allowed.vpcs for each in guards) and any(each.allowed.endpoints for each in guards):
        return "unknown, because the lists name endpoints and VPCs"
    shared = guards[0].allowed
    for each in guards:
        shared = shared.minus(shared.minus(each.allowed))
    return ", ".join(shared.names()) or "nobody"


def _room(policy: BucketPolicy, prefix: str) -> Iterator[Notice]:
    """Yield how many guards more fit, and what is shorter as one statement;
    nothing of the only guard.
    """
    guards, guard = policy.guards, policy.guard_of(prefix)
    if guard is None or len(guards) < 2:
        return
    size, merged = policy.size, policy.joined().size
    own = len(json.dumps(guard.statement, separators=(",", ":"))) + 1
    saved = (
        f" Guards with equal lists would take {size - merged:,} bytes less as one statement."
        if merged < size
        else ""
    )
    more = policy.size_left // own
    yield notice(
        "guards-room",
        guards=len(guards),
        size=f"{size:,}",
        most=f"{MAX_BUCKET_POLICY:,}",
        more=more,
        saved=saved,
    )


def _guard(wish: Restriction, state: State, after: BucketPolicy) -> Iterator[Notice]:
    guard = existing_guard(wish, state)
    if wish.guard:
        yield from _overlaps(after.guards, wish.prefix)
        yield from _room(after, wish.prefix)
    if guard is None:
        return
    if guard.drifted:
        yield notice("guard-edited")
    if wish.guard is False:
        yield notice("guard-off")


def _signers(restriction: Restriction, state: State, after: BucketPolicy) -> Iterator[Notice]:
    """Yield whom the signer limit would stop: the caller, the roles of waiting jobs,
    and who was on its list.
    """
    policy = policy_of(state)
    limit = policy.signer_limit_of(changed_prefix(restriction, policy, SIGNERS_SID))
    if restriction.signers is None or not (restriction.signers or limit):
        return
    if limit is not None and limit.drifted:
        yield notice("guard-edited", field="signers")
    if not restriction.signers:
        yield notice("signers-off")
        return
    limits = after.signer_limits
    for inner in _nested((each.prefix for each in limits), restriction.prefix):
        lists = [set(each.signers) for each in limits if inner.startswith(each.prefix)]
        both = set.intersection(*lists)
        if any(each != both for each in lists):
            names = signer_names(sorted(both))
            weight: MessageSeverity | None = None if both else "blocker"
            yield notice(
                "signers-overlap", severity=weight, objects=f"objects under {inner}", signers=names
            )
    yield notice("signers-limits")
    if not is_listed(state.caller_arn, restriction.signers):
        yield notice("signers-caller", caller=state.caller_arn, fix=_add([state.caller_arn]))
    yield from _signers_of_jobs(restriction, restriction.signers, state)
    dropped = (
        [each for each in limit.signers if not is_listed(each, restriction.signers)]
        if limit is not None
        else []
    )
    if dropped:
        yield notice("signers-drops", signers=signer_names(dropped).replace(" or ", ", "))


def _signers_of_jobs(
    restriction: Restriction, signers: Sequence[str], state: State
) -> Iterator[Notice]:
    """Yield the roles of waiting jobs that the signer limit would stop,
    or that they are unknown.
    """
    roles = {job.role_arn for job in state.jobs.if_read or () if job.role_arn}
    left_out = sorted(role for role in roles if not is_listed(role, signers))
    if left_out:
        yield notice("signers-jobs", roles=", ".join(left_out), fix=_add(left_out))
    elif restriction.team is None or state.jobs.missing is not None:
        yield notice("signers-jobs-unread")


def _add(arns: Sequence[str]) -> str:
    return f"Add --signers {' --signers '.join(arns)}."


def _deleted(policy: BucketPolicy) -> Iterator[Notice]:
    """Yield the blocker of a policy that names deleted principals:
    S3 refuses such a policy as a whole.
    """
    gone = policy.deleted_principals
    if gone:
        yield notice("principal-deleted", principals="; ".join(gone))


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


def _portal(restriction: Restriction, state: State) -> Iterator[Notice]:
    force = state.workforce.value
    assert force is not None
    others = [team.name for team in state.other_teams] if state.teams.missing is None else []
    named = f" It also affects {', '.join(others)}." if others else ""
    if state.teams.missing is not None:
        named = f" Which other teams it affects is unknown: {state.teams.missing.text}."
    if not restriction.portal_lock:
        yield notice("portal-opens", sources=", ".join(force.cidrs), others=named)
        return
    yield notice("portal-affects-all", region=state.region, others=named)
    if all(scope(network) == "private" for network in restriction.addresses):
        if force.in_vpc:
            fix = "That is right if all workers use the portal in the VPC."
            yield notice("portal-closes", severity="warning", fix=fix, others=named)
        else:
            yield notice("portal-closes", others=named)
    gone = [
        str(network) for network in outside(parse_stored_cidrs(force.cidrs), restriction.addresses)
    ]
    if gone:
        yield notice("portal-drops", sources=", ".join(gone), others=named)
    if force.in_vpc:
        yield notice("portal-in-vpc")


def _endpoints(restriction: Restriction, state: State) -> Iterator[Notice]:
    if not restriction.allowed.ids or state.endpoints.missing is not None:
        return
    known = {endpoint.id: endpoint for endpoint in state.endpoints.value or ()}
    for one in restriction.endpoints:
        endpoint = known.get(one)
        if endpoint is None:
            here = f" Endpoints here: {some(list(known), 3)}." if known else ""
            fix = did_you_mean(one, known, "Check the id and region.", cutoff=0.8)
            yield notice("endpoint-unknown", fix=fix, endpoint=one, region=state.region, here=here)
        elif endpoint.state.lower() not in {"available", ""}:
            yield notice("endpoint-not-available", endpoint=one, state=endpoint.state)
        elif endpoint.type == "Interface" and not endpoint.private_dns:
            yield notice("endpoint-no-dns", endpoint=one)
    for vpc in sorted({*restriction.vpcs}.difference(each.vpc_id for each in known.values())):
        yield notice("vpc-unknown", vpc=vpc, region=state.region)


def _list(each: ManagedList, wish: Restriction, state: State) -> Iterator[Notice]:
    """Yield the notices about a list that AWS keeps: what is missing from the locks,
    and what is left out.
    """
    guard = existing_guard(wish, state) if wish.guard else None
    if guard is not None:
        yield from _missing(each, "guard", outside(each.networks, guard.networks))
    force = state.workforce.value if wish.portal_lock else None
    cidrs = parse_stored_cidrs(force.cidrs) if force is not None else ()
    if cidrs:
        yield from _missing(each, "portal lock", outside(each.networks, cidrs))
    if each.left_out:
        ranges = count(len(each.left_out), "range")
        yield notice(
            "list-ranges-left-out",
            list=each.name,
            ranges=ranges,
            left_out=some([*map(str, each.left_out)]),
        )
    if not each.networks:
        yield notice("list-empty", list=each.name)
    if each.owner == "AWS":
        yield notice("list-of-aws", list=each.name, title=each.title)


def _missing(each: ManagedList, lock: str, missing: tuple[IPNetwork, ...]) -> Iterator[Notice]:
    if missing:
        ranges = count(len(missing), "range")
        yield notice(
            "list-changed",
            list=each.name,
            ranges=ranges,
            lock=lock,
            missing=some([*map(str, missing)]),
        )


_MOST_KEYS = 10_000
_SHOWN = "signs with version {}, as the log shows"


def signature_of(
    wish: Restriction, region: str, tried: DryRun | None
) -> tuple[SignatureVersion, str]:
    """Return the signature version of the next URL of the application, and where that comes from.

    What the log shows counts for more than the profile: somebody may have set the application up
    differently.
    """
    profile = applications().get(wish.application or "")
    if profile is None:
        return "unknown", ""
    rows = _usages(profile, tried)
    if rows and profile.signature != "none":
        version_2, total = (
            sum(each.signed_with_2 for each in rows),
            sum(each.requests for each in rows),
        )
        if version_2 < total:
            return (
                ("2", "signs some URLs with version 2, as the log shows")
                if version_2
                else ("4", _SHOWN.format(4))
            )
        return "2", _SHOWN.format(2)
    found = profile.version_in(region)
    default = f", boto3's default in {region}" if profile.signature == "boto3" else ""
    return found, f"signs with version {found}{default}"


def _usages(profile: ApplicationProfile, tried: DryRun | None) -> list[Usage]:
    """Return the requests of the application in the log: those of its name,
    or those of no named product.
    """
    every = () if tried is None else tried.usages
    named = {each.name for each in applications().values()}
    own = [each for each in every if each.application == profile.name]
    return own or [each for each in every if each.application not in named]


def bystander_notices(
    restriction: Restriction, changes: Sequence[Change[Any]], tried: DryRun | None
) -> Iterator[Notice]:
    """Yield features of AWS in the log that a guard would refuse,
    and those that need a longer age limit.
    """
    if not restriction.guard or find_change(changes, BucketGuard) is None:
        return
    usages = () if tried is None else tried.usages
    logged = [
        (each, [use for use in usages if use.application.startswith(each.name)])
        for each in bystanders()
    ]
    refused = [each for each, uses in logged if sum(use.refused for use in uses)]
    if refused:
        services = " and ".join(each.name for each in refused)
        yield notice(
            "bystander-refused", fix=" ".join(each.advice for each in refused), services=services
        )
    if restriction.age_limit_s is not None:
        yield from _too_short(restriction.age_limit_s, logged)


def _too_short(
    limit_s: int, logged: Sequence[tuple[ApplicationProfile, list[Usage]]]
) -> Iterator[Notice]:
    """Yield the features of AWS that need a longer age limit;
    it asks where the log shows one of them.
    """
    short = [(each, uses) for each, uses in logged if limit_s < each.needs_age_s]
    known = [each.name for each, uses in short if uses]
    if short:
        yield notice(
            "bystander-age-limit",
            severity=None if known else "info",
            limit=age_text(limit_s),
            services=", ".join(f"{each.name} ({age_text(each.needs_age_s)})" for each, _ in short),
            seen=f" The access log shows {' and '.join(known)}." if known else "",
        )


def application_notices(
    wish: Restriction, region: str, tried: DryRun | None, hits: Hits | None
) -> Iterator[Notice]:
    """Yield what a plan says about its application."""
    profile = applications().get(wish.application or "")
    if profile is None or not wish.guard:
        return
    if profile.signature == "none":
        yield notice("application-signs-nothing", name=profile.name)
        return
    advice = f"Add the networks of its clients. {profile.advice}".strip()
    yield notice(
        "application-use",
        fix=advice,
        name=profile.name,
        refused=profile.refused,
        signs=capital(profile.signs),
        spared=profile.header_signed or "unknown",
    )
    root = "" if wish.prefix else _root(profile, hits, wish)
    if root:
        place = shlex.quote(f"{wish.bucket}/{root}")
        fix = f"To guard these alone: gt-secure plan s3://{place} {wish.allowed.options}"
        yield notice("application-prefix", fix=fix, name=profile.name, prefix=root)
    version, words = signature_of(wish, region, tried)
    yield _age_limit(wish, profile, version, words)


def _age_limit(
    restriction: Restriction, profile: ApplicationProfile, version: SignatureVersion, words: str
) -> Notice:
    """Return what a limit does, or which one is proposed."""
    limit, longest = restriction.age_limit_s, profile.longest_s
    lives = f", and its URLs live up to {age_text(longest)}" if longest else ""
    lifetime = (
        f" Setting of the lifetime: {profile.lifetime_setting}." if profile.lifetime_setting else ""
    )

    def said(effect: str, fix: str) -> Notice:
        return notice(
            "application-age-limit", fix=fix, name=profile.name, version=words, effect=effect
        )

    if version == "2":
        refuses = ": an age limit refuses every such URL"
        setting = profile.signature_setting or "see its settings"
        return said(
            refuses if limit else f"{refuses}, so none is proposed",
            f"Sign with version 4 first: {setting}.",
        )
    if version == "unknown":
        return notice(
            "application-age-limit",
            severity="warning" if limit else None,
            fix="Look at one of its URLs with gt-secure inspect.",
            name=profile.name,
            version="signs with a version that is unknown here",
            effect=": an age limit may refuse every URL" if limit else ": no age limit is proposed",
        )
    if limit is None:
        fitting = (
            next((each for each in USUAL_LIMITS_S if each >= longest), None) if longest else None
        )
        if fitting is None:
            return said(
                f"{lives}: an age limit is possible",
                f"Choose one above the age of its URLs.{lifetime}",
            )
        return said(
            lives,
            f"Proposed: --age-limit {age_text(fitting)}, which ends none of them early.{lifetime}",
        )
    if longest > limit:
        fix = f"That is right if they are used immediately.{lifetime}"
        return said(f"{lives}: the limit ends them after {age_text(limit)}", fix)
    return said(
        f"{lives}: the limit ends none of them early", f"Keep it above their lifetime.{lifetime}"
    )


def _root(profile: ApplicationProfile, hits: Hits | None, wish: Restriction) -> str:
    """Return the prefix of all keys that the application presigned in a log;
    empty if they share none.
    """
    if not profile.root or hits is None:
        return ""
    rows = hits.filter(presigned=True, refused=False, bucket=wish.bucket, application=profile.name)
    query = f"SELECT DISTINCT key FROM {{hits}} WHERE key <> '' LIMIT {_MOST_KEYS}"  # noqa: S608
    keys = [key for each in rows.readings for (key,) in each.query(query)]
    found = {match[1] for key in keys if (match := re.match(profile.root, key))}
    return found.pop() if len(found) == 1 and len(keys) < _MOST_KEYS else ""
