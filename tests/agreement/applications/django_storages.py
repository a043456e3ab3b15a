"""Save a file by Django's storage API, read it back, and print the link that a page would have."""

import json
import sys

import django
from django.conf import settings

settings.configure(
    STORAGES={
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {"bucket_name": sys.argv[1], "location": "media"},
        }
    }
)
django.setup()

from django.core.files.base import ContentFile  # noqa: E402 - settings come first
from django.core.files.storage import default_storage  # noqa: E402

name = default_storage.save("report.txt", ContentFile(b"django"))
assert default_storage.exists(name)
with default_storage.open(name) as file:
    assert file.read() == b"django"
print(json.dumps({"get": [default_storage.url(name)]}))
