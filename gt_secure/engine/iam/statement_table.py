"""All statements of one decision as bits, so that a class of requests is decided by a few
operations on numbers.

A statement applies if each of its parts holds: its target (action and resource), its principal,
each condition. A part depends on a few keys only. For each value of a dimension (one key, or a few
that belong together) a mask says which statements its parts leave standing; the statements that
apply to a request are the bits that all its masks share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from .conditions import Condition
from .documents import Statement
from .principals import CANONICAL_USER, Caller
from .request import Compiled, Layer
from .request_keys import is_absent_for, is_by_action
from .variables import Keys, variable_keys

TARGET = "(target)"
PRINCIPAL = "(principal)"
"""Names of what is no condition key, but varies like one."""


@dataclass(frozen=True, slots=True)
class View:
    """A request, or the part of it that is settled."""

    action: str
    resource: str
    caller: Caller
    keys: Keys

    def with_setting(self, setting: DimensionValue) -> View:
        """Return the view with what a setting of a dimension replaces."""
        return View(
            setting.action or self.action,
            setting.resource or self.resource,
            setting.caller or self.caller,
            {**self.keys, **setting.values} if setting.values else self.keys,
        )

    def present(self) -> Keys:
        """Return the keys without those that no request of this action has."""
        return {
            key: value for key, value in self.keys.items() if not is_absent_for(self.action, key)
        }


@dataclass(frozen=True, slots=True)
class DimensionValue:
    """One value of a dimension: values of keys in lower case (an absent key is not in it),
    or a target or caller.
    """

    values: Keys = field(default_factory=dict)
    action: str = ""
    resource: str = ""
    caller: Caller | None = None
    label: str = ""


class TablePart(NamedTuple):
    """One part of a statement: the keys that it depends on, its bits,
    and the mask that it leaves for a view.
    """

    keys: frozenset[str]
    bits: int
    mask: Callable[[View], int]


@dataclass(frozen=True)
class Gates:
    """Meaning of bits; each set of ``all_of`` needs one bit."""

    denies: int
    all_of: tuple[int, ...]
    limits: tuple[int, ...]
    identity: int
    direct: int
    role: int
    account: int


class StatementTable:
    """The statements that have a say for one kind of caller on one path."""

    def __init__(
        self, policies: Compiled, caller: Caller, *, cross_account: bool, endpoint: bool
    ) -> None:
        self.caller = caller
        self.cross_account = cross_account
        self.endpoint = endpoint
        self.parts: list[TablePart] = []
        self.statements: list[tuple[int, Layer, Statement]] = []
        self.every_statement: list[Statement] = []
        self.open_patterns: set[str] = set()
        self.shared: dict[object, Any] = {}  # what the spaces of different sources have in common
        self._next = 0
        self._granting: dict[str, int] = {"direct": 0, "role": 0, "account": 0}
        self._denies = 0
        self._has_session = policies.session is not None
        self._must_grant = policies.must_grant
        consulted = policies.consulted(caller, cross_account=cross_account, endpoint=endpoint)
        layers = {id(layer): layer for layer in consulted}  # a document may stand at two places
        bits = {place: self._add(layer, policies) for place, layer in layers.items()}
        all_levels = (*policies.rcp, *policies.scp)
        levels = [bits[id(level)] for level in all_levels if level.must_allow and id(level) in bits]
        gate = (bits[id(policies.endpoint)],) if policies.endpoint is not None and endpoint else ()
        self.gates = Gates(
            denies=self._denies,
            all_of=(*gate, *levels),
            limits=tuple(
                bits[id(limit)]
                for limit in (policies.session, policies.boundary)
                if limit is not None
            ),
            identity=reduce(or_, (bits[id(layer)] for layer in policies.identity), 0),
            **self._granting,
        )
        self.everything = (1 << self._next) - 1

    def _add(self, layer: Layer, policies: Compiled) -> int:
        """Give the statements of a policy their bits, and return those of its Allows."""
        allows = 0
        for statement in layer.document.statements:
            granting = layer.kind in ("resource", "trust") and not statement.deny
            width = 3 if granting else 1
            bits = ((1 << width) - 1) << self._next
            self._next += width
            self.statements.append((bits, layer, statement))
            self.every_statement.append(statement)
            self.open_patterns |= statement.open_patterns
            if statement.deny:
                self._denies |= bits
            else:
                allows |= bits
            gateway = layer.kind == "endpoint" and policies.gateway_endpoint and not statement.deny
            self.parts += _parts(statement, bits, granting, gateway)
            if granting:
                for index, grant in enumerate(("direct", "role", "account")):
                    self._granting[grant] |= (bits & -bits) << index
        return allows

    def allows(self, applying: int) -> bool:
        """Decide from the bits of the statements that apply,
        exactly as :func:`~gt_secure.engine.iam.evaluate` does.
        """
        gates = self.gates
        if applying & gates.denies or not all(applying & gate for gate in gates.all_of):
            return False
        granted = bool(applying & (gates.direct | gates.role | gates.account))
        if self.caller.kind in ("anonymous", "service"):
            return granted
        if self._must_grant and not granted:
            return False
        if self.cross_account:
            return granted and self._caller_side(applying, 0)
        return bool(applying & gates.direct) or self._caller_side(applying, applying & gates.role)

    def _caller_side(self, applying: int, role_grant: int) -> bool:
        if self.caller.kind == "root":
            return True
        by_identity = applying & self.gates.identity
        if self.caller.kind == "federated-user" and not self._has_session:
            by_identity = 0
        return bool(by_identity | role_grant) and all(
            applying & limit for limit in self.gates.limits
        )

    def better(self, one: int, other: int) -> bool:
        """Return whether whatever the second allows the first allows too: fewer Denies apply,
        and more Allows.
        """
        denies = self.gates.denies
        return not (one & denies & ~other) and not (other & ~denies & ~one)


_KEY_OF_KIND = {
    "canonical": CANONICAL_USER,
    "unique-id": "aws:userid",
    "federated": "aws:federatedprovider",
}
"""The key with which a principal of a kind is compared."""


def _parts(statement: Statement, bits: int, granting: bool, gateway: bool) -> Iterator[TablePart]:
    yield TablePart(_target_keys(statement), bits, _keep(bits, _covers(statement)))
    if statement.principals is not None:
        kinds = {entry.kind for entry in statement.principals}
        asked = {PRINCIPAL, *(key for kind, key in _KEY_OF_KIND.items() if kind in kinds)}
        holds = _principal(statement, bits, granting, gateway)
        yield TablePart(frozenset(asked), bits, holds)
    elif granting:
        yield TablePart(frozenset(), bits, lambda _view: ~bits | (bits & -bits))
    deny = statement.deny
    for condition in statement.conditions:
        keys = condition.asks
        by_action = any(map(is_by_action, keys))
        keys |= {TARGET} if by_action else frozenset()
        yield TablePart(keys, bits, _keep(bits, _holds(condition, deny, by_action)))


def _holds(condition: Condition, deny: bool, by_action: bool) -> Callable[[View], bool]:
    return lambda view: condition.matches(view.present() if by_action else view.keys, deny=deny)


def _covers(statement: Statement) -> Callable[[View], bool]:
    by_action = any(map(is_by_action, _target_keys(statement)))

    return lambda view: (
        statement.covers_action(view.action.lower())
        and statement.covers_resource(view.resource, view.present() if by_action else view.keys)
    )


def _keep(bits: int, holds: Callable[[View], bool]) -> Callable[[View], int]:
    return lambda view: -1 if holds(view) else ~bits


def _target_keys(statement: Statement) -> frozenset[str]:
    keys = {key for pattern in statement.resources for key in variable_keys(pattern.template)}
    return frozenset({TARGET, *keys})


def _principal(
    statement: Statement, bits: int, granting: bool, gateway: bool
) -> Callable[[View], int]:
    place = {"direct": 0, "role": 1, "account": 2}

    def mask(view: View) -> int:
        grant = statement.grant(view.caller, view.keys)
        if grant is None or (gateway and grant == "account"):
            return ~bits
        return ~bits | ((bits & -bits) << place[grant]) if granting else -1

    return mask


def mask_of(parts: Iterable[TablePart], view: View) -> int:
    """Return the mask of all parts for a view."""
    mask = -1
    for part in parts:
        mask &= part.mask(view)
    return mask
