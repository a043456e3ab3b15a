"""What a presigned URL says about itself, without its secrets. Works for any tool's URL.

Sources: Amazon S3 API reference, *Authenticating Requests: Using Query Parameters (SigV4)*; S3 User Guide,
*Download and upload objects with presigned URLs* and *Amazon S3 bucket (virtual hosting)*.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import InvalidInput

_REGIONAL = re.compile(
    r"^(?:(?P<bucket>.+)\.)?(?P<service>s3|s3-fips)(?:\.(?P<dual>dualstack))?[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d)"
    r"\.amazonaws\.com(?:\.cn)?$"
)
_GLOBAL = re.compile(r"^(?:(?P<bucket>.+)\.)?s3\.amazonaws\.com$")
_ENDPOINT_HOST = re.compile(
    r"^(?:(?P<bucket>.+)\.)?bucket\.(?P<vpce>vpce-[^.]+)\.s3\.(?P<region>[^.]+)\.vpce\.amazonaws"
)
_REGION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_URL = 16_384


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """The facts of one presigned URL; holds neither signature, token nor access key id.

    Attributes
    ----------
    signature_version : str
        ``SigV4`` or ``SigV2``.
    signed_at, expires_at : datetime or None
        In UTC; SigV2 does not say when it was signed.
    expires_in_s : int or None
        The lifetime asked for, in seconds.
    temporary : bool
        Whether temporary credentials signed it (it carries a security token) and so may end it earlier.
    credential : str
        A short hash of the access key id: equal for URLs of one signer.
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
    problems: tuple[str, ...]

    @property
    def expired(self) -> bool:
        """Whether its own expiry has passed."""
        return self.expires_at is not None and self.expires_at <= dt.datetime.now(dt.UTC)


def inspect(url: str) -> PresignedUrl:
    """Read a presigned S3 URL.

    Parameters
    ----------
    url : str
        An http(s) URL with SigV4 or SigV2 query parameters.

    Raises
    ------
    InvalidInput
        If it is no URL, has no signature, or its dates make no sense. The message never repeats the query.
    """
    text = str(url).strip()
    if len(text) > _MAX_URL:
        raise _bad("The URL is longer than 16,384 characters.")
    try:
        parts = urlsplit(text)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise _bad("This is not a URL.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise _bad("This is not an http or https URL.")
    bucket, key, region, problems = _where(host, unquote(parts.path))
    if "X-Amz-Signature" in query:
        made = _sigv4(query)
    elif "Signature" in query and "AWSAccessKeyId" in query:
        made = _sigv2(query)
        problems.append("It is signed with SigV2: such URLs fail through PrivateLink and have no signature age.")
    else:
        raise _bad("The URL has no signature: it is not a presigned URL.")
    version, signed_at, expires_at, seconds, key_id, scope_region = made
    if scope_region and region and scope_region != region:
        problems.append(f"It is signed for {scope_region} but sent to {region}: S3 will refuse it.")
    if "@" in parts.netloc:
        problems.append("It carries a user name or password, which no presigned URL of S3 has.")
    if parts.scheme == "http":
        problems.append("It is sent without encryption (http).")
    return PresignedUrl(
        host=host_of(parts.netloc),
        bucket=bucket,
        key=key,
        region=region or scope_region,
        signature_version=version,
        signed_at=signed_at,
        expires_at=expires_at,
        expires_in_s=seconds,
        temporary="X-Amz-Security-Token" in query or "x-amz-security-token" in query,
        credential=hashlib.sha256(key_id.encode()).hexdigest()[:12],
        version_id=query.get("versionId"),
        https=parts.scheme == "https",
        marker=query.get("x-gt-secure-test"),
        problems=tuple(problems),
    )


def host_of(netloc: str) -> str:
    """Return host and port of a URL's authority: a name and password before them are never shown or sent."""
    return netloc.rpartition("@")[2]


_Made = tuple[str, dt.datetime | None, dt.datetime | None, int | None, str, str | None]


def _sigv4(query: dict[str, str]) -> _Made:
    try:
        signed_at = dt.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        seconds = int(query["X-Amz-Expires"])
        expires_at = signed_at + dt.timedelta(seconds=seconds)
        key_id, _day, region, _service, _end = query["X-Amz-Credential"].split("/")
        if not _REGION.fullmatch(region):
            raise ValueError("region")
    except KeyError as error:
        raise _bad(f"The URL lacks {error.args[0]}: it was cut or altered.") from error
    except (ValueError, OverflowError) as error:
        raise _bad("The URL's date, lifetime or credential scope cannot be read: it was cut or altered.") from error
    return "SigV4", signed_at, expires_at, seconds, key_id, region


def _sigv2(query: dict[str, str]) -> _Made:
    try:
        expires_at = dt.datetime.fromtimestamp(int(query["Expires"]), dt.UTC)
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise _bad("The URL's expiry cannot be read: it was cut or altered.") from error
    return "SigV2", None, expires_at, None, query["AWSAccessKeyId"], None


def _where(host: str, path: str) -> tuple[str, str, str | None, list[str]]:
    problems: list[str] = []
    region: str | None = None
    bucket: str | None
    if match := _ENDPOINT_HOST.match(host):
        bucket, region = match["bucket"], match["region"]
    elif match := _REGIONAL.match(host):
        bucket, region = match["bucket"], match["region"]
        if not match["dual"]:
            problems.append("Its host answers over IPv4 only; a worker who opened the portal over IPv6 differs.")
    elif match := _GLOBAL.match(host):
        bucket = match["bucket"]
        problems.append("It goes to the global host, which S3 interface endpoints do not serve.")
    else:
        bucket = None  # another server that speaks S3, such as the sandbox: the bucket is in the path
    path = path.removeprefix("/")
    if bucket is None:
        bucket, _, path = path.partition("/")
    return bucket, path, region, problems


def _bad(message: str) -> InvalidInput:
    return InvalidInput(message, next_step="Paste the whole presigned URL, as it was generated.", field="url")
