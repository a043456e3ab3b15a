"""The condition keys that S3 sees: which are there, and which are absent, by the path a request
takes.

Source: IAM User Guide, *AWS global condition context keys*; S3 API Reference, *Amazon S3 Signature
Version 4 authentication-specific policy keys* (``s3:x-amz-content-sha256`` is not documented for
presigned URLs, so it is in no context here). ``aws:SourceIp`` is absent on requests through any VPC
endpoint; ``aws:VpcSourceIp``, ``aws:SourceVpce`` and ``aws:SourceVpc`` are absent on all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from ...base.clock import utc_now
from ...base.network import Source, SourceLike
from .request_keys import ANONYMOUS, key_facts

RequestContext: TypeAlias = dict[str, str]
"""The condition keys of a request, each with its value."""
SIGV4 = "AWS4-HMAC-SHA256"
SIGV2 = "AWS"
PRESIGNED = "REST-QUERY-STRING"
HEADER_SIGNED = "REST-HEADER"
POST_FORM = "POST"


def presigned_context(
    source: SourceLike,
    *,
    age_ms: int = 0,
    secure: bool = True,
    principal_arn: str | None = None,
    signature_version: str = SIGV4,
    region: str | None = None,
    extra: Mapping[str, str] | None = None,
) -> RequestContext:
    """Return the context of a request with a presigned URL.

    Parameters
    ----------
    source : Source or str
        Where it comes from, such as ``203.0.113.7`` or ``10.0.3.4 via vpce-0a1b2c3d``.
    age_ms : int
        Age of the signature in milliseconds; S3 reports 0 for signature version 2.
    secure : bool
        Whether it uses HTTPS.
    principal_arn : str, optional
        ``aws:PrincipalArn``: for a role session the ARN of the role.
    signature_version : str
        ``AWS4-HMAC-SHA256`` or ``AWS``.
    region : str, optional
        ``aws:RequestedRegion``.
    extra : mapping, optional
        Further keys, such as tags of the principal, and other values for the keys above.
    """
    context = _signed(source, principal_arn, region)
    context["aws:SecureTransport"] = _bool(secure)
    context["s3:authType"] = PRESIGNED
    context["s3:signatureversion"] = signature_version
    context["s3:signatureAge"] = str(age_ms if signature_version == SIGV4 else 0)
    return {**context, **(extra or {})}


def header_context(
    source: SourceLike,
    *,
    principal_arn: str | None = None,
    service: str | None = None,
    region: str | None = None,
    extra: Mapping[str, str] | None = None,
) -> RequestContext:
    """Return the context of a request whose signature is in the Authorization header: SDKs and AWS
    services.

    ``service`` is the service principal that makes it, such as ``logging.s3.amazonaws.com``; the
    other parameters are those of :func:`presigned_context`.
    """
    context = _signed(source, principal_arn, region)
    context["s3:authType"] = HEADER_SIGNED
    context["s3:signatureversion"] = SIGV4
    if service is not None:
        context["aws:PrincipalIsAWSService"] = "true"
        context["aws:PrincipalServiceName"] = service
    return {**context, **(extra or {})}


def anonymous_context(source: SourceLike, *, secure: bool = True) -> RequestContext:
    """Return the context of an unsigned request: it has no signature or authentication type,
    and nobody's principal.
    """
    nobody = {key_facts(key).name: value for key, (value,) in ANONYMOUS.items()}
    secured = {"aws:SecureTransport": _bool(secure), "aws:ViaAWSService": "false"}
    return {**_path(source), **_now(), **secured, **nobody}


def _signed(source: SourceLike, principal_arn: str | None, region: str | None) -> RequestContext:
    optional = {
        "aws:PrincipalArn": principal_arn,
        "aws:PrincipalAccount": principal_arn.split(":")[4] if principal_arn else None,
        "aws:RequestedRegion": region,
    }
    return {
        **_path(source),
        **_now(),
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
        "aws:PrincipalIsAWSService": "false",
        **{key: value for key, value in optional.items() if value},
    }


def _path(source: SourceLike) -> RequestContext:
    source = Source.parse(source)
    found = {
        "aws:VpcSourceIp" if source.is_endpoint else "aws:SourceIp": source.address,
        "aws:SourceVpce": source.endpoint,
        "aws:SourceVpc": source.vpc if source.is_endpoint else None,
    }
    return {key: str(value) for key, value in found.items() if value is not None}


def _now() -> RequestContext:
    moment = utc_now()
    return {
        "aws:CurrentTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(moment.timestamp())),
    }


def _bool(value: bool) -> str:
    return "true" if value else "false"
