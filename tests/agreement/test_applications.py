"""Applications that were not written here hand out URLs of a bucket: before and after the guard,
from two addresses.

Each runs in an environment with exact packages, knows an endpoint and keys, and its own server
stands outside the list. Some are used by clients of their own, which stand at the two addresses.
Then the log is read: nobody is called what they are not.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.restriction.applications import applications
from support.box import ELSEWHERE, OFFICE, until
from support.rig import Rig

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "applications"
BUILD = Path(os.environ.get("GT_SECURE_APPLICATIONS", ROOT / "build" / "applications"))
"""Environments are kept here for the next time: some take minutes."""
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
LOGS, OPENED = "app-logs", {200, 201, 204}
BOUNDARY = "0123456789abcdef"
_numbers = itertools.count()


def load(name: str) -> ModuleType:
    """Import a module of the clients of the sandbox, whose folder is no package."""
    folder = Path(__file__).parents[1] / "sandbox" / "clients"
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


clients = load("clients")


def locked(folder: Path) -> Path:
    """Make the environment of the light ones,
    with the packages of ``requirements/applications.txt``.
    """
    return Path(
        clients.from_pypi(
            "--require-hashes", "-r", str(ROOT / "requirements" / "applications.txt")
        )(folder)
    )


def companion(folder: Path) -> Path:
    """Install Uppy Companion from its registry, and beside it nothing."""
    node = clients.tool("node")
    if not (folder / ".done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(
            json.dumps({"name": "companion", "private": True, "type": "module"})
        )
        packages = ("@uppy/companion@6.2.2", "express@4", "express-session@1")
        quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        clients.fetched(clients.tool("npm"), "install", *quiet, *packages, cwd=folder)
        (folder / ".done").touch()
    shutil.copy(SCRIPTS / "companion.mjs", folder)
    return Path(node).parent


def loopback_of(source: str) -> str:
    """Return the loopback address that represents a source, for programs that name none."""
    return source.replace("203.0.113.", "127.0.113.").replace("198.51.100.", "127.51.100.")


@dataclass(frozen=True)
class Application:
    """An application and what is expected of it.

    ``script`` works and prints what it hands out; ``install`` returns the folder of its programs;
    ``server`` has the words that start what it asks. ``refused`` are works of its own client that
    the guard refuses from outside, and with the variables ``advice`` none is. ``names`` are those
    that its presigned requests may have in a log.
    """

    script: str
    profile: str
    names: frozenset[str] = frozenset({"a browser"})
    install: Callable[[Path], Path] = locked
    environment: str = "light"
    server: tuple[str, ...] = ()
    version: str = "2"
    refused: frozenset[str] = frozenset()
    advice: Mapping[str, str] = field(default_factory=dict)


MLFLOW = {
    "script": "mlflow_sdk.py",
    "profile": "mlflow",
    "names": frozenset({"MLflow"}),
    "install": clients.from_pypi("mlflow==3.17.2", "boto3"),
    "environment": "mlflow",
    "version": "4",
}
_SERVER = (
    "{bin}/mlflow", "server", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1", "--backend-store-uri",
    "sqlite:///{folder}/mlflow.db",
)  # fmt: skip
GIFTLESS = (
    "cachetools", "cryptography", "figcan", "flask<3.1", "flask-classful", "flask-marshmallow", "marshmallow<4",
    "pyjwt<2.10", "python-dateutil", "python-dotenv", "pyyaml", "requests", "typing-extensions", "webargs",
)  # fmt: skip
"""Its wheel names none of the packages that it imports."""
_PROXY = ("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD")
APPLICATIONS = {
    "django-storages": Application("django_storages.py", "django"),
    "flask-admin": Application("flask_files.py", "flask-admin"),
    "fastapi": Application("fastapi_boto3.py", "boto3"),
    "s3fs": Application("s3fs_url.py", "s3fs"),
    "cloudpathlib": Application("cloudpathlib_url.py", "boto3"),
    "mlflow": Application(
        **MLFLOW,
        server=(*_SERVER, "--artifacts-destination", "s3://{bucket}/mlflow"),
        refused=frozenset({"download", "large upload"}),
        advice=dict.fromkeys(_PROXY, "false"),
    ),
    "mlflow-direct": Application(
        **MLFLOW,
        server=(
            *_SERVER,
            "--no-serve-artifacts",
            "--default-artifact-root",
            "s3://{bucket}/mlflow",
        ),
    ),
    "git-lfs": Application(
        "git_lfs.py",
        "git-lfs",
        frozenset({"Git LFS"}),
        clients.from_pypi("giftless==0.6.2", "boto3", *GIFTLESS),
        "giftless",
        ("{bin}/python", f"{SCRIPTS}/giftless_server.py", "{bucket}", "{port}", "{folder}"),
        refused=frozenset({"push", "pull"}),
    ),
    "dagster": Application(
        "dagster_logs.py",
        "dagster",
        frozenset({"Dagster"}),
        clients.from_pypi("dagster==1.13.27", "dagster-aws==0.29.27"),
        "dagster",
    ),
    "uppy-companion": Application(
        "companion_page.py",
        "uppy-companion",
        frozenset({"a browser", "AWS SDK for JavaScript"}),
        companion,
        "companion",
        ("{bin}/node", f"{BUILD}/companion/companion.mjs", "{bucket}", "{port}", "{folder}"),
        version="4",
    ),
}


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running(log_delay_s=60) as running:
        s3, resource = running.client("s3"), f"arn:aws:s3:::{LOGS}/*"
        service = {
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": resource,
        }
        s3.create_bucket(Bucket=LOGS)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **service}]}
        s3.put_bucket_policy(Bucket=LOGS, Policy=json.dumps(policy))
        yield running


class Running:
    """An application on the sandbox, with its server if it has one."""

    def __init__(self, application: Application, rig: Rig, bucket: str, folder: Path) -> None:
        self.application, self.rig, self.bucket, self.folder = application, rig, bucket, folder
        self.programs = application.install(BUILD / application.environment)
        self.env = {
            **rig.sandbox.environment(), "PATH": f"{self.programs}:/usr/bin:/bin", "HOME": str(folder),
            "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 * 2**20), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 * 2**20), "MLFLOW_TRACKING_INSECURE_TLS": "true",
            "DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore",
        }  # fmt: skip
        if application.profile == "git-lfs":
            self.env["GIT_LFS"] = str(clients.from_debian("git-lfs")(BUILD / "git-lfs"))

    @contextmanager
    def served(self) -> Iterator[None]:
        """Start the server, and end it with all that it started."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        names = {"bin": self.programs, "bucket": self.bucket, "port": port, "folder": self.folder}
        words = [word.format(**names) for word in self.application.server]
        with (self.folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                words, env=self.env, stdout=log, stderr=log, start_new_session=True
            )

        def answers() -> bool:
            assert server.poll() is None, (self.folder / "server.log").read_text()[-3000:]
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            until(answers)
            self.env["SERVER"] = f"http://127.0.0.1:{port}"
            yield
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(60)

    def works(self, source: str, **more: str) -> dict[str, Any]:
        """Let it work, its own clients at this address; returns what it hands out,
        and what its clients could do.
        """
        python = self.programs / "python"
        words = [
            str(python if python.exists() else sys.executable),
            str(SCRIPTS / self.application.script),
        ]
        place = {"FROM": loopback_of(source), "SOURCE": source}
        done = subprocess.run(
            [*words, self.bucket, f"file-{next(_numbers)}"], env={**self.env, **place, **more}, capture_output=True,
            text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        self.said = done.stderr
        return {"works": {}, "put": [], "form": [], **made}

    def answers(self, made: Mapping[str, Any], source: str) -> set[int]:
        """Use everything that was handed out from one address, as a browser does."""
        found = []
        for method, key in (("GET", "get"), ("PUT", "put")):
            for each in made[key]:
                url, headers = (
                    (each["url"], each.get("headers", {})) if isinstance(each, dict) else (each, {})
                )
                body = b"new" if method == "PUT" else None
                found.append(
                    self.rig.fetch(url, source, method, {**BROWSER, **headers}, body).status
                )
        for form in made["form"]:
            head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
            parts = [f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in form["fields"].items()]
            parts.append(f'{head}"file"; filename="a"\r\n\r\nnew\r\n--{BOUNDARY}--\r\n')
            headers = {**BROWSER, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            found.append(
                self.rig.fetch(form["url"], source, "POST", headers, "".join(parts).encode()).status
            )
        return set(found)


@pytest.fixture
def running(request: pytest.FixtureRequest, rig: Rig, tmp_path: Path) -> Iterator[Running]:
    name, bucket = request.param, f"app-{request.param}"
    s3 = rig.client("s3")
    s3.create_bucket(Bucket=bucket)
    target = {"TargetBucket": LOGS, "TargetPrefix": f"{bucket}/"}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": target})
    with ExitStack() as stack:
        try:
            made = Running(APPLICATIONS[name], rig, bucket, tmp_path)
        except clients.NotInstalled as missing:
            pytest.skip(f"NOT TRIED: {name}, {missing}")
        if made.application.server:
            stack.enter_context(made.served())
        yield made


def failed(made: Mapping[str, Any]) -> set[str]:
    return {name for name, worked in made["works"].items() if not worked}


@pytest.mark.parametrize("running", APPLICATIONS, indirect=True)
def test_the_guard_refuses_what_it_hands_out_and_nothing_else(running: Running) -> None:
    application, rig, bucket = running.application, running.rig, running.bucket
    gt, profile = rig.gt, applications()[application.profile]
    for source in (OFFICE, ELSEWHERE):
        made = running.works(source)
        assert failed(made) == set(), running.said[-3000:]
        assert running.answers(made, source) <= OPENED
    wish = Restriction(bucket=bucket, addresses=["203.0.113.0/24"], application=application.profile)
    plan = gt.plan(wish)
    assert ("cors-missing" in {each.code for each in plan.findings}) == bool(profile.cors)
    if profile.cors:
        rule = {
            "AllowedOrigins": ["*"],
            "AllowedMethods": profile.cors,
            "ExposeHeaders": profile.cors_headers,
        }
        rig.client("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
        plan = gt.plan(wish)
        assert "cors-missing" not in {each.code for each in plan.findings}
    gt.apply(plan)
    inside, outside = running.works(OFFICE), running.works(ELSEWHERE)
    assert failed(inside) == set(), running.said[-3000:]
    assert running.answers(inside, OFFICE) <= OPENED
    assert failed(outside) == application.refused, running.said[-3000:]
    assert running.answers(outside, ELSEWHERE) <= {403}
    assert not application.advice or failed(running.works(ELSEWHERE, **application.advice)) == set()
    assert all(f"{name}={value}" in profile.advice for name, value in application.advice.items())
    rig.flush()
    hits = gt.hits(bucket, filters={"presigned": True})
    found = {row["application"] for row in hits.count("application")}
    assert found == application.names, found
    handed_out = sum(len(inside[kind]) for kind in ("get", "put", "form"))
    assert len(hits) > 4 * handed_out if application.refused else len(hits) == 4 * handed_out
    wish = Restriction(
        bucket=bucket, addresses=["203.0.113.0/24"], application=application.profile, age_limit="2h"
    )
    limited = gt.plan(wish, logs=hits)
    assert ("age-limit-version-2" in {each.code for each in limited.blockers}) == (
        application.version == "2"
    )
    gt.apply(limited, confirm=[each.code for each in limited.asks])
    made = running.works(OFFICE)
    if application.version == "2":  # the plan said the truth
        assert (failed(made), running.answers(made, OFFICE)) in (
            (application.refused, set()),
            (set(), {403}),
        )
    else:
        assert (failed(made), running.answers(made, OFFICE) - OPENED) == (set(), set())
