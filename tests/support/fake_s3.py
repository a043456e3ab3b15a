"""A log bucket in memory, as far as listing and reading see it: as a client of S3,
and as an opener.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from typing import Any

from botocore.exceptions import ClientError

from gt_secure.base.errors import NotFound
from gt_secure.logs.location import LogLocation


class FakeS3:
    """A client of S3 over it."""

    def __init__(self, page: int = 1000) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, dt.datetime]] = {}
        self.gone: set[str] = set()
        self.denied: set[str] = set()
        self.logging: dict[str, Any] = {}
        self.page = page
        self.listed = self.pages = 0
        self.fetched: list[str] = []

    def put(self, bucket: str, key: str, body: bytes, when: dt.datetime | None = None) -> None:
        self.objects[bucket, key] = (body, when or dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC))

    def list_objects_v2(
        self,
        Bucket: str,
        Prefix: str = "",
        StartAfter: str = "",
        Delimiter: str = "",
        ContinuationToken: str = "",
    ) -> dict[str, Any]:
        keys = sorted(k for b, k in self.objects if b == Bucket and k.startswith(Prefix))
        keys = [k for k in keys if k > max(StartAfter, ContinuationToken)]
        entries: list[str] = []
        folders: list[str] = []
        for key in keys:
            rest = key[len(Prefix) :]
            if Delimiter and Delimiter in rest:
                folder = Prefix + rest.split(Delimiter)[0] + Delimiter
                if folder not in folders:
                    folders.append(folder)
            else:
                entries.append(key)
        cut = len(entries) > self.page
        entries = entries[: self.page]
        self.listed += len(entries)
        self.pages += 1
        contents = []
        for key in entries:
            body, when = self.objects[Bucket, key]
            contents.append(
                {
                    "Key": key,
                    "Size": len(body),
                    "LastModified": when,
                    "ETag": f'"{hashlib.md5(body).hexdigest()}"',
                }
            )
        page: dict[str, Any] = {
            "IsTruncated": cut,
            "Contents": contents,
            "CommonPrefixes": [{"Prefix": f} for f in folders],
        }
        if cut:
            page["NextContinuationToken"] = entries[-1]
        return page

    def get_object(
        self, Bucket: str, Key: str, Range: str = "bytes=0-", IfMatch: str = ""
    ) -> dict[str, Any]:
        self.fetched.append(Key)
        if Key in self.gone:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "gone"}}, "GetObject")
        if Key in self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
        body = self.objects[Bucket, Key][0]
        return {"Body": io.BytesIO(body), "ETag": f'"{hashlib.md5(body).hexdigest()}"'}

    def get_bucket_logging(self, Bucket: str) -> dict[str, Any]:
        return self.logging.get(Bucket, {})


class FakeStore:
    """The opener of a store that no client of AWS reads."""

    def __init__(self, s3: FakeS3) -> None:
        self.s3 = s3

    def list_page(self, **wanted: Any) -> dict[str, Any]:
        return self.s3.list_objects_v2(**wanted)

    def get_body(
        self, bucket: str, key: str, etag: str, start: int = 0, size: int | None = None
    ) -> Any:
        try:
            body = self.s3.get_object(bucket, key)["Body"]
        except ClientError as error:
            raise NotFound(f"There is no object {key}.") from error
        body.seek(start)
        return body

    def log_target(self, bucket: str) -> LogLocation | None:
        return None

    def most_requests(self, bucket: str) -> int:
        return 4
