"""S3 as a place of access logs: pages of a listing, contents of objects,
and where a bucket's logs are delivered.
"""

from __future__ import annotations

import io
from typing import Any

from ..base.errors import NotFound
from ..base.text import Json
from ..logs.location import LogLocation
from .arns import bucket_arn, client_partition
from .buckets import log_location, no_bucket
from .client import Aws
from .client_errors import aws_errors
from .native import native_bucket
from .object_page import list_page


class AwsOpener:
    """The :class:`~gt_secure.logs.storage.opener.Opener` of a connection,
    or of a boto3 S3 client.
    """

    def __init__(self, aws: Aws | Any) -> None:
        self._aws = aws
        self.client: Any = aws.client("s3") if isinstance(aws, Aws) else aws

    def list_page(self, **wanted: Any) -> Json:
        """Return one page of ``ListObjectsV2`` with Key, Size,
        ETag and LastModified of each object.
        """
        return list_page(self.client, **wanted)

    def get_body(
        self, bucket: str, key: str, etag: str, start: int = 0, size: int | None = None
    ) -> Any:
        """Return the content of an object from a byte on; all of it by the native client,
        where there is one.
        """
        native = None if size is None else native_bucket(self.client, bucket)
        data = None if native is None or size is None else native.whole(key, etag, size)
        if data is not None:
            return io.BytesIO(data)
        # The rest must be of the same content.
        rest = {"Range": f"bytes={start}-", "IfMatch": f'"{etag}"'} if start else {}
        with aws_errors("s3:GetObject", bucket_arn(client_partition(self.client), bucket, key)):
            answer = self.client.get_object(Bucket=bucket, Key=key, **rest)
        if not answer.get("ETag"):  # a page of a proxy: S3 names the version of what it sends
            raise ConnectionError("the response is not from S3")
        return answer["Body"]

    def log_target(self, bucket: str) -> LogLocation | None:
        """Return where the server access logs of a bucket are delivered; None if they are off."""
        try:
            with aws_errors(
                "s3:GetBucketLogging", bucket_arn(client_partition(self.client), bucket)
            ):
                return log_location(self.client.get_bucket_logging(Bucket=bucket))
        except NotFound as error:
            raise (no_bucket(self._aws, bucket) if isinstance(self._aws, Aws) else error) from error

    def most_requests(self, bucket: str) -> int:
        """Return how many objects may be fetched at the same time."""
        if native_bucket(self.client, bucket) is not None:
            return 64
        config = getattr(getattr(self.client, "meta", None), "config", None)
        return min(32, getattr(config, "max_pool_connections", 16))
