"""Hits by address, status, authentication type and hour: ours beside the peers and the limits, in
one run.

    python benchmarks/logs.py [--size 1e9] [--files 20000] [--repeat 3] [--keep DIR] [--peers VENV...] [--realtime]
    python benchmarks/logs.py --memory [--sizes 1e9 4e9 10e9]

The same lines as one file, as many files, packed with gzip, and as objects over HTTP. Every method
runs in a process of its own; time is the best of the repeats, without imports but for the whole
command and for programs; memory is the peak of that process. The generator knows the exact counts:
``lost`` are rows that a method leaves out, ``wrong`` rows under another key. Slow methods run on a
tenth of the log, and their row says so. ``/ours`` compares times per byte. ``--before VENV`` runs
another version of gt_secure right after this one, with the same libraries; ``--latency 30`` fetches
the objects once more through a proxy that delivers every reply 30 ms later.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from logs_corpus import Logs, prepare  # noqa: E402
from logs_methods import CACHED, FOUR, METHODS, Method  # noqa: E402

_SCRIPT = Path(__file__).with_name("logs_methods.py")
_COLUMNS = f"{'method':40}{'s':>8}{'cpu s':>8}{'MB/s':>8}{'krows/s':>9}{'/ours':>8}{'peak MB':>9}{'lost':>9}{'wrong':>8}"


class Bench:
    """Runs methods and prints their rows."""

    def __init__(self, args: argparse.Namespace, logs: Logs, part: Logs) -> None:
        self.logs, self.part = logs, part
        self.repeat, self.only, self.timeout = args.repeat, args.only, args.timeout
        self.before = str(Path(args.before) / "bin" / "python") if args.before else None
        self.pythons = [sys.executable, *(str(Path(p) / "bin" / "python") for p in args.peers)]
        self.prefix = realtime() if args.realtime else []
        self.environment = dict(os.environ)

    def table(self, title: str, form: str, paths: dict[bool, str]) -> None:
        """One form of the logs; ``paths`` of the whole (False) and of the part (True)."""
        print(f"\n{title}\n{_COLUMNS}", flush=True)
        ours = 0.0
        # The other version runs right after this one: other work on the machine changes from minute
        # to minute.
        both = (
            [m, replace(m, name=m.name.replace("ours", "before", 1), ours=False)]
            if m.ours and self.before
            else [m]
            for m in METHODS
        )
        for method in itertools.chain.from_iterable(both):
            name = method.name.replace("before", "ours", 1)
            if form not in method.forms.split() or (
                self.only and not any(o in name for o in self.only)
            ):
                continue
            python = str(self.before) if method.name.startswith("before: ") else self.where(method)
            if python is None:
                how = method.install if " " in method.install else f"pip install {method.install}"
                print(f"{method.name:40}  is not here: {how}", flush=True)
                continue
            result = self.measure(method, paths[method.part], python)
            per_byte = result["s"] / (self.part if method.part else self.logs).size
            if method.ours:
                ours = ours or per_byte
            self.report(method, result, per_byte / ours if ours else None)

    def where(self, method: Method) -> str | None:
        """The Python that has what a method needs."""
        if method.program and not shutil.which(method.program):
            return None
        for python in self.pythons:
            if python == sys.executable:
                found = all(importlib.util.find_spec(name) for name in method.needs)
            else:
                probe = (
                    "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec,"
                    f" {method.needs!r})))"
                )
                found = subprocess.run([python, "-c", probe]).returncode == 0
            if found:
                return python
        return None

    def measure(
        self, method: Method, path: str, python: str = sys.executable, repeat: int | None = None
    ) -> dict:
        best: dict[str, Any] = {}
        for _ in range(repeat or self.repeat):
            command = [
                *self.prefix,
                python,
                str(_SCRIPT),
                method.name.replace("before", "ours", 1),
                path,
            ]
            environment = (
                {**self.environment, "PYTHONPATH": ""}
                if python == self.before
                else self.environment
            )
            try:
                out = subprocess.run(
                    command, capture_output=True, env=environment, timeout=self.timeout
                )
            except subprocess.TimeoutExpired:
                return {"s": self.timeout, "mb": 0, "error": f"stopped after {self.timeout:.0f} s"}
            if out.returncode:
                said = out.stderr.decode("utf-8", "replace").strip().splitlines()
                return {
                    "s": float("nan"),
                    "mb": 0,
                    "error": (said or [f"ended with {out.returncode}"])[-1][:90],
                }
            result = json.loads(out.stdout)
            if not best or result["s"] < best["s"]:
                best = result
            if result["error"] or (result["s"] > 20 and not method.ours):
                break
        return best

    def report(self, method: Method, result: dict, ratio: float | None) -> None:
        logs = self.part if method.part else self.logs
        used = f"{result['s']:8.2f}{result.get('cpu', 0):8.2f}"
        speed = f"{used}{logs.size / 1e6 / result['s']:8.0f}{logs.rows / 1e3 / result['s']:9.0f}"
        row = f"{method.name:40}{speed}{'' if ratio is None else f'{ratio:.2f}':>8}{result['mb']:9.0f}"
        notes = [result.get("note", ""), f"on {logs.size / 1e6:.0f} MB" if method.part else ""]
        if result["error"]:
            row, notes = f"{method.name:40}", [f"fails: {result['error']}"]
        elif result["lost"] is not None:
            row += f"{result['lost']:9,}{'?':>8}"
        elif result["counts"]:
            lost, wrong = errors(result, logs.truth)
            row += f"{lost:9,}{wrong:8,}"
        elif not method.limit:
            row += f"{'?':>9}{'?':>8}"
        print("  ".join([row, "; ".join(note for note in notes if note)]).rstrip(), flush=True)

    def looks(self, path: str) -> None:
        """The first and the second look at the same objects, each best of the repeats."""
        seconds: dict[str, list[float]] = {"first": [], "second": []}
        for _ in range(self.repeat):
            with tempfile.TemporaryDirectory() as folder:
                self.environment["GT_SECURE_CACHE"] = folder
                for look in seconds:
                    result = self.measure(CACHED, path, repeat=1)
                    if result["error"]:
                        print(f"{CACHED.name}: {result['error']}")
                        return
                    lost, wrong = errors(result, self.logs.truth)
                    seconds[look].append(result["s"])
                    print(
                        f"{CACHED.name + ', ' + look:42}{result['s']:8.2f} s{lost:9,}"
                        f" lost{wrong:8,} wrong"
                    )
        first, second = min(seconds["first"]), min(seconds["second"])
        print(f"second look / first look: {second / first:.1%}", flush=True)


def errors(result: dict, truth: Counter) -> tuple[int, int]:
    """Rows lost in all, and rows counted under a key where they do not belong;
    on the columns that a method has.
    """
    keep = [FOUR.index(name) for name in result["columns"]]
    expected: Counter = Counter()
    for key, number in truth.items():
        expected[tuple(key[i] for i in keep)] += number
    found: Counter = Counter()
    for row in result["counts"]:
        found[tuple(row[:-1])] += row[-1]
    return sum(expected.values()) - sum(found.values()), sum((found - expected).values())


def realtime() -> list[str]:
    """Let a measured process run before all others: for machines that do other work too."""
    prefix = ["chrt", "-r", "10"]
    if (
        not shutil.which("chrt")
        or subprocess.run([*prefix, "true"], capture_output=True).returncode
    ):
        raise SystemExit("--realtime needs chrt and the right to use it.")
    return prefix


def memory(args: argparse.Namespace, folder: Path) -> None:
    """Peak memory over the size of the log: one log of 1 GB over and over,
    so that the groups stay the same.
    """
    base = prepare(folder, int(args.sizes[0]), args.files, forms=False)
    methods = [m for m in METHODS if m.name in ("ours: count_hits", "ours: read_hits, then count")]
    bench = Bench(args, base, base)
    print(
        f"{base.rows:,} rows and {len(base.truth):,} groups in {base.size / 1e9:.2f} GB,"
        f" repeated\n{_COLUMNS}"
    )
    big = folder / "big.log"
    for size in args.sizes:
        times = max(1, round(size / base.size))
        with big.open("wb") as out:
            for _ in range(times):
                with base.one.open("rb") as lines:
                    shutil.copyfileobj(lines, out, 16 << 20)
        logs = Logs(
            folder, Counter({key: n * times for key, n in base.truth.items()}), big.stat().st_size
        )
        bench.logs = logs
        print(f"{logs.size / 1e9:.1f} GB")
        for method in methods:
            bench.report(method, bench.measure(method, str(big), repeat=1), None)
    big.unlink()


def machine() -> str:
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())  # fmt: skip
    import duckdb

    return (
        f"{os.cpu_count()} cores, {model}; Python {platform.python_version()}, DuckDB"
        f" {duckdb.__version__}"
    )


@contextlib.contextmanager
def working_folder(keep: str | None) -> Iterator[Path]:
    if keep:
        yield Path(keep)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def over_http(bench: Bench, args: argparse.Namespace, folder: Path) -> None:
    from logs_store import BUCKET, object_store, put_all

    try:
        with object_store(args.store, folder / "store", bench.prefix) as (environment, name):
            bench.environment.update(environment)
            seconds = put_all(bench.logs.many, "all/", environment)
            put_all(bench.part.many, "part/", environment)
            title = (
                f"{args.files:,} objects over HTTP ({name} on the same cores; putting them took"
                f" {seconds:.0f} s)"
            )
            paths = {False: f"s3://{BUCKET}/all/", True: f"s3://{BUCKET}/part/"}
            bench.table(title, "http", paths)
            if args.latency:
                slow_replies(bench, args, paths)
            if not bench.only or any(o in CACHED.name for o in bench.only):
                bench.looks(f"s3://{BUCKET}/all/")
    except FileNotFoundError as missing:
        print(f"\nobjects over HTTP: {missing}")
    finally:
        shutil.rmtree(folder / "store", ignore_errors=True)


def slow_replies(bench: Bench, args: argparse.Namespace, paths: dict[bool, str]) -> None:
    """The same objects through a proxy that delivers every reply later."""
    from latency_proxy import delayed

    known = dict(bench.environment)
    with delayed(known["AWS_ENDPOINT_URL"], args.latency) as endpoint:
        bench.environment |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ENDPOINT_URL_S3": endpoint}
        bench.environment["GT_SECURE_BENCH_LATENCY"] = str(args.latency)
        bench.table(f"the same with {args.latency:.0f} ms added to each reply", "http", paths)
    bench.environment = known


def same_libraries(before: str) -> None:
    """Refuse a comparison in which another version of a library would make the difference."""
    names = ("botocore", "duckdb", "numpy", "urllib3")
    show = (
        f"import importlib.metadata as m; print(*(f'{{n}} {{m.version(n)}}' for n in {names}),"
        " sep=', ')"
    )
    pythons = (sys.executable, str(Path(before) / "bin" / "python"))
    ours, theirs = (
        subprocess.check_output([python, "-P", "-c", show], text=True).strip() for python in pythons
    )
    if ours != theirs:
        raise SystemExit(
            f"Install the same libraries in both environments: here {ours}; in {before} {theirs}."
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__
    )
    parser.add_argument("--size", type=float, default=200e6, help="bytes")
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="parts of methods' names")
    parser.add_argument(
        "--forms", nargs="*", default=["one", "many", "packed", "many_packed", "http"]
    )
    parser.add_argument("--keep", help="make the logs in this folder, or use those that are there")
    parser.add_argument("--peers", nargs="*", default=[], help="virtual environments with peers")
    parser.add_argument(
        "--before", help="virtual environment with another version of gt_secure, for the same run"
    )
    parser.add_argument(
        "--latency", type=float, default=0.0, help="milliseconds that a proxy adds to each reply"
    )
    parser.add_argument("--store", choices=("seaweedfs", "sandbox"), default="seaweedfs")
    parser.add_argument(
        "--timeout", type=float, default=600.0, help="seconds for one run of one method"
    )
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run before everything else on the machine (chrt -r)",
    )
    parser.add_argument("--memory", action="store_true", help="peak memory over the size")
    parser.add_argument("--sizes", nargs="*", type=float, default=[1e9, 4e9, 10e9])
    args = parser.parse_args()
    if args.before:
        same_libraries(args.before)
    with working_folder(args.keep) as folder:
        print(machine())
        if args.memory:
            memory(args, folder)
            return
        several = {*args.forms} != {"one"}
        logs = prepare(folder, int(args.size), args.files, several)
        part = prepare(folder / "part", int(args.size) // 10, max(1, args.files // 10), several)
        packed = f"; as gzip {logs.packed.stat().st_size / 1e6:,.0f} MB" if several else ""
        print(f"{logs.size / 1e6:,.0f} MB, {logs.rows:,} rows, {len(logs.truth):,} groups{packed}")
        bench = Bench(args, logs, part)
        titles = {"one": "one file", "many": f"{args.files:,} files", "packed": "one gzip",
                  "many_packed": f"{args.files:,} gzip files"}  # fmt: skip
        paths = {"one": "one", "many": "many", "packed": "packed", "many_packed": "many_packed"}
        for form, title in titles.items():
            if form in args.forms:
                bench.table(
                    title,
                    form,
                    {p: str(getattr(part if p else logs, paths[form])) for p in (False, True)},
                )
        if "http" in args.forms:
            over_http(bench, args, folder)


if __name__ == "__main__":
    main()
