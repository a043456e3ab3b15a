"""A proof that no presigned request from elsewhere is opened, or one concrete request that is.

The claim: no request signed in the query string or sent as a POST form from outside the allowed addresses and endpoints
is opened, whatever it asks for and whoever signed it, under the policies read. Every dimension of such a request is cut
at the values that the policies name, so that the claim is decided for all of them.

The certificate is the question as SMT-LIB 2, so that any solver can decide it again: ``unsat`` if the claim holds.
Addresses are bit vectors. All else that a request can vary is divided into the classes that the policies tell apart,
with an integer for each class. Tables say which statement applies to which class; the decision is written out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial, reduce
from itertools import product, starmap
from math import prod
from typing import Any

from ...base.errors import InvalidInput
from ...base.network import IPNetwork
from ...base.text import members, printable
from ..iam.documents import PolicySource
from ..iam.facts import Signer
from ..iam.request import Policies, Request
from ..iam.request_keys import TABLES, is_absent_for, is_by_action
from ..iam.request_space import Dimension, RequestSpace, SpaceAnswer
from ..iam.statement_table import TARGET, DimensionValue, StatementTable, TablePart, View
from ..iam.variables import Keys
from ..policies.bucket_guard import UPLOAD, build_guard, find_guard, merge_guard
from ..policies.signer_limit import build_signer_limit, signer_names
from .address_classes import Span
from .answer import MEANT, Answer
from .expectation import Expectation
from .key_classes import KeyClasses
from .locks import EffectiveLocks
from .request_kinds import Form, Kind, base_view
from .source_sets import Requests, confirm, example_request
from .sources import address_sources, endpoint_classes

OBJECT_ACTIONS = tuple(f"s3:{name}" for name in TABLES["object_actions"])
BUCKET_ACTIONS = tuple(f"s3:{name}" for name in TABLES["bucket_actions"])
"""Actions on an object and on a bucket, from the *Service Authorization Reference*: a presigned URL can ask for any."""
_FORMS: tuple[tuple[Form, Signer], ...] = (
    ("presigned", "own"),
    ("presigned", "other"),
    ("post-form", "own"),
    ("post-form", "other"),
    ("post-form", "anonymous"),
)
ROOT_EXCEPTION = (
    "The root user of the bucket's account can get, put and delete the bucket policy: no bucket policy can stop that."
)


SPARED = "Whoever has an upload URL or form can overwrite objects from anywhere"
"""The limit of a guard of reads, in a sentence."""


@dataclass(frozen=True)
class Claim:
    """Statement to prove.

    Attributes
    ----------
    prefix : str
        Start of the keys; empty for the whole bucket, requests on the bucket itself included.
    addresses : sequence of network
        Allowed addresses.
    endpoints : sequence of str
        Allowed endpoints.
    reads : bool
        Whether uploads are left out of the claim.
    signers : sequence of str
        If there are some: nobody else's URL is opened either, from wherever, uploads apart.
    """

    prefix: str = ""
    addresses: Sequence[IPNetwork] = ()
    endpoints: Sequence[str] = ()
    reads: bool = False
    signers: Sequence[str] = ()

    @property
    def words(self) -> str:
        """The claim in a sentence."""
        except_uploads = f". {SPARED}" if self.reads else ""
        what = "presigned request except an upload" if self.reads else "presigned request or POST form"
        said = f"no {what} from elsewhere is opened{except_uploads}"
        of_others = f"no URL for reading that anybody but {signer_names(self.signers)} signed is opened"
        if not self.signers:
            return said
        return f"{said}; {of_others}" if self.addresses or self.endpoints else of_others


@dataclass(frozen=True)
class Proof:
    """The answer to a claim.

    Attributes
    ----------
    proved : bool or None
        None if it depends on facts that are not known.
    counterexample : mapping or None
        A request that is opened, as a case for ``gt-secure verdict``.
    depends_on : tuple of str
        The condition keys on which the answer depends.
    assumed : tuple of str
        What the answer takes for granted.
    claim : str
        The claim in a sentence.
    answers, expectation
        For an expectation, the answer for each of its sources.
    """

    proved: bool | None
    counterexample: dict[str, Any] | None = None
    depends_on: tuple[str, ...] = ()
    assumed: tuple[str, ...] = field(default=(), repr=False)
    claim: str = ""
    answers: tuple[Answer, ...] = ()
    expectation: Expectation | None = None
    questions: tuple[tuple[EffectiveLocks, Claim], ...] = field(default=(), repr=False, compare=False)

    def certificate(self) -> str:
        """Return the question of the proof as SMT-LIB 2: a solver prints ``unsat`` if the claim holds.

        Raises
        ------
        InvalidInput
            If the policies were not read, or the question is an expectation.
        """
        if not self.questions:
            raise InvalidInput(
                "There is no certificate: a policy was not read, or the claim is not about all sources.",
                next_step="Prove a restriction of a bucket whose policy can be read.",
                field="certificate",
            )
        parts = ((locks, claim, _parts(locks, claim, any_way=locks.asks_for_points)) for locks, claim in self.questions)
        return certificate_of(self.claim, self.assumed, parts)

    @classmethod
    def of_expectation(
        cls, expectation: Expectation, answers: tuple[Answer, ...], assumed: tuple[str, ...] = ()
    ) -> Proof:
        """Return the proof that every answer is the expected one."""
        words = {each.answer for each in answers} - {MEANT[expectation.kind]}
        proved = True if not words else None if words == {"unknown"} else False
        depends_on = sorted({key for each in answers for key in each.depends_on})
        return cls(proved, None, tuple(depends_on), assumed, "", answers, expectation)

    @property
    def kind(self) -> str:
        """The expected result, ``allowed`` or ``refused``; empty for a claim about all sources."""
        return "" if self.expectation is None else self.expectation.kind

    @property
    def broken(self) -> tuple[Answer, ...]:
        """The answers that are not the expected ones."""
        return tuple(each for each in self.answers if each.answer != MEANT[self.kind])

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a row of JSON-able data for each source of an expectation."""
        if self.expectation is None:
            return []
        return [
            {
                **members(self.expectation, "kind", "of", "prefix"),
                **members(each, "source", "lock", "reason", "when", "depends_on"),
                "observed": each.answer,
                "holds": each.answer == MEANT[self.kind],
                "keys": [each.key] if each.key else [],
            }
            for each in self.answers
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return members(self, "proved", "counterexample", "depends_on", "assumed")


@dataclass(frozen=True)
class ProofPart:
    """Requests of one form and signer from one class of sources: addresses, or an endpoint."""

    answer: SpaceAnswer
    space: RequestSpace
    setting: DimensionValue
    form: Form
    signer: Signer
    spans: tuple[Span, ...] = ()
    endpoint: str = ""


def prove(locks: EffectiveLocks, claim: Claim) -> Proof:
    """Decide the claim under the policies of locks."""
    if claim.signers:
        return _prove_signers(locks, claim)
    locks = replace(locks, facts=locks.facts.without_choices())
    assumed = (*locks.assumed, *_not_covered(claim))
    unknown: set[str] = set()
    circumstances = locks.circumstances
    ways = (False, True) if locks.asks_for_points else (False,)
    for part in (part for any_way in ways for part in _parts(locks, claim, any_way=any_way)):
        if part.answer.state == "unknown":
            unknown |= set(part.answer.depends_on)
        if part.answer.state != "opened":
            continue
        request = example_request(part.space.base, part.setting, part.answer.example, circumstances)
        policies = locks.policies(part.signer, part.endpoint)
        verdict = confirm(request, policies)
        if not verdict.allowed:  # the evaluator has the last word
            unknown |= {dimension.name for group in part.space.groups for dimension in group.dimensions}
            continue
        case = _case(request, locks, part, verdict.reason)
        code = _fixed_by(request, policies, locks, claim)
        case = {**case, "finding": code} if code else case
        return Proof(False, case, (), assumed, claim.words, questions=((locks, claim),))
    proved = None if unknown else True
    return Proof(proved, None, tuple(sorted(unknown)), assumed, claim.words, questions=((locks, claim),))


def _prove_signers(locks: EffectiveLocks, claim: Claim) -> Proof:
    """Decide both parts: a Deny of the signers themselves leaves the requests of all others."""
    arns = build_signer_limit(locks.bucket, claim.signers, locks.account, partition=locks.partition)["Condition"]
    spared = {"ArnLike": arns["ArnNotLike"]}  # type: ignore[index]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": spared}
    policy = json.loads(locks.policy) if isinstance(locks.policy, str) and locks.policy else locks.policy or {}
    listed = policy.get("Statement", [])
    statements = [*(listed if isinstance(listed, list) else [listed]), deny]
    others = replace(locks, policy={"Version": "2008-10-17", **policy, "Statement": statements})
    elsewhere = replace(claim, signers=())
    parts = [prove(others, Claim(claim.prefix, reads=True))]
    parts += [prove(locks, elsewhere)] if claim.addresses or claim.endpoints else []
    worst = min(parts, key=lambda each: (each.proved is not False, each.proved is not None))
    case = worst.counterexample
    if case is not None and worst is parts[0]:
        case = {**case, "resourcePolicy": locks.policy}
    asked = tuple(question for part in parts for question in part.questions)
    return replace(worst, counterexample=case, claim=claim.words, questions=asked)


def _fixed_by(request: Request, policies: Policies, locks: EffectiveLocks, claim: Claim) -> str | None:
    """Return the code of the finding whose fix, our guard for the claim, refuses a counterexample."""
    if not claim.addresses and not claim.endpoints:
        return None
    policy = locks.policy if locks.policy is None or isinstance(locks.policy, str) else json.dumps(locks.policy)
    try:
        guard = build_guard(
            locks.bucket,
            prefix=claim.prefix,
            networks=claim.addresses,
            endpoints=claim.endpoints,
            partition=locks.partition,
            reads=claim.reads,
        )
        verdict = confirm(request, replace(policies, resource=merge_guard(policy, guard)))
        if verdict.decision != "explicit-deny":
            return None
        found = find_guard(policy)
    except InvalidInput:
        return None  # a policy that cannot be merged is fixed by nothing that gt_secure writes
    if found is None:
        return "guard-missing"
    return "guard-drifted" if found.drifted else "guard-narrower"


def _not_covered(claim: Claim) -> list[str]:
    sentences = [ROOT_EXCEPTION, "s3:authType is POST for every form, signed or not."]
    if claim.reads:
        sentences.append(f"{SPARED}: uploads are outside the claim.")
    if claim.prefix:
        sentences.append(
            f'Requests on the bucket itself are outside the claim, which is for keys under "{claim.prefix}".'
        )
    return [*sentences, "The policies stay as they were read."]


def _parts(locks: EffectiveLocks, claim: Claim, *, any_way: bool) -> Iterator[ProofPart]:
    circumstances = locks.circumstances
    for form, signer in _FORMS:
        if (signer != "own" and locks.is_public_refused) or (claim.reads and form == "post-form"):
            continue
        actions = OBJECT_ACTIONS if form == "presigned" else (UPLOAD,)
        actions = tuple(action for action in actions if not claim.reads or action != UPLOAD)
        kind = Kind(form, form, signer, actions[0], f"{locks.arn}/{claim.prefix}x", whoever=True, any_way=any_way)
        known = base_view(kind, circumstances).keys
        asked = partial(_targets, locks=locks, claim=claim, actions=actions, known=known, bucket=form == "presigned")
        targets = cache(asked)
        requests = Requests(kind, locks.policies(signer), circumstances, targets)
        for space, setting, spans in _spaces(requests, locks, claim):
            mask = space.source_mask(setting)
            endpoint = next(iter(setting.values.get("aws:sourcevpce", ())), "")
            yield ProofPart(space.answer(mask), space, setting, form, signer, spans, endpoint)


def _spaces(
    requests: Requests, locks: EffectiveLocks, claim: Claim
) -> Iterator[tuple[RequestSpace, DimensionValue, tuple[Span, ...]]]:
    """Yield the requests from outside: a space, a source and the addresses of that source."""
    space = requests.anywhere
    alike: dict[int, tuple[DimensionValue, tuple[Span, ...]]] = {}
    for source in address_sources(space.table, claim.addresses, known=space.base.keys):
        if source.addresses.is_listed:
            continue
        if not source.addresses.is_exact:
            any_address = Dimension("aws:SourceIp", frozenset({"aws:sourceip"}), (), chosen=True)
            yield requests.space(space.table, space.base, [any_address]), DimensionValue(), source.addresses.spans
            continue
        if space.is_coupled:
            yield requests.at(source.setting), source.setting, source.addresses.spans
            continue
        mask = space.source_mask(source.setting) & space.settled
        setting, spans = alike.get(mask, (source.setting, ()))
        alike[mask] = (setting, (*spans, *source.addresses.spans))
    yield from ((space, *each) for each in alike.values())
    facts = requests.circumstances.given.endpoints
    for place in endpoint_classes(requests.behind, claim.endpoints, facts, known=requests.view_behind.keys):
        if place.label in claim.endpoints:
            continue
        own = requests
        if locks.endpoints.get(place.label) is not None:
            own = replace(requests, policies=locks.policies(requests.kind.signer, place.label))
        yield own.through(place), place.setting, ()


def _targets(
    table: StatementTable, locks: EffectiveLocks, claim: Claim, actions: Sequence[str], known: Keys, *, bucket: bool
) -> Dimension:
    """Return what a request can ask for: each action that policies tell apart, on each key that they tell apart."""
    kinds = _distinct_actions(table, actions)
    statements = [statement for _, _, statement in table.statements]
    objects = KeyClasses(statements, locks.arn, claim.prefix, "", [known]).arns.values()
    settings = [DimensionValue(action=a, resource=r) for r in objects for a in kinds]
    if bucket and not claim.prefix:
        settings += [
            DimensionValue(action=action, resource=locks.arn) for action in _distinct_actions(table, BUCKET_ACTIONS)
        ]
    return Dimension("the object's key", frozenset({TARGET}), tuple(settings), chosen=True)


def _distinct_actions(table: StatementTable, actions: Iterable[str]) -> list[str]:
    """Return one action of each class: those that the statements cover alike, and whose requests have the same keys."""
    keys = sorted({key for part in table.parts for key in part.keys if is_by_action(key)})
    found: dict[tuple[bool, ...], str] = {}
    for action in actions:
        lower = action.lower()
        covered = (s.covers_action(lower) for _, _, s in table.statements)
        found.setdefault((*covered, *(is_absent_for(action, key) for key in keys)), action)
    return list(found.values())


def _case(request: Request, locks: EffectiveLocks, part: ProofPart, reason: str) -> dict[str, Any]:
    policies = locks.policies(part.signer)
    return {
        "id": "counterexample",
        "request": {
            "action": request.action,
            "resource": request.resource,
            "principal": request.principal,
            "context": dict(request.context),
            "resourceAccount": request.resource_account,
        },
        "identityPolicies": list(policies.identity),
        "sessionPolicy": policies.identity[0] if request.caller.kind == "federated-user" else None,
        "resourcePolicy": locks.policy,
        "resourceControlPolicies": list(locks.rcp or ()),
        "serviceControlPolicies": list(locks.scp or ()),
        "form": part.form,
        "source": _source(request),
        "opened_by": reason,
    }


def _source(request: Request) -> str:
    context = {key.lower(): value for key, value in request.context.items()}
    endpoint = context.get("aws:sourcevpce")
    address = context.get("aws:sourceip") or context.get("aws:vpcsourceip")
    if endpoint is None:
        return str(address)
    return f"{address} via {endpoint}" if address else str(endpoint)


_MOST_ROWS = 5_000
"""Maximum number of rows of a table. Beyond it, the statement is a free variable: it may apply or not."""
_HEAD = """Is a request opened that the claim excludes? unsat: no, the claim holds. sat: yes, or the answer depends on
an unknown fact. Run this file with any solver that reads SMT-LIB 2: z3 FILE, or cvc5 FILE.
Encoded: every statement of the policies, how Allow and Deny make a decision, all IPv4 and IPv6 addresses as bit
vectors, and each class of endpoints, signers, actions, keys, ages and headers that the policies tell apart.
Taken from gt_secure, not encoded: the borders of the classes, whether a condition holds for the example of a class, and
which statements cannot apply to any request of a part.
The signer's own policies allow everything. If the hash of a policy differs, this file asks about another policy."""


def certificate_of(
    claim: str, assumed: Sequence[str], questions: Iterable[tuple[EffectiveLocks, Claim, Iterable[ProofPart]]]
) -> str:
    """Return the SMT-LIB text. Each question is a set of requests, none of which may be opened."""
    found: list[str] = []
    policies: dict[str, None] = {}
    names: list[str] = []
    for locks, wish, parts in questions:
        policies |= dict.fromkeys(_hashes(locks))
        outside = f"outside{len(names)}"
        listed = (_range(n.version, int(n.network_address), int(n.broadcast_address)) for n in wish.addresses)
        found.append(f"(define-fun {outside} () Bool {_no(_some(listed))})")
        spaces: dict[RequestSpace, str] = {}
        for part in parts:
            if part.space not in spaces:
                spaces[part.space] = f"s{len(names)}"
                found += _space(spaces[part.space], part.space)
            names.append(f"part{len(names)}")
            place = "outside endpoints" if part.spans else f"through {part.endpoint or 'an endpoint'}"
            where = [outside, _some(starmap(_range, part.spans))] if part.spans else []
            term = _every([*where, _allowed(spaces[part.space], part)])
            found.append(f"; {names[-1]}: {part.form}, signer {part.signer}, {printable(place)}")
            found.append(f"(define-fun {names[-1]} () Bool {term})")
    head = [*_HEAD.splitlines(), f"Claim: {claim}.", *policies, *(f"Assumed: {each}" for each in assumed)]
    lines = ["(set-logic ALL)", "(declare-const v6 Bool)", "(declare-const a4 (_ BitVec 32))"]
    lines += ["(declare-const a6 (_ BitVec 128))", *found, f"(assert {_some(names)})", "(check-sat)"]
    return "\n".join([*(f"; {printable(each)}" for each in head), *lines, ""])


def _hashes(locks: EffectiveLocks) -> Iterator[str]:
    through = {f"policy of {name}": each.policy_text for name, each in locks.endpoints.items()}
    levels = {f"{kind.upper()} {i + 1}": p for kind in ("rcp", "scp") for i, p in enumerate(getattr(locks, kind) or ())}
    policies: dict[str, PolicySource | None] = {"bucket policy": locks.policy, **through, **levels}
    for name, policy in policies.items():
        text = policy if isinstance(policy, str) else json.dumps(policy, sort_keys=True, separators=(",", ":"))
        yield f"SHA-256 of the {name}: {'none' if policy is None else hashlib.sha256(text.encode()).hexdigest()}"


def _space(name: str, space: RequestSpace) -> Iterator[str]:
    """Yield a variable for each dimension, and for each statement a term that says when it applies."""
    left: dict[int, list[str]] = {}
    values: dict[int, str] = {}
    for group in space.groups:
        for dimension in group.dimensions if not group.bounded else ():
            values[id(dimension)] = f"{name}d{len(values)}"
            yield from _variable(values[id(dimension)], dimension)
        for part in group.parts:
            own = [each for each in group.dimensions if each.keys & part.keys]
            is_free = group.bounded or prod(len(each.settings) for each in own) > _MOST_ROWS
            for bit in _bits(part.bits & space.settled) if is_free else ():
                left.setdefault(bit, []).append("free")
            for bit, term in _terms(part, own, space, values) if not is_free else ():
                left.setdefault(bit, []).append(term)
    for bits, layer, statement in space.table.statements:
        comment = printable(f"; {layer.name}, {statement.label}")
        for bit in _bits(bits & space.settled):
            terms = left.get(bit, [])
            if "free" in terms:
                yield f"(declare-const {name}b{bit} Bool) {comment}: too many values, so it may apply or not"
            else:
                yield f"(define-fun {name}b{bit} () Bool {_every(terms)}) {comment}"


def _variable(name: str, dimension: Dimension) -> Iterator[str]:
    yield f"(declare-const {name} Int)"
    yield f"(assert (and (<= 0 {name}) (< {name} {len(dimension.settings)})))"
    for index, setting in enumerate(dimension.settings):
        yield f";   {printable(dimension.name)} {index}: {printable(_said(setting))}"


def _terms(
    part: TablePart, dimensions: Sequence[Dimension], space: RequestSpace, values: Mapping[int, str]
) -> Iterator[tuple[int, str]]:
    """Yield for each bit of a part the term over the variables of its dimensions that says when it holds."""
    rows = [*product(*(enumerate(each.settings) for each in dimensions))]
    masks = [part.mask(reduce(View.with_setting, (each for _, each in row), space.base)) for row in rows]
    terms = [_every(f"(= {values[id(d)]} {i})" for d, (i, _) in zip(dimensions, row, strict=True)) for row in rows]
    for bit in _bits(part.bits & space.settled):
        holds = [term for term, mask in zip(terms, masks, strict=True) if mask >> bit & 1]
        fails = [term for term, mask in zip(terms, masks, strict=True) if not mask >> bit & 1]
        yield bit, _some(holds) if len(holds) <= len(fails) else _no(_some(fails))


def _said(setting: DimensionValue) -> str:
    caller = setting.caller.text if setting.caller is not None else ""
    values = (f"{key}={','.join(value)}" for key, value in setting.values.items() if value)
    return " ".join(filter(None, (setting.action, setting.resource, caller, *values))) or "absent"


def _allowed(name: str, part: ProofPart) -> str:
    """Return the decision over the statements that apply, as :meth:`StatementTable.allows` makes it."""
    table, gates = part.space.table, part.space.table.gates
    applying = part.space.settled & part.space.source_mask(part.setting)

    def some(bits: int) -> str:
        return _some(f"{name}b{bit}" for bit in _bits(bits & applying))

    granted = some(gates.direct | gates.role | gates.account)
    terms = [_no(some(gates.denies)), *map(some, gates.all_of)]
    if table.caller.kind in ("anonymous", "service"):
        return _every([*terms, granted])
    role = 0 if table.cross_account else gates.role
    own = _every([some(gates.identity | role), *map(some, gates.limits)])
    return _every([*terms, granted, own] if table.cross_account else [*terms, _some([some(gates.direct), own])])


def _bits(bits: int) -> Iterator[int]:
    return (bit for bit in range(bits.bit_length()) if bits >> bit & 1)


def _no(term: str) -> str:
    return {"true": "false", "false": "true"}.get(term) or f"(not {term})"


def _every(terms: Iterable[str]) -> str:
    found = [each for each in terms if each != "true"]
    if "false" in found:
        return "false"
    return found[0] if len(found) == 1 else f"(and {' '.join(found)})" if found else "true"


def _some(terms: Iterable[str]) -> str:
    found = [each for each in terms if each != "false"]
    return found[0] if len(found) == 1 else f"(or {' '.join(found)})" if found else "false"


def _range(version: int, first: int, last: int) -> str:
    name, bits, family = ("a4", 32, "(not v6)") if version == 4 else ("a6", 128, "v6")
    return f"(and {family} (bvule (_ bv{first} {bits}) {name}) (bvule {name} (_ bv{last} {bits})))"
