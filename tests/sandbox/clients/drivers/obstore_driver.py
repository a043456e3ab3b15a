"""obstore: one operation, given as a word with bucket, key, file and target."""

import datetime as dt
import os
import sys
from pathlib import Path

import obstore
from obstore.store import S3Store

operation, bucket, key, file, target = sys.argv[1:]
store = S3Store(
    bucket, endpoint=os.environ["AWS_ENDPOINT_URL"], region=os.environ["AWS_REGION"],
    access_key_id=os.environ["AWS_ACCESS_KEY_ID"], secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    virtual_hosted_style_request=False, client_options={"allow_http": True}, retry_config={"max_retries": 0},
)  # fmt: skip


def keep(data):
    """Write what was received."""
    Path(file).write_bytes(bytes(data))


calls = {
    "put": lambda: obstore.put(store, key, Path(file), use_multipart=False),
    "get": lambda: keep(obstore.get(store, key).bytes()),
    "head": lambda: obstore.head(store, key),
    "presigned_get": lambda: obstore.sign(store, "GET", key, dt.timedelta(minutes=5)),
    "multipart": lambda: obstore.put(
        store, key, Path(file), use_multipart=True, chunk_size=5 * 2**20
    ),
    "copy": lambda: obstore.copy(store, key, target),
    "range": lambda: keep(obstore.get_range(store, key, start=3, end=10)),
    "tags": lambda: obstore.put(
        store, key, Path(file), tags={"colour": "blue"}, use_multipart=False
    ),
    "delete": lambda: obstore.delete(store, key),
    "paging": lambda: sum(len(page) for page in obstore.list(store)),
    "wrong_region": lambda: obstore.get(store, key),
}
print(calls[operation]())
