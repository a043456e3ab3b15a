"""Compare the outputs of two versions of the package, byte for byte, after a change that must not
change any.

    python tools/compare_outputs.py 0f7222a .            a revision with this checkout
    python tools/compare_outputs.py . . --only '^teams'   the same twice: this must find nothing
    python tools/compare_outputs.py main . --only '^panel'   only the states of the panel

Each version runs the same command lines in a sandbox of its own: as text, as JSON, in the other
formats, as a user without permissions, and with --help. Each also shows what Python returns, and
the panel in its states as a reader sees it. Exit codes, standard output, standard error and written
files are compared. The values that differ in every run (ports, times, ids) are replaced on both
sides: ``VOLATILE`` has each with its reason. The commands are copies of a running process
(``tests/support/warm.py``), so this needs Linux. The exit code is 1 if an output differs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
CASES = ("policy-cases.ndjson", "organization-cases.ndjson", "own-policy-cases.ndjson")
POLICIES = tuple(f"policy-{number:03}.json" for number in range(0, 384, 24))
"""Files with policies of the cases of exposures."""
REQUESTS = (
    (600, "203.0.113.7", "scans/1.png", "200 -", 10),
    (540, "203.0.113.7", "scans/2.png", "200 -", 500),
    (180, "198.51.100.9", "scans/1.png", "403 AccessDenied", 700),
    (60, "203.0.113.7", "scans/3.png", "200 -", 5),
    (59, "198.51.100.23", "scans/3.png", "200 -", 65),
    (58, "192.0.2.77", "scans/3.png", "403 AccessDenied", 125),
    (30, "2001:db8:113::7", "scans/4.png", "304 -", 1),
    (29, "10.0.3.4", "scans/4.png", "200 -", 1),
)
"""Requests of a log: minutes ago, address, key, status, seconds since the URL was signed.
One URL leaked.
"""
LOG = "s3://gt-logs/compared/"
MORE = (
    *(f"verdict < {name}" for name in CASES),
    *(f"{command} --bucket-policy {name} --account 111122223333" for name in POLICIES for command in
      ("who s3://gt-images/scans/0001.png", "prove s3://gt-images --allow 203.0.113.0/24")),
    "", "--help", "--version", "no-such-command", "undo nothing --yes", "plan", "apply", "check", "report",
    "prove", "teams nobody", "plan --team nobody --allow 203.0.113.0/24", "plan s3://gt-images --allow 1.2.3.0/33",
    "who s3://nothing/key", "sign s3://nothing/key", "check -f nothing.json", "findings --explain nothing",
    f"hits {LOG}", f"hits {LOG} --by requester,operation,hour", f"leaks {LOG}", "hits requests.log --refused",
    "hits nothing", "report --buckets gt-images", "hits --bucket ml-artifacts", "findings s3://ml-artifacts", "who s3://ml-artifacts/",
    "plot log -o hits.png",
    *(f"plot {LOG} --kind {kind} -o {kind}.svg" for kind in ("network", "time", "age", "refused")),
)  # fmt: skip
"""Lines beyond one for each way in which a command runs: cases of policies,
logs in S3, and errors.
"""


class Volatile(NamedTuple):
    """A value that two runs of one version do not share,
    in all outputs or only in those of some commands.
    """

    pattern: str
    reason: str
    commands: str = ""


VOLATILE = {
    "revocation": Volatile(r"(?<=GtSecureRevokeUntil)\w+", "a revocation is named by its time"),
    "day": Volatile(r"\b\d{4}-\d\d-\d\d(?=[T ]\d\d:\d\d)", "when the run was"),
    "time": Volatile(r"(?<=<day>[T ])\d\d:\d\d", "when the run was"),
    "second": Volatile(
        r"(?<=<time>:)\d\d(\.\d+)?", "when the run was; without microseconds if they are 0"
    ),
    "instant": Volatile(r"\d{8}T\d{6}", "when a URL was signed"),
    "datetime": Volatile(r"(?<=datetime\.datetime\()\d{4}(, \d+){4,6}", "when the run was"),
    "epoch": Volatile(
        r"(?<=aws:EpochTime.: .)\d{10}|(?<=aws:epochtime.: ..)\d{10}", "when the run was"
    ),
    "http date": Volatile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "when the run was"),
    "change": Volatile(
        r"\b\d{8}-\d{6}-\d{6}-[0-9a-f]{4}\b", "the id of a change is its time and a random number"
    ),
    "hash before": Volatile(
        r"(?<=.prev.: .)[0-9a-f]{64}", "an entry of the journal has a time and random ids"
    ),
    "elapsed": Volatile(r"(?<=elapsed_ms)(=|: |\": )[\d.]+", "how long a request took"),
    "request": Volatile(r"\b[0-9A-F]{16}\b", "random id of a request to S3"),
    "host id": Volatile(r"(?<='x-amz-id-2': ')[\w-]{43}", "random id of a request to S3"),
    "uuid": Volatile(
        r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "random id of a request or an event"
    ),
    "marker": Volatile(r"\b[0-9a-f]{32}\b", "random id of a test URL"),
    "seconds": Volatile(r"(?<=\bseconds)(\": |: )[\d.]+", "how long a report took"),
    "seconds left": Volatile(
        r"(?<=seconds_left: )[\d.]+", "what is left of the life of a test URL"
    ),
    "countdown": Volatile(
        r"\b\d+:\d\d(?= left)|(?<=Expires in\n)\d+:\d\d",
        "what is left of the life of a test URL",
        "^panel",
    ),
    "reading": Volatile(
        r"(?<=as read )\d\d:\d\d:\d\d|(?<=checked at )\d\d:\d\d:\d\d|(?<=change of )\d\d:\d\d",
        "when the account was read",
        "panel",
    ),
    "clock": Volatile(r"\b\d+(?= s off)", "a busy machine answers a second later"),
    "cache size": Volatile(r"(?<=\"bytes\": )\d+", "random ids are compressed to other sizes"),
    "port": Volatile(r"(?<=127\.0\.0\.1)(:|', )\d+", "the sandbox listens on a free port"),
    "process": Volatile(r"(?<='pid': )\d+", "the journal has the process that made a change"),
    "address": Volatile(r"(?<= at )0x[0-9a-f]+", "where an object is in memory"),
    "delivery": Volatile(r"(?<=last delivery )\d+ \w{3} \d\d:\d\d", "when the log was put into S3"),
    "delay": Volatile(
        r"(?<=typical_delay_s)(=|: )[\d.]+", "how long after a request the log was put into S3"
    ),
    "digest": Volatile(
        r"(?<=sha256:)[0-9a-f]{64}",
        "a plan to revoke has its time",
        "^gt-secure revoke|^python: revo",
    ),
    "sandbox": Volatile(r"(?<=/gt-secure-sandbox-)\w{8}", "temporary folder of a sandbox"),
}


def normalised(name: str, text: str, folder: Path, tree: Path) -> str:
    """Return the output of a command with names in place of the folders of its run,
    and of what is volatile.
    """
    text = text.replace(str(folder), "<folder>").replace(str(tree), "<tree>")
    for value, volatile in VOLATILE.items():
        if re.search(volatile.commands, name):
            text = re.sub(volatile.pattern, f"<{value}>", text)
    return text


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each command whose output differs, with a unified diff;
    an output of one side only is a difference.
    """
    for name in dict.fromkeys([*before, *after]):
        sides = [side.get(name, "(not run)").split("\n") for side in (before, after)]
        if sides[0] != sides[1]:
            yield name, "\n".join(difflib.unified_diff(*sides, "before", "after", lineterm=""))


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two versions; return 1 if an output differs."""
    parser = argparse.ArgumentParser(
        description="compare the outputs of two versions of the package"
    )
    parser.add_argument("before", help="a folder, or a revision of git")
    parser.add_argument("after", help="a folder, or a revision of git")
    parser.add_argument(
        "--only", default="", metavar="REGEX", help="compare only the commands that match"
    )
    parser.add_argument("--record", type=dt.datetime.fromisoformat, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.record:
        record(Path(options.before), Path(options.after), options.only, options.record)
        return 0
    with tempfile.TemporaryDirectory(prefix="compare-") as temporary:
        home = Path(temporary).resolve()
        with (
            tree_of(options.before, home / "before") as before,
            tree_of(options.after, home / "after") as after,
        ):
            outputs = outputs_of([before, after], home, options.only)
    found = list(differences(*outputs))
    for name, diff in found:
        print(f"## {name}\n{diff}\n")
    print(f"{len({**outputs[0], **outputs[1]})} outputs compared, {len(found)} different")
    return int(bool(found))


@contextmanager
def tree_of(named: str, place: Path) -> Iterator[Path]:
    """Give the folder of a version; that of a revision exists as long as the block."""
    if (Path(named) / "gt_secure").is_dir():
        yield Path(named).resolve()
        return
    subprocess.run(
        ["git", "worktree", "add", "--quiet", "--detach", place, named], cwd=ROOT, check=True
    )
    try:
        yield place
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", place], cwd=ROOT, check=True)


def outputs_of(trees: Sequence[Path], home: Path, only: str) -> list[dict[str, str]]:
    """Run the commands in all versions at the same time, so that the clock is the same,
    and return their outputs.
    """
    (home / "sitecustomize.py").write_text(NO_OTHER_PACKAGE, encoding="utf-8")
    now, runs = dt.datetime.now(dt.UTC).isoformat(), []
    for number, tree in enumerate(trees):
        folder = home / str(number)  # of one length: texts are filled to a width
        folder.mkdir()
        command = [
            sys.executable,
            __file__,
            str(tree),
            str(folder),
            "--only",
            only,
            "--record",
            now,
        ]
        env = {
            **os.environ,
            "PYTHONPATH": f"{tree}{os.pathsep}{home}",
            "PYTHONHASHSEED": "0",  # botocore puts a set into the name of its user agent
            "GT_SECURE_REPORTS": f"{folder}-reports",
        }
        runs.append(
            subprocess.Popen(command, env={name: env[name] for name in env if name != "COLUMNS"})
        )
    codes = [run.wait() for run in runs]
    if any(codes):
        raise SystemExit("a version could not be run")
    texts = [
        json.loads((home / f"{number}.json").read_text(encoding="utf-8"))
        for number in range(len(trees))
    ]
    return [
        {
            name: normalised(name, text, home / str(number), tree)
            for name, text in texts[number].items()
        }
        for number, tree in enumerate(trees)
    ]


NO_OTHER_PACKAGE = """
import sys

for finder in [*sys.meta_path]:  # an editable installation would fill in modules that the version does not have
    if "gt_secure" in getattr(sys.modules.get(finder.__module__), "MAPPING", {}):
        sys.meta_path.remove(finder)
"""


def record(tree: Path, folder: Path, only: str, now: dt.datetime) -> None:
    """Run the commands with the package of this process, which is that of the version,
    and keep what they printed.
    """
    sys.path.append(str(ROOT / "tests"))
    import boto3

    import gt_secure
    from support.command_lines import FIRST, LINES, filled_in, names_of_lines
    from support.panel_states import panel_states
    from support.views import views
    from support.warm import Warm

    assert Path(gt_secure.__file__).parents[1] == tree, f"{gt_secure.__file__} is not of {tree}"
    outputs: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory(prefix="warm-") as short,
        Warm(Path(short)).serve(),  # a cold start of each command would take an hour
        gt_secure.sandbox.Sandbox(log_delay_s=24 * 3600, workforce_delay_s=0.05) as sandbox,
    ):
        os.environ |= sandbox.environment()
        run = partial(output_of, Path(short, "bin", "gt-secure"), folder)

        def start_again() -> dict[str, str]:
            """Put the sandbox and the folder back, apply a first change,
            and return the names that lines need.
            """
            sandbox.reset()
            write_files(folder, now)
            boto3.client("s3").upload_file(
                "requests.log", "gt-logs", "compared/2026-11-20-10-00-00-0123456789ABCDEF"
            )
            outputs[f"gt-secure {FIRST}"] = run(FIRST)
            try:
                return names_of_lines()
            except (
                StopIteration
            ):  # another version asks something else before it applies: its outputs show that
                return {}

        commands = re.findall(r"^  ([a-z]+)  ", run("--help"), re.MULTILINE)
        helps = {name: run(f"{name} --help") for name in commands}
        outputs |= {
            f"gt-secure {name} --help": text
            for name, text in helps.items()
            if re.search(only, name)
        }
        chosen = [line for line in LINES if re.search(only, line)]
        others = [line for line in MORE if re.search(only, line)]
        formats = {line: list(in_other_formats(line, helps)) for line in (*chosen, *others)}
        as_json = {
            line: [each for each in found if "--json" in each] for line, found in formats.items()
        }
        others += [f"{name} --jsno" for name in commands if re.search(only, name)]
        second = [
            each
            for line, found in formats.items()
            for each in (found if line in chosen else as_json[line])
        ]
        refused = [*chosen, *(each for line in chosen for each in as_json[line])]
        for note, lines in (
            ("", chosen + others),
            ("", second),
            (" (without permissions)", refused),
        ):
            if not lines:
                continue
            names = start_again()
            env = keys_of_nobody() if note else {}
            for line in lines:
                outputs[f"gt-secure {line}{note}"] = run(filled_in(line, names), env)
                if line.startswith("revoke"):  # which writes the time into the policy
                    names = start_again()
        if re.search(only, "python"):
            start_again()
            outputs |= {f"python: {name}": text for name, text in views(now)}
        if re.search(only, "panel"):
            sandbox.reset()
            write_files(folder, now)
            outputs |= {f"panel: {name}": text for name, text in panel_states(keys_of_nobody)}
    folder.with_suffix(".json").write_text(json.dumps(outputs), encoding="utf-8")


def write_files(folder: Path, now: dt.datetime) -> None:
    """Make the folder again, with the files that lines name, and change into it."""
    from support import command_lines

    for kept in (folder, os.environ["GT_SECURE_REPORTS"]):
        shutil.rmtree(kept, ignore_errors=True)
    folder.mkdir()
    os.chdir(folder)
    command_lines.write_files(folder, now)
    for name in CASES:
        shutil.copy(DATA / name, folder)
    exposures = (DATA / "exposure-cases.ndjson").read_text(encoding="utf-8").splitlines()
    for name in POLICIES:
        Path(name).write_text(
            json.dumps(json.loads(exposures[int(name[7:10])])["policy"]), encoding="utf-8"
        )
    requests = [
        command_lines.log_line(now - dt.timedelta(minutes=minutes), ip, key, status, signed_s)
        for minutes, ip, key, status, signed_s in REQUESTS
    ]
    Path("requests.log").write_text("".join(requests), encoding="utf-8")


def keys_of_nobody() -> dict[str, str]:
    """Make a user without permissions; return the variables with its keys."""
    import boto3

    iam = boto3.client("iam")
    iam.create_user(UserName="nobody")
    keys = iam.create_access_key(UserName="nobody")["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
    }


def in_other_formats(line: str, helps: Mapping[str, str]) -> Iterator[str]:
    """Yield a line in each other format that the help of its command offers."""
    words, _, source = line.partition(" < ")
    text = helps.get(line.partition(" ")[0], "")
    if re.search(r"--(json|format|help)\b", line):
        return
    options = ["--json"] * ("--json" in text)
    for choice in re.findall(r"--format \{([^}]*)\}", text)[:1]:
        options += [f"--format {each}" for each in re.split(r",\s*", choice)]
    options += [
        f"--{option} report.{option}" for option in ("sarif", "junit") if f"--{option} FILE" in text
    ]
    yield from (f"{words} {option}" + (f" < {source}" if source else "") for option in options)


def output_of(program: Path, folder: Path, line: str, env: Mapping[str, str] | None = None) -> str:
    """Run a command line and return its exit code, what it printed, and the files that it wrote."""
    words, _, source = line.partition(" < ")
    before = _files(folder)
    done = subprocess.run(
        [program, *shlex.split(words)],
        input=(folder / source).read_bytes() if source else b"",
        env={**os.environ, **(env or {})},
        cwd=folder,
        capture_output=True,
        check=False,
    )
    parts = {"stdout": done.stdout, "stderr": done.stderr}
    parts |= {
        path: content for path, content in _files(folder).items() if before.get(path) != content
    }
    shown = (
        f"--- {name}\n{content.decode('utf-8', 'backslashreplace')}"
        for name, content in parts.items()
    )
    return "\n".join([f"exit code {done.returncode}", *shown])


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


if __name__ == "__main__":
    sys.exit(main())
