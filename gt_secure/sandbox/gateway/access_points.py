"""Access points: the calls of S3 Control that the emulator answers, and VPC access points, which it
does not enforce.

The emulator decides a request to the alias of an access point itself: on the access point under its
policy and on the bucket under the bucket policy, each with the keys of the access point.
"""

from __future__ import annotations

import re

from . import query_auth as presigned
from .http import HttpRequest, Reply

PATH = re.compile(r"/v20180820/accesspoint(?:/[a-z0-9-]{3,50}(?:/policy)?)?")
SERVICE = "s3control"


def refusal(request: HttpRequest, alias: str) -> Reply | None:
    """Return the refusal of a VPC access point for a request from elsewhere."""
    from ministack.services import s3

    found = s3.resolve_access_point_alias(alias)
    vpc = (found[2].get("VpcConfiguration") or {}).get("VpcId") if found else None
    return (
        None
        if vpc in (None, request.source.vpc)
        else presigned.error(request, 403, "AccessDenied", "Access Denied")
    )
