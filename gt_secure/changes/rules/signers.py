"""Rules about the signer limit of a plan: whom it would stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...base.text import some
from ...engine.policies.bucket_guard import SIGNERS_SID
from ...engine.policies.signer_limit import is_listed, signer_names, without_session
from ...restriction.messages import Notice, notice
from ..case import Case, on_change
from ..diff import changed_prefix
from .bucket import nested
from .log import MOST_NAMED


@on_change("bucket-guard")
def limit(case: Case) -> Iterator[Notice]:
    """Yield what becomes of the current signer limit."""
    signers = case.restriction.signers
    prefix = changed_prefix(case.restriction, case.policy, SIGNERS_SID)
    current = case.policy.signer_limit_of(prefix)
    if signers is None or current is None:
        return
    if current.drifted:
        yield notice("guard-edited", field="signers")
    if not signers:
        yield notice("signers-off")
        return
    dropped = [each for each in current.signers if not is_listed(each, signers)]
    if dropped:
        yield notice("signers-drops", signers=signer_names(dropped).replace(" or ", ", "))


@on_change("bucket-guard")
def overlaps(case: Case) -> Iterator[Notice]:
    """Yield the objects that several limits cover: a URL must satisfy each."""
    limits = case.planned.signer_limits if case.restriction.signers else ()
    for inner in nested((each.prefix for each in limits), case.restriction.prefix):
        lists = [set(each.signers) for each in limits if inner.startswith(each.prefix)]
        both = set.intersection(*lists)
        if any(each != both for each in lists):
            yield notice(
                "signers-overlap",
                severity=None if both else "blocker",
                objects=f"objects under {inner}",
                signers=signer_names(sorted(both)),
            )


@on_change("bucket-guard")
def stopped(case: Case) -> Iterator[Notice]:
    """Yield whom the limit would stop: the caller, and the roles of waiting jobs."""
    signers, state = case.restriction.signers, case.state
    if not signers:
        return
    yield notice("signers-limits")
    if not is_listed(state.caller_arn, signers):
        yield notice("signers-caller", caller=state.caller_arn, fix=_add([state.caller_arn]))
    roles = {job.role_arn for job in state.jobs.if_read or () if job.role_arn}
    left_out = sorted(role for role in roles if not is_listed(role, signers))
    if left_out:
        yield notice("signers-jobs", roles=", ".join(left_out), fix=_add(left_out))
    elif case.restriction.team is None or state.jobs.missing is not None:
        yield notice("signers-jobs-unread")


def _add(arns: Sequence[str]) -> str:
    return f"Add --signers {' --signers '.join(arns)}."


@on_change()
def logged(case: Case) -> Iterator[Notice]:
    """Yield who signed URLs that the log has, and would not be listed."""
    listed = case.restriction.signers
    if not listed or case.hits is None:
        return
    signed, _ = case.hits.presigners(case.restriction.bucket or "", case.restriction.prefix)
    left_out = [each for each in map(without_session, signed) if not is_listed(each, listed)]
    if left_out:
        yield notice("signers-log", signers=some(left_out, MOST_NAMED))
