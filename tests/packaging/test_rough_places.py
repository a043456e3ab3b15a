"""The wheel where little can be relied on: no network, no privileges, blanks in the path,
hostile variables.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gt_secure.sandbox.private_environment import REQUIREMENTS
from support.rooms import VERSIONS, Room, python_of

from .test_wheel import SMOKE, holds

pytestmark = pytest.mark.slow

NOBODY = 65534
HOSTILE = {
    "AWS_PROFILE": "not-there",
    "AWS_DEFAULT_PROFILE": "not-there",
    "AWS_ACCESS_KEY_ID": "AKIASOMEBODYELSE0001",
    "AWS_SECRET_ACCESS_KEY": "not-for-the-sandbox",
    "AWS_SESSION_TOKEN": "stale",
    "AWS_SECURITY_TOKEN": "stale",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_SAGEMAKER": "http://127.0.0.1:9",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_CA_BUNDLE": "/nonexistent/ca.pem",
    "REQUESTS_CA_BUNDLE": "/nonexistent/ca.pem",
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/nobody",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/keys",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "0",
    "AWS_RETRY_MODE": "legacy",
    "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "legacy",
    "AWS_S3_USE_ARN_REGION": "true",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_SDK_UA_APP_ID": "x" * 60,
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}
"""Variables of somebody's shell that the sandbox and its clients must not follow."""
CONFIG = """[default]
region = ap-south-1
s3 =
    use_accelerate_endpoint = true
    addressing_style = virtual
    payload_signing_enabled = true
services = elsewhere
[services elsewhere]
s3 =
    endpoint_url = http://127.0.0.1:9
"""
ALONE = """
set -e
"$1" -c 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 0x41))'
if [ -n "$2" ]; then
  mkdir -p "$3"
  mount --bind "$2" "$3"
  mount -t tmpfs -o mode=755 tmpfs /root
  mkdir -p "$2"
  mount --bind "$3" "$2"
fi
shift 3
exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$@"
"""
"""Loopback up, the interpreters under /root readable (in this namespace only),
and everything else given up.
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with blanks in its path that everybody may enter:
    those of pytest belong to one user.
    """
    base = Path(tempfile.mkdtemp(prefix="gt secure "))
    base.chmod(0o755)
    try:
        yield base
    finally:
        shutil.rmtree(base)


class Place:
    """An environment whose commands run without a network, as nobody, with hostile variables."""

    def __init__(self, folder: Path, room: Room) -> None:
        self.room = room
        self.home = folder / "a home"
        (self.home / ".aws").mkdir(parents=True)
        (self.home / ".aws" / "config").write_text(CONFIG)
        self.prefix: list[str] = []
        if (
            os.getuid() == 0
            and sys.platform == "linux"
            and all(map(shutil.which, ("unshare", "setpriv", "mount")))
        ):
            tree = [self.home, *self.home.rglob("*")]
            for path in tree:
                os.chown(path, NOBODY, NOBODY)
            real = Path(os.path.realpath(room.python))
            keep = str(real.parents[1]) if str(real).startswith("/root/") else ""
            self.prefix = ["unshare", "--net", "--mount", "sh", "-c", ALONE, "alone", sys.executable, keep,
                           str(folder / "kept")]  # fmt: skip

    def run(self, *command: str) -> str:
        """Run a command that must succeed; returns its standard output."""
        env = {"PATH": os.environ["PATH"], "LANG": "C", **HOSTILE, "HOME": str(self.home)}
        done = subprocess.run(
            [*self.prefix, *command], cwd=self.home, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command[-3:]}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
        return done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_the_main_job(wheel: Path, folder: Path, version: str) -> None:
    room = Room(folder / "an environment", python_of(version))
    # the demo fills notebooks
    room.install(f"gt_secure @ {wheel.as_uri()}", *REQUIREMENTS, "nbclient", "ipykernel")
    place = Place(folder, room)
    if place.prefix:
        who = "import os, socket; print(os.getuid(), socket.if_nameindex())"
        assert place.run(str(room.python), "-c", who).strip() == "65534 [(1, 'lo')]"
    script = shutil.copy(SMOKE, place.home)
    said = json.loads(
        place.run(str(room.python), str(script), "--sandbox").strip().splitlines()[-1]
    )
    assert said["python"].startswith(version)
    holds(said)
    place.run(str(room.python.with_name("gt-secure")), "demo", "--headless", "--out", "an output")
    assert "198.51.100.9" in (place.home / "an output" / "hits.svg").read_text(encoding="utf-8")
