"""Probe each method of a presigned request on an object that the probe makes itself under a prefix,
and removes again.

The probe writes nothing else: no object of anybody is read, changed or deleted. It is asked for
(``probe-writes``) unless the connection is to the sandbox, it happens at a key that did not exist,
and it is undone and read back. The caller's own keys sign the requests, so the bucket guard is
tested, not the URL lock.

Sources: S3 API reference, *PutObject*, *UploadPart*, *DeleteObject*, *POST Object*.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..aws.buckets import bucket_region, check_prefix, parse_s3_uri
from ..aws.client import Aws, aws_errors
from ..base.errors import GtSecureError, InvalidInput, NotFound
from ..base.network import ProbeOrigin
from ..base.text import Json
from ..base.url_journal import UrlJournal
from ..logs.sql.log_columns import TEST_MARKER
from ..restriction.messages import notice
from .origin import KERNEL
from .probe import Outgoing, Probe, check_method
from .sign import OPERATIONS, PART, presigned

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

CODE = "probe-writes"
"""The notice that a person confirms before a probe makes an object."""
NAME = "gt-secure-probe-"
"""Start of the name of the object."""
_LIFE_S = 60
_OPERATIONS = {**OPERATIONS, "LIST": "list_objects_v2", "part": PART, "DELETE": "delete_object"}
_NEEDS = {"part": "upload", "GET": "object", "HEAD": "object", "DELETE": "object"}
"""Preparation of a request: it makes the object, or begins an upload in parts;
the others need none.
"""


def probe_own(
    aws: Aws,
    uri: str,
    probe_origin: ProbeOrigin = KERNEL,
    *,
    method: str = "",
    confirm: Collection[str] = (),
    test_urls: UrlJournal | None = None,
) -> Probe:
    """Send one presigned request of a method, by default GET, to a new object under
    ``s3://bucket/prefix/``.

    Raises
    ------
    InvalidInput
        If the address names no prefix, or ``confirm`` is without ``probe-writes`` where the probe
        would write on AWS.
    """
    sent = check_method(method) or "GET"
    bucket, prefix = parse_s3_uri(uri)
    if not prefix.endswith("/"):
        raise InvalidInput(
            "A probe makes its own object, and needs a prefix for it.",
            next_step=f"Write s3://{bucket}/probe/ with a slash at the end.",
            field="url",
            value=uri,
        )
    check_prefix(prefix)
    asked = notice(CODE, place=f"s3://{bucket}/{prefix}")
    if sent != "LIST" and not aws.is_local and CODE not in confirm:
        raise InvalidInput(
            str(asked), next_step=f"To probe it, pass confirm=['{CODE}'].", field="confirm"
        )
    journal = test_urls or UrlJournal()
    client, marker = aws.client("s3", bucket_region(aws, bucket)), journal.new_marker()
    key = f"{prefix}{NAME}{marker[:16]}"
    arn = f"arn:{aws.partition}:s3:::{bucket}/{key}"
    upload = ""
    try:
        with aws_errors("s3:PutObject", arn):
            if _NEEDS.get(sent) == "object":
                client.put_object(Bucket=bucket, Key=key, Body=b"")
            elif _NEEDS.get(sent) == "upload":
                upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        answer = _signed(client, sent, bucket, key, upload, marker).send(
            probe_origin, test_urls=journal
        )
    finally:
        is_left = sent != "LIST" and not _removed(client, bucket, key, upload)
    return replace(answer, left=f"s3://{bucket}/{key}" if is_left else "")


def _signed(
    client: S3Client, method: str, bucket: str, key: str, upload: str, marker: str
) -> Outgoing:
    if method == "form":
        from urllib3 import encode_multipart_formdata

        with aws_errors("s3:PutObject"):
            form = client.generate_presigned_post(bucket, key, ExpiresIn=_LIFE_S)
        body, kind = encode_multipart_formdata([*form["fields"].items(), ("file", ("probe", b""))])
        return Outgoing(
            "form",
            form["url"],
            bucket,
            key,
            signed_for="form",
            body=body,
            headers={"Content-Type": kind},
        )
    params: Json = {"Bucket": bucket, "Key": key}
    if method == "LIST":
        params = {"Bucket": bucket, "Prefix": key, "MaxKeys": 1}
    if upload:
        params |= {"UploadId": upload, "PartNumber": 1}
    url = presigned(client, _OPERATIONS[method], params, _LIFE_S, {TEST_MARKER: marker})
    return Outgoing(
        method, url, bucket, "" if method == "LIST" else key, marker, signed_for=method, fresh=True
    )


def _removed(client: S3Client, bucket: str, key: str, upload: str) -> bool:
    """Remove the object with its versions, and the upload;
    return whether nothing is left, as read back.
    """
    try:
        with aws_errors("s3:DeleteObject"):
            if upload:
                client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
            for each in _versions(client, bucket, key):
                client.delete_object(**each)
        with contextlib.suppress(NotFound), aws_errors("s3:GetObject"):
            client.head_object(Bucket=bucket, Key=key)
            return False
    except GtSecureError:
        return False
    return True


def _versions(client: S3Client, bucket: str, key: str) -> list[Any]:
    """Return the versions and delete markers of a key, as arguments of a deletion;
    the key alone if unreadable.
    """
    place = {"Bucket": bucket, "Key": key}
    try:
        with aws_errors("s3:ListBucketVersions"):
            listed: Any = client.list_object_versions(Bucket=bucket, Prefix=key)
    except GtSecureError:
        return [place]
    items = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
    return [{**place, "VersionId": str(each["VersionId"])} for each in items if each["Key"] == key]
