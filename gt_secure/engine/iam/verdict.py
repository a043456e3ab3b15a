"""The answer for one request, and why: policy by policy, statement by statement,
condition by condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from ...base.text import Texts, capital, some
from ...base.truth import Ambiguous
from .documents import ASSUMED, DocumentKind, Statement
from .request import NAMES, Compiled, Layer, Request

Decision: TypeAlias = Literal["allow", "implicit-deny", "explicit-deny", "unknown", "invalid"]
LayerOutcome: TypeAlias = Literal["allow", "explicit-deny", "no match", "not set", "not consulted"]

_SHOWN, _LONGEST = 8, 200
"""Values of a list, and characters of one value, that a sentence shows:
a guard may list 900 ranges.
"""


@dataclass(frozen=True, slots=True)
class ConditionExplanation(Ambiguous):
    """One condition: what the policy wants, what the request has (None: the key is absent),
    and whether it holds.
    """

    _ask = ".matched"

    operator: str
    key: str
    expected: Texts
    actual: Texts | None
    matched: bool

    def __str__(self) -> str:
        actual = "absent" if self.actual is None else _some(self.actual) or "empty"
        answer = "matches" if self.matched else "does not match"
        return f"{self.operator} {self.key} [{_some(self.expected)}]: {actual} -> {answer}"


@dataclass(frozen=True, slots=True)
class StatementExplanation(Ambiguous):
    """One statement: which of its parts fit the request, and whether it decided."""

    _ask = ".applies"

    index: int
    sid: str
    effect: Literal["Allow", "Deny"]
    action: bool
    resource: bool
    principal: bool
    conditions: tuple[ConditionExplanation, ...]
    applies: bool
    decides: bool

    @property
    def label(self) -> str:
        """``statement 2 "Sid"``."""
        return f"statement {self.index + 1}" + (f' "{self.sid}"' if self.sid else "")

    @property
    def misses(self) -> Texts:
        """The elements and conditions that keep the statement from applying."""
        found = [name for name in ("action", "resource", "principal") if not getattr(self, name)]
        return tuple(found) + tuple(str(each) for each in self.conditions if not each.matched)


@dataclass(frozen=True, slots=True)
class LayerExplanation(Ambiguous):
    """One policy: what it said to the request."""

    _ask = ".outcome"

    kind: str
    name: str
    outcome: LayerOutcome
    statements: tuple[StatementExplanation, ...] = ()


class Decided(NamedTuple):
    """A decision before it is explained: what decided, and the rule if it was no statement."""

    decision: Decision
    layer: Layer | None = None
    statement: Statement | None = None
    rule: str = ""
    depends_on: Texts = ()


@dataclass(frozen=True)
class Verdict(Ambiguous):
    """The decision for one request, with its explanation worked out when it is asked for.

    Attributes
    ----------
    decision : str
        ``allow``, ``implicit-deny``, ``explicit-deny``, ``unknown`` or ``invalid``.
    reason : str
        One sentence: which statement of which policy decided, or which policy does not allow, and
        why.
    layers : tuple of LayerExplanation
        Every policy, also those that are not set; empty for ``invalid``.
    """

    _ask = ".allowed"

    request: Request
    policies: Compiled | None
    outcome: Decided

    def __repr__(self) -> str:
        return f"Verdict({self.decision!r}, {self.reason!r})"

    @property
    def decision(self) -> Decision:
        """The decision."""
        return self.outcome.decision

    @property
    def allowed(self) -> bool:
        """Return whether the request is surely allowed; False for ``unknown`` and ``invalid``."""
        return self.outcome.decision == "allow"

    @property
    def depends_on(self) -> Texts:
        """The condition keys, sorted, on whose values an ``unknown`` decision depends."""
        return self.outcome.depends_on

    @property
    def policy(self) -> str:
        """The name of the policy that decided, such as ``bucket policy``; empty if none did."""
        return self.outcome.layer.name if self.outcome.layer is not None else ""

    @property
    def statement(self) -> str:
        """The statement that decided, such as ``statement 2 "Sid"``; empty if none did."""
        return self.outcome.statement.label if self.outcome.statement is not None else ""

    @cached_property
    def layers(self) -> tuple[LayerExplanation, ...]:
        """Every policy with what it said."""
        return (
            ()
            if self.policies is None
            else tuple(_layers(self.request, self.policies, self.outcome))
        )

    @cached_property
    def reason(self) -> str:
        """One sentence that says why."""
        return _reason(self)


def _layers(request: Request, policies: Compiled, outcome: Decided) -> Iterator[LayerExplanation]:
    if not policies.identity:
        yield LayerExplanation("identity", NAMES["identity"], "not set")
    for layer in policies.identity:
        yield explain_layer(request, layer, outcome)
    alone: tuple[tuple[DocumentKind, Layer | None], ...] = (
        ("session", policies.session),
        ("boundary", policies.boundary),
        ("resource", policies.resource),
        ("endpoint", policies.endpoint),
    )
    for kind, single in alone:
        if single is None:
            yield LayerExplanation(kind, NAMES[kind], "not set")
        elif kind == "endpoint" and request.is_off_endpoint:
            yield LayerExplanation(kind, single.name, "not consulted")
        else:
            yield explain_layer(request, single, outcome)
    for level in (*policies.rcp, *policies.scp):
        yield explain_layer(request, level, outcome)


def explain_layer(request: Request, layer: Layer, outcome: Decided) -> LayerExplanation:
    """Explain what one policy says to a request."""
    statements = tuple(
        _explain_statement(
            request, statement, outcome.layer is layer and outcome.statement is statement
        )
        for statement in layer.document.statements
    )
    said: LayerOutcome = "no match"
    if any(each.applies and each.effect == "Deny" for each in statements):
        said = "explicit-deny"
    elif any(each.applies for each in statements):
        said = "allow"
    return LayerExplanation(layer.kind, layer.name, said, statements)


def _explain_statement(
    request: Request, statement: Statement, decides: bool
) -> StatementExplanation:
    keys = request.keys
    conditions = tuple(
        ConditionExplanation(
            operator=condition.operator,
            key=condition.key,
            expected=condition.values,
            actual=keys.get(condition.lower_key),
            matched=condition.matches(keys, deny=statement.deny),
        )
        for condition in statement.conditions
    )
    action = statement.covers_action(request.lower_action)
    resource = statement.covers_resource(request.resource, keys)
    principal = statement.grant(request.caller, keys) is not None
    return StatementExplanation(
        index=statement.index,
        sid=statement.sid,
        effect="Deny" if statement.deny else "Allow",
        action=action,
        resource=resource,
        principal=principal,
        conditions=conditions,
        applies=action and resource and principal and all(each.matched for each in conditions),
        decides=decides,
    )


def _reason(verdict: Verdict) -> str:
    decision, layer, statement, rule, _ = verdict.outcome
    if decision == "invalid":
        return rule
    if statement is None or layer is None:
        text = rule + _nearest_miss(verdict)
    elif statement.sid == ASSUMED:
        text = (
            "full permission of the signer was assumed, because not every identity policy was read"
        )
    else:
        verb = "denies" if decision == "explicit-deny" else "allows"
        text = f"{statement.label} of the {layer.name} {verb} it"
        deciding = [each for layer in verdict.layers for each in layer.statements if each.decides]
        conditions = [str(condition) for each in deciding for condition in each.conditions]
        if decision == "explicit-deny" and conditions:
            text = f"{text} ({'; '.join(conditions)})"
        if rule:
            text = f"{text}; {rule}"
    return capital(text) + "."


def _nearest_miss(verdict: Verdict) -> str:
    """Name the Allow that came closest in the policy that would have had to allow."""
    candidates = [
        statement
        for explained in verdict.layers
        if explained.name == verdict.policy
        for statement in explained.statements
        if statement.effect == "Allow" and not statement.applies
    ]
    if not candidates:
        return ""
    nearest = min(
        candidates,
        key=lambda each: (not each.action, not each.resource, not each.principal, len(each.misses)),
    )
    misses = [
        f"other {miss}" if miss in ("action", "resource", "principal") else miss
        for miss in nearest.misses
    ]
    return f" ({nearest.label}: {'; '.join(misses)})"


def _some(values: Texts) -> str:
    return some(
        [each if len(each) <= _LONGEST else f"{each[:_LONGEST]}..." for each in values], _SHOWN
    )
