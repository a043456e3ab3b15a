"""A page of another origin, or a name bound to this machine, gets nothing from the sandbox and
changes nothing.

Requests are written byte by byte, as a browser may send them: any Host header, any Origin. Among
their targets are the sandbox's own pages, each service, and objects by bucket, alias and access
point. What S3 and a link serve is served.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection
from itertools import product
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import pytest

from gt_secure.sandbox import Sandbox
from support.box import ACCOUNT, BUCKET, Box

KEY = "scans/0001.png"
POINT = "other-pages"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "text/plain"}
TAKEN = b'{"WorkteamName": "open-team", "Description": "taken over"}'
"""A page can send it without a preflight."""
DATA = (
    b"\x89PNG\r",
    b"<Buckets>",
    b"<Contents>",
    b"WorkteamName",
    b"AccessKeyId>",
    b"origins",
    b"task-object",
)
"""Contents that no answer to such a request may hold."""


class Target(NamedTuple):
    """What a page may ask for: method, path, further headers, body."""

    method: str
    path: str
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    body: bytes = b""

    @property
    def is_s3(self) -> bool:
        return not (self.path.startswith(("/_gt_secure", "/v2018")) or self.headers)


def targets(box: Box, alias: str) -> list[Target]:
    signed = [urlsplit(box.presign_plain()), urlsplit(url_of(box, alias))]
    control = "Action={}&Version=2011-06-15"
    return [
        *(Target("GET", f"{each.path}?{each.query}") for each in signed),
        *(
            Target(method, f"/{name}/{KEY}")
            for name in (BUCKET, alias)
            for method in ("GET", "PUT", "DELETE")
        ),
        *(
            Target("GET", path)
            for path in ("/", f"/{BUCKET}", f"/{BUCKET}?policy", f"/{alias}", f"/{alias}?acl")
        ),
        *(Target("PUT", path, {}, b"{}") for path in (f"/{BUCKET}?policy", "/taken-over")),
        *(Target("DELETE", path) for path in (f"/{BUCKET}", f"/{BUCKET}?policy")),
        *(Target("POST", f"/_gt_secure/{name}") for name in ("reset", "flush-logs")),
        *(
            Target("GET", f"/_gt_secure/{name}")
            for name in ("origins", "health", "portal/tasks/radiology-team")
        ),
        *(Target(method, f"/v20180820/accesspoint/{POINT}") for method in ("GET", "DELETE")),
        Target("PUT", f"/v20180820/accesspoint/{POINT}/policy", JSON, b"{}"),
        *(
            Target("POST", "/", {**JSON, "X-Amz-Target": f"SageMaker.{name}"}, TAKEN)
            for name in ("UpdateWorkteam",)
        ),
        *(
            Target("POST", "/", FORM, control.format(name).encode())
            for name in ("GetCallerIdentity", "ListUsers")
        ),
        *(Target("GET", path) for path in ("/_ministack/reset", "/_ministack/config", "/health")),
    ]


def url_of(box: Box, alias: str) -> str:
    params = {"Bucket": alias, "Key": KEY}
    return str(box.client("s3").generate_presigned_url("get_object", Params=params, ExpiresIn=300))


def foreign_names(alias: str) -> list[str]:
    stems = [
        "evil.example",
        "example",
        "rebind.network",
        "xn--lcalhost-n2a",
        "127.0.0.1.nip.io",
        "localhost.evil.example",
    ]
    stems += [
        f"{name}.{end}"
        for name in (BUCKET, alias, ACCOUNT)
        for end in ("evil.example", "s3.amazonaws.com")
    ]
    stems += [
        f"{alias}.s3-accesspoint.us-east-1.amazonaws.com",
        f"{ACCOUNT}.s3-control.us-east-1.amazonaws.com",
    ]
    stems += [
        f"{POINT}-{ACCOUNT}.s3-accesspoint.us-east-1.evil.example",
        "localhost,evil.example",
        "localhost@evil",
    ]
    stems += [
        "0.0.0.0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "10.0.0.1",
        "[::]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
    ]
    stems += [
        "evillocalhost",
        "localhost.com",
        ".",
        "",
        "host.docker.internal",
        "evil.example/localhost",
        "a\tlocalhost",
    ]
    return [
        *stems,
        *(f"{each}:4566" for each in stems[:8]),
        *(f"{each}." for each in stems[:3]),
        "EVIL.EXAMPLE",
    ]


PAGES: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:1"},
    {"Origin": "https://{host}"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
        "Origin": "null",
    },
]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(box: Box, target: Target, host: str, page: dict[str, str]) -> Reply:
    parts = urlsplit(box.url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=120)
    try:
        connection.putrequest(target.method, target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host, **target.headers, **page}.items():
            connection.putheader(name, value.format(host=host) if name == "Origin" else value)
        connection.putheader("Content-Length", str(len(target.body)))
        connection.endheaders(target.body)
        answer = connection.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def policy_of(s3: Any) -> str:
    try:
        return str(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    except s3.exceptions.ClientError as error:
        return str(error.response["Error"]["Code"])


def look(box: Box) -> object:
    s3, control = box.client("s3"), box.client("s3control")
    control.meta.events.register("before-sign.s3-control", _without_account, "no account")
    found = [s3.list_buckets()["Buckets"], s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    found += [
        policy_of(s3),
        s3.get_bucket_acl(Bucket=BUCKET)["Grants"],
        s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"],
    ]
    found += [
        box.client("sagemaker").list_workteams()["Workteams"],
        box.client("iam").list_users()["Users"],
    ]
    found += [control.list_access_points(AccountId=ACCOUNT)["AccessPointList"]]
    return json.loads(json.dumps(found, default=str))


@pytest.fixture(scope="module")
def box(running_sandbox: Sandbox) -> Box:
    running_sandbox.reset()
    return Box(running_sandbox)


@pytest.fixture(scope="module")
def alias(box: Box) -> Iterator[str]:
    control, named = box.client("s3control"), {"AccountId": ACCOUNT, "Name": POINT}
    control.meta.events.register("before-sign.s3-control", _without_account, "no account")
    yield str(control.create_access_point(**named, Bucket=BUCKET)["Alias"])
    control.delete_access_point(**named)


def _without_account(request: Any, **_: Any) -> None:
    request.url = request.url.replace(f"//{ACCOUNT}.", "//", 1)


def hold_names(box: Box, alias: str, most: int) -> Counter[str]:
    """Ask under names of others, with and without a page."""
    before, seen = look(box), Counter[str]()
    cases = list(product(targets(box, alias), foreign_names(alias), [{}, *PAGES[:2]]))
    for target, host, page in random.Random(41).sample(cases, min(most, len(cases))):
        reply = ask(box, target, host, page)
        assert reply.status in (400, 403), (target, host, page, reply)
        assert not any(data in reply.body for data in DATA), (target, host)
        assert "access-control-allow-origin" not in reply.headers, (target, host)
        seen[f"{reply.status}"] += 1
    assert look(box) == before
    return seen


def hold_pages(box: Box, alias: str, most: int) -> Counter[str]:
    """Ask under the sandbox's own name, for pages of other origins."""
    before, seen, own = look(box), Counter[str](), urlsplit(box.url).netloc
    cases = list(product(targets(box, alias), PAGES))
    for target, page in random.Random(42).sample(cases, min(most, len(cases))):
        reply = ask(box, target, own, page)
        # who has the URL may open it, as on AWS
        if target.is_s3 and "X-Amz-Signature" in target.path:
            assert reply.status == 200, (target, page, reply)
            seen["signed"] += 1
            continue
        assert reply.status in (400, 403, 404, 405), (target, page, reply)
        assert not any(data in reply.body for data in DATA), (target, page)
        assert target.is_s3 or "access-control-allow-origin" not in reply.headers, (target, page)
        seen["S3" if target.is_s3 else "other"] += 1
    assert look(box) == before
    return seen


def served(box: Box, alias: str) -> Iterable[tuple[str, Target, dict[str, str]]]:
    """Yield what must be answered: own names, links to the portal, images and uploads of pages."""
    own, port = urlsplit(box.url).netloc, urlsplit(box.url).port
    signed = [urlsplit(box.presign_plain()), urlsplit(url_of(box, alias))]
    link = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    for name in (
        own,
        f"localhost:{port}",
        f"LOCALHOST:{port}",
        "localhost.",
        f"[::1]:{port}",
        "127.8.8.8",
    ):
        yield name, Target("GET", "/_gt_secure/health"), {}
        yield name, Target("GET", "/_gt_secure/portal/tasks/radiology-team"), link
        yield (
            name,
            Target("GET", "/_gt_secure/origins"),
            {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{name}"},
        )
    for each in signed:
        target = Target("GET", f"{each.path}?{each.query}")
        yield own, target, {}
        yield own, target, {"Origin": "http://studio.example", "Sec-Fetch-Site": "cross-site"}
        yield own, target, PAGES[5]


def test_names_of_others(box: Box, alias: str) -> None:
    assert hold_names(box, alias, 25).total() == 25


def test_pages_of_others(box: Box, alias: str) -> None:
    seen = hold_pages(box, alias, 30)
    assert min(seen["other"], seen["S3"]) >= 6


def test_what_is_meant_for_this_machine_is_served(box: Box, alias: str) -> None:
    for host, target, page in served(box, alias):
        assert ask(box, target, host, page).status == 200, (host, target, page)


@pytest.mark.slow
def test_all_names_and_pages(box: Box, alias: str) -> None:
    names, pages = hold_names(box, alias, 10**6), hold_pages(box, alias, 10**6)
    print(f"names {dict(names)}, pages {dict(pages)}")
    assert names.total() >= 3000
    assert pages.total() >= 250
    assert pages["signed"] >= 15


class Mutant:
    """A sandbox of its own without one of the walls."""

    def __init__(self, wall: str) -> None:
        code = f"""import sys
from gt_secure.sandbox import server, settings
from gt_secure.sandbox.gateway import browsers
browsers.{wall} = lambda *_, **__: None
sys.exit(server.main(settings.Settings().to_json()))"""
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        self.facts = json.loads(self.process.stdout.readline())
        self.endpoint_url = self.facts["endpoint_url"]

    def environment(self) -> dict[str, str]:
        return dict(self.facts["environment"])


@pytest.mark.parametrize(
    ("wall", "hold"), [("foreign_host", hold_names), ("foreign_site", hold_pages)]
)
def test_a_fault_is_noticed(wall: str, hold: Callable[[Box, str, int], object]) -> None:
    mutant = Mutant(wall)
    try:
        with pytest.raises(AssertionError):
            hold(Box(cast("Any", mutant)), BUCKET, 100)
    finally:
        mutant.process.terminate()
        mutant.process.wait(60)
