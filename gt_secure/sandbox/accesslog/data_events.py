"""CloudTrail data events of the objects of one bucket, in files of the log bucket, as a trail
delivers them.

Unlike an access log, an event names the VPC endpoint of a request (CloudTrail User Guide, *Record
contents*). The trail of the demo has the object-level events of ``gt-images``.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid

from ..gateway.http import HttpRequest
from ..gateway.mechanisms import AUTHENTICATION, VERSION
from ..settings import REGION, TRAIL_OF, account_id
from .delivery import LogSetting

TRAIL = LogSetting("gt-logs", "", "cloudtrail")
_NAMES = {
    "REST.GET.OBJECT": "GetObject",
    "REST.HEAD.OBJECT": "HeadObject",
    "REST.PUT.OBJECT": "PutObject",
    "REST.DELETE.OBJECT": "DeleteObject",
    "REST.COPY.OBJECT": "CopyObject",
}
_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")
_SECRET = {"x-amz-signature", "x-amz-security-token", "signature"}


def event_of(
    request: HttpRequest,
    time: dt.datetime,
    operation: str,
    *,
    requester: str,
    error: str,
    answer: bytes,
    sent: int,
) -> str | None:
    """Return the event of a request, or None for one that the trail does not record.

    ``answer`` is the beginning of the answer, which has the message of an error, ``sent`` the
    number of its bytes.
    """
    if request.bucket != TRAIL_OF or operation not in _NAMES:
        return None
    mechanism, signed = request.mechanism, request.query.items()
    message = _MESSAGE.search(answer) if error else None
    event = {
        "eventVersion": "1.11",
        "userIdentity": _identity(requester),
        "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "s3.amazonaws.com",
        "eventName": _NAMES[operation],
        "awsRegion": REGION,
        "sourceIPAddress": str(request.source.address),
        "userAgent": f"[{request.headers.get('user-agent', '')}]",
        "errorCode": error or None,
        "errorMessage": message[1].decode("utf-8", "replace") if message else None,
        "requestParameters": {
            **{name: values[0] for name, values in signed if name.lower() not in _SECRET},
            "bucketName": request.bucket,
            "key": request.key,
            "Host": request.headers.get("host", ""),
        },
        "responseElements": None,
        "additionalEventData": {
            "AuthenticationMethod": AUTHENTICATION[mechanism.kind] if mechanism else None,
            "SignatureVersion": VERSION[mechanism.version] if mechanism else None,
            "bytesTransferredOut": sent,
            "x-amz-id-2": request.host_id,
        },
        "requestID": request.id,
        "eventID": str(uuid.uuid4()),
        "readOnly": operation in ("REST.GET.OBJECT", "REST.HEAD.OBJECT"),
        "resources": [
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{request.bucket}/{request.key}"}
        ],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": account_id(),
        "vpcEndpointId": request.source.endpoint,
        "vpcEndpointAccountId": account_id() if request.source.endpoint else None,
        "eventCategory": "Data",
    }
    return json.dumps({name: value for name, value in event.items() if value is not None})


def _identity(requester: str) -> dict[str, str]:
    if not requester:
        return {"type": "AWSAccount", "accountId": "anonymous"}
    kind = "AssumedRole" if ":assumed-role/" in requester else "IAMUser"
    return {"type": kind, "arn": requester, "accountId": account_id()}
