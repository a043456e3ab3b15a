"""Checks of the bucket guard against the restriction that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..account.bucket import Bucket
from ..account.bucket_access import access_to
from ..account.locks import locks_of
from ..account.people import listed_in, people_at, share
from ..account.state import OtherTeam, State
from ..aws.teams import LabelingJob, Workforce, Workteam
from ..base.network import IPNetwork, parse_stored_cidrs
from ..base.text import capital, count, duration, printable, some
from ..engine.access.difference import moved
from ..engine.access.exposure import ANY_VPC, Exposure
from ..engine.access.identities import Principals
from ..engine.access.locks import EffectiveLocks
from ..engine.access.signers import identities, signers_of
from ..engine.policies.age_limit import LONGEST_S, SIGV2_SID, USUAL_LIMITS_S, age_text
from ..engine.policies.bucket_guard import Guard
from ..engine.policies.bucket_policy import BucketPolicy, guard_around
from ..restriction.model import Restriction
from .model import Match, match, rule
from .workteam_rules import lists_anyone, lists_private, lock_of


def guards_of(bucket: Bucket) -> tuple[Guard, ...]:
    """Return the guards of a bucket."""
    return BucketPolicy.if_valid(bucket.policy.value).guards


def wishes_of(state: State, bucket: Bucket) -> tuple[Restriction, ...]:
    """Return the restrictions whose guards are wanted on a bucket."""
    wanted = () if state.wanted is None else (state.wanted,)
    return tuple(
        each for each in (*wanted, *state.wishes) if each.guard and each.bucket == bucket.name
    )


def _guard_for(
    wanted: Restriction, guards: Sequence[Guard], wishes: Sequence[Restriction]
) -> Guard | None:
    """Return the guard of a restriction: that of its prefix, or around it; or the only one,
    where nobody else's is.
    """
    guard = guard_around(guards, wanted.prefix)
    return (
        guard
        if len(wishes) == 1 or guard is None or wanted.prefix.startswith(guard.prefix)
        else None
    )


def _pairs(
    guards: Sequence[Guard], wishes: Sequence[Restriction]
) -> Iterator[tuple[Guard, Restriction]]:
    """Yield each guard that a restriction asks for, with that restriction."""
    for wanted in wishes:
        guard = _guard_for(wanted, guards, wishes)
        if guard is not None:
            yield guard, wanted


def _key(code: str, guards: Sequence[Guard]) -> str:
    """Return the key of a sentence, which names the guard if there are several."""
    return f"{code}/several" if len(guards) > 1 else code


@rule("guard-missing", "bucket", "bucket.policy", given=("restriction",))
def guard_missing(_: State, bucket: Bucket, wishes: Sequence[Restriction]) -> Iterator[Match]:
    """Match a bucket without a guard that a restriction asks for."""
    guards = guards_of(bucket)
    for wanted in wishes:
        if _guard_for(wanted, guards, wishes) is None:
            key = "guard-missing/prefix" if guards else "guard-missing"
            yield match(key, bucket.name, prefix=wanted.prefix)


@rule(
    "presigned-from-anywhere",
    "bucket",
    "bucket.policy",
    "team",
    uses=(
        "bucket.access_points",
        "bucket.public_access_block",
        "bucket.ownership",
        "account_block",
        "endpoints",
    ),
)
def presigned_from_anywhere(state: State, bucket: Bucket) -> Iterator[Match]:
    """Match a bucket of which not all objects are protected from outside a list, or may not be."""
    access, team = access_to(state, state.prefix), state.team.value
    if access.tone in ("open", "part"):
        code = "presigned-from-anywhere"
        key, name = (code, "") if team is None else (f"{code}/team", team.name)
        yield match(key, bucket.name, access=access.text, team=name, leaks=bucket.leaks())
    elif access.tone == "unknown":
        yield Match(bucket.name, access.text, access.depends_on)


@rule("guard-drifted", "bucket", "bucket.policy", given=("guard",))
def guard_drifted(_: State, bucket: Bucket, guards: Sequence[Guard]) -> Iterator[Match]:
    """Match a guard that somebody edited."""
    for guard in guards:
        if guard.drifted:
            yield match(_key("guard-drifted", guards), bucket.name, objects=guard.objects)


@rule("guard-narrower", "bucket", "bucket.policy", given=("guard",))
def guard_narrower(state: State, bucket: Bucket, guards: Sequence[Guard]) -> Iterator[Match]:
    """Match a guard that protects less than its restriction asks for,
    or guards that leave objects of the bucket.
    """
    is_short = False
    for guard, wanted in _pairs(guards, wishes_of(state, bucket)):
        gaps = capital("; ".join(_gaps(guard, wanted)))
        if wanted.lists and not wanted.managed:
            is_short = True
            yield match("guard-narrower/unread", bucket.name, depends_on=wanted.lists)
        elif gaps:
            is_short = True
            key = _key("guard-narrower", guards)
            yield match(key, bucket.name, objects=guard.objects, gaps=gaps)
    prefixes = [each.prefix for each in guards if each.bucket]
    if prefixes and not is_short and not state.prefix.startswith(tuple(prefixes)):
        asked = f'"{state.prefix}"' if state.prefix else f"all objects of {bucket.name}"
        covered = some([f'"{each}"' for each in prefixes])
        key = "guard-narrower/covers" if len(prefixes) == 1 else "guard-narrower/cover"
        yield match(key, bucket.name, covered=covered, asked=asked)


def _gaps(guard: Guard, wanted: Restriction) -> Iterator[str]:
    """Yield what a guard lets through and a restriction does not."""
    if guard.bucket and not wanted.prefix.startswith(guard.prefix):
        yield f'it covers "{guard.prefix}", not "{wanted.prefix}"'
    extra = guard.allowed.lacking(wanted.allowed)
    if extra:
        yield f"it also admits {', '.join(extra)}"
    if guard.reads and wanted.guard is True:
        yield "it spares uploads"
    if wanted.age_limit_s is not None and (guard.age_limit_s or LONGEST_S) > wanted.age_limit_s:
        yield f"it lets signatures older than {age_text(wanted.age_limit_s)} through"


@rule("guard-stale", "bucket", "bucket.policy", given=("guard", "restriction"))
def guard_stale(
    _: State, bucket: Bucket, guards: Sequence[Guard], wishes: Sequence[Restriction]
) -> Iterator[Match]:
    """Match a guard that does not list an address or endpoint of its restriction."""
    for guard, wanted in _pairs(guards, wishes):
        lacking = wanted.allowed.lacking(guard.allowed)
        if wanted.lists and not wanted.managed:
            yield match("guard-stale/unread", bucket.name, depends_on=wanted.lists)
        elif lacking:
            key, names = _key("guard-stale", guards), ", ".join(lacking)
            yield match(key, bucket.name, objects=guard.objects, names=names)


_PATHS = ("endpoints", "workforce", "jobs", "bucket.access_points")
_USERS = ("teams", "bucket.tags", "bucket.folders")


@rule(
    "endpoint-not-of-the-url-lock", "team", "team", "bucket.policy", uses=_PATHS, given=("guard",)
)
def endpoint_not_of_the_url_lock(
    state: State, team: Workteam, guards: Sequence[Guard]
) -> Iterator[Match]:
    """A guard admits VPC endpoints, and the URL lock of the team is SourceIp, which no request
    through one has.

    An endpoint that serves another team of the bucket is there for that one.
    """
    lock = lock_of(team)
    admitted = sorted({each for guard in guards for each in guard.allowed.ids})
    if not lock.source_ip or lock.impossible or not admitted:
        return
    exposure = Exposure(locks_of(state), state.prefix, is_prefix=True)
    others = [exposure.row(each) for each in exposure.of_workers if each != "worker"]
    idle = [each for each in admitted if all(row.at_endpoint(each) == "refused" for row in others)]
    if idle:
        yield match("endpoint-not-of-the-url-lock", team.name, names=", ".join(idle))


@rule(
    "team-locked-out",
    "bucket",
    "bucket.policy",
    "team",
    uses=(*_PATHS, *_USERS),
    given=("team of the bucket",),
)
def team_locked_out(state: State, bucket: Bucket, _teams: object) -> Iterator[Match]:
    """Match a team whose workers open no object: none of the bucket,
    or none that its only guard protects. Match one with a job in progress whose people are refused.
    """
    guards, locks = guards_of(bucket), locks_of(state)
    prefix = state.prefix or (guards[0].prefix if len(guards) == 1 else "")
    for user in state.of_bucket:
        name = user.team.name
        of_team = locks.others.get(name, locks)
        row = Exposure(of_team, prefix, is_prefix=True).row("worker")
        if row.word == "refused":
            key = "team-locked-out"
            if prefix:
                key += "/prefix" if prefix == state.prefix else "/one-guard"
            by = "; ".join(row.refused.decided_by)
            yield match(key, name, team=name, locks=by, prefix=prefix)
            continue
        jobs = [job for job in user.jobs_on(bucket.name) if job.in_progress]
        refused = _refused(user, jobs, state, of_team) if jobs else ""
        if refused:
            working = some([job.name for job in jobs])
            yield match("team-locked-out/jobs", name, team=name, jobs=working, sources=refused)


def _refused(
    user: OtherTeam, jobs: Sequence[LabelingJob], state: State, locks: EffectiveLocks
) -> str:
    """Return the sources that are refused where the log shows people of a team,
    or where its restriction lists them; empty for none.
    """
    shown, restriction = state.whereabouts(user.team), user.wish
    prefixes = {state.prefix} | {
        guard.prefix
        for guard in locks.own_policy.guards
        if guard.prefix.startswith(state.prefix)
        and any(job.input_uri.startswith(f"s3://{locks.bucket}/{guard.prefix}") for job in jobs)
    }
    rows = [Exposure(locks, each, is_prefix=True).row("worker") for each in prefixes]
    people = people_at(shown, locks.endpoints, [(row.refused, row.labels) for row in rows], all)
    if people:
        return f"{share(shown, people)}: {some(people)}"
    if restriction is None or not restriction.prefix.startswith(state.prefix):
        return ""
    before, left = (
        Exposure(each, restriction.prefix, is_prefix=True).row("worker")
        for each in (replace(locks, policy=None), locks)
    )
    lost = listed_in(
        moved(before, left, "opened", "refused"), before.labels | left.labels, restriction
    )
    listed = f"sources that the restriction of {user.team.name} lists"
    return "" if lost.is_empty else f"{listed}: {lost.from_where}"


@rule("private-address-alone", "team", "team", "bucket.policy", uses=_PATHS)
def private_address_alone(state: State, team: Workteam) -> Iterator[Match]:
    """Match a team whose URLs are bound to a private address,
    on a bucket that every endpoint reaches.
    """
    lock = lock_of(team)
    if not lock.vpc_source_ip or lock.impossible or state.bucket is None:
        return
    left = Exposure(locks_of(state), state.prefix, is_prefix=True).row("forwarded").unknown
    if left.other_endpoints and ANY_VPC in left.depends_on:
        rest = tuple(key for key in left.depends_on if key != ANY_VPC)
        yield match("private-address-alone", team.name, depends_on=rest)


@rule("guard-open", "bucket", "bucket.policy", given=("guard",))
def guard_open(_: State, bucket: Bucket, guards: Sequence[Guard]) -> Iterator[Match]:
    """Match a guard whose list restricts nobody."""
    for guard in guards:
        yield from lists_anyone("guard-open", bucket.name, guard.networks)


@rule("guard-private-address", "bucket", "bucket.policy", given=("guard",))
def guard_private_address(_: State, bucket: Bucket, guards: Sequence[Guard]) -> Iterator[Match]:
    """Match a guard that lists private addresses, which S3 does not see."""
    for guard in guards:
        yield from lists_private("guard-private-address", bucket.name, guard.networks)


@rule(
    "urls-live-long",
    "bucket",
    "bucket.policy",
    uses=("bucket.log",),
    given=("log", "presigned URL"),
)
def urls_live_long(_: State, bucket: Bucket, *_log: object) -> Iterator[Match]:
    """The log shows URLs that live longer than a day, and no age limit ends them earlier."""
    guards = guards_of(bucket)
    limits = [None if each.drifted else each.age_limit_s for each in guards]
    if guards and all(limit is not None and limit <= LONG_S for limit in limits):
        return
    for ages in bucket.url_ages or ():
        if ages.lifetime_s <= LONG_S:
            continue
        # The smallest usual limit that refuses nobody: the log rounds ages down to whole seconds.
        enough = next((limit for limit in USUAL_LIMITS_S if ages.oldest_s < limit <= LONG_S), None)
        yield match(
            "urls-live-long" if enough is None else "urls-live-long/limit",
            bucket.name,
            signer=printable(ages.signer),
            lifetime=duration(ages.lifetime_s),
            age=duration(ages.oldest_s),
            limit=age_text(enough or 0),
            requests=count(ages.requests, "request"),
        )


@rule("version-2-urls", "bucket", "bucket.policy", uses=("bucket.log",), given=("log",))
def version_2_urls(_: State, bucket: Bucket, _log: object) -> Iterator[Match]:
    """Match a bucket whose log shows opened URLs of signature version 2,
    unless our statement refuses that version.
    """
    text = bucket.policy.value or ""
    if bucket.version_2 and SIGV2_SID not in text:
        named = some(
            [f"{printable(name)} ({number:,})" for name, number in bucket.version_2.items()]
        )
        is_limited = "s3:signatureage" in text.lower()
        key = "version-2-urls/limit" if is_limited else "version-2-urls"
        yield match(key, bucket.name, names=named)


MANY = 5
"""More identities than these are many, where few applications sign."""


@rule(
    "many-signers",
    "bucket",
    "bucket.policy",
    uses=("bucket.log", "principals"),
    given=("principals",),
)
def many_signers(state: State, bucket: Bucket, people: Principals) -> Iterator[Match]:
    """Many users and roles can sign URLs, and with a log: of those that did not."""
    exposure = Exposure(locks_of(state), state.prefix, is_prefix=True)
    signers = signers_of(exposure, people).counted(
        bucket.presigners() if bucket.presigners is not None else None
    )
    signing = [each for each in signers if each.signing == "signs" and not each.signed]
    opened = [each for each in signing if each.answer == "opened"]
    is_logged = bucket.presigners is not None and bucket.log.if_read is not None
    if len(opened) > MANY:
        key, text = "many-signers", identities(opened, "reading")
        yield match(f"{key}/idle" if is_logged else key, bucket.name, signers=text)
    elif len(signing) > MANY:
        key, text = "many-signers/up-to", identities(signing, "reading")
        keys = {key for each in signing for key in each.depends_on}
        yield match(
            f"{key}-idle" if is_logged else key,
            bucket.name,
            depends_on=tuple(sorted(keys)),
            signers=text,
        )


LONG_S = 86_400
"""Lifetime in seconds above which URLs live long."""


@rule("ipv4-only", "workforce", "workforce", uses=("bucket.policy",))
def ipv4_only(state: State, workforce: Workforce) -> Iterator[Match]:
    """Match a dual-stack portal whose locks list IPv4 only."""
    if workforce.ip_address_type.lower() != "dualstack":
        return
    if _only_v4(parse_stored_cidrs(workforce.cidrs)):
        yield match("ipv4-only", workforce.name)
    guards = (
        BucketPolicy.if_valid(state.bucket.policy.if_read).guards
        if state.bucket is not None
        else ()
    )
    if state.bucket is not None and any(_only_v4(guard.networks) for guard in guards):
        yield match("ipv4-only/guard", state.bucket.name)


def _only_v4(networks: tuple[IPNetwork, ...]) -> bool:
    return bool(networks) and all(network.version == 4 for network in networks)
