"""Callers, and the principals of policies: accounts, users, roles, role sessions, services, and
everyone.

Sources: IAM User Guide, *AWS JSON policy elements: Principal* and *NotPrincipal*. A role ARN names
every session of the role and leaves room for session policies and boundaries to limit it; a session
ARN, a user ARN and ``*`` grant directly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias, TypeGuard

from ...base.errors import InvalidInput, PolicyError
from .variables import Keys

CallerKind: TypeAlias = Literal[
    "anonymous", "root", "user", "role", "session", "federated-user", "service"
]
Grant: TypeAlias = Literal["direct", "role", "account"]
EntryKind: TypeAlias = Literal[
    "everyone", "account", "role", "exact", "service", "federated", "canonical", "unique-id"
]

_ARN = re.compile(r"arn:(aws[a-z-]*):(iam|sts)::([^:]*):(.+)", re.DOTALL)
_SERVICE = re.compile(
    r"[a-z0-9][a-z0-9.-]*\.(?:amazonaws\.com|amazonaws\.com\.cn|amazon\.com|aws\.internal)", re.I
)
_ACCOUNT = re.compile(r"[0-9]{12}")
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{15,127}")
_SESSION = re.compile(r"[^/]+/[^/]+")
_CALLERS: dict[tuple[str, str], CallerKind] = {
    ("iam", "user"): "user",
    ("iam", "role"): "role",
    ("sts", "assumed-role"): "session",
    ("sts", "federated-user"): "federated-user",
}
"""Callers with a name, by the service and the category of their ARN."""
_OF_OTHER_ELEMENTS: dict[str, EntryKind] = {
    "Service": "service",
    "Federated": "federated",
    "CanonicalUser": "canonical",
}
"""Entries of the elements beside AWS."""


def check_account(account: str) -> str:
    """Return the id of an account; raises InvalidInput unless it has 12 digits."""
    if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
        step = 'Write its 12 digits, such as "111122223333".'
        raise InvalidInput(
            f"{account!r:.42} is not an AWS account.", next_step=step, field="account"
        )
    return account


CANONICAL_USER = "(canonical user)"
"""Stands among the keys of a request for the canonical user ID of its account,
which no condition key holds.
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of a request."""

    kind: CallerKind
    text: str
    partition: str = ""
    account: str = ""
    role: str = ""
    linked: bool | None = None

    @property
    def is_service_linked(self) -> bool:
        """Return whether this is a service-linked role, which policies of an organization do not
        limit.

        The path of a role tells; the ARN of a session has none, so there the name does.
        """
        return self.role.startswith("AWSServiceRoleFor") if self.linked is None else self.linked


@dataclass(frozen=True, slots=True)
class PrincipalEntry:
    """One principal named by a policy."""

    kind: EntryKind
    text: str
    partition: str = ""
    account: str = ""
    name: str = ""


@lru_cache(maxsize=4096)
def parse_caller(text: str) -> Caller:
    """Read the principal of a request: an ARN, a service name, or ``*`` for an anonymous caller.

    Raises
    ------
    InvalidInput
        If it is none of these.
    """
    if text == "*":
        return Caller("anonymous", text)
    match = _ARN.fullmatch(text)
    if match is None:
        if _SERVICE.fullmatch(text):
            return Caller("service", text)
        raise _no_caller(text)
    partition, service, account, rest = match.groups()
    category, _, name = rest.partition("/")
    if not _ACCOUNT.fullmatch(account):
        raise _no_caller(text)
    if service == "iam" and rest == "root":
        return Caller("root", text, partition, account)
    kind = _CALLERS.get((service, category))
    if kind is None or not name:
        raise _no_caller(text)
    if kind == "role":
        return Caller(kind, text, partition, account, name.rpartition("/")[2], is_linked_path(name))
    if kind != "session":
        return Caller(kind, text, partition, account)
    if not _SESSION.fullmatch(name):
        raise _no_caller(text)
    return Caller(kind, text, partition, account, name.partition("/")[0])


def is_linked_path(path: str) -> bool:
    """Return whether a role's path and name, such as ``aws-service-role/x/Name``,
    are of a service-linked role.
    """
    return path.lstrip("/").startswith("aws-service-role/")


def session_of(arn: str) -> Caller:
    """Return the caller that ``aws:PrincipalArn`` names: for a role, a session of it."""
    head, _, name = arn.partition(":role/")
    if not name:
        return parse_caller(arn)
    session = parse_caller(
        f"{head.replace(':iam:', ':sts:')}:assumed-role/{name.rpartition('/')[2]}/some-session"
    )
    return replace(session, linked=True) if is_linked_path(name) else session


def _no_caller(text: str) -> InvalidInput:
    return InvalidInput(
        f'"{text[:120]}" is not a principal that can make a request.',
        next_step=(
            "Give the ARN of a user, role, role session, federated user or account root, a service"
            " name, or *."
        ),
        field="principal",
        value=text,
    )


def is_unique_id(text: object) -> TypeGuard[str]:
    """Return whether this is the unique id of a user or role,
    which stands in a policy for one that was deleted.
    """
    return isinstance(text, str) and _UNIQUE_ID.fullmatch(text) is not None


def parse_entry(kind: str, text: str, place: str) -> PrincipalEntry:
    """Read one value of a ``Principal`` element: ``kind`` is AWS, Service, Federated or
    CanonicalUser.

    Raises
    ------
    PolicyError
        If AWS would refuse it: a wildcard within a name, a group, or text that names nobody.
    """
    if kind in _OF_OTHER_ELEMENTS:
        return PrincipalEntry(_OF_OTHER_ELEMENTS[kind], text)
    if text == "*":
        return PrincipalEntry("everyone", text)
    if _ACCOUNT.fullmatch(text):
        return PrincipalEntry("account", text, "", text)
    if is_unique_id(text):
        return PrincipalEntry("unique-id", text)
    match = _ARN.fullmatch(text)
    if match is None or "*" in text or "?" in text:
        raise _no_entry(text, place)
    partition, service, account, rest = match.groups()
    category, _, name = rest.partition("/")
    if service == "iam" and rest == "root":
        return PrincipalEntry("account", text, partition, account)
    if service == "iam" and category == "role" and name:
        return PrincipalEntry("role", text, partition, account, name.rpartition("/")[2])
    if (service, category) in {
        ("iam", "user"),
        ("sts", "assumed-role"),
        ("sts", "federated-user"),
    } and name:
        return PrincipalEntry("exact", text, partition, account)
    raise _no_entry(text, place)


def _no_entry(text: str, place: str) -> PolicyError:
    wild = "*" in text or "?" in text
    why = (
        "a wildcard cannot stand for part of a principal"
        if wild
        else "it names no account, user, role or session"
    )
    return PolicyError(
        f'"{text[:120]}" is not a valid principal: {why}.',
        place=place,
        value=text,
        next_step="Name the principal in full; use aws:PrincipalArn in a condition for a pattern.",
    )


def grant_of(
    entries: Sequence[PrincipalEntry], caller: Caller, keys: Keys, *, unknown: bool
) -> Grant | None:
    """Return the strongest way in which the entries name the caller, or None if they do not.

    ``unknown`` is the answer for entries that cannot be compared (a canonical user id): True in a
    Deny, so that a verdict that cannot be known is not "allowed".
    """
    best: Grant | None = None
    for entry in entries:
        grant = _entry_grant(entry, caller, keys, unknown)
        if grant == "direct":
            return grant
        if grant == "role" or (grant == "account" and best is None):
            best = grant
    return best


def _entry_grant(entry: PrincipalEntry, caller: Caller, keys: Keys, unknown: bool) -> Grant | None:
    if entry.kind == "canonical" and keys.get(CANONICAL_USER) is None:
        return "direct" if unknown and caller.account else None
    if not _is_named(entry, caller, keys):
        return None
    if entry.kind == "account":
        return "direct" if caller.kind == "root" else "account"
    if entry.kind == "unique-id":
        return "role" if caller.role else "direct"
    return _GRANTS[entry.kind]


_GRANTS: dict[EntryKind, Grant] = {
    "everyone": "direct",
    "exact": "direct",
    "role": "role",
    "service": "direct",
    "federated": "role",
    "canonical": "account",
}


def _is_named(entry: PrincipalEntry, caller: Caller, keys: Keys) -> bool:
    """Return whether an entry names a caller, in whatever way."""
    kind = entry.kind
    if kind == "exact":
        return entry.text == caller.text
    if kind == "role":
        return (
            entry.name == caller.role
            and entry.account == caller.account
            and entry.partition == caller.partition
        )
    if kind == "account":
        return (
            bool(caller.account)
            and entry.account == caller.account
            and entry.partition in ("", caller.partition)
        )
    if kind == "service":
        return caller.kind == "service" and entry.text.lower() in ("*", caller.text.lower())
    if kind == "unique-id":
        user_id = next(iter(keys.get("aws:userid", ())), "")
        return user_id.partition(":")[0] == entry.text
    if kind in _KEYS:
        return entry.text in keys.get(_KEYS[kind], ())
    return True


_KEYS = {"federated": "aws:federatedprovider", "canonical": CANONICAL_USER}
"""Keys of a request with the names of callers of a kind."""


def is_excepted(entries: Sequence[PrincipalEntry], caller: Caller, keys: Keys) -> bool:
    """Return whether a ``NotPrincipal`` with Deny spares the caller.

    AWS compares every ARN under which a caller is known: for a session its own, its role's and its
    account's. One that is missing may deny the caller, so it counts as denied.
    """
    if any(entry.kind == "everyone" for entry in entries):
        return True
    grants = {_entry_grant(entry, caller, keys, False) for entry in entries}
    return _NEEDED.get(caller.kind, {"direct"}) <= grants


_NEEDED: dict[CallerKind, set[Grant]] = {
    "session": {"direct", "role", "account"},
    "role": {"role", "account"},
    "user": {"direct", "account"},
    "federated-user": {"direct", "account"},
}
