"""Objects fetched by obstore and by boto3: the same rows, coverage and errors,
over HTTP and its faults.
"""

from __future__ import annotations

import datetime as dt
import gzip
import http.server
import io
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import boto3
import botocore.handlers
import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials

from gt_secure.aws import native, s3_opener
from gt_secure.aws.client import connect_aws
from gt_secure.aws.native import NativeBucket
from gt_secure.aws.object_page import list_page
from gt_secure.aws.s3_opener import AwsOpener
from gt_secure.base.errors import GtSecureError, Throttled
from gt_secure.logs import Cache, count_hits, read_hits
from gt_secure.logs.storage import objects
from gt_secure.logs.storage.listing import list_logs
from gt_secure.logs.storage.objects import S3Object
from support import corpus
from support.http_faults import FAULTS, FaultyProxy
from support.rig import Rig

BUCKET = "gt-logs-of-tests"
FOUR = "remote_ip,http_status,auth_type,key"
KINDS = ["obstore", "boto3"]
LINES = {case.name: case.text for case in corpus.cases()}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    use(request.param, monkeypatch)
    return str(request.param)


def use(kind: str, patch: pytest.MonkeyPatch) -> None:
    if kind == "obstore":
        pytest.importorskip("obstore")
    else:
        patch.setattr(s3_opener, "native_bucket", lambda *_: None)


class Counter:
    """How many objects obstore gave, and how many were left to boto3."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.given = self.left = 0
        original = NativeBucket.whole

        def counted(bucket: NativeBucket, *arguments: Any) -> Any:
            result = original(bucket, *arguments)
            self.given += result is not None
            self.left += result is None
            return result

        patch.setattr(NativeBucket, "whole", counted)


def bodies() -> dict[str, bytes]:
    """Objects of every kind, among them keys that obstore would write in another way."""
    quirks = "".join(text + "\n" for text in LINES.values()).encode("utf-8", "surrogateescape")
    one = corpus.case("x").text.encode() + b"\n"
    trail = json.dumps(
        {"Records": [{"eventSource": "s3.amazonaws.com", "eventName": "GetObject"}]}
    ).encode()
    plain = {
        f"a/2026-11-{day:02d}-08-00-00-{n}": one * (n + 1) for day in range(1, 13) for n in range(4)
    }
    return plain | {
        "a/2026-11-20-08-00-00-quirks": quirks,
        "a/2026-11-20-09-00-00-packed.gz": gzip.compress(quirks),
        "a/2026-11-20-10-00-00-empty": b"",
        "a/2026-11-20-11-00-00-large": one * (9_000_000 // len(one)),
        "a/2026-11-21-08-00-00-trail": trail,
        "b//double/one": one, "b/ + %2B%25 é/one": one, "b/./dot": one, "b/../dots": one, "b/a b&c=d?e#f": one,
        "b/marker/": b"", "b/trailing.": one,
    }  # fmt: skip


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running(seed=None) as rig:
        s3 = rig.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for key, body in bodies().items():
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        yield rig


@pytest.fixture
def proxy(rig: Rig) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(rig.url)
    yield proxy
    proxy.close()


def through(rig: Rig, url: str, **options: Any) -> Any:
    return connect_aws(boto3_session=rig.session_of(**options), endpoint_url=url)


def outcome(work: Callable[[], Any]) -> Any:
    """Rows and coverage, or the error, without what differs between two runs."""
    try:
        table, coverage = work()
    except GtSecureError as error:
        return type(error).__name__, error.message
    counts = coverage.to_dict()
    for name in ("last_delivery", "limits"):
        del counts[name]
    counts["failures"] = sorted((f["name"], f["kind"], f["why"]) for f in counts["failures"])
    counts["samples"] = len(counts["samples"])
    return sorted(map(str, table.rows)), counts


def test_rows_and_coverage_are_those_of_the_same_files(rig: Rig, kind: str, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    counter = Counter(monkeypatch)
    table, coverage = count_hits(f"s3://{BUCKET}/a/", FOUR, aws=rig.aws())
    for number, (key, body) in enumerate(bodies().items()):
        if key.startswith("a/"):
            (tmp_path / f"{number:03d}").write_bytes(body)
    expected, local = count_hits(tmp_path, FOUR)
    assert table.rows == expected.rows
    same = ("lines", "hits", "unreadable", "blank", "not_utf8", "bytes", "objects", "objects_read", "objects_empty",
            "left_out", "failures", "first_hit", "last_hit")  # fmt: skip
    assert {name: getattr(coverage, name) for name in same} == {
        name: getattr(local, name) for name in same
    }
    # the large object is streamed by boto3
    wanted = sum(key.startswith("a/") for key in bodies()) - 1
    assert (counter.given, counter.left) == ((wanted, 0) if kind == "obstore" else (0, 0))


def test_odd_keys_are_read(rig: Rig, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter(monkeypatch)
    table, coverage = count_hits(f"s3://{BUCKET}/b/", "http_status", aws=rig.aws())
    assert table.rows == [(200, 6)]
    assert (coverage.objects, coverage.failures) == (6, [])  # a folder's marker is no log object
    assert counter.left == (3 if kind == "obstore" else 0)


def test_missing_permission_and_vanished_objects_have_the_same_words(rig: Rig) -> None:
    pytest.importorskip("obstore")
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {
        "Effect": "Deny",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/a/2026-11-01*",
    }
    keys = rig.keys(allow, deny)
    found = []
    for kind in KINDS:
        with pytest.MonkeyPatch.context() as patch:
            use(kind, patch)
            aws = rig.aws(keys)
            gone = S3Object(AwsOpener(aws.client("s3")), BUCKET, "a/2026-11-02-gone", "0" * 32, 10)
            items = [*list_logs(AwsOpener(aws.client("s3")), f"s3://{BUCKET}/a/2026-11-0"), gone]
            found.append(outcome(lambda items=items, aws=aws: count_hits(items, FOUR, aws=aws)))  # type: ignore[misc]
    assert found[0] == found[1]
    assert sorted(kind for _, kind, _ in found[0][1]["failures"]) == ["denied"] * 4 + ["vanished"]


def test_every_object_denied_is_an_error(
    rig: Rig, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "_MISSES", 5)
    counter = Counter(monkeypatch)
    keys = rig.keys({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"})
    with pytest.raises(GtSecureError, match="None of 53 log objects") as caught:
        count_hits(f"s3://{BUCKET}/a/", FOUR, aws=rig.aws(keys))
    assert "s3:GetObject" in str(caught.value)
    assert counter.given == 0


@pytest.mark.parametrize(
    "fault",
    [
        f if f in ("503", "html", "truncated") else pytest.param(f, marks=pytest.mark.slow)
        for f in FAULTS
    ],
)
def test_a_fault_changes_nothing(rig: Rig, kind: str, proxy: FaultyProxy, fault: Any,
                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    if fault == "delay":
        monkeypatch.setattr("gt_secure.aws.client.READ_TIMEOUT_S", 0.4)
    monkeypatch.setattr("gt_secure.logs.storage.objects.time.sleep", lambda s: None)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    client = through(rig, proxy.url).client("s3")
    source = [S3Object(AwsOpener(client), BUCKET, item.key, item.etag, item.size)
              for item in list_logs(AwsOpener(rig.aws().client("s3")), f"s3://{BUCKET}/a/2026-11-0")]  # fmt: skip
    expected = outcome(lambda: count_hits(source, FOUR))
    proxy.arm(7, fault, lasting=False)
    found = outcome(lambda: count_hits(source, FOUR))
    assert proxy.injected == 1
    assert found == expected


@pytest.mark.parametrize("fault", ["503", "reset", "drop before"])
def test_a_lasting_fault_is_an_error(rig: Rig, kind: str, proxy: FaultyProxy, fault: Any,
                                     monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    monkeypatch.setattr(objects.time, "sleep", lambda s: None)
    item = next(list_logs(AwsOpener(rig.aws().client("s3")), f"s3://{BUCKET}/a/"))
    client = through(rig, proxy.url).client("s3")
    proxy.arm(0, fault, lasting=True)
    with pytest.raises(GtSecureError, match="None of 1 log objects"):
        count_hits(S3Object(AwsOpener(client), BUCKET, item.key, item.etag, item.size), FOUR)


def test_credentials_are_those_of_the_session_and_renewed(rig: Rig, kind: str) -> None:
    renewed = []

    def renew() -> dict[str, Any]:
        renewed.append(1)
        keys = rig.sandbox.environment()
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1 if len(renewed) == 1 else 3600)
        return {"access_key": keys["AWS_ACCESS_KEY_ID"], "secret_key": keys["AWS_SECRET_ACCESS_KEY"], "token": "",
                "expiry_time": soon.isoformat()}  # fmt: skip

    core = botocore.session.get_session()
    core._credentials = RefreshableCredentials.create_from_metadata(renew(), renew, "test")  # type: ignore[attr-defined]
    session = boto3.Session(botocore_session=core, region_name="us-east-1")
    aws = connect_aws(boto3_session=session, endpoint_url=rig.url)
    table, _ = count_hits(f"s3://{BUCKET}/a/2026-11-01", "http_status", aws=aws)
    assert table.rows == [(200, 10)]
    assert len(renewed) == 2


def test_keys_with_a_session_token_are_as_fast(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    use("obstore", monkeypatch)
    counter = Counter(monkeypatch)
    found = rig.client("sts").get_session_token()["Credentials"]
    table, _ = count_hits(f"s3://{BUCKET}/a/2026-11-01", "http_status", aws=rig.aws(found))
    assert table.rows == [(200, 10)]
    assert (counter.given, counter.left) == (4, 0)


def test_wrong_keys_have_the_error_of_boto3(rig: Rig, kind: str) -> None:
    item = next(list_logs(AwsOpener(rig.aws().client("s3")), f"s3://{BUCKET}/a/"))
    client = rig.aws({"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "no"}).client("s3")
    with pytest.raises(GtSecureError, match=r"credentials \(InvalidAccessKeyId\)"):
        count_hits(S3Object(AwsOpener(client), BUCKET, item.key, item.etag, item.size), FOUR)


class Server(http.server.BaseHTTPRequestHandler):
    """Any object, for requests to it as a server or as a proxy."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = b"one line\n"
        self.send_response(200)
        for name, value in (("Content-Length", str(len(body))), ("ETag", '"one"'),
                            ("Last-Modified", "Wed, 21 Oct 2026 07:28:00 GMT")):  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    handler = type("Handler", (Server,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    yield server
    server.shutdown()
    server.server_close()


def started(server: http.server.ThreadingHTTPServer) -> list[str]:
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    asked: list[str] = server.RequestHandlerClass.asked  # type: ignore[attr-defined]
    return asked


def object_at(url: str) -> S3Object:
    aws = connect_aws(
        boto3_session=boto3.Session("AKIA", "no", region_name="us-east-1"), endpoint_url=url
    )
    return S3Object(AwsOpener(aws.client("s3")), "gt-logs", "one", "one", len(b"one line\n"))


@pytest.mark.parametrize("style", ["virtual", "path"])
def test_a_proxy_of_the_environment_is_used(
    server: Any, kind: str, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = started(server)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "other.example")
    client = object_at("http://s3.test.example").opener.client
    if style == "path":
        client = boto3.client("s3", endpoint_url="http://s3.test.example", region_name="us-east-1",
                              aws_access_key_id="AKIA", aws_secret_access_key="no",
                              config=botocore.config.Config(s3={"addressing_style": "path"}))  # fmt: skip
    item = S3Object(AwsOpener(client), "gt-logs", "one", "one", len(b"one line\n"))
    assert item.open().read().endswith(b"\n")
    host = "gt-logs.s3.test.example/one" if style == "virtual" else "s3.test.example/gt-logs/one"
    assert asked == [f"http://{host}"]


def test_this_machine_is_reached_without_the_proxy(
    server: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = started(server)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert object_at(f"http://127.0.0.1:{server.server_port}").open().read().endswith(b"\n")
    assert asked == ["/gt-logs/one"]


def certificates(program: str, folder: Path) -> Path:
    """Make an authority and a certificate of it for 127.0.0.1; returns the authority's."""
    (folder / "leaf.ext").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    for command in (
        (
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out"
            " ca.pem -days 2 -subj /CN=ca"
        ),
        (
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr"
            " -subj /CN=leaf"
        ),
        (
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2"
            " -extfile leaf.ext"
        ),
    ):
        subprocess.run([program, *command.split()], check=True, capture_output=True, cwd=folder)
    return folder / "ca.pem"


def test_the_bundle_of_certificates_decides(server: Any, kind: str, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl makes the certificate of this test")
    authority = certificates(program, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem", tmp_path / "leaf.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    counter = Counter(monkeypatch)
    started(server)
    url = f"https://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    assert object_at(url).open().read().endswith(b"\n")
    assert counter.given == (kind == "obstore")
    monkeypatch.delenv("AWS_CA_BUNDLE")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    with pytest.raises(GtSecureError):
        object_at(url).open()


@pytest.mark.parametrize(
    "name", ["arn:aws:s3:us-east-1:111122223333:accesspoint/logs", "logs--use1-az4--x-s3", "A_b"]
)
def test_other_buckets_are_left_to_boto3(name: str) -> None:
    pytest.importorskip("obstore")
    client = object_at("http://127.0.0.1:9").opener.client
    assert native.native_bucket(client, "gt-logs") is not None
    assert native.native_bucket(client, name) is None


def test_an_object_written_anew_is_read_as_it_is(rig: Rig, kind: str) -> None:
    item = next(list_logs(AwsOpener(rig.aws().client("s3")), f"s3://{BUCKET}/a/"))
    # listed before it was written anew
    old = S3Object(item.opener, BUCKET, item.key, "0" * 32, item.size)
    assert old.open().read() == item.open().read()


def test_a_second_look_asks_for_nothing_and_a_new_object_alone(rig: Rig, kind: str, tmp_path: Path,
                                                               proxy: FaultyProxy) -> None:  # fmt: skip
    aws, cache, uri = through(rig, proxy.url), Cache(tmp_path), f"s3://{BUCKET}/c/"
    for n in range(5):
        rig.client("s3").put_object(
            Bucket=BUCKET, Key=f"c/2026-11-0{n + 1}-x", Body=bodies()["b//double/one"]
        )
    with read_hits(uri, aws=aws, cache=cache) as hits:
        assert len(hits) == 5
    proxy.disarm()
    with read_hits(uri, aws=aws, cache=cache) as hits:
        assert len(hits) == 5
    assert [name for name in proxy.names if "list-type" not in name] == []
    rig.client("s3").put_object(Bucket=BUCKET, Key="c/2026-11-06-x", Body=bodies()["b//double/one"])
    proxy.disarm()
    with read_hits(uri, aws=aws, cache=cache) as hits:
        assert len(hits) == 6
    assert [name for name in proxy.names if "list-type" not in name] == [
        f"GET /{BUCKET}/c/2026-11-06-x"
    ]
    rig.client("s3").delete_object(Bucket=BUCKET, Key="c/2026-11-06-x")


class Body(io.BytesIO):
    """A body that knows how many are fetched and not read."""

    lock = threading.Lock()
    held = peak = 0

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        with Body.lock:
            Body.held += 1
            Body.peak = max(Body.peak, Body.held)

    def close(self) -> None:
        with Body.lock:
            Body.held -= not self.closed
        super().close()


def test_what_is_fetched_ahead_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    line = corpus.case("x").text.encode() + b"\n"
    monkeypatch.setattr(S3Object, "open", lambda self: Body(line))
    monkeypatch.setattr(S3Object, "most_requests", 8)
    _, coverage = count_hits(
        [S3Object(None, BUCKET, str(n), "e", len(line)) for n in range(200)], "key"
    )
    assert (coverage.objects_read, coverage.hits) == (200, 200)
    assert (Body.held, Body.peak) == (0, Body.peak)
    assert 1 <= Body.peak <= 8


def test_throttling_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    answers: list[Any] = [Throttled("SlowDown"), Throttled("SlowDown"), io.BytesIO(b"body")]
    monkeypatch.setattr(objects.time, "sleep", waits.append)

    def get(start: int) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert objects.ResumingBody(get, 4).read() == b"body"
    assert waits == [0.5, 1.0]


def test_a_body_is_a_file_that_pythons_own_readers_accept() -> None:
    body = objects.ResumingBody(lambda start: io.BytesIO(b"one\ntwo\n"[start:]), 8)
    assert io.TextIOWrapper(io.BufferedReader(body)).readlines() == ["one\n", "two\n"]


LISTING = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Name>gt-logs</Name><Prefix>a/</Prefix><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>"
    b"<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    b"<Contents><Key>a/%C3%A9+1</Key><LastModified>2026-11-20T12:00:00.000Z</LastModified>"
    b"<ETag>&quot;one&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>"
    b"<Contents><Key>a/2</Key><LastModified>2026-11-20T12:00:01.000Z</LastModified>"
    b"<ETag>&quot;two&quot;</ETag><Size>0</Size><Owner><ID>x</ID></Owner></Contents>"
    b"<CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes></ListBucketResult>"
)
SPOILED = {
    "an error": (
        b"<Error><Code>InternalError</Code><Message>We encountered an internal"
        b" error.</Message></Error>"
    ),
    "cut off": LISTING[:-60],
    "a hole": LISTING.replace(b"</Key><LastModified>", b"", 1),
    "another page behind it": LISTING + LISTING,
    "no UTF-8": LISTING.replace(b"STANDARD", b"\xff"),
}


class Listing(Server):
    """S3 whose next pages are ``pages``, and then :data:`LISTING`."""

    pages: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = self.pages.pop(0) if self.pages else LISTING
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def listing() -> Iterator[http.server.ThreadingHTTPServer]:
    handler = type("Handler", (Listing,), {"asked": [], "pages": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED)
def test_a_spoiled_page_of_a_listing_is_asked_for_again(
    listing: Any, spoiled: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    asked = started(listing)
    client = object_at(f"http://127.0.0.1:{listing.server_port}").opener.client
    listing.RequestHandlerClass.pages[:] = [spoiled]
    page = list_page(client, Bucket="gt-logs", Prefix="a/")
    assert len(asked) == 2
    when = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    assert page == {
        "Contents": [
            {"Key": "a/é 1", "Size": 7, "ETag": '"one"', "LastModified": when},
            {
                "Key": "a/2",
                "Size": 0,
                "ETag": '"two"',
                "LastModified": when + dt.timedelta(seconds=1),
            },
        ],
        "CommonPrefixes": [{"Prefix": "a/b/"}],
        "IsTruncated": False,
    }


def test_a_page_is_parsed_once(listing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the calls of others with the same client, all is left as it is."""
    started(listing)
    client = object_at(f"http://127.0.0.1:{listing.server_port}").opener.client
    bodies: list[int] = []
    check = botocore.handlers._looks_like_special_case_error
    monkeypatch.setattr(
        botocore.handlers, "_looks_like_special_case_error",
        lambda status, body: bodies.append(len(body)) or check(status, body),
    )  # fmt: skip
    list_page(client, Bucket="gt-logs", Prefix="a/")
    assert bodies == [len("<ListBucketResult/>")]
    assert client.list_objects_v2(Bucket="gt-logs", Prefix="a/")["KeyCount"] == 2
    assert bodies[1:] == [len(LISTING)]
