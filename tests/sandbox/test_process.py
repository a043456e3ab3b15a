"""Start, stop, state on disk, and what the sandbox refuses to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gt_secure.base.errors import GtSecureError, InvalidInput
from gt_secure.sandbox import Sandbox, Settings
from gt_secure.sandbox.process import START_TIMEOUT_S, patience_s

from .conftest import Box


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def cpu_seconds(pid):
    """Return what a process has computed so far: unlike the time that went by,
    it depends on no other process.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_start_computes_for_less_than_three_seconds():
    with Sandbox() as sandbox:
        took = cpu_seconds(sandbox.pid)
        pid = sandbox.pid
        assert Box(sandbox).client("s3").list_buckets()["Buckets"]
        assert repr(sandbox) == f"<Sandbox {sandbox.endpoint_url}, pid {pid}>"
    assert took < 3
    assert not alive(pid)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.com", ""])
def test_it_serves_this_machine_only(host):
    with pytest.raises(InvalidInput, match="not a loopback address"):
        Settings(host=host).checked()


@pytest.mark.parametrize(
    "settings",
    [{"port": -1}, {"port": 70000}, {"log_delay_s": -1}, {"log_delay_s": float("nan")}, {"workforce_delay_s": 1e9},
     {"seed": "other"}],
)  # fmt: skip
def test_bad_settings(settings):
    with pytest.raises(InvalidInput) as caught:
        Settings(**settings).checked()
    assert caught.value.next_step


def test_a_taken_port_is_an_error_with_a_next_step():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidInput, match="cannot be opened") as caught:
            Sandbox(port=taken.getsockname()[1]).start()
        assert "another port" in caught.value.next_step


def test_a_stopped_sandbox_says_so():
    sandbox = Sandbox()
    with pytest.raises(GtSecureError, match="not running"):
        _ = sandbox.endpoint_url
    sandbox.stop()


def test_without_seed_there_is_only_the_administrator():
    with Box.running(seed=None) as box:
        assert box.client("s3").list_buckets()["Buckets"] == []
        assert box.client("sagemaker").list_workteams()["Workteams"] == []
        assert (
            box.client("sts").get_caller_identity()["Arn"]
            == "arn:aws:iam::111122223333:user/sandbox-admin"
        )
        assert box.fetch("/_gt_secure/portal").status == 404


def test_no_orphan_when_the_parent_dies():
    script = (
        "from gt_secure.sandbox import Sandbox; import sys, time; s = Sandbox().start();"
        " print(s.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.communicate()
    Box.until(lambda: not alive(pid))


def test_keys_are_not_in_the_repr():
    with Sandbox(seed=None) as sandbox:
        assert sandbox.environment()["AWS_SECRET_ACCESS_KEY"] not in repr(sandbox) + repr(
            vars(sandbox)["_settings"]
        )


def test_importing_the_sandbox_loads_no_client_and_no_emulator():
    code = (
        "import sys, gt_secure.sandbox, gt_secure.sandbox.process;print([m for m in ('boto3',"
        " 'botocore', 'ministack', 'hypercorn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("load", "processors", "times"), [(0.1, 2, 1), (2.0, 2, 1), (18.0, 2, 9), (4.0, None, 4)]
)
def test_a_busy_machine_gets_more_time_to_start(monkeypatch, load, processors, times):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0, 0))
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    assert patience_s() == pytest.approx(START_TIMEOUT_S * times)
