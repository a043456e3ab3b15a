"""Applications that were not written here hand out URLs of a bucket: before and after the guard, from two addresses.

Each runs in an environment with exact packages (``requirements/applications.txt``), knows an endpoint and keys, and its
own server stands outside the list. Then its log is read: nobody is called what they are not.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gt_secure import Restriction
from support.rig import ELSEWHERE, OFFICE, Rig

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
LOGS = "app-logs"
_numbers = itertools.count()
BOUNDARY = "0123456789abcdef"
NAMES = {
    "django_storages": ("django", {"a browser"}),
    "flask_files": ("flask-admin", {"a browser"}),
    "fastapi_boto3": ("boto3", {"a browser"}),
    "s3fs_url": ("s3fs", {"a browser"}),
}
"""Drivers, each with its profile and the names that its presigned requests may have in a log."""


@pytest.fixture(scope="session")
def python() -> str:
    """An environment of its own, kept in ``build`` for the next time."""
    folder = ROOT / "build" / "applications"
    if not (folder / ".done").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
        done = subprocess.run([*pip, "-r", str(ROOT / "requirements" / "applications.txt")], capture_output=True)
        if done.returncode:
            pytest.skip(f"NOT TRIED: {done.stderr.decode().strip().splitlines()[-1][:160]}")
        (folder / ".done").touch()
    return str(folder / "bin" / "python")


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running(log_delay_s=60) as running:
        set_up_logs(running)
        yield running


def set_up_logs(rig: Rig) -> None:
    """Make a bucket that takes the logs of every application."""
    s3, resource = rig.client("s3"), f"arn:aws:s3:::{LOGS}/*"
    service = {"Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": resource}
    s3.create_bucket(Bucket=LOGS)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **service}]}
    s3.put_bucket_policy(Bucket=LOGS, Policy=json.dumps(policy))


def handed_out(python: str, rig: Rig, driver: str, bucket: str) -> dict[str, list[Any]]:
    """Let an application work, and return what it hands out."""
    script = Path(__file__).parent / "applications" / f"{driver}.py"
    env = {**rig.sandbox.environment(), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        [python, str(script), bucket, f"file-{next(_numbers)}"], env=env, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-2000:]
    made: dict[str, list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return made


def answers(rig: Rig, made: dict[str, list[Any]], source: str) -> list[int]:
    """Use everything that was handed out from one address, as a browser does."""
    found = [rig.fetch(url, source, headers=BROWSER).status for url in made["get"]]
    found += [rig.fetch(url, source, "PUT", BROWSER, b"new").status for url in made.get("put", ())]
    for form in made.get("form", ()):
        head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
        parts = [f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in form["fields"].items()]
        parts.append(f'{head}"file"; filename="a"\r\n\r\nnew\r\n--{BOUNDARY}--\r\n')
        headers = {**BROWSER, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        found.append(rig.fetch(form["url"], source, "POST", headers, "".join(parts).encode()).status)
    return found


@pytest.mark.parametrize("driver", NAMES)
def test_the_guard_refuses_what_it_hands_out_and_nothing_else(driver: str, python: str, rig: Rig) -> None:
    profile, names = NAMES[driver]
    bucket = f"app-{driver.replace('_', '-')}"
    s3 = rig.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_logging(
        Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": LOGS, "TargetPrefix": f"{bucket}/"}}
    )
    before = handed_out(python, rig, driver, bucket)
    for source in (OFFICE, ELSEWHERE):
        assert set(answers(rig, before, source)) <= {200, 204}
    wish = Restriction(bucket=bucket, addresses=["203.0.113.0/24"], application=profile)
    gt = rig.gt
    gt.apply(gt.plan(wish))
    after = handed_out(python, rig, driver, bucket)  # its server stands outside, and signs in the header
    assert set(answers(rig, after, OFFICE)) <= {200, 204}
    assert set(answers(rig, after, ELSEWHERE)) == {403}
    rig.flush()
    hits = gt.hits(bucket, filters={"presigned": True})
    found = {row["application"] for row in hits.count("application")}
    assert found == names, found
    assert len(hits) == 4 * sum(map(len, before.values()))
    capped = gt.plan(
        Restriction(bucket=bucket, addresses=["203.0.113.0/24"], application=profile, max_age="15m"), logs=hits
    )
    assert "age-cap-version-2" in {each.code for each in capped.blockers}
    gt.apply(capped, confirm=[each.code for each in capped.blockers])
    assert set(answers(rig, handed_out(python, rig, driver, bucket), OFFICE)) == {403}  # the plan said the truth
