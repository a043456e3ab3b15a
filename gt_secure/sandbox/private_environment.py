"""A separate environment for the sandbox's packages: the emulator pins botocore, which boto3 needs
in another version.

The sandbox runs this package's code there, with that environment's packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from ..base.errors import GtSecureError, MissingExtra
from ..base.mask import redact
from ..base.text import printable

REQUIREMENTS = ("ministack==1.5.33", "boto3==1.43.106", "python-liquid==2.3.6")
"""Packages of the environment, with the boto3 that belongs to the pinned botocore."""
COMMAND = "gt-secure sandbox install"
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
"""Program that runs this package's sandbox with any interpreter."""
_EMULATOR = "ministack"
_EMULATOR_SETTINGS = (
    "AWS_",
    "LOCALSTACK_",
    "MINISTACK_",
    "EDGE_PORT",
    "SERVICES_CONFIG",
    "USE_SSL",
)
"""Beginnings of variables that an emulator reads, too."""
_TIMEOUT_S = 900
_COMPLETE = ".complete"


def folder() -> Path:
    """Return the folder of the environment: below ``GT_SECURE_SANDBOX_ENV``,
    else below ``~/.gt_secure/sandbox``.
    """
    named = os.environ.get("GT_SECURE_SANDBOX_ENV")
    base = Path(named).expanduser() if named else Path.home() / ".gt_secure" / "sandbox"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return (
        base / f"python{version}-{hashlib.sha256(' '.join(REQUIREMENTS).encode()).hexdigest()[:8]}"
    )


def is_installed_here() -> bool:
    """Return True if this interpreter has the emulator in the pinned version,
    and what renders templates.
    """
    try:
        metadata.version("python-liquid")
        return f"{_EMULATOR}=={metadata.version(_EMULATOR)}" in REQUIREMENTS
    except metadata.PackageNotFoundError:
        return False


def interpreter() -> Path | None:
    """Return the interpreter that can run a sandbox: this one,
    that of the separate environment, or None.
    """
    if is_installed_here():
        return Path(sys.executable)
    python = _python(folder())
    return python if (folder() / _COMPLETE).is_file() and python.exists() else None


def require() -> None:
    """Raise :class:`MissingExtra` if neither this interpreter nor the separate
    environment can run a sandbox.
    """
    if interpreter() is None:
        raise missing()


def missing() -> MissingExtra:
    """Return the error for a sandbox that is not installed."""
    return MissingExtra(
        f"The sandbox needs {REQUIREMENTS[0].replace('==', ' ')}, which is not installed here.",
        next_step=(
            f"Run: {COMMAND} (this creates a separate environment and leaves yours unchanged)"
        ),
    )


def install(progress: Callable[[str], None] | None = None) -> Path:
    """Make the separate environment if there is none that works, with uv if it is there, else with
    venv and pip.

    ``progress`` receives a line of text before the installation starts. Returns the interpreter
    that can run a sandbox, which is this one if it has the packages. Packages that cannot be
    installed are a :class:`GtSecureError`.
    """
    if (found := interpreter()) is not None:
        return found
    home = folder()
    if progress is not None:
        progress(f"Making an environment for the sandbox in {home} (once; about a minute)...")
    try:
        home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{home.name}.part-", dir=home.parent))
    except OSError as error:
        raise GtSecureError(
            f"{home.parent} cannot be written: {error.strerror}.",
            next_step="Name a folder that you can write to in GT_SECURE_SANDBOX_ENV.",
        ) from error
    try:
        _fill(part)
        (part / _COMPLETE).write_text("\n".join(REQUIREMENTS) + "\n", encoding="utf-8")
        _put(part, home)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return _python(home)


def _put(part: Path, home: Path) -> None:
    """Rename the finished environment; another process may have been faster,
    and a broken one makes room.
    """
    try:
        if not _python(home).exists():
            shutil.rmtree(home, ignore_errors=True)
        part.rename(home)
    except OSError:
        if not (home / _COMPLETE).is_file():
            raise


def _python(home: Path) -> Path:
    return home / ("Scripts" if os.name == "nt" else "bin") / "python"


def _fill(home: Path) -> None:
    """Install with uv, and with pip where uv is missing or reaches no index (it does not
    read pip's settings).
    """
    reason = ""
    for make, fill in _ways(home):
        shutil.rmtree(home, ignore_errors=True)
        reason = _run(make) or _run(fill)
        if not reason:
            return
    raise GtSecureError(
        f"The sandbox's packages could not be installed: {reason}",
        next_step=(
            "Without a package index, fill an environment from wheels and name its interpreter:"
            " python -m venv DIR; DIR/bin/pip install --no-index --find-links WHEELS"
            f' {" ".join(REQUIREMENTS)}; then gt_secure.demo(python="DIR/bin/python").'
        ),
    )


def _ways(home: Path) -> list[tuple[list[str], list[str]]]:
    python = str(_python(home))
    pip = (
        [sys.executable, "-m", "venv", str(home)],
        [python, "-m", "pip", "install", "--quiet", *REQUIREMENTS],
    )
    if (uv := shutil.which("uv")) is None:
        return [pip]
    make = [uv, "venv", "--quiet", "--python", sys.executable, str(home)]
    return [(make, [uv, "pip", "install", "--quiet", "--python", python, *REQUIREMENTS]), pip]


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{Path(command[0]).name} did not end within {_TIMEOUT_S} s"
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return printable(
        redact(lines[-1] if lines else f"{Path(command[0]).name} ended with {done.returncode}")
    )


def child_environment() -> dict[str, str]:
    """Return this environment without settings of AWS or its emulators,
    and without this interpreter's packages.
    """
    removed = (
        *_EMULATOR_SETTINGS,
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "VIRTUAL_ENV",
        "__PYVENV_LAUNCHER__",
    )
    return {name: value for name, value in os.environ.items() if not name.startswith(removed)}
