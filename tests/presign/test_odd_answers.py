"""Answers that S3 would not give: something on the way did. Each is a probe, none an exception."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gt_secure.presign import probe

QUERY = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20261124%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20261124T120000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=SECRETSIG"
)


class _Proxy(BaseHTTPRequestHandler):
    location = ""

    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", self.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class _Boaster(_Proxy):
    def do_GET(self):
        self.send_response(200)
        for name in ("Content-Type", "x-amz-request-id", "x-amz-version-id"):
            self.send_header(name, "v" * 5000)
        self.send_header("Content-Length", "0")
        self.end_headers()


def answered_by(handler):
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        return probe(f"http://127.0.0.1:{server.server_port}/gt-images/a.png?{QUERY}")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://u:p@login.example/?next=a", "login.example"),
        ("https://[login", ""),
        ("//x]:y/", ""),
        ("", ""),
    ],
)
def test_a_redirect_to_anything(location, host):
    got = answered_by(type("Proxy", (_Proxy,), {"location": location}))
    assert (got.status, got.details["Location host"]) == (302, host)


def test_of_long_headers_only_the_start_is_kept():
    got = answered_by(_Boaster)
    assert (got.content_type, got.request_id) == ("v" * 300, "v" * 300)
    assert max(map(len, got.headers.values())) == 300
    assert "x-amz-version-id" not in got.headers
