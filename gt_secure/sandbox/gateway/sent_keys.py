"""Condition keys whose values the sender of a request chooses: by headers, fields and bodies.

The emulator fills in only the keys of a listing, and the encryption and the ACL of an upload.
Parameters ``x-amz-*`` of a URL count as headers. Sources: IAM User Guide, *AWS global condition
context keys*; Service Authorization Reference, *Actions, resources, and condition keys for Amazon
S3*.
"""

from __future__ import annotations

import datetime as dt
from typing import TypeAlias
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from ...base.clock import utc_now
from .http import HttpRequest

KeyValue: TypeAlias = "str | list[str] | None"
_ACL = "s3:CreateBucket s3:PutBucketAcl s3:PutObject s3:PutObjectAcl s3:PutObjectVersionAcl"
_ACTIONS = {
    start: frozenset(actions.split())
    for start, actions in {
        "s3:if-match": "s3:PutObject s3:DeleteObject",
        "s3:if-none-match": "s3:PutObject",
        "s3:object-lock-": "s3:PutObject s3:PutObjectRetention s3:PutObjectLegalHold",
        "s3:requestobjecttag": "s3:PutObject s3:PutObjectTagging s3:PutObjectVersionTagging",
        "s3:x-amz-acl": _ACL,
        "s3:x-amz-content-sha256": "",
        "s3:x-amz-bucket-namespace": "s3:CreateBucket",
        "s3:x-amz-grant-": _ACL,
        "s3:x-amz-object-if-match": "s3:PutObjectAnnotation s3:DeleteObjectAnnotation",
        "s3:x-amz-object-ownership": "s3:CreateBucket",
        "s3:x-amz-storage-class": "s3:PutObject s3:PutObjectAcl s3:PutObjectVersionAcl",
        "s3:x-amz-": "s3:PutObject",
    }.items()
}
"""The actions whose requests have a key, by the start of the key; without a list all have it."""
_LOCKS = ("mode", "legal-hold", "retain-until-date")
_OF_BODIES = {
    "Mode": "s3:object-lock-mode",
    "RetainUntilDate": "s3:object-lock-retain-until-date",
    "Status": "s3:object-lock-legal-hold",
}


def has(action: str, key: str) -> bool:
    """Return whether requests of an action have a key that :func:`sent` lists."""
    actions = next((each for start, each in _ACTIONS.items() if key.startswith(start)), None)
    return not actions or action in actions


def sent(request: HttpRequest) -> dict[str, KeyValue]:
    """Return the condition keys that a request carries, in lower case, whatever its action."""
    parameters = {name.lower(): values[0] for name, values in request.query.items()}
    given = {**parameters, **request.headers, **(request.form or {})}
    keys = of_headers(request)
    for name, value in given.items():
        if value and name.startswith("x-amz-"):
            keys[f"s3:{name}"] = value
    for name in ("if-match", "if-none-match"):
        keys[f"s3:{name}"] = request.headers.get(name)
    for name in _LOCKS:
        keys[f"s3:object-lock-{name}"] = given.get(f"x-amz-object-lock-{name}")
    keys |= _of_body(request)
    until = keys["s3:object-lock-retain-until-date"]
    keys["s3:object-lock-remaining-retention-days"] = _days_left(str(until)) if until else None
    if tags := _tags(request, given):
        keys |= {f"s3:requestobjecttag/{name.lower()}": value for name, value in tags.items()}
        keys["s3:requestobjecttagkeys"] = list(tags)
    return keys


def of_headers(request: HttpRequest) -> dict[str, KeyValue]:
    """Return the keys of the client and of the page that sent it, which each service has."""
    return {
        "aws:referer": request.headers.get("referer") or None,
        "aws:useragent": request.headers.get("user-agent") or None,
    }


def _elements(document: str | bytes, name: str) -> list[ElementTree.Element]:
    try:
        return ElementTree.fromstring(document).findall(f".//{{*}}{name}")  # noqa: S314 - expat refuses entity bombs
    except ElementTree.ParseError:
        return []


def _of_body(request: HttpRequest) -> dict[str, KeyValue]:
    """Return the keys of an object lock that the body sets."""
    if request.method != "PUT" or not request.query.keys() & {"retention", "legal-hold"}:
        return {}
    return {
        key: each.text for name, key in _OF_BODIES.items() for each in _elements(request.body, name)
    }


def _tags(request: HttpRequest, given: dict[str, str]) -> dict[str, str]:
    """Return the tags that a request gives an object: in a header, in its body,
    or in a field of a form.
    """
    is_own = "tagging" in request.query and request.method == "PUT"
    if document := request.body if is_own else given.get("tagging"):
        return {
            str(each.findtext("{*}Key")): each.findtext("{*}Value", "")
            for each in _elements(document, "Tag")
        }
    return dict(parse_qsl(given.get("x-amz-tagging", ""), keep_blank_values=True))


def _days_left(until: str) -> str | None:
    try:
        left = dt.datetime.fromisoformat(until.replace("Z", "+00:00")) - utc_now()
    except (TypeError, ValueError):
        return None
    return str(left.days)
