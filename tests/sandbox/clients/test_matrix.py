"""Clients that were not written here do what they do on AWS: the matrix of ``matrix.py``,
a row at a time.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from gt_secure.sandbox import Sandbox
from support.box import Box

pytestmark = pytest.mark.slow


def load(name: str) -> ModuleType:
    """Import a module of this folder, which is a script's and no package."""
    path = Path(__file__).with_name(f"{name}.py")
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


clients, matrix = load("clients"), load("matrix")
NEEDED = ("AWS CLI 1", "boto3", "JS SDK 3", "obstore", "rclone")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    with Sandbox(log_delay_s=60) as sandbox:
        made = matrix.Matrix(Box(sandbox), tmp_path_factory.mktemp("clients"))
        made.fill()
        yield made


@pytest.mark.parametrize("client", clients.CLIENTS, ids=lambda client: client.name)
def test_every_operation_of(client, filled) -> None:
    cells = filled.row(client)
    missing = next((cell for cell in cells.values() if cell.startswith("not installed")), None)
    if missing:
        pytest.skip(f"NOT TRIED: {client.name}, {missing}")
    assert {
        operation: cell for operation, cell in cells.items() if not cell.startswith(("ok", "-"))
    } == {}
    assert sum(cell.startswith("ok") for cell in cells.values()) >= 9


def test_the_clients_that_people_have_are_there() -> None:
    names = [client.name for client in clients.CLIENTS]
    assert set(NEEDED) <= set(names)
    assert len(names) == len(set(names))


def test_a_failure_is_seen(filled) -> None:
    """A client that does something else than it should is no ``ok``."""
    broken = clients.Client(
        "echo", lambda _: ["echo"], dict.fromkeys(matrix.OPERATIONS, lambda task: [task.key])
    )
    cells = filled.row(broken)
    assert [operation for operation, cell in cells.items() if cell.startswith("ok")] == []
