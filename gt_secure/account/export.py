"""The restriction that an account has today, to keep in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..aws.buckets import place_of, whole_bucket
from ..aws.client import Aws
from ..aws.managed_lists import read_lists
from ..aws.teams import Workforce, Workteam, check_team_name, team_here
from ..base.errors import InvalidInput, NotFound
from ..base.network import IPNetwork, collapse, outside, parse_stored_cidrs, subtract
from ..base.text import Json, Texts, count, some
from ..engine.access.part import Part
from ..engine.policies.age_limit import age_text
from ..engine.policies.bucket_guard import GUARD_SIDS, SIGNERS_SID, Guard
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.signer_limit import SignerLimit
from ..restriction.messages import Notice, notice
from ..restriction.model import Restriction
from ..restriction.validation import split_lists
from .reader import ReadScope, read_scope
from .state import State

_NEEDED = frozenset({"team", "bucket.policy"})


def _other_guards(policy: BucketPolicy, prefix: str) -> list[Notice]:
    others = [each.objects for each in policy.guards if each.prefix != prefix]
    return [notice("other-guards", objects=some(others))] if others else []


def current_restriction(
    aws: Aws, team: str | None = None, bucket: str | None = None, lists: Iterable[str] = ()
) -> tuple[Restriction, list[Notice]]:
    """Read the locks of a team and a bucket as a restriction; see
    :meth:`gt_secure.Connection.export`.

    The notices name what a restriction cannot say, such as a portal list that differs from that of
    the guard. ``s3://bucket/prefix`` asks for the guard of a prefix, where the bucket has several.
    """
    if team is None and bucket is None:
        raise InvalidInput(
            "Neither a team nor a bucket is given.",
            next_step="Pass team=, bucket= or both.",
            field="team",
        )
    names = split_lists((), [lists] if isinstance(lists, str) else lists)[0]
    bucket, prefix = (None, "") if bucket is None else place_of(bucket)
    state = _state_of(aws, team, bucket)
    policy = BucketPolicy.of(None if state.bucket is None else state.bucket.policy.value)
    prefix = prefix or _only_prefix(policy, bucket)
    guard, limit = policy.guard_of(prefix), policy.signer_limit_of(prefix)
    version = (
        policy.version_limit_of(prefix) if guard is None or guard.age_limit_s is None else None
    )
    notices = _other_guards(policy, prefix)
    url_lock = _url_lock(state.team.value, notices)
    ranges = _portal_ranges(state.workforce, guard, notices)
    addresses = parse_stored_cidrs(ranges) if guard is None else collapse(guard.networks)
    wanted: Json = {
        "team": team,
        "addresses": _named(aws, addresses, names),
        "url_lock": url_lock,
        "portal_lock": True if ranges else None,
        "bucket": bucket,
        **_fields_of_policy(guard, limit, prefix, version_4_only=version is not None),
    }
    if (state.team.value, guard, limit, version) == (None,) * 4:
        where = f" for {prefix}" if prefix else ""
        places = [f"s3://{bucket}/{each.prefix}" for each in policy.guards]
        step = f"Export one that exists: {some(places)}." if places else "Plan one first."
        raise NotFound(f"The policy of {bucket} has no guard of gt_secure{where}.", next_step=step)
    return Restriction.from_dict(wanted), notices


def _only_prefix(policy: BucketPolicy, bucket: str | None) -> str:
    """Return the prefix of the guard and limits of a bucket;
    raises InvalidInput if they are of several prefixes.
    """
    prefixes = set(policy.prefixes_of(*GUARD_SIDS, SIGNERS_SID))
    if len(prefixes) > 1 and "" not in prefixes:
        raise InvalidInput(
            f"{bucket} has guards or limits for {some(sorted(prefixes))}, and a restriction is for"
            " one prefix.",
            next_step=f"Name one: s3://{bucket}/{min(prefixes)}.",
            field="bucket",
        )
    return min(prefixes, key=len, default="")


def _state_of(aws: Aws, team: str | None, bucket: str | None) -> State:
    name = None if team is None else check_team_name(team_here(aws, team))
    place = None if bucket is None else whole_bucket(bucket)
    return read_scope(aws, ReadScope(name, place, needs=_NEEDED | {"workforce"}, writes=_NEEDED))


def _url_lock(team: Workteam | None, notices: list[Notice]) -> str | bool | None:
    """Return the field ``url_lock`` for a team; None, with a notice, where both settings are on."""
    if team is None:
        return None
    mode = "off" if team.url_lock is None else team.url_lock.mode
    if mode == "both":
        notices.append(
            Notice(
                "url-lock-both", "warning", "Both settings are on: no URL works.", "Turn one off."
            )
        )
        return None
    return False if mode == "off" else mode


def _portal_ranges(workforce: Part[Workforce], guard: Guard | None, notices: list[Notice]) -> Texts:
    """Return the ranges of the portal lock; none, with a notice,
    where unread or different from those of the guard.
    """
    if workforce.missing is not None:
        notices.append(notice("portal-unseen", reason=workforce.missing.reason))
    ranges = workforce.if_read.cidrs if workforce.if_read is not None else ()
    if ranges and guard is not None and parse_stored_cidrs(ranges) != collapse(guard.networks):
        notices.append(notice("portal-differs", ranges=", ".join(ranges)))
        return ()
    return ranges


def _fields_of_policy(
    guard: Guard | None, limit: SignerLimit | None, prefix: str, *, version_4_only: bool
) -> Json:
    """Return the fields that the bucket's policy decides for a prefix, except the addresses.

    ``version_4_only``: a version limit stands alone.
    """
    fields: Json = {
        "signers": None if limit is None else list(limit.signers),
        "version_4_only": True if version_4_only else None,
        "prefix": prefix,
    }
    if guard is not None:
        fields |= {
            "endpoints": list(guard.allowed.ids),
            "guard": "reads" if guard.reads else True,
            "age_limit": age_text(guard.age_limit_s) if guard.age_limit_s else None,
        }
    return fields


def _named(aws: Aws, addresses: Iterable[IPNetwork], names: Sequence[str]) -> list[str]:
    """Return the addresses with lists in place of their ranges;
    a list that the locks do not hold is an error.
    """
    ranges = tuple(addresses)
    lists = read_lists(aws, names)
    for each in lists:
        missing = outside(each.networks, ranges)
        if missing or not each.networks:
            raise InvalidInput(
                (
                    f"{each.name} has {count(len(missing), 'range')} that the current locks do not"
                    f" list: {some([*map(str, missing)])}."
                    if missing
                    else f"{each.name} has no range that S3 or the portal can see."
                ),
                next_step=f"Export without {each.name}, or plan a restriction that names it.",
                field="lists",
                value=each.name,
            )
    listed = [network for each in lists for network in each.networks]
    return [*map(str, subtract(ranges, listed) if listed else ranges), *names]
