"""The emulator is what the sandbox was written for, or the sandbox says so at its start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gt_secure.base.errors import Unsupported
from gt_secure.sandbox import emulator

SOURCES = sorted(Path(emulator.__file__).parent.rglob("*.py"))
ALIASES = {
    "s3": "services.s3",
    "iam": "services.iam",
    "ec2": "services.ec2",
    "service": "services.s3",
}


def used() -> set[tuple[str, str]]:
    """The private names of ministack that the sources import or ask a module for."""
    names = set()
    for path in SOURCES:
        text = path.read_text()
        for module, imported in re.findall(r"from ministack\.([\w.]+) import ([\w, ]+)", text):
            names |= {
                (module, name.strip())
                for name in imported.split(",")
                if name.strip().startswith("_")
            }
            for name in (each.strip() for each in imported.split(",")):
                full = f"{module}.{name}"
                names |= {
                    (full, each) for each in re.findall(rf"(?<![\w.]){name}\.(_[a-z]\w*)", text)
                }
    return names


def test_each_private_name_is_checked() -> None:
    assert used() == {
        (module, name) for module, names in emulator.PRIVATE.items() for name in names
    }


def test_an_emulator_without_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ministack")
    emulator._check_private()
    monkeypatch.setattr(emulator, "PRIVATE", {"services.s3": ("_renamed",)})
    with pytest.raises(Unsupported, match=r"no services\.s3\._renamed") as caught:
        emulator._check_private()
    assert "ministack==" in caught.value.next_step
