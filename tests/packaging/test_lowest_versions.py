"""The lowest versions of setup.cfg and the images of SageMaker keep their promise: the tests of logs
pass there, and every form of a log gives the same answers in the promised memory.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from support import corpus
from support.parts import PARTS
from support.rooms import ROOT, Room, clean, python_of, run
from support.subjects import subjects

pytestmark = pytest.mark.needs("pyarrow")
LOWEST = ROOT / ".venv" / "lowest" / "bin" / "python"
"""The environment that ``make check`` makes of ``requirements/lowest.txt``."""
IMAGES = subjects(sorted((ROOT / "tests" / "data" / "sagemaker-distribution").glob("*.txt")), 3)
DUCKDBS = ("1.5.2", "1.5.3", "1.5.4", "1.5.5", "2.0.0")
"""Versions between the lowest one and that of the lock: another one reserves memory otherwise."""
HERE = subjects((part for part in PARTS if part != "sandbox"), 4)
"""The parts that run there: a sandbox always has the versions of an environment of its own."""
OTHERS = "--ignore=tests/logs/test_dialects.py"
"""DuckDB stands in for Trino there."""
OFFICE, STRANGER = "203.0.113.7", "198.51.100.9"
LONG = 2 << 20
"""Characters of a user agent: its record takes more room than DuckDB is asked for at first."""
MOST_MB = 400
"""Most memory of a question, as the documentation promises it."""

ASK = """
import json, os, sys
import duckdb

# As on a machine with many cores: each thread of DuckDB needs memory of its own.
connect, os.cpu_count = duckdb.connect, lambda: 16
duckdb.connect = lambda path=":memory:", config={}: connect(path, config={**config, "threads": "16"})

from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.engines.duckdb_store import Store
from gt_secure.logs.sql.query import Question, load_rows

answers = {}
for path in sys.argv[1:]:
    counts, coverage = count_hits(path, "remote_ip,auth_type", filters={"presigned": True})
    with read_hits(path, cache=False, dedupe=True) as hits:
        leaks = hits.leaks()
        answers[path] = [
            counts.rows, coverage.doubts, hits.count("remote_ip,auth_type").rows, leaks.leaked, leaks.unread,
            [len(row["user_agent"]) for row in hits.rows()],
        ]
store = Store()
rows = [("hit", "a" * 3_000_000, 1, None, None, None), ("hit", "b", 2, None, None, None)]
table = load_rows(store, Question(("key",)), rows)
answers["remote"] = store.query(f"SELECT length(key), hits FROM {table} ORDER BY 2")
with open("/proc/self/status") as file:
    [peak] = [int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM")]
print(json.dumps([duckdb.__version__, peak, answers]))
"""


def event(second: int, address: str, agent: str = "curl/8") -> dict[str, Any]:
    signed = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": "20261120T090000Z",
        "X-Amz-Expires": "600",
    }
    return {
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "eventTime": f"2026-11-20T09:00:{second:02}Z",
        "sourceIPAddress": address,
        "userAgent": agent,
        "requestID": f"R{second}",
        "requestParameters": {
            "bucketName": "gt-images",
            "key": "scans/1.png",
            "Host": "h",
            **signed,
        },
        "additionalEventData": {"AuthenticationMethod": "QueryString", "SignatureVersion": "SigV4"},
    }


def texts_of(events: list[dict[str, Any]], lines: list[str]) -> dict[str, str]:
    """Return each form in which logs arrive as text, by the name of its file."""
    long = [
        event(n, each["sourceIPAddress"], "x" * (LONG * n + 1)) for n, each in enumerate(events)
    ]
    records = [json.dumps(each) for each in events]
    stamped = [f"2026-11-20T09:00:00.123Z {each}" for each in lines]
    exported = [f"2026-11-20T09:00:00.123Z {each}" for each in records]
    sent = {"logEvents": [{"id": str(n), "message": each} for n, each in enumerate(records)]}
    found = [{"@message": each} for each in records]
    looked_up = {"Events": [{"CloudTrailEvent": each} for each in records]}

    def joined(rows: Iterable[str]) -> str:
        return "".join(f"{row}\n" for row in rows)

    return {
        "access.log": joined(lines),
        "trail.json": json.dumps({"Records": events}),
        "large.json": json.dumps({"Records": long}),
        "events.ndjson": joined(records),
        "bridge.ndjson": joined(json.dumps({"detail": each}) for each in events),
        "looked-up.json": json.dumps(looked_up),
        "subscription.json": json.dumps(sent),
        "insights.json": json.dumps(found),
        "access-exported.log": joined(stamped),
        "trail-exported.log": joined(exported),
    }


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """One log in every form, in which a stranger opens a URL: as text, packed by gzip and by
    Zstandard, and as our own export.
    """
    import pyarrow

    from gt_secure.logs import read_hits

    folder = tmp_path_factory.mktemp("logs")
    pair = (OFFICE, STRANGER)
    lines = [
        corpus.write({**corpus.BASE, **corpus.PRESIGNED, "remote_ip": each, "request_id": each})
        for each in pair
    ]
    for name, text in texts_of([event(n, each) for n, each in enumerate(pair)], lines).items():
        (folder / name).write_text(text)
    for name in ("access.log", "trail.json"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
    with pyarrow.output_stream(str(folder / "access.log.zst"), compression="zstd") as file:
        file.write((folder / "access.log").read_bytes())
    with read_hits(folder / "access.log", cache=False) as hits:
        hits.to_parquet(folder / "own.parquet")
    return sorted(map(str, folder.iterdir()))


def holds(python: Path, logs: list[str], version: str = "") -> None:
    """Read all logs there in one process; compare with the answers of the locked versions."""
    env = {**clean(), "PYTHONPATH": str(ROOT)}
    found, peak, answers = json.loads(run(str(python), "-c", ASK, *logs, env=env))
    assert found.startswith(version)
    assert peak <= MOST_MB, f"{peak:.0f} MB with DuckDB {found}"
    assert answers.pop("remote") == [[3_000_000, 1], [1, 2]]
    assert [*answers] == logs
    for path in logs:
        counts, doubts, rows, leaked, unread, agents = answers[path]
        assert rows == counts == [[STRANGER, "QueryString", 1], [OFFICE, "QueryString", 1]], path
        assert (leaked, doubts, unread) == (1, [], []), path
        assert ("large" in path) == (max(agents) == LONG + 1)


def passed(python: Path, *what: str) -> int:
    """Run tests there, in one process; return how many passed. None may fail."""
    env = {**clean(), "PYTHONPATH": str(ROOT)}
    command = (str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *what)
    said = run(*command, env=env, cwd=ROOT)
    return int(re.findall(r"(\d+) passed", said)[-1])


@pytest.fixture
def lowest() -> Path:
    if not LOWEST.exists():
        pytest.skip("NOT TRIED: make check makes this environment, for Python 3.11 and 3.12")
    return LOWEST


def test_the_environment_has_the_lowest_versions(lowest: Path) -> None:
    """Each requirement of setup.cfg in its lowest version, in the lock and in the environment."""
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    needed = text.partition("install_requires =")[2].partition("[options")[0]
    floors = dict(re.findall(r"(?m)^    ([\w-]+) >= ([\d.]+)", needed))
    assert len(floors) == 10
    code = f"from importlib.metadata import version; print(*map(version, {[*floors]}))"
    for name, version in zip(floors, run(str(lowest), "-c", code).split(), strict=True):
        assert re.fullmatch(rf"{re.escape(floors[name])}(\.0)*", version), (name, version)


def test_every_form_of_a_log_is_read_alike(lowest: Path, logs: list[str]) -> None:
    holds(lowest, logs)


def test_the_tests_of_logs_pass_on_the_lowest_versions(lowest: Path) -> None:
    assert passed(lowest, "-m", "quick", "tests/logs", OTHERS) >= 500


@pytest.mark.slow
@pytest.mark.parametrize("version", DUCKDBS)
def test_every_duckdb_between_reads_alike(version: str, logs: list[str], tmp_path: Path) -> None:
    room = Room(tmp_path / "room")
    room.install(f"duckdb=={version}", "numpy", "pyarrow")
    holds(room.python, logs, version)


@pytest.mark.slow
def test_large_logs_need_no_more_memory_on_the_lowest_versions(lowest: Path) -> None:
    assert passed(lowest, "-m", "slow", "tests/logs/test_memory.py") >= 6


TOOLS = ("pytest", "hypothesis", "sqlglot", "psutil")


@pytest.fixture(scope="module")
def room_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make the environment of an image once for all parts, with what the tests need beside it."""
    rooms: dict[Path, Room] = {}

    def made(image: Path) -> Room:
        if image not in rooms:
            room = Room(tmp_path_factory.mktemp(image.stem) / "room", python_of("3.12"))
            names = ("boto3", "ipywidgets", "matplotlib", "duckdb", "numpy", "pandas", "pyarrow")
            room.install("-c", str(image), *names, *TOOLS)
            rooms[image] = room
        return rooms[image]

    return made


@pytest.mark.slow
@pytest.mark.parametrize("part", HERE)
def test_the_tests_of_a_part_pass_on_the_lowest_versions(lowest: Path, part: str) -> None:
    assert passed(lowest, "-m", "quick", f"tests/{part}", OTHERS)


@pytest.mark.slow
@pytest.mark.parametrize("part", HERE)
@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.stem)
def test_the_tests_of_a_part_pass_in_an_image(room_of: Any, image: Path, part: str) -> None:
    room = room_of(image)
    pins = dict(re.findall(r"(?m)^([\w-]+)==(.+)$", image.read_text(encoding="utf-8")))
    assert {name: room.versions()[name] for name in ("duckdb", "boto3")} == {
        name: pins[name] for name in ("duckdb", "boto3")
    }
    python = room.python
    assert passed(python, "-m", "quick", f"tests/{part}", OTHERS)


@pytest.mark.slow
@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.stem)
def test_every_form_of_a_log_is_read_in_an_image(
    room_of: Any, image: Path, logs: list[str]
) -> None:
    holds(room_of(image).python, logs)
