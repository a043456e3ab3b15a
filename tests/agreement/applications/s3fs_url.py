"""Write and read with s3fs, which signs in the header, and print the URL that it hands out."""

import json
import sys

import s3fs

fs = s3fs.S3FileSystem()
with fs.open(f"{sys.argv[1]}/data.csv", "wb") as file:
    file.write(b"s3fs")
assert fs.cat(f"{sys.argv[1]}/data.csv") == b"s3fs"
print(json.dumps({"get": [fs.url(f"{sys.argv[1]}/data.csv")]}))
