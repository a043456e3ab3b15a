"""An account whose readings lag, whose calls fail, and in which other people write: one bucket
policy and one workteam, with a clock of their own, answered in this process.

The clock of the machine that calls is wrong by ``off_s``; each answer has the date of AWS.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from gt_secure.base import clock
from gt_secure.engine.policies.bucket_policy import BucketPolicy

BUCKET = "gt-images"
TEAM = "radiology-team"
START = datetime(2026, 11, 24, 9, tzinfo=UTC)


class Killed(BaseException):
    """The process ends here: nothing of it runs any more."""


@dataclass
class Fault:
    """What happens at one call, counted from the first: ``denied``, ``expired`` (at all that follow,
    too), ``throttled``, ``lost`` (it worked, and its answer does not come), ``interrupted``, or
    ``killed`` before or after.
    """

    call: int
    kind: str


@dataclass
class LaggingAccount:
    """The account. ``now`` grows with each call and each wait; ``due`` are other people's writes."""

    rng: random.Random
    lag_s: float = 0.0
    trail: str = "denied"
    faults: tuple[Fault, ...] = ()
    now: float = 1_000.0
    calls: int = 0
    policies: list[tuple[float, str | None]] = field(default_factory=list)
    locks: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    writing: bool = False
    sent: bool = False
    """True as soon as a call that writes has left, whatever became of it."""
    is_dead: bool = False
    off_s: float = 0.0

    account_id = "111122223333"
    region = "us-east-1"
    endpoint_url = None
    caller_arn = "arn:aws:iam::111122223333:user/anna"
    partition = "aws"
    is_local = False

    def knows(self, *_: str) -> bool:
        return True

    def sleep(self, seconds: float) -> None:
        """Let time pass, and others write in it."""
        end = self.now + seconds
        while self.due and self.due[0][0] <= end:
            moment, write = self.due.pop(0)
            self.now = max(self.now, moment)
            write()
        self.now = max(self.now, end)  # a colleague may have taken longer

    @property
    def time(self) -> datetime:
        """The time of AWS."""
        return START + timedelta(seconds=self.now)

    def here(self) -> datetime:
        """Return the time that the clock of the calling machine shows."""
        return self.time + timedelta(seconds=self.off_s)

    @property
    def policy(self) -> str | None:
        """The policy as it is, whatever a reading shows."""
        return self.policies[-1][1]

    def put(self, text: str | None, who: str) -> str:
        """Write the policy, and record it in CloudTrail."""
        self.policies.append((self.now, text))
        request = f"request-{len(self.events)}"
        event = {
            "eventName": "DeleteBucketPolicy" if text is None else "PutBucketPolicy",
            "eventTime": f"{self.time:%Y-%m-%dT%H:%M:%SZ}",
            "eventID": f"event-{len(self.events)}",
            "requestID": request,
            "userIdentity": {"arn": who},
            "requestParameters": {"bucketName": BUCKET}
            | ({} if text is None else {"bucketPolicy": json.loads(text)}),
        }
        self.events.append(event)
        return request

    def _at(self, history: list[tuple[float, Any]]) -> Any:
        """Return a value that a reading may show now."""
        moment = self.now - self.rng.uniform(0, self.lag_s)
        return next((value for when, value in reversed(history) if when <= moment), history[0][1])

    def afresh(self) -> LaggingAccount:
        return self

    def client(self, service: str, region: str | None = None) -> Any:
        del region
        return {
            "s3": SimpleNamespace(
                get_bucket_policy=lambda **_: self._call("GetBucketPolicy", self._get),
                put_bucket_policy=lambda Policy, **_: self._call(
                    "PutBucketPolicy", lambda: self._put(Policy)
                ),
                delete_bucket_policy=lambda **_: self._call(
                    "DeleteBucketPolicy", lambda: self._answer(self.put(None, self.caller_arn))
                ),
            ),
            "sagemaker": SimpleNamespace(
                describe_workteam=lambda **_: self._call("DescribeWorkteam", self._team),
                update_workteam=lambda WorkerAccessConfiguration, **_: self._call(
                    "UpdateWorkteam", lambda: self._set_lock(WorkerAccessConfiguration)
                ),
            ),
            "cloudtrail": SimpleNamespace(get_paginator=lambda _: self),
        }[service]

    def _call(self, name: str, do: Callable[[], Any]) -> Any:
        if self.is_dead:
            raise Killed
        self.sent = self.sent or name[:3] in ("Put", "Del", "Upd")
        self.sleep(self.rng.choice((0.02, 0.1, 0.4)))
        self.calls += 1
        for fault in self.faults:
            if fault.call == self.calls or (fault.kind == "expired" and fault.call <= self.calls):
                return self._fail(name, fault.kind, do)
            if fault.call <= self.calls and fault.kind == "denied" and name == "UpdateWorkteam":
                raise error("AccessDeniedException", name)
        self.writing = self.writing or name[:3] in ("Put", "Del")
        answer = do()
        self._dated()
        shown = BucketPolicy.of(answer.get("Policy")).statements
        self.shown |= {str(each.get("Sid")) for each in shown}
        return answer

    def _fail(self, name: str, kind: str, do: Callable[[], Any]) -> Any:
        if kind == "killed after":
            do()
        if kind.startswith("killed"):
            self.is_dead = True
            raise Killed
        if kind == "interrupted":
            raise KeyboardInterrupt
        if kind == "lost":
            do()
            raise EndpointConnectionError(endpoint_url="https://s3.us-east-1.amazonaws.com")
        if kind == "denied" and name not in ("UpdateWorkteam", "PutBucketPolicy"):
            return do()
        self._dated()
        code = {
            "denied": "AccessDenied",
            "expired": "ExpiredToken",
            "throttled": "SlowDown",
        }[kind]
        raise error(code, name)

    def _dated(self) -> None:
        """Answer with a date, in whole seconds."""
        clock.heard(format_datetime(self.time.replace(microsecond=0), usegmt=True))

    def _put(self, text: str) -> dict[str, Any]:
        if len(text.encode()) > 20 * 1024:
            raise error("MalformedPolicy", "PutBucketPolicy", 400)
        return self._answer(self.put(text, self.caller_arn))

    def _get(self) -> dict[str, Any]:
        text = self._at(self.policies)
        if text is None:
            raise error("NoSuchBucketPolicy", "GetBucketPolicy")
        return {"Policy": text}

    def _team(self) -> dict[str, Any]:
        lock = {"S3Presign": {"IamPolicyConstraints": self._at(self.locks)}}
        return {"Workteam": {"WorkteamName": TEAM, "WorkerAccessConfiguration": lock}}

    def _set_lock(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self.locks.append((self.now, wanted["S3Presign"]["IamPolicyConstraints"]))
        return self._answer(f"lock-{len(self.locks)}")

    def _answer(self, request: str) -> dict[str, Any]:
        return {"ResponseMetadata": {"RequestId": request, "HTTPHeaders": {}}}

    def paginate(
        self, StartTime: datetime, EndTime: datetime, **_: Any
    ) -> Iterator[dict[str, Any]]:
        if self.trail == "denied":
            raise error("AccessDeniedException", "LookupEvents")
        found = [
            {"CloudTrailEvent": json.dumps(event)}
            for event in reversed(self.events)
            if StartTime <= datetime.fromisoformat(event["eventTime"]) <= EndTime
            if self.trail != "late"
        ]
        for event in found or [None]:
            yield {"Events": [event] if event else []}
            if self.trail == "twice":
                yield {"Events": [event] if event else []}
            if self.trail == "cut":
                raise error("ThrottlingException", "LookupEvents")


def error(code: str, operation: str, status: int = 0) -> ClientError:
    """Return an error as AWS answers it."""
    status = status or (503 if code == "SlowDown" else 403)
    answer = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r", "HTTPHeaders": {}},
    }
    return ClientError(answer, operation)  # type: ignore[arg-type]
