"""From a bucket's logging configuration to a leaked URL,
against the sandbox and its access logs.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request

import pytest

import gt_secure
from gt_secure.aws.client import connect_aws
from gt_secure.cli.main import main
from gt_secure.logs import Cache, Hits, Waiting, find_logs, read_hits
from gt_secure.sandbox import Sandbox


def fetch(url: str, source: str) -> int:
    request = urllib.request.Request(url, headers={"X-Gt-Secure-Sandbox-Source": source})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def wait_for(read, enough: int) -> Hits:
    for _ in range(60):
        hits = read()
        found = hits.filter(presigned=True)
        if len(found) >= enough:
            return found
        time.sleep(0.25)
    raise AssertionError("the sandbox delivered no log")


def test_from_bucket_to_leak(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(seed="demo", log_delay_s=0.3) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        aws = connect_aws()
        s3 = aws.client("s3")
        url = s3.generate_presigned_url(
            "get_object", Params={"Bucket": "gt-images", "Key": "scans/0001.png"}, ExpiresIn=300
        )
        answers = [
            fetch(url, "203.0.113.7"),
            fetch(url, "198.51.100.9"),
            fetch(url + "0", "198.51.100.9"),
        ]
        assert answers == [200, 200, 403]
        cache = Cache(tmp_path)
        hits = wait_for(
            lambda: read_hits(find_logs(aws, "gt-images"), aws=aws, cache=cache, since="1h"), 3
        )
        rows = hits.count("remote_ip,http_status,auth_type").rows
        assert sorted(rows) == [("198.51.100.9", 200, "QueryString", 1), ("198.51.100.9", 403, "QueryString", 1),
                                ("203.0.113.7", 200, "QueryString", 1)]  # fmt: skip
        [leak] = hits.leaks()
        # The log tells whole seconds: who of the two was first cannot be said here.
        assert sorted(user.label for user in leak.users) == ["198.51.100.9", "203.0.113.7"]
        assert leak.key == "scans/0001.png"
        assert cache.state().objects >= 1
        assert hits.coverage.typical_delay_s is not None
        assert hits.coverage.adds_up


def test_waiting_for_a_delivery(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GT_SECURE_CACHE", str(tmp_path))
    with Sandbox(seed="demo", log_delay_s=1) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        gt = gt_secure.connect()
        url = gt.sign("gt-images", "scans/0001.png")
        states: list[Waiting] = []

        def note(state: object) -> None:
            """The request is made while its log is waited for,
            so that there is something to wait for.
            """
            if isinstance(state, Waiting):
                if not states:
                    gt.probe(url, "203.0.113.7")
                states.append(state)

        wanted = {"since": "1h", "filters": {"test": True}}
        with gt.hits("gt-images", **wanted, wait_for=1, wait_s=60, progress=note) as hits:
            assert hits.count("remote_ip").rows == [("203.0.113.7", 1)]
        assert states
        gt.probe(url, "198.51.100.9")
        words = [
            "--bucket",
            "gt-images",
            "--since",
            "1h",
            "--by",
            "remote_ip",
            "--format",
            "csv",
            "--presigned",
        ]
        assert main(["hits", *words, "--follow", "--wait-s", "4", "--prefix", "scans/0001"]) == 0
        assert sorted(capsys.readouterr().out.splitlines()) == [
            '"198.51.100.9",1', '"203.0.113.7",1', '"remote_ip","hits"'
        ]  # fmt: skip
