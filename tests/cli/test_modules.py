"""``python -m gt_secure`` and ``python -m gt_secure.cli`` are the command ``gt-secure``."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = ("gt_secure", "gt_secure.cli")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_answers_as_the_command(module: str) -> None:
    script = "import sys; from gt_secure.cli.main import main; sys.exit(main())"
    for arguments in ((), ("--version",), ("history", "--help")):
        wanted = run(sys.executable, "-c", script, *arguments)
        done = run(sys.executable, "-m", module, *arguments)
        assert (done.returncode, done.stdout) == (0, wanted.stdout)
        assert done.stdout
        assert "__main__" not in done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_exit_codes_get_out(module: str) -> None:
    done = run(sys.executable, "-m", module, "no-such-command")
    assert done.returncode == 64
    assert "no-such-command" in done.stderr
