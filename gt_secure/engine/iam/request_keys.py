"""Condition keys as AWS documents them: how each is spelled, its values, and who settles them.

A key that is not in the table can have any value, and may be absent. A key is settled by the
source, by the sender, or by no request of the kinds that are decided here.

Sources: IAM User Guide, *AWS global condition context keys*; Service Authorization Reference,
*Condition keys for Amazon S3*.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...base.files import package_data
from ...base.text import Json, Texts
from .variables import MULTIVALUED


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(value) if isinstance(value, list) else value


TABLES: Json = _tuples(package_data(__package__, "keys.json"))
"""The data file: keys, and actions of S3."""

SOURCE_KEYS = frozenset({"aws:sourceip", "aws:sourcevpce", "aws:sourcevpc", "aws:sourcevpcarn"})
ENDPOINT_FACTS = ("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths")
ENDPOINT_KEYS = SOURCE_KEYS | set(ENDPOINT_FACTS) | {"aws:vpcsourceip"}
ABSENT = frozenset({*map(str.lower, TABLES["of_other_requests"]), *TABLES["of_mcp_servers"]})
"""Keys of requests of other kinds: by an AWS service or one of its MCP servers, through an access
point, for a version, to create a bucket."""

ANONYMOUS = {"aws:principalaccount": ("anonymous",), "aws:principaltype": ("Anonymous",)}
"""The keys of a principal in requests that nobody signed; ``aws:userid`` is there too, its value is
not documented. All other keys of a principal are absent (IAM User Guide, *AWS global condition
context keys*)."""

OF_OTHER_SERVICES: Texts = TABLES["of_other_services"]
"""Prefixes of keys that other services have for their own requests."""

CROSS_SERVICE = frozenset(TABLES["cross_service"])
"""Keys of other services that describe the credentials, and so are in requests to every service."""

BY_ACTION = tuple(
    (start, frozenset(f"s3:{action.lower()}" for action in actions))
    for start, actions in TABLES["by_action"].items()
)
"""Starts of keys that only requests of some actions have. PutObject and DeleteObject do not see the
tags of the object that they replace (S3 User Guide, *Tagging and access control policies*); the
rest is the table of the Service Authorization Reference, with versions and locks of actions for
which the S3 User Guide names them. For annotations AWS documents no such keys, so their requests
may have tags and a version."""

OBJECT_ACTIONS = tuple(f"s3:{name}" for name in TABLES["object_actions"])
BUCKET_ACTIONS = tuple(f"s3:{name}" for name in TABLES["bucket_actions"])
"""Actions on an object and on a bucket: the *Service Authorization Reference* and,
for newer ones, botocore.
"""

_KNOWN = frozenset(map(str.lower, (*OBJECT_ACTIONS, *BUCKET_ACTIONS)))


def is_unlisted(action: str) -> bool:
    """Return whether an action of S3, in lower case, is in neither list: S3 may add it,
    or have it already.
    """
    return action.startswith("s3:") and action not in _KNOWN


@lru_cache(maxsize=1024)
def _actions_of(key: str) -> frozenset[str] | None:
    return next((actions for start, actions in BY_ACTION if key.startswith(start)), None)


def is_by_action(key: str) -> bool:
    """Return whether only requests of some actions have a condition key."""
    return _actions_of(key) is not None


def is_absent_for(action: str, key: str) -> bool:
    """Return whether no request of an action has a condition key;
    an action that is not listed may have any.
    """
    actions, lower = _actions_of(key), action.lower()
    return actions is not None and lower not in actions and not is_unlisted(lower)


def is_of_other_service(key: str) -> bool:
    """Return whether a condition key is one that another service has for its own requests."""
    return key.startswith(OF_OTHER_SERVICES) and key not in CROSS_SERVICE


OF_ROLES = "AROA?*:?*"
"""The value of ``aws:userid`` for a session of a role: the unique id of the role,
and the name of the session.
"""

TOKEN_TIME = "aws:tokenissuetime"  # noqa: S105 - the name of a condition key
"""Time of issue of temporary credentials: a signer can always ask for new ones."""

CHOSEN: Texts = (TOKEN_TIME, *TABLES["chosen"])
CHOSEN_FAMILIES: Texts = TABLES["chosen_families"]


def is_chosen(key: str) -> bool:
    """Return whether the sender of a request chooses the value of a condition key."""
    return key in CHOSEN or key.startswith(CHOSEN_FAMILIES)


TLS_KEYS = frozenset({"aws:securetransport", "s3:tlsversion"})
TIME_KEYS = frozenset({"aws:currenttime", "aws:epochtime"})
_ABOUT_EVERYBODY = ("aws:viaawsservice", "aws:principalisawsservice", "aws:requestedregion")


def is_principal_key(key: str) -> bool:
    """Return whether the principal alone settles the value of a condition key."""
    if key == TOKEN_TIME:
        return True
    if (
        key.startswith(("s3:", "aws:resource", "aws:request"))
        or key in _ABOUT_EVERYBODY
        or key in TIME_KEYS | TLS_KEYS
    ):
        return False
    return key not in ENDPOINT_KEYS and key not in ABSENT and key not in CHOSEN


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """A condition key, spelled as AWS does, and what its values are: a few,
    or a pattern and the characters in them.

    ``complete`` is the source which says that no request has another value than ``values``,
    ``among`` the source of values beside which there may be others, none below ``least``.
    """

    name: str
    values: Texts = ()
    like: str = "*"
    alphabet: str = ""
    always: bool = False
    complete: str = ""
    among: str = ""
    least: str = ""


KEYS = {name.lower(): ConditionKey(name, **facts) for name, facts in TABLES["keys"].items()}
"""Facts about each key, by its name in lower case."""
OBJECT_ACLS = "s3:objectacls"
"""Stands among the condition keys for what ACLs grant, which none of them reports."""
KEYS[OBJECT_ACLS] = ConditionKey("object ACLs")
FAMILIES: Texts = TABLES["families"]


def key_facts(lower: str, spelled: str = "") -> ConditionKey:
    """Return what is known of a key; one that is not in the table keeps the
    spelling of the policy.
    """
    family = next((each for each in FAMILIES if lower.startswith(each.lower())), "")
    return KEYS.get(lower) or ConditionKey(family + (spelled or lower)[len(family) :])


def is_multivalued(lower: str) -> bool:
    """Return whether requests have several values of a condition key,
    which is given in lower case.
    """
    return lower in MULTIVALUED
