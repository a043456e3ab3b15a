"""Ctrl-C, SIGTERM and SIGHUP end a command with one line and exit code 130;
one that writes is rolled back first.
"""

from __future__ import annotations

import ast
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest

import gt_secure.cli
from gt_secure.changes import Journal
from gt_secure.changes.plan import plan
from gt_secure.changes.undo import resume, undo
from gt_secure.cli.commands import COMMANDS
from gt_secure.cli.main import main
from gt_secure.connection import Connection
from gt_secure.logs.engines.duckdb_store import Store, run_interruptible
from gt_secure.restriction.model import Restriction
from support import corpus
from support.account import BUCKET, TEAM, Account
from support.box import until
from support.consents import apply_agreed as apply
from support.faults import Wire, in_child, name_of
from support.sample import sample

START = (
    "import sys; from gt_secure.cli.__main__ import run; from gt_secure.cli.interrupts import"
    " end_on_interrupt; end_on_interrupt(); sys.stderr.write('up\\n'); sys.stderr.flush();"
    " sys.exit(run())"
)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

CONFIRM = ("--confirm", "url-lock-one-path", "--confirm", "loses-access:radiology-team")
WORDS = {
    "apply": (
        "apply",
        "--team",
        TEAM,
        "--allow",
        "203.0.113.0/24",
        f"s3://{BUCKET}",
        "--yes",
        *CONFIRM,
    ),
    "undo": ("undo", "--yes"),
    "revoke": ("revoke", f"s3://{BUCKET}", "--before", "1h", "--yes"),
}
Moment = Literal["before the write", "after the write", "verify"]
MOMENTS: tuple[Moment, ...] = ("before the write", "after the write", "verify")


class Press(Wire):
    """Acts once at a moment of the first write, or also at each call after it."""

    def __init__(self, moment: Moment, act: Callable[[], Any], *, again: bool = False) -> None:
        super().__init__(-1, "lost")
        self.moment, self.act, self.again = moment, act, again
        self.written = self.pressed = False

    def _one(self, session: Any, request: Any) -> Any:
        writes = name_of(request).startswith(("PUT", "DELETE", "Update"))
        self._at("before the write", writes)
        response = self._send(session, request)
        self._at("verify", self.written)
        self.written = self.written or writes
        self._at("after the write", writes)
        return response

    def _at(self, moment: Moment, now: bool) -> None:
        if (now and moment == self.moment and not self.pressed) or (self.pressed and self.again):
            self.pressed = True
            self.act()


def press(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


class Runs:
    """Commands in forked processes, whose clients are made but unused."""

    def __init__(self, account: Account, tmp: Path) -> None:
        self.account, self.tmp, self.journal = account, tmp, Journal(tmp / "journal")
        self.aws = account.rig.aws()
        for service in ("s3", "sagemaker", "sts", "ec2"):
            self.aws.client(service)

    def before(self, command: str) -> dict[str, Any]:
        """Set the account as it is before the command."""
        if command == "undo":
            wish = Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET)
            apply(self.account.aws, plan(self.account.aws, wish), journal=self.journal)
        return self.account.look()

    def work(self, command: str) -> int:
        """Run the command, as the first process of it: with its own streams,
        and signals handled.
        """
        for module in ("changes", "revoke"):
            connection = lambda _, **options: Connection(self.aws, self.journal, **options)  # noqa: E731
            setattr(sys.modules[f"gt_secure.cli.{module}"], "connection", connection)  # noqa: B010
        named = [next(iter(self.journal)).id] if command == "undo" else []
        sys.argv[:] = ["gt-secure", *WORDS[command], *named]
        return main()

    def in_child(self, command: str, wire: Wire) -> tuple[int, str]:
        """Return the exit code, and what standard error says."""

        def work() -> tuple[int, str]:
            with (
                (self.tmp / "out").open("w") as sys.stdout,
                (self.tmp / "err").open("w") as sys.stderr,
            ):
                code = self.work(command)
            return code, (self.tmp / "err").read_text()

        _, ((how, found), _, _) = in_child(work, wire=wire, pipe=self.tmp / "pipe")
        assert how == "returned", found
        return found[0], found[1]

    def is_whole(self, command: str, before: dict[str, Any]) -> None:
        """The account is as before, and the journal says so."""
        assert self.account.look() == before
        assert not any(each.problems for each in self.journal)
        assert [each.status for each in self.journal][command == "undo" :] == ["rolled-back"]


@pytest.fixture
def runs(account: Account, tmp_path: Path) -> Runs:
    import gt_secure.cli.changes
    import gt_secure.cli.revoke  # noqa: F401

    return Runs(account, tmp_path)


@pytest.mark.parametrize(
    ("command", "number", "moment"), sample(product(WORDS, SIGNALS, MOMENTS), 4)
)
def test_a_command_that_writes_is_rolled_back(
    runs: Runs, command: str, number: signal.Signals, moment: Moment
) -> None:
    before = runs.before(command)
    code, said = runs.in_child(command, Press(moment, press(number)))
    assert (code, said.splitlines()[-1]) == (
        130,
        "Interrupted. The change was rolled back completely.",
    ), said
    runs.is_whole(command, before)


@pytest.mark.parametrize("number", SIGNALS[1:])
def test_the_same_signal_again_does_not_stop_the_rollback(
    runs: Runs, number: signal.Signals
) -> None:
    before = runs.before("apply")
    code, said = runs.in_child("apply", Press("after the write", press(number), again=True))
    assert (code, said.splitlines()[-1]) == (
        130,
        "Interrupted. The change was rolled back completely.",
    ), said
    runs.is_whole("apply", before)


class Sync(Wire):
    """Presses in the n-th sync of a file, before or after it; each takes a while,
    as on a network file system.
    """

    def __init__(self, at: int, number: signal.Signals, *, late: bool) -> None:
        super().__init__(-1, "lost")
        self.press, self.number, self.late, self.calls = at, number, late, 0

    def install(self) -> None:
        real = os.fsync

        def fsync(handle: int) -> None:
            self.calls += 1
            time.sleep(0.02)
            if self.late:
                real(handle)
            if self.calls == self.press:
                os.kill(os.getpid(), self.number)
            if not self.late:
                real(handle)

        os.fsync = fsync  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("command", "at", "late"), sample(product(WORDS, range(1, 17), (False, True)), 24, start=7)
)
def test_a_signal_in_a_slow_sync(runs: Runs, command: str, at: int, late: bool) -> None:
    before = runs.before(command)
    code, said = runs.in_child(command, Sync(at, SIGNALS[at % 3], late=late))
    records, now = list(runs.journal)[command == "undo" :], runs.account.look()
    assert not any(each.problems for each in records)
    status = records[-1].status if records else "none"
    last = said.splitlines()[-1] if said else ""
    assert code == (0 if not last.startswith("Interrupted") else 130), said
    is_taken_back = "completely" in last or "Nothing was changed." in last
    assert is_taken_back == (status == "rolled-back"), (status, said)
    assert ("is applied" in last or "is complete" in last or code == 0) == (status == "applied"), (
        status,
        said,
    )
    assert now == before or status in ("applied", "unfinished"), (status, said)
    if status == "unfinished":
        assert records[-1].id in last
        (resume if command == "undo" else undo)(
            runs.account.aws, records[-1].id, journal=runs.journal
        )
        assert command == "undo" or runs.account.look() == before
    elif code == 130 and status == "applied" and command != "undo":
        undo(runs.account.aws, records[-1].id, journal=runs.journal)
        assert runs.account.look() == before


def test_a_terminal_that_is_closed(runs: Runs) -> None:
    before = runs.before("apply")
    written, write = os.pipe()

    def wait() -> None:
        os.write(write, b".")
        time.sleep(30)

    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - the child
        code = 1
        try:
            Press("after the write", wait).install()
            sys.stdout, sys.stderr = (
                os.fdopen(1, "w", closefd=False),
                os.fdopen(2, "w", closefd=False),
            )
            code = runs.work("apply")
        finally:
            os._exit(code)
    assert os.read(written, 1) == b"."
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    runs.is_whole("apply", before)


WRITING = {"apply", "undo", "resume", "revoke", "plan_undo"}
"""Methods of a connection that change something, or prepare it."""


class Module:
    """The functions of a module of commands, and what its names mean."""

    def __init__(self, path: Path) -> None:
        self.name, self.tree = path.stem, ast.parse(path.read_text())
        self.bodies = {
            node.name: node
            for node in self.tree.body
            if hasattr(node, "body") and hasattr(node, "name")
        }
        imports = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and node.level == 1
        ]
        self.imported = {
            alias.asname or alias.name: (each.module, alias.name)
            for each in imports
            for alias in each.names
        }

    def used(self, tree: ast.AST) -> Iterator[tuple[str, str]]:
        """Yield the functions that a part of the module names,
        and methods of other things as ("", name).
        """
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                yield (
                    (self.name, node.id)
                    if node.id in self.bodies
                    else self.imported.get(node.id, ("", ""))
                )
            elif isinstance(node, ast.Attribute):
                owner = self.imported.get(getattr(node.value, "id", ""), ("", ""))
                yield ("" if owner[0] else owner[1], node.attr)

    def of_command(self, name: str) -> Iterator[tuple[str, str]]:
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Call)
                and node.args[:1]
                and getattr(node.args[0], "value", "") == name
            ):
                yield from self.used(node)


def test_every_command_that_can_write_is_unwound() -> None:
    paths = Path(gt_secure.cli.__path__[0]).glob("*.py")
    # it has its own sandbox
    modules = {path.stem: Module(path) for path in paths if path.stem != "demonstration"}
    writing = set()
    for command in COMMANDS:
        reached: set[tuple[str, str]] = set()
        waiting = set(modules[command.module].of_command(command.name))
        assert len(waiting) > 1, command.name
        while waiting:
            module, name = one = waiting.pop()
            reached.add(one)
            body = modules[module].bodies.get(name) if module in modules else None
            waiting |= set(modules[module].used(body) if body is not None else ()) - reached
        if reached & {("", method) for method in WRITING}:
            writing.add(command.name)
            assert command.writes, command.name
    assert writing == set(WORDS)


URL = (
    "https://gt-images.s3.dualstack.us-east-1.amazonaws.com/scans/%C3%A9.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE"
    "%2F20261120%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261120T090000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=0123456789abcdef"
)
CLOSED, FULL = (
    "Standard output is closed. Nothing was done.",
    "The output cannot be written: No space left on device.",
)
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("words", "to", "more", "code", "said"),
    [
        ("inspect", ">&-", {}, 1, CLOSED),
        ("inspect --json", ">&-", {}, 1, CLOSED),
        ("inspect", ">/dev/full", {}, 1, FULL),
        ("inspect", ">/dev/full", {"PYTHONUNBUFFERED": "1"}, 1, FULL),
        ("--help", ">/dev/full", {}, 1, FULL),
        ("--help", ">/dev/full", {"PYTHONUNBUFFERED": "1"}, 1, FULL),
        ("apply --help", ">/dev/full", {}, 1, FULL),
        ("inspect", "2>&-", {}, 0, ""),
        ("inspect", "", ASCII, 0, ""),
        ("inspect --json", "", ASCII, 0, ""),
        ("--help", "| head -1", {}, 0, ""),
    ],
)  # fmt: skip
def test_output_that_cannot_be_written(
    words: str, to: str, more: dict[str, str], code: int, said: str
) -> None:
    command = f"set -o pipefail; {shlex.quote(sys.executable)} -m gt_secure.cli {words} {to}"
    env = os.environ | {"PYTHONUNBUFFERED": ""} | more
    done = subprocess.run(["bash", "-c", command], input=URL.encode(), capture_output=True, env=env)
    error = done.stderr.decode()
    assert (done.returncode, said in error) == (code, True), error
    assert len(error.splitlines()) == (2 if said else 0), error
    if more is ASCII:
        assert "scans/é.png" in done.stdout.decode()


def test_a_plan_that_cannot_be_shown_is_not_applied(runs: Runs) -> None:
    before = runs.before("apply")

    def work() -> int:
        sys.stdout = open("/dev/full", "w")  # noqa: SIM115 - until the process ends
        sys.stderr = (runs.tmp / "err").open("w")
        return runs.work("apply")

    _, ((_, code), _, _) = in_child(work, wire=None, pipe=runs.tmp / "pipe")
    assert code == 1
    assert "No space left" in (runs.tmp / "err").read_text()
    assert runs.account.look() == before
    assert not list(runs.journal)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that takes a while: 60 MB."""
    path = tmp_path_factory.mktemp("log") / "log"
    line = corpus.write({**corpus.BASE, **corpus.PRESIGNED})
    lines = [
        line.replace("203.0.113.7", f"203.0.{n % 4}.{n % 250}").replace("0007", f"{n:04d}")
        for n in range(1000)
    ]
    path.write_text("".join(f"{text}\n" for text in lines) * 90)
    return path


def interrupted(words: list[str], after_s: float, number: int, folder: Path) -> tuple[int, str]:
    """Run a command on a terminal and send a signal; return its exit code and its output."""
    person, terminal = pty.openpty()
    env = {**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    process = subprocess.Popen(
        [sys.executable, "-c", START, *words],
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env=env,
    )
    os.close(terminal)
    written = b""
    while b"up" not in written:
        written += os.read(person, 4096)
    time.sleep(after_s)
    process.send_signal(number)
    code = process.wait(300)
    try:
        while data := os.read(person, 65536):
            written += data
    except OSError:  # the terminal's other side is closed
        pass
    os.close(person)
    return code, written.decode("utf-8", "replace").split("up", 1)[1]


def said(text: str) -> list[str]:
    """The lines that stay on the terminal: without progress, which rewrites its line."""
    lines = [
        re.split(r"\r(?!\n)", line.rstrip("\r"))[-1].replace("\x1b[K", "")
        for line in text.split("\n")
    ]
    return [line for line in (line.strip() for line in lines) if line]


LATE = """
import os, signal, sys
from gt_secure.cli.main import main

class Late:
    kill, here, signal = staticmethod(os.kill), os.getpid(), signal.SIGINT

    def __del__(self):
        self.kill(self.here, self.signal)

late = Late()  # freed with the module, after the command
sys.exit(main())
"""


def test_a_command_that_is_done_keeps_its_exit_code(tmp_path: Path) -> None:
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", LATE, "hits", "--cache", "show"]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 log objects")


@pytest.mark.parametrize(
    ("after_s", "number"),
    sample(zip((0, 0.02, 0.07, 0.15, 0.3, 0.6, 1.0), SIGNALS * 3, strict=False), 3),
)
@pytest.mark.parametrize(
    "words",
    [
        ["hits", "LOG", "--by", "remote_ip"],
        ["leaks", "LOG", "--no-cache"],
        ["plot", "LOG", "-o", "OUT"],
    ],
    ids=lambda words: words[0],
)
def test_one_line_and_130(
    words: list[str], after_s: float, number: int, log: Path, tmp_path: Path
) -> None:
    out = tmp_path / "plot.svg"
    typed = [{"LOG": str(log), "OUT": str(out)}.get(word, word) for word in words]
    code, text = interrupted(typed, after_s, number, tmp_path)
    if code == 0:
        pytest.skip("the command was done before Ctrl-C was pressed")
    assert code == 130, text
    assert said(text) == ["Interrupted."]
    assert not out.exists() or out.read_text().endswith("</svg>\n")


def test_an_interrupted_query_leaves_the_store_usable() -> None:
    store = Store()
    _press_soon()
    with pytest.raises(KeyboardInterrupt):
        store.query("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b")
    assert store.query("SELECT 1") == [(1,)]
    store.close()


def test_an_interrupt_before_the_call_has_begun_still_ends_it() -> None:
    interrupt, ended = threading.Event(), threading.Event()

    def slow_to_begin() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.wait(60)
        interrupt.clear()  # as DuckDB forgets one
        assert interrupt.wait(60)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        run_interruptible(slow_to_begin, interrupt.set)
    until(ended.is_set)


def test_errors_and_results_come_through() -> None:
    assert run_interruptible(lambda: 7, lambda: None) == 7
    with pytest.raises(ValueError, match="mine"):
        run_interruptible(lambda: (_ for _ in ()).throw(ValueError("mine")), lambda: None)


def _press_soon() -> None:
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
