"""Hits by address, status, authentication type and hour: ours beside the peers and the limits, in one run.

    python benchmarks/logs.py [--size 200e6] [--files 4000] [--repeat 3] [--only NAME...]

Every method runs in a process of its own; time is the best of the repeats, memory the peak of that process. The
generator knows the exact counts: ``lost`` are rows that a method leaves out, ``wrong`` rows under another key.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

# The pattern that the Athena section of the S3 User Guide gives, groups for the four columns only.
AWS = re.compile(
    r'([^ ]*) ([^ ]*) \[(.*?)\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) (-|[0-9]*) ([^ ]*) ([^ ]*) ([^ ]*) '
    r'([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) ([^ ]*)(?: ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*))?.*$'
)
_MONTH = {
    m: n for n, m in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}
Counts = dict[tuple[str, str, str, str], int]


def ours(path: str) -> Counts:
    from gt_secure.logs import count_hits

    table, coverage = count_hits(path, ["remote_ip", "http_status", "auth_type", "hour"])
    assert coverage.adds_up
    return {(a or "", str(s or ""), t or "", h): n for a, s, t, h, n in table.rows}


def _hour(clock: str) -> str:
    """``06/Feb/2019:00:00:38`` as ``2019-02-06T00``."""
    return f"{clock[7:11]}-{_MONTH.get(clock[3:6], 0):02d}-{clock[:2]}T{clock[12:14]}"


def _plain(*values: str | None) -> tuple[str, ...]:
    return tuple("" if value in ("-", None) else value for value in values)  # type: ignore[misc]


def python_re(path: str) -> Counts:
    counts: Counter = Counter()
    for name in _files(path):
        with gzip.open(name, "rb") if name.suffix == ".gz" else name.open("rb") as lines:
            for line in lines:
                found = AWS.match(line.decode("utf-8", "replace").rstrip("\n"))
                if found:
                    counts[(*_plain(found[4], found[10], found[22]), _hour(found[3]))] += 1
    return counts


def read_csv(path: str) -> Counts:
    import duckdb

    names = path if Path(path).is_file() else f"{path}/*"
    columns = ", ".join(f"'c{i:02d}': 'VARCHAR'" for i in range(28))
    rows = duckdb.sql(
        f"SELECT c04, c10, c22, substr(c02, 2), count(*) FROM read_csv('{names}', delim=' ', quote='\"', header=false, "
        "null_padding=true, ignore_errors=true, strict_mode=false, all_varchar=true, auto_detect=false, "
        f"columns={{{columns}}}) GROUP BY ALL"
    ).fetchall()
    counts: Counter = Counter()
    for ip, status, auth, clock, number in rows:
        counts[(*_plain(ip, status, auth), _hour(clock or ""))] += number
    return counts


def count_lines(path: str) -> Counts:
    import duckdb

    names = path if Path(path).is_file() else f"{path}/*"
    duckdb.sql(
        f"SELECT count(*), max(l) FROM read_csv('{names}', delim='\x01', quote='', escape='', header=false, "
        "columns={'l': 'VARCHAR'}, auto_detect=false, strict_mode=false)"
    ).fetchall()
    return {}


def wc(path: str) -> Counts:
    names = [str(name) for name in _files(path)]
    for at in range(0, len(names), 2000):
        subprocess.run(["wc", "-l", *names[at : at + 2000]], check=True, stdout=subprocess.DEVNULL)
    return {}


def gunzip(path: str) -> Counts:
    with gzip.open(path) as stream:
        while stream.read(1 << 20):
            pass
    return {}


def _files(path: str) -> list[Path]:
    where = Path(path)
    return [where] if where.is_file() else sorted(where.iterdir())


METHODS = {"ours": ours, "python re, AWS pattern": python_re, "duckdb read_csv by blanks": read_csv,
           "limit: duckdb lines only": count_lines, "limit: wc -l": wc, "limit: gunzip only": gunzip}  # fmt: skip


def child(method: str, path: str) -> None:
    if method == "ours":
        import duckdb  # noqa: F401 - the import is not what is measured
        import numpy  # noqa: F401
    began = time.perf_counter()
    try:
        counts, error = METHODS[method](path), ""
    except Exception as caught:
        counts, error = {}, f"{type(caught).__name__}: {str(caught).splitlines()[0][:70]}"
    seconds = time.perf_counter() - began
    # ru_maxrss would be that of the parent, which Linux hands on through exec.
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    json.dump({"s": seconds, "mb": peak, "error": error, "counts": [[*k, n] for k, n in counts.items()]}, sys.stdout)


def measure(method: str, path: Path, repeat: int) -> dict:
    best: dict = {}
    for _ in range(repeat):
        out = subprocess.run(
            [sys.executable, __file__, "--child", method, "--path", str(path)], check=True, capture_output=True
        )
        result = json.loads(out.stdout)
        if not best or result["s"] < best["s"]:
            best = result
    return best


def errors(counts: list, truth: Counter) -> tuple[int, int]:
    """Rows lost in all, and rows counted under a key where they do not belong."""
    found = Counter({tuple(row[:4]): row[4] for row in counts})
    wrong = sum((found - truth).values())
    return sum(truth.values()) - sum(found.values()), wrong


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=float, default=200e6)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--child")
    parser.add_argument("--path", default="")
    args = parser.parse_args()
    if args.child:
        child(args.child, args.path)
        return
    from logs_corpus import write_log

    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "one.log"
        truth = write_log(one, int(args.size))
        rows = sum(truth.values())
        print(f"{one.stat().st_size / 1e6:,.0f} MB, {rows:,} rows, {len(truth):,} groups, {os.cpu_count()} cores")
        packed, many = Path(folder) / "one.log.gz", Path(folder) / "many"
        with packed.open("wb") as out:
            out.write(gzip.compress(one.read_bytes(), 6))
        spread(one, many, args.files)
        for label, path in (("one file", one), (f"{args.files:,} files", many), ("one gzip", packed)):
            print(f"\n{label}\n{'method':28}{'s':>8}{'MB/s':>8}{'krows/s':>9}{'peak MB':>9}{'lost':>9}{'wrong':>8}")
            for method in METHODS:
                if (args.only and method not in args.only) or ("gunzip" in method) != (
                    label == "one gzip" and "limit" in method
                ):
                    continue
                report(method, measure(method, path, args.repeat), one.stat().st_size, rows, truth)


def report(method: str, result: dict, size: int, rows: int, truth: Counter) -> None:
    speed = f"{result['s']:8.2f}{size / 1e6 / result['s']:8.0f}{rows / 1e3 / result['s']:9.0f}{result['mb']:9.0f}"
    if result["error"]:
        print(f"{method:28}{speed}  {result['error']}", flush=True)
    elif "limit" in method:
        print(f"{method:28}{speed}", flush=True)
    else:
        lost, wrong = errors(result["counts"], truth)
        print(f"{method:28}{speed}{lost:9,}{wrong:8,}", flush=True)


def spread(one: Path, many: Path, files: int) -> None:
    """The same lines in many files."""
    many.mkdir()
    lines = one.read_bytes().splitlines(keepends=True)
    each = max(1, len(lines) // files)
    for n, at in enumerate(range(0, len(lines), each)):
        (many / f"2026-11-20-00-{n // 60 % 60:02d}-{n % 60:02d}-{n:016X}").write_bytes(b"".join(lines[at : at + each]))


if __name__ == "__main__":
    main()
