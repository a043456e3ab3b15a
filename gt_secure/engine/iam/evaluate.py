"""The decision: whether the policies together allow one request.

Sources: IAM User Guide, *Policy evaluation logic*, *Cross-account policy evaluation logic*,
*Permissions boundaries*, *Session policies*, and the notes on role, session and ``*`` principals in
*AWS JSON policy elements: Principal*.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...base.errors import InvalidInput
from .documents import ASSUMED, Statement
from .principals import Grant
from .request import Compiled, Layer, Policies, Request
from .three_valued import bounds
from .verdict import Decided, Verdict

OF_ROOT = frozenset(f"s3:{verb}bucketpolicy" for verb in ("get", "put", "delete"))
"""Actions of the root user of the bucket's account that work whatever the bucket policy denies (S3
API Reference, *PutBucketPolicy*): only policies of an endpoint and of the organization stop them.
"""
_STRENGTH: tuple[Grant | None, ...] = (None, "account", "role", "direct")
"""Grants, the weakest first."""


def evaluate(request: Request, policies: Policies) -> Verdict:
    """Decide one request.

    Returns
    -------
    Verdict
        ``allow``, ``implicit-deny``, ``explicit-deny``; ``unknown``, with the keys, if it depends
        on keys whose values are not known; or ``invalid``, with the reason, if a document is not a
        policy or the request is none that AWS could get. Never raises for bad input.
    """
    try:
        request.check()
        compiled = policies.compiled
    except InvalidInput as error:
        return Verdict(request, None, Decided("invalid", rule=str(error)))
    is_open = request.unknown or any(layer.document.open_patterns for layer in compiled.layers)
    outcome = bounds(request, compiled, decide) if is_open else decide(request, compiled)
    return Verdict(request, compiled, outcome)


def _denied(consulted: Iterable[Layer], request: Request) -> Decided | None:
    is_free = (
        request.caller.kind == "root"
        and not request.is_cross_account
        and request.lower_action in OF_ROOT
    )
    for layer in consulted:
        for statement in layer.document.denies if layer.kind != "resource" or not is_free else ():
            if applies(statement, request):
                return Decided("explicit-deny", layer, statement)
    return None


def decide(request: Request, policies: Compiled) -> Decided:
    """Decide with compiled policies and a request that has been checked."""
    consulted = policies.consulted(
        request.caller, cross_account=request.is_cross_account, endpoint=not request.is_off_endpoint
    )
    if (denied := _denied(consulted, request)) is not None:
        return denied
    gate = None if request.is_off_endpoint else policies.endpoint
    if gate is not None and not _lets_through(gate, request, policies.gateway_endpoint):
        return Decided(
            "implicit-deny", gate, rule="no statement of the VPC endpoint policy allows it"
        )
    for level in consulted:
        if level.must_allow and _first_allow(level, request) is None:
            return Decided(
                "implicit-deny", level, rule=f"no statement of the {level.name} allows it"
            )
    grant, granted_by = _strongest(policies.resource, request)
    if request.caller.kind in ("anonymous", "service"):
        if grant is not None:
            return Decided("allow", policies.resource, granted_by)
        return Decided(
            "implicit-deny",
            policies.resource,
            rule="only the bucket policy could allow this caller, and it does not",
        )
    if policies.must_grant and grant is None:
        return Decided(
            "implicit-deny",
            policies.resource,
            rule="the trust policy does not let this caller use the role",
        )
    if request.is_cross_account:
        return _cross_account(request, policies, grant, granted_by)
    if grant == "direct":
        return Decided("allow", policies.resource, granted_by, rule="it names this caller directly")
    by_role = (policies.resource, granted_by) if grant == "role" else (None, None)
    return _caller_side(request, policies, *by_role)


def applies(statement: Statement, request: Request) -> bool:
    """Return whether a statement, of whatever effect, applies to a request."""
    return (
        statement.covers_action(request.lower_action)
        and statement.covers_resource(request.resource, request.keys)
        and statement.grant(request.caller, request.keys) is not None
        and statement.conditions_hold(request.keys)
    )


def _first_allow(layer: Layer, request: Request) -> Statement | None:
    return next(
        (statement for statement in layer.document.allows if applies(statement, request)), None
    )


def _lets_through(gate: Layer, request: Request, gateway: bool) -> bool:
    return any(
        applies(statement, request)
        and not (gateway and statement.grant(request.caller, request.keys) == "account")
        for statement in gate.document.allows
    )


def _strongest(layer: Layer | None, request: Request) -> tuple[Grant | None, Statement | None]:
    """Return the strongest grant of the resource policy and the statement that gives it."""
    best: tuple[Grant | None, Statement | None] = (None, None)
    if layer is None:
        return best
    for statement in layer.document.allows:
        if not applies(statement, request):
            continue
        grant = statement.grant(request.caller, request.keys)
        if _STRENGTH.index(grant) > _STRENGTH.index(best[0]):
            best = (grant, statement)
    return best


def _cross_account(
    request: Request, policies: Compiled, grant: Grant | None, statement: Statement | None
) -> Decided:
    if grant is None:
        return Decided(
            "implicit-deny",
            policies.resource,
            rule="the caller is of another account and the bucket policy does not allow it",
        )
    own = _caller_side(request, policies, None, None)
    if own.decision != "allow":
        return own
    assumed = own.statement and own.statement.sid == ASSUMED
    rule = "the caller's account was assumed to allow it" if assumed else "both accounts allow it"
    return Decided("allow", policies.resource, statement, rule=rule)


def _caller_side(
    request: Request, policies: Compiled, granting: Layer | None, statement: Statement | None
) -> Decided:
    """Intersect what grants (identity policies, or a resource policy naming the role)
    with what limits; ``statement`` is the grant to the role, if there is one.
    """
    caller = request.caller
    if caller.kind == "root":
        return Decided("allow", rule="the account's root user needs no policy")
    if caller.kind != "federated-user" or policies.session is not None:
        for layer in policies.identity:
            if (found := _first_allow(layer, request)) is not None:
                granting, statement = layer, found
                break
    if statement is None:
        return Decided(
            "implicit-deny",
            policies.identity[0] if policies.identity else None,
            rule="no policy grants it",
        )
    for limit in (policies.session, policies.boundary):
        if limit is not None and _first_allow(limit, request) is None:
            return Decided(
                "implicit-deny", limit, rule=f"no statement of the {limit.name} allows it"
            )
    return Decided("allow", granting, statement)
