"""The browser keeps nothing of a probe: no file of its profile holds the URL or the object, and no
script sees it.

The page is the widget's own script with a kernel played by the test, so that a profile on disk can
be searched.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import gt_secure
from gt_secure.connection import Connection
from support.chromium import FLAGS, chromium_program

from .conftest import START_S

pytestmark = pytest.mark.browser

IMAGE_MARK = b"gt-secure-image-bytes-"
PAGE = """<!doctype html><meta charset="utf-8"><div id="el"></div><script type="module">
import widget from "/browser.js";
const listeners = {};
window.seen = [];
const model = {
  get: () => true,
  on: (name, run) => { listeners[name] = run; },
  off: () => {},
  send: async (message) => {
    if (message.kind === "seen") { window.seen.push(message); return; }
    const url = await (await fetch("/url", { cache: "no-store" })).text();
    listeners["msg:custom"]({ kind: "url", id: message.id, url });
  },
};
widget.render({ model, el: document.getElementById("el") });
window.ready = true;
</script>"""


class Kernel(http.server.ThreadingHTTPServer):
    """Serves the page, the widget's script and, when the button is pressed, the URL."""

    url = ""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        script = resources.files("gt_secure.widgets") / "browser.js"
        answers = {
            "/": ("text/html", PAGE),
            "/browser.js": ("text/javascript", script.read_text(encoding="utf-8")),
            "/url": ("text/plain", self.server.url),  # type: ignore[attr-defined]
        }
        kind, text = answers.get(self.path, ("text/plain", ""))
        body = text.encode()
        self.send_response(200)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    server = Kernel(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def gt(sandbox: Any) -> Connection:
    connection = gt_secure.connect(sandbox=sandbox)
    s3 = connection.aws.client("s3")
    key = next(key for key in connection.keys("gt-images") if key.endswith(".png"))
    image = s3.get_object(Bucket="gt-images", Key=key)["Body"].read()
    s3.put_object(
        Bucket="gt-images", Key="trace.png", Body=image + IMAGE_MARK * 50, ContentType="image/png"
    )
    return connection


def visit(chromium: Any, kernel: Kernel, profile: Path) -> tuple[dict[str, Any], list[str]]:
    """Press the button in a browser with a profile on disk, and close it;
    return what it saw and the timings.
    """
    context = chromium.browser_type.launch_persistent_context(
        str(profile), executable_path=chromium_program(), args=list(FLAGS), headless=True
    )
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{kernel.server_port}/")
    page.wait_for_function("() => window.ready")
    page.get_by_role("button", name="Probe from this browser").click()
    page.wait_for_function("() => window.seen.length", timeout=START_S * 1000)
    seen = page.evaluate("() => window.seen[0]")
    timings = page.evaluate(
        "() => performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    context.close()
    return seen, timings


def files_with(profile: Path, *marks: bytes) -> list[str]:
    """Find files of a profile that hold one of the marks, in their bytes or in their names."""
    return [
        str(path.relative_to(profile))
        for path in profile.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and any(mark in path.read_bytes() for mark in marks)
    ]


CORS = {
    "CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}]
}


@pytest.mark.parametrize("cors", [True, False], ids=["cors", "no cors"])
@pytest.mark.parametrize("bound_to", [None, "203.0.113.7"], ids=["opened", "refused"])
def test_the_profile_holds_neither_url_nor_object(
    chromium: Any, cors: bool, bound_to: str | None, gt: Connection, kernel: Kernel, tmp_path: Path
) -> None:
    s3: Any = gt.aws.client("s3")
    if cors:
        s3.put_bucket_cors(Bucket="gt-images", CORSConfiguration=CORS)
    else:
        s3.delete_bucket_cors(Bucket="gt-images")
    kernel.url = gt.sign("gt-images", "trace.png", bound_to=bound_to).reveal()
    signature = kernel.url.partition("X-Amz-Signature=")[2].partition("&")[0]
    seen, timings = visit(chromium, kernel, tmp_path)
    assert seen["image"] == ("loaded" if bound_to is None else "error")
    assert seen["status"] == ((200 if bound_to is None else 403) if cors else 0)
    assert len(signature) == 64
    assert files_with(tmp_path, signature.encode(), b"X-Amz-Signature", IMAGE_MARK) == []
    assert not [name for name in timings if "X-Amz" in name]


def test_the_search_finds_what_a_browser_keeps(
    chromium: Any, gt: Connection, kernel: Kernel, tmp_path: Path
) -> None:
    s3: Any = gt.aws.client("s3")
    # so that the object is loaded as an image, as pages do
    s3.delete_bucket_cors(Bucket="gt-images")
    kernel.url = s3.generate_presigned_url(
        "get_object", {"Bucket": "gt-images", "Key": "trace.png"}, ExpiresIn=600
    )
    visit(chromium, kernel, tmp_path)
    assert files_with(tmp_path, b"X-Amz-Signature", IMAGE_MARK)
