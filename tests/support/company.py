"""Several accounts behind one endpoint: a sandbox each,
and one STS for a hub that assumes a role in each.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import boto3

import gt_secure
from gt_secure import Connection
from gt_secure.base.files import package_data
from gt_secure.sandbox import Sandbox
from support.rig import Rig

HUB, ANSWERS, DENIES, HANGS = "111122223333", "222233334444", "333344445555", "444455556666"
ROLE_NAME, EXTERNAL_ID = "CompanySweep", "example-external-id"
_KEY = re.compile(r"Credential=([^/,\s]+)/")
_SKIPPED = {"connection", "transfer-encoding", "keep-alive"}
_FAULT = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
    "<RequestId>0</RequestId></ErrorResponse>"
)


@dataclass
class Company:
    """One endpoint in front of the sandboxes of several accounts.

    Attributes
    ----------
    members : dict
        The rig of each account; the first is the hub.
    calls : Counter
        Number of requests by account and operation.
    hang : set of str
        Accounts whose services accept a request and never answer, except STS.
    throttle : Counter
        Number of requests that are still throttled, by account.
    """

    members: dict[str, Rig]
    url: str = ""
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    hang: set[str] = field(default_factory=set)
    throttle: Counter[str] = field(default_factory=Counter)
    released: threading.Event = field(default_factory=threading.Event)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def hub(self) -> Connection:
        """The connection of the account that makes the report."""
        env = self.environment()
        session = boto3.Session(
            env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
        )
        return gt_secure.connect(boto3_session=session, endpoint_url=self.url)

    def environment(self) -> dict[str, str]:
        """Return the environment of the hub's administrator."""
        return {**self.members[HUB].sandbox.environment(), "AWS_ENDPOINT_URL": self.url}

    def count(self, account: str, *operations: str) -> int:
        """Return the number of requests of an account."""
        return sum(
            n
            for (owner, name), n in self.calls.items()
            if owner == account and name in (operations or {name})
        )


@contextmanager
def running(*accounts: str) -> Iterator[Company]:
    """Start the sandboxes and the endpoint; every account but DENIES trusts the hub."""
    with ExitStack() as stack:
        rigs = {
            account: Rig(
                stack.enter_context(Sandbox(log_delay_s=60, workforce_delay_s=0, account=account))
            )
            for account in (HUB, *accounts)
        }
        company = Company(rigs)
        for account, rig in rigs.items():
            company.keys[rig.sandbox.environment()["AWS_ACCESS_KEY_ID"]] = account
            if account != DENIES:
                add_role(rig, account)
        server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"company": company}))
        server.daemon_threads = True
        company.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield company
        finally:
            company.released.set()
            server.shutdown()
            server.server_close()


def add_role(rig: Rig, account: str) -> None:
    """Make the role of a report; its trust policy asks for the external id."""
    trust = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:user/sandbox-admin"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
        }
    }
    role = package_data("gt_secure.report", "role.json")["Resources"]["GtSecureReport"]
    [policy] = role["Properties"]["Policies"]
    iam = rig.client("iam")
    iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName=ROLE_NAME, PolicyName="report", PolicyDocument=json.dumps(policy["PolicyDocument"])
    )


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Stay quiet about clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    """Send each request to the sandbox of the account whose key signed it."""

    company: Company
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._serve()

    do_GET = do_HEAD = do_PUT = do_POST

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = parse_qs(body.decode("latin-1"))
        action = (form.get("Action") or [self.headers.get("X-Amz-Target", self.command)])[
            0
        ].rpartition(".")[2]
        match = _KEY.search(self.headers.get("Authorization", ""))
        account = self.company.keys.get(match[1] if match else "", HUB)
        target = (form.get("RoleArn") or [""])[0]
        if action == "AssumeRole" and f":{account}:" not in target:
            self._assume(target, form)
            return
        self.company.calls[(account, action)] += 1
        if account in self.company.hang and action != "GetCallerIdentity":
            self.company.released.wait()
            self.close_connection = True
            return
        if self.company.throttle[account] > 0:
            self.company.throttle[account] -= 1
            self._json(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
            return
        self._forward(self.company.members[account], body)

    def _assume(self, target: str, form: dict[str, list[str]]) -> None:
        """Assume the role of another account with that account's administrator,
        as STS would for a trusted hub.
        """
        account = target.split(":")[4]
        self.company.calls[(account, "AssumeRole")] += 1
        rig = self.company.members.get(account)
        if rig is None:
            self._xml(
                403,
                _FAULT.format(
                    code="AccessDenied", text="not authorized to perform: sts:AssumeRole"
                ),
            )
            return
        extra = {"ExternalId": form["ExternalId"][0]} if "ExternalId" in form else {}
        try:
            answer = rig.client("sts").assume_role(
                RoleArn=target, RoleSessionName=form["RoleSessionName"][0], **extra
            )
        except rig.client("sts").exceptions.ClientError as error:
            fault = error.response["Error"]
            self._xml(
                403,
                _FAULT.format(code=fault["Code"], text="not authorized to perform: sts:AssumeRole"),
            )
            return
        keys = answer["Credentials"]
        self.company.keys[keys["AccessKeyId"]] = account
        inner = "".join(
            f"<{name}>{keys[name]}</{name}>"
            for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
        )
        inner += f"<Expiration>{keys['Expiration']:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
        self._xml(
            200,
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"{inner}</Credentials></AssumeRoleResult></AssumeRoleResponse>",
        )

    def _forward(self, rig: Rig, body: bytes) -> None:
        connection = http.client.HTTPConnection(urlsplit(rig.url).netloc, timeout=120)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in (
                    _SKIPPED | {"content-length"} if self.command != "HEAD" else _SKIPPED
                ):
                    self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        finally:
            connection.close()

    def _json(self, status: int, data: dict[str, str]) -> None:
        self._reply(status, json.dumps(data).encode(), "application/x-amz-json-1.1")

    def _xml(self, status: int, text: str) -> None:
        self._reply(status, text.encode(), "text/xml")

    def _reply(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
