"""The Python SDK of MinIO: one operation, given as a word with bucket, key, file and target."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from minio import Minio
from minio.commonconfig import CopySource, Tags

operation, bucket, key, file, target = sys.argv[1:]
given = {
    "endpoint": urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc, "access_key": os.environ["AWS_ACCESS_KEY_ID"],
    "secret_key": os.environ["AWS_SECRET_ACCESS_KEY"], "secure": False, "region": os.environ["AWS_REGION"],
}  # fmt: skip
client = Minio(**given)
thing = {"bucket_name": bucket, "object_name": key}


def tag():
    """Set one tag."""
    tags = Tags.new_object_tags()
    tags["colour"] = "blue"
    client.set_object_tags(**thing, tags=tags)


def in_parts():
    """Send a file in parts of 5 MiB."""
    with Path(file).open("rb") as data:
        client.put_object(**thing, data=data, length=Path(file).stat().st_size, part_size=5 * 2**20)


calls = {
    "list_buckets": lambda: [each.name for each in client.list_buckets()],
    "put": lambda: client.fput_object(**thing, file_path=file),
    "get": lambda: client.fget_object(**thing, file_path=file),
    "head": lambda: vars(client.stat_object(**thing)),
    "presigned_get": lambda: client.presigned_get_object(**thing),
    "multipart": in_parts,
    "copy": lambda: client.copy_object(
        bucket_name=bucket, object_name=target, source=CopySource(**thing)
    ),
    "range": lambda: Path(file).write_bytes(client.get_object(**thing, offset=3, length=7).data),
    "tags": tag,
    "delete": lambda: client.remove_object(**thing),
    "paging": lambda: sum(1 for _ in client.list_objects(bucket_name=bucket, recursive=True)),
    "wrong_region": lambda: client.get_object(**thing),
}
print(calls[operation]())
