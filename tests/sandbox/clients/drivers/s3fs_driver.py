"""s3fs: one operation, given as a word with bucket, key, file and target."""

import sys
from pathlib import Path

import s3fs

operation, bucket, key, file, target = sys.argv[1:]
fs = s3fs.S3FileSystem(default_block_size=5 * 2**20, skip_instance_cache=True)
path = f"{bucket}/{key}"


def in_parts():
    """Write a file block by block."""
    with fs.open(path, "wb", block_size=5 * 2**20) as out:
        out.write(Path(file).read_bytes())


calls = {
    "list_buckets": lambda: fs.ls("/"),
    "put": lambda: fs.put_file(file, path),
    "get": lambda: fs.get_file(path, file),
    "head": lambda: fs.info(path),
    "presigned_get": lambda: fs.sign(path),
    "multipart": in_parts,
    "copy": lambda: fs.copy(path, f"{bucket}/{target}"),
    "range": lambda: Path(file).write_bytes(fs.cat_file(path, start=3, end=10)),
    "tags": lambda: fs.put_tags(path, {"colour": "blue"}),
    "delete": lambda: fs.rm_file(path),
    "paging": lambda: len(fs.find(bucket)),
    "wrong_region": lambda: fs.cat_file(path),
}
print(calls[operation]())
