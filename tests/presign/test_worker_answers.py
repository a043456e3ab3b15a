"""What a simulated worker asks of the sandbox's portal, from where,
and what each answer becomes.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
import urllib3

from gt_secure.base.errors import AccessDenied, GtSecureError, InvalidInput
from gt_secure.base.network import ProbeOrigin, Source
from gt_secure.presign import worker
from gt_secure.presign.worker import open_task, submit_task

AWS = cast(Any, SimpleNamespace(is_local=True, endpoint_url="http://127.0.0.1:4566"))
HOME = Source.parse("203.0.113.7")
SIGNED = (
    "https://gt-images.s3.us-east-1.amazonaws.com/scans/1.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600"
    "&X-Amz-Credential=ASIAEXAMPLE%2F20261124%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261124T120000Z"
    "&X-Amz-SignedHeaders=host&X-Amz-Signature=" + "0f" * 32 + "&x-gt-secure-test=mark"
)
PAGE = {
    "object": "s3://gt-images/scans/1.png",
    "urls": {"s3://gt-images/scans/1.png": SIGNED},
    "constraint": {"a": 1},
}


class Portal:
    """The pool of connections to the portal."""

    def __init__(self) -> None:
        self.status, self.body, self.calls, self.closed = 200, cast(Any, PAGE), list[Any](), 0

    def __call__(self, **options: Any) -> Any:
        assert options == {"timeout": 10, "retries": False}
        return self

    def request(self, method: str, url: str, headers: dict[str, str]) -> Any:
        self.calls.append((method, url, headers))
        return SimpleNamespace(status=self.status, data=json.dumps(self.body).encode())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed += 1


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Portal:
    made = Portal()
    monkeypatch.setattr(urllib3, "PoolManager", made)
    return made


@pytest.mark.parametrize(
    "more",
    [{}, {"X-From": "203.0.113.7"}],
)
def test_a_worker_asks_from_the_address(
    more: dict[str, str],
    portal: Portal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    origin = ProbeOrigin("x", HOME, headers=more)
    monkeypatch.setattr(
        worker, "probe_origin_for", lambda aws, source: asked.append((aws, source)) or origin
    )
    made = open_task(AWS, "radiology team", "scans/1.png", "203.0.113.7")
    headers = {"Accept": "application/json", **more}
    path = "/_gt_secure/portal/tasks/radiology%20team?key=scans%2F1.png"
    assert portal.calls == [("GET", f"http://127.0.0.1:4566{path}", headers)]
    assert asked == [(AWS, HOME)]
    assert portal.closed == 1
    assert (made.bucket, made.key, made.bound_to, made.signer, made.marker) == (
        "gt-images", "scans/1.png", HOME, "Ground Truth", "mark",
    )  # fmt: skip
    assert made.expires_at.isoformat() == "2026-11-24T12:10:00+00:00"
    assert made.reveal() == SIGNED


def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "probe_origin_for", lambda aws, source: ProbeOrigin("x", source))


def test_without_a_constraint_a_url_is_bound_to_nothing(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(monkeypatch)
    portal.body = {**PAGE, "constraint": None}
    assert open_task(AWS, "a", "scans/1.png", HOME).bound_to is None
    portal.body = {**PAGE, "urls": {}}
    with pytest.raises(InvalidInput, match="has no signed URL of s3://") as caught:
        open_task(AWS, "a", "scans/1.png", HOME)
    assert (caught.value.field, caught.value.next_step) == (
        "key", "Pass the object through grant_read_access in the template.",
    )  # fmt: skip


def test_a_label_is_posted(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    portal.body = {"job": "j", "status": "Completed"}
    assert submit_task(AWS, "a", "scans/1.png", "203.0.113.7") == portal.body
    assert portal.calls[0][0] == "POST"


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (
            404,
            {"error": "NotFound"},
            AccessDenied,
            "The worker portal does not let 203.0.113.7 in.",
        ),
        (404, {"message": "No team has it."}, InvalidInput, "No team has it."),
        (500, {"message": "broken"}, GtSecureError, "The worker portal failed: broken"),
    ],
)
def test_an_answer_without_a_task_is_an_error(
    status: int,
    body: Any,
    kind: type[GtSecureError],
    message: str,
    portal: Portal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here(monkeypatch)
    portal.status, portal.body = status, body
    with pytest.raises(GtSecureError) as caught:
        submit_task(AWS, "a", "scans/1.png", HOME)
    assert (type(caught.value), caught.value.message) == (kind, message)
    assert portal.closed == 1


def test_aws_itself_has_no_simulated_worker() -> None:
    aws = cast(Any, SimpleNamespace(is_local=False))
    with pytest.raises(InvalidInput, match="Only the sandbox simulates jobs and workers") as caught:
        submit_task(aws, "a", "scans/1.png", HOME)
    assert caught.value.next_step == "On AWS, log in to the worker portal with a browser."
