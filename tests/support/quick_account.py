"""An account in this process that answers the calls of a change as the sandbox does, several times
as fast.

A law that carries out thousands of changes uses it for its whole part, and the sandbox for a
sample. What changes write is here; each other question goes to the sandbox once, and its answer is
repeated. An update of the workforce lasts for one reading, not for a time, and an answer arrives in
one piece, so that each run of a change takes the same lines.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from urllib3.connection import HTTPConnection

from gt_secure.aws.client import connect_aws
from support.account import Account
from support.box import ACCOUNT, BUCKET

PORT = 1
"""No server has it."""
JSON, XML = "application/x-amz-json-1.1", "application/xml"


class State:
    """Policy, workteam and workforce, the events of their writes,
    and what the sandbox answers to anything else.
    """

    def __init__(self, account: Account) -> None:
        url = urlsplit(account.sandbox.endpoint_url)
        self._sandbox = (str(url.hostname), int(url.port or 80))
        described = {
            "Workteam": account.team(),
            "Workforce": account.sagemaker.describe_workforce(WorkforceName=account.workforce)[
                "Workforce"
            ],
        }
        self._first = json.dumps(described, default=lambda when: when.timestamp())
        self._answers: dict[tuple[str, bytes], bytes] = {}
        self._numbers = itertools.count(1)
        self.policy: str | None = None
        self.reset(account.policy())

    def reset(self, policy: str | None) -> None:
        self.updating, self.events = False, list[dict[str, Any]]()
        self.resources: dict[str, dict[str, Any]] = json.loads(self._first)
        self._policy("DELETE" if policy is None else "PUT", (policy or "").encode(), "")

    def look(self) -> dict[str, Any]:
        changing = {"LastUpdatedDate", "Status"}
        shown = {
            kind: {name: value for name, value in each.items() if name not in changing}
            for kind, each in self.resources.items()
        }
        return json.loads(json.dumps(shown | {"policy": self.policy}))

    def answer(self, head: bytes, body: bytes) -> bytes:
        """Return the answer to a request, as bytes."""
        method, path = head.decode().split(" ", 2)[:2]
        target = re.search(rb"X-Amz-Target: \S*\.(\w+)", head)
        operation = target[1].decode() if target else ""
        request = f"{next(self._numbers):016X}"
        if path == f"/{BUCKET}?policy":
            return self._policy(method, body, request)
        asked = json.loads(body) if operation else {}
        if operation == "LookupEvents":
            since, until = asked["StartTime"], asked["EndTime"] + 1
            found = [each for each in self.events if since <= each["EventTime"] <= until]
            return _reply(200, JSON, json.dumps({"Events": found}), request)
        match = re.fullmatch(r"(Describe|Update)(Workteam|Workforce)", operation)
        if (
            match is not None
            and asked[f"{match[2]}Name"] == self.resources[match[2]][f"{match[2]}Name"]
        ):
            return self._resource(match[1], match[2], asked, request)
        assert not operation.startswith(("Update", "Create", "Delete")), operation
        assert method != "PUT", path
        known = (f"{method} {path} {operation}", body)
        if known not in self._answers:
            self._answers[known] = self._from_sandbox(head + body)
        return self._answers[known]

    def _policy(self, method: str, body: bytes, request: str) -> bytes:
        """Answer a call about the policy; CloudTrail knows each write, that of the start too."""
        if method == "GET":
            if self.policy is not None:
                return _reply(200, "application/json", self.policy, request)
            return _reply(
                404,
                XML,
                "<Error><Code>NoSuchBucketPolicy</Code><Message>None</Message></Error>",
                request,
            )
        event = {
            "eventName": "DeleteBucketPolicy",
            "requestParameters": {"bucketName": BUCKET},
            "requestID": request,
        }
        if method == "PUT":
            event["eventName"] = "PutBucketPolicy"
            event["requestParameters"] |= {"bucketPolicy": json.loads(body)}  # type: ignore[operator]
        self.policy = body.decode() if method == "PUT" else None
        event["userIdentity"] = {"arn": f"arn:aws:iam::{ACCOUNT}:user/sandbox-admin"}
        event["eventTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.events.insert(0, {"EventTime": time.time(), "CloudTrailEvent": json.dumps(event)})
        return _reply(204, XML, "", request)

    def _resource(self, verb: str, kind: str, asked: dict[str, Any], request: str) -> bytes:
        found = self.resources[kind]
        if verb == "Update":
            found |= asked | {"LastUpdatedDate": time.time()}
            self.updating |= kind == "Workforce"
        status = (
            {"Status": "Updating" if self.updating else "Active"} if kind == "Workforce" else {}
        )
        if kind == "Workforce" and verb == "Describe":
            self.updating = False
        return _reply(200, JSON, json.dumps({kind: found | status}), request)

    def _from_sandbox(self, request: bytes) -> bytes:
        with (
            socket.create_connection(self._sandbox) as connection,
            connection.makefile("rb") as file,
        ):
            connection.sendall(request)
            head, size = _head(file)
            return head + file.read(size)


def _head(file: Any) -> tuple[bytes, int]:
    """Read the head of a message, and return it with the length of its body."""
    head = b""
    while line := file.readline():
        head += line
        if line == b"\r\n":
            break
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head, int(length[1]) if length else 0


def _reply(status: int, kind: str, text: str, request: str) -> bytes:
    head = (
        f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(text.encode())}\r\n"
    )
    return (
        f"{head}x-amz-request-id: {request}\r\nx-amzn-requestid: {request}\r\n\r\n{text}".encode()
    )


class QuickAccount(Account):
    """An account whose writes stay in this process."""

    state: State

    def look(self) -> dict[str, Any]:
        return self.state.look()

    def settle(self) -> None:
        self.state.updating = False

    def reset(self, policy: str | None = None, cidrs: list[str] | None = None) -> None:
        assert not cidrs
        self.state.reset(policy)


class _Connection(socket.socket):
    """A connection whose other end answers within the call that sends the
    last byte of a request.
    """

    def __init__(self, state: State) -> None:
        here, self._there = socket.socketpair()
        super().__init__(fileno=here.detach())
        self._state, self._sent = state, b""

    def sendall(self, data: Any, *_: Any) -> None:
        self._sent += bytes(data)
        head, size = _head(io.BytesIO(self._sent))
        if head.endswith(b"\r\n\r\n") and len(self._sent) == len(head) + size:
            body, self._sent = self._sent[len(head) :], b""
            self._there.sendall(self._state.answer(head, body))

    def close(self) -> None:
        self._there.close()
        super().close()


@contextmanager
def quick_account(account: Account) -> Iterator[QuickAccount]:
    """Offer an account that is as this one is now."""
    state, connect = State(account), HTTPConnection._new_conn

    def new_connection(self: HTTPConnection) -> socket.socket:
        return _Connection(state) if self.port == PORT else connect(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPConnection, "_new_conn", new_connection)
        aws = connect_aws(
            boto3_session=account.rig.session, endpoint_url=f"http://127.0.0.1:{PORT}"
        )
        quick = QuickAccount(
            account.rig, aws, account.s3, account.sagemaker, account.workforce, account.journal
        )
        quick.state = state
        yield quick
