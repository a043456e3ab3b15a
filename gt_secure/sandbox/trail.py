"""CloudTrail's event history: the management events that the sandbox writes itself, and
LookupEvents.

On AWS an event appears within about 15 minutes, here immediately.
"""

from __future__ import annotations

import json
import uuid
from collections import deque

from ..base.clock import utc_now
from ..base.text import Json
from .gateway import auth
from .gateway.http import AWS_JSON, HttpRequest, Reply, aws_json_error, json_reply, parsed_json
from .settings import REGION, account_id
from .state import Record

KEPT = 5000
"""Maximum number of events kept; the oldest are dropped."""
MAX_RESULTS = 50
_POLICY_CALLS = {"PUT": "PutBucketPolicy", "DELETE": "DeleteBucketPolicy"}
_ATTRIBUTES = frozenset(
    {"EventName", "EventSource", "EventId", "Username", "ResourceName", "ReadOnly", "AccessKeyId"}
)


class Trail:
    """Events of this sandbox, and the answers to LookupEvents."""

    def __init__(self) -> None:
        # region, values to look up, event
        self._events: deque[tuple[str, Record, Record]] = deque(maxlen=KEPT)

    def clear(self) -> None:
        """Forget all events."""
        self._events.clear()

    def sagemaker(self, request: HttpRequest, name: str, body: object, error: str) -> None:
        """Record a write to a workteam or workforce."""
        if not name.endswith(("Workteam", "Workforce")) or name.startswith(("Describe", "List")):
            return
        given = body if isinstance(body, dict) else {}
        resource = {
            "ResourceType": "",
            "ResourceName": str(given.get("WorkteamName") or given.get("WorkforceName") or ""),
        }
        told = {
            "eventSource": "sagemaker.amazonaws.com",
            "eventName": name,
            "requestParameters": {key[:1].lower() + key[1:]: given[key] for key in given},
            "awsRegion": auth.signed_region(request),
            "requestID": request.long_id,
        }
        self._add(request, resource, error, told)

    def s3(self, request: HttpRequest, status: int) -> None:
        """Record a write to the policy of a bucket."""
        bucket = request.bucket
        name = _POLICY_CALLS.get(request.method) if "policy" in request.query and bucket else None
        if name is None:
            return
        parameters: Record = {"bucketName": bucket, "policy": ""}
        if name == "PutBucketPolicy":
            parameters["bucketPolicy"] = parsed_json(request.body)
        error = "" if status < 300 else "AccessDenied" if status == 403 else "InvalidRequest"
        told = {
            "eventSource": "s3.amazonaws.com",
            "eventName": name,
            "requestParameters": parameters,
            "awsRegion": REGION,
            "requestID": request.id,
        }
        resource = {"ResourceType": "AWS::S3::Bucket", "ResourceName": bucket}
        self._add(request, resource, error, told)

    def _add(self, request: HttpRequest, resource: Record, error: str, told: Record) -> None:
        key = request.access_key
        arn = auth.caller_arn(key) or ""
        event: Record = {
            **told,
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole" if ":assumed-role/" in arn else "IAMUser",
                "arn": arn,
                "accountId": account_id(),
                "accessKeyId": key,
            },
            "eventTime": f"{utc_now():%Y-%m-%dT%H:%M:%SZ}",
            "sourceIPAddress": str(request.source.address),
            "userAgent": f"[{request.headers.get('user-agent', '')}]",
            "responseElements": None,
            "eventID": str(uuid.uuid4()),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": account_id(),
            "eventCategory": "Management",
        }
        if error:
            event["errorCode"] = error
        record = {
            "EventId": event["eventID"],
            "EventName": event["eventName"],
            "EventSource": event["eventSource"],
            "EventTime": utc_now().timestamp(),
            "ReadOnly": "false",
            "Username": arn.rsplit("/", 1)[-1],
            "AccessKeyId": key,
            "Resources": [resource],
            "CloudTrailEvent": json.dumps(event),
        }
        self._events.append((event["awsRegion"], {**record, **resource}, record))

    async def __call__(self, request: HttpRequest) -> Reply:
        """Answer a call of CloudTrail."""
        name = request.headers.get("x-amz-target", "").rpartition(".")[2]
        refusal = auth.authorize(request, "cloudtrail", f"cloudtrail:{name}", "*")
        if refusal is not None:
            return aws_json_error(refusal.code, refusal.message)
        if name != "LookupEvents":
            return aws_json_error(
                "UnknownOperationException",
                f"The sandbox offers cloudtrail:LookupEvents, not {name}.",
            )
        given = parsed_json(request.body)
        if not isinstance(given, dict):
            return aws_json_error("SerializationException", "The request body is not valid JSON.")
        return self._lookup(given, request)

    def _lookup(self, body: Json, request: HttpRequest) -> Reply:
        attributes = body.get("LookupAttributes") or []
        if len(attributes) > 1 or any(
            each.get("AttributeKey") not in _ATTRIBUTES for each in attributes
        ):
            return aws_json_error(
                "InvalidLookupAttributesException", "Specify one lookup attribute."
            )
        size, token = body.get("MaxResults", MAX_RESULTS), str(body.get("NextToken") or "0")
        if not isinstance(size, int) or not 1 <= size <= MAX_RESULTS:
            return aws_json_error(
                "InvalidMaxResultsException", "MaxResults must be between 1 and 50."
            )
        if not token.isdigit():
            return aws_json_error("InvalidNextTokenException", "The token is not valid.")
        region = auth.signed_region(request)
        since, until = float(body.get("StartTime", 0)), float(body.get("EndTime", 4e9))
        events = [
            record
            for where, values, record in reversed(self._events)
            if where == region
            and since <= record["EventTime"] <= until + 1
            and all(values[one["AttributeKey"]] == str(one["AttributeValue"]) for one in attributes)
        ]
        start, end = int(token), int(token) + size
        answer: Record = {"Events": events[start:end]}
        if end < len(events):
            answer["NextToken"] = str(end)
        return json_reply(answer, 200, AWS_JSON)
