"""AWS Organizations on loopback: accounts, units and policies, answered as the service answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from gt_secure.account.organization import Organization
from gt_secure.engine.access.part import Part

ID, ROOT, OUTER, INNER = "o-a1b2c3d4e5", "r-ab12", "ou-ab12-11111111", "ou-ab12-22222222"
RCP, SCP = "RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
FULL_RCP = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}


@dataclass
class Organizations:
    """An organization: root, unit, unit in it, account. ``place`` attaches a policy;
    ``faults`` fail an operation.
    """

    account: str = "111122223333"
    management: str = "999988887777"
    in_use: bool = True
    url: str = ""
    policies: dict[tuple[str, str], list[Mapping[str, Any]]] = field(default_factory=dict)
    detached: set[tuple[str, str]] = field(default_factory=set)
    """Targets and kinds whose policy of full access is detached."""
    faults: dict[str, tuple[int, str] | None] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    LEVELS: ClassVar[tuple[str, ...]] = (INNER, OUTER, ROOT)

    def place(self, kind: str, target: str, *documents: Mapping[str, Any]) -> None:
        """Attach policies to ``account``, a unit or the root."""
        self.policies.setdefault((target, kind), []).extend(documents)

    def answer(self, operation: str, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer one operation."""
        self.calls.append(operation)
        fault = self.faults.get(operation)
        if fault is not None:
            return fault[0], {"__type": fault[1], "Message": f"{operation} failed as the test says"}
        if not self.in_use:
            return 400, {"__type": "AWSOrganizationsNotInUseException", "Message": "not in use"}
        return 200, getattr(self, f"_{operation}")(asked)

    def _DescribeOrganization(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"Organization": {"Id": ID, "MasterAccountId": self.management, "FeatureSet": "ALL"}}

    def _ListParents(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        chain = (self.account, *self.LEVELS)
        parent = chain[chain.index(asked["ChildId"]) + 1]
        kind = "ROOT" if parent.startswith("r-") else "ORGANIZATIONAL_UNIT"
        return {"Parents": [{"Id": parent, "Type": kind}]}

    def _ListPoliciesForTarget(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        own = range(len(self.policies.get((asked["TargetId"], asked["Filter"]), [])))
        full = {RCP: "p-RCPFullAWSAccess", SCP: "p-FullAWSAccess"}[asked["Filter"]]
        attached = [] if (asked["TargetId"], asked["Filter"]) in self.detached else [full]
        ids = [*attached, *(f"p-{asked['TargetId']}.{asked['Filter']}.{index}" for index in own)]
        return {"Policies": [{"Id": each, "Type": asked["Filter"]} for each in ids]}

    def _DescribePolicy(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        _, _, name = asked["PolicyId"].partition("-")
        document: Mapping[str, Any] = FULL_RCP if name == "RCPFullAWSAccess" else FULL
        if "." in name:
            target, kind, index = name.split(".")
            document = self.policies[target, kind][int(index)]
        return {
            "Policy": {"PolicySummary": {"Id": asked["PolicyId"]}, "Content": json.dumps(document)}
        }


@contextmanager
def serving(organizations: Organizations) -> Iterator[Organizations]:
    """Serve an organization over HTTP on loopback; ``url`` is set meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            operation = str(self.headers["X-Amz-Target"]).rpartition(".")[2]
            if operation in organizations.faults and organizations.faults[operation] is None:
                organizations.calls.append(operation)
                self.close_connection = True
                return
            status, data = organizations.answer(operation, asked)
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    organizations.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield organizations
    finally:
        server.shutdown()
        server.server_close()


def no_organization() -> Organization:
    """Return the facts of an account that is in no organization."""
    nothing: Part[Any] = Part.of(None)
    return Organization(nothing, nothing, Part.of(()), Part.of(()), Part.of(False))
