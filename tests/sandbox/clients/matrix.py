"""Clients that were not written here, against the sandbox: every client does every operation it
has, and a table shows.

    python tests/sandbox/clients/matrix.py                  all clients, installed into build/clients
    python tests/sandbox/clients/matrix.py rclone "JS SDK 3"
    python tests/sandbox/clients/matrix.py --json

Clients come from PyPI, npm and Debian. What an operation did is not the client's word: it is looked
up in the sandbox. The bucket has a guard, so each client's presigned URL must open from the office
only. A cell is ``ok``, ``-`` (the client has no such operation) or what went wrong; a client that
cannot be had here says why.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

from clients import CLIENTS, PART, Client, Command, NotInstalled, Task  # noqa: E402

from gt_secure.sandbox import Sandbox  # noqa: E402
from support.box import ELSEWHERE, IN_VPC, OFFICE, Box  # noqa: E402

BUCKET, MANY, KEYS = "matrix", "matrix-pages", 1005
TEXT = b"0123456789 of a scan"
BIG = os.urandom(1024) * (2 * PART // 1024 + 700)
GUARD = {
    "Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*",
    "Condition": {
        "StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST"]},
        "NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"},
    },
}  # fmt: skip
OTHER_REGION = "eu-west-1"
Cell = str


class Matrix:
    """A sandbox with what the operations need, and the check of each operation."""

    def __init__(self, box: Box, folder: Path) -> None:
        self.box = box
        self.folder = folder
        self.s3 = box.client("s3")
        self.environment = box.sandbox.environment()

    def fill(self) -> None:
        """Make the buckets: one with a guard, one with more keys than a page has."""
        for bucket in (BUCKET, MANY):
            self.s3.create_bucket(Bucket=bucket)
        policy = {"Version": "2012-10-17", "Statement": [GUARD]}
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(self._put_one, range(KEYS)))

    def _put_one(self, number: int) -> None:
        self.s3.put_object(Bucket=MANY, Key=f"scans/{number:05d}.png", Body=b"")

    def row(self, client: Client) -> dict[str, Cell]:
        """Install a client and try every operation."""
        try:
            start = client.install(self.folder / client.name.replace(" ", "-").lower())
        except NotInstalled as error:
            return dict.fromkeys(OPERATIONS, f"not installed: {error}")
        return {operation: self.cell(client, start, operation) for operation in OPERATIONS}

    def cell(self, client: Client, start: Command, operation: str) -> Cell:
        """Try one operation; returns the cell of the table."""
        if not client.has(operation):
            return "-"
        with tempfile.TemporaryDirectory() as folder:
            name = f"{client.name} {operation}/ä +1.png".replace(" ", "-", 1)
            task = Task(BUCKET, name, Path(folder) / "file.png", f"{name} copy")
            self.s3.put_object(Bucket=BUCKET, Key=name, Body=TEXT)
            try:
                return (
                    OPERATIONS[operation](
                        self, Call(client, start, operation, self.environment), task
                    )
                    or "ok"
                )
            except Exception as error:  # whatever a client does is a cell, not the end of the table
                return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

    def body(self, key: str) -> bytes:
        """Read an object as the administrator."""
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


class Call:
    """One operation of one client, to be run."""

    def __init__(
        self, client: Client, start: Command, operation: str, environment: dict[str, str]
    ) -> None:
        self._parts = client, start, operation
        self._environment = environment

    def run(self, task: Task) -> str:
        """Run it; it must succeed. Returns its output."""
        code, text = self.attempt(task)
        assert code == 0, text[-300:]
        return text

    def attempt(self, task: Task, region: str | None = None) -> tuple[int, str]:
        """Run it; returns its exit code and its words."""
        client, start, operation = self._parts
        more = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region} if region else {}
        return client.run(start, operation, task, self._environment | more)


def list_buckets(_: Matrix, call: Call, task: Task) -> None:
    """All buckets are listed."""
    text = call.run(task)
    assert BUCKET in text, text[:200]
    assert "gt-images" in text, text[:200]


def put(matrix: Matrix, call: Call, task: Task) -> None:
    """The bytes arrive."""
    matrix.s3.delete_object(Bucket=task.bucket, Key=task.key)
    task.file.write_bytes(TEXT)
    call.run(task)
    assert matrix.body(task.key) == TEXT


def get(_: Matrix, call: Call, task: Task) -> None:
    """The bytes come back."""
    call.run(task)
    assert task.file.read_bytes() == TEXT


def head(_: Matrix, call: Call, task: Task) -> None:
    """The size is known."""
    text = call.run(task)
    assert str(len(TEXT)) in text, text[:200]


def presigned(matrix: Matrix, call: Call, task: Task) -> None:
    """The URL opens from the office and from nowhere else."""
    url = next(word for word in call.run(task).split() if word.startswith("http"))
    answers = [matrix.box.fetch(url, source) for source in (OFFICE, ELSEWHERE, IN_VPC)]
    statuses = [answer.status for answer in answers]
    assert statuses == [200, 403, 403], f"{statuses} {answers[0].text[:200]}"
    assert answers[0].body == TEXT


def multipart(matrix: Matrix, call: Call, task: Task) -> None:
    """A file of several parts arrives, and in parts."""
    task.file.write_bytes(BIG)
    call.run(task)
    assert matrix.body(task.key) == BIG
    assert "-" in matrix.s3.head_object(Bucket=task.bucket, Key=task.key)["ETag"], (
        "sent in one piece"
    )


def copy(matrix: Matrix, call: Call, task: Task) -> None:
    """The copy has the same bytes."""
    call.run(task)
    assert matrix.body(task.target) == TEXT


def byte_range(_: Matrix, call: Call, task: Task) -> None:
    """Bytes 3 to 9, in a file or on standard output."""
    text = call.run(task)
    assert TEXT[3:10] == (task.file.read_bytes() if task.file.exists() else text.encode())


def tags(matrix: Matrix, call: Call, task: Task) -> None:
    """The tag is on the object."""
    task.file.write_bytes(TEXT)
    call.run(task)
    found = matrix.s3.get_object_tagging(Bucket=task.bucket, Key=task.key)["TagSet"]
    assert found == [{"Key": "colour", "Value": "blue"}], found


def delete(matrix: Matrix, call: Call, task: Task) -> None:
    """The object is gone."""
    call.run(task)
    assert matrix.s3.list_objects_v2(Bucket=task.bucket, Prefix=task.key)["KeyCount"] == 0


def paging(_: Matrix, call: Call, task: Task) -> None:
    """All keys of two pages, as a number or one a line."""
    text = call.run(Task(MANY, "", task.file)).strip()
    count = int(text) if text.isdigit() else len(text.splitlines())
    assert count == KEYS, count


def wrong_region(_: Matrix, call: Call, task: Task) -> Cell | None:
    """The client is refused and sees why, or finds the right region by itself."""
    code, text = call.attempt(task, OTHER_REGION)
    if code == 0 and (f"{len(TEXT)}," in text or TEXT.decode() in text):
        return "ok (follows)"
    # The answer to HEAD has no body, so that a client may know no more than the status.
    assert any(word in text for word in ("us-east-1", "301", "400", "Redirect", "BadRequest")), (
        text[-300:]
    )
    return "ok (is refused)"


def list_teams(_: Matrix, call: Call, task: Task) -> None:
    """The workteams of the region."""
    text = call.run(task)
    assert "open-team" in text, text[:200]


def update_team(matrix: Matrix, call: Call, task: Task) -> None:
    """The URL lock of a team is on."""
    sagemaker, off = (
        matrix.box.client("sagemaker"),
        {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"},
    )
    try:
        call.run(Task("", "open-team", task.file))
        team = sagemaker.describe_workteam(WorkteamName="open-team")["Workteam"]
        settings = team["WorkerAccessConfiguration"]["S3Presign"]["IamPolicyConstraints"]
        assert settings == {**off, "SourceIp": "Enabled"}, settings
    finally:
        sagemaker.update_workteam(
            WorkteamName="open-team",
            WorkerAccessConfiguration={"S3Presign": {"IamPolicyConstraints": off}},
        )


OPERATIONS: dict[str, Callable[[Matrix, Call, Task], Any]] = {
    "list buckets": list_buckets, "put": put, "get": get, "head": head, "presigned get": presigned,
    "multipart": multipart, "copy": copy, "range": byte_range, "tags": tags, "delete": delete, "paging": paging,
    "wrong region": wrong_region, "list teams": list_teams, "update team": update_team,
}  # fmt: skip


def rows(chosen: list[Client], folder: Path) -> Iterator[tuple[str, dict[str, Cell]]]:
    """Start a sandbox and yield the row of each client."""
    with Sandbox(log_delay_s=60) as sandbox:
        matrix = Matrix(Box(sandbox), folder)
        matrix.fill()
        for client in chosen:
            yield client.name, matrix.row(client)


def table(found: dict[str, dict[str, Cell]]) -> str:
    """Format the rows; what went wrong follows the table."""
    widths = [max(map(len, ("client", *found))), *(max(len(name), 4) for name in OPERATIONS)]
    lines, notes = [["client", *OPERATIONS]], []
    for name, cells in found.items():
        lines.append(
            [
                name,
                *(
                    "ok" if cell.startswith("ok") else "-" if cell == "-" else "NO"
                    for cell in cells.values()
                ),
            ]
        )
        seen = dict.fromkeys(cells.values())
        notes += [
            f"{name}, {'all' if len(seen) == 1 else next(op for op in cells if cells[op] == cell)}: {cell}"
            for cell in seen if cell not in ("ok", "-")
        ]  # fmt: skip
    text = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    return "\n".join([text[0], "-+-".join("-" * width for width in widths), *text[1:], "", *notes])


def main() -> int:
    """Print the table; exit with 1 if an operation of an installed client failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [client.name for client in CLIENTS]
    parser.add_argument(
        "clients", nargs="*", metavar="CLIENT", help=f"one of: {', '.join(names)} (all)"
    )
    parser.add_argument(
        "--dir", type=Path, default=ROOT / "build" / "clients", help="where clients are installed"
    )
    parser.add_argument("--json", action="store_true", help="print the cells as JSON")
    args = parser.parse_args()
    unknown = [name for name in args.clients if name not in names]
    if unknown:
        parser.error(f"unknown client {unknown[0]!r}; the clients are {', '.join(names)}")
    chosen = [client for client in CLIENTS if client.name in (args.clients or names)]
    found = dict(rows(chosen, args.dir.resolve()))
    print(json.dumps(found, indent=2) if args.json else table(found))
    cells = [cell for row in found.values() for cell in row.values()]
    return int(any(not cell.startswith(("ok", "-", "not installed")) for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
