"""Answers for one request of many principals: each statement is compiled once, and each group
decided once.

A principal is decided by the engine of every other answer. Before that, statements that cannot
cover the request drop out, and principals with the same statements, and the same answers to what
those ask about a principal, form a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ...base.errors import PolicyError
from ...base.groups import as_list
from ...base.text import Json, Texts
from ..iam.conditions import Condition
from ..iam.documents import EVERYTHING, DocumentKind, Statement, compile_statement, document_of
from ..iam.facts import Facts
from ..iam.request import Compiled, Layer, Policies
from ..iam.request_keys import is_principal_key
from ..iam.request_space import WORDS, spend
from ..iam.three_valued import spellings
from ..iam.variables import Keys, Several, split_wildcards, variable_keys
from ..iam.wildcards import TooManyClassesError, glob
from .address_classes import Spans, address_classes, within
from .identities import AttachedPolicy, Principal
from .request_kinds import RoleSessions, principal_keys
from .source_sets import (
    EVERYWHERE,
    NOWHERE,
    Requests,
    Row,
    expose,
    row_of,
    unsure,
)

_LITERAL = re.compile(r"[^*?$]*")
_TAG, _IP = "aws:principaltag/", "aws:sourceip"
_BY_IP = frozenset({_IP})
_WORK = 25
"""Conditions whose decision is about as much work as a shared statement makes for one row."""
_SESSION_NAME, _SESSION_TAG = "sts:rolesessionname", "aws:requesttag/"
REFUSED = Row("presigned", NOWHERE, EVERYWHERE, NOWHERE)


class _Document(NamedTuple):
    """A policy text: statements with the bits of their actions, the bits of its Allows,
    and those for questions.
    """

    entries: list[tuple[int, Json]]
    allowed: int
    covering: dict[tuple[str, str, str], list[Statement]]
    cutting: dict[Texts, list[Statement]]


class Statements:
    """The statements of all policies, by the actions that are asked for; each is compiled once,
    when it is needed.
    """

    def __init__(self, actions: Sequence[str]) -> None:
        self._bits = {action.lower(): 1 << index for index, action in enumerate(actions)}
        self._every = (1 << len(self._bits)) - 1
        self._masks: dict[str, int] = {}
        self._documents: dict[tuple[str, str], _Document] = {}
        self._by_policy: dict[AttachedPolicy, _Document] = {}
        self._by_raw: dict[tuple[int, str], Statement] = {}
        self._by_text: dict[tuple[str, str, str], Statement] = {}
        self._left: dict[object, Statement] = {}
        self._needs: dict[
            int, tuple[Statement, _Needs]
        ] = {}  # a statement that was asked about stays the same object
        self.rows: dict[
            object, Row
        ] = {}  # each row once: those of a prefix are put together once for the same ones

    def _indexed(self, policy: AttachedPolicy) -> _Document:
        found = self._by_policy.get(policy)
        if found is None:
            text = (policy.version, repr(policy.statements))
            if text not in self._documents:
                self._documents[text] = self._read(policy)
            found = self._by_policy[policy] = self._documents[text]
        return found

    def _read(self, policy: AttachedPolicy) -> _Document:
        entries, allowed = [], 0
        for raw in policy.statements:
            mask = 0
            for each in as_list(raw.get("Action", raw.get("NotAction", ()))):
                # The actions that a text of a policy covers.
                lower = str(each).lower()
                if lower not in self._masks:
                    if "*" in lower or "?" in lower:
                        matches = glob(split_wildcards(lower))
                        self._masks[lower] = sum(
                            bit for action, bit in self._bits.items() if matches(action)
                        )
                    else:
                        self._masks[lower] = self._bits.get(lower, 0)
                mask |= self._masks[lower]
            if "NotAction" in raw:
                mask = self._every & ~mask
            if mask:
                entries.append((mask, raw))
                allowed |= mask if raw.get("Effect") == "Allow" else 0
        return _Document(entries, allowed, {}, {})

    def bits(self, actions: Iterable[str]) -> int:
        """Return the bits of actions."""
        return sum(self._bits[action.lower()] for action in actions)

    def allowed(self, policies: Iterable[AttachedPolicy]) -> int:
        """Return the bits of the actions that an Allow of some policies covers on something."""
        found = 0
        for policy in policies:
            found |= (self._by_policy.get(policy) or self._indexed(policy)).allowed
        return found

    def may_trust(self, principal: Principal, action: str) -> bool:
        """Return whether the trust policy of a role may allow an action in addition
        to assuming the role.
        """
        if not principal.is_role or principal.trust is None:
            return principal.is_role
        return bool(self.allowed((principal.trust,)) & self._bits[action.lower()])

    def covering(
        self, policy: AttachedPolicy, action: str, arn: str, kind: DocumentKind = "identity"
    ) -> list[Statement]:
        """Return the statements of a policy that may cover a request; an empty ARN stands for any
        resource.

        Raises
        ------
        PolicyError
            If one of them is not valid.
        """
        document = self._by_policy.get(policy) or self._indexed(policy)
        asked = (action, arn, kind)
        if asked not in document.covering:
            bit = self._bits[action.lower()]
            found = []
            for mask, raw in document.entries:
                if mask & bit and (kind == "trust" or not arn or _may_cover(raw, arn)):
                    statement = self._statement(raw, policy.version, kind)
                    if not arn or covers(statement, arn):
                        found.append(statement)
            document.covering[asked] = found
        return document.covering[asked]

    def cutting(
        self, policy: AttachedPolicy, action: str, starts: Sequence[str]
    ) -> list[Statement]:
        """Return the statements of a policy that cover an action on some resources with these
        starts, not on all.

        Of one that is not valid the resources count alone.
        """
        document = self._by_policy.get(policy) or self._indexed(policy)
        asked = (action, *starts)
        if asked not in document.cutting:
            bit = self._bits[action.lower()]
            some = (
                raw
                for mask, raw in document.entries
                if mask & bit
                and any(
                    cuts(text, starts)
                    for text in as_list(raw.get("Resource", raw.get("NotResource", ())))
                )
            )
            document.cutting[asked] = [
                each for raw in some for each in self._resources_of(raw, policy.version)
            ]
        return document.cutting[asked]

    def _resources_of(self, raw: Json, version: str) -> Iterator[Statement]:
        try:
            yield self._statement(raw, version, "identity")
        except PolicyError:
            plain = {
                "Effect": "Allow",
                "Action": "*",
                "Resource": raw.get("Resource", raw.get("NotResource")),
            }
            with suppress(PolicyError):
                yield compile_statement(plain, 0, "$", "identity", version)

    def _statement(self, raw: Json, version: str, kind: DocumentKind) -> Statement:
        known = self._by_raw.get((id(raw), kind))  # the document keeps it
        if known is None:
            content = {name: value for name, value in raw.items() if name != "Sid"}
            key = (repr(content), version, kind)
            if key not in self._by_text:
                self._by_text[key] = compile_statement(content, 0, "$", kind, version)
            known = self._by_raw[id(raw), kind] = self._by_text[key]
        return known

    def left_of(
        self, statement: Statement, arn: str, keys: Keys, settled: frozenset[str]
    ) -> Statement | None:
        """Return a statement without what is settled about a request; None if it does not apply.

        Statements that leave the same are the same one.
        """
        resources = statement.resources
        if all(each.matcher or variable_keys(each.template) <= settled for each in resources):
            if not statement.covers_resource(arn, keys):
                return None
            resources = EVERYTHING.resources
        conditions = []
        for condition in statement.conditions:
            if not condition.asks <= settled:
                conditions.append(condition)
            elif not condition.matches(keys, deny=statement.deny):
                return None
        content = tuple(
            (each.operator, each.lower_key, each.values, each.special) for each in conditions
        )
        key = (
            statement.deny,
            content,
            None if resources is EVERYTHING.resources else id(statement),
        )
        if key not in self._left:
            plain = replace(EVERYTHING, deny=statement.deny, conditions=tuple(conditions))
            if resources is not EVERYTHING.resources:
                plain = replace(plain, resources=resources, not_resource=statement.not_resource)
            self._left[key] = plain
        return self._left[key]

    def needs(self, statement: Statement) -> _Needs:
        """Return what a statement asks about a principal."""
        if id(statement) not in self._needs:
            self._needs[id(statement)] = statement, _needs_of(statement)
        return self._needs[id(statement)][1]

    def signature(
        self, statements: Iterable[Statement], principal: Principal, keys: Keys
    ) -> list[object]:
        """Return what statements ask about a principal, with the answers."""
        found: list[object] = []
        for statement in statements:
            need = self.needs(statement)
            if need.names:
                found.append(statement.grant(principal.caller, keys))
            if need.sessions and principal.is_role:
                found.append(principal.arn)
            found += [condition.matches(keys, deny=statement.deny) for condition in need.tests]
            found += [keys.get(key) for key in need.values]
            if need.tags and principal.is_role:
                found.append(principal.trust and id(self._indexed(principal.trust)))
        return found


def cuts(pattern: object, starts: Iterable[str]) -> bool:
    """Return whether a pattern may match some resources with one of these starts, and not all."""
    literal = _LITERAL.match(pattern) if isinstance(pattern, str) else None
    if literal is None or pattern == "*":
        return False
    rest = str(pattern)[literal.end() :]
    return any(
        (literal[0].startswith(start) and (literal[0], rest) != (start, "*"))
        or (start != literal[0] and start.startswith(literal[0]) and rest not in ("", "*"))
        for start in starts
    )


def _may_cover(raw: Json, arn: str) -> bool:
    """Return False for a statement whose resources begin otherwise: it need not be compiled."""
    resources = raw.get("Resource")
    if resources is None:
        return True
    for text in as_list(resources):
        literal = _LITERAL.match(text) if isinstance(text, str) else None
        if literal is None or arn.startswith(literal[0]):
            return True
    return False


def covers(statement: Statement, arn: str) -> bool:
    """Return whether a statement may cover a resource: a pattern with a policy variable may."""
    return any(p.matcher is None for p in statement.resources) or statement.covers_resource(arn, {})


class _Needs(NamedTuple):
    """Questions of a statement about a principal."""

    names: bool
    sessions: bool
    tests: tuple[Condition, ...]
    values: Texts
    tags: Texts


def _needs_of(statement: Statement) -> _Needs:
    entries = [entry for entry in statement.principals or () if entry.kind != "everyone"]
    tests, values = (
        [],
        {key for pattern in statement.resources for key in variable_keys(pattern.template)},
    )
    for condition in statement.conditions:
        if condition.variables:
            values |= {condition.lower_key, *condition.variables}
        elif is_principal_key(condition.lower_key):
            tests.append(condition)
    mentioned = {*values, *(each.lower_key for each in tests)}
    kinds = {entry.kind for entry in entries}
    by_id = "aws:userid" in mentioned or "unique-id" in kinds or statement.not_principal
    return _Needs(
        bool(entries),
        by_id or any(":assumed-role/" in entry.text for entry in entries),
        tuple(tests),
        tuple(sorted(key for key in values if is_principal_key(key))),
        tuple(key for key in mentioned if key.startswith(_TAG)),
    )


class Asked:
    """One request, asked for many principals.

    Parameters
    ----------
    statements : Statements
    requests : Requests
        The request of anybody, under the policies that are not the principal's own.
    behind : mapping
        The policies of each endpoint that is known.
    own_only : bool
        Whether Block Public Access refuses what the policy grants to other accounts.
    cache : dict
        Rows of groups of principals.
    """

    def __init__(
        self,
        statements: Statements,
        requests: Requests,
        behind: Mapping[str, Compiled],
        cache: dict[object, Row],
        *,
        own_only: bool = False,
    ) -> None:
        self.statements = statements
        self.requests = requests
        self.action, self.arn = requests.kind.action, requests.kind.resource
        self.account = requests.circumstances.account
        self.own_only = own_only
        self._shared = requests.policies.compiled.about(self.action, self.arn)
        self._behind = {name: each.about(self.action, self.arn) for name, each in behind.items()}
        self._unlimited = statements.left_of(EVERYTHING, self.arn, {}, frozenset())
        self._grants = self._shared.resource.document.allows if self._shared.resource else ()
        self._rows = cache
        every = (self._shared, *self._behind.values())
        self._common = [
            s for each in every for layer in each.layers for s in layer.document.statements
        ]
        self._common_ids = frozenset(map(id, self._common))
        self._tags = {key for key in spellings(self._shared) if key.startswith(_TAG)}

    def row(self, principal: Principal, *, as_if_all: bool = False) -> Row:
        """Return from where the request of a principal is opened;
        ``as_if_all`` its own policies allow everything.
        """
        if self.own_only and principal.account != self.account:
            return REFUSED
        unread = list(principal.not_read)
        own = self._of(principal.policies, unread)
        limit = [EVERYTHING]
        if principal.boundary is not None:
            missing: list[str] = []
            limit = self._of((principal.boundary,), missing)
            unread += missing
            limit = [EVERYTHING] if missing else limit
        elif principal.boundary_not_read:
            unread.append(principal.boundary_not_read)
        if unread or as_if_all:
            own = [*own, EVERYTHING]
        if all(each.deny for each in own) and not self._is_named(principal):
            return REFUSED
        keys = self.keys_of(principal, (*own, *limit, *self._common))
        is_open = self.statements.may_trust(principal, "sts:tagsession")
        settled = frozenset(key for key in keys if not (is_open and key.startswith(_TAG)))
        return unsure(
            self._row_of(
                principal, self._left(own, keys, settled), self._left(limit, keys, settled), keys
            ),
            unread,
        )

    def _of(self, policies: Iterable[AttachedPolicy], unread: list[str]) -> list[Statement]:
        found = []
        for policy in policies:
            try:
                found += self.statements.covering(policy, self.action, self.arn)
            except PolicyError:
                unread.append(policy.name or "an inline policy that is not valid")
        return found

    def _is_named(self, principal: Principal) -> bool:
        keys = {"aws:userid": (f"{principal.id}:x" if principal.is_role else principal.id,)}
        session = f":assumed-role/{principal.caller.role}/"
        return any(
            each.grant(principal.caller, keys)
            or any(e.kind == "exact" and session in e.text for e in each.principals or ())
            for each in self._grants
        )

    def _row_of(
        self, principal: Principal, own: list[Statement], limit: list[Statement], keys: Keys
    ) -> Row:
        """Return the row of a principal from what is left of its statements:
        the one of its group.
        """
        if any(
            each.deny and not each.conditions and each.resources is EVERYTHING.resources
            for each in own
        ):
            return REFUSED
        if all(each.deny for each in own) and not self._is_named(principal):
            return REFUSED
        every = [*own, *limit, *self._common]
        group = (
            principal.account,
            principal.is_role,
            principal.is_service_linked,
            frozenset(map(id, own)),
            frozenset(map(id, limit)),
            self._common_ids,
            self.arn if any(p.matcher is None for each in every for p in each.resources) else "",
            *self.statements.signature(every, principal, keys),
        )
        if group not in self._rows:
            row = self._by_address(principal, own, limit, keys)
            row = self._expose(principal, own, limit, keys) if row is None else row
            self._rows[group] = self.statements.rows.setdefault((row, row.opened.oldest_ms), row)
        return self._rows[group]

    def _by_address(
        self, principal: Principal, own: list[Statement], limit: list[Statement], keys: Keys
    ) -> Row | None:
        """Return the row where own statements ask for the address:
        for each class of addresses they are settled.
        """
        asking = [c for each in (*own, *limit) for c in each.conditions if _IP in c.asks]
        classes = address_classes(asking) if asking else []
        if not classes:
            return None
        if any(len(c.asks) > 1 for c in asking) or not all(each.is_exact for each in classes):
            return None  # they cannot be settled
        known: dict[object, Row] = {}

        def settled(source: Keys) -> Row:
            left = self._left(own, source, _BY_IP)
            bound = self._left(limit, source, _BY_IP)
            key = (*map(id, left), None, *map(id, bound))
            if key not in known:
                known[key] = self._row_of(principal, left, bound, keys)
            return known[key]

        rows: dict[int, tuple[Row, Spans]] = {}
        for each in classes:
            row = settled({_IP: (each.example,)})
            rows[id(row)] = (row, (*rows.get(id(row), (row, ()))[1], *each.spans))
        places = [
            (word, replace(sources.only(addresses=True, endpoints=False), spans=spans))
            for row, here in rows.values()
            for word in WORDS
            if (spans := within((sources := row.places(word)).spans, here))
        ]
        elsewhere = settled({})
        places += [
            (word, elsewhere.places(word).only(addresses=False, endpoints=True)) for word in WORDS
        ]
        return row_of("presigned", places)

    def _left(
        self, some: Iterable[Statement], keys: Keys, settled: frozenset[str]
    ) -> list[Statement]:
        """Return what is left of statements of a principal once its own keys have
        answered their conditions.
        """
        left: dict[int, Statement] = {}
        for statement in some:
            made = self.statements.left_of(statement, self.arn, keys, settled)
            if made is not None:
                left[id(made)] = made
        return list(left.values())

    def keys_of(self, principal: Principal, statements: Iterable[Statement]) -> Keys:
        """Return the condition keys of a principal; an empty value says that the key is absent."""
        asked = {key for each in statements for key in self.statements.needs(each).tags}
        return known_keys(principal, self.statements, {*self._tags, *asked})

    def _expose(
        self, principal: Principal, own: list[Statement], limit: list[Statement], keys: Keys
    ) -> Row:
        compiled = self._shared._replace(
            identity=(Layer("identity", "identity policy", document_of(tuple(own), "identity")),),
            boundary=None
            if limit == [self._unlimited]
            else Layer("boundary", "permissions boundary", document_of(tuple(limit), "boundary")),
            scp_account=principal.account,
        )
        needs = (self.statements.needs(each) for each in (*own, *limit, *self._common))
        asks = principal.is_role and any(need.sessions or need.tags for need in needs)
        # its path tells, not its name
        asks = asks or principal.caller.role.startswith("AWSServiceRoleFor")
        kind, circumstances = self.requests.kind, self.requests.circumstances
        if self.statements.may_trust(principal, "sts:tagsession"):
            kind = replace(kind, chooses=(*kind.chooses, _TAG))
        circumstances = replace(
            circumstances,
            given=Facts(keys).with_defaults(circumstances.given),
            sessions=sessions_of(principal, self.statements) if asks else None,
        )
        behind = {
            name: Policies.of_compiled(
                compiled._replace(endpoint=each.endpoint, gateway_endpoint=each.gateway_endpoint)
            )
            for name, each in self._behind.items()
        }
        policies = Policies.of_compiled(compiled)
        spend(_WORK * len(self._common))
        try:
            return expose(
                Requests(kind, policies, circumstances),
                endpoint_policies=lambda name: behind.get(name, policies),
            )
        except TooManyClassesError as error:
            return unsure(replace(REFUSED, opened=EVERYWHERE, refused=NOWHERE), [str(error)])


def known_keys(principal: Principal, statements: Statements, asked: Iterable[str]) -> Keys:
    """Return the condition keys of a principal, of tags those that policies ask for; an empty value
    says that the key is absent.
    """
    keys = {
        "aws:username": (),
        **principal_keys(principal.caller, ""),
        "aws:principalarn": (principal.arn,),
    }
    if not principal.is_role:
        keys |= {
            "aws:federatedprovider": (),
            **({"aws:userid": (principal.id,)} if principal.id else {}),
        }
    if not statements.may_trust(principal, "sts:setsourceidentity"):
        keys["aws:sourceidentity"] = ()
    if tags := {key for key in asked if key.startswith(_TAG)}:
        own = {_TAG + name.lower(): value for name, value in principal.tags.items()}
        is_open = statements.may_trust(principal, "sts:tagsession")
        keys |= {
            key: (own[key],) if key in own else () for key in tags if key in own or not is_open
        }
    return keys


def sessions_of(principal: Principal, statements: Statements) -> RoleSessions:
    """Return the sessions of a role that its trust policy lets through."""
    allows, denies = _trust_statements(principal, statements)

    def examples(key: str) -> list[str]:
        """Return a text for each value or pattern that the trust policy names for a key."""
        values = session_values(principal, statements, key)
        return [each.replace("*", "x").replace("?", "x") for each in values]

    return RoleSessions(principal.id, examples, partial(_lets_through, allows, denies))


def _trust_statements(
    principal: Principal, statements: Statements
) -> tuple[Mapping[str, list[Statement]], list[Statement]]:
    """Return the Allows of a trust policy, by the key of a request that they limit,
    and its Denies.
    """
    allows: dict[str, list[Statement]] = {}
    denies = []
    for action in (
        "sts:AssumeRole",
        "sts:AssumeRoleWithSAML",
        "sts:AssumeRoleWithWebIdentity",
        "sts:TagSession",
    ):
        try:
            covering = (
                []
                if principal.trust is None
                else statements.covering(principal.trust, action, "", "trust")
            )
        except PolicyError:
            covering = []
        use = _SESSION_TAG if action == "sts:TagSession" else _SESSION_NAME
        allows.setdefault(use, []).extend(each for each in covering if not each.deny)
        denies += [each for each in covering if each.deny and each not in denies]
    return allows, denies


def session_values(principal: Principal, statements: Statements, key: str) -> list[str]:
    """Return the values and patterns that a trust policy names for a key of the
    request for a session.
    """
    allows, denies = _trust_statements(principal, statements)
    conditions = (
        c for some in (*allows.values(), denies) for each in some for c in each.conditions
    )
    named = (value for each in conditions if each.lower_key == key for value in each.values)
    return list(dict.fromkeys(value for value in named if value and "$" not in value))


def _lets_through(
    allows: Mapping[str, Sequence[Statement]], denies: Sequence[Statement], key: str, value: str
) -> bool:
    """Return whether a trust policy lets a key of the request for a session have a value."""
    use = key if key in allows else _SESSION_TAG
    keys = {key: (value,), "aws:tagkeys": Several((key.partition("/")[2],))}
    mine = {key} if key in allows else {key, "aws:tagkeys"}
    some = allows[use]
    if any(
        e.conditions and all(_holds(c, keys, mine, deny=True) is True for c in e.conditions)
        for e in denies
    ):
        return False
    return not some or any(
        all(_holds(c, keys, mine) is not False for c in e.conditions) for e in some
    )


def _holds(condition: Condition, keys: Keys, mine: set[str], *, deny: bool = False) -> bool | None:
    """Return whether a condition holds; None if it asks for something else,
    or for the value of a variable.
    """
    if not condition.asks <= mine:
        return None
    return condition.matches(keys, deny=deny)
