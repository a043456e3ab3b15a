"""The finding whose fix, our guard for the claim, refuses a counterexample."""

from __future__ import annotations

from dataclasses import replace

from ..errors import InvalidInput
from ..iam.evaluate import evaluate
from ..iam.request import Policies, Request
from ..network import IPNetwork
from ..policies.bucket_guard import Guard, build_guard, find_guard, merge_guard


def fixing_finding(
    request: Request,
    policies: Policies,
    policy: str | None,
    *,
    bucket: str,
    prefix: str,
    networks: tuple[IPNetwork, ...],
    endpoints: tuple[str, ...],
    partition: str,
) -> str | None:
    """Return the code of the finding, or None if our guard would not refuse the request either.

    Parameters
    ----------
    request : Request
        The counterexample.
    policies : Policies
        Those that meet it.
    policy : str or None
        The bucket policy.
    bucket, prefix, networks, endpoints, partition
        The claim, for which the guard is built.
    """
    if not networks and not endpoints:
        return None
    try:
        guard = build_guard(bucket, prefix=prefix, networks=networks, endpoints=endpoints, partition=partition)
        fixed = merge_guard(policy, guard)
        verdict = evaluate(request, replace(policies, resource=fixed))
        return None if verdict.decision != "explicit-deny" else _code(find_guard(policy))
    except InvalidInput:
        return None  # a policy that cannot be merged is fixed by nothing that gt_secure writes


def _code(guard: Guard | None) -> str:
    if guard is None:
        return "guard-missing"
    if guard.old_form:
        return "guard-old-form"
    return "guard-drifted" if guard.drifted else "guard-narrower"
