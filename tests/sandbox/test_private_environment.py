"""The separate environment of the sandbox: made once, by uv or pip,
with errors that say what to type.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gt_secure.base.errors import GtSecureError, InvalidInput, MissingExtra
from gt_secure.sandbox import Sandbox, private_environment


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose interpreter has no emulator, with an empty folder for the environment."""
    monkeypatch.setenv("GT_SECURE_SANDBOX_ENV", str(tmp_path / "env"))
    monkeypatch.setattr(private_environment, "is_installed_here", lambda: False)
    return tmp_path / "env"


@pytest.fixture
def installing(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record the commands, and make an interpreter instead of an environment."""
    commands: list[list[str]] = []

    def run(command: list[str]) -> str:
        commands.append(list(command))
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.symlink_to(sys.executable)
        return ""

    monkeypatch.setattr(private_environment, "_run", run)
    return commands


def test_this_interpreter_is_used_where_it_has_the_emulator() -> None:
    assert private_environment.interpreter() == Path(sys.executable)
    assert private_environment.install() == Path(sys.executable)


def test_it_is_made_once(elsewhere: Path, installing: list[list[str]]) -> None:
    lines: list[str] = []
    assert private_environment.interpreter() is None
    python = private_environment.install(lines.append)
    assert python.exists()
    assert (private_environment.interpreter(), len(lines)) == (python, 1)
    made = list(installing)
    assert private_environment.install(lines.append) == python
    assert (installing, len(lines)) == (made, 1)
    assert elsewhere.stat().st_mode & 0o077 == 0
    assert [path.name for path in elsewhere.iterdir()] == [private_environment.folder().name]


def test_one_without_an_interpreter_is_made_again(
    elsewhere: Path, installing: list[list[str]]
) -> None:
    python = private_environment.install()
    python.unlink()
    python.symlink_to("/not-there")
    assert private_environment.interpreter() is None
    assert private_environment.install().exists()


@pytest.mark.parametrize("uv", [None, "/usr/bin/uv"])
def test_uv_is_used_where_it_is(
    elsewhere: Path, installing: list[list[str]], monkeypatch: pytest.MonkeyPatch, uv: str | None
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: uv)
    private_environment.install()
    assert [command[0] == uv for command in installing] == [uv is not None] * 2
    assert set(private_environment.REQUIREMENTS) < set(installing[-1])


def test_pip_is_tried_where_uv_reaches_no_index(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/uv")
    tried: list[str] = []

    def run(command: list[str]) -> str:
        tried.append(" ".join(command[:3]))
        if command[0].endswith("uv"):
            return "no index" if "pip" in command else ""
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
        return "Could not find a version" if "pip" in command else ""

    monkeypatch.setattr(private_environment, "_run", run)
    with pytest.raises(GtSecureError, match="Could not find a version") as caught:
        private_environment.install()
    assert len(tried) == 4
    assert "--no-index --find-links" in caught.value.next_step
    assert list(elsewhere.iterdir()) == [], "nothing half made is left"


def test_a_folder_that_cannot_be_written(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GT_SECURE_SANDBOX_ENV", str(tmp_path / "file"))
    with pytest.raises(GtSecureError, match="cannot be written") as caught:
        private_environment.install()
    assert "GT_SECURE_SANDBOX_ENV" in caught.value.next_step


def test_a_command_that_fails_is_named(tmp_path: Path) -> None:
    assert private_environment._run(
        [sys.executable, "-c", "raise SystemExit('no\\x1b[31m')"]
    ).startswith("no")
    assert "\x1b" not in private_environment._run(
        [sys.executable, "-c", "raise SystemExit('no\\x1b[31m')"]
    )
    assert private_environment._run([str(tmp_path / "none")]).endswith("No such file or directory")


def test_the_error_advises_what_changes_nothing_here(elsewhere: Path) -> None:
    error = private_environment.missing()
    assert isinstance(error, MissingExtra)
    assert "gt-secure sandbox install" in error.next_step
    assert "pip install" not in error.next_step


def test_an_interpreter_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        Sandbox(python=tmp_path / "none").start()
    assert caught.value.details["field"] == "python"


def test_another_interpreter_gets_this_package_and_none_of_our_packages(tmp_path: Path) -> None:
    """A program that stands for another interpreter prints what it was given."""
    seen = tmp_path / "seen"
    other = tmp_path / "other python"
    other.write_text(f'#!/bin/sh\nenv > "{seen}"; echo "$2" >> "{seen}"\n')
    other.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        patch.setenv("AWS_PROFILE", "mine")
        with pytest.raises(GtSecureError, match="did not start"):
            Sandbox(python=other).start()
    text = seen.read_text()
    assert "PYTHONPATH" not in text
    assert "AWS_" not in text
    assert text.splitlines()[-1] == str(private_environment.BOOTSTRAP)


def test_the_bootstrap_adds_no_folder_to_the_path() -> None:
    code = (
        "import sys; before = list(sys.path)\n"
        f"exec(open({str(private_environment.BOOTSTRAP)!r}).read().split('if __name__')[0],"
        f" {{'__file__': {str(private_environment.BOOTSTRAP)!r}, '__name__': 'b'}}); "
        "import gt_secure.sandbox\nassert sys.path == before\nprint(gt_secure.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
