"""Content of a presigned URL without its secrets. Works for any tool's URL.

Sources: Amazon S3 API reference, *Authenticating Requests: Using Query Parameters (SigV4)*; S3 User
Guide, *Download and upload objects with presigned URLs*, *Virtual hosting of general purpose
buckets*, *Using dual-stack endpoints*, *Accelerate endpoints*, *Using access points*, *Multi-Region
Access Points*, *AWS PrivateLink for Amazon S3*, *Regional and Zonal endpoints for directory
buckets*; AWS General Reference, *Amazon S3 endpoints and quotas*.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from ..base.clock import utc_now
from ..base.errors import InvalidInput
from ..base.text import Texts

UrlQuery: TypeAlias = dict[str, str]
"""The parameters of a URL, by their names in lower case."""
_REGION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REGION_PATTERN = re.compile(r"[A-Za-z0-9_*-]{1,64}")
_MAX_URL = 16_384
_LONGEST_S = 604_800
_ALGORITHMS = {"AWS4-HMAC-SHA256": "SigV4", "AWS4-ECDSA-P256-SHA256": "SigV4A"}


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """The facts of one presigned URL; holds neither signature, token nor access key id.

    Attributes
    ----------
    signature_version : str
        ``SigV4``, ``SigV4A`` (signed for a set of regions) or ``SigV2``.
    signed_at, expires_at : datetime or None
        In UTC; SigV2 does not say when it was signed.
    expires_in_s : int or None
        The lifetime asked for, in seconds.
    temporary : bool
        Whether temporary credentials signed it (it carries a security token) and so may end it
        earlier.
    credential : str
        A short hash of the access key id: equal for URLs of one signer.
    access_point : str
        The access point that it goes through, by name, or the alias of a Multi-Region Access Point;
        the bucket is then empty.
    region_set : tuple of str
        The regions that SigV4A signed it for; ``*`` for all.
    endpoint : str or None
        The VPC endpoint whose own host name it uses.
    cache_control : str or None
        The ``Cache-Control`` that the answer gets by the URL.
    method : str
        The method that its parameters show: ``GET``, ``HEAD``, ``LIST``, ``PUT``, ``part`` or
        ``DELETE``. Empty where they do not: the signature covers the method, and no parameter has
        to name it.
    """

    host: str
    bucket: str
    key: str
    region: str | None
    signature_version: str
    signed_at: dt.datetime | None
    expires_at: dt.datetime | None
    expires_in_s: int | None
    temporary: bool
    credential: str
    version_id: str | None
    https: bool
    marker: str | None
    problems: Texts
    access_point: str = ""
    region_set: Texts = ()
    endpoint: str | None = None
    cache_control: str | None = None
    method: str = ""

    @property
    def expired(self) -> bool:
        """True if the URL has expired by now; False if its end is unknown."""
        return self.expires_at is not None and self.expires_at <= utc_now()


def inspect(url: str) -> PresignedUrl:
    """Read a presigned S3 URL.

    Parameters
    ----------
    url : str
        An http(s) URL with SigV4 or SigV2 query parameters.

    Raises
    ------
    InvalidInput
        If it is no URL, has no signature, or its dates make no sense. The message never repeats the
        query.
    """
    text = str(url).strip()
    if len(text) > _MAX_URL:
        raise _bad("The URL is longer than 16,384 characters.")
    try:
        parts = urlsplit(text)
        query = {
            name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)
        }
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise _bad("This is not a URL.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise _bad("This is not an http or https URL.")
    place = object_place(host, unquote(parts.path))
    signed = _signature(query)
    region = place.region or signed.region
    return PresignedUrl(
        host=host_of(parts.netloc),
        bucket=place.bucket,
        key=place.key,
        region=region,
        signature_version=signed.version,
        signed_at=signed.at,
        expires_at=signed.expires_at,
        expires_in_s=signed.seconds,
        temporary="x-amz-security-token" in query,
        credential=hashlib.sha256(signed.key_id.encode()).hexdigest()[:12],
        version_id=query.get("versionid"),
        https=parts.scheme == "https",
        marker=query.get("x-gt-secure-test"),
        problems=(
            *place.notes,
            *_problems(signed, place.region, parts.scheme, "@" in parts.netloc),
        ),
        access_point=place.access_point,
        region_set=signed.region_set,
        endpoint=place.endpoint,
        cache_control=query.get("response-cache-control"),
        method=_method(query, place.key),
    )


_BY_OPERATION = {
    "getobject": "GET",
    "headobject": "HEAD",
    "listobjects": "LIST",
    "listobjectsv2": "LIST",
    "putobject": "PUT",
    "uploadpart": "part",
    "deleteobject": "DELETE",
}
"""Methods by the operation that SDKs of AWS write as ``x-id``."""
_OF_A_BODY = (
    "content-length",
    "content-md5",
    "x-amz-acl",
    "x-amz-checksum-crc",
    "x-amz-checksum-sha",
    "x-amz-sdk-",
)
"""Starts of signed headers and parameters that only requests with a body have."""


def _method(query: UrlQuery, key: str) -> str:
    """Return the method that the parameters of a URL show; empty if they show none."""
    if operation := query.get("x-id"):
        return _BY_OPERATION.get(operation.lower(), "")
    if {"uploadid", "partnumber"} <= query.keys():
        return "part"
    if not key and {"list-type", "prefix", "delimiter", "max-keys"} & query.keys():
        return "LIST"
    names = [*query, *query.get("x-amz-signedheaders", "").lower().split(";")]
    if any(name.startswith(_OF_A_BODY) for name in names):
        return "PUT"
    return "GET" if any(name.startswith("response-") for name in query) else ""


@dataclass(frozen=True, slots=True)
class _Signature:
    version: str
    key_id: str
    at: dt.datetime | None
    expires_at: dt.datetime
    seconds: int | None = None
    region: str | None = None
    region_set: Texts = ()


def _signature(query: UrlQuery) -> _Signature:
    if "x-amz-signature" in query:
        return _sigv4(query)
    if "signature" in query and "awsaccesskeyid" in query:
        try:
            expires_at = dt.datetime.fromtimestamp(int(query["expires"]), dt.UTC)
        except (KeyError, ValueError, OverflowError, OSError) as error:
            raise _bad("The URL's expiry cannot be read: it was cut or altered.") from error
        return _Signature("SigV2", query["awsaccesskeyid"], None, expires_at)
    raise _bad("The URL has no signature: it is not a presigned URL.")


def _problems(signed: _Signature, region: str | None, scheme: str, login: bool) -> Iterator[str]:
    if signed.version == "SigV2":
        yield (
            "It is signed with SigV2: such URLs fail through PrivateLink and have no signature age."
        )
    if signed.region and region and signed.region != region:
        yield f"It is signed for {signed.region} but sent to {region}: S3 will refuse it."
    if (
        signed.region_set
        and region
        and not any(fnmatchcase(region, each) for each in signed.region_set)
    ):
        yield (
            f"It is signed for {', '.join(signed.region_set)} but sent to {region}: S3 will"
            " refuse it."
        )
    if signed.seconds is not None and not 1 <= signed.seconds <= _LONGEST_S:
        yield "Its lifetime is not between 1 second and 7 days: S3 will refuse it."
    if login:
        yield "It carries a user name or password, which no presigned URL of S3 has."
    if scheme == "http":
        yield "It is sent without encryption (http)."


def host_of(netloc: str) -> str:
    """Return host and port of a URL's authority:
    a name and password before them are never shown or sent.
    """
    return netloc.rpartition("@")[2]


def _sigv4(query: UrlQuery) -> _Signature:
    version = _ALGORITHMS.get(query.get("x-amz-algorithm", "AWS4-HMAC-SHA256"))
    if version is None:
        raise _bad("The URL's signing algorithm is not one of S3's: it was cut or altered.")
    try:
        signed_at = dt.datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(
            tzinfo=dt.UTC
        )
        seconds = int(query["x-amz-expires"])
        expires_at = signed_at + dt.timedelta(seconds=seconds)
        key_id, region, region_set = _scope(query, version)
    except KeyError as error:
        raise _bad(f"The URL has no {error.args[0].title()}: it was cut or altered.") from error
    except (ValueError, OverflowError) as error:
        raise _bad(
            "The URL's date, lifetime or credential scope cannot be read: it was cut or altered."
        ) from error
    return _Signature(version, key_id, signed_at, expires_at, seconds, region, region_set)


def _scope(query: UrlQuery, version: str) -> tuple[str, str | None, Texts]:
    """Return the key id and the region, or for SigV4A, whose credential names none,
    the set of regions.
    """
    if version == "SigV4A":
        key_id, _day, _service, _end = query["x-amz-credential"].split("/")
        regions = tuple(each.strip() for each in query["x-amz-region-set"].split(","))
        if not all(_REGION_PATTERN.fullmatch(each) for each in regions):
            raise ValueError("region set")
        return key_id, None, regions
    key_id, _day, region, _service, _end = query["x-amz-credential"].split("/")
    if not _REGION.fullmatch(region):
        raise ValueError("region")
    return key_id, region, ()


def _bad(message: str) -> InvalidInput:
    return InvalidInput(
        message, next_step="Paste the whole presigned URL, as it was signed.", field="url"
    )


_SUFFIX = r"\.amazonaws\.(?:com|com\.cn|eu)"
_HOST_REGION = r"(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d+)"
_DUAL = r"(?:\.(?P<dual>dualstack))?"
_POINT = r"(?P<point>[a-z0-9-]+?)-(?P<account>\d{12})"

_PATTERNS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("multi-region", rf"(?P<point>[a-z0-9-]+)\.mrap\.accesspoint\.s3-global{_SUFFIX}"),
        (
            "multi-region",
            rf"(?P<point>[a-z0-9-]+)\.mrap\.accesspoint\.(?P<vpce>vpce-[^.]+)\.s3-global\.vpce{_SUFFIX}",
        ),
        ("access-point", rf"{_POINT}\.s3-accesspoint(?:-fips)?{_DUAL}\.{_HOST_REGION}{_SUFFIX}"),
        (
            "access-point",
            rf"{_POINT}\.accesspoint\.(?P<vpce>vpce-[^.]+)\.s3\.{_HOST_REGION}\.vpce{_SUFFIX}",
        ),
        ("object-lambda", rf"{_POINT}\.s3-object-lambda(?:-fips)?\.{_HOST_REGION}{_SUFFIX}"),
        ("outposts", rf"{_POINT}\.(?P<outpost>op-[0-9a-f]+)\.s3-outposts\.{_HOST_REGION}{_SUFFIX}"),
        (
            "express",
            rf"(?:(?P<bucket>[^.]+--x-s3)\.)?s3express(?:-fips)?-[a-z0-9-]+?{_DUAL}\.{_HOST_REGION}{_SUFFIX}",
        ),
        (
            "virtual",
            rf"(?:(?P<bucket>.+)\.)?bucket\.(?P<vpce>vpce-[^.]+)\.s3\.{_HOST_REGION}\.vpce{_SUFFIX}",
        ),
        ("accelerate", rf"(?P<bucket>.+)\.s3-accelerate{_DUAL}{_SUFFIX}"),
        ("virtual", rf"(?:(?P<bucket>.+)\.)?s3(?:-fips)?{_DUAL}[.-]{_HOST_REGION}{_SUFFIX}"),
        ("global", rf"(?:(?P<bucket>.+)\.)?s3(?:-external-1)?{_SUFFIX}"),
    )
)
_SENTENCES = {
    "global": "It goes to the global host, which S3 interface endpoints do not serve.",
    "accelerate": (
        "It goes through Transfer Acceleration, which S3 interface endpoints do not serve."
    ),
    "access-point": (
        "It goes through an access point, whose own policy decides beside the bucket's."
    ),
    "multi-region": (
        "It goes through a Multi-Region Access Point: any of its buckets, in any region, may"
        " answer."
    ),
    "object-lambda": (
        "It goes through S3 Object Lambda, whose function fetches the object by a presigned URL."
    ),
}


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Meaning of host and path of a URL: bucket and key, or an access point instead of a bucket,
    region, the VPC endpoint whose own host name it is, and what follows for a restriction.
    """

    bucket: str
    key: str
    access_point: str = ""
    region: str | None = None
    endpoint: str | None = None
    notes: Texts = ()


def object_place(host: str, path: str) -> ObjectPlace:
    """Read a host, in lower case and without its port, and the decoded path of a URL."""
    found = (
        (kind, it.groupdict())
        for kind, each in _PATTERNS
        if (it := each.fullmatch(host.rstrip(".")))
    )
    kind, groups = next(found, ("custom", {}))
    path = path.removeprefix("/")
    bucket, point = groups.get("bucket"), groups.get("point") or ""
    notes = [_SENTENCES[kind]] if kind in _SENTENCES else []
    if kind == "virtual" and not groups.get("dual") and not groups.get("vpce"):
        notes.append(
            "Its host answers over IPv4 only; a worker who opened the portal over IPv6 differs."
        )
    if bucket is None and not point:
        bucket, _, path = path.partition("/")
    return ObjectPlace(
        bucket or "", path, point, groups.get("region"), groups.get("vpce"), tuple(notes)
    )
