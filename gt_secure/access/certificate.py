"""The question of a proof as SMT-LIB 2, so that any solver can decide it again: ``unsat`` if the claim holds.

Addresses are bit vectors. All else that a request can vary is divided into the classes that the policies tell apart,
with an integer for each class. Tables say which statement applies to which class; the decision is written out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import product, starmap
from math import prod
from typing import TYPE_CHECKING

from ..iam.documents import PolicySource
from ..iam.request_space import RequestSpace
from ..iam.statement_table import DimensionValue, View
from ..text import printable

if TYPE_CHECKING:
    from .locks import EffectiveLocks
    from .proof import Claim, ProofPart

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
            value = values[id(dimension)] = f"{name}d{len(values)}"
            yield f"(declare-const {value} Int)"
            yield f"(assert (and (<= 0 {value}) (< {value} {len(dimension.settings)})))"
            for index, setting in enumerate(dimension.settings):
                yield f";   {printable(dimension.name)} {index}: {printable(_said(setting))}"
        for part in group.parts:
            own = [each for each in group.dimensions if each.keys & part.keys]
            is_free = group.bounded or prod(len(each.settings) for each in own) > _MOST_ROWS
            rows = [] if is_free else [*product(*(enumerate(each.settings) for each in own))]
            masks = [part.mask(reduce(View.with_setting, (each for _, each in row), space.base)) for row in rows]
            terms = [_every(f"(= {values[id(d)]} {i})" for d, (i, _) in zip(own, row, strict=True)) for row in rows]
            for bit in _bits(part.bits & space.settled):
                holds = [term for term, mask in zip(terms, masks, strict=True) if mask >> bit & 1]
                fails = [term for term, mask in zip(terms, masks, strict=True) if not mask >> bit & 1]
                term = _some(holds) if len(holds) <= len(fails) else _no(_some(fails))
                left.setdefault(bit, []).append("free" if is_free else term)
    for bits, layer, statement in space.table.statements:
        said = printable(f"; {layer.name}, {statement.label}")
        for bit in _bits(bits & space.settled):
            terms = left.get(bit, [])
            if "free" in terms:
                yield f"(declare-const {name}b{bit} Bool) {said}: too many values, so it may apply or not"
            else:
                yield f"(define-fun {name}b{bit} () Bool {_every(terms)}) {said}"


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
