"""Routes to the emulator: only S3 requests about a bucket, and the operations of other services on offer.

The emulator serves many services and its own control pages, some of them before it looks at any signature. So each
request must be of a form that only its service answers, and the emulator's own router must agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .http import HttpRequest

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED = frozenset({"health", "iceberg", "login", "logout", "oauth2", "v20180820", "graphql", "signing-jobs"})
"""First parts of paths that the emulator answers before S3 although they could be names of buckets."""

_OPERATIONS = {
    "sts": re.compile(".*"),
    "iam": re.compile(".*"),
    "ec2": re.compile(
        "Describe(VpcEndpoints|Vpcs|Subnets|SecurityGroups|ManagedPrefixLists)"
        "|(Create|Modify|Delete)ManagedPrefixList|GetManagedPrefixListEntries"
    ),
    "wafv2": re.compile("(Create|Delete|Get|Update)IPSet|ListIPSets"),
}
"""Operations that a client may call; the emulator's EC2 would run containers."""


def allowed(request: HttpRequest, service: str, *, exists: bool = False) -> bool:
    from ministack.app import _S3_VHOST_EXCLUDE_RE
    from ministack.core.router import detect_service

    parameters = _parameters(request)
    if service == "s3":
        shape = _is_s3(request, exists)
    else:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2] or (parameters.get("Action") or [""])[0]
        shape = request.path == "/" and request.method in ("POST", "GET")
        shape = shape and _OPERATIONS[service].fullmatch(operation) is not None
    if not shape or _S3_VHOST_EXCLUDE_RE.search(request.headers.get("host", "").lower()):
        return False  # the Host header may name a gateway, a function or a load balancer of the emulator
    return bool(detect_service(request.method, request.path, request.headers, parameters) == service)


def _is_s3(request: HttpRequest, exists: bool) -> bool:
    bucket = request.bucket
    if not bucket:
        return request.path == "/" and request.method in ("GET", "HEAD")
    if bucket in _RESERVED or not _BUCKET.fullmatch(bucket):
        return False
    return exists or request.method == "PUT"


def _parameters(request: HttpRequest) -> Mapping[str, list[str]]:
    from urllib.parse import parse_qs

    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return request.query
    return {**parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True), **request.query}
