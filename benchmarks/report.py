"""Calls, time and memory of a report on many accounts, through the sandbox's STS.

One sandbox stands for all accounts: AssumeRole into any account is answered by its STS. Every tenth
account has the demo's three teams in us-east-1; every other region has no workforce. All calls are
real HTTP with real signatures.

    python benchmarks/report.py [--accounts 500] [--regions 17] [--json]
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import resource
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import boto3

import gt_secure
from gt_secure.report import DEFAULT_REGIONS, report
from gt_secure.report.pages import FORMATS
from gt_secure.sandbox import Sandbox

ROLE, EVERY = "GtSecureReport", 10
_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d+/([^/,\s]+)/")


class Front(BaseHTTPRequestHandler):
    """Count each request; answer ListWorkforces where there is none,
    and send all else to the sandbox.
    """

    protocol_version = "HTTP/1.1"
    sandbox: Sandbox
    sts: object
    owners: ClassVar[dict[str, str]] = {}
    calls: ClassVar[Counter[str]] = Counter()

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = parse_qs(body.decode("latin-1"))
        name = (form.get("Action") or [self.headers.get("X-Amz-Target", self.command)])[
            0
        ].rpartition(".")[2]
        type(self).calls[name] += 1
        if name == "AssumeRole":
            return self._assume(form["RoleArn"][0])
        scope = _SCOPE.search(self.headers.get("Authorization", ""))
        owner, region = (self.owners.get(scope[1], ""), scope[2]) if scope else ("", "")
        if name == "ListWorkforces" and (region != "us-east-1" or int(owner or 0) % EVERY):
            return self._reply(
                200, {"Content-Type": "application/x-amz-json-1.1"}, b'{"Workforces": []}'
            )
        return self._forward(body)

    do_GET = do_HEAD = do_POST

    def _assume(self, arn: str) -> None:
        account = arn.split(":")[4]
        own = arn.replace(account, "111122223333", 1)
        keys = self.sts.assume_role(RoleArn=own, RoleSessionName="report")["Credentials"]  # type: ignore[attr-defined]
        self.owners[keys["AccessKeyId"]] = account
        parts = "".join(
            f"<{n}>{keys[n]}</{n}>" for n in ("AccessKeyId", "SecretAccessKey", "SessionToken")
        )
        text = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"{parts}<Expiration>{keys['Expiration']:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
        self._reply(200, {"Content-Type": "text/xml"}, text.encode())

    def _forward(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(
            urlsplit(self.sandbox.endpoint_url).netloc, timeout=60
        )
        connection.request(self.command, self.path, body or None, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        kept = {
            n: v
            for n, v in answer.getheaders()
            if n.lower() not in ("content-length", "connection")
        }
        connection.close()
        self._reply(answer.status, kept, content)

    def _reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if self.command != "HEAD" else b"")


def main() -> None:
    """Measure one report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--regions", type=int, default=17)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with Sandbox() as sandbox:
        env = sandbox.environment()
        session = boto3.Session(
            env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
        )
        Front.sandbox, Front.sts = sandbox, session.client("sts", endpoint_url=sandbox.endpoint_url)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        gt = gt_secure.connect(
            boto3_session=session, endpoint_url=f"http://127.0.0.1:{server.server_address[1]}"
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        result = report(
            gt,
            role=ROLE,
            accounts=[f"{100_000_000_000 + number}" for number in range(options.accounts)],
            regions=DEFAULT_REGIONS["aws"][: options.regions],
        )
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        server.shutdown()
    page = FORMATS[".html"](result)
    scale = 1024 * (1024 if sys.platform == "darwin" else 1)
    data = {
        "accounts": options.accounts,
        "regions": options.regions,
        "rows": len(result.rows),
        "regions without a workforce": result.empty,
        "AssumeRole": Front.calls["AssumeRole"],
        "ListWorkforces": Front.calls["ListWorkforces"],
        "all calls": sum(Front.calls.values()),
        "seconds": round(seconds, 1),
        "memory MB, at most": after // scale,
        "memory MB, of the report": (after - before) // scale,
        "not read": len(result.unread),
        "page, kB": len(page) // 1000,
        "elements of the page": page.count("<") // 2,
    }
    text = (
        json.dumps(data, indent=2)
        if options.json
        else "\n".join(f"{name:<28} {data[name]}" for name in data)
    )
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
