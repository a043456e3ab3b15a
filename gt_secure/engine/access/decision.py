"""One concrete request, decided with what is not known about it: the one model that every surface
asks.

A request of a plan, a table or a check has a source, a signer and a time, but nobody can tell its
organization, its tags, or the headers that somebody will send. What the sender chooses opens it if
some choice does; a fact that is not known makes the answer unknown where it matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..iam.evaluate import evaluate
from ..iam.facts import Facts, Signer
from ..iam.request import Compiled, Policies, Request
from ..iam.request_context import HEADER_SIGNED, POST_FORM, PRESIGNED
from ..iam.request_keys import (
    ABSENT,
    ENDPOINT_FACTS,
    ENDPOINT_KEYS,
    TIME_KEYS,
    TLS_KEYS,
    is_absent_for,
    key_facts,
)
from ..iam.request_space import Dimension, RequestSpace, SpaceAnswer
from ..iam.statement_table import PRINCIPAL, StatementTable, View
from ..iam.three_valued import fact, spellings
from ..iam.variables import Keys
from ..iam.verdict import Decided, Verdict
from .request_kinds import By, Circumstances, Form, Kind, dimensions, principal_keys
from .source_sets import example_request

_FORMS: dict[str, Form] = {PRESIGNED: "presigned", HEADER_SIGNED: "header", POST_FORM: "post-form"}
SUPPOSED = TIME_KEYS | TLS_KEYS | {"aws:requestedregion", "aws:viaawsservice", "s3:signatureage"}
"""Keys that a prediction supposes where nobody supplies them."""
_OF_ONE_SIGNER = frozenset({"aws:principalarn", "aws:principaltype", "aws:username"})
_OF_SERVICES = ("aws:sourceorgid", "aws:sourceorgpaths")
_OF_ENDPOINTS = (*ENDPOINT_FACTS, "aws:sourcevpc", "aws:sourcevpcarn")


def decide_request(
    request: Request,
    policies: Policies,
    facts: Facts | None = None,
    *,
    signer_known: bool = True,
    session_known: bool = True,
) -> Verdict:
    """Decide a request whose context holds what is known of it: a missing key is absent only where
    AWS documents so.

    Without ``signer_known`` the request names only the account of the caller, without
    ``session_known`` a role without its session. The verdict is ``unknown``, with the keys,
    where it depends on one that is not known.
    """
    supplied = _given(request, facts or Facts())
    request = _supposing(request, supplied)
    certain = evaluate(request, policies)
    if certain.policies is None:
        return certain
    compiled = certain.policies
    caller_known = signer_known and session_known
    if _is_settled(compiled, request, signer_known, caller_known):
        return certain
    known = _known(request, supplied, signer_known)
    caller = request.caller
    table = StatementTable(
        compiled,
        caller,
        cross_account=request.is_cross_account,
        endpoint=not request.is_off_endpoint,
    )
    account = request.resource_account or caller.account
    settled: Keys = {
        **(
            {"aws:resourceaccount": (account,), "s3:resourceaccount": (account,)} if account else {}
        ),
        **{key: value for key, value in known.items() if value},
    }
    view = View(request.action, request.resource, caller, settled)
    circumstances = Circumstances(account, caller.partition or "aws", Facts({**settled, **known}))
    varying = _sender_dimensions(
        request, compiled, table, circumstances, settled, known, caller_known
    )
    if request.keys.get("aws:sourcevpce"):
        varying += _unknown_facts(_OF_ENDPOINTS, compiled, table, settled, known)
    answer = RequestSpace(table, view, varying).answer()
    if answer.state == "unknown":
        rule = f"the answer depends on {', '.join(answer.depends_on)}"
        return Verdict(
            request, compiled, Decided("unknown", rule=rule, depends_on=answer.depends_on)
        )
    return _confirmed(request, policies, view, answer, varying, circumstances)


def _confirmed(
    request: Request,
    policies: Policies,
    view: View,
    answer: SpaceAnswer,
    varying: Sequence[Dimension],
    circumstances: Circumstances,
) -> Verdict:
    """Return the evaluation of a request, or of an example of it, that has the answer;
    unknown without one.
    """
    context = {
        key: values if len(values) != 1 or type(values) is not tuple else values[0]
        for key, values in view.keys.items()
    }
    full = replace(request, context=context)
    verdict = evaluate(full, policies)
    if verdict.allowed == (answer.state == "opened"):
        return verdict
    trail = answer.example or tuple(d.settings[0] for d in varying if d.settings)
    example = example_request(view, trail[0], trail[1:], circumstances) if trail else full
    verdict = evaluate(replace(example, resource_account=request.resource_account), policies)
    if verdict.allowed == (answer.state == "opened"):
        return verdict
    names = tuple(sorted(dimension.name for dimension in varying))
    decided = Decided("unknown", rule="the evaluation was not confirmed", depends_on=names)
    return Verdict(request, policies.compiled, decided)


def _known(request: Request, supplied: Keys, signer_known: bool) -> Keys:
    """Return the keys that are known, an empty value for one that is absent."""
    own = principal_keys(request.caller, request.caller.partition or "aws")
    known = {**own, **supplied, **request.keys}
    return (
        known
        if signer_known
        else {key: value for key, value in known.items() if key not in _OF_ONE_SIGNER}
    )


def _sender_dimensions(
    request: Request,
    compiled: Compiled,
    table: StatementTable,
    circumstances: Circumstances,
    settled: Keys,
    known: Keys,
    caller_known: bool,
) -> list[Dimension]:
    """Return what varies with the sender: its choices,
    and the facts about it that are not known.
    """
    if request.caller.kind == "service":
        return _unknown_facts(_OF_SERVICES, compiled, table, settled, known)
    form = _FORMS.get(next(iter(request.keys.get("s3:authtype", ())), ""), "unsigned")
    by: By = "role" if request.caller.kind == "session" else "all"
    kind = Kind(form, form, _signer(request), request.action, request.resource, by=by)
    return [
        dimension
        for dimension in dimensions(table, kind, circumstances, compiled, known=settled)
        if PRINCIPAL not in dimension.keys or not caller_known
    ]


def _unknown_facts(
    keys: Iterable[str],
    compiled: Compiled,
    table: StatementTable,
    settled: Keys,
    known: Keys,
) -> list[Dimension]:
    """Return those of some facts for which the policies ask, and which are not known."""
    mentioned = spellings(compiled)
    return [
        fact(table, key, known=settled) for key in keys if key in mentioned and key not in known
    ]


def _given(request: Request, facts: Facts) -> Keys:
    """Return the facts about a request: those of its signer and path that requests of
    its action can have.
    """
    signer = _signer(request)
    given = facts.off_endpoint(signer) if request.is_off_endpoint else facts.about(signer)
    signed = request.keys.get("s3:authtype", ())
    aged = PRESIGNED in signed or POST_FORM in signed
    return {
        key: value
        for key, value in given.items()
        if not is_absent_for(request.action, key) and (aged or key != "s3:signatureage")
    }


def _supposing(request: Request, given: Keys) -> Request:
    """Return the request with supplied values in place of those that a prediction supposes."""
    supposed = {key: value for key, value in given.items() if key in SUPPOSED and value}
    if not supposed:
        return request
    others = {key: value for key, value in request.context.items() if key.lower() not in supposed}
    return replace(
        request,
        context={**others, **{key_facts(key).name: value[0] for key, value in supposed.items()}},
    )


def _is_settled(
    policies: Compiled, request: Request, signer_known: bool, caller_known: bool
) -> bool:
    """Return whether the policies ask for nothing that is not known of the request."""
    # no request on this path has these keys, unless its context says so
    absent = ABSENT | (ENDPOINT_KEYS if request.is_off_endpoint else {"aws:sourceip"})
    if request.caller.kind == "service":
        absent -= set(_OF_SERVICES)
    known = request.keys.keys() | absent
    open_kinds = {"canonical", "unique-id", "federated"}
    if not caller_known:
        open_kinds.add("exact")
    if not signer_known:
        known -= _OF_ONE_SIGNER
        open_kinds.add("role")
    return all(
        all(each.lower_key in known and len(each.asks) == 1 for each in statement.conditions)
        and all(pattern.matcher is not None for pattern in statement.resources)
        and not any(entry.kind in open_kinds for entry in statement.principals or ())
        for statement in policies.statements
    )


def _signer(request: Request) -> Signer:
    if not request.caller.account:
        return "anonymous"
    return "other" if request.is_cross_account else "own"
