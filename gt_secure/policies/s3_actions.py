"""The actions of S3 on a bucket and on its objects.

Source: Service Authorization Reference, *Actions, resources, and condition keys for Amazon S3*: those whose resource is
a bucket or an object. A presigned URL can ask for any of them.
"""

from __future__ import annotations

from ..iam.request_keys import TABLES

OBJECT_ACTIONS = tuple(f"s3:{name}" for name in TABLES["object_actions"])
"""Actions on an object, the common ones first."""

BUCKET_ACTIONS = tuple(f"s3:{name}" for name in TABLES["bucket_actions"])
"""Actions on the bucket itself, the common ones first."""
