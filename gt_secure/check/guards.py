"""``guard_is_in_place``: the Deny statement in the current policy of a bucket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..account.lists import ranges_and_lists
from ..aws.buckets import bucket_region, check_bucket, check_prefix, read_policy
from ..connection import ConnectionLike, connection_of
from ..network import IPAddress, IPNetwork, outside, parse_endpoint_id
from ..policies.bucket_guard import Guard, find_guard
from .result import Check, CheckResult, some

_AGAIN = "Plan and apply the restriction again; 'gt-secure plan' shows the difference."


@Check
def guard_is_in_place(
    gt: ConnectionLike,
    bucket: str,
    *,
    prefix: str | None = None,
    addresses: str | Iterable[str | IPNetwork | IPAddress] | None = None,
    endpoints: str | Iterable[str] | None = None,
) -> CheckResult:
    """Check that the bucket's policy holds our guard, unchanged, with the right addresses and endpoints.

    Parameters
    ----------
    gt : Connection or sagemaker.core Session
    bucket : str
        Name of the data bucket.
    prefix : str, optional
        Keys that the guard must cover; None accepts any.
    addresses, endpoints : optional
        What the guard must list, no more and no less; None accepts any list but one that holds every address.
        Addresses may name lists that AWS keeps (``pl-…``, ``wafv2:ipset/NAME``), which are read now.
    """
    name = check_bucket(bucket)
    start = None if prefix is None else check_prefix(prefix)
    wanted = [endpoints] if isinstance(endpoints, str) else endpoints
    ids = None if wanted is None else {parse_endpoint_id(each) for each in wanted}
    aws = connection_of(gt).aws
    networks, lists = (None, ()) if addresses is None else ranges_and_lists(aws, addresses)
    guard = find_guard(read_policy(aws, name, bucket_region(aws, name)))
    if guard is None:
        return CheckResult("guard_is_in_place", name, False, "The bucket policy has no guard of ours.", {}, _AGAIN)
    wrong = [*_shape(guard, name, start), *_lists(guard, networks, ids)]
    details: dict[str, Any] = {
        "prefix": guard.prefix,
        "addresses": [str(network) for network in guard.networks],
        "endpoints": list(guard.endpoints),
        "drifted": guard.drifted,
        "old_form": guard.old_form,
        "wrong": wrong,
    }
    if lists:
        details["lists"] = [each.to_dict() for each in lists]
    if wrong:
        return CheckResult("guard_is_in_place", name, False, "; ".join(wrong) + ".", details, _AGAIN)
    where = f"keys under {guard.prefix}" if guard.prefix else "all keys"
    said = f"The guard covers {where} and admits {some([*details['addresses'], *guard.endpoints])}."
    return CheckResult("guard_is_in_place", name, True, said, details)


def _shape(guard: Guard, bucket: str, prefix: str | None) -> list[str]:
    wrong: list[str] = []
    if guard.drifted:
        wrong.append("Somebody changed the guard: it is not the statement that gt_secure writes")
    if guard.old_form:
        wrong.append(f"It is of the old form: from anywhere it lets through {guard.gap}")
    if guard.bucket and guard.bucket != bucket:
        wrong.append(f"It is for another bucket, {guard.bucket}")
    if prefix is not None and not prefix.startswith(guard.prefix):
        wrong.append(f"It covers keys under {guard.prefix}, not {prefix or 'all keys'}")
    wide = [str(network) for network in guard.networks if network.prefixlen == 0]
    if wide:
        wrong.append(f"It admits every address ({some(wide)})")
    return wrong


def _lists(guard: Guard, networks: tuple[IPNetwork, ...] | None, ids: set[str] | None) -> list[str]:
    wrong: list[str] = []
    extra: list[str] = []
    lacking: list[str] = []
    if networks is not None:
        extra += [str(network) for network in outside(guard.networks, networks)]
        lacking += [str(network) for network in outside(networks, guard.networks)]
    if ids is not None:
        extra += sorted(set(guard.endpoints) - ids)
        lacking += sorted(ids - set(guard.endpoints))
    if extra:
        wrong.append(f"It also admits {some(extra)}")
    if lacking:
        wrong.append(f"It does not admit {some(lacking)}")
    return wrong
