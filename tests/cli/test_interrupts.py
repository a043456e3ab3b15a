"""Ctrl-C ends a command with one line and exit code 130, whatever it is doing."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gt_secure.logs.engines.duckdb_store import Store, run_interruptible
from support import corpus

START = (
    "import sys; from gt_secure.cli.main import main; sys.stderr.write('up\\n'); sys.stderr.flush(); sys.exit(main())"
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that takes a while: 60 MB."""
    path = tmp_path_factory.mktemp("log") / "log"
    line = corpus.write({**corpus.BASE, **corpus.PRESIGNED})
    lines = [line.replace("203.0.113.7", f"203.0.{n % 4}.{n % 250}").replace("0007", f"{n:04d}") for n in range(1000)]
    path.write_text("".join(f"{text}\n" for text in lines) * 90)
    return path


def interrupted(words: list[str], after_s: float, folder: Path) -> tuple[int, str, float]:
    """Run a command on a terminal and press Ctrl-C; return its exit code, its output, and how long it took to end."""
    person, terminal = pty.openpty()
    env = {**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    process = subprocess.Popen(
        [sys.executable, "-c", START, *words], stdin=terminal, stdout=subprocess.DEVNULL, stderr=terminal, env=env
    )
    os.close(terminal)
    written = b""
    while b"up" not in written:
        written += os.read(person, 4096)
    time.sleep(after_s)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    code = process.wait(30)
    took = time.monotonic() - pressed
    try:
        while data := os.read(person, 65536):
            written += data
    except OSError:  # the terminal's other side is closed
        pass
    os.close(person)
    return code, written.decode("utf-8", "replace").split("up", 1)[1], took


def said(text: str) -> list[str]:
    """The lines that stay on the terminal: without progress, which rewrites its line."""
    lines = [re.split(r"\r(?!\n)", line.rstrip("\r"))[-1].replace("\x1b[K", "") for line in text.split("\n")]
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


@pytest.mark.parametrize("after_s", [0.02, 0.07, 0.15, 0.3, 0.5, 0.8, 1.2])
@pytest.mark.parametrize(
    "words",
    [["hits", "LOG", "--by", "remote_ip"], ["leaks", "LOG", "--no-cache"], ["plot", "LOG", "-o", "OUT"]],
    ids=lambda words: words[0],
)
def test_one_line_and_130(words: list[str], after_s: float, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "plot.svg"
    typed = [{"LOG": str(log), "OUT": str(out)}.get(word, word) for word in words]
    code, text, _ = interrupted(typed, after_s, tmp_path)
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


def test_errors_and_results_come_through() -> None:
    assert run_interruptible(lambda: 7, lambda: None) == 7
    with pytest.raises(ValueError, match="mine"):
        run_interruptible(lambda: (_ for _ in ()).throw(ValueError("mine")), lambda: None)


def _press_soon() -> None:
    import threading

    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
