"""What ``benchmarks/logs.py`` measures: our doors, the peers and the limits; each call runs in a
process of its own.

    python benchmarks/logs_methods.py NAME PATH     # prints one JSON object

``PATH`` is a file, a folder or an ``s3://`` prefix. A method gives the counts by address, status,
authentication type and hour, or a note on what it gives instead. Nothing of the project is imported
but by our own methods, so that peers can live in environments of their own.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOUR = ["remote_ip", "http_status", "auth_type", "hour"]
Counts = dict[tuple[str, ...], int]

# The pattern that the Athena section of the S3 User Guide gives.
AWS_PATTERN = (
    r'([^ ]*) ([^ ]*) \[(.*?)\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) (-|[0-9]*) ([^'
    r" ]*) ([^ ]*) ([^ ]*) "
    r'([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) ([^ ]*)(?: ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^'
    r" ]*))?.*$"
)
_MONTH = {
    m: n
    for n, m in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}


@dataclass
class Result:
    """What a method found."""

    counts: Counts = field(default_factory=dict)
    columns: tuple[str, ...] = tuple(FOUR)  # those that the method can tell
    lost: int | None = None  # told by the method itself, where it gives no counts
    note: str = ""
    seconds: float | None = None  # where not all of the call is measured


@dataclass(frozen=True)
class Method:
    name: str
    run: Callable[[str], Result | Counts]
    forms: str  # of: one, many, packed, many_packed, http
    needs: tuple[str, ...] = ()  # modules; imported before the clock starts
    program: str = ""
    install: str = ""
    part: bool = False  # slow: runs on a tenth
    limit: bool = False
    ours: bool = False


# Ours


def count_four(path: str) -> Counts:
    from gt_secure.logs import count_hits

    table, coverage = count_hits(path, FOUR, aws=_client(path))
    assert coverage.adds_up
    return _ours(table)


def count_four_isal(path: str) -> Result:
    from isal import isal_zlib  # noqa: F401 - ours takes it wherever it is

    return Result(count_four(path), note="unpacks with isal, extra fast")


def whole_command(path: str) -> Counts:
    """``gt-secure hits`` as a process, from the shell's view: start, imports, CSV and all."""
    with tempfile.TemporaryFile() as out:
        command = [*_PROGRAM, "hits", path, "--by", ",".join(FOUR), "--format", "csv"]
        environment = _of_this_version()
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=out, stderr=subprocess.DEVNULL, env=environment)
        seconds = time.perf_counter() - began
        out.seek(0)
        import csv

        rows = list(csv.reader(io.TextIOWrapper(out, encoding="utf-8")))[1:]
    return _Timed({(ip, status, auth, hour): int(n) for ip, status, auth, hour, n in rows}, seconds)


class _Timed(dict):  # type: ignore[type-arg]
    def __init__(self, counts: Counts, seconds: float) -> None:
        super().__init__(counts)
        self.seconds = seconds


def rows_then_count(path: str) -> Counts:
    from gt_secure.logs import read_hits

    with read_hits(path, aws=_client(path), cache=False) as hits:
        assert hits.coverage.adds_up
        return _ours(hits.count(FOUR))


def rows_with_cache(path: str) -> Counts:
    """Reading alone: counting is the same in both looks. GT_SECURE_CACHE names the folder,
    empty at the first look.
    """
    from gt_secure.logs import read_hits

    aws = _client(path)
    aws.client("s3")  # a session has one: reading its model takes longer than a page of the listing
    began = time.perf_counter()
    with read_hits(path, aws=aws) as hits:
        seconds = time.perf_counter() - began
        assert hits.coverage.adds_up
        return _Timed(_ours(hits.count(FOUR)), seconds)


def count_four_boto3(path: str) -> Result:
    sys.modules["obstore"] = None  # type: ignore[assignment] # as where it is not installed
    return Result(count_four(path), note="without obstore")


def leaks_command(path: str) -> Result:
    return _command("leaks", path)


def plot_command(path: str) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        return _command("plot", path, "-o", f"{folder}/hits.svg")


def groups_command(form: str) -> Callable[[str], Result]:
    """``gt-secure hits`` by columns with many values, in one of its formats."""

    def run(path: str) -> Result:
        with tempfile.TemporaryDirectory() as folder:
            by = "remote_ip,key,user_agent,http_status"
            return _command("hits", path, "--by", by, *form.split(), "--output", f"{folder}/hits")

    return run


def dedupe_command(path: str) -> Result:
    return _command("hits", path, "--dedupe")


def _command(*arguments: str) -> Result:
    """Run a command as a process, from the shell's view."""
    command, environment = [*_PROGRAM, *arguments], _of_this_version()
    began = time.perf_counter()
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    if done.returncode not in (0, UNKNOWN):
        raise subprocess.CalledProcessError(done.returncode, command)
    said = "; with doubts (exit 3)" if done.returncode else ""
    result = Result(note=f"whole command{said}")
    result.seconds = time.perf_counter() - began
    return result


UNKNOWN = 3
"""Exit code of a command whose answer is printed, and is not certain: an odd line, a URL that was not
compared.
"""
# Without the working directory: the version that ``--before`` names would be that of the folder.
_PROGRAM = (sys.executable, "-P", "-m", "gt_secure.cli")


def _of_this_version() -> dict[str, str]:
    """Return an environment in which a process imports the version that this process imports."""
    import gt_secure

    return {**os.environ, "PYTHONPATH": str(Path(gt_secure.__file__).parents[1])}


def _ours(table: Any) -> Counts:
    return {(a or "", str(s or ""), t or "", h or ""): n for a, s, t, h, n in table.rows}


def _client(path: str) -> Any:
    if not path.startswith("s3://"):
        return None
    try:
        from gt_secure.aws.client import connect_aws
    except ImportError:  # of the version that ``--before`` compares with
        from gt_secure.aws import connect_aws

    return connect_aws()


# Peers


def python_re(path: str) -> Counts:
    match = re.compile(AWS_PATTERN).match
    counts: Counter[tuple[str, ...]] = Counter()
    for stream in _streams(path):
        for line in stream:
            found = match(line.decode("utf-8", "replace").rstrip("\n"))
            if found:
                counts[(*_plain(found[4], found[10], found[22]), _hour(found[3]))] += 1
    return counts


def s3_log_parse(path: str) -> Result:
    from s3logparse import s3logparse

    counts: Counter[tuple[str, ...]] = Counter()
    for stream in _streams(path):
        for line in stream:
            try:
                [row] = s3logparse.parse_log_lines([line.decode("utf-8", "replace")])
            except Exception:  # what it cannot read is lost
                continue
            status = str(row.status_code or "")
            counts[(row.remote_ip or "", status, f"{row.timestamp:%Y-%m-%dT%H}")] += 1
    return Result(
        counts, ("remote_ip", "http_status", "hour"), note="knows 18 fields: no authentication type"
    )


def pandas_blanks(path: str) -> Counts:
    import pandas as pd

    frames = pd.read_csv(
        io.BufferedReader(_Chain(_streams(path)), 1 << 20), sep=" ", header=None, names=range(28),
        usecols=[2, 4, 10, 22], dtype=str, on_bad_lines="skip", engine="c", keep_default_na=False, chunksize=200_000,
    )  # fmt: skip
    return _from_frames(frames, [4, 10, 22, 2])


def pandas_extract(path: str) -> Counts:
    import pandas as pd

    def frames() -> Iterator[Any]:
        for stream in _streams(path):
            while lines := stream.readlines(50_000_000):
                text = pd.Series(b"".join(lines).decode("utf-8", "replace").split("\n")[:-1])
                yield text.str.extract(AWS_PATTERN)[[3, 9, 21, 2]].dropna(subset=[3])

    return _from_frames(frames(), [3, 9, 21, 2])


def _from_frames(frames: Any, columns: list[int]) -> Counts:
    counts: Counter[tuple[str, ...]] = Counter()
    for frame in frames:
        frame = frame.fillna("")
        clock = frame[columns[3]].str.lstrip("[").str.slice(0, 14)  # up to the hour
        for key, number in frame.groupby([*columns[:3], clock], sort=False).size().items():
            *names, moment = key
            counts[(*_plain(*names), _hour(moment))] += int(number)
    return counts


def polars_extract(path: str) -> Counts:
    import polars as pl

    options = {
        "has_header": False,
        "separator": "\x01",
        "quote_char": None,
        "encoding": "utf8-lossy",
    }
    lines = pl.read_csv(path, new_columns=["line"], schema_overrides=[pl.String], **options)
    groups = (
        lines.select(pl.col("line").str.extract_groups(AWS_PATTERN)).unnest("line").drop_nulls("4")
    )
    found = groups.group_by("4", "10", "22", pl.col("3").str.head(14)).len()
    return _summed(found.iter_rows())


def chdb_extract(path: str) -> Counts:
    import chdb

    pattern = AWS_PATTERN.replace("\\", "\\\\").replace("'", "\\'")
    names = "g[4] AS ip, g[10] AS status, g[22] AS auth, substring(g[3], 1, 14) AS hour"
    groups = (
        f"SELECT extractGroups(line, '{pattern}') AS g FROM file('{path}', LineAsString) WHERE"
        " notEmpty(g)"
    )
    rows = chdb.query(f"SELECT {names}, count() FROM ({groups}) GROUP BY ALL", "JSONCompactEachRow")
    return _summed(map(json.loads, str(rows).splitlines()))


def _summed(rows: Any) -> Counts:
    counts: Counter[tuple[str, ...]] = Counter()
    for *names, moment, number in rows:
        counts[(*_plain(*names), _hour(moment))] += int(number)
    return counts


def awswrangler_read(path: str) -> Counts:
    """awswrangler has no reader for access logs of its own; this is its ``read_csv``,
    which is pandas over S3.
    """
    import awswrangler as wr

    frames = wr.s3.read_csv(
        path, sep=" ", header=None, names=list(range(40)), dtype=str, on_bad_lines="skip",
        engine="c", keep_default_na=False, chunksize=200_000,
    )  # fmt: skip
    return _from_frames(frames, [4, 10, 22, 2])


def duckdb_blanks(path: str) -> Counts:
    import duckdb

    columns = ", ".join(f"'c{i:02d}': 'VARCHAR'" for i in range(30))
    return _from_duckdb(
        duckdb.sql(
            f"SELECT c04, c10, c22, substr(c02, 2, 14), count(*) FROM read_csv('{_glob(path)}',"
            " delim=' ', quote='\"', header=false, null_padding=true, ignore_errors=true,"
            f" strict_mode=false, all_varchar=true, auto_detect=false, columns={{{columns}}}) GROUP"
            " BY ALL"
        ).fetchall()
    )


def duckdb_extract(path: str) -> Counts:
    import duckdb

    names = ", ".join(f"'g{i}'" for i in range(1, 25))
    pattern = AWS_PATTERN.replace("'", "''")
    return _from_duckdb(
        duckdb.sql(
            "SELECT g.g4, g.g10, g.g22, substr(g.g3, 1, 14), count(*) FROM (SELECT"
            f" regexp_extract(l, '{pattern}', [{names}]) AS g FROM {_duckdb_lines(path)}) WHERE"
            " g.g4 <> '' GROUP BY ALL"
        ).fetchall()
    )


def _from_duckdb(rows: list[tuple[Any, ...]]) -> Counts:
    counts: Counter[tuple[str, ...]] = Counter()
    for ip, status, auth, clock, number in rows:
        counts[(*_plain(ip, status, auth), _hour(clock or ""))] += number
    return counts


def _glob(path: str) -> str:
    return path if Path(path).is_file() else f"{path}/*"


def _duckdb_lines(path: str) -> str:
    return (
        f"read_csv('{_glob(path)}', delim='\x01', quote='', escape='', header=false, columns={{'l':"
        " 'VARCHAR'}, auto_detect=false, strict_mode=false)"
    )


def goaccess(path: str) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = f"goaccess - --log-format=AWSS3 -j 2 --no-progress --no-global-config -o {report}"
        source = f"goaccess {path}" if path.endswith(".log") else f"{_reading(path)} | goaccess"
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.replace("goaccess -", f"{source} -", 1)], check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        general = json.loads(report.read_bytes())["general"]
    return Result(
        lost=general["failed_requests"], note="panels of one column each, no authentication type"
    )


def dandi(path: str) -> Result:
    """Takes a folder with files named as S3 names them; writes text files by object key,
    for successful GETs alone.
    """
    with tempfile.TemporaryDirectory() as home:
        logs = Path(path)
        if logs.is_file():
            logs = Path(home) / "logs"
            logs.mkdir()
            (logs / "2026-11-20-00-00-00-0000000000000000").symlink_to(path)
        (Path(home) / ".cache").mkdir()
        environment = {
            **os.environ,
            "HOME": home,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            ["s3logextraction", "extract", str(logs), "--workers", "1"],
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(
                done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed"
            )
        rows = 0
        for name in Path(home).rglob("full_ips.txt"):
            with name.open("rb") as lines:
                rows += sum(1 for _ in lines)
    return Result(note=f"GETs with 2xx alone, by object: {rows:,} rows")


# Limits


def wc(path: str) -> Counts:
    if Path(path).is_file():
        subprocess.run(["wc", "-l", path], check=True, stdout=subprocess.DEVNULL)
    else:
        _shell(f"{_names(path)} | xargs -0 -P 2 -n 2000 wc -l > /dev/null")
    return {}


def cat(path: str) -> Counts:
    _shell(f"{_names(path)} | xargs -0 -P 2 -n 2000 cat > /dev/null")
    return {}


def igzip(path: str) -> Counts:
    if Path(path).is_file():
        _shell(f"igzip -d -c '{path}' > /dev/null")
    else:
        _shell(f"{_names(path)} | xargs -0 -P 2 -n 2000 igzip -d -c > /dev/null")
    return {}


def python_isal(path: str) -> Counts:
    from isal import igzip

    for name in _files(path):
        with igzip.open(name, "rb") as stream:
            while stream.read(1 << 20):
                pass
    return {}


def python_gzip(path: str) -> Counts:
    for name in _files(path):
        with gzip.open(name) as stream:
            while stream.read(1 << 20):
                pass
    return {}


def duckdb_lines(path: str) -> Counts:
    import duckdb

    duckdb.sql(f"SELECT count(*), max(l) FROM {_duckdb_lines(path)}").fetchall()
    return {}


def fetch_only(path: str) -> Counts:
    from concurrent.futures import ThreadPoolExecutor

    import logs_store

    s3 = logs_store.client()
    bucket, prefix = path.removeprefix("s3://").split("/", 1)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page["Contents"]]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: len(s3.get_object(Bucket=bucket, Key=key)["Body"].read()), keys))
    return {}


def fetch_obstore(path: str) -> Counts:
    """Only fetch, by obstore: the limit for everything that reads over HTTP."""
    from concurrent.futures import ThreadPoolExecutor

    import obstore
    from obstore.store import S3Store

    bucket, prefix = path.removeprefix("s3://").split("/", 1)
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    store = S3Store(
        bucket, endpoint=endpoint, region="us-east-1", virtual_hosted_style_request=False,
        access_key_id=os.environ["AWS_ACCESS_KEY_ID"], secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        client_options={"allow_http": True},
    )  # fmt: skip
    keys = [item["path"] for page in obstore.list(store, prefix) for item in page]
    with ThreadPoolExecutor(
        16 if os.environ.get("GT_SECURE_BENCH_LATENCY") is None else 64
    ) as pool:
        list(pool.map(lambda key: len(obstore.get(store, key).bytes()), keys))
    return {}


def _shell(command: str) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True)


def _names(path: str) -> str:
    return f"find '{path}' -type f -print0"


def _reading(path: str) -> str:
    unpack = "igzip -d -c" if shutil.which("igzip") else "gzip -d -c"
    how = unpack if path.endswith(".gz") else "cat"
    return (
        f"{how} '{path}'"
        if Path(path).is_file()
        else f"{_names(path)} | sort -z | xargs -0 -n 2000 {how}"
    )


# Lines and values


def _files(path: str) -> list[Path]:
    where = Path(path)
    return [where] if where.is_file() else sorted(where.iterdir())


def _streams(path: str) -> Iterator[Any]:
    if path.startswith("s3://"):
        import logs_store

        s3 = logs_store.client()
        bucket, prefix = path.removeprefix("s3://").split("/", 1)
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page["Contents"]:
                yield io.BytesIO(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
        return
    for name in _files(path):
        with gzip.open(name, "rb") if name.suffix == ".gz" else name.open("rb") as stream:
            yield stream


class _Chain(io.RawIOBase):
    """Many streams as one: pandas fails in a small file whose lines are all short."""

    def __init__(self, streams: Iterator[Any]) -> None:
        self._streams, self._now = streams, next(streams, None)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._now is not None:
            if number := self._now.readinto(buffer):
                return number
            self._now = next(self._streams, None)
        return 0


def _hour(clock: str) -> str:
    """``06/Feb/2019:00:00:38`` as ``2019-02-06T00``."""
    return f"{clock[7:11]}-{_MONTH.get(clock[3:6], 0):02d}-{clock[:2]}T{clock[12:14]}"


def _plain(*values: str | None) -> tuple[str, ...]:
    return tuple("" if value in ("-", None) else value for value in values)  # type: ignore[misc]


_ALL = "one many packed many_packed http"
_LOCAL = "one many packed many_packed"
_PLAIN = "one many"
_LIBRARIES = ("duckdb", "numpy")
METHODS = [
    Method("ours: count_hits", count_four, _ALL, _LIBRARIES, ours=True),
    Method("ours: count_hits with isal", count_four_isal, "packed many_packed", (*_LIBRARIES, "isal"), install="isal",
           ours=True),
    Method("ours: gt-secure hits, whole command", whole_command, _LOCAL, ours=True),
    Method("ours: read_hits, then count", rows_then_count, _ALL, _LIBRARIES, ours=True),
    Method("ours: count_hits, boto3 only", count_four_boto3, "http", _LIBRARIES, ours=True),
    Method("ours: gt-secure hits, CSV of groups", groups_command("--format csv"), "one", ours=True),
    Method("ours: gt-secure hits, JSON of groups", groups_command("--json"), "one", ours=True),
    Method("ours: gt-secure hits, Parquet of groups", groups_command("--format parquet"), "one", ours=True),
    Method("ours: gt-secure hits --dedupe", dedupe_command, "one", ours=True),
    Method("ours: gt-secure plot, whole command", plot_command, "one", ours=True),
    Method("ours: gt-secure leaks, whole command", leaks_command, "one", ours=True),
    Method("python re, AWS's pattern", python_re, _ALL, part=False),
    Method("s3-log-parse", s3_log_parse, _PLAIN, ("s3logparse",), install="s3-log-parse", part=True),
    Method("pandas read_csv(sep=' ')", pandas_blanks, _LOCAL, ("pandas",), install="pandas"),
    Method("pandas str.extract, AWS's pattern", pandas_extract, "one", ("pandas",), install="pandas", part=True),
    Method("polars extract_groups, AWS's pattern", polars_extract, "one", ("polars",), install="polars"),
    Method("chDB extractGroups, AWS's pattern", chdb_extract, "one", ("chdb",), install="chdb"),
    Method("awswrangler s3.read_csv(sep=' ')", awswrangler_read, "http", ("awswrangler",), install="awswrangler",
           part=True),
    Method("DANDI s3-log-extraction", dandi, "one", ("s3_log_extraction",), install="s3-log-extraction", part=True),
    Method("GoAccess -j2, AWSS3", goaccess, _LOCAL, program="goaccess", install="apt-get install goaccess"),
    Method("duckdb read_csv(delim=' ')", duckdb_blanks, _PLAIN, ("duckdb",), install="duckdb"),
    Method("duckdb regexp_extract, AWS's pattern", duckdb_extract, "one", ("duckdb",), install="duckdb", part=True),
    Method("limit: wc -l", wc, _PLAIN, program="wc", limit=True),
    Method("limit: cat, 2 processes", cat, "many", program="cat", limit=True),
    Method("limit: duckdb counts lines", duckdb_lines, _PLAIN, ("duckdb",), install="duckdb", limit=True),
    Method("limit: igzip -d", igzip, "packed many_packed", program="igzip", install="apt-get install isal", limit=True),
    Method("limit: python isal", python_isal, "packed many_packed", ("isal",), install="isal", limit=True),
    Method("limit: python gzip", python_gzip, "packed", limit=True),
    Method("limit: boto3 only fetches", fetch_only, "http", ("boto3",), limit=True),
    Method("limit: obstore only fetches", fetch_obstore, "http", ("obstore",), install="obstore", limit=True),
]  # fmt: skip
# Two looks at the same objects; run apart, because the second needs what the first left behind.
CACHED = Method("ours: read_hits with its cache", rows_with_cache, "http", _LIBRARIES, ours=True)


def peak_mb() -> float:
    """Peak memory in MB of this process, or of its largest child if that is more.

    ``ru_maxrss`` of the process itself would be that of its parent, which Linux hands on through
    exec.
    """
    import resource

    own = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def cpu_s() -> float:
    """Processor time of this process and of its children that have ended, in seconds."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    name, path = sys.argv[1:]
    sys.path.append(str(Path(__file__).parents[1]))
    method = next(m for m in [*METHODS, CACHED] if m.name == name)
    for module in method.needs:
        importlib.import_module(module)
    error, found = "", Result()
    began, used = time.perf_counter(), cpu_s()
    try:
        result = method.run(path)
    except Exception as caught:
        seconds, error = (
            time.perf_counter() - began,
            f"{type(caught).__name__}: {str(caught).splitlines()[0][:70]}",
        )
    else:
        seconds = getattr(result, "seconds", None) or time.perf_counter() - began
        found = result if isinstance(result, Result) else Result(result)
    json.dump(
        {"s": seconds, "cpu": cpu_s() - used, "mb": peak_mb(), "error": error, "lost": found.lost, "note": found.note,
         "columns": found.columns, "counts": [[*k, n] for k, n in found.counts.items()]},
        sys.stdout,
    )  # fmt: skip


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
