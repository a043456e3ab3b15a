"""Python processes that start warm: copies of one that has imported what commands and notebooks
use.

Most of what a command computes is importing boto3, its models of the AWS services and our own
modules, and most of what a kernel computes until its first cell is importing what notebooks import.
A copy has all that, and is a process like any other: with its own arguments, environment, folder,
streams and exit code. What a command imports by itself is the subject of ``cli/test_modules.py``,
whose processes start cold.

``Warm`` starts the process that is copied and makes a folder ``bin`` with programs that ask it for
copies.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import importlib
import importlib.metadata  # invalidate_caches imports it from Python 3.13 on
import json
import os
import pkgutil
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAMS = {
    "gt-secure": "gt_secure.cli",
    "pytest": "pytest",
    "papermill": "papermill",
    "ipython": "IPython",
}
"""Programs in the folder ``bin``, and the module that each runs;
``warm-python`` takes ``-m`` and ``-c``.
"""

PACKAGES = (
    "boto3", "botocore.session", "duckdb", "numpy", "matplotlib.pyplot", "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg", "ipywidgets", "anywidget", "ipykernel.kernelapp",
    "IPython.terminal.ipapp", "nbformat", "nbclient", "papermill", "jupyter_client", "pytest", "coverage",
    "obstore.store", "isal", "PIL.Image", "yaml", "pandas",
)  # fmt: skip
NOT_LOADED = (
    "gt_secure.pytest_plugin", "gt_secure.sandbox.server", "gt_secure.sandbox.emulator", "gt_secure.sandbox.gateway",
    "gt_secure.sandbox.portal", "gt_secure.sandbox.sagemaker", "gt_secure.sandbox.bootstrap", "gt_secure.sandbox.trail",
    "gt_secure.check.papermill_engine",
)  # fmt: skip
"""Modules that only the server of a sandbox, pytest and papermill import."""
SERVICES = (
    "s3",
    "sts",
    "sagemaker",
    "iam",
    "ec2",
    "organizations",
    "cloudtrail",
    "kms",
    "accessanalyzer",
)

_ASK = """\
import json, os, signal, socket, sys
ask = socket.socket(socket.AF_UNIX)
ask.connect({address!r})
signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
for number in signals:
    signal.signal(number, lambda number, frame: ask.send(bytes([number])))
socket.send_fds(ask, [b"."], [0, 1, 2])
job = json.dumps([{module!r}, sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
ask.sendall(len(job).to_bytes(8, "big") + job)
told = b""
while len(told) < 2 and (more := ask.recv(2)):
    told += more
code = int.from_bytes(told, "big", signed=True) if len(told) == 2 else 70
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Warm:
    """Programs and a kernel that ask a process for copies of itself.

    Parameters
    ----------
    folder : Path
        Has to be empty when ``serve`` is called.

    Attributes
    ----------
    bin : Path
        Folder for the front of ``PATH``.
    data : Path
        Folder for ``JUPYTER_PATH``: its kernel ``python3`` is a copy.
    """

    def __init__(self, folder: Path) -> None:
        self.bin, self.data = folder / "bin", folder / "data"
        self._address = folder / "asked"

    def serve(self) -> subprocess.Popen[bytes]:
        """Start the process that is copied. It imports when it is first asked,
        and ends with its standard input.
        """
        self.bin.mkdir(parents=True)
        for name, module in PROGRAMS.items():
            self._program(name, module)
        python = self._program("warm-python", "")
        kernel = self.data / "kernels" / "python3"
        kernel.mkdir(parents=True)
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        metadata = {"supported_encryption": ["curve"]}  # as ipykernel's own says
        spec = {
            "argv": argv,
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "metadata": metadata,
        }
        (kernel / "kernel.json").write_text(json.dumps(spec))
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PYTEST_"))
        }
        started = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), str(self._address)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=plain | {"MPLBACKEND": "agg"},
        )  # fmt: skip
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"
        return started

    def _program(self, name: str, module: str) -> Path:
        path = self.bin / name
        path.write_text(
            f"#!{sys.executable} -ISB\n" + _ASK.format(address=str(self._address), module=module)
        )
        path.chmod(0o755)
        return path

    def environment(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return an environment in which these programs and this kernel are found first."""
        env = dict(os.environ if given is None else given)
        env["PATH"] = os.pathsep.join(
            [str(self.bin), str(Path(sys.executable).parent), env.get("PATH", os.defpath)]
        )
        env["JUPYTER_PATH"] = os.pathsep.join(
            [str(self.data), *filter(None, [env.get("JUPYTER_PATH")])]
        )
        return env


def _warm_up() -> None:
    import aws_models  # beside this script
    import boto3

    for name in PACKAGES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in _own_modules():
        importlib.import_module(name)
    aws_models.reuse()

    session = boto3.Session("warm", "warm", region_name="us-east-1")
    for service in SERVICES:
        session.client(service)


def _own_modules() -> list[str]:
    """Return the modules of this repository that commands and notebooks use,
    except those that pytest rewrites.
    """
    import gt_secure

    found = [each.name for each in pkgutil.walk_packages(gt_secure.__path__, "gt_secure.")]
    return [
        name for name in found if not name.endswith("__main__") and not name.startswith(NOT_LOADED)
    ]


class _Copies:
    """The processes that were asked for, who asked, and for which test;
    the file ``costs`` gets what each computed.
    """

    def __init__(self, address: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
        self._warm = False
        self._asked: dict[int, tuple[socket.socket, str]] = {}
        self._costs = Path(address).with_name("costs")
        self._select = selectors.DefaultSelector()
        self._select.register(self._listener, selectors.EVENT_READ)
        self._select.register(sys.stdin.buffer, selectors.EVENT_READ)
        woken, self._wake = socket.socketpair()
        woken.setblocking(False)
        self._wake.setblocking(False)
        self._woken = woken
        self._select.register(woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def next_job(self) -> list[Any] | None:
        """Serve until the end, in the first process; in a copy, return what it is to run."""
        while True:
            for key, _ in self._select.select():
                if key.fileobj is self._listener:
                    if (job := self._copy()) is not None:
                        return job
                elif key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._reap()
                elif key.fileobj is sys.stdin.buffer:
                    for pid in self._asked:
                        os.kill(pid, signal.SIGKILL)
                    return None
                else:
                    self._signals(key.data, key.fileobj)

    def _copy(self) -> list[Any] | None:
        asking, _ = self._listener.accept()
        try:
            _, streams, _, _ = socket.recv_fds(asking, 1, 3)
            size = int.from_bytes(_exactly(asking, 8), "big")
            job = json.loads(_exactly(asking, size))
        except (OSError, EOFError):  # who asked was ended at that moment
            asking.close()
            return None
        if not self._warm:
            _warm_up()
            gc.freeze()
            self._warm = True
        pid = os.fork()
        if pid == 0:
            # Folders that imports made are the original's: matplotlib makes one if the home folder
            # is read-only.
            atexit.unregister(shutil.rmtree)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            self._select.close()
            for one in (
                asking,
                self._listener,
                self._woken,
                self._wake,
                *(other for other, _ in self._asked.values()),
            ):
                one.close()
        for stream in streams:
            os.close(stream)
        if pid == 0:
            # The copy is a process of its own, not a child of a notebook's kernel.
            ledger = sys.modules.get("gt_secure.check.ledger")  # not in earlier versions
            if ledger is not None:
                ledger._PROCESS = os.getpid()  # type: ignore[attr-defined]
            return list(job)
        running = Path(job[2].get("GT_SECURE_TESTS_RUNNING", os.devnull))
        self._asked[pid] = asking, running.read_text(encoding="utf-8") if running.exists() else ""
        self._select.register(asking, selectors.EVENT_READ, pid)
        return None

    def _signals(self, pid: int, asking: socket.socket) -> None:
        """Pass on what was sent to the process that asked; where it was killed, so is the copy."""
        try:
            numbers = asking.recv(64)
        except OSError:
            numbers = b""
        if not numbers:
            self._select.unregister(asking)
        for number in numbers or [signal.SIGKILL]:
            if pid in self._asked:
                os.kill(pid, number)

    def _reap(self) -> None:
        while self._asked:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            asking, test = self._asked.pop(pid)
            with self._costs.open("a", encoding="utf-8") as file:
                file.write(f"{usage.ru_utime + usage.ru_stime:.4f}\t{test}\n")
            with contextlib.suppress(KeyError):
                self._select.unregister(asking)
            with contextlib.suppress(OSError):
                asking.sendall(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))
            asking.close()


def _exactly(asking: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        if not (more := asking.recv(size - len(found))):
            raise EOFError
        found += more
    return found


_PATH = [
    part for part in sys.path[1:] if part not in os.environ.get("PYTHONPATH", "").split(os.pathsep)
]
"""The part of the path that the interpreter itself set."""


def _become(module: str, arguments: list[str], environment: dict[str, str], folder: str) -> str:
    """Take over arguments, environment, folder and streams, as a new interpreter would;
    returns the module to run.
    """
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    if not module:
        arguments = arguments[1:] if arguments[0] == "-u" else arguments
        module, arguments = (
            (arguments[1], arguments[2:]) if arguments[0] == "-m" else ("-c", arguments[1:])
        )
    if module == "ipykernel_launcher":
        environment.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        _open_ledger()
    if "MPLBACKEND" in environment:
        import matplotlib

        matplotlib.rcParams["backend"] = environment["MPLBACKEND"]
    named = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:] = [*([] if module == "gt_secure.cli" else [folder]), *named, *_PATH]
    importlib.invalidate_caches()
    sys.argv[:] = [module, *arguments]
    unbuffered = bool(environment.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        text = open(  # noqa: SIM115 - for as long as the process lives
            number, "r" if not number else "w", buffering=1 if number == 2 or os.isatty(number) else -1,
            encoding="utf-8", errors="backslashreplace" if number == 2 else "strict", closefd=False,
        )  # fmt: skip
        if number and unbuffered:
            text.reconfigure(write_through=True)
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return module


def _open_ledger() -> None:
    """Let a kernel make the file of its ledger when it starts: its import of the package, which
    does so in a cold one, is over.
    """
    from ipykernel.ipkernel import IPythonKernel

    start = IPythonKernel.start

    def started(kernel: IPythonKernel) -> None:
        start(kernel)
        ledger = sys.modules.get("gt_secure.check.ledger")
        if ledger is not None:
            ledger.open_file()

    IPythonKernel.start = started  # type: ignore[method-assign]


def main() -> None:
    copies = _Copies(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    job = copies.next_job()
    if job is not None:
        _run(_become(*job))


def _run(module: str) -> None:
    """Run a module and end as an interpreter does, except that modules are not torn down:
    that costs a second.
    """
    code: Any = 0
    try:
        if module == "-c":
            exec(sys.argv.pop(1), {"__name__": "__main__", "__builtins__": builtins})
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        code = error.code
    except KeyboardInterrupt:
        code = -signal.SIGINT
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code or 0)


if __name__ == "__main__":
    main()
