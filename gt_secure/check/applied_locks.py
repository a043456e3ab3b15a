"""``team_is_restricted`` and ``guard_is_in_place``: the locks of a workteam and of a bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..account.bucket_access import access_to
from ..account.lists import ranges_and_lists
from ..account.reader import ReadScope, read_scope
from ..aws.buckets import check_prefix, place_of
from ..aws.teams import TeamLike, Workforce, team_name
from ..base.allowed import Allowed
from ..base.network import AddressesLike, IPNetworks, outside, parse_networks
from ..base.outcome import CheckResult
from ..base.text import Json, TextsLike, some
from ..connection import ConnectionLike, connection_of
from ..engine.access.address_classes import is_anyone, spans_of
from ..engine.policies.bucket_guard import Guard
from ..engine.policies.bucket_policy import BucketPolicy, guard_around
from ..restriction.validation import check_endpoints
from .result import Check

_URL_LOCK = {"url-lock-both", "url-lock-off", "url-lock-portal-mismatch", "url-lock-impossible"}
_NEEDED = {"sagemaker:DescribeWorkteam", "sagemaker:DescribeWorkforce", "sagemaker:ListWorkforces"}
_AGAIN = "Plan the restriction again to see the difference, and apply it."
_NAME_IT = (
    "Name all that it may admit in addresses= and endpoints=, or plan and apply the restriction"
    " again."
)


@Check
def team_is_restricted(
    gt: ConnectionLike,
    team: TeamLike,
    *,
    url_lock: Literal["SourceIp", "VpcSourceIp"] | None = None,
    portal: AddressesLike | None = None,
) -> CheckResult:
    """Check that the team's URL lock is on, with only one setting, and fits the portal.

    Parameters
    ----------
    team : str or Workteam
        A private workteam; a vendor or public one has no URL lock, and the check fails.
    url_lock : str, optional
        The required setting.
    portal : str or iterable of networks, optional
        Also check the portal lock: it is on, and lists nothing outside these networks. They may
        name lists that AWS keeps (``pl-…``, ``wafv2:ipset/NAME``).
    """
    name = team_name(team)
    gt = connection_of(gt)
    findings = gt.findings(team=team)
    wrong = [
        finding for finding in findings if finding.code in _URL_LOCK and finding.state == "found"
    ]
    details: Json = {"findings": [finding.code for finding in wrong]}
    # what was not read of the team and its workforce, each with the reason
    blind = [
        each
        for each in findings
        if each.code == "not-checked" and _NEEDED & set(each.could_not_see)
    ]
    unseen = sorted({each.detail.partition(". ")[0].rstrip(".") for each in blind})
    unknown = ""
    if unseen:
        unknown = f"Whether the URL lock fits the portal is not known: {some(unseen)}."
        details["not_read"] = unseen
    if wrong:
        text = " ".join(filter(None, (f"{wrong[0].title}.", wrong[0].detail, unknown)))
        return CheckResult("team_is_restricted", name, False, text, details, wrong[0].fix)
    if unknown:
        return CheckResult(
            "team_is_restricted",
            name,
            None,
            unknown,
            details,
            "'gt-secure doctor --policy teams' prints the policy to hand to an administrator.",
        )
    lock = gt.workteam(team).url_lock
    mode = lock.mode if lock is not None else "off"
    details["url_lock"] = mode
    if url_lock is not None and mode != url_lock:
        text = f"The URL lock is {mode}, not {url_lock}."
        return CheckResult(
            "team_is_restricted", name, False, text, details, "Plan the team's restriction again."
        )
    if portal is not None:
        return _portal(name, gt.workforce(), ranges_and_lists(gt.aws, portal)[0], mode, details)
    return CheckResult("team_is_restricted", name, True, f"The URL lock is on ({mode}).", details)


def _portal(
    name: str,
    force: Workforce | None,
    wanted: IPNetworks,
    mode: str,
    details: Json,
) -> CheckResult:
    listed = [] if force is None else list(force.cidrs)
    details["portal_lock"] = listed
    if not listed:
        text = "The portal lock is off: the worker portal opens from every address."
        fix = "Apply a restriction with portal_lock=True."
        return CheckResult("team_is_restricted", name, False, text, details, fix)
    extra = [str(network) for network in outside(parse_networks(listed), wanted)]
    if extra:
        text = f"The portal lock also lists {some(extra)}."
        fix = "Take them out, or add them to the check."
        return CheckResult("team_is_restricted", name, False, text, details, fix)
    text = f"The URL lock is on ({mode}), and the portal opens only from {some(listed)}."
    return CheckResult("team_is_restricted", name, True, text, details)


def _not_covered(guards: Sequence[Guard], start: str) -> str:
    if not guards:
        return "The bucket policy has no guard of gt_secure."
    keys = f"keys under {start}" if start else "all keys"
    return f"No guard covers {keys}, only {some([each.objects for each in guards])}."


@Check
def guard_is_in_place(
    gt: ConnectionLike,
    bucket: str,
    *,
    prefix: str | None = None,
    addresses: AddressesLike | None = None,
    endpoints: TextsLike | None = None,
) -> CheckResult:
    """Check that the guard is unchanged, lists what it should, and that nobody else can open the
    objects.

    Parameters
    ----------
    prefix : str, optional
        Keys that must be protected; by default all keys of the bucket.
    addresses, endpoints : optional
        What the guard must list, no more and no less: where one of them is named, a guard that also
        admits what the other would name fails. None for both accepts any list but one that holds
        every address. Addresses may name lists that AWS keeps (``pl-…``, ``wafv2:ipset/NAME``),
        which are read now.
    """
    name, named = place_of(bucket, prefix or "")
    start = check_prefix(named) if named else ""
    behind = check_endpoints(endpoints or (), [])
    aws = connection_of(gt).aws
    networks, lists = ((), ()) if addresses is None else ranges_and_lists(aws, addresses)
    state = read_scope(aws, ReadScope(bucket=name, writes=frozenset({"bucket.policy"})))
    guards = BucketPolicy.of(state.bucket and state.bucket.policy.value).guards
    guard = guard_around(guards, start)
    if guard is None:
        return CheckResult(
            "guard_is_in_place", name, False, _not_covered(guards, start), {}, _AGAIN
        )
    access = access_to(state, start)
    differences = (
        []
        if addresses is endpoints is None
        else _lists(guard.allowed, Allowed(networks).plus(behind))
    )
    wrong = [*_shape(guard, name, start), *differences]
    wrong += [access.text.removesuffix(".")] if access.tone in ("part", "open") else []
    details: Json = {
        "prefix": guard.prefix,
        "addresses": [str(network) for network in guard.networks],
        "endpoints": list(guard.allowed.ids),
        "drifted": guard.drifted,
        "wrong": wrong,
        "access": access.to_dict(),
        **({"lists": [each.to_dict() for each in lists]} if lists else {}),
    }
    if wrong:
        step = _NAME_IT if differences else _AGAIN
        unknown = f" {access.text}" if access.tone == "unknown" else ""
        return CheckResult(
            "guard_is_in_place", name, False, f"{'; '.join(wrong)}.{unknown}", details, step
        )
    if access.tone == "unknown":
        next_step = "Add known values as context, or read access for the role."
        return CheckResult("guard_is_in_place", name, None, access.text, details, next_step)
    return CheckResult("guard_is_in_place", name, True, access.text, details)


def _shape(guard: Guard, bucket: str, prefix: str) -> list[str]:
    wrong = []
    if guard.drifted:
        wrong.append("Somebody changed the guard: it is not the statement that gt_secure writes")
    if guard.reads:
        wrong.append("It spares uploads: whoever has an upload URL can overwrite from anywhere")
    if guard.bucket and guard.bucket != bucket:
        wrong.append(f"It is for another bucket, {guard.bucket}")
    if not prefix.startswith(guard.prefix):
        wrong.append(f"It covers keys under {guard.prefix}, not {prefix or 'all keys'}")
    if is_anyone(spans_of(guard.networks)):
        wrong.append(f"It admits anyone ({some([*map(str, guard.networks)])})")
    return wrong


def _lists(listed: Allowed, wanted: Allowed) -> list[str]:
    """Return how the lists of a guard differ from those that are named."""
    extra, lacking = listed.lacking(wanted), wanted.lacking(listed)
    wrong = [f"It also admits {some(extra)}"] if extra else []
    return [*wrong, f"It does not admit {some(lacking)}"] if lacking else wrong
