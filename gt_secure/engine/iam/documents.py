"""Policy documents: read strictly, compiled once, and remembered.

Source: IAM User Guide, *Grammar of the IAM JSON policy language*. A version that is left out is
2008-10-17, in which policy variables are plain text (*IAM JSON policy elements: Version*).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from ...base.errors import PolicyError
from .conditions import Condition, parse_conditions
from .principals import Caller, Grant, PrincipalEntry, grant_of, is_excepted, parse_entry
from .request_keys import ENDPOINT_KEYS
from .strict_json import JsonNumber, item, parse_json, refuse_duplicates
from .variables import (
    Keys,
    Template,
    Variable,
    Wild,
    fill,
    is_fixed,
    parse_template,
    split_wildcards,
)
from .wildcards import ARN_COLONS, TextMatcher, anything, glob, resource_glob

DocumentKind: TypeAlias = Literal[
    "identity", "session", "boundary", "resource", "trust", "endpoint", "rcp", "scp"
]
StatementData: TypeAlias = Mapping[str, object]
"""A statement, or another element of a policy, as its JSON has it."""
PolicySource: TypeAlias = str | StatementData

VERSIONS = ("2008-10-17", "2012-10-17")
_TOP = {"Version", "Id", "Statement"}
_ELEMENTS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_WITH_PRINCIPAL = ("resource", "trust", "endpoint", "rcp")
_LENIENT = ("identity", "boundary")
"""Kinds that IAM stores with a stray action, such as ``s3:GetObject,PutObject``:
that entry never matches.
"""
_ACTION = re.compile(r"[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+")
_STRAY = re.compile(r"[A-Za-z0-9-]+:[^:]+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A resource pattern: matched at once, or after its variables have been filled in."""

    text: str
    template: Template
    matcher: TextMatcher | None
    may_match: TextMatcher = anything
    """Test of an ARN: True if it may match with some value of the variables."""

    def matches(self, arn: str, keys: Keys) -> bool | None:
        """Return whether an ARN matches; None if the pattern has a variable without a value."""
        if self.matcher is not None:
            return self.matcher(arn)
        filled = fill(self.template, keys)
        return None if filled is None else resource_glob(filled)(arn)


def _loose(template: Template) -> TextMatcher:
    """Return a matcher of every text that a pattern may match;
    all texts where parts of the ARN may be missing.
    """
    if sum(part.count(":") for part in template if isinstance(part, str)) < ARN_COLONS:
        return anything
    return glob(tuple(Wild.ANY if isinstance(part, Variable) else part for part in template))


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One compiled statement, equal to no other."""

    index: int
    sid: str
    deny: bool
    actions: tuple[str, ...]
    action_matchers: tuple[TextMatcher, ...]
    not_action: bool
    resources: tuple[Pattern, ...]
    not_resource: bool
    principals: tuple[PrincipalEntry, ...] | None
    not_principal: bool
    conditions: tuple[Condition, ...]

    @property
    def label(self) -> str:
        """Name for people: ``statement 2 "Sid"``."""
        return f"statement {self.index + 1}" + (f' "{self.sid}"' if self.sid else "")

    @property
    def open_patterns(self) -> set[str]:
        """Keys of patterns for ARNs whose meaning is open."""
        return {key for condition in self.conditions for key in condition.open_patterns}

    def covers_action(self, action: str) -> bool:
        """Return whether an action, in lower case, is covered;
        an empty ``NotAction`` opens nothing and denies all.
        """
        if self.not_action and not self.action_matchers:
            return self.deny
        return any(matcher(action) for matcher in self.action_matchers) != self.not_action

    def covers_resource(self, arn: str, keys: Keys) -> bool:
        """Return whether a resource is covered.

        A pattern whose variable has no value matches nothing. In ``NotResource`` that would widen
        an Allow; AWS documents only that such a statement may be invalid, so it covers nothing
        there, and everything in a Deny. An empty ``NotResource`` likewise.
        """
        if self.not_resource and not self.resources:
            return self.deny
        answers = [pattern.matches(arn, keys) for pattern in self.resources]
        if not self.not_resource:
            return True in answers
        return True not in answers and (self.deny or None not in answers)

    def grant(self, caller: Caller, keys: Keys) -> Grant | None:
        """Return how the statement names the caller;
        ``direct`` where it has no principal element.
        """
        if self.principals is None:
            return "direct"
        if not self.not_principal:
            return grant_of(self.principals, caller, keys, unknown=self.deny)
        if self.deny:
            return None if is_excepted(self.principals, caller, keys) else "direct"
        return None if grant_of(self.principals, caller, keys, unknown=True) else "direct"

    def conditions_hold(self, keys: Keys) -> bool:
        """Return whether all conditions hold."""
        deny = self.deny
        return all(condition.matches(keys, deny=deny) for condition in self.conditions)


EveryStatement = tuple[Statement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One compiled policy document, equal to no other."""

    kind: DocumentKind
    version: str
    id: str
    statements: EveryStatement
    denies: EveryStatement
    allows: EveryStatement
    open_patterns: frozenset[str]
    """Keys of patterns for ARNs whose meaning is open: each decision asks whether there are any."""


def parse_document(source: PolicySource, kind: DocumentKind = "identity") -> Document:
    """Compile a policy document.

    Parameters
    ----------
    source : str or mapping
        JSON text, in which names that occur twice are found, or the parsed document.
    kind : str
        Where it is attached: ``identity``, ``session``, ``boundary``, ``resource``, ``trust``,
        ``endpoint``, ``rcp`` or ``scp``.

    Raises
    ------
    PolicyError
        If AWS would refuse it; ``place`` is a JSON path such as
        ``$.Statement[0].Condition.IpAddress``.
    """
    if isinstance(source, str):
        return _parse_text(source, kind)
    refuse_duplicates(source)
    return _compile(source, kind)


@lru_cache(maxsize=1024)
def _parse_text(text: str, kind: DocumentKind) -> Document:
    return _compile(parse_json(text), kind)


def _compile(data: object, kind: DocumentKind) -> Document:
    if not isinstance(data, Mapping):
        raise PolicyError(
            "A policy must be a JSON object.", place="$", next_step="Give the whole document."
        )
    _refuse_unknown(data, _TOP, "$")
    version = data.get("Version", VERSIONS[0])
    if not isinstance(version, str) or version not in VERSIONS:
        raise PolicyError(
            f'"{str(version)[:40]}" is not a version of the policy language.',
            place="$.Version",
            next_step="Write 2012-10-17.",
        )
    identifier = data.get("Id", "")
    if not isinstance(identifier, str) or isinstance(identifier, JsonNumber):
        raise PolicyError("Id must be text.", place="$.Id", next_step="Put it in quotes.")
    if "Statement" not in data:
        raise PolicyError(
            "The policy has no Statement.", place="$", next_step="Add a list of statements."
        )
    listed = data["Statement"]
    is_one = not isinstance(listed, (list, tuple))
    statements = tuple(
        compile_statement(
            each, index, "$.Statement" if is_one else item("$.Statement", index), kind, version
        )
        for index, each in enumerate([listed] if is_one else listed)
    )
    sids = set()
    for statement in statements if kind not in _WITH_PRINCIPAL else ():
        if statement.sid and statement.sid in sids:
            raise PolicyError(
                f'The Sid "{statement.sid[:60]}" occurs twice.',
                place=item("$.Statement", statement.index),
                next_step="Give each statement its own Sid.",
            )
        sids.add(statement.sid)
    return document_of(statements, kind, version, identifier)


def document_of(
    statements: EveryStatement,
    kind: DocumentKind,
    version: str = VERSIONS[1],
    identifier: str = "",
) -> Document:
    """Return the document that holds compiled statements."""
    return Document(
        kind=kind,
        version=version,
        id=identifier,
        statements=statements,
        denies=tuple(s for s in statements if s.deny),
        allows=tuple(s for s in statements if not s.deny),
        open_patterns=frozenset(key for s in statements for key in s.open_patterns),
    )


_SOURCE_KEYS = ENDPOINT_KEYS | {"aws:sourceip"}


@lru_cache(maxsize=2048)
def narrowed(document: Document, action: str, arn: str, *, cuts: bool = True) -> Document:
    """Return what a document says about an action on a resource: each statement once, and the same
    object each time.

    A statement that covers the resource with every value of the variables covers all. Of those that
    do not, there are only those whose conditions cut sources, and these cover nothing; without
    ``cuts`` there are none.
    """
    left: dict[str, Statement] = {}
    for statement, is_covered in _about_action(document, action.lower()):
        some = _deciding(statement, arn) if is_covered else ()
        if some or (cuts and _cuts_sources(statement)):
            content, made = _about(statement, some)
            left.setdefault(content, made)
    if document.allows and all(each.deny for each in left.values()):
        left[""] = _NOTHING
    return document_of(tuple(left.values()), document.kind, document.version, document.id)


@lru_cache(maxsize=1024)
def _about_action(document: Document, action: str) -> list[tuple[Statement, bool]]:
    return [(each, each.covers_action(action)) for each in document.statements]


@lru_cache(maxsize=8192)
def _cuts_sources(statement: Statement) -> bool:
    return any(condition.asks & _SOURCE_KEYS for condition in statement.conditions)


def _deciding(statement: Statement, arn: str) -> tuple[Pattern, ...]:
    """Return the patterns on which it depends whether a statement covers a resource:
    none if it does not.
    """
    matching = [each for each in statement.resources if each.may_match(arn)]
    if not matching and not statement.not_resource:
        return ()
    every = EVERYTHING.resources
    for each in matching:
        if each.matcher is not None:
            return () if statement.not_resource else every
    # a variable without a value decides there as well
    if statement.not_resource and not statement.deny:
        variable = tuple(each for each in statement.resources if each.matcher is None)
        return variable or (every if statement.resources else ())
    return tuple(matching) or every


@lru_cache(maxsize=8192)
def _about(statement: Statement, some: tuple[Pattern, ...]) -> tuple[str, Statement]:
    """Return a statement of all actions on what some patterns cover, the same one each time,
    and what it says.
    """
    made = replace(
        EVERYTHING,
        index=statement.index,
        sid=statement.sid,
        deny=statement.deny,
        resources=some,
        not_resource=statement.not_resource and bool(some) and some is not EVERYTHING.resources,
        principals=statement.principals,
        not_principal=statement.not_principal,
        conditions=statement.conditions,
    )
    conditions = [(each.operator, each.key, each.values, each.special) for each in made.conditions]
    patterns = [each.template for each in some]
    content = repr(
        (made.deny, patterns, made.not_resource, made.principals, made.not_principal, conditions)
    )
    return content, made


def compile_statement(
    data: object, index: int, place: str, kind: DocumentKind, version: str
) -> Statement:
    """Compile one statement; the resource of a trust policy is the role that has it."""
    if not isinstance(data, Mapping):
        raise PolicyError(
            "A statement must be an object.", place=place, next_step="Correct the statement."
        )
    _refuse_unknown(data, _ELEMENTS, place)
    variables = version == VERSIONS[1]
    effect = data.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(
            "Effect must be Allow or Deny, written exactly so.",
            place=f"{place}.Effect",
            next_step="Correct it.",
        )
    principals, not_principal = _principals(data, place, kind)
    action_name, actions = _one_of(data, "Action", "NotAction", place)
    if kind == "trust" and not {"Resource", "NotResource"} & set(data):
        data = {**data, "Resource": "*"}
    elif kind == "trust":
        raise PolicyError(
            "A trust policy names no resource.", place=place, next_step="Remove it: it is the role."
        )
    resource_name, resources = _one_of(data, "Resource", "NotResource", place)
    # a stray name after a service prefix is stored, and never matches
    lenient = kind in _LENIENT and action_name == "Action"
    for number, action in enumerate(actions):
        if action != "*" and not _ACTION.fullmatch(action):
            if lenient and _STRAY.fullmatch(action):
                continue
            raise PolicyError(
                f'"{action[:60]}" is not an action.',
                place=f"{place}.{action_name}[{number}]",
                next_step="Write service:Name, for example s3:GetObject, or *.",
            )
    return Statement(
        index=index,
        sid=_sid(data, place, kind),
        deny=effect == "Deny",
        actions=tuple(actions),
        action_matchers=tuple(_action_matcher(action) for action in actions),
        not_action=action_name == "NotAction",
        resources=tuple(
            _pattern(text, variables, f"{place}.{resource_name}[{number}]")
            for number, text in enumerate(resources)
        ),
        not_resource=resource_name == "NotResource",
        principals=principals,
        not_principal=not_principal,
        conditions=(
            parse_conditions(data["Condition"], variables=variables, place=f"{place}.Condition")
            if "Condition" in data
            else ()
        ),
    )


def _refuse_unknown(data: StatementData, known: set[str], place: str) -> None:
    for name in data:
        if name not in known:
            near = next((each for each in known if each.lower() == str(name).lower()), "")
            raise PolicyError(
                f'"{str(name)[:60]}" is not an element of a policy.',
                place=place,
                next_step=f"Write {near}: names of elements are case sensitive."
                if near
                else "Remove it.",
            )


def _sid(data: StatementData, place: str, kind: DocumentKind) -> str:
    sid = data.get("Sid", "")
    if not isinstance(sid, str) or isinstance(sid, JsonNumber):
        raise PolicyError("Sid must be text.", place=f"{place}.Sid", next_step="Put it in quotes.")
    if kind not in _WITH_PRINCIPAL and not re.fullmatch(r"[A-Za-z0-9]*", sid):
        raise PolicyError(
            f'The Sid "{sid[:60]}" holds more than letters and digits, which only resource policies'
            " may.",
            place=f"{place}.Sid",
            next_step="Use letters and digits.",
        )
    return sid


def _one_of(data: StatementData, name: str, negated: str, place: str) -> tuple[str, list[str]]:
    present = [each for each in (name, negated) if each in data]
    if len(present) != 1:
        said = f"has both {name} and {negated}" if present else f"has neither {name} nor {negated}"
        raise PolicyError(
            f"The statement {said}.", place=place, next_step="Give exactly one of them."
        )
    return present[0], _texts(data[present[0]], f"{place}.{present[0]}")


def _texts(value: object, place: str) -> list[str]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    for index, each in enumerate(values):
        if not isinstance(each, str) or isinstance(each, JsonNumber):
            raise PolicyError(
                "Text or a list of texts is needed here.",
                place=item(place, index),
                next_step="Quote it.",
            )
    return [str(each) for each in values]


@lru_cache(maxsize=4096)
def _action_matcher(action: str) -> TextMatcher:
    if action != "*" and not _ACTION.fullmatch(action):
        return lambda _: False
    return glob(split_wildcards(action.lower()))


@lru_cache(maxsize=4096)
def _pattern(text: str, variables: bool, place: str) -> Pattern:
    if text != "*" and not text.startswith("arn:"):
        raise PolicyError(
            f'"{text[:60]}" is not an ARN.',
            place=place,
            next_step="Write an ARN such as arn:aws:s3:::bucket/*, or *.",
        )
    template = parse_template(text, variables=variables, wildcards=True, place=place)
    fixed = fill(template, {}) if is_fixed(template) else None
    matcher = None if fixed is None else resource_glob(fixed)
    return Pattern(text, template, matcher, matcher or _loose(template))


def _principals(
    data: StatementData, place: str, kind: DocumentKind
) -> tuple[tuple[PrincipalEntry, ...] | None, bool]:
    present = [name for name in ("Principal", "NotPrincipal") if name in data]
    if kind not in _WITH_PRINCIPAL:
        if present:
            raise PolicyError(
                f"{present[0]} is only allowed in resource policies.",
                place=f"{place}.{present[0]}",
                next_step="Remove it: the policy applies to whom it is attached to.",
            )
        return None, False
    if len(present) != 1:
        said = "has both Principal and NotPrincipal" if present else "names no Principal"
        raise PolicyError(
            f"The statement {said}.", place=place, next_step="Give exactly one of them."
        )
    name = present[0]
    return _entries(data[name], f"{place}.{name}"), name == "NotPrincipal"


def _entries(value: object, place: str) -> tuple[PrincipalEntry, ...]:
    if value == "*":
        return (parse_entry("AWS", "*", place),)
    if not isinstance(value, Mapping):
        raise PolicyError(
            "A principal must be * or an object.",
            place=place,
            next_step='Write {"AWS": "arn:..."}.',
        )
    entries = []
    for kind, names in value.items():
        if kind not in ("AWS", "Service", "Federated", "CanonicalUser"):
            raise PolicyError(
                f'"{str(kind)[:40]}" is not a kind of principal.',
                place=place,
                next_step="Use AWS, Service, Federated or CanonicalUser.",
            )
        texts = _texts(names, f"{place}.{kind}")
        entries += [
            parse_entry(kind, text, item(f"{place}.{kind}", index))
            for index, text in enumerate(texts)
        ]
    return tuple(entries)


ASSUMED = "FullPermissionAssumed"
"""The Sid of the Allow that stands in for an identity policy that was not read."""
EVERYTHING = compile_statement(
    {"Effect": "Allow", "Action": "*", "Resource": "*"}, 0, "$", "identity", VERSIONS[1]
)
"""The Allow of everything."""
_NOTHING = replace(EVERYTHING, resources=())
"""The Allow of a policy that covers nothing."""
