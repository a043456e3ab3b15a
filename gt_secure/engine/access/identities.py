"""Users and roles with their policies, as ``iam get-account-authorization-details`` prints them.

Source: IAM API Reference, *GetAccountAuthorizationDetails*: documents are URL-encoded JSON, the
default version of a managed policy holds, and the groups of a user may be on another page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from ...base.errors import InvalidInput
from ...base.groups import as_list
from ...base.text import Json, Texts
from ..iam.documents import VERSIONS
from ..iam.principals import Caller, is_linked_path, session_of

_LISTS = {
    "UserDetailList": "users",
    "RoleDetailList": "roles",
    "GroupDetailList": "groups",
    "Policies": "policies",
}
_INLINE = ("UserPolicyList", "RolePolicyList", "GroupPolicyList")


@dataclass(frozen=True, eq=False)
class AttachedPolicy:
    """A policy of a user, group or role: its name, and its statements as they were written."""

    name: str
    version: str
    statements: tuple[Json, ...]

    @property
    def document(self) -> Json:
        """The policy as a document."""
        return {"Version": self.version, "Statement": list(self.statements)}


AttachedPolicies = tuple[AttachedPolicy, ...]


@dataclass(frozen=True, eq=False)
class Principal:
    """A user or role.

    Attributes
    ----------
    arn, id : str
    tags : mapping
    policies : tuple of AttachedPolicy
        Inline and managed ones, those of its groups included.
    boundary : AttachedPolicy or None
    trust : AttachedPolicy or None
        The trust policy of a role.
    managed, groups : tuple of str
        ARNs of its managed policies and names of its groups.
    not_read : tuple of str
        Names of policies whose documents were not read.
    boundary_not_read : str
        Name of the boundary, where its document was not read.
    max_session_s : int or None
        The longest session of a role; None if it is not known.
    """

    arn: str
    id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    policies: AttachedPolicies = ()
    boundary: AttachedPolicy | None = None
    trust: AttachedPolicy | None = None
    managed: Texts = ()
    groups: Texts = ()
    not_read: Texts = ()
    boundary_not_read: str = ""
    max_session_s: int | None = None

    @property
    def unread(self) -> Texts:
        """Names of all of its policies that were not read, its boundary included."""
        return tuple(filter(None, (*self.not_read, self.boundary_not_read)))

    @property
    def is_role(self) -> bool:
        """Return whether it is a role, which signs as a session."""
        return ":role/" in self.arn

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return self.arn.split(":")[4]

    @cached_property
    def caller(self) -> Caller:
        """The caller: a user, or a session of a role under some name."""
        return replace(session_of(self.arn), linked=self.is_service_linked)

    @property
    def is_service_linked(self) -> bool:
        """Return whether only an AWS service can use it: its path tells."""
        return self.is_role and is_linked_path(self.arn.partition(":role/")[2])


@dataclass(frozen=True)
class Principals:
    """All users and roles that were read.

    Attributes
    ----------
    all : tuple of Principal
    groups : mapping
        The policies of each group by its ARN.
    notes : tuple of str
        Sentences about lists that were not read.
    """

    all: tuple[Principal, ...]
    groups: Mapping[str, AttachedPolicies] = field(default_factory=dict)
    notes: Texts = ()

    @property
    def policies(self) -> Iterable[AttachedPolicy]:
        """The policies and boundaries of all users and roles, each once."""
        every = (each for one in self.all for each in (*one.policies, one.boundary))
        return {id(each): each for each in every if each is not None}.values()


def parse_principals(text: str, name: str = "the file") -> Principals:
    """Read what ``aws iam get-account-authorization-details`` prints, or a list of its pages;
    raises InvalidInput.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_details(name, f"is not JSON ({error})"[:120]) from error
    pages = as_list(data)
    if not pages or not all(
        isinstance(page, Mapping) and _LISTS.keys() & page.keys() for page in pages
    ):
        raise _no_details(name, "holds no users, roles or policies")
    return principals_of(pages)


def load_principals(place: str | Path) -> Principals:
    """Read the users and roles of a file."""
    try:
        text = Path(place).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _no_details(str(place), f"cannot be read ({type(error).__name__})") from error
    return parse_principals(text, str(place))


def _no_details(name: str, why: str) -> InvalidInput:
    command = "aws iam get-account-authorization-details > principals.json"
    return InvalidInput(f"{name} {why}.", next_step=f"Write it with: {command}", field="principals")


def principals_of(pages: Iterable[Json]) -> Principals:
    """Return the users and roles of all pages;
    groups and managed policies are joined after the last one.
    """
    lists: dict[str, list[Json]] = {}
    last: Json = {}
    for last in pages:
        for key in _LISTS.keys() & last.keys():
            lists.setdefault(key, []).extend(last[key] or ())
    notes = [
        f"The {what} were not read."
        for key, what in _LISTS.items()
        if key not in lists and key != "Policies"
    ]
    if last.get("IsTruncated"):
        notes.append("The list of principals is cut off: IsTruncated is true, so more exist.")
    documents = {str(each.get("Arn")): _default(each) for each in lists.get("Policies", ())}
    groups = {
        str(each.get("GroupName")): _attached(each, documents)
        for each in lists.get("GroupDetailList", ())
    }
    details = [*lists.get("UserDetailList", ()), *lists.get("RoleDetailList", ())]
    return Principals(
        tuple(
            _principal(each, documents, groups)
            for each in details
            if isinstance(each.get("Arn"), str)
        ),
        {
            str(g.get("Arn")): groups[str(g.get("GroupName"))][0]
            for g in lists.get("GroupDetailList", ())
        },
        tuple(notes),
    )


def _principal(
    data: Json,
    documents: Mapping[str, AttachedPolicy | None],
    groups: Mapping[str, tuple[AttachedPolicies, Texts]],
) -> Principal:
    policies, unread = _attached(data, documents)
    names = tuple(str(each) for each in data.get("GroupList") or ())
    for name in names:
        more, missing = groups.get(name, ((), (f"policies of group {name}",)))
        policies, unread = (*policies, *more), (*unread, *missing)
    boundary = str((data.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") or "")
    trust = data.get("AssumeRolePolicyDocument")
    return Principal(
        arn=data["Arn"],
        id=str(data.get("RoleId") or data.get("UserId") or ""),
        tags={str(each.get("Key")): str(each.get("Value", "")) for each in data.get("Tags") or ()},
        policies=policies,
        boundary=documents.get(boundary),
        trust=None if trust is None else document("trust policy", trust),
        managed=tuple(_managed(data)),
        groups=names,
        not_read=unread,
        boundary_not_read=boundary if boundary and documents.get(boundary) is None else "",
        max_session_s=int(data["MaxSessionDuration"]) if data.get("MaxSessionDuration") else None,
    )


def _attached(
    data: Json, documents: Mapping[str, AttachedPolicy | None]
) -> tuple[AttachedPolicies, Texts]:
    """Return the policies of a user, group or role, and the names of those that were not read."""
    inline = [each for key in _INLINE for each in data.get(key) or ()]
    unread = (
        []
        if any(key in data for key in (*_INLINE, "AttachedManagedPolicies"))
        else ["its policies"]
    )
    named = [
        (f"inline policy {each.get('PolicyName')}", document("", each.get("PolicyDocument")))
        for each in inline
    ]
    every = [*named, *((arn, documents.get(arn)) for arn in _managed(data))]
    unread += [name for name, policy in every if policy is None]
    return tuple(policy for _, policy in every if policy is not None), tuple(unread)


def _managed(data: Json) -> Iterator[str]:
    return (str(each.get("PolicyArn")) for each in data.get("AttachedManagedPolicies") or ())


def _default(policy: Json) -> AttachedPolicy | None:
    """Return the version of a managed policy that holds."""
    versions = policy.get("PolicyVersionList") or ()
    default = policy.get("DefaultVersionId")
    for each in versions:
        if each.get("IsDefaultVersion") or (default and each.get("VersionId") == default):
            return document(str(policy.get("Arn")), each.get("Document"))
    return None


def document(name: str, value: object) -> AttachedPolicy | None:
    """Return a policy document from an object, JSON text or URL-encoded JSON text;
    None if it is none of them.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value if value.lstrip()[:1] == "{" else unquote(value))
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, Mapping):
        return None
    several = tuple(as_list(value.get("Statement")))
    version = value.get("Version", VERSIONS[0])
    if version not in VERSIONS or not all(isinstance(each, Mapping) for each in several):
        return None
    return AttachedPolicy(name, version, several)
