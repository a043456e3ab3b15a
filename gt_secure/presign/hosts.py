"""The kinds of hosts that serve S3 objects, and what of a URL is the bucket and the key.

Sources: S3 User Guide, *Virtual hosting of general purpose buckets*, *Using dual-stack endpoints*, *Accelerate
endpoints*, *Using access points*, *Multi-Region Access Points*, *AWS PrivateLink for Amazon S3*, *Regional and Zonal
endpoints for directory buckets*; AWS General Reference, *Amazon S3 endpoints and quotas*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

HostKind: TypeAlias = Literal[
    "virtual",
    "path",
    "global",
    "accelerate",
    "access-point",
    "multi-region",
    "object-lambda",
    "outposts",
    "express",
    "custom",
]

_SUFFIX = r"\.amazonaws\.(?:com|com\.cn|eu)"
_REGION = r"(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d+)"
_DUAL = r"(?:\.(?P<dual>dualstack))?"
_POINT = r"(?P<point>[a-z0-9-]+?)-(?P<account>\d{12})"

_PATTERNS: tuple[tuple[HostKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))  # type: ignore[misc]
    for kind, pattern in (
        ("multi-region", rf"(?P<point>[a-z0-9-]+)\.mrap\.accesspoint\.s3-global{_SUFFIX}"),
        ("multi-region", rf"(?P<point>[a-z0-9-]+)\.mrap\.accesspoint\.(?P<vpce>vpce-[^.]+)\.s3-global\.vpce{_SUFFIX}"),
        ("access-point", rf"{_POINT}\.s3-accesspoint(?:-fips)?{_DUAL}\.{_REGION}{_SUFFIX}"),
        ("access-point", rf"{_POINT}\.accesspoint\.(?P<vpce>vpce-[^.]+)\.s3\.{_REGION}\.vpce{_SUFFIX}"),
        ("object-lambda", rf"{_POINT}\.s3-object-lambda(?:-fips)?\.{_REGION}{_SUFFIX}"),
        ("outposts", rf"{_POINT}\.(?P<outpost>op-[0-9a-f]+)\.s3-outposts\.{_REGION}{_SUFFIX}"),
        ("express", rf"(?:(?P<bucket>[^.]+--x-s3)\.)?s3express(?:-fips)?-[a-z0-9-]+?{_DUAL}\.{_REGION}{_SUFFIX}"),
        ("virtual", rf"(?:(?P<bucket>.+)\.)?bucket\.(?P<vpce>vpce-[^.]+)\.s3\.{_REGION}\.vpce{_SUFFIX}"),
        ("accelerate", rf"(?P<bucket>.+)\.s3-accelerate{_DUAL}{_SUFFIX}"),
        ("virtual", rf"(?:(?P<bucket>.+)\.)?s3(?:-fips)?{_DUAL}[.-]{_REGION}{_SUFFIX}"),
        ("global", rf"(?:(?P<bucket>.+)\.)?s3(?:-external-1)?{_SUFFIX}"),
    )
)
_SENTENCES: dict[HostKind, str] = {
    "global": "It goes to the global host, which S3 interface endpoints do not serve.",
    "accelerate": "It goes through Transfer Acceleration, which S3 interface endpoints do not serve.",
    "access-point": "It goes through an access point, whose own policy decides beside the bucket's.",
    "multi-region": "It goes through a Multi-Region Access Point: any of its buckets, in any region, may answer.",
    "object-lambda": "It goes through S3 Object Lambda, whose function fetches the object by a presigned URL.",
}


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Meaning of host and path of a URL: kind of host (``custom`` is no AWS), bucket and key, or an access point
    instead of a bucket, region, the VPC endpoint whose own host name it is, and what follows for a restriction.
    """

    kind: HostKind
    bucket: str
    key: str
    access_point: str = ""
    region: str | None = None
    endpoint: str | None = None
    notes: tuple[str, ...] = ()


def object_place(host: str, path: str) -> ObjectPlace:
    """Read a host, in lower case and without its port, and the decoded path of a URL."""
    kind, groups = _match(host.rstrip("."))
    path = path.removeprefix("/")
    bucket, point = groups.get("bucket"), groups.get("point") or ""
    notes = [_SENTENCES[kind]] if kind in _SENTENCES else []
    if kind == "virtual" and not groups.get("dual") and not groups.get("vpce"):
        notes.append("Its host answers over IPv4 only; a worker who opened the portal over IPv6 differs.")
    if bucket is None and not point:
        kind = kind if kind in ("custom", "global", "express") else "path"
        bucket, _, path = path.partition("/")
    return ObjectPlace(kind, bucket or "", path, point, groups.get("region"), groups.get("vpce"), tuple(notes))


def _match(host: str) -> tuple[HostKind, dict[str, str | None]]:
    for kind, pattern in _PATTERNS:
        if match := pattern.fullmatch(host):
            return kind, match.groupdict()
    return "custom", {}
