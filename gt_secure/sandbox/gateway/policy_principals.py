"""Principals of bucket policies: S3 refuses one that does not exist, and shows a deleted one by its
unique id.

A policy that names a user or role holds that one's id, not its name: after a deletion the id is
what the policy shows, a new user of the same name has no rights from it, and the policy cannot be
put again as it was read (IAM User Guide, *AWS JSON policy elements: Principal*). Users and roles of
other accounts count as existing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from ...base.text import Json
from .. import emulator
from ..settings import account_id
from . import auth
from .http import HttpRequest

_ARN = re.compile(
    r"arn:aws:(iam|sts)::(\d{12}):(root|user/.+|role/.+|assumed-role/.+/.+|federated-user/.+)"
)
_BUCKET = re.compile(rb"<Bucket>.*?<Name>([^<]+)</Name>", re.DOTALL)


def fault(policy: Json) -> str | None:
    """Return what AWS reports of a policy that names a principal that does not exist;
    None if all exist.
    """
    return (
        "Invalid principal in policy"
        if any(not _exists(each) for each in _principals(policy))
        else None
    )


def wrong_path(request: HttpRequest) -> str | None:
    """Return the refusal for a role ARN whose path is not the role's, or None:
    to AWS such a role does not exist.
    """
    form = parse_qs(request.body.decode("utf-8", "replace"))
    wanted = (form.get("RoleArn") or [""])[0]
    found = _ARN.fullmatch(wanted)
    if (form.get("Action") or [""])[0] != "AssumeRole" or found is None or found[2] != account_id():
        return None
    if _named(wanted) is None or _record(found[3]) is not None:
        return None
    caller = auth.caller_arn(request.access_key) or "unknown"
    return f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {wanted}"


def _named(role_arn: str) -> Any:
    from ministack.services import iam

    return iam._roles.get_scoped(account_id(), None, role_arn.rpartition("/")[2])


def _principals(policy: Json) -> Iterator[Any]:
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict):
            continue
        principal = statement.get("Principal", statement.get("NotPrincipal", "*"))
        if not isinstance(principal, dict):
            yield principal
            continue
        given = principal.get("AWS", [])
        yield from given if isinstance(given, list) else [given]


def _exists(principal: Any) -> bool:
    if principal == "*" or (isinstance(principal, str) and re.fullmatch(r"\d{12}", principal)):
        return True
    found = _ARN.fullmatch(principal) if isinstance(principal, str) else None
    if found is None or "*" in found[3] or "?" in found[3]:
        return False
    return (
        found[2] != account_id()
        or found[3].startswith(("root", "federated-user/"))
        or _record(found[3]) is not None
    )


def _record(entity: str) -> Any:
    from ministack.services import iam

    kind, _, path = entity.partition("/")
    if kind == "assumed-role":
        return _named(path.split("/")[0])
    store = iam._users if kind == "user" else iam._roles
    record = store.get_scoped(account_id(), None, path.rpartition("/")[2])
    return record if record is not None and str(record["Arn"]).endswith(f":{entity}") else None


def about_to_delete(request: HttpRequest) -> tuple[str, str] | None:
    """Return kind and name of the user or role that a request deletes; None for other requests."""
    form = {**request.query, **parse_qs(request.body.decode("utf-8", "replace"))}
    action = (form.get("Action") or [""])[0]
    if action not in ("DeleteUser", "DeleteRole"):
        return None
    from ministack.services import iam

    kind = action.removeprefix("Delete")
    store = iam._users if kind == "User" else iam._roles
    record = store.get_scoped(account_id(), None, (form.get(f"{kind}Name") or [""])[0])
    return None if record is None else (str(record["Arn"]), str(record[f"{kind}Id"]))


async def forget(arn: str, unique_id: str) -> None:
    """Write the unique id instead of the ARN of a user or role into every bucket policy,
    once it is deleted.
    """
    if _record(arn.split(":", 5)[5]) is not None:
        return
    _, _, buckets = await emulator.s3("GET", "/")
    for name in _BUCKET.findall(buckets):
        path = f"/{name.decode()}"
        status, _, policy = await emulator.s3("GET", path, query={"policy": [""]})
        if status != 200 or arn.encode() not in policy:
            continue
        document = json.loads(policy)
        text = json.dumps(_renamed(document, arn, unique_id), separators=(",", ":"))
        await emulator.s3("PUT", path, query={"policy": [""]}, body=text.encode())


def _renamed(document: Any, arn: str, unique_id: str) -> Any:
    if isinstance(document, dict):
        return {key: _renamed(value, arn, unique_id) for key, value in document.items()}
    if isinstance(document, list):
        return [_renamed(value, arn, unique_id) for value in document]
    return unique_id if document == arn else document
