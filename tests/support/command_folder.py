"""A pytest plugin: the folder in which the command lines of
:mod:`support.command_lines` run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from gt_secure.cli.main import main
from gt_secure.sandbox import Sandbox
from support.command_lines import FIRST, names_of_lines, write_files


@pytest.fixture(scope="module")
def names(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Change into a folder with all files that the lines name, connected to a sandbox."""
    folder = tmp_path_factory.mktemp("lines")
    write_files(folder, dt.datetime.now(dt.UTC))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.environment().items():
            patch.setenv(name, value)
        patch.chdir(folder)
        assert main(FIRST.split()) == 0
        yield names_of_lines()
