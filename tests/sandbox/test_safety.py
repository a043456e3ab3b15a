"""The sandbox is safe to leave running: what web pages,
other hosts' names and unsigned requests can reach.
"""

from __future__ import annotations

import ast
import http.client
import inspect
import re
import socket
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.sample import sample

from .conftest import ELSEWHERE, OFFICE, VPCE

SCOPE = "X-Amz-Credential=x/1/us-east-1/{}/aws4_request"
HEADER = (
    "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{}/aws4_request, SignedHeaders=host,"
    " Signature=0"
)


def send(box, method, target, headers=(), body=b"", host=None):
    """Send a request as it is written, with any Host header; returns status, headers and body."""
    parts = urlsplit(box.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        if host != "":
            connection.putheader("Host", host or parts.netloc)
        for name, value in dict(headers).items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def emulator_routes():
    """Every path that the emulator's application compares a request with."""
    import ministack.app

    texts = {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(ministack.app)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    paths = {text for text in texts if re.fullmatch(r"/[A-Za-z_][A-Za-z0-9_./-]*", text)}
    assert {"/_ministack/reset", "/_ministack/config", "/_ministack/health"} <= paths
    return sorted(paths | {path + "x" for path in paths if path.endswith("/")})


@pytest.mark.parametrize("service", sample(["", "sts", "s3", "dynamodb"], 2))
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_route_of_the_emulator_is_reachable(box, service, method):
    before = box.client("s3").list_buckets()["Buckets"]
    for path in emulator_routes():
        for target, headers in (
            (f"{path}?{SCOPE.format(service)}" if service else path, {}),
            (path, {"Authorization": HEADER.format(service)} if service else {}),
            (path, {"Authorization": "Basic eDp5"}),
        ):
            status, answered, body = send(box, method, target, headers)
            assert status in (400, 403, 404, 405), (method, target, status, body[:200])
            assert "access-control-allow-origin" not in answered, target
    assert box.client("s3").list_buckets()["Buckets"] == before


EMPTY_FIRST = (
    "AWS4-HMAC-SHA256 Credential=, x Credential=AKIAEXAMPLE/20260101/us-east-1/{}/aws4_request,"
    " Signature=0"
)
CALLS = {
    "sagemaker": ("SageMaker.ListWorkteams", "SageMaker.UpdateWorkteam"),
    "cloudtrail": ("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",),
}


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize(
    "form",
    [HEADER, EMPTY_FIRST, HEADER.replace("=x/", "=/"), HEADER.replace("=x/", "=000000000000/")],
)
@pytest.mark.parametrize(
    "query", ["", "?X-Amz-Signature=1", "?X-Amz-Credential=x", "?Signature=1&AWSAccessKeyId="]
)
def test_no_way_to_name_a_key_makes_the_signature_spare(box, service, form, query):
    """Several mechanisms at once, an empty key, and the emulator's own root,
    whose signature it does not check.
    """
    for call in CALLS[service]:
        headers = {"X-Amz-Target": call, "Authorization": form.format(service)}
        headers["Content-Type"] = "application/x-amz-json-1.1"
        body = (
            b'{"WorkteamName": "open-team", "Description": "taken over"}'
            if call.endswith("UpdateWorkteam")
            else b"{}"
        )
        status, _, answer = send(box, "POST", f"/{query}", headers, body)
        assert status in (400, 403), (call, answer[:200])


@pytest.mark.parametrize(
    "path",
    ["/_ministack/reset", "/_ministack/config", "/health", "/iceberg/v1/config", "/oauth2/token"],
)
def test_no_route_of_the_emulator_is_reachable_with_a_valid_signature(box, path):
    keys = box.session.get_credentials()
    for service in ("s3", "sts", "iam"):
        request = AWSRequest("POST", box.url + path, data=b"{}")
        S3SigV4Auth(Credentials(keys.access_key, keys.secret_key), service, "us-east-1").add_auth(
            request
        )
        status, _, body = send(box, "POST", path, dict(request.headers), b"{}")
        assert status in (400, 403, 404, 405), (service, status, body)
    assert box.client("s3").list_buckets()["Buckets"]


@pytest.mark.parametrize("name", ["health", "iceberg", "oauth2", "logout", "v20180820"])
def test_a_bucket_cannot_shadow_a_route_of_the_emulator(box, name):
    with pytest.raises(Exception, match="InvalidBucketName"):
        box.client("s3").create_bucket(Bucket=name)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "gt-images.s3.evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0",
     "169.254.169.254", "s3.amazonaws.com", "[::ffff:8.8.8.8]", "127.1", "evil.example:80", "", "2130706433"],
)  # fmt: skip
def test_a_host_name_of_somebody_else_is_refused(box, host):
    url = urlsplit(box.presign())
    for target in (f"{url.path}?{url.query}", "/_gt_secure/portal/tasks/radiology-team", "/"):
        status, _, body = send(box, "GET", target, host=host)
        assert status in (400, 403)
        assert b"\x89PNG" not in body
        assert b"Signature" not in body


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:1", "127.51.100.7", "localhost."]
)
def test_this_machine_is_answered_under_its_own_names(box, host):
    assert send(box, "GET", "/_gt_secure/health", host=host)[0] == 200


def test_the_target_must_be_a_path(box):
    assert send(box, "GET", "http://evil.example/_gt_secure/health")[0] in (400, 403)


PAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {**PAGE, "Sec-Fetch-Dest": "iframe"},
    ],
)
@pytest.mark.parametrize("page", ["portal/tasks/radiology-team", "origins", "health"])
def test_pages_of_other_sites_do_not_call_the_sandbox(box, headers, page):
    status, answered, _ = send(box, "GET", f"/_gt_secure/{page}", headers)
    assert status == 403
    assert "access-control-allow-origin" not in answered


def test_forms_of_other_sites_change_nothing(box):
    form = {
        **PAGE,
        "Origin": "http://evil.example",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for path in ("/_gt_secure/flush-logs", "/_gt_secure/reset"):
        assert send(box, "POST", path, form)[0] == 403
        assert send(box, "POST", path, {**PAGE})[0] == 403
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    assert send(box, "POST", "/", form, body)[0] == 403


def test_a_link_to_the_portal_can_be_followed(box):
    assert send(box, "GET", "/_gt_secure/portal/tasks/radiology-team", PAGE)[0] == 200
    _, answered, _ = send(box, "GET", "/_gt_secure/portal")
    assert "frame-ancestors 'none'" in answered["content-security-policy"]


def test_unsigned_requests_to_other_services_stop_here(box):
    for action in ("GetCallerIdentity", "AssumeRoleWithWebIdentity", "ListUsers"):
        body = f"Action={action}&Version=2011-06-15".encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, headers, answer = send(box, "POST", "/", kind, body)
        assert status == 403, answer
        assert "access-control-allow-origin" not in headers


def test_signed_answers_of_sts_let_no_page_read_them(box):
    headers = box.client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/", "/no-such-bucket/k"])
def test_a_preflight_without_a_bucket_is_refused(box, path):
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
    status, headers, _ = send(box, "OPTIONS", path, asked)
    assert (status, "access-control-allow-origin" in headers) == (403, False)


@pytest.mark.parametrize(
    "authorization", ["Basic eDp5", "Bearer x", "AWS4-HMAC-SHA256", "AWS :x", "AWS", "x"]
)
@pytest.mark.parametrize("path", ["/", "/gt-images", "/gt-images/scans/0001.png"])
def test_an_authorization_header_of_another_kind_opens_nothing(box, authorization, path):
    status, _, body = send(box, "GET", path, {"Authorization": authorization})
    assert status in (400, 403), body
    assert b"\x89PNG" not in body, "PNG alone may be in the random id of the answer"
    assert b"<Bucket>" not in body


# One kind of authentication


def replayed(url, drop=("X-Amz-Signature",), spell=lambda query: query):
    """Return path and headers of a presigned URL whose signature moved into the
    Authorization header.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={query['X-Amz-Credential']},"
        f" SignedHeaders={query['X-Amz-SignedHeaders']}, Signature={query['X-Amz-Signature']}"
    )
    left = urlencode(
        {name: value for name, value in query.items() if name not in drop}, quote_via=quote
    )
    headers = {
        "Authorization": authorization,
        "X-Amz-Date": query["X-Amz-Date"],
        "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD",
        "X-Amz-Security-Token": query.get("X-Amz-Security-Token", ""),
    }
    return f"{parts.path}?{spell(left)}" if left else parts.path, headers


ALL = ("X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
       "X-Amz-Security-Token")  # fmt: skip


@pytest.mark.parametrize(
    ("drop", "spell", "expected"),
    [
        (("X-Amz-Signature",), str, {400}),
        ((), str, {400}),
        (("X-Amz-Signature", "X-Amz-Credential"), str, {400}),
        (("X-Amz-Signature",), lambda q: q.replace("Algorithm", "Algorith%6D"), {400}),
        (("X-Amz-Signature",), lambda q: q.replace("X-Amz-Algorithm", "x-amz-algorithm"), {400}),
        (("X-Amz-Signature", "X-Amz-Algorithm"), str, {400, 403}),
        (ALL, str, {400, 403}),
    ],
    ids=[
        "moved",
        "both",
        "no credential",
        "encoded name",
        "lower case",
        "no algorithm",
        "nothing left",
    ],
)
@pytest.mark.parametrize("locked", [True, False])
def test_a_presigned_url_cannot_be_replayed_in_a_header(box, drop, spell, expected, locked):
    url = box.presign({"IpAddress": {"aws:SourceIp": OFFICE}} if locked else None)
    target, headers = replayed(url, drop, spell)
    status, _, body = send(box, "GET", target, headers)
    assert status in expected, body
    assert b"\x89PNG" not in body
    if status == 400 and b"InvalidArgument" in body:
        assert b"Only one auth mechanism allowed" in body


def test_two_kinds_of_authentication_are_refused_as_s3_does(box):
    for extra in ({"Authorization": "Bearer of-a-proxy"}, {"Authorization": HEADER.format("s3")}):
        answer = box.fetch(box.presign(), headers=extra)
        assert answer.status == 400
        assert "<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed" in answer.text
        assert "<ArgumentName>Authorization</ArgumentName>" in answer.text
    signature_only = f"/gt-images/scans/0001.png?{urlencode({'Signature': 'x'})}"
    assert send(box, "GET", signature_only, {"Authorization": HEADER.format("s3")})[0] == 400


# Form uploads


def post_form(
    box, source=OFFICE, key="posted/a.txt", body=b"posted", extra_headers=(), query="", change=None
):
    post = box.client("s3").generate_presigned_post("gt-images", key)
    fields = {**post["fields"], **(change or {})}
    edge = "b0undary"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    data = "".join(parts).encode()
    data += (
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.encode()
        + body
    )
    data += f"\r\n--{edge}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={edge}",
        "X-Gt-Secure-Sandbox-Source": source,
    }
    return send(box, "POST", f"/gt-images{query}", {**headers, **dict(extra_headers)}, data)


def guard_statement(*kinds):
    return {
        "Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"],
        "Condition": {"StringEquals": {"s3:authType": list(kinds)},
                      "NotIpAddressIfExists": {"aws:SourceIp": ["203.0.113.0/24"]}},
    }  # fmt: skip


def test_forms_meet_the_bucket_policy(box, guard):
    assert post_form(box, ELSEWHERE)[0] == 204
    guard(guard_statement("REST-QUERY-STRING"))
    assert post_form(box, ELSEWHERE)[0] == 204
    guard(guard_statement("REST-QUERY-STRING", "POST"))
    assert (post_form(box, ELSEWHERE)[0], post_form(box, OFFICE)[0]) == (403, 204)
    assert post_form(box, f"10.0.3.4 via {VPCE}")[0] == 403


@pytest.mark.parametrize(("version", "status"), [("AWS4-HMAC-SHA256", 403), ("AWS", 204)])
def test_forms_have_a_signature_version(box, guard, version, status):
    guard(
        {
            "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*",
            "Condition": {"StringEquals": {"s3:signatureversion": version, "s3:authType": "POST"}},
        }
    )  # fmt: skip
    assert post_form(box)[0] == status


@pytest.mark.parametrize(
    ("headers", "query"),
    [({"Authorization": HEADER.format("s3")}, ""), ({"Authorization": "x"}, ""), ({}, "?X-Amz-Algorithm=x"),
     ({}, "?AWSAccessKeyId=x&Signature=y&Expires=1"), ({}, "?x-amz-credential=x/1/us-east-1/s3/aws4_request")],
)  # fmt: skip
def test_a_form_with_another_signature_is_refused(box, guard, headers, query):
    guard(guard_statement("REST-QUERY-STRING", "POST"))
    status, _, body = post_form(box, ELSEWHERE, extra_headers=headers, query=query)
    assert status == 400
    assert b"Only one auth mechanism" in body


@pytest.mark.parametrize("key", ["test", "111122223333", "000000000000"])
def test_a_form_signed_by_the_emulators_root_is_refused(box, key):
    from botocore.auth import S3SigV4PostAuth

    request = AWSRequest("POST", f"{box.url}/gt-images")
    request.context["s3-presign-post-fields"] = {"key": "posted/root.txt"}
    request.context["s3-presign-post-policy"] = {
        "expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": "gt-images"}, {"key": "posted/root.txt"}],
    }  # fmt: skip
    S3SigV4PostAuth(Credentials(key, "test"), "s3", "us-east-1").add_auth(request)
    fields = request.context["s3-presign-post-fields"]
    assert post_form(box, change=fields)[0] == 403


def test_a_page_may_post_a_form_as_on_s3(box):
    page = {**PAGE, "Origin": "http://studio.example"}
    assert post_form(box, extra_headers=page)[0] == 204


def test_a_form_is_logged_as_html_form(box):
    agent = {"User-Agent": "form-test/1"}
    assert post_form(box, ELSEWHERE, key="posted/logged.txt", extra_headers=agent)[0] == 204
    box.flush()
    s3 = box.client("s3")
    rows = []
    for entry in s3.list_objects_v2(Bucket="gt-logs", Prefix="s3/")["Contents"]:
        text = s3.get_object(Bucket="gt-logs", Key=entry["Key"])["Body"].read().decode()
        rows += [line for line in text.splitlines() if "form-test/1" in line]
    assert len(rows) == 1
    assert " SigV4 - HtmlForm " in rows[0]
    assert "user/sandbox-admin" in rows[0]
    assert ELSEWHERE in rows[0]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("PUT /gt-images/scans/large.png", 413),
        ("POST /gt-images", 413),
        ("POST /", 413),
        ("POST /_gt_secure/portal", 413),
        ("POST /_gt_secure/portal HTTP/1.1\r\nOrigin: https://evil.example", 403),
    ],
)
def test_a_large_body_is_refused_before_it_is_read(box, head, status):
    """Only the headers are sent; a server that waits for the body would never answer."""
    parts = urlsplit(box.url)
    first, _, more = head.partition(" HTTP/1.1")
    text = f"{first} HTTP/1.1\r\nHost: {parts.netloc}{more}\r\nContent-Length: {65 << 20}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as client:
        client.sendall(text.encode())
        assert client.recv(4096).split()[1] == str(status).encode()
