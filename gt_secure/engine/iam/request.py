"""One request and the policies that decide it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias, TypeVar

from ...base.errors import InvalidInput, PolicyError
from ...base.text import Json, Texts
from .documents import (
    Document,
    DocumentKind,
    PolicySource,
    Statement,
    document_of,
    narrowed,
    parse_document,
)
from .facts import Values
from .principals import Caller, check_account, parse_caller
from .variables import Keys, Several

ContextValue: TypeAlias = str | bool | int | Sequence[str]
PolicyLevel: TypeAlias = PolicySource | tuple[PolicySource, ...]
"""Policies of one level of an organization: a tuple of all,
or one that is read beside the default full access.
"""
_Source = TypeVar("_Source", PolicySource, PolicyLevel)


@dataclass(frozen=True)
class Request:
    """A request to AWS: a context key that is neither given nor named as unknown is absent.

    Attributes
    ----------
    action : str
        Such as ``s3:GetObject``.
    resource : str
        ARN, such as ``arn:aws:s3:::bucket/key``.
    principal : str
        ARN of a user, role, role session, federated user or account root; a service name; ``*`` if
        anonymous.
    context : mapping
        Condition keys and their values: text, or a sequence of texts for a multivalued key.
    resource_account : str, optional
        The 12-digit account that owns the resource; left out, it is the principal's.
    unknown : sequence of str
        Names of condition keys whose values are not known; ``aws:PrincipalTag/*`` names all that
        begin so.
    """

    action: str
    resource: str
    principal: str
    context: Mapping[str, ContextValue]
    resource_account: str | None = None
    unknown: Sequence[str] = ()

    @cached_property
    def caller(self) -> Caller:
        """The principal, taken apart; raises :class:`InvalidInput` if it cannot make requests."""
        return parse_caller(self.principal)

    @cached_property
    def lower_action(self) -> str:
        """The action in lower case: its case means nothing."""
        return self.action.lower()

    @cached_property
    def keys(self) -> Keys:
        """The context by lower-case key; raises :class:`InvalidInput` if a key is given
        twice or is no text.
        """
        keys: dict[str, Values] = {}
        for name, value in self.context.items():
            if not isinstance(name, str):
                raise InvalidInput(
                    f"The context key {str(name)[:40]!r} is not text.",
                    next_step="Name a key.",
                    field="context",
                )
            lower = name.lower()
            if lower in keys:
                raise InvalidInput(
                    f"The context key {name} is given twice.",
                    next_step="Give it once.",
                    field="context",
                )
            keys[lower] = (value,) if isinstance(value, str) else _values(name, value)
        return keys

    @cached_property
    def is_cross_account(self) -> bool:
        """True if the caller is of another account than the resource."""
        return bool(
            self.resource_account
            and self.caller.account
            and self.resource_account != self.caller.account
        )

    @cached_property
    def is_off_endpoint(self) -> bool:
        """Return whether the request surely did not come through a VPC endpoint."""
        return not self.keys.get("aws:sourcevpce") and bool(self.keys.get("aws:sourceip"))

    def check(self) -> None:
        """Raise :class:`InvalidInput` if this is no request that AWS could get."""
        if not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9]+", self.action):
            raise InvalidInput(
                f'"{self.action[:60]}" is not an action.',
                next_step="Write it like s3:GetObject.",
                field="action",
            )
        if self.resource != "*" and (
            not self.resource.startswith("arn:") or self.resource.count(":") < 5
        ):
            raise InvalidInput(
                f'"{self.resource[:60]}" is not an ARN.',
                next_step="Write arn:aws:s3:::bucket/key.",
                field="resource",
            )
        if self.resource_account is not None:
            check_account(self.resource_account)
        if isinstance(self.unknown, str) or not all(isinstance(name, str) for name in self.unknown):
            raise InvalidInput(
                "The unknown keys are not a list of names.", next_step="Name them.", field="unknown"
            )
        _ = self.caller, self.keys


def _values(name: str, value: object) -> Texts:
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, (int, float)):
        return (str(value),)
    if isinstance(value, (list, tuple, set, frozenset)):
        parts = [_values(name, each) for each in value]
        if all(len(part) == 1 for part in parts) and not any(
            isinstance(each, (list, tuple)) for each in value
        ):
            return Several(part[0] for part in parts)
    elif isinstance(value, str):
        return (value,)
    raise InvalidInput(
        f"The context key {name} holds something other than text.",
        next_step="Give text or texts.",
        field="context",
    )


Layers: TypeAlias = "tuple[Layer, ...]"


class Layer(NamedTuple):
    """One policy at its place; ``must_allow``: a level of an organization,
    which refuses what it does not allow.
    """

    kind: DocumentKind
    name: str
    document: Document
    must_allow: bool = False

    def about(self, action: str, arn: str, *, cuts: bool = True) -> Layer:
        """Return what the policy says about an action on a resource; without ``cuts`` only what
        covers that.
        """
        return self._replace(document=narrowed(self.document, action, arn, cuts=cuts))


class Compiled(NamedTuple):
    """All policies of one decision, compiled."""

    identity: Layers
    session: Layer | None
    boundary: Layer | None
    resource: Layer | None
    endpoint: Layer | None
    gateway_endpoint: bool
    rcp: Layers = ()
    scp: Layers = ()
    scp_account: str | None = None

    def consulted(self, caller: Caller, *, cross_account: bool, endpoint: bool) -> list[Layer]:
        """Return the policies that have a say: an endpoint's on its path,
        an organization's for whom it is.
        """
        free = caller.is_service_linked
        own = not cross_account if self.scp_account is None else caller.account == self.scp_account
        say = {
            "endpoint": endpoint,
            "rcp": not free,
            "scp": bool(caller.account) and not free and own,
        }
        return [layer for layer in self.layers if say.get(layer.kind, True)]

    def about(self, action: str, arn: str, *, cuts: bool = True) -> Compiled:
        """Return what the policies say about an action on a resource; without ``cuts`` only what
        covers that.
        """
        single, several = (
            ("session", "boundary", "resource", "endpoint"),
            ("identity", "rcp", "scp"),
        )
        found: Json = {
            name: (layer := getattr(self, name)) and layer.about(action, arn, cuts=cuts)
            for name in single
        }
        found |= {
            name: tuple(layer.about(action, arn, cuts=cuts) for layer in getattr(self, name))
            for name in several
        }
        return self._replace(**found)

    @property
    def must_grant(self) -> bool:
        """Return whether an identity policy alone opens nothing:
        only whom its trust policy lets may use a role.
        """
        return self.resource is not None and self.resource.kind == "trust"

    @property
    def layers(self) -> Layers:
        """The policies, those of the caller first and those of the organization last."""
        single = (self.session, self.boundary, self.resource, self.endpoint)
        present = (layer for layer in single if layer is not None)
        return (*self.identity, *present, *self.rcp, *self.scp)

    @property
    def statements(self) -> list[Statement]:
        """The statements of all policies."""
        return [statement for layer in self.layers for statement in layer.document.statements]


NAMES: dict[DocumentKind, str] = {
    "identity": "identity policy",
    "session": "session policy",
    "boundary": "permissions boundary",
    "resource": "bucket policy",
    "trust": "trust policy",
    "endpoint": "VPC endpoint policy",
    "rcp": "resource control policy",
    "scp": "service control policy",
}


@dataclass(frozen=True)
class Policies:
    """The policies that meet one request, each as JSON text or as a parsed document.

    Attributes
    ----------
    identity : sequence
        Attached to the user or role.
    session : text or mapping, optional
        Passed to ``AssumeRole``; it limits and never grants.
    resource : text or mapping, optional
        The bucket policy.
    boundary : text or mapping, optional
        The permissions boundary.
    endpoint : text or mapping, optional
        The policy of the VPC endpoint; it counts for requests that come through one.
    gateway_endpoint : bool
        Whether that is a gateway endpoint. There an account as principal stands for its root user
        alone (VPC guide, *Endpoint policies*), so it grants nothing to roles.
    rcp : sequence
        Resource control policies of the bucket's account, level by level. They limit whoever calls,
        except service-linked roles.
    scp : sequence
        Service control policies of one account, level by level. They limit callers of this account,
        its root user included, and nobody else.
    scp_account : str, optional
        That account; left out, it is the bucket's.

    A level is a policy, or a tuple of all policies that are attached there. A policy alone that has
    no Allow is read beside the full access that AWS attaches by default. A tuple without an Allow
    refuses everything.
    """

    identity: Sequence[PolicySource] = ()
    session: PolicySource | None = None
    resource: PolicySource | None = None
    boundary: PolicySource | None = None
    endpoint: PolicySource | None = None
    gateway_endpoint: bool = False
    rcp: Sequence[PolicyLevel] = ()
    scp: Sequence[PolicyLevel] = ()
    scp_account: str | None = None

    @classmethod
    def of_compiled(cls, compiled: Compiled) -> Policies:
        """Return the policies of documents that were compiled before."""
        policies = cls(gateway_endpoint=compiled.gateway_endpoint, scp_account=compiled.scp_account)
        vars(policies)["compiled"] = compiled
        return policies

    @cached_property
    def compiled(self) -> Compiled:
        """The documents, compiled once; raises :class:`PolicyError` naming the
        policy and the place.
        """
        return Compiled(
            _layers(_layer, "identity", self.identity),
            _single("session", self.session),
            _single("boundary", self.boundary),
            _single("resource", self.resource),
            _single("endpoint", self.endpoint),
            self.gateway_endpoint,
            _layers(_level, "rcp", self.rcp),
            _layers(_level, "scp", self.scp),
            self.scp_account,
        )


def _layers(
    make: Callable[[DocumentKind, str, _Source], Layer],
    kind: DocumentKind,
    sources: Sequence[_Source],
) -> Layers:
    """Compile the policies or levels of one kind, with a number each where there are several."""
    names = [f"{NAMES[kind]} {index + 1}" for index in range(len(sources))]
    if len(sources) == 1:
        names = [NAMES[kind]]
    return tuple(make(kind, name, source) for name, source in zip(names, sources, strict=True))


def _level(kind: DocumentKind, name: str, source: PolicyLevel) -> Layer:
    """Compile the policies of a level, each alone: two of them may use one Sid,
    and differ in their version.
    """
    if not isinstance(source, tuple):
        layer = _layer(kind, name, source)
        return layer._replace(must_allow=bool(layer.document.allows))
    statements = [
        statement for each in source for statement in _layer(kind, name, each).document.statements
    ]
    numbered = tuple(replace(statement, index=index) for index, statement in enumerate(statements))
    return Layer(kind, name, document_of(numbered, kind), must_allow=True)


def _single(kind: DocumentKind, source: PolicySource | None) -> Layer | None:
    return None if source is None else _layer(kind, NAMES[kind], source)


def _layer(kind: DocumentKind, name: str, source: PolicySource) -> Layer:
    try:
        return Layer(kind, name, parse_document(source, kind))
    except PolicyError as error:
        raise PolicyError(
            f"The {name} is not valid: {error.message}",
            place=error.place,
            next_step=error.next_step,
            value=error.value,
        ) from error
